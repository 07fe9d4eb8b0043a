"""The settings of the readout head, and its password, with which a reader sets the clock.

    setting "readout"            1 while the head answers, else 0; then the device address as text, if one was set
    setting "readout_password"   salt, check value
    settings "wrong_readouts", "wrong_readout_s"    see `attempts`

The attempts are counted apart from those at the PIN: a stranger at the window must not keep a technician from the
console.
"""

from wattpurse.core import carrier
from wattpurse.core.records import events
from wattpurse.core.seals.cmac import cmac, equal
from wattpurse.services.attempts import Attempts
from wattpurse.services.console.login import SALT_SIZE

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.app import Meter
    from wattpurse.core.records.settings import Settings

PASSWORD_SHORTEST = 8
PASSWORD_LONGEST = 16

# Results of an attempt.
RIGHT = 0
WRONG = 1
TOO_SOON = 2
NOT_SET = 3

_ON = b"\x01"
_OFF = b"\x00"
_PURPOSE = b"readout password"


def is_on(settings: "Settings") -> bool:
    """Return True while the head answers."""
    return settings.get("readout", _OFF)[:1] == _ON


def address_set(settings: "Settings") -> str:
    """Return the device address that was set, or ""."""
    return str(settings.get("readout", _OFF)[1:], "ascii")


def set_head(settings: "Settings", answers: bool, address: str) -> None:
    """Switch the head on or off and set its device address, "" for the number of the meter. Durable on return."""
    settings.set("readout", (_ON if answers else _OFF) + address.encode())


class ReadoutPassword:
    """The password of the readout head of `meter`."""

    def __init__(self, meter: "Meter") -> None:
        self._meter = meter
        clock = meter.board.clock
        self._attempts = Attempts(meter.settings, meter.timekeeper, clock, "wrong_readouts", "wrong_readout_s")

    @property
    def is_set(self) -> bool:
        """True once a password was set."""
        return bool(self._meter.settings.get("readout_password"))

    def set(self, password: str) -> None:
        """Replace the password. Earlier attempts still count."""
        salt = self._meter.board.random_bytes(SALT_SIZE)
        self._meter.settings.set("readout_password", salt + self._check(salt, password.encode()))

    async def attempt(self, password: bytes) -> int:
        """Return RIGHT, WRONG, TOO_SOON or NOT_SET. Raises OSError if flash takes no record of it."""
        meter = self._meter
        if not self.is_set:
            return NOT_SET
        if self._attempts.wait_s() > 0:
            return TOO_SOON
        now_s = meter.timekeeper.now_s()
        if not await self._attempts.make(lambda: self._is_right(password)):
            meter.events.note(events.READOUT_REFUSED, carrier.READOUT, now_s)
            return WRONG
        await meter.board.clock.sleep_ms(0)
        meter.events.note(events.LOGIN, carrier.READOUT, now_s)
        return RIGHT

    def _is_right(self, password: bytes) -> bool:
        kept = self._meter.settings.get("readout_password")
        return equal(self._check(kept[:SALT_SIZE], password), kept[SALT_SIZE:])

    def _check(self, salt: bytes, password: bytes) -> bytes:
        return cmac(self._meter.board.aes, salt, _PURPOSE + password)
