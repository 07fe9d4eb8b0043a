"""Pulse counter of the ESP32: a PCNT unit (ESP32 technical reference manual, chapter "Pulse Count Controller").

It goes on through flash erases and whatever the processor does, and while no program runs. Every reset clears it, a
soft reset of MicroPython too: what was not taken before is lost. Needs MicroPython 1.26 or newer.
"""

from esp32 import PCNT
from machine import Pin

MODULUS = 32_000  # where the unit starts again from zero: its "high limit", at most 32,767

_LONGEST_FILTER = 1023  # in cycles of 80 MHz: what is shorter than 12.8 us is no pulse

# The unit that counts, once it does. Asking MicroPython for it again would stop it (ports/esp32/esp32_pcnt.c).
_counting = []


def start_counting(gpio: int) -> None:
    """Make unit 0 count rising edges of `gpio` from 0; if it counts already, it is left alone."""
    if not _counting:
        pin = Pin(gpio, Pin.IN)
        unit = PCNT(0, pin=pin, rising=PCNT.INCREMENT, max=MODULUS, filter=_LONGEST_FILTER, value=0)
        unit.start()
        _counting.append(unit)


def take_over(_gpio: int) -> tuple:
    """What a `PulseCounter` is made of, for the unit that `start_counting` made count."""
    return _counting[0].value, MODULUS
