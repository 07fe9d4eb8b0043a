"""Agreements of landlord and household, by plain rules: old debt, emergency credit, friendly hours, cut-off.

The rules work by looks: `look` gets the balance and the time whenever the meter decides about supply. Friendly hours
are whole hours of the wall clock, so a look every half hour misses none.
"""

import datetime

_HALF_HOUR_S = 1_800
_QUARTER_S = 900
_NEVER_S = _NO_CAP = 1 << 62

NOT_LENT = 0
LENT = 1
LENT_AND_USED = 2


class HouseRules:
    """The terms that the tokens set, and their consequences. Money is micro-units."""

    def __init__(self):
        self.share_percent = self.weekly = self.floor = self.cap = 0
        self.debt = self.recovered = 0
        self.lends = 0
        self.lent = NOT_LENT
        self.friendly_hours = ()
        self.friendly_weekdays = ()
        self.charges_while_off = True
        self.is_cut_off = False
        self._paid = {}
        self._spared_s = None  # time of the last look, if it found no credit
        self._since_s = None  # time of the first look without credit, if friendly hours spared the household then
        self._until_s = 0  # end of these hours, or of what they spared

    def share_of(self, amount: int, balance: int, week) -> int:
        """Return the repayment by a top-up of `amount` on `balance`."""
        return self._pay_back(max(0, min(amount, balance + amount)) * self.share_percent // 100, week)

    def part_of_day(self, date: datetime.date, balance: int) -> int:
        """Return the repayment of the day that begins."""
        before, after = (self.weekly * days // 7 for days in (date.weekday(), date.weekday() + 1))
        return self._pay_back(min(after - before, balance - self.floor), date.isocalendar()[:2])

    def settle(self, balance: int):
        """Update emergency credit for the balance."""
        if balance > 0:
            self.lent = NOT_LENT
        elif self.lent == LENT and balance <= -self.lends:
            self.lent = LENT_AND_USED

    def has_credit(self, balance: int) -> bool:
        """Return True if there is credit, own or lent."""
        return balance > (-self.lends if self.lent == LENT else 0)

    def may_borrow(self, balance: int, utc_s: int, zone) -> bool:
        """Return True if emergency credit is offered: the household is cut off now, whether or not at the last look."""
        is_cut_off = self._cuts_off(self.has_credit(balance), utc_s, zone)
        return is_cut_off and self.lent == NOT_LENT and balance > -self.lends

    def look(self, has_credit: bool, utc_s: int, zone) -> bool:
        """Return True if supply is on. A household that is cut off stays so until there is credit again."""
        self.is_cut_off = self._cuts_off(has_credit, utc_s, zone)
        self._spared_s = None if has_credit else utc_s
        if has_credit:
            self._since_s = None
        elif self._since_s is None and not self.is_cut_off:
            self._since_s, self._until_s = utc_s, self._end_of_friendly_hours(utc_s, zone)
        elif self.is_cut_off:
            self._until_s = min(self._until_s, utc_s)
        return not self.is_cut_off

    def owed_s(self, utc_s: int) -> int:
        """Return the time that friendly hours gave beyond the end of a term."""
        return 0 if self._since_s is None else max(0, min(utc_s, self._until_s) - self._since_s)

    def pay_time(self, duration_s: int, owed_s: int):
        """Pay time back. Whoever buys more than the time owed has credit again."""
        if owed_s:
            self._since_s = self._since_s + duration_s if duration_s <= owed_s else None

    @property
    def is_spared(self) -> bool:
        """True if there is no credit and supply is still on."""
        return self._spared_s is not None and not self.is_cut_off

    def _cuts_off(self, has_credit, utc_s, zone):
        if has_credit or self.is_cut_off:
            return not has_credit
        since_s = utc_s if self._spared_s is None else self._spared_s
        return not all(self._is_friendly(at_s, zone) for at_s in _every_half_hour(since_s, utc_s))

    def _end_of_friendly_hours(self, utc_s, zone):
        for at_s in range(utc_s - utc_s % _QUARTER_S, utc_s + 14 * 86_400, _QUARTER_S):
            if at_s > utc_s and not self._is_friendly(at_s, zone):
                return at_s
        return _NEVER_S

    def _is_friendly(self, utc_s, zone):
        local = datetime.datetime.fromtimestamp(utc_s, zone)
        return local.hour in self.friendly_hours or local.weekday() in self.friendly_weekdays

    def _pay_back(self, amount, week):
        left = (self.cap or _NO_CAP) - self._paid.get(week, 0)
        amount = max(0, min(amount, self.debt, left))
        self._paid[week] = self._paid.get(week, 0) + amount
        self.debt -= amount
        self.recovered += amount
        return amount


def _every_half_hour(first_s, last_s):
    yield from range(first_s, last_s, _HALF_HOUR_S)
    yield last_s
