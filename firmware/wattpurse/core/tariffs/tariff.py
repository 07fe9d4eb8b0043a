"""A tariff in force: the rate at an instant, the next possible change, and the price of the next energy.

A tariff is built from its binary table (`tariffs.table`) and never changes. It holds no consumption: the caller keeps
the registers and passes in the consumption so far.
"""

from wattpurse.core.currency import currency_of
from wattpurse.core.tariffs import table
from wattpurse.core.tariffs.calendar import DAY_S, civil_from_days, weekday

TABLE_LIMIT = table.TABLE_LIMIT

ALLOWANCE_BLOCK = -1

_HOLIDAY = 7  # place of the holiday's day type, after the seven weekdays


class Tariff:
    """A decoded table. Raises ValueError with the reason if the table is malformed.

    data: the table itself. version: the seller's number, which only increases. activation_s: UTC second of activation.
    currency: the Currency of all amounts. customer_class: 0..255. zone: calendar.Zone of the local day and month.
    rate_count, rate_names: 1..8 rates and their names for displays, up to six characters each.
    standing_charge_microunits: per local day. month_charge_microunits: per local month. minimum_microunits: the least
    charge of a local month. demand_microunits_per_kw: for the month's maximum demand. levies: (name, kind, value) of
    each, see `tariffs.rules`. allowance_mwh: free energy per local month at any rate. blocks_of_total, blocks_by_day,
    free_in_blocks: the energy that counts towards the blocks. counts_blocks: True if that is not the energy of the
    month's registers, so that it is counted apart.
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
        self.month_charge_microunits = fields["month_charge_microunits"]
        self.minimum_microunits = fields["minimum_microunits"]
        self.demand_microunits_per_kw = fields["demand_microunits_per_kw"]
        self.levies = fields["levies"]
        self.allowance_mwh = fields["allowance_mwh"]
        self.blocks_of_total = fields["blocks_of_total"]
        self.blocks_by_day = fields["blocks_by_day"]
        self.free_in_blocks = fields["free_in_blocks"]
        self.counts_blocks = self.blocks_by_day or not self.free_in_blocks
        self.rate_count = len(fields["rates"])
        self.rate_names = tuple(rate[0] for rate in fields["rates"])
        self._prices = tuple(rate[1] for rate in fields["rates"])
        self._limits_mwh = tuple(rate[2] for rate in fields["rates"])
        self._day_types = fields["day_types"]
        self._seasons = fields["seasons"]
        self._holidays = fields["holidays"]

    def rate_at(self, utc_s: int) -> int:
        """Return the rate in force at that instant, 0..rate_count - 1.

        The rate follows local time. In an hour that a daylight change repeats, the schedule repeats. A switch inside a
        skipped hour takes effect at the first instant after the gap.
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
        """Return the first UTC second after utc_s at which the rate may change or the local day changes.

        The result is never later than the start of the next local day. A daylight change always counts as a possible
        change.
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

    def price(self, rate: int, counted_mwh: int, month_total_mwh: int) -> tuple:
        """Return (block, price, room) of the next energy taken at `rate`.

        counted_mwh: consumption so far that counts towards the blocks. month_total_mwh: consumption at all rates in
        this local month. block: 0..5, or ALLOWANCE_BLOCK (-1) while the month's allowance lasts. price: micro-units per
        kWh. room: mWh at this price before the next call; None without end.

        The allowance pays for the first energy of the month at any rate. If that energy counts towards the blocks, the
        first paid block may already be used in part or in full.
        """
        if month_total_mwh < self.allowance_mwh:
            return ALLOWANCE_BLOCK, 0, self.allowance_mwh - month_total_mwh
        block = 0
        for limit_mwh in self._limits_mwh[rate]:
            if counted_mwh < limit_mwh:
                return block, self._prices[rate][block], limit_mwh - counted_mwh
            block += 1
        return block, self._prices[rate][block], None

    def is_holiday(self, day: int) -> bool:
        """Return True if the local day is one of the tariff's holidays."""
        year, month, date = civil_from_days(day)
        return (month, date, 0) in self._holidays or (month, date, year) in self._holidays

    def _switches(self, day: int) -> tuple:
        _, month, date = civil_from_days(day)
        kind = _HOLIDAY if self.is_holiday(day) else weekday(day)
        return self._day_types[self._season(month, date)[2][kind]]

    def _season(self, month: int, date: int) -> tuple:
        in_force = self._seasons[-1]  # the last season runs over New Year until the first one starts
        for season in self._seasons:
            if season[:2] > (month, date):
                break
            in_force = season
        return in_force
