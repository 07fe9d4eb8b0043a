"""The registers of the meter as data lines of IEC 62056-21, under their short OBIS codes, one line at a time.

    F.F(00000000)          alarms, as the alarm bits of a statement in hex
    0.0.0 C.1.0            device address, number of the meter
    0.2.0 0.2.2            version of the firmware, of the tariff
    0.9.1 0.9.2 C.70       local time hhmmss, local date YYMMDD, offset from UTC
    1.8.0 1.8.1 ...        energy since the meter was made, in all and of each register, kWh
    2.8.0                  energy given out, by a meter with clamps, of all legs, kWh. It is never netted
    21.8.0 22.8.0          energy that L1 took in and gave out; 41.8.0 and 42.8.0 those of L2
    1.9.0                  energy of the current month
    1.6.0(kW)(YYMMDDhhmm)(offset)  largest use of a half hour of the current month, and the begin of that half hour

A closed month has *01 to *12 behind the code, the newest first. 1.8 is the register at the end of the month, and 0.1.2
is that end. The rates are those of the tariff in force, and behind them those that only earlier tariffs had. Numbers
are rounded down to Wh and W.
"""

from wattpurse.core.tariffs.calendar import DAY_S, civil_from_days, days_from_civil
from wattpurse.core.text import kwh_text

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wattpurse.core.money.account import Account
    from wattpurse.core.records.load_profile import Demand
    from wattpurse.core.tariffs.calendar import Zone

TIME = "0.9.1"
DATE = "0.9.2"
DATE_AND_TIME = "1.0.0"

_ENERGY_SIZE = len("000000.000")
_POWER_SIZE = len("0000.000")
_DECIMALS = 3
_MWH_PER_WH = 1000
_CENTURY = 2000


class Identity:
    """The facts of a readout besides the account: texts, the alarm bits, and the time."""

    def __init__(self, meter_number: int, address: str, version: str, alarms: int, now_s: int, zone: "Zone") -> None:
        self.meter_number = meter_number
        self.address = address
        self.version = version
        self.alarms = alarms
        self.now_s = now_s
        self.zone = zone

    def lines(self) -> "Iterator[str]":
        """Yield the data lines that a meter without an account has too."""
        local = local_text(self.zone.local_s(self.now_s))
        yield f"F.F({self.alarms:08X})"
        yield f"0.0.0({self.address})"
        yield f"C.1.0({self.meter_number})"
        yield f"0.2.0({self.version})"
        yield f"{TIME}({local[6:]})"
        yield f"{DATE}({local[:6]})"
        yield f"C.70({offset_text(self.zone.offset_s(self.now_s))})"


