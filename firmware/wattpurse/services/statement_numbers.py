"""The numbers of the statements that a link seals. None comes twice under the same keys, also after a power cut.

The setting holds a number behind all that may have been used. A block of numbers is reserved by one write, so most
statements cost no write. A start leaves the rest of its block out.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.records.settings import Settings

BLOCK = 64


class StatementNumbers:
    """The numbers of one link, whose reserve is the setting `name`."""

    def __init__(self, settings: "Settings", name: str) -> None:
        self._settings = settings
        self._name = name
        self._next = self._end = 0

    def take(self) -> int:
        """Return the next number. Raise OSError, with nothing taken, if the flash refuses to reserve more."""
        if self._next == self._end:
            first = self._settings.get(self._name, 0)
            self._settings.set(self._name, first + BLOCK)
            self._next, self._end = first, first + BLOCK
        number = self._next
        self._next += 1
        return number
