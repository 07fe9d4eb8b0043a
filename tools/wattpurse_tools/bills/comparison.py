"""Several tariffs for the same load: the charge of each in each month, and which is the cheapest."""

from collections.abc import Iterable
from dataclasses import dataclass

from wattpurse.core.currency import Currency
from wattpurse_tools.tariffs.bill import Bill


@dataclass(frozen=True)
class Comparison:
    """The charges of several tariffs, in their order.

    names: of the tariffs. months: (month index, the charges in micro-units). totals: the sums of the months.
    """

    currency: Currency
    names: list[str]
    months: list[tuple[int, list[int]]]
    totals: list[int]

    @property
    def cheapest(self) -> list[str]:
        """The tariffs with the lowest total."""
        return cheapest_of(self.names, self.totals)


def compare(bills: Iterable[tuple[str, Bill]]) -> Comparison:
    """Return the comparison of bills of one load. Raise ValueError if their currencies differ."""
    named = list(bills)
    currencies = sorted({made.currency.code for _, made in named})
    if len(currencies) > 1:
        raise ValueError(f"tariffs in {' and '.join(currencies)} cannot be compared")
    indices = sorted({index for _, made in named for index in made.months})
    months = [(index, [_charge(made, index) for _, made in named]) for index in indices]
    totals = [made.total.charge_microunits for _, made in named]
    return Comparison(named[0][1].currency, [name for name, _ in named], months, totals)


def cheapest_of(names: list[str], charges: list[int]) -> list[str]:
    """Return the names of the lowest charges."""
    lowest = min(charges)
    return [name for name, charge in zip(names, charges, strict=True) if charge == lowest]


def _charge(made: Bill, index: int) -> int:
    month = made.months.get(index)
    return 0 if month is None else month.charge_microunits