class Readings:
    """The registers of `account` as they are now: they do not change while a readout is sent.

    `demands` are those of the load profile. `legs` has the Wh that each leg with a clamp took in and gave out.
    """

    def __init__(self, account: "Account", demands: "Sequence[Demand]", legs: "Sequence[tuple[int, int]]" = ()) -> None:
        registers = account.registers
        self.zone = account.tariff.zone
        self._tariff_version = account.tariff.version
        self._rates = len(account.tariff.rate_names) + len(registers.former_names)
        self._rate_mwh = list(registers.rate_mwh)
        self._total_mwh = registers.total_mwh
        self._month_mwh = list(registers.month.rate_mwh)
        self._month_index = registers.month.index
        self._closed = [(month.index, month.rate_mwh) for month in registers.closed_months]  # they never change
        self._demands = {one.month: one for one in demands}
        self._legs = legs

    def lines(self) -> "Iterator[str]":
        """Yield every data line: the present state, then the closed months, newest first."""
        yield f"0.2.2({self._tariff_version})"
        rate_mwh = list(self._rate_mwh)
        total_mwh = self._total_mwh
        yield from self._energy(total_mwh, rate_mwh, "")
        yield from self._energy_of_legs()
        month_mwh = self._month_mwh
        yield _energy_line("1.9.0", sum(month_mwh), "")
        yield from self._demand(self._month_index, "")
        for place, (index, closed_mwh) in enumerate(self._closed):
            total_mwh -= sum(month_mwh)
            for rate in range(self._rates):
                rate_mwh[rate] -= month_mwh[rate]
            month_mwh = closed_mwh
            suffix = f"*{place + 1:02d}"
            yield "0.1.2" + suffix + self._time(self._end_s(index))
            yield from self._energy(total_mwh, rate_mwh, suffix)
            yield _energy_line("1.9.0", sum(month_mwh), suffix)
            yield from self._demand(index, suffix)

    def _energy(self, total_mwh: int, rate_mwh: "Sequence[int]", suffix: str) -> "Iterator[str]":
        yield _energy_line("1.8.0", total_mwh, suffix)
        for rate in range(self._rates):
            yield _energy_line(f"1.8.{rate + 1}", rate_mwh[rate], suffix)

    def _energy_of_legs(self) -> "Iterator[str]":
        """Yield the energy of each leg, by the groups 20 and 40 of OBIS (IEC 62056-61)."""
        if self._legs:
            yield _energy_line("2.8.0", sum([out_wh for _, out_wh in self._legs]) * _MWH_PER_WH, "")
        for group, (in_wh, out_wh) in zip((20, 40), self._legs):
            yield _energy_line(f"{group + 1}.8.0", in_wh * _MWH_PER_WH, "")
            yield _energy_line(f"{group + 2}.8.0", out_wh * _MWH_PER_WH, "")

    def _demand(self, index: int, suffix: str) -> "Iterator[str]":
        demand = self._demands.get(index)
        if demand is not None:
            kilowatts = _padded(kwh_text(demand.power_w * _MWH_PER_WH, _DECIMALS), _POWER_SIZE)
            yield f"1.6.0{suffix}({kilowatts}*kW)" + self._time(demand.start_s)

    def _end_s(self, index: int) -> int:
        """Return the end of a month, in seconds since 1970 UTC."""
        after = index + 1
        return self.zone.day_start_s(days_from_civil(after // 12, after % 12 + 1, 1))

    def _time(self, utc_s: int) -> str:
        local = local_text(self.zone.local_s(utc_s))
        return f"({local[:10]})({offset_text(self.zone.offset_s(utc_s))})"


def local_text(local_s: int) -> str:
    """Return a local time as YYMMDDhhmmss."""
    year, month, day = civil_from_days(local_s // DAY_S)
    second = local_s % DAY_S
    return f"{year % 100:02d}{month:02d}{day:02d}{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"


def offset_text(offset_s: int) -> str:
    """Return an offset from UTC as +01:00."""
    minutes = abs(offset_s) // 60
    return f"{'-' if offset_s < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def time_of(register: str, value: str, zone: "Zone", now_s: int) -> int:
    """Return the UTC time that a reader writes: a time of the present day, a date, or both, as local time.

    A time of day is the one nearest to `now_s`. If the hour comes twice, the present offset decides.
    Raise ValueError for anything else.
    """
    now = local_text(zone.local_s(now_s))
    size = {TIME: 6, DATE: 6, DATE_AND_TIME: 12}.get(register, 0)
    if not size or len(value) != size or not all("0" <= character <= "9" for character in value):
        raise ValueError("the register takes no such value")
    text = {TIME: now[:6] + value, DATE: value + now[6:]}.get(register, value)
    local_s = _local_s(text)
    if register == TIME:
        ahead_s = local_s - zone.local_s(now_s)
        local_s += DAY_S if ahead_s < -DAY_S // 2 else -DAY_S if ahead_s > DAY_S // 2 else 0
    utc_s = local_s - zone.offset_s(now_s)
    return utc_s if zone.local_s(utc_s) == local_s else local_s - zone.offset_s(utc_s)


def _local_s(text: str) -> int:
    """Return the local seconds of YYMMDDhhmmss. Raise ValueError if there is no such time."""
    year, month, day, hour, minute, second = [int(text[place : place + 2]) for place in range(0, 12, 2)]
    days = days_from_civil(_CENTURY + year, month, day) if 1 <= month <= 12 else 0
    if civil_from_days(days) != (_CENTURY + year, month, day) or hour > 23 or minute > 59 or second > 59:
        raise ValueError("there is no such time")
    return days * DAY_S + hour * 3600 + minute * 60 + second


def _energy_line(code: str, mwh: int, suffix: str) -> str:
    return f"{code}{suffix}({_padded(kwh_text(mwh, _DECIMALS), _ENERGY_SIZE)}*kWh)"


def _padded(text: str, size: int) -> str:
    return "0" * (size - len(text)) + text
