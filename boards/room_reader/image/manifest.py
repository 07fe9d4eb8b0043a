# Modules frozen into the image of the room reader: no meter, and no console.
import pathlib

WATTPURSE = pathlib.Path("../../../firmware/wattpurse")
# The board finds the boxes of a card by the meter's own code, which knows their contents too.
CORE = sorted(path.relative_to(WATTPURSE).as_posix() for path in (WATTPURSE / "core").rglob("*.py"))

module("rp2.py", base_path="$(PORT_DIR)/modules")
include("$(MPY_DIR)/extmod/asyncio")
module("_boot.py", base_path="modules")
include("../manifest.py")
package(
    "wattpurse",
    files=(
        "__init__.py",
        "cards/__init__.py",
        "cards/classic.py",
        "cards/iso14443.py",
        "cards/memory.py",
        "cards/mfrc522.py",
        "cards/mfrc522_registers.py",
        "cards/purse.py",
        "cards/ultralight.py",
        *CORE,
        "drivers/__init__.py",
        "drivers/button.py",
        "drivers/buzzer.py",
        "drivers/led_display.py",
        "drivers/segments.py",
        "services/__init__.py",
        "services/room_board.py",
    ),
    base_path="../../../firmware",
    opt=3,
)
