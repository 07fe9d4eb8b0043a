"""The load profile: readings of the registers at every half hour, in a ring that overwrites the oldest.

    reading, 21 bytes: end u32, local day u16 of its begin, flags u8, total mWh u48, charged i64
    reading of a meter with clamps, 27 bytes: the same, then three u16 with the lower bits of sums of Wh: taken in by
    L2, given out by L1, given out by L2

The use of a half hour is the difference of two readings. Therefore the sum of all half hours equals the registers, even
after power cuts and outages: the energy of a lost reading goes to the next one. A half hour begins at a whole or half
hour UTC. After an outage or a change of the clock, a reading is put before the half hour in which the meter continues
(START): nothing was used up to there.

The legs of a meter with clamps have sums of their own (`core.leg_energy`). L1 took in what L2 did not. A sum that fell,
which a power cut may cause, counts as no use.

The maximum demand of each month and the use of the last days are derived from the readings.
"""

import struct

from wattpurse.core.constant import const
from wattpurse.core.journal.journal import Journal
from wattpurse.core.money.contract import MONEY
from wattpurse.core.tariffs.calendar import HALF_HOUR_S, month_index

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wattpurse.core.money.account import Account
    from wattpurse.hal import Flash

RING = 4
MONTHS = 13
WHOLE_DAYS = 7

OUTAGE = 1  # the meter had no power for a part of it
CLOCK = 2  # the clock was set during it
START = 4  # nothing was used up to there
FLAG_TEXTS = ((OUTAGE, "outage"), (CLOCK, "clock set"))

_ENERGY_LIMIT = _LATEST_S = (1 << 32) - 1
_LEAP_S = 300  # more than a clock may run ahead of its chip in one step of metering
_PREPARE_BELOW_SLOTS = 16
_READING = const(1)
_READING_LAYOUT = "<IHBIHq"
_LEGS_READING = const(2)
_LEGS_LAYOUT = "<HHH"
_LEGS_AT = const(21)
_LEGS_MASK = const(0xFFFF)
_LEGS_MOST_WH = const(0x7FFF)  # more than two half hours of a leg with 200 A; a difference above it is a sum that fell
_STATE = "<BIHBIHqH"
_FORMAT = 1
_MONTH = "<HII"
_DAY = "<Hqq"


class HalfHour:
    """The use in `seconds` from `start_s`; `flags` mark special conditions.

    `legs` has the Wh that each leg took in and gave out, and is None without clamps.
    """

    def __init__(
        self,
        start_s: int,
        seconds: int,
        energy_mwh: int,
        charge_microunits: int,
        flags: int,
        legs: tuple | None = None,
    ) -> None:
        self.start_s = start_s
        self.seconds = seconds
        self.energy_mwh = energy_mwh
        self.charge_microunits = charge_microunits
        self.flags = flags
        self.legs = legs


class Reading:
    """The registers at `end_s`: `total_mwh` and `charged`; `day` is the local day on which the half hour began.

    `legs` are the three sums of the legs, None without clamps.
    """

    def __init__(
        self, end_s: int, day: int, flags: int, total_mwh: int, charged: int, legs: tuple | None = None
    ) -> None:
        self.end_s = end_s
        self.day = day
        self.flags = flags
        self.total_mwh = total_mwh
        self.charged = charged
        self.legs = legs

    def since(self, before: "Reading") -> HalfHour:
        """Return the use since the reading `before`.

        If the total fell, it is that of another ledger, and nothing was used.
        """
        seconds = max(0, self.end_s - before.end_s)
        if self.total_mwh < before.total_mwh:
            return HalfHour(before.end_s, seconds, 0, 0, self.flags)
        energy_mwh = self.total_mwh - before.total_mwh
        legs = _use_of_legs(energy_mwh, before.legs, self.legs)
        return HalfHour(before.end_s, seconds, energy_mwh, self.charged - before.charged, self.flags, legs)


class Demand:
    """The largest use of a half hour of one month: `energy_mwh`, in the half hour that began at `start_s`."""

    def __init__(self, month: int, energy_mwh: int, start_s: int) -> None:
        self.month = month
        self.energy_mwh = energy_mwh
        self.start_s = start_s

    @property
    def power_w(self) -> int:
        """The mean power of that half hour."""
        return self.energy_mwh * 3600 // (1000 * HALF_HOUR_S)


