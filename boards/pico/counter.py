"""Pulse counter of the RP2040: a PWM slice that counts rising edges of its B pin (RP2040 data sheet, 4.5.2.5).

MicroPython's machine.PWM does not offer this mode, so the registers of the slice are written here (4.5.3). The counter
goes on through flash erases, with interrupts off, and while no program runs. A soft reset of MicroPython keeps the
count. It stops some slices, in 1.25 only the first four (ports/rp2/machine_pwm.c), and the boot script restarts a
stopped one. A scratch register, which also survives a soft reset, holds the count up to which pulses were taken. Any
other reset clears the count, and pulses that were not taken before are lost.
"""

from machine import Pin, mem32

MODULUS = 1 << 16

_PWM_BASE = 0x40050000
_SLICE_BYTES = 0x14
_CONTROL = 0x00
_DIVIDER = 0x04
_COUNTER = 0x08
_TOP = 0x10
# The first of the watchdog's scratch registers (4.7.6). Boot ROM and SDK use the last four.
_TAKEN = 0x4005800C

_ENABLED = 1 << 0
_RISING_EDGE_OF_B = 2 << 4
_DIVIDE_BY_ONE = 1 << 4


def start_counting(gpio: int) -> None:
    """Start the slice of `gpio`, which must be a B pin (odd, below 30), unless it counts already.

    After a soft reset it keeps its count, otherwise it begins at 0.
    """
    base = _slice(gpio)
    control = mem32[base + _CONTROL]
    if control == _RISING_EDGE_OF_B | _ENABLED:
        return
    if control != _RISING_EDGE_OF_B:
        mem32[base + _CONTROL] = _RISING_EDGE_OF_B  # before the pin is connected: in the other mode B is an output
        mem32[base + _DIVIDER] = _DIVIDE_BY_ONE
        mem32[base + _TOP] = MODULUS - 1
        mem32[base + _COUNTER] = 0
        mem32[_TAKEN] = 0
    Pin(gpio, Pin.ALT, Pin.PULL_UP, alt=Pin.ALT_PWM)
    mem32[base + _CONTROL] = _RISING_EDGE_OF_B | _ENABLED


def take_over(gpio: int) -> tuple:
    """Return the arguments of a `PulseCounter` for the slice that `start_counting` started."""
    counter = _slice(gpio) + _COUNTER

    def read_raw() -> int:
        return mem32[counter]

    def note_taken(raw: int) -> None:
        mem32[_TAKEN] = raw

    return read_raw, MODULUS, mem32[_TAKEN], note_taken


def _slice(gpio: int) -> int:
    if gpio % 2 == 0 or not 0 < gpio < 30:
        raise ValueError("only an odd pin, below 30, is the B pin of a slice")
    return _PWM_BASE + gpio // 2 % 8 * _SLICE_BYTES
