"""A board that is a reader and nothing else: it serves its line, feeds its watchdog, and shows its state on an LED.

    dark, with a flash every two seconds     it waits for a computer or a meter
    lit                                      a session has begun; it goes dark for a moment with each answer
    blinking quickly                         the reader chip does not answer: look at its wires

The watchdog bounds every request: a board that hangs starts anew and knows no session then.
"""

from wattpurse.core.messages.reader_session import Answerer
from wattpurse.services.reader_server import ReaderServer

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.cards.mfrc522 import Mfrc522
    from wattpurse.cards.reader_link import Line
    from wattpurse.hal import Clock, Pin, Watchdog

TURN_MS = 100
_SILENCE_TURNS = 600  # the session's owner has gone, or its computer sleeps
_FLASH_TURNS = 20
_BLINK_TURNS = 2


class ReaderBoard:
    """Serves `reader` at `line`. `role` and `identity` are those of the board in its answer to HELLO."""

    def __init__(
        self,
        line: "Line",
        reader: "Mfrc522",
        clock: "Clock",
        watchdog: "Watchdog",
        led: "Pin",
        role: int,
        identity: bytes,
    ) -> None:
        self.answerer = Answerer(role, identity)
        self.server = ReaderServer(line, reader, clock, self.answerer, watchdog.feed)
        self._watchdog = watchdog
        self._led = led
        self._turn = 0
        self._silent_turns = _SILENCE_TURNS

    async def run(self) -> None:
        """Serve for ever. Raises OSError if the line is gone."""
        while True:
            await self.turn()

    async def turn(self) -> None:
        """Serve the requests of a tenth of a second, and show the state."""
        self._watchdog.feed()
        answered = self.server.answered
        await self.server.serve(TURN_MS)
        self._turn += 1
        if self.server.answered != answered:
            self._silent_turns = 0
            self._led(0)
        else:
            self._silent_turns = min(self._silent_turns + 1, _SILENCE_TURNS)
            self._led(self._light())

    def _light(self) -> int:
        if self.server.is_reader_lost:
            return self._turn // _BLINK_TURNS & 1
        if not self.answerer.sessions or self._silent_turns >= _SILENCE_TURNS:
            return int(self._turn % _FLASH_TURNS == 0)
        return 1
