"""Pulse counter of the ESP32: unit 0 of PCNT (ESP32 technical reference manual, chapter "Pulse Count Controller").

It counts through flash erases, through all work of the processor, and while no program runs. A soft reset of
MicroPython, `machine.reset()`, a panic and the watchdog of `machine.WDT` reset the processors alone: PCNT and its pin
stay as they are (ESP-IDF, `esp_restart_noos` and `esp_perip_clk_init`). The unit therefore counts on through them. But
MicroPython's `PCNT` would stop and clear its units in a soft reset, and ESP-IDF resets the whole module at the first
unit that it is asked for (ports/esp32/esp32_pcnt.c, `pcnt_unit_config`). Therefore the registers of unit 0 are written
here, and a unit that counts already is left alone. MicroPython is asked for another unit only where none counts: it
gives the module its clock. RTC memory holds the count up to which pulses were taken.

The chip clears the unit, and pulses that were not taken before are lost, after a loss of power, a brown-out, a low
level at EN, a deep sleep, and a reset by the RTC watchdog, which ends a panic that hangs.
"""

from esp32 import PCNT
from machine import Pin, mem32

from boards.esp32.rtc_memory import RtcMemory

MODULUS = 32_000  # the count at which the unit restarts from zero: its "high limit", at most 32,767

_OTHER_UNIT = 7

# Registers (ESP-IDF, soc/esp32: pcnt_reg.h, gpio_reg.h, gpio_sig_map.h).
_CONFIGURATION = 0x3FF57000
_LIMITS = 0x3FF57008
_COUNT = 0x3FF57060
_CONTROL = 0x3FF570B0
_INPUT_OF_SIGNAL_39 = 0x3FF441CC  # signal 39: edges for channel 0 of unit 0

_LONGEST_FILTER = 1023  # in cycles of 80 MHz: pulses shorter than 12.8 us are ignored
_FILTERED = 1 << 10
_ENDS_AT_HIGH_LIMIT = 1 << 12
_RISING_EDGE_INCREMENTS = 1 << 18
_COUNTS_RISING = _LONGEST_FILTER | _FILTERED | _ENDS_AT_HIGH_LIMIT | _RISING_EDGE_INCREMENTS
_NO_LOW_LIMIT = 0x8000 << 16
_CLEARED = 1 << 0
_PAUSED = 1 << 1
_FROM_MATRIX = 1 << 7


def start_counting(gpio: int) -> None:
    """Make unit 0 count rising edges of `gpio` from 0, unless it counts them already."""
    Pin(gpio, Pin.IN, Pin.PULL_UP)
    if _counts(gpio):
        return
    PCNT(_OTHER_UNIT)
    mem32[_CONTROL] |= _CLEARED | _PAUSED
    mem32[_CONFIGURATION] = _COUNTS_RISING
    mem32[_LIMITS] = MODULUS | _NO_LOW_LIMIT
    mem32[_INPUT_OF_SIGNAL_39] = gpio | _FROM_MATRIX
    RtcMemory().note_taken(0)
    mem32[_CONTROL] &= ~(_CLEARED | _PAUSED)


def take_over(_gpio: int) -> tuple:
    """Return the arguments of a `PulseCounter` for the unit that `start_counting` started.

    If other software has used the RTC memory, the present count is taken for known: no pulse counts twice.
    """
    memory = RtcMemory()
    if not memory.is_known:
        memory.note_taken(_read_raw())
    return _read_raw, MODULUS, memory.taken, memory.note_taken


def _read_raw() -> int:
    return mem32[_COUNT] & 0xFFFF


def _counts(gpio: int) -> bool:
    return (
        mem32[_CONFIGURATION] == _COUNTS_RISING
        and mem32[_LIMITS] & 0xFFFF == MODULUS
        and mem32[_CONTROL] & (_CLEARED | _PAUSED) == 0
        and mem32[_INPUT_OF_SIGNAL_39] == gpio | _FROM_MATRIX
    )
