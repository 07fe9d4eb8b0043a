"""The first act of every boot script: make sure of the chip, then take all current from both coils.

A chip keeps the levels of its pins through some resets: every chip through a soft reset of MicroPython, and an ESP32
through `machine.reset()`, a panic and its watchdog as well (ESP-IDF, `esp_restart_noos`). A coil that is driven at that
moment stays driven until this runs.

`sys.platform` is the same for a whole family of chips, but the same numbers are other pins on its other members: on an
ESP32-S3, GPIO 32 and 33 belong to flash and PSRAM.
"""

import sys

from machine import Pin

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Mapping


def release(gpio: "Mapping[str, int]", chip: str) -> None:
    """Drive both coil pins of the wiring table `gpio` low. Raises ValueError on another chip and touches no pin."""
    machine = sys.implementation._machine
    if not machine.endswith(" with " + chip):
        raise ValueError("this firmware is for another chip, " + chip + "; this board says " + machine)
    Pin(gpio["open_coil"], Pin.OUT, value=0)
    Pin(gpio["close_coil"], Pin.OUT, value=0)
