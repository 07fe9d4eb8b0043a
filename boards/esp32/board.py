"""The meter's devices on an ESP32 board with 4 MB of flash: see `hal` for the devices and `pins` for the wiring.

Its random bytes are truly random only while Wi-Fi or Bluetooth is on (ESP32 technical reference manual, "Random Number
Generator"); otherwise they come from a generator seeded at the start of the chip.
"""

import esp
import machine

from boards.esp32 import counter, ring_place, storage
from boards.esp32.pins import CHIP, DISPLAY_ORDER, GPIO, METERING_GPIO, MODEM_WIRING, READOUT_WIRING
from boards.esp32.rtc_memory import RtcMemory
from boards.micropython import coils
from boards.micropython.block_flash import BlockFlash
from boards.micropython.chip_board import ChipBoard, ChipTraits
from boards.micropython.clock import wait_us
from boards.micropython.watchdog import Watchdog
from wattpurse.drivers.pulse_counter import PulseCounter

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.micropython.block_flash import BlockDevice
    from wattpurse.hal import Board


_NO_CAUSE = 0

_MODEM_UART = 2
_MODEM_BUFFER = 8_192  # more than the window of the chip's lwIP, with escapes


def build_board() -> "Board":
    """Return the devices, with the ledger on the partition that the image reserves. Raises OSError if it is missing."""
    return build_board_with(storage.ring_blocks())


def build_board_with(ring_blocks: "BlockDevice") -> "Board":
    """Return the devices, with the ledger on another block device. The boot script has started the counter already.

    Raises ValueError on another chip, OSError if a ledger lies elsewhere.
    """
    coils.release(GPIO, CHIP)
    ring_place.check(esp.flash_read, esp.flash_size())
    was_asked_for = RtcMemory().take_asked()
    counter.start_counting(GPIO["pulse"])
    pulses = PulseCounter(*counter.take_over(GPIO["pulse"]))
    cause = machine.reset_cause()
    # A panic has the same cause as `machine.reset()`, and some resets have none at all (ports/esp32/modmachine.c).
    is_unexplained = cause in (machine.HARD_RESET, _NO_CAUSE) and not was_asked_for
    watchdog = Watchdog(cause == machine.WDT_RESET, is_unexplained)
    traits = ChipTraits(
        reader_bus=2,
        has_hard_interrupts=False,
        display_delay_us=wait_us,
        display_order=DISPLAY_ORDER,
        bare_inputs=("magnet", "reverse_flow", "power_fail"),
        note_reset=lambda: RtcMemory().ask_for_reset(),
        metering_spi=(1, METERING_GPIO),
    )
    traits.readout_uart = 2, READOUT_WIRING
    traits.modem_port = _MODEM_UART, MODEM_WIRING, _MODEM_BUFFER
    return ChipBoard(
        "ESP32",
        GPIO,
        counter=pulses,
        flash=BlockFlash(ring_blocks),
        watchdog=watchdog,
        traits=traits,
        build_sampler=_no_sampler,
    )


def _no_sampler() -> None:
    """Return None: the converter of this chip is too coarse for clamps. A metering chip does it: see docs/ct.md."""