class LoadProfile:
    """The profile on `sectors` sectors, each in two copies, from sector `first_sector` of `flash`.

    A meter with clamps sets `read_legs`, which returns the three sums of the legs in Wh.
    """

    def __init__(self, flash: "Flash", first_sector: int, sectors: int) -> None:
        self._journal = Journal(flash, first_sector, sectors, RING, self._snapshot)
        self.failed = False
        self.read_legs: Callable[[], tuple] | None = None
        self._last = Reading(0, 0, 0, 0, 0)
        self._flags = 0
        self._first_day = 0
        self._means = None, None
        self._demands = []
        self._days = []
        self._seen_s = 0
        self._due_s = 0
        self._is_starting = True

    @property
    def opened(self) -> bool:
        """True once the profile was opened or created; until then `step` does nothing."""
        return self._journal.opened

    def open(self) -> None:
        """Continue after the newest reading. Raise ring.JournalBlank, slots.JournalUnreadable, ValueError or OSError.

        Write nothing and use no sector: else a few power cuts would erase the profile. The first step reads the records
        after the newest snapshot: by then metering has begun.
        """
        self._unpack(self._journal.resume())
        self._is_starting = True
        self._look_from(self._last.end_s, self._last.day)

    def create(self, account: "Account", now_s: int) -> None:
        """Create a profile in blank flash with the registers of `account`. Raise ValueError if flash is not blank."""
        self._last = _reading_of(account, now_s, now_s, START)
        self._first_day = self._last.day
        self._flags = 0
        self._demands = []
        self._days = []
        self._is_starting = False
        self._look_from(now_s, self._last.day)
        self._journal.create()
        self._read(account, now_s, now_s, START)

    def erase(self) -> None:
        """Erase the profile. Call only for a person's explicit order."""
        self._journal.erase()

    def prepare(self) -> bool:
        """Erase one sector ahead of need. Return False if none is due."""
        return self._journal.free_slots < _PREPARE_BELOW_SLOTS and self._journal.prepare()

    def step(self, account: "Account", now_s: int) -> None:
        """Read the registers of `account` if a half hour is over. Call at every step of metering.

        If the profile cannot be written, set `failed` and carry on: the next half hour tries again, and has the use of
        this one.
        """
        if now_s < self._due_s and 0 <= now_s - self._seen_s < _LEAP_S and not self._is_starting:
            self._seen_s = now_s
        elif self._journal.opened:
            try:
                self._go_on(account, now_s)
            except OSError:
                self.failed = True
            self._is_starting = False
            self._look_from(now_s, account.tariff.zone.day(now_s))

    def half_hours(self) -> "Iterator[HalfHour]":
        """Yield every HalfHour that is over and still in the ring, newest first."""
        newer = None
        for reading in self._readings():
            if newer is not None and not newer.flags & START:
                yield newer.since(reading)
            newer = reading

    def demands(self) -> list:
        """Return the Demand of the current month and of earlier months, newest first, if there was any."""
        return list(self._demands)

    def mean_daily_mwh(self) -> int | None:
        """Return the energy of a day, mean of the last seven whole local days; None before the first."""
        return self._means[0]

    def mean_daily_microunits(self) -> int | None:
        """Return the charge of a day, mean of the last seven whole local days; None before the first."""
        return self._means[1]

    def mean_daily(self, unit: int) -> int | None:
        """Return the daily use in that unit (see `contract`)."""
        return self.mean_daily_microunits() if unit == MONEY else self.mean_daily_mwh()

    def _go_on(self, account: "Account", now_s: int) -> None:
        """Handle the end of a half hour, the start of the program, or a leap of the clock."""
        if self._is_starting:
            self._replay()
        due_s = self._due_s
        if self._is_starting:
            self._flags |= OUTAGE
            if now_s < self._last.end_s:
                self._flags |= CLOCK
        elif not 0 <= now_s - self._seen_s < _LEAP_S:
            self._flags |= CLOCK
            due_s = self._seen_s
        if self._last.end_s <= now_s < self._due_s:
            return
        self._read(account, self._last.end_s, due_s, self._flags)
        flags, self._flags = self._flags, 0
        if self._last.end_s <= now_s < _half_hour_after(self._last.end_s):
            return
        self._read(account, now_s, now_s, flags | START)

    def _replay(self) -> None:
        self._journal.repeat_doubtful()
        for kind, payload in self._journal.newest_records():
            if kind in (_READING, _LEGS_READING):
                self._take(_reading(kind, payload))
        self._look_from(self._last.end_s, self._last.day)

    def _look_from(self, now_s: int, day: int) -> None:
        """Set the time at which the next half hour is over. Until then there is no work."""
        self._seen_s = now_s
        self._due_s = _half_hour_after(now_s)
        self._means = self._mean_daily(day, 1), self._mean_daily(day, 2)

    def _read(self, account: "Account", begin_s: int, end_s: int, flags: int) -> None:
        reading = _reading_of(account, begin_s, end_s, flags)
        kind = _READING
        payload = struct.pack(
            _READING_LAYOUT,
            reading.end_s,
            reading.day,
            reading.flags,
            reading.total_mwh & 0xFFFFFFFF,
            reading.total_mwh >> 32,
            reading.charged,
        )
        if self.read_legs is not None:
            kind = _LEGS_READING
            payload += struct.pack(_LEGS_LAYOUT, *[wh & _LEGS_MASK for wh in self.read_legs()])
        self._journal.append(kind, payload)
        self._take(reading)

    def _take(self, reading: Reading) -> None:
        """Apply a reading. The running meter and a start both use this."""
        used = reading.since(self._last)
        self._last = reading
        if reading.flags & START:
            self._forget_days_ahead(reading.day)
            return
        self._add_day(reading.day, used)
        # If the clock was set, the length of the half hour is unknown.
        if used.seconds <= HALF_HOUR_S and not used.flags & CLOCK:
            energy_mwh = min(used.energy_mwh, _ENERGY_LIMIT)
            self._raise_demand(Demand(month_index(reading.day), energy_mwh, used.start_s))

    def _add_day(self, day: int, used: HalfHour) -> None:
        place = 0
        while place < len(self._days) and self._days[place][0] > day:
            place += 1
        if place == len(self._days) or self._days[place][0] != day:
            self._days.insert(place, [day, 0, 0])
        self._days[place][1] += used.energy_mwh
        self._days[place][2] += used.charge_microunits
        del self._days[WHOLE_DAYS + 1 :]

    def _forget_days_ahead(self, day: int) -> None:
        """Forget days in the future: the clock went back."""
        self._days = [one for one in self._days if one[0] <= day]
        self._first_day = min(self._first_day, day)

    def _raise_demand(self, demand: Demand) -> None:
        if demand.energy_mwh == 0:
            return
        place = 0
        while place < len(self._demands) and self._demands[place].month > demand.month:
            place += 1
        if place == len(self._demands) or self._demands[place].month != demand.month:
            self._demands.insert(place, demand)
        elif demand.energy_mwh > self._demands[place].energy_mwh:
            self._demands[place] = demand
        del self._demands[MONTHS:]

    def _mean_daily(self, today: int, column: int) -> int | None:
        days = min(WHOLE_DAYS, today - self._first_day - 1)
        used = sum(one[column] for one in self._days if today - days <= one[0] < today)
        return max(0, used) // days if days > 0 else None

    def _readings(self) -> "Iterator[Reading]":
        if self._journal.opened:
            for kind, payload, _ in self._journal.history():
                if kind in (_READING, _LEGS_READING):
                    yield _reading(kind, payload)

    def _snapshot(self) -> bytes:
        last = self._last
        out = struct.pack(
            _STATE,
            _FORMAT,
            last.end_s,
            last.day,
            last.flags,
            last.total_mwh & 0xFFFFFFFF,
            last.total_mwh >> 32,
            last.charged,
            self._first_day,
        )
        demands = [struct.pack(_MONTH, one.month, one.energy_mwh, one.start_s) for one in self._demands]
        days = [struct.pack(_DAY, *one) for one in self._days]
        return out + bytes((len(demands), len(days))) + b"".join(demands) + b"".join(days)

    def _unpack(self, data: bytes) -> None:
        position = struct.calcsize(_STATE) + 2
        if len(data) < position or data[0] != _FORMAT:
            raise ValueError("the load profile has an unknown format")
        _, end_s, day, flags, total_low, total_high, charged, self._first_day = struct.unpack_from(_STATE, data)
        self._last = Reading(end_s, day, flags, total_high << 32 | total_low, charged)
        demand_count, day_count = data[position - 2], data[position - 1]
        if len(data) < position + demand_count * struct.calcsize(_MONTH) + day_count * struct.calcsize(_DAY):
            raise ValueError("the load profile ends early")
        self._demands = []
        for _ in range(demand_count):
            self._demands.append(Demand(*struct.unpack_from(_MONTH, data, position)))
            position += struct.calcsize(_MONTH)
        self._days = []
        for _ in range(day_count):
            self._days.append(list(struct.unpack_from(_DAY, data, position)))
            position += struct.calcsize(_DAY)


