"""The meter's devices on an ESP32 board with 4 MB of flash: see `hal` for the devices and `pins` for the wiring.

Its random bytes are true ones only while Wi-Fi or Bluetooth is on (ESP32 technical reference manual, "Random Number
Generator"); otherwise they come from a generator seeded at the start of the chip.
"""

import time

import machine

from boards.esp32 import counter, storage
from boards.esp32.pins import GPIO
from boards.micropython.block_flash import BlockFlash
from boards.micropython.chip_board import ChipBoard
from boards.micropython.watchdog import Watchdog
from wattpurse.drivers.pulse_counter import PulseCounter


def build_board() -> ChipBoard:
    """The devices, with the ledger on the partition that the image reserves. Raises OSError if there is none."""
    return build_board_with(storage.ring_blocks())


def build_board_with(ring_blocks) -> ChipBoard:
    """The devices, with the ledger on another block device. The boot script has started the counter already."""
    counter.start_counting(GPIO["pulse"])
    pulses = PulseCounter(*counter.take_over(GPIO["pulse"]))
    watchdog = Watchdog(machine.reset_cause() == machine.WDT_RESET)
    bare_inputs = ("magnet", "reverse_flow")
    return ChipBoard("ESP32", GPIO, pulses, BlockFlash(ring_blocks), watchdog, 2, False, time.sleep_us, bare_inputs)
