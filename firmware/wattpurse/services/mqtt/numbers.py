"""Numbers of the statements at the broker: each is used once under the meter's keys, for ever.

A restart must not seal a number again, and a statement must not cost a write to flash. Numbers are reserved in blocks.
The settings have the end of the block, and a start continues there.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.records.settings import Settings

BLOCK = 256


class Numbers:
    """Counts in blocks that `settings` reserve."""

    def __init__(self, settings: "Settings") -> None:
        self._settings = settings
        self._next = self._end = settings.get("mqtt_numbers", 0)

    def take(self) -> int:
        """Return a number that was never returned before. Raise OSError if no block can be reserved."""
        if self._next >= self._end:
            self._settings.set("mqtt_numbers", self._next + BLOCK)
            self._end = self._next + BLOCK
        self._next += 1
        return self._next - 1
