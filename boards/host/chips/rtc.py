"""DS3231 real-time clock, modelled as a register file that keeps time (Maxim data sheet 19-5170, revision 10).

It keeps its own calendar as the chip does: binary-coded digits, a century bit that toggles when year 99 ends, and a
leap year every fourth year, the year 2100 included. Time stands still while the registers hold no valid date or time.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import EventClock


SECONDS = 0x00
MINUTES = 0x01
HOURS = 0x02
WEEKDAY = 0x03
DATE = 0x04
MONTH = 0x05
YEAR = 0x06
CONTROL = 0x0E
STATUS = 0x0F
TEMPERATURE = 0x11
REGISTER_COUNT = 0x13

OSCILLATOR_OFF_ON_BATTERY = 0x80
OSCILLATOR_STOPPED = 0x80
TWELVE_HOURS = 0x40
AFTERNOON = 0x20
CENTURY = 0x80

_WRITABLE = bytes([0x7F, 0x7F, 0x7F, 0x07, 0x3F, 0x9F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x08])
_MONTH_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_SECONDS_TO_2000 = 946_684_800


def _to_bcd(value: int) -> int:
    return value // 10 << 4 | value % 10


def _from_bcd(value: int) -> int | None:
    """Return the number, or None if a digit is above 9."""
    if value & 0x0F > 9 or value >> 4 > 9:
        return None
    return (value >> 4) * 10 + (value & 0x0F)


class RtcModel:
    """The chip with its battery. It runs too fast by `drift_ppm`.

    With `utc_s` the chip was set before and shows that time when the simulation begins. Without, it is new from the
    factory and its oscillator-stop flag is set.
    """

    def __init__(self, clock: "EventClock", utc_s: int | None = None, drift_ppm: int = 0, battery: bool = True) -> None:
        self.battery = battery
        self._drift_ppm = drift_ppm
        self.registers = bytearray(REGISTER_COUNT)
        self._clock = clock
        self._powered = True
        self._pointer = 0
        self._latched = bytearray(7)
        self._first_power()
        if utc_s is not None:
            if utc_s < _SECONDS_TO_2000:
                raise ValueError("the chip's calendar begins in 2000")
            self.registers[WEEKDAY] = 6  # 1 January 2000 was a Saturday; Monday is 1
            self._add_seconds(utc_s - _SECONDS_TO_2000)
            self.registers[STATUS] &= ~OSCILLATOR_STOPPED & 0xFF

    def answers(self) -> bool:
        """Return True if the chip answers on the bus, which it does on the board's supply only."""
        return self._powered

    def power_lost(self) -> None:
        """Cut the board's supply. The battery takes over if there is one and the oscillator may use it."""
        self._catch_up()
        self._powered = False
        if self.registers[CONTROL] & OSCILLATOR_OFF_ON_BATTERY:
            self.registers[STATUS] |= OSCILLATOR_STOPPED

    def power_restored(self) -> None:
        """Restore the board's supply."""
        if self._powered:
            return
        if not self.battery:
            self._first_power()
        elif self.registers[CONTROL] & OSCILLATOR_OFF_ON_BATTERY:
            self._restart_countdown()
        self._powered = True

    def stop_oscillator(self) -> None:
        """Stop the oscillator for a while from outside, which sets its flag."""
        self._catch_up()
        self.registers[STATUS] |= OSCILLATOR_STOPPED

    def corrupt(self, register: int, value: int) -> None:
        """Put a raw value into a register, as a disturbance would."""
        self._catch_up()
        self.registers[register] = value

    def select(self, register: int) -> None:
        """Take a start condition: set the pointer and copy the time to the registers that are read."""
        self._pointer = register % REGISTER_COUNT
        self._latch()

    def read_byte(self) -> int:
        """Return the register at the pointer and advance the pointer, which copies the time again when it wraps."""
        pointer = self._pointer
        value = self._latched[pointer] if pointer <= YEAR else self.registers[pointer]
        self._move_on()
        return value

    def write_byte(self, value: int) -> None:
        """Write the register at the pointer; it takes effect at once."""
        pointer = self._pointer
        self._catch_up()
        if pointer == STATUS:
            kept = self.registers[STATUS] & value & 0x83
            self.registers[STATUS] = kept | value & 0x08
        elif pointer < STATUS:
            self.registers[pointer] = value & _WRITABLE[pointer]
            if pointer == SECONDS:
                self._restart_countdown()
        elif pointer < TEMPERATURE:
            self.registers[pointer] = value
        self._move_on()

    def _move_on(self) -> None:
        self._pointer = (self._pointer + 1) % REGISTER_COUNT
        if self._pointer == 0:
            self._latch()

    def _first_power(self) -> None:
        for register in range(REGISTER_COUNT):
            self.registers[register] = 0
        self.registers[WEEKDAY] = self.registers[DATE] = self.registers[MONTH] = 1
        self.registers[CONTROL] = 0x1C
        self.registers[STATUS] = OSCILLATOR_STOPPED | 0x08
        self.registers[TEMPERATURE] = 25
        self._restart_countdown()

    def _latch(self) -> None:
        self._catch_up()
        self._latched[:] = self.registers[:7]

    def _catch_up(self) -> None:
        """Count the whole seconds of the chip's oscillator since the last call. The fraction stays in the countdown."""
        elapsed_us = self._clock.now_us - self._counting_from_us
        seconds = elapsed_us * (1_000_000 + self._drift_ppm) // 1_000_000_000_000
        if seconds > self._seconds_counted:
            self._add_seconds(seconds - self._seconds_counted)
            self._seconds_counted = seconds

    def _restart_countdown(self) -> None:
        self._counting_from_us = self._clock.now_us
        self._seconds_counted = 0

    def _add_seconds(self, seconds: int) -> None:
        registers = self.registers
        second = _from_bcd(registers[SECONDS])
        minute = _from_bcd(registers[MINUTES])
        hour = self._hour()
        if second is None or minute is None or hour is None or not self._date_is_logical():
            return
        total = hour * 3600 + minute * 60 + second + seconds
        registers[SECONDS] = _to_bcd(total % 60)
        registers[MINUTES] = _to_bcd(total // 60 % 60)
        self._set_hour(total // 3600 % 24)
        for _ in range(total // 86400):
            self._next_day()

    def _hour(self) -> int | None:
        """Return 0 to 23 in either mode of the hours register, or None if it holds no hour."""
        register = self.registers[HOURS]
        if not register & TWELVE_HOURS:
            hour = _from_bcd(register)
            return hour if hour is not None and hour < 24 else None
        hour = _from_bcd(register & 0x1F)
        if hour is None or not 1 <= hour <= 12:
            return None
        return hour % 12 + (12 if register & AFTERNOON else 0)

    def _set_hour(self, hour: int) -> None:
        if self.registers[HOURS] & TWELVE_HOURS:
            half = AFTERNOON if hour >= 12 else 0
            self.registers[HOURS] = TWELVE_HOURS | half | _to_bcd((hour + 11) % 12 + 1)
        else:
            self.registers[HOURS] = _to_bcd(hour)

    def _date_is_logical(self) -> bool:
        day = _from_bcd(self.registers[DATE])
        month = _from_bcd(self.registers[MONTH] & ~CENTURY)
        year = _from_bcd(self.registers[YEAR])
        if day is None or month is None or year is None or not 1 <= month <= 12:
            return False
        return 1 <= day <= self._days_in_month(month, year)

    def _days_in_month(self, month: int, year: int) -> int:
        return 29 if month == 2 and year % 4 == 0 else _MONTH_DAYS[month - 1]

    def _next_day(self) -> None:
        registers = self.registers
        registers[WEEKDAY] = registers[WEEKDAY] % 7 + 1
        day = _from_bcd(registers[DATE])
        month = _from_bcd(registers[MONTH] & ~CENTURY)
        year = _from_bcd(registers[YEAR])
        if day is None or month is None or year is None:
            return
        day += 1
        century = registers[MONTH] & CENTURY
        if day > self._days_in_month(month, year):
            day = 1
            month += 1
        if month > 12:
            month = 1
            year += 1
        if year > 99:
            year = 0
            century ^= CENTURY
        registers[DATE] = _to_bcd(day)
        registers[MONTH] = century | _to_bcd(month)
        registers[YEAR] = _to_bcd(year)
