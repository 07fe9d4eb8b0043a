"""The simulated meter between two runs, in a folder: flash, clock chip, relay, sensors, the time and the house.

One run at a time has the folder: two runs would both credit the same token. The lock ends with the process.

The flash's file is written sector by sector as the chip is, and before any card's file: a card must never report an
event that the meter does not remember.
"""

import json

from boards.host import files
from boards.host.chips.flash import SECTOR_SIZE

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import IO

    from boards.host.protocols import LiveWorld, StoredFlash


TERMINAL_SIZE = "terminal-size.txt"  # for `screen.terminal`

_FLASH = "flash.bin"
_REST = "world.json"
_LOCK = "lock"
_SENSORS = ("cover", "magnet", "reverse_flow")


class StateFolder:
    """The folder `path`. `rest` is the content of `world.json` and `memory` the flash; None in a new folder.

    `customer` are the facts of `commissioning.Customer`, kept beside the meter. Raises ValueError if another run has
    the folder.
    """

    def __init__(self, path: str) -> None:
        files.make_folder(path)
        self.path = path
        self._lock: IO[str] | None = files.lock(path + "/" + _LOCK)
        if self._lock is None:
            raise ValueError(f"another run has the meter in the folder {path}; quit it, or name another with --state")
        self.customer: dict | None = None
        self.rest: dict | None = None
        self.memory: bytearray | None = None
        self._saved: bytearray | None = None
        self._activity: int | None = None
        if files.exists(path + "/" + _REST):
            with open(path + "/" + _REST) as file:
                self.rest = json.load(file)
            with open(path + "/" + _FLASH, "rb") as file:
                self.memory = bytearray(file.read())
            self.customer = (self.rest or {}).get("customer")

    def close(self) -> None:
        """Leave the folder to other runs."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def restore(self, world: "LiveWorld") -> None:
        """Put the state of the last run into a new `world`. Raises ValueError if there is none."""
        rest = self.rest
        if rest is None:
            raise ValueError(f"{self.path} holds no meter")
        hardware = world.hardware
        world.household.change_extra(rest["extra_w"])
        for register, value in enumerate(bytes.fromhex(rest["clock_chip"])):
            hardware.rtc.corrupt(register, value)
        hardware.relay.contact_closed = rest["contact_closed"]
        hardware.relay.welded = rest.get("welded", False)
        for name in rest.get("sensed", ()):
            getattr(hardware, name).sense(True)
        hardware.source.restore_energy_uj(rest["energy_uj"])

    def save(self, world: "LiveWorld") -> None:
        """Write everything that has changed since the last call."""
        hardware = world.hardware
        if hardware.flash is not None:
            self._save_flash(hardware.flash)
        hardware.rtc.select(0)  # brings its registers up to date
        rest = {
            "utc_s": world.now_s(),
            "clock_chip": bytes(hardware.rtc.registers).hex(),
            "contact_closed": hardware.relay.contact_closed,
            "welded": hardware.relay.welded,
            "sensed": [name for name in _SENSORS if getattr(hardware, name).senses],
            "energy_uj": hardware.source.energy_uj,
            "extra_w": world.household.extra_w,
            "customer": self.customer,
        }
        files.write_whole(self.path + "/" + _REST, json.dumps(rest))

    def _save_flash(self, flash: "StoredFlash") -> None:
        activity = flash.programs + sum(flash.erases)
        if self._saved is None:
            with open(self.path + "/" + _FLASH, "wb") as file:
                file.write(flash.memory)
            self._saved = bytearray(flash.memory)
        elif activity != self._activity:
            self._save_changed_sectors(self._saved, flash.memory)
        self._activity = activity

    def _save_changed_sectors(self, saved: bytearray, memory: bytearray) -> None:
        old, new = memoryview(saved), memoryview(memory)
        with open(self.path + "/" + _FLASH, "r+b") as file:
            for start in range(0, len(memory), SECTOR_SIZE):
                end = start + SECTOR_SIZE
                if old[start:end] != new[start:end]:
                    file.seek(start)
                    file.write(new[start:end])
                    old[start:end] = new[start:end]
