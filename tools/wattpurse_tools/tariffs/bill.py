"""A bill by the meter's own rules: a meter's account is led through a load profile, and each charge is noted.

Energy is taken as spread evenly over its interval. Where a rate, a day or a tariff changes inside, it is shared out in
whole mWh, the cumulative share rounded down, as core/money/ledger.py shares out the pulses of a late reading. Changes
at the same second take the ledger's order: the tariff, then the day, then the rate.

A bill is of the days that the load touches, the first one included (a meter does not charge the day it is installed).
A tax is charged on energy and days alike. Debts and what they take back are no part of a bill.

Charges are whole micro-units. The meter carries the fraction of one from charge to charge; a bill carries it from line
to line, so that each line is its energy times its price to within a micro-unit, the lines of a month add up to what the
meter took in that month, and the months to what it took in all.
"""

from dataclasses import dataclass, field
from itertools import pairwise

from wattpurse.core.currency import Currency
from wattpurse.core.money.account import CHARGE_PARTS, Account
from wattpurse.core.money.contract import PrepaidMoney
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools.tariffs.load_curve import LoadProfile


@dataclass
class EnergyLine:
    """Energy of one price. exact_charge: parts of a micro-unit, CHARGE_PARTS each; charge_microunits: in whole ones."""

    rate_name: str
    price_microunits_per_kwh: int
    energy_mwh: int = 0
    exact_charge: int = 0
    charge_microunits: int = 0


@dataclass
class StandingLine:
    """Days of one standing charge; charges as an EnergyLine has them."""

    price_microunits_per_day: int
    days: int = 0
    exact_charge: int = 0
    charge_microunits: int = 0


@dataclass
class Section:
    """What one stretch of time costs, a local month or the whole load.

    energy: EnergyLine by (tariff version, rate, block); the block is core.tariff's, ALLOWANCE_BLOCK for free energy.
    standing: StandingLine by tariff version.
    """

    energy: dict = field(default_factory=dict)
    standing: dict = field(default_factory=dict)

    @property
    def energy_mwh(self) -> int:
        """Energy of all lines."""
        return sum(line.energy_mwh for line in self.energy.values())

    @property
    def charge_microunits(self) -> int:
        """Charge of all lines, standing charge included."""
        return sum(line.charge_microunits for line in (*self.energy.values(), *self.standing.values()))

    def settle(self, carried: int) -> int:
        """Share the exact charges out in whole micro-units, line after line; give back the fraction that is left.

        carried: the fraction that the section before this one left.
        """
        for line in [lines[key] for lines in (self.energy, self.standing) for key in sorted(lines)]:
            line.charge_microunits, carried = divmod(carried + line.exact_charge, CHARGE_PARTS)
        return carried

    def add(self, other) -> None:
        """Add all lines of another section that is settled."""
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


@dataclass
class Bill:
    """months: Section by month index (year * 12 + month - 1), ascending. total: their sum.

    Prices are without tax, charges with it.
    """

    currency: Currency
    months: dict
    total: Section
    tax_permyriad: int = 0


def calculate(tariffs: list, load: LoadProfile, contract=PrepaidMoney, tax_permyriad: int = 0) -> Bill:
    """The bill of a load.

    tariffs: Tariff objects. The first holds from the start of the load, whenever its own activation is; each of the
    others takes over at its activation. contract: one of core.contract.CONTRACTS. tax_permyriad: as the terms have it.
    Raises ValueError for tariffs that a meter would not take one after the other.
    """
    first, *following = tariffs
    following.sort(key=lambda tariff: tariff.activation_s)
    _check_succession([first, *following])
    account = _BilledAccount(first, following, contract, load.start_s, tax_permyriad)
    for number, energy_mwh in enumerate(load.energies_mwh):
        start_s = load.start_s + number * load.interval_s
        account.take(start_s, start_s + load.interval_s, energy_mwh)
    total, carried = Section(), 0
    for month in account.months.values():
        carried = month.settle(carried)
        total.add(month)
    return Bill(first.currency, account.months, total, tax_permyriad)


def _check_succession(tariffs) -> None:
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
    """The meter's account with a note of what each charge was for."""

    def __init__(self, tariff: Tariff, following: list, contract, start_s: int, tax_permyriad: int) -> None:
        self.months = {}
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

    def take(self, start_s: int, end_s: int, energy_mwh: int) -> None:
        """Consume energy, evenly from `start_s` to `end_s`. What changes at `end_s` is left to the next interval."""
        shared_mwh = 0
        while self.change_s < end_s:
            boundary_s = self.change_s
            share_mwh = energy_mwh * (boundary_s - start_s) // (end_s - start_s)
            self.consume(share_mwh - shared_mwh)
            shared_mwh = share_mwh
            self._cross(boundary_s)
        self.consume(energy_mwh - shared_mwh)

    def enter_day(self, day: int) -> None:
        """Go on to local day `day` and note what each day on the way costs."""
        for next_day in range(self.day + 1, day + 1):
            exact_before = self._exact_charge()
            super().enter_day(next_day)
            price = self.tariff.standing_charge_microunits
            line = self._month().standing.setdefault(self.tariff.version, StandingLine(price))
            line.days += 1
            line.exact_charge += self._exact_charge() - exact_before

    def _charge_part(self, block, price, energy_mwh):
        exact_before = self._exact_charge()
        charge = super()._charge_part(block, price, energy_mwh)
        key = (self.tariff.version, self.rate, block)
        line = self._month().energy.setdefault(key, EnergyLine(self.tariff.rate_names[self.rate], price))
        line.energy_mwh += energy_mwh
        line.exact_charge += self._exact_charge() - exact_before
        return charge

    def _exact_charge(self):
        return self.money.charged * CHARGE_PARTS + self.charge_remainder

    def _month(self):
        return self.months.setdefault(self.registers.month.index, Section())

    def _cross(self, time_s) -> None:
        self.time_s = time_s
        if self.pending_tariff is not None and self.pending_tariff.activation_s <= time_s:
            self.activate_pending()
            self._await_next_tariff()
        self.enter_day(self.tariff.zone.day(time_s))
        self.enter_context()

    def _await_next_tariff(self) -> None:
        self.pending_tariff = self._following.pop(0) if self._following else None
