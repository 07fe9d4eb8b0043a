"""The image of the Pico for the emulated board, built if it is missing."""

import subprocess
from pathlib import Path

from wattpurse_tools.places import BOARDS, ROOT

PROGRAM = "firmware.bin"

_INSTALLER = ROOT / "tools/emulator/install"
_BUILDER = BOARDS / "pico/image/build"


def build_image(*options: str, builder: Path = _BUILDER) -> Path:
    """Install the emulator and build the image if either is missing. Return the folder of the image.

    `options` are those of `boards/pico/image/build`: with "--stock" the image is MicroPython alone. `builder` is the
    program of another board.
    """
    subprocess.run([_INSTALLER], check=True)
    built = subprocess.run([builder, *options], check=True, stdout=subprocess.PIPE, text=True)
    return Path(built.stdout.strip())
