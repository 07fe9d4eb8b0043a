"""Deployment onto a Pico: the MicroPython on it, stock or the meter's own, writes the meter's image into its flash.

What is done on the board stands in `tools/on_board/pico_flash.py`. Until the image is staged and was read back, the
program of the board is what it was. Then come some seconds that must not be interrupted; if they are, the board comes
up as a drive for an `.uf2` file, as in BOOTSEL mode, and the ledger is still there.
"""

import base64
import hashlib
import subprocess
import tempfile
from pathlib import Path

from wattpurse_tools.deploy import scripts
from wattpurse_tools.deploy.link import BoardLink
from wattpurse_tools.deploy.visit import IMAGE_NAME, has_image, look, take_over, visit
from wattpurse_tools.places import PICO_FLASH_PROGRAM, PICO_IMAGE_BUILDER

BOARD = "pico"
# Stock MicroPython and the meter's image end before this; both have the ring's place behind it.
STAGE_OFFSET = 0xA0000
RING_OFFSET = 0x140000
RING_BYTES = 512 * 1024

_MACHINE = "Raspberry Pi Pico with RP2040"
# Without and with an image of the meter. Of any other layout the program may lie where the image is staged; the meter's
# own is kept below that by `build_image`.
_STORAGE_BLOCKS = (352, 192)
_IMAGE = "firmware.bin"
_BOOT_SCRIPT = "/boot.py"
_SECTOR = 4096
_PIECE = 4 * _SECTOR  # of what the board has memory for, in text and in bytes


def deploy(link: BoardLink, may_format: bool) -> None:
    """Puts the newest image onto the board and starts it; it is built first if need be.

    Raises ValueError if the board is not fit and says what to do, OSError if it fails.
    """
    image = build_image()
    with visit(link, BOARD):
        facts = look(link, BOARD)
        check_board(facts)
        if not has_image(facts):
            give_up_filesystem(link, may_format)
        print(f"{len(image) // 1024} KiB are sent, which takes a minute or two", flush=True)
        stage(link, image)
        if not has_image(facts):
            clear_ring(link)
        print("the image is on the board and was checked; the board puts it in place: do not unplug it")
        link.run("exec", "--no-follow", _program(f"move_in({STAGE_OFFSET}, {len(image)}, '{_digest(image)}')"))


def build_image() -> bytes:
    """The newest image. Raises OSError if it cannot be built, ValueError if it leaves no room to be staged."""
    built = subprocess.run(PICO_IMAGE_BUILDER, stdout=subprocess.PIPE, text=True)
    if built.returncode:
        raise OSError("the image could not be built; `make image BOARD=pico` says why")
    image = (Path(built.stdout.strip()) / _IMAGE).read_bytes()
    if len(image) > min(STAGE_OFFSET, RING_OFFSET - STAGE_OFFSET):
        raise ValueError("the image is too large for a board to put it in place itself: copy the .uf2 in BOOTSEL mode")
    return image


def check_board(facts: dict) -> None:
    """Raises ValueError unless this is a Pico, stock or a meter: others may have their program where it is staged."""
    if facts["machine"].removeprefix(IMAGE_NAME + " on ") != _MACHINE:
        raise ValueError(
            f"this board is a '{facts['machine']}', not a '{_MACHINE}': copy an .uf2 onto it in BOOTSEL mode, for a"
            ' Pico W the one that `make image BOARD=pico ARGS="--board RPI_PICO_W"` builds'
        )
    if facts["storage_blocks"] != _STORAGE_BLOCKS[has_image(facts)]:
        raise ValueError(
            f"the MicroPython on this board has {facts['storage_blocks']} sectors of storage, a stock one has"
            f" {_STORAGE_BLOCKS[False]}: copy the .uf2 of `make image BOARD=pico` onto it in BOOTSEL mode"
        )
    if facts["has_fence"]:
        raise ValueError(
            "the firmware of this meter is in its filesystem, and its ledger where only that firmware finds it: settle"
            " the customer's credit, erase all flash in BOOTSEL mode, and copy the .uf2 of `make image BOARD=pico`"
        )


def give_up_filesystem(link: BoardLink, may_format: bool) -> None:
    """The image has a filesystem of its own, and that of a stock board is lost.

    A boot script may have started what goes on while flash is written, so it is removed, and the board taken over once
    more. Raises ValueError if there are files and they may not be lost.
    """
    found = link.execute(scripts.LIST_FILES)
    check_files(found, may_format)
    if _BOOT_SCRIPT in found:
        link.execute(scripts.REMOVE_FILES.format(paths=[_BOOT_SCRIPT]))
        take_over(link, BOARD)


def check_files(found: list, may_format: bool) -> None:
    """Raises ValueError if there are files and they may not be lost."""
    if found and not may_format:
        some = ", ".join(sorted(found)[:3])
        raise ValueError(
            f"all files on the board would be lost ({some}{' and more' if len(found) > 3 else ''}): save what is"
            " needed, then say --format (make: FORMAT=1)"
        )


def stage(link: BoardLink, image: bytes) -> None:
    """Put the image behind what runs. Raises OSError if it is not there as sent."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program.py"
        program.write_text(_program(scripts.UNMOUNT_FILESYSTEM))
        arguments = ["run", str(program)]
        for start in range(0, len(image), _PIECE):
            sectors = image[start : start + _PIECE]
            sectors += b"\xff" * (-len(sectors) % _SECTOR)
            piece = Path(folder) / f"piece-{start}.py"
            piece.write_text(f"stage({STAGE_OFFSET + start}, '{base64.b64encode(sectors).decode()}')\n")
            arguments += ["+", "run", str(piece)]
        link.run(*arguments)
    call = f"import json\nprint(json.dumps(digest({STAGE_OFFSET}, {len(image)})))"
    if link.execute(_program(call)) != _digest(image):
        raise OSError("the image is not on the board as sent; its program was not changed, deploy again")


def clear_ring(link: BoardLink) -> None:
    """What stock MicroPython's filesystem left in the ring's place is erased; a ledger there is kept."""
    ring = scripts.RING_ON_STOCK_PICO.format(offset=RING_OFFSET, length=RING_BYTES)
    if link.execute(ring + scripts.CLEAR_RING):
        print("the ledger that was found is kept")


def _program(call):
    return PICO_FLASH_PROGRAM.read_text() + "\n\n" + call


def _digest(image):
    return hashlib.sha256(image).hexdigest()
