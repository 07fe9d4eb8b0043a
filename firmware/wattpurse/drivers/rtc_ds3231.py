"""DS3231 real-time clock on I2C (Maxim data sheet 19-5170, "Clock and Calendar" and "Status Register").

The chip is kept in 24-hour mode and in UTC. Its century bit is 0 for 20xx and 1 for 21xx. It treats 2100 as a leap
year, so from 2100-02-29 on it has to be set again. One burst reads time and status of one instant.
"""

from wattpurse.core.tariffs.calendar import DAY_S, civil_from_days, days_from_civil, weekday

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import I2c

ADDRESS = 0x68
FIRST_YEAR = 2000
LAST_YEAR = 2199

_SECONDS = 0x00
_CONTROL = 0x0E
_STATUS = 0x0F
_REGISTERS_READ = 16
_TIME_REGISTERS = 7

_OSCILLATOR_OFF_ON_BATTERY = 0x80
_OSCILLATOR_STOPPED = 0x80
_CENTURY = 0x80


class Ds3231:
    """The clock chip on `i2c`. Both calls raise OSError when it does not answer."""

    def __init__(self, i2c: "I2c", address: int = ADDRESS) -> None:
        self._i2c = i2c
        self._address = address
        self._registers = bytearray(_REGISTERS_READ)
        self._time = memoryview(self._registers)[:_TIME_REGISTERS]
        self._byte = bytearray(1)

    def read(self) -> int | None:
        """Return seconds since 1970 UTC, or None when the time cannot be trusted.

        It cannot be trusted if the oscillator has stopped since the clock was set, or if the registers hold no valid
        date and time.
        """
        registers = self._registers
        self._i2c.readfrom_mem_into(self._address, _SECONDS, registers)
        if registers[_STATUS] & _OSCILLATOR_STOPPED:
            return None
        # The 12-hour bit of the hours makes a number above 23, which is refused.
        second = _from_bcd(registers[0], 59)
        minute = _from_bcd(registers[1], 59)
        hour = _from_bcd(registers[2], 23)
        day = _from_bcd(registers[4], 31)
        month = _from_bcd(registers[5] & ~_CENTURY, 12)
        year = _from_bcd(registers[6], 99)
        if None in (second, minute, hour, day, month, year):
            return None
        year += FIRST_YEAR + (100 if registers[5] & _CENTURY else 0)
        days = days_from_civil(year, month, day)
        if civil_from_days(days) != (year, month, day):
            return None
        return days * DAY_S + hour * 3600 + minute * 60 + second

    def set(self, utc_s: int) -> None:
        """Set the chip to a time in seconds since 1970 UTC. It counts the next second one second after this.

        The oscillator-stop flag is cleared last: a first setting that is cut off leaves the time untrusted. Raises
        ValueError outside the years 2000 to 2199.
        """
        days = utc_s // DAY_S
        year, month, day = civil_from_days(days)
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise ValueError("the clock chip holds the years 2000 to 2199")
        time = self._time
        time[0] = _to_bcd(utc_s % 60)
        time[1] = _to_bcd(utc_s // 60 % 60)
        time[2] = _to_bcd(utc_s // 3600 % 24)
        time[3] = weekday(days) + 1
        time[4] = _to_bcd(day)
        time[5] = _to_bcd(month) | (_CENTURY if year >= 2100 else 0)
        time[6] = _to_bcd(year % 100)
        self._i2c.writeto_mem(self._address, _SECONDS, time)
        self._clear_bit(_CONTROL, _OSCILLATOR_OFF_ON_BATTERY)
        self._clear_bit(_STATUS, _OSCILLATOR_STOPPED)

    def _clear_bit(self, register: int, bit: int) -> None:
        self._i2c.readfrom_mem_into(self._address, register, self._byte)
        self._byte[0] &= ~bit
        self._i2c.writeto_mem(self._address, register, self._byte)


def _to_bcd(value: int) -> int:
    return value // 10 << 4 | value % 10


def _from_bcd(register: int, most: int) -> int | None:
    """Return the number in a register, or None if a digit is above 9 or the number above `most`."""
    if register & 0x0F > 9:
        return None
    value = (register >> 4) * 10 + (register & 0x0F)
    return value if value <= most else None
