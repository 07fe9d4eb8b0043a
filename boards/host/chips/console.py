"""The serial line of the service console, with both ends: the meter's stream and the technician's terminal."""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import TaskClock


_LONGEST_WAIT_MS = 3_600_000


class ConsoleModel:
    """Keeps typed lines until the meter reads them, and the meter's output until `take_output`.

    `takes_interrupt` is True while a Ctrl-C would end the program.

    `is_waiting` is True while the meter has answered everything and waits for the next line.
    """

    def __init__(self, clock: "TaskClock") -> None:
        self.is_waiting = False
        self.takes_interrupt = True
        self._clock = clock
        self._lines: list[str] = []
        self._output = []
        self._typed = clock.signal()

    def type_line(self, line: str) -> None:
        """Type a line at the terminal, given without its line end."""
        self._lines.append(line)
        self._typed.fire()

    @property
    def has_typed(self) -> bool:
        """True if the meter has not read every typed line yet."""
        return bool(self._lines)

    def take_output(self) -> str:
        """Return the meter's output since the last call."""
        output = "".join(self._output)
        self._output = []
        return output

    def board_started(self) -> None:
        """Start anew with the board: typed lines that were not read are lost."""
        self.is_waiting = False
        self.takes_interrupt = True
        self._lines = []
        self._typed = self._clock.signal()

    async def read_line(self, limit: int) -> str | None:
        """Return the next line, or None for a line of more than `limit` characters."""
        while not self._lines:
            self.is_waiting = True
            self._typed.clear()
            await self._typed.wait_ms(_LONGEST_WAIT_MS)
        self.is_waiting = False
        line = self._lines.pop(0)
        return line if len(line) <= limit else None

    def write(self, text: str) -> None:
        """Write text to the terminal."""
        self._output.append(text)

    def allow_interrupt(self, is_allowed: bool) -> None:
        """Let a Ctrl-C end the program, or not."""
        self.takes_interrupt = is_allowed

    async def make_room(self) -> None:
        """Let other tasks run. The terminal takes all output at once."""
        await self._clock.sleep_ms(0)
