"""The meter's devices on a Raspberry Pi Pico or Pico W: see `hal` for the devices and `pins` for the wiring."""

import time

from machine import mem32

from boards.micropython import coils
from boards.micropython.chip_board import ChipBoard, ChipTraits
from boards.micropython.watchdog import Watchdog
from boards.pico import counter, storage
from boards.pico.flash import PicoFlash
from boards.pico.pins import CHIP, DISPLAY_ORDER, GPIO, MODEM_WIRING, READOUT_WIRING, ROOM_WIRING
from wattpurse.drivers.pulse_counter import PulseCounter

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Board, Sampler

# The cause of the last reset (RP2040 data sheet, 4.7.6, REASON). machine.reset_cause() does not tell a timeout apart.
_WATCHDOG_REASON = 0x40058008
_TIMER_RAN_OUT = 1

# The buffers of the modem's UART hold all bytes that lwIP has in flight: see image/network/lwipopts.h.
_MODEM_UART = 0
_ROOM_UART = 1
_MODEM_BUFFER = 2_048


def build_board() -> "Board":
    """Return the devices, with the ledger on the ring that the image reserves (`storage`).

    The boot script has started the counter already. Raises ValueError on another chip.
    """
    coils.release(GPIO, CHIP)
    counter.start_counting(GPIO["pulse"])
    pulses = PulseCounter(*counter.take_over(GPIO["pulse"]))
    watchdog = Watchdog(bool(mem32[_WATCHDOG_REASON] & _TIMER_RAN_OUT))
    traits = ChipTraits(
        reader_bus=0,
        has_hard_interrupts=True,
        display_delay_us=time.sleep_us,
        display_order=DISPLAY_ORDER,
    )
    traits.readout_uart = 0, READOUT_WIRING
    traits.room_line = _ROOM_UART, ROOM_WIRING
    traits.modem_port = _MODEM_UART, MODEM_WIRING, _MODEM_BUFFER
    return ChipBoard(
        "Raspberry Pi Pico",
        GPIO,
        counter=pulses,
        flash=PicoFlash(storage.ring_blocks(), _read_identification),
        watchdog=watchdog,
        traits=traits,
        build_sampler=_build_sampler,
    )


def _build_sampler() -> "Sampler | None":
    """Return the converter of clamps, or None if the image has no memory for its samples."""
    try:  # only the image for clamps freezes this module, so it cannot be a plain import
        module = __import__("boards.pico.sampler", None, None, ("Sampler",))
    except ImportError:
        return None
    return module.Sampler()


def _read_identification() -> int:
    from boards.pico import flash_chip  # the start does not need it

    return flash_chip.read_identification()
