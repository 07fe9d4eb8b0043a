"""The converter of clamps on an RP2040: ADC in turn, DMA into a ring that no program owns.

The ADC reads its inputs 0 to 3 in turn, 8,000 conversions a second, into its FIFO (RP2040 data sheet, 4.9.2). A DMA
channel moves each code into the ring (2.5.1). Its count of transfers, 2**28 at the start, tells how many were written.
When it is used up, after nine hours, a second channel writes it again: the FIFO holds the codes that come meanwhile.

The ring lies behind the heap, in memory that the image for clamps reserves (`image/build --clamps`). So erases and
collections do not touch it, and after a soft reset the DMA goes on where no object of the next program is. It holds
half a second: more than the longest erase of a sector, 0.4 s. A scratch register of the watchdog holds the place up to
which samples were taken. Any other reset stops ADC and DMA.
"""

# `ptr32` is a name of viper.
# pyright: reportUndefinedVariable=false

import micropython
import uctypes
from machine import ADC, mem32

from boards.pico.clamp_sums import add_products
from boards.pico.pins import CLAMP_WIRING
from wattpurse.core.constant import const

RING = const(0x2003E000)
LENGTH = const(4_096)
CHANNELS = const(4)
MODULUS = const(1 << 28)

_RING_BITS = const(13)
_COUNT_WORD = const(RING - 4)  # the second channel reads the count here

_CONTROL = const(0x4004C000)
_FIFO_CONTROL = const(0x4004C008)
_FIFO = const(0x4004C00C)
_DIVIDER = const(0x4004C010)
_ENABLED = const(1 << 0)
_START_MANY = const(1 << 3)
_IN_TURN = const(0b1111 << 16)
_FIFO_ENABLED = const(1 << 0)
_FIFO_REQUESTS = const(1 << 3)
_FIFO_EMPTY = const(1 << 8)
_FIFO_UNDER = const(1 << 10)
_FIFO_OVER = const(1 << 11)
_FIFO_THRESHOLD_ONE = const(1 << 24)
_CYCLES = const(48_000_000 // 8_000 - 1)

# MicroPython gives out channels from 0 upwards.
_DATA = const(0x50000000 + 10 * 0x40)
_RELOAD = const(0x50000000 + 11 * 0x40)
_READ_ADDRESS = const(0x00)
_WRITE_ADDRESS = const(0x04)
_COUNT = const(0x08)
_TRIGGER = const(0x0C)
_COUNT_TRIGGER = const(0x1C)
_QUIET_CONTROL = const(0x10)
_ABORT = const(0x50000444)
_BUSY = const(1 << 24)
_QUIET = const(1 << 21)
_ADC_REQUEST = const(36 << 15)
_NO_REQUEST = const(63 << 15)
_CHAIN_TO_RELOAD = const(11 << 11)
_RING_OF_WRITES = const(1 << 10 | _RING_BITS << 6)
_INCREMENT_WRITES = const(1 << 5)
_HALFWORDS = const(1 << 2)
_WORDS = const(2 << 2)
_URGENT = const(1 << 1)
_ON = const(1 << 0)
_INTO_RING = const(_RING_OF_WRITES | _INCREMENT_WRITES | _HALFWORDS)
_DATA_CONTROL = const(_QUIET | _ADC_REQUEST | _CHAIN_TO_RELOAD | _INTO_RING | _URGENT | _ON)
_RELOAD_CONTROL = const(_QUIET | _NO_REQUEST | _CHAIN_TO_RELOAD | _WORDS | _ON)

# The second of the watchdog's scratch registers (4.7.6); the pulse counter has the first.
_TAKEN = const(0x40058010)


class Sampler:
    """The running converter, see `hal.Sampler`. It is started unless an earlier program has left it running."""

    def __init__(self) -> None:
        self.length = LENGTH
        self.channels = CHANNELS
        self.modulus = MODULUS
        self.ring = uctypes.bytearray_at(RING, 2 * LENGTH)
        self.add_products = add_products
        for row in CLAMP_WIRING:
            ADC(row[1])  # takes pull and digital input off the pad
        if self._is_running():
            self.taken = mem32[_TAKEN] & MODULUS - 1
        else:
            self.restart()

    @micropython.viper
    def read_raw(self) -> int:
        """Return the number of samples written, modulo MODULUS, or -1 after the FIFO was full when a code came.

        Then the channels may have changed places in the ring.
        """
        if int(ptr32(0x4004C008)[0]) & 2048:  # _FIFO_CONTROL, _FIFO_OVER
            return -1
        return (268435456 - int(ptr32(0x50000288)[0])) & 268435455  # MODULUS, the count of _DATA

    @micropython.viper
    def note_taken(self, raw: int):  # noqa: ANN201
        """Keep the place where it outlives the program."""
        ptr32(0x40058010)[0] = raw  # _TAKEN

    def restart(self) -> None:
        """Stop ADC and DMA, empty the FIFO, and begin with channel 0 at the start of the ring."""
        mem32[_CONTROL] = _ENABLED
        for channel in (_DATA, _RELOAD):
            mem32[channel + _QUIET_CONTROL] = 0
        mem32[_ABORT] = 1 << 10 | 1 << 11
        while (mem32[_DATA + _QUIET_CONTROL] | mem32[_RELOAD + _QUIET_CONTROL]) & _BUSY:
            pass
        while not mem32[_FIFO_CONTROL] & _FIFO_EMPTY:
            mem32[_FIFO]
        mem32[_FIFO_CONTROL] = _FIFO_OVER | _FIFO_UNDER | _FIFO_THRESHOLD_ONE | _FIFO_REQUESTS | _FIFO_ENABLED
        mem32[_DIVIDER] = _CYCLES << 8
        mem32[_COUNT_WORD] = MODULUS
        mem32[_RELOAD + _READ_ADDRESS] = _COUNT_WORD
        mem32[_RELOAD + _WRITE_ADDRESS] = _DATA + _COUNT_TRIGGER
        mem32[_RELOAD + _COUNT] = 1
        mem32[_RELOAD + _QUIET_CONTROL] = _RELOAD_CONTROL
        mem32[_DATA + _READ_ADDRESS] = _FIFO
        mem32[_DATA + _WRITE_ADDRESS] = RING
        mem32[_DATA + _COUNT] = MODULUS
        mem32[_DATA + _TRIGGER] = _DATA_CONTROL
        self.taken = 0
        mem32[_TAKEN] = 0
        mem32[_CONTROL] = _IN_TURN | _START_MANY | _ENABLED

    def _is_running(self) -> bool:
        converts = mem32[_CONTROL] & _START_MANY != 0
        return converts and mem32[_DATA + _QUIET_CONTROL] & _BUSY != 0
