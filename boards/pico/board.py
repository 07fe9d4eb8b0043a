"""The meter's devices on a Raspberry Pi Pico or Pico W: see `hal` for the devices and `pins` for the wiring."""

from boards.micropython.chip_board import ChipBoard
from boards.pico import slice_counter, storage
from boards.pico.flash import PicoFlash
from boards.pico.pins import GPIO
from wattpurse.drivers.pulse_counter import PulseCounter


def build_board() -> ChipBoard:
    """The devices, with the ledger on the ring that the image reserves (`storage`)."""
    return build_board_with(storage.ring_blocks())


def build_board_with(ring_blocks) -> ChipBoard:
    """The devices, with the ledger on another block device. Pulses are counted before anything else is done."""
    counter = PulseCounter(slice_counter.start_counting(GPIO["pulse"]), slice_counter.MODULUS)
    # No delay for the display: a call of a pin takes this chip longer than the display needs.
    return ChipBoard("Raspberry Pi Pico", GPIO, counter, PicoFlash(ring_blocks), 0, True, None)
