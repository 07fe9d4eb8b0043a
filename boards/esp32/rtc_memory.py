"""A few bytes in the RTC memory of an ESP32, which outlive every reset but a loss of power.

MicroPython keeps them through `machine.RTC().memory()` (ports/esp32/machine_rtc.c, RTC_NOINIT_ATTR). They hold the
count up to which pulses were taken, and whether the meter itself asked for the next reset. The bytes: "Wp", the count
(two bytes, the low one first), and 1 if the reset was asked for.
"""

from machine import RTC

_MARK = b"Wp"
_TAKEN_AT = 2
_ASKED_AT = 4
_SIZE = 5


class RtcMemory:
    """The bytes. Writing them allocates nothing. `is_known` is False if other software has used the memory."""

    def __init__(self) -> None:
        self._memory = RTC().memory
        found = self._memory()
        self.is_known = len(found) == _SIZE and found[:_TAKEN_AT] == _MARK
        self._bytes = bytearray(found) if self.is_known else bytearray(_MARK + bytes(_SIZE - len(_MARK)))

    @property
    def taken(self) -> int:
        """The count up to which pulses were taken."""
        return self._bytes[_TAKEN_AT] | self._bytes[_TAKEN_AT + 1] << 8

    def note_taken(self, raw: int) -> None:
        """Keep the count up to which pulses were taken."""
        self._bytes[_TAKEN_AT] = raw & 0xFF
        self._bytes[_TAKEN_AT + 1] = raw >> 8
        self._memory(self._bytes)

    def ask_for_reset(self) -> None:
        """Note that the meter itself asks for the reset that follows."""
        self._bytes[_ASKED_AT] = 1
        self._memory(self._bytes)

    def take_asked(self) -> bool:
        """Return True if the meter asked for the last reset, and forget it."""
        was_asked = self._bytes[_ASKED_AT] == 1
        self._bytes[_ASKED_AT] = 0
        self._memory(self._bytes)
        return was_asked
