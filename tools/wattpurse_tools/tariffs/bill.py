"""Bills by the meter's own rules: an account of the meter consumes a load curve, and each charge is recorded.

The energy of an interval counts as spread evenly over it. If a rate, a day or a tariff changes inside an interval, the
energy is shared out in whole mWh. The cumulative share is rounded down, as core/money/ledger.py shares out the pulses
of a late reading. Changes at the same second follow the ledger's order: the tariff, then the day, then the rate.

A bill charges all local days that the load touches, the first one included. (A meter does not charge the day on which
it is installed.) A tax is charged on energy and on standing charge. A bill has no debts and no debt recovery.

Charges are whole micro-units. The meter carries the fraction of a micro-unit from charge to charge; a bill carries it
from line to line. Therefore each line is its energy times its price to within a micro-unit, the lines of a month add
up to the meter's charge in that month, and the months to its whole charge.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from wattpurse.core.currency import Currency
from wattpurse.core.money.account import CHARGE_PARTS, Account
from wattpurse.core.money.contract import Contract, PrepaidMoney
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools.tariffs.load_curve import LoadCurve


@dataclass(slots=True)
class EnergyLine:
    """Energy at one price.

    exact_charge: in parts of a micro-unit, CHARGE_PARTS to one. charge_microunits: in whole micro-units.
    """

    rate_name: str
    price_microunits_per_kwh: int
    energy_mwh: int = 0
    exact_charge: int = 0
    charge_microunits: int = 0


@dataclass(slots=True)
class StandingLine:
    """Days at one standing charge. The charges are as in EnergyLine."""

    price_microunits_per_day: int
    days: int = 0
    exact_charge: int = 0
    charge_microunits: int = 0


@dataclass(slots=True)
class Charges:
    """All charges of a period: a local month, or the whole load.

    energy: lines by (tariff version, rate, block). Blocks are as in `Tariff.price`: ALLOWANCE_BLOCK for free energy.
    standing: lines by tariff version.
    """

    energy: dict[tuple[int, int, int], EnergyLine] = field(default_factory=dict)
    standing: dict[int, StandingLine] = field(default_factory=dict)

    @property
    def energy_mwh(self) -> int:
        """The energy of all lines."""
        return sum(line.energy_mwh for line in self.energy.values())

    @property
    def charge_microunits(self) -> int:
        """The charge of all lines, standing charge included."""
        return sum(line.charge_microunits for line in (*self.energy.values(), *self.standing.values()))

    def settle(self, carried: int) -> int:
        """Round the exact charges to whole micro-units, line by line, and return the fraction that is left.

        carried: the fraction that is left from the period before.
        """
        energy_lines = [self.energy[key] for key in sorted(self.energy)]
        standing_lines = [self.standing[version] for version in sorted(self.standing)]
        for line in (*energy_lines, *standing_lines):
            line.charge_microunits, carried = divmod(carried + line.exact_charge, CHARGE_PARTS)
        return carried

    def add(self, other: "Charges") -> None:
        """Add all lines of another period that is settled."""
        for key, line in other.energy.items():
            mine = self.energy.setdefault(key, EnergyLine(line.rate_name, line.price_microunits_per_kwh))
            mine.energy_mwh += line.energy_mwh
            mine.exact_charge += line.exact_charge
            mine.charge_microunits += line.charge_microunits
        for version, line in other.standing.items():
            mine = self.standing.setdefault(version, StandingLine(line.price_microunits_per_day))
            mine.days += line.days
            mine.exact_charge += line.exact_charge
            mine.charge_microunits += line.charge_microunits


@dataclass(slots=True)
class Bill:
    """The charges of a load. Prices are without tax, charges with it.

    months: by month index (year * 12 + month - 1), ascending. total: the sum of the months.
    """

    currency: Currency
    months: dict[int, Charges]
    total: Charges
    tax_permyriad: int = 0


def calculate(
    tariffs: list[Tariff],
    load: LoadCurve | Iterable[LoadCurve],
    contract: type[Contract] = PrepaidMoney,
    tax_permyriad: int = 0,
) -> Bill:
    """Return the bill of a load: one curve, or curves that follow each other without a gap.

    tariffs: the first is in force from the start of the load, even if its activation is later. Each of the others takes
    over at its activation. tax_permyriad: the term of the same name.
    Raise ValueError if a meter would refuse one of the tariffs after the one before it.
    """
    first, *following = tariffs
    following.sort(key=lambda tariff: tariff.activation_s)
    _check_succession([first, *following])
    account = None
    for curve in [load] if isinstance(load, LoadCurve) else load:
        if account is None:
            account = _BilledAccount(first, following, contract, curve.start_s, tax_permyriad)
        account.take_curve(curve)
    if account is None:
        raise ValueError("a load without energy has no bill")
    total, carried = Charges(), 0
    for month in account.months.values():
        carried = month.settle(carried)
        total.add(month)
    return Bill(first.currency, account.months, total, tax_permyriad)


def _check_succession(tariffs: list[Tariff]) -> None:
    for earlier, later in pairwise(tariffs):
        if later.version <= earlier.version:
            raise ValueError(
                f"the next tariff has version {later.version}, the one before it {earlier.version}: "
                "a meter takes only a higher one; raise the version"
            )
        codes = earlier.currency.code, later.currency.code
        if codes[0] != codes[1]:
            raise ValueError(f"a bill cannot be in {codes[0]} and {codes[1]}; give each its own bill")
    for earlier, later in pairwise(tariffs[1:]):
        if later.activation_s == earlier.activation_s:
            raise ValueError(
                f"versions {earlier.version} and {later.version} become active at the same second; leave one out"
            )


class _BilledAccount(Account):
    """The meter's account, which also records the price and period of each charge."""

    tariff: Tariff

    def __init__(
        self,
        tariff: Tariff,
        following: list[Tariff],
        contract: type[Contract],
        start_s: int,
        tax_permyriad: int,
    ) -> None:
        self.months: dict[int, Charges] = {}
        self._following = list(following)
        while self._following and self._following[0].activation_s <= start_s:
            tariff = self._following.pop(0)
        super().__init__(tariff.data, 1, 1, contract, start_s)
        self.terms.set("tax_permyriad", tax_permyriad)
        self._await_next_tariff()
        self.note_next_change()
        first_day = self.day
        self.day = self.charged_day = first_day - 1
        self.enter_day(first_day)

    def take_curve(self, curve: LoadCurve) -> None:
        """Consume the energies of a load curve. Intervals between two changes are taken together.

        The charge of their sum is the sum of their charges, because an account carries its fractions.
        """
        interval_s, energies_mwh = curve.interval_s, curve.energies_mwh
        count, place, start_s = len(energies_mwh), 0, curve.start_s
        while place < count:
            whole = min((self.change_s - start_s) // interval_s, count - place)
            if whole > 0:
                self.consume(sum(energies_mwh[place : place + whole]))
            else:
                whole = 1
                self.take(start_s, start_s + interval_s, energies_mwh[place])
            place += whole
            start_s += whole * interval_s

    def take(self, start_s: int, end_s: int, energy_mwh: int) -> None:
        """Consume energy evenly from `start_s` to `end_s`. A change at `end_s` is left to the next interval."""
        shared_mwh = 0
        while self.change_s < end_s:
            boundary_s = self.change_s
            share_mwh = energy_mwh * (boundary_s - start_s) // (end_s - start_s)
            self.consume(share_mwh - shared_mwh)
            shared_mwh = share_mwh
            self._cross(boundary_s)
        self.consume(energy_mwh - shared_mwh)

    def enter_day(self, day: int) -> None:
        """Enter local day `day`, and record the standing charge of each day on the way."""
        for next_day in range(self.day + 1, day + 1):
            exact_before = self._exact_charge()
            super().enter_day(next_day)
            price = self.tariff.standing_charge_microunits
            line = self._month().standing.setdefault(self.tariff.version, StandingLine(price))
            line.days += 1
            line.exact_charge += self._exact_charge() - exact_before

    def _charge_part(self, block: int, price: int, energy_mwh: int) -> int:
        exact_before = self._exact_charge()
        charge = super()._charge_part(block, price, energy_mwh)
        key = (self.tariff.version, self.rate, block)
        line = self._month().energy.setdefault(key, EnergyLine(self.tariff.rate_names[self.rate], price))
        line.energy_mwh += energy_mwh
        line.exact_charge += self._exact_charge() - exact_before
        return charge

    def _exact_charge(self) -> int:
        return self.money.charged * CHARGE_PARTS + self.charge_remainder

    def _month(self) -> Charges:
        return self.months.setdefault(self.registers.month.index, Charges())

    def _cross(self, time_s: int) -> None:
        self.time_s = time_s
        if self.pending_tariff is not None and self.pending_tariff.activation_s <= time_s:
            self.activate_pending()
            self._await_next_tariff()
        self.enter_day(self.tariff.zone.day(time_s))
        self.enter_context()

    def _await_next_tariff(self) -> None:
        self.pending_tariff = self._following.pop(0) if self._following else None
