"""Pulse counter of the ESP32: a PCNT unit (ESP32 technical reference manual, chapter "Pulse Count Controller").

It counts through flash erases, through all work of the processor, and while no program runs. Every reset clears it, a
soft reset of MicroPython too: pulses that were not taken before are lost. Needs MicroPython 1.26 or newer.
"""

from esp32 import PCNT
from machine import Pin

MODULUS = 32_000  # the count at which the unit restarts from zero: its "high limit", at most 32,767

_LONGEST_FILTER = 1023  # in cycles of 80 MHz: pulses shorter than 12.8 us are ignored

# The running unit. Asking MicroPython for it again would stop it (ports/esp32/esp32_pcnt.c).
_counting = []


def start_counting(gpio: int) -> None:
    """Make unit 0 count rising edges of `gpio` from 0, unless it counts already."""
    if not _counting:
        pin = Pin(gpio, Pin.IN, Pin.PULL_UP)
        unit = PCNT(0, pin=pin, rising=PCNT.INCREMENT, max=MODULUS, filter=_LONGEST_FILTER, value=0)
        unit.start()
        _counting.append(unit)


def take_over(_gpio: int) -> tuple:
    """Return the arguments of a `PulseCounter` for the unit that `start_counting` started."""
    return _counting[0].value, MODULUS