def _half_hour_after(time_s: int) -> int:
    return min((time_s // HALF_HOUR_S + 1) * HALF_HOUR_S, _LATEST_S)


def _reading_of(account: "Account", begin_s: int, end_s: int, flags: int) -> Reading:
    """Return the reading at `end_s` of a half hour that began at `begin_s`. Debt payments are no charge for energy."""
    day = account.tariff.zone.day(begin_s)
    charged = account.money.charged - account.standing["debt_recovered_microunits"]
    return Reading(end_s, day, flags, account.registers.total_mwh, charged)


def _reading(kind: int, payload: bytes) -> Reading:
    end_s, day, flags, total_low, total_high, charged = struct.unpack_from(_READING_LAYOUT, payload)
    legs = struct.unpack_from(_LEGS_LAYOUT, payload, _LEGS_AT) if kind == _LEGS_READING else None
    return Reading(end_s, day, flags, total_high << 32 | total_low, charged, legs)


def _use_of_legs(energy_mwh: int, before: tuple | None, after: tuple | None) -> tuple | None:
    """Return the Wh that each leg took in and gave out between two readings. Return None if one is without legs."""
    if before is None or after is None:
        return None
    used = [now - then & _LEGS_MASK for now, then in zip(after, before)]
    two_in, one_out, two_out = [0 if wh > _LEGS_MOST_WH else wh for wh in used]
    energy_wh = energy_mwh // 1000
    two_in = min(two_in, energy_wh)
    return (energy_wh - two_in, one_out), (two_in, two_out)
