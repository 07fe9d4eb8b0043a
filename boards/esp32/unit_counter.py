"""Pulse counter of the ESP32: a PCNT unit (ESP32 technical reference manual, chapter "Pulse Count Controller").

It goes on through flash erases and whatever the processor does. Needs MicroPython 1.26 or newer.
"""

from esp32 import PCNT
from machine import Pin

MODULUS = 32_000  # where the unit starts again from zero: its "high limit", at most 32,767

_LONGEST_FILTER = 1023  # in cycles of 80 MHz: what is shorter than 12.8 us is no pulse


def start_counting(gpio: int):
    """Make unit 0 count rising edges of `gpio`. Returns `read_raw()`, 0 to MODULUS - 1."""
    unit = PCNT(0, pin=Pin(gpio, Pin.IN), rising=PCNT.INCREMENT, max=MODULUS, filter=_LONGEST_FILTER, value=0)
    unit.start()
    return unit.value
