"""Where the sources are that the host tools put onto boards: this repository, which holds the tools too."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
BOARDS = ROOT / "boards"
MPY_CROSS_FINDER = (ROOT / "tools/toolchain/micropython", "mpy-cross")
PICO_IMAGE_BUILDER = (ROOT / "tools/toolchain/pico-image",)
PICO_FLASH_PROGRAM = ROOT / "tools/on_board/pico_flash.py"

CHIP_BOARDS = ("esp32", "pico")
