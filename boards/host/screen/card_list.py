"""The cards of a folder as a person chooses them: by the keys 1 to 9, page by page."""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.cards.folder import CardFolder


PAGE_SIZE = 9


class CardList:
    """The names of the cards in `folder`, nine to a page.

    The card `own` is always the first of the list, then come the cards whose files were written last. The order stays
    while the session lasts, so that a key keeps its card; only a new card comes before the older ones.
    """

    def __init__(self, folder: "CardFolder", own: str) -> None:
        self.page = 0
        self._folder = folder
        self._own = own
        self._order: list[str] = []
        self.update()

    def update(self) -> None:
        """Read the folder anew."""
        names = self._folder.names()
        known = [name for name in self._order if name in names]
        fresh = [name for name in names if name not in known]
        fresh.sort(key=lambda name: -self._folder.written_s(name))
        order = fresh + known
        if self._own in order:
            order.remove(self._own)
            order.insert(0, self._own)
        self._order = order
        self.page = min(self.page, self.pages - 1)

    @property
    def pages(self) -> int:
        """The number of pages, at least 1."""
        return max(1, (len(self._order) + PAGE_SIZE - 1) // PAGE_SIZE)

    def turn(self, pages: int) -> None:
        """Turn to a later page, or an earlier one if `pages` is negative. The first follows the last."""
        self.page = (self.page + pages) % self.pages

    def names(self) -> list:
        """Return the names on the present page."""
        return self._order[self.page * PAGE_SIZE : (self.page + 1) * PAGE_SIZE]
