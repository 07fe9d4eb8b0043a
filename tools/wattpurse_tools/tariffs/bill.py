"""Bills by the meter's own rules: an account of the meter consumes a load curve, and each charge is recorded.

The energy of an interval counts as spread evenly over it. If a rate, a day or a tariff changes inside an interval, the
energy is shared out in whole mWh. The cumulative share is rounded down, as core/money/ledger.py shares out the pulses
of a late reading. Changes at the same second follow the ledger's order: the tariff, then the day, then the rate.

A bill charges all local days and months that the load touches, the first ones included: the standing charge of each
day, and of each month the fixed charge, the minimum charge and the maximum demand in full. (A meter does not charge the
day on which it is installed, and no minimum in that month.) A tax is charged on energy and on fees, and so are levies.
A bill has no debts and no debt recovery.

Charges are whole micro-units. The meter carries the fraction of a micro-unit from charge to charge; a bill carries it
from line to line. Therefore each line is its energy times its price to within a micro-unit, the lines of a month add
up to the meter's charge in that month, and the months to its whole charge. The fraction of each levy is carried apart,
as in the meter.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from wattpurse.core.currency import Currency
from wattpurse.core.money.account import (
    CHARGE_PARTS,
    DAY_FEE,
    MINIMUM_FEE,
    MONTH_FEE,
    WHOLE_FEE,
    Account,
    check_demand,
)
from wattpurse.core.money.contract import Contract, PrepaidMoney
from wattpurse.core.tariffs.calendar import civil_from_days
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
class FeeLine:
    """A fee at one price: days, months or kW of maximum demand. The charges are as in EnergyLine.

    quantity_millionths: in millionths of a day, a month or a kW. price_microunits: of one of them. The price of a
    minimum charge is the whole minimum, and the charge is the part of it that no other line has used.
    """

    price_microunits: int
    quantity_millionths: int = 0
    exact_charge: int = 0
    charge_microunits: int = 0


@dataclass(slots=True)
class Charges:
    """All charges of a period: a local month, or the whole load.

    energy: lines by (tariff version, rate, block). Blocks are as in `Tariff.price`: ALLOWANCE_BLOCK for free energy.
    fees: lines by (tariff version, fee), the fees of `money.account`, DAY_FEE for the standing charge.
    levies: micro-units by (tariff version, name of the levy), in the order of the tariffs.
    """

    energy: dict[tuple[int, int, int], EnergyLine] = field(default_factory=dict)
    fees: dict[tuple[int, int], FeeLine] = field(default_factory=dict)
    levies: dict[tuple[int, str], int] = field(default_factory=dict)

    @property
    def standing(self) -> dict[int, FeeLine]:
        """The lines of the standing charge by tariff version."""
        return {version: line for (version, fee), line in self.fees.items() if fee == DAY_FEE}

    @property
    def energy_mwh(self) -> int:
        """The energy of all lines."""
        return sum(line.energy_mwh for line in self.energy.values())

    @property
    def levy_microunits(self) -> int:
        """All levies."""
        return sum(self.levies.values())

    @property
    def charge_microunits(self) -> int:
        """The charge of all lines, fees and levies included."""
        lines = (*self.energy.values(), *self.fees.values())
        return sum(line.charge_microunits for line in lines) + self.levy_microunits

    def settle(self, carried: int) -> int:
        """Round the exact charges to whole micro-units, line by line, and return the fraction that is left.

        carried: the fraction that is left from the period before.
        """
        energy_lines = [self.energy[key] for key in sorted(self.energy)]
        fee_lines = [self.fees[key] for key in sorted(self.fees)]
        for line in (*energy_lines, *fee_lines):
            line.charge_microunits, carried = divmod(carried + line.exact_charge, CHARGE_PARTS)
        return carried

    def add(self, other: "Charges") -> None:
        """Add all lines of another period that is settled."""
        for key, line in other.energy.items():
            mine = self.energy.setdefault(key, EnergyLine(line.rate_name, line.price_microunits_per_kwh))
            mine.energy_mwh += line.energy_mwh
            mine.exact_charge += line.exact_charge
            mine.charge_microunits += line.charge_microunits
        for key, fee in other.fees.items():
            my_fee = self.fees.setdefault(key, FeeLine(fee.price_microunits))
            my_fee.quantity_millionths += fee.quantity_millionths
            my_fee.exact_charge += fee.exact_charge
            my_fee.charge_microunits += fee.charge_microunits
        for levy, microunits in other.levies.items():
            self.levies[levy] = self.levies.get(levy, 0) + microunits


@dataclass(slots=True)
class Bill:
    """The charges of a load. Prices are without tax and levies. Charges are with tax; levies have their own lines.

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
    Raise ValueError if a meter would refuse one of the tariffs after the one before it, or under the contract.
    """
    first, *following = tariffs
    following.sort(key=lambda tariff: tariff.activation_s)
    _check_succession([first, *following])
    for tariff in (first, *following):
        check_demand(tariff, contract)
    account, end_s = None, 0
    for curve in [load] if isinstance(load, LoadCurve) else load:
        if account is None:
            account = _BilledAccount(first, following, contract, curve.start_s, tax_permyriad)
        account.take_curve(curve)
        end_s = curve.end_s
    if account is None:
        raise ValueError("a load without energy has no bill")
    account.finish(end_s)
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
        if civil_from_days(first_day)[2] != 1:  # a month that begins is charged with its first day
            self._charge_fee(MONTH_FEE, WHOLE_FEE, self.tariff.month_charge_microunits)

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

    def finish(self, end_s: int) -> None:
        """End the last month: charge its maximum demand and the rest up to its minimum charge."""
        self.note_demand(end_s)
        self._close_month()

    def _charge_part(self, block: int, price: int, energy_mwh: int) -> int:
        exact_before = self._exact_charge()
        charge = super()._charge_part(block, price, energy_mwh)
        key = (self.tariff.version, self.rate, block)
        line = self._month().energy.setdefault(key, EnergyLine(self.tariff.rate_names[self.rate], price))
        line.energy_mwh += energy_mwh
        line.exact_charge += self._exact_charge() - exact_before
        return charge

    def _charge_fee(self, fee: int, quantity_millionths: int, price: int) -> None:
        exact_before = self._exact_charge()
        super()._charge_fee(fee, quantity_millionths, price)
        if fee == DAY_FEE or price and quantity_millionths:
            if fee == MINIMUM_FEE:
                price = self.tariff.minimum_microunits
            line = self._month().fees.setdefault((self.tariff.version, fee), FeeLine(price))
            line.quantity_millionths += quantity_millionths
            line.exact_charge += self._exact_charge() - exact_before

    def _spend_levies(self, millionths: int, energy_mwh: int) -> int:
        version = self.tariff.version
        lines = self._month().levies
        before = [one.microunits for one in self.levies.sums]
        charge = super()._spend_levies(millionths, energy_mwh)
        for (name, _, _), one, microunits in zip(self.tariff.levies, self.levies.sums, before, strict=False):
            lines[version, name] = lines.get((version, name), 0) + one.microunits - microunits
        return charge

    def _owes_minimum(self) -> bool:
        return True

    def _exact_charge(self) -> int:
        """Return everything charged but for levies, in parts of a micro-unit."""
        levies = sum(one.microunits for one in self.levies.sums) if self.levies.sums else 0
        return (self.money.charged - levies) * CHARGE_PARTS + self.charge_remainder

    def _month(self) -> Charges:
        return self.months.setdefault(self.registers.month.index, Charges())

    def _cross(self, time_s: int) -> None:
        self.note_demand(time_s)
        self.time_s = time_s
        if self.pending_tariff is not None and self.pending_tariff.activation_s <= time_s:
            self.activate_pending()
            self._await_next_tariff()
        self.enter_day(self.tariff.zone.day(time_s))
        self.enter_context()
        self.enter_half_hour()

    def _await_next_tariff(self) -> None:
        self.pending_tariff = self._following.pop(0) if self._following else None
