"""The serial line of the service console, seen from both ends: the meter's stream and the technician's terminal."""

_LONGEST_WAIT_MS = 3_600_000


class ConsoleModel:
    """What is typed waits here until the meter reads it; what the meter writes waits until it is taken.

    `is_waiting` tells that the meter has answered everything and waits for the next line.
    """

    def __init__(self, clock) -> None:
        self.is_waiting = False
        self._clock = clock
        self._lines = []
        self._output = []
        self._typed = clock.signal()

    def type_line(self, line: str) -> None:
        """A line typed at the terminal, without its end."""
        self._lines.append(line)
        self._typed.fire()

    @property
    def has_typed(self) -> bool:
        """Something was typed that the meter has not read yet."""
        return bool(self._lines)

    def take_output(self) -> str:
        """What the meter has written since the last call."""
        output = "".join(self._output)
        self._output = []
        return output

    def board_started(self) -> None:
        """The board starts anew: what was typed before is lost."""
        self.is_waiting = False
        self._lines = []
        self._typed = self._clock.signal()

    async def read_line(self, limit: int) -> str | None:
        """The next line, or None for one of more than `limit` characters."""
        while not self._lines:
            self.is_waiting = True
            self._typed.clear()
            await self._typed.wait_ms(_LONGEST_WAIT_MS)
        self.is_waiting = False
        line = self._lines.pop(0)
        return line if len(line) <= limit else None

    def write(self, text: str) -> None:
        """Text to the terminal."""
        self._output.append(text)

    async def make_room(self) -> None:
        """The terminal takes everything at once; others run meanwhile."""
        await self._clock.sleep_ms(0)
