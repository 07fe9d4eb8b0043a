"""Pulse counter of the RP2040: a PWM slice that counts rising edges of its B pin (RP2040 data sheet, 4.5.2.5).

MicroPython's machine.PWM does not offer this mode, so the registers of the slice are written here (4.5.3). The counter
goes on through flash erases and with interrupts off. A soft reset of MicroPython stops it, any other reset clears it.
"""

from machine import Pin, mem32

MODULUS = 1 << 16

_PWM_BASE = 0x40050000
_SLICE_BYTES = 0x14
_CONTROL = 0x00
_DIVIDER = 0x04
_COUNTER = 0x08
_TOP = 0x10

_ENABLED = 1 << 0
_RISING_EDGE_OF_B = 2 << 4
_DIVIDE_BY_ONE = 1 << 4


def start_counting(gpio: int):
    """Make the slice of `gpio`, which must be a B pin (odd, below 30), count. Returns `read_raw()`, 0 to 65,535."""
    if gpio % 2 == 0 or not 0 < gpio < 30:
        raise ValueError("only an odd pin, below 30, is the B pin of a slice")
    base = _PWM_BASE + gpio // 2 % 8 * _SLICE_BYTES
    mem32[base + _CONTROL] = _RISING_EDGE_OF_B  # before the pin is joined: in the slice's other mode B is an output
    mem32[base + _DIVIDER] = _DIVIDE_BY_ONE
    mem32[base + _TOP] = MODULUS - 1
    mem32[base + _COUNTER] = 0
    Pin(gpio, Pin.ALT, Pin.PULL_UP, alt=Pin.ALT_PWM)
    mem32[base + _CONTROL] = _RISING_EDGE_OF_B | _ENABLED
    counter = base + _COUNTER

    def read_raw():
        return mem32[counter]

    return read_raw
