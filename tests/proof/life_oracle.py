"""The costs of a life, computed by other means than the meter's: zoneinfo for local time, one exact sum for money.

The bill of a month's energy at one rate is a piecewise linear function F. Energy that takes the month from x to y costs
F(y) - F(x). The free allowance is taken from the start of the month. Nothing but the total is rounded: sums are whole
numbers of the smallest parts of a micro-unit that a price per kWh and a tax in hundredths of a percent can make.
"""

import datetime
from zoneinfo import ZoneInfo

from tests.proof.life_rules import HouseRules

KWH_MWH = 1_000_000
WHOLE = 10_000  # no tax
_PARTS = KWH_MWH * WHOLE
_UTC = datetime.UTC


class OracleTariff:
    """Prices: `rates` is a tuple of (prices per kWh, block limits in mWh), `day_plan` of (minute, rate)."""

    def __init__(self, activation_s, zone_name, rates, day_plan, weekend_plan, standing, allowance_mwh):
        self.activation_s = activation_s
        self.zone = ZoneInfo(zone_name)
        self.rates = rates
        self.day_plan = day_plan
        self.weekend_plan = weekend_plan
        self.standing = standing
        self.allowance_mwh = allowance_mwh

    def local(self, utc_s: int) -> datetime.datetime:
        """Return the local time."""
        return datetime.datetime.fromtimestamp(utc_s, _UTC).astimezone(self.zone)

    def rate_at(self, utc_s: int) -> int:
        """Return the rate in force."""
        local = self.local(utc_s)
        plan = self.weekend_plan if local.weekday() >= 5 else self.day_plan
        minute = local.hour * 60 + local.minute
        return [rate for start, rate in plan if start <= minute][-1]

    def midnight_s(self, date: datetime.date) -> int:
        """Return the UTC second at which the local day begins."""
        return int(datetime.datetime(date.year, date.month, date.day, tzinfo=self.zone).timestamp())

    def cost_to(self, rate: int, mwh: int) -> int:
        """Return F: the price of the month's first `mwh`, in millionths of a micro-unit, without allowance or tax."""
        prices, limits = self.rates[rate]
        total = 0
        for price, start, end in zip(prices, (0, *limits), (*limits, None)):
            if mwh > start:
                total += price * ((mwh if end is None else min(mwh, end)) - start)
        return total


class LifeOracle:
    """Energy, money and days of one meter from `utc_s` on."""

    def __init__(self, tariff: OracleTariff, utc_s: int, impulses: int):
        self.tariff = tariff
        self.coming = None
        self.pulses = 0
        self.rate_mwh = [0] * 8
        self.cost_parts = 0
        self.tax = WHOLE
        self.bought = 0
        self.charges_money = True
        self.rules = HouseRules()
        self._impulses = impulses
        self._date = tariff.local(utc_s).date()
        self._month_mwh = [0] * 8
        self.rate = tariff.rate_at(utc_s)

    @property
    def charged(self) -> int:
        """Whole micro-units ever charged, with the repayments of an old debt."""
        return self.cost_parts // _PARTS + self.rules.recovered

    @property
    def balance(self) -> int:
        """The rest of the money bought."""
        return self.bought - self.charged

    def buy(self, amount: int):
        """Add a top-up. A debt takes its share."""
        self.rules.settle(self.balance)
        self.rules.share_of(amount, self.balance, self._date.isocalendar()[:2])
        self.bought += amount
        self.rules.settle(self.balance)

    def look(self, utc_s: int, has_time: bool | None) -> bool:
        """Return True if supply is on now. `has_time` is for a contract of time; it is None for a contract of money."""
        self.rules.settle(self.balance)
        has_credit = self.rules.has_credit(self.balance) if has_time is None else has_time
        return self.rules.look(has_credit, utc_s, self.tariff.zone)

    def may_borrow(self, utc_s: int) -> bool:
        """Return True if emergency credit is offered now, under a contract of money."""
        return self.rules.may_borrow(self.balance, utc_s, self.tariff.zone)

    def consume(self, pulses: int):
        """Count pulses of the current stretch."""
        before = self.pulses * KWH_MWH // self._impulses
        self.pulses += pulses
        mwh = self.pulses * KWH_MWH // self._impulses - before
        tariff, rate = self.tariff, self.rate
        free = min(mwh, max(0, tariff.allowance_mwh - sum(self._month_mwh)))
        start = self._month_mwh[rate] + free
        self._month_mwh[rate] += mwh
        self.rate_mwh[rate] += mwh
        self._charge(tariff.cost_to(rate, self._month_mwh[rate]) - tariff.cost_to(rate, start))

    def forget(self, pulses: int):
        """Take back the newest pulses, which a power cut lost, and their price. They are of the current stretch."""
        before = self.pulses * KWH_MWH // self._impulses
        self.pulses -= pulses
        mwh = before - self.pulses * KWH_MWH // self._impulses
        tariff, rate = self.tariff, self.rate
        paid = min(mwh, max(0, sum(self._month_mwh) - tariff.allowance_mwh))
        month_mwh = self._month_mwh[rate]
        self._charge(tariff.cost_to(rate, month_mwh - paid) - tariff.cost_to(rate, month_mwh))
        self._month_mwh[rate] -= mwh
        self.rate_mwh[rate] -= mwh

    def go_on_to(self, utc_s: int):
        """Let time pass without energy: days begin, months begin, a tariff takes over."""
        while True:
            tariff = self.tariff
            next_date = self._date + datetime.timedelta(days=1)
            begins_s = tariff.midnight_s(next_date)
            if self.coming is not None and self.coming.activation_s <= min(begins_s, utc_s):
                self.tariff, self.coming = self.coming, None
                continue
            if begins_s > utc_s:
                break
            if next_date.month != self._date.month:
                self._month_mwh = [0] * 8
            self._date = next_date
            self._begin_day(tariff)
        self.rate = self.tariff.rate_at(utc_s)

    def _begin_day(self, tariff):
        if not self.charges_money:
            return
        if self.rules.charges_while_off or not self.rules.is_cut_off:
            self._charge(tariff.standing * KWH_MWH)
        self.rules.part_of_day(self._date, self.balance)
        self.rules.settle(self.balance)

    def _charge(self, millionths):
        if self.charges_money:
            self.cost_parts += millionths * self.tax
