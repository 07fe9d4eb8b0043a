"""The room reader at the console: its pairing, and the state of its line.

Pairing gives the board a new key over the line, in clear: pair where nobody else is at the line. Each change is
durable, then noted in the event log as SETTING_CHANGED: 1 paired, 0 given up.
"""

from wattpurse.cards.mfrc522 import ReaderError
from wattpurse.core import carrier
from wattpurse.core.records import events
from wattpurse.core.seals.wire_seal import KEY_SIZE
from wattpurse.services.console.commands import TECHNICIAN
from wattpurse.services.room import SETTING, Room

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.app import Meter

NO_LINE = "this board has no line to a room reader: see docs/room-reader.md"


def commands_of(meter: "Meter") -> tuple:
    """Return the commands that change the reader, for the console of a meter whose image has this module."""
    return (
        ("reader room", "", "pair the room reader on the line and use it", TECHNICIAN, lambda _: use_room(meter)),
        ("reader own", "", "use the meter's own reader", TECHNICIAN, lambda _: use_own(meter)),
    )


def facts_of(meter: "Meter") -> dict:
    """Return the identity of the paired board, and the state of the line."""
    room = meter.room
    paired = meter.settings.get(SETTING, b"")
    return {
        "reader": "room" if paired else "own",
        "board": paired[:-KEY_SIZE].hex(),
        "sessions": 0 if room is None else room.link.sessions,
        "repeats": 0 if room is None else room.wire.repeats,
        "trouble": "" if room is None else room.link.trouble,
    }


def rows_of(facts: dict) -> list:
    """Return the facts as rows."""
    if facts["reader"] == "own":
        return [("card reader", "the meter's own")]
    return [
        ("card reader", "in the room"),
        ("its board", facts["board"]),
        ("sessions begun", str(facts["sessions"])),
        ("requests repeated", str(facts["repeats"])),
        ("trouble", facts["trouble"] or "none"),
    ]


async def use_room(meter: "Meter") -> str:
    """Pair the board on the line and use it from now on. Raises ValueError with the reason."""
    _refuse_blank(meter)
    identity = await _paired(meter)
    meter.use_room()
    _note(meter, 1)
    return f"paired with the room reader {identity.hex()}, which is in use from now on"


def use_own(meter: "Meter") -> str:
    """Use the meter's own reader from the next start on."""
    _refuse_blank(meter)
    meter.settings.set(SETTING, b"")
    _note(meter, 0)
    return "the meter uses its own reader; type 'reboot' to start it"


async def _paired(meter: "Meter") -> bytes:
    room = meter.room
    if room is None:
        line = meter.board.build_room_line()
        if line is None:
            raise ValueError(NO_LINE)
        room = Room(meter, line)
    try:
        identity = await room.pair()
    except ReaderError as error:
        raise ValueError(str(error)) from None
    meter.room = room
    return identity


def _refuse_blank(meter: "Meter") -> None:
    if not meter.settings.opened:
        raise ValueError("commission the meter first: the pairing is kept in its settings")


def _note(meter: "Meter", number: int) -> None:
    meter.events.note(events.SETTING_CHANGED, carrier.CONSOLE, meter.timekeeper.now_s(), number)
