"""The room reader of a meter: its line, and its devices in place of the meter's own.

`take_over` gives them to display and card desk, which do not know the difference. A lost line is a lost reader and
a lost display, with the events and rules of both: see docs/room-reader.md.
"""

from wattpurse.cards.reader_link import ReaderLink
from wattpurse.cards.room_link import RoomLink
from wattpurse.cards.room_reader import RoomReader
from wattpurse.core.seals.wire_seal import KEY_SIZE
from wattpurse.drivers.room_panel import Panel, RoomButton, RoomBuzzer, RoomDisplay

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.app import Meter
    from wattpurse.hal import RoomLine

SETTING = "room_reader"
# A line that was mended is noticed within so much.
LONGEST_PAUSE_MS = 2_000

_BRIGHTNESS = 4
_NONCE_BYTES = 4


class Room:
    """The room reader of `meter` on `line`. The setting has the board's identity, and the pairing key behind it."""

    def __init__(self, meter: "Meter", line: "RoomLine") -> None:
        board = meter.board
        self._meter = meter
        paired = meter.settings.get(SETTING, b"")
        self.wire = ReaderLink(line, board.clock, lambda: int.from_bytes(board.random_bytes(_NONCE_BYTES), "big"))
        self.link = RoomLink(
            self.wire, board.clock, board.aes, board.random_bytes, paired[:-KEY_SIZE], paired[-KEY_SIZE:]
        )
        self.reader = RoomReader(self.link)
        self.panel = Panel(self.link, self.reader, board.clock)
        self.link.on_press = self.panel.take_press

    def take_over(self) -> None:
        """Give the devices in the room to the meter's services."""
        meter, panel = self._meter, self.panel
        own = meter.board.display
        display = RoomDisplay(panel, own.digit_order)
        display.set_half_period(own.half_period_us)
        display.brightness(meter.settings.get("brightness", _BRIGHTNESS))
        button, buzzer = RoomButton(panel, meter.board.clock), RoomBuzzer(panel)
        # These have the calls of the drivers that the services use, and no others.
        meter.display.use(display, button, buzzer)  # pyright: ignore[reportArgumentType]
        meter.card_desk.use(self.reader, LONGEST_PAUSE_MS)  # pyright: ignore[reportArgumentType]

    async def pair(self) -> bytes:
        """Pair the board on the line, and keep the pairing. Return its identity. Raises ReaderError with the reason."""
        key = bytes(self._meter.board.random_bytes(KEY_SIZE))
        identity = await self.link.pair(key)
        self._meter.settings.set(SETTING, identity + key)
        return identity
