"""The sizes of an office that is measured."""

from dataclasses import dataclass

SHOPS = 20


@dataclass(frozen=True)
class Size:
    """The size of an office: `customers` with a meter each, and `tokens`, all of them sold. Both are whole in shops."""

    customers: int
    tokens: int

    @property
    def each(self) -> int:
        """The tokens of each customer."""
        return self.tokens // self.customers
