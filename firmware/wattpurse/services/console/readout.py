"""The readout head at the console: on or off, its device address, and the password with which a reader sets the clock.

Each change is durable, then noted in the event log as READOUT_SET: 1 on, 2 off, 3 address, 4 password.
"""

from wattpurse.core import carrier
from wattpurse.core.messages.readout import ADDRESS_LIMIT
from wattpurse.core.records import events
from wattpurse.services import readout_password as access
from wattpurse.services.console import arguments as read

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.app import Meter

NO_PORT = "this board has no free pins for a readout head, or a metering chip has them: see docs/readout.md"

_ON = 1
_OFF = 2
_ADDRESS = 3
_PASSWORD = 4
_OF_NUMBER = "number"


def facts_of(meter: "Meter") -> dict:
    """Return whether the head answers, its device address, and whether a password is set."""
    settings = meter.settings
    address = access.address_set(settings)
    return {
        "on": access.is_on(settings),
        "address": address or str(settings.get("meter_number", 0)),
        "address_is_number": not address,
        "password_set": access.ReadoutPassword(meter).is_set,
    }


def rows_of(facts: dict) -> list:
    """Return the facts as rows."""
    return [
        ("readout head", "on" if facts["on"] else "off"),
        ("device address", facts["address"] + (", the number of the meter" if facts["address_is_number"] else "")),
        ("password", "set" if facts["password_set"] else "none, so that no reader sets the clock"),
    ]


def switch(meter: "Meter", answers: bool) -> str:
    """Switch the head on or off."""
    _refuse_blank(meter)
    settings = meter.settings
    was_on = access.is_on(settings)
    if answers and not was_on and meter.board.build_readout_port() is None:
        raise ValueError(NO_PORT)
    if was_on == answers:
        return "the readout head is " + ("on" if answers else "off") + " already"
    access.set_head(settings, answers, access.address_set(settings))
    _note(meter, _ON if answers else _OFF)
    if answers:
        return "the readout head is on; type 'reboot' to start it"
    return "the readout head is off"


def set_address(meter: "Meter", arguments: list) -> str:
    """Set the device address, or make it the number of the meter again."""
    read.expect(arguments, "readout address ADDRESS, or 'number' for the number of the meter", 1)
    _refuse_blank(meter)
    address = "" if arguments[0] == _OF_NUMBER else arguments[0]
    if len(address) > ADDRESS_LIMIT or not _is_plain(address):
        raise ValueError(f"a device address has up to {ADDRESS_LIMIT} digits and letters")
    access.set_head(meter.settings, access.is_on(meter.settings), address)
    _note(meter, _ADDRESS)
    return "the device address is " + facts_of(meter)["address"]


def set_password(meter: "Meter", arguments: list) -> str:
    """Set the password of the head."""
    read.expect(arguments, "readout password PASSWORD", 1)
    _refuse_blank(meter)
    password = arguments[0]
    if not access.PASSWORD_SHORTEST <= len(password) <= access.PASSWORD_LONGEST or not _is_plain(password):
        raise ValueError(f"the password has {access.PASSWORD_SHORTEST} to {access.PASSWORD_LONGEST} digits and letters")
    access.ReadoutPassword(meter).set(password)
    _note(meter, _PASSWORD)
    return "the password of the readout head is set; a reader with it sets the clock as far as the PIN does"


def _refuse_blank(meter: "Meter") -> None:
    if not meter.settings.opened or meter.settings.get("meter_number") is None:
        raise ValueError("commission the meter first: its settings keep this")


def _is_plain(text: str) -> bool:
    return all("0" <= one <= "9" or "A" <= one <= "Z" or "a" <= one <= "z" for one in text)


def _note(meter: "Meter", number: int) -> None:
    meter.events.note(events.READOUT_SET, carrier.CONSOLE, meter.timekeeper.now_s(), number)
