"""A year of a meter in the demo, day by day: its use, the sales to it, and its statements. The seed decides all."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from wattpurse.core.money import contract as contracts
from wattpurse.core.money.token_windows import WINDOW
from wattpurse_tools.office.sale_types import DAYS, DISPENSE, ENERGY, MONEY, PERMIT, Wish
from wattpurse_tools.station.usefulness import unit_of

DAY_S = 86_400
DAYS_A_YEAR = 365

_KWH = 1_000_000  # mWh
_UNIT = 1_000_000  # micro-units
_PRICE = 320_000  # micro-units for a kWh in the meter's tariff
_SEASON_PERCENT = (150, 140, 120, 100, 85, 75, 70, 72, 85, 105, 130, 145)
_NOTES = (10, 20, 20, 30, 50)
_KWH_SOLD = (20, 40, 40, 60, 100)
_BYPASSED_FROM = 270  # day


@dataclass(frozen=True)
class Purchase:
    """A sale of a year: its time and the wish."""

    time_s: int
    wish: Wish


@dataclass(frozen=True)
class Told:
    """A statement of a year: its time, the number of tokens redeemed by then, and the sums."""

    time_s: int
    redeemed: int
    balance: int
    bought: int
    charged: int
    total_mwh: int
    alarms: tuple[str, ...] = ()


@dataclass
class Year:
    """A year of a meter. `months` has mWh by the month's index, counted from year 0."""

    purchases: list[Purchase] = field(default_factory=list)
    statements: list[Told] = field(default_factory=list)
    months: dict[int, int] = field(default_factory=dict)
    total_mwh: int = 0


class House:
    """The customer of a meter: `daily_mwh` in a mean day, a `contract`, and perhaps tamper on a day."""

    def __init__(self, contract: str, daily_mwh: int, seed: int, is_bypassed: bool = False) -> None:
        self._contract = contract
        self._daily_mwh = daily_mwh
        self._random = random.Random(seed)
        self._is_bypassed = is_bypassed

    def year(self, first_day_s: int, month_of: Callable[[int], int], days: int = DAYS_A_YEAR) -> Year:
        """Return a year that begins at a midnight. `month_of` returns the index of the month of a time."""
        year, balance, bought, charged, until = Year(), 0, 0, 0, 0
        pending = 0
        for day in range(days):
            time_s = first_day_s + day * DAY_S
            used_mwh = self._use(day, month_of(time_s) % 12)
            balance, bought, pending = balance + pending, bought + pending, 0
            cost = self._cost(used_mwh)
            if cost > balance and self._contract in _PREPAID:
                used_mwh, cost = used_mwh * balance // max(1, cost), balance
            balance, charged = balance - cost, charged + cost
            year.total_mwh += used_mwh
            year.months[month_of(time_s)] = year.months.get(month_of(time_s), 0) + used_mwh
            wish = self._wish(day, balance, until)
            if wish is not None or day % 30 == 29:
                told_s = time_s + self._random.randrange(9 * 3600, 18 * 3600)
                redeemed = len(year.purchases)
                year.statements.append(
                    Told(told_s, redeemed, balance, bought, charged, year.total_mwh, self._alarms(day))
                )
                if wish is not None and day < days - 1:
                    year.purchases.append(Purchase(told_s + 60, wish))
                    pending = credit_of(wish)
                    until = day + max(wish.quantity if wish.what in (DAYS, PERMIT) else 0, wish.days)
        return year

    def _use(self, day: int, month: int) -> int:
        mean = self._daily_mwh * _SEASON_PERCENT[month] // 100
        used = mean * self._random.randrange(60, 141) // 100
        return used * 15 // 100 if self._is_bypassed and day >= _BYPASSED_FROM else used

    def _cost(self, used_mwh: int) -> int:
        if self._contract == contracts.PrepaidMoney.name:
            return used_mwh * _PRICE // _KWH
        return used_mwh if self._contract in (contracts.PrepaidEnergy.name, contracts.Dispenser.name) else 0

    def _wish(self, day: int, balance: int, until: int) -> Wish | None:
        if self._contract == contracts.PrepaidMoney.name:
            low = self._daily_mwh * _PRICE // _KWH * 3
            return Wish(MONEY, quantity=self._random.choice(_NOTES) * _UNIT) if balance < low else None
        if self._contract == contracts.PrepaidEnergy.name:
            return self._energy() if balance < self._daily_mwh * 3 else None
        if day < until - 1:
            return None
        if self._contract == contracts.Term.name:
            return Wish(DAYS, quantity=30)
        if self._contract == contracts.Dispenser.name:
            return Wish(DISPENSE, quantity=30 * self._daily_mwh, daily_mwh=2 * self._daily_mwh, days=30)
        return Wish(PERMIT, quantity=30) if self._contract == contracts.Managed.name else None

    def _energy(self) -> Wish:
        return Wish(ENERGY, quantity=self._random.choice(_KWH_SOLD) * _KWH)

    def _alarms(self, day: int) -> tuple[str, ...]:
        return ("tamper",) if self._is_bypassed and day >= _BYPASSED_FROM else ()


_PREPAID = (contracts.PrepaidMoney.name, contracts.PrepaidEnergy.name, contracts.Dispenser.name)


def credit_of(wish: Wish) -> int:
    """Return the micro-units or mWh that a token of a wish credits."""
    return wish.quantity if wish.what in (MONEY, ENERGY, DISPENSE) else 0


def content_of(told: Told, number: int, meter_number: int, contract: str, months: list[dict]) -> dict:
    """Return a statement as a meter's would be read."""
    made = contracts.by_name(contract)
    window = (1 << min(WINDOW, told.redeemed)) - 1
    return {
        "meter_number": meter_number,
        "number": number,
        "time_s": told.time_s,
        "unit": unit_of(contract),
        "contract": made.code,
        "balance": told.balance,
        "bought": told.bought,
        "charged": told.charged,
        "taken": 0,
        "total_mwh": told.total_mwh,
        "alarms": list(told.alarms),
        "windows": {"0": [told.redeemed, window]},
        "months": months,
    }
