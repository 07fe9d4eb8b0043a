"""A tariff in force: which rate applies at an instant, when that may change, and what the next energy costs.

Built from the binary table (tariff_table) and unchangeable afterwards. It holds no consumption: the caller keeps the
registers and hands in where the month stands.
"""

from wattpurse.core.currency import currency_of
from wattpurse.core.tariffs import table
from wattpurse.core.tariffs.calendar import DAY_S, civil_from_days, weekday

TABLE_LIMIT = table.TABLE_LIMIT

ALLOWANCE_BLOCK = -1

_HOLIDAY = 7  # place of the holiday's day type, after the seven weekdays


class Tariff:
    """Decodes a table. Raises ValueError, with the reason, for anything malformed.

    data: the table itself. version: the seller's ever increasing number. activation_s: UTC second from which it holds.
    currency: how money is shown (Currency). customer_class: 0..255. zone: calendar.Zone of the local day and month.
    rate_count, rate_names: 1..8 rates and their names for screens, up to six characters each.
    standing_charge_microunits: per local day. allowance_mwh: free energy per local month, whatever the rate.
    """

    def __init__(self, data: bytes) -> None:
        fields = table.decode(data)
        self.data = data
        self.version = fields["version"]
        self.activation_s = fields["activation_s"]
        self.currency = currency_of(fields)
        self.customer_class = fields["customer_class"]
        self.zone = fields["zone"]
        self.standing_charge_microunits = fields["standing_charge_microunits"]
        self.allowance_mwh = fields["allowance_mwh"]
        self.rate_count = len(fields["rates"])
        self.rate_names = tuple(rate[0] for rate in fields["rates"])
        self._prices = tuple(rate[1] for rate in fields["rates"])
        self._limits_mwh = tuple(rate[2] for rate in fields["rates"])
        self._day_types = fields["day_types"]
        self._seasons = fields["seasons"]
        self._holidays = fields["holidays"]

    def rate_at(self, utc_s: int) -> int:
        """The rate in force at that instant, 0..rate_count - 1.

        It follows the wall: in an hour that a daylight change repeats, the schedule repeats; a switch inside an hour
        that is skipped takes effect at the first instant after the gap.
        """
        local_s = self.zone.local_s(utc_s)
        minute = local_s % DAY_S // 60
        in_force = 0
        for switch_minute, rate in self._switches(local_s // DAY_S):
            if switch_minute > minute:
                break
            in_force = rate
        return in_force

    def next_change_s(self, utc_s: int) -> int:
        """The first UTC second after utc_s at which the rate may change or the local day changes.

        Never past the start of the next local day. A daylight change always counts as a possible change of rate.
        """
        local_s = self.zone.local_s(utc_s)
        day = local_s // DAY_S
        change_s = DAY_S
        for switch_minute, _ in self._switches(day):
            if switch_minute * 60 > local_s % DAY_S:
                change_s = switch_minute * 60
                break
        next_s = utc_s + day * DAY_S + change_s - local_s
        shift_s = self.zone.next_shift_s(utc_s)
        return next_s if shift_s is None else min(next_s, shift_s)

    def price(self, rate: int, month_rate_mwh: int, month_total_mwh: int) -> tuple:
        """(block, price, room) of the next energy taken at `rate`.

        month_rate_mwh: consumption at this rate in this local month so far; month_total_mwh: at all rates.
        block: 0..5, or ALLOWANCE_BLOCK (-1) while the month's allowance lasts. price: micro-units per kWh.
        room: mWh that can be taken at this price before it must be asked again; None without end.

        The rule: the allowance pays for the first energy of the month, whatever its rate. That energy counts in the
        rate's block position all the same, so the first block that is paid for may already be partly or wholly used.
        """
        if month_total_mwh < self.allowance_mwh:
            return ALLOWANCE_BLOCK, 0, self.allowance_mwh - month_total_mwh
        block = 0
        for limit_mwh in self._limits_mwh[rate]:
            if month_rate_mwh < limit_mwh:
                return block, self._prices[rate][block], limit_mwh - month_rate_mwh
            block += 1
        return block, self._prices[rate][block], None

    def is_holiday(self, day: int) -> bool:
        """True if the local day is one of the tariff's holidays."""
        year, month, date = civil_from_days(day)
        return (month, date, 0) in self._holidays or (month, date, year) in self._holidays

    def _switches(self, day):
        _, month, date = civil_from_days(day)
        kind = _HOLIDAY if self.is_holiday(day) else weekday(day)
        return self._day_types[self._season(month, date)[2][kind]]

    def _season(self, month, date):
        in_force = self._seasons[-1]  # before the first season's start the last one still runs, over New Year
        for season in self._seasons:
            if season[:2] > (month, date):
                break
            in_force = season
        return in_force
