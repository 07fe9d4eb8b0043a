"""Deployment by image: the MicroPython on the board, stock or the meter's own, writes the meter's image into its flash.

It works on boards of MicroPython's port rp2, which gives Python the end of the flash as `rp2.Flash`. The program that
runs on the board is the `flash_program` of the board's descriptor. The board's program stays as it was until the image
is staged and read back. The seconds after that must not be interrupted. If they are, the board comes up as a drive for
an `.uf2` file, as in BOOTSEL mode, and the ledger is still there.
"""

import base64
import hashlib
import subprocess
import tempfile
from pathlib import Path

from wattpurse_tools import boards
from wattpurse_tools.boards import METER, Descriptor, FlashLayout
from wattpurse_tools.deploy import scripts
from wattpurse_tools.deploy.link import BoardLink
from wattpurse_tools.deploy.visit import IMAGE_NAME, has_image, look, take_over, visit
from wattpurse_tools.places import ROOT

_IMAGE = "firmware.bin"
_BOOT_SCRIPT = "/boot.py"
_SECTOR = 4096
_PIECE = 4 * _SECTOR  # the board has memory for this much, as text and as bytes


def deploy(link: BoardLink, board: Descriptor, may_format: bool, with_clamps: bool = False) -> None:
    """Put the newest image onto the board and start it; build the image first if need be.

    The image `with_clamps` has memory for the samples of clamps. Raises ValueError with a remedy if the board is not
    fit, OSError if the deployment fails.
    """
    image = build_image(board, with_clamps)
    layout = layout_of(board)
    with visit(link, board):
        facts = look(link, board)
        check_board(board, facts)
        check_clamps(facts, with_clamps)
        if board.role != METER:
            check_no_meter(link, layout)
        if not has_image(facts):
            give_up_filesystem(link, board, may_format)
        print(f"{len(image) // 1024} KiB are sent, which takes a minute or two", flush=True)
        stage(link, board, image)
        if not has_image(facts):
            clear_ring(link, layout)
        print("the image is on the board and was checked; the board puts it in place: do not unplug it")
        link.run("exec", "--no-follow", move_program(board, image))


def move_program(board: Descriptor, image: bytes) -> str:
    """Return the program that moves the staged image to its place on the board, and starts it."""
    return _program(board, f"move_in({layout_of(board).stage_offset}, {len(image)}, '{_digest(image)}')")


def layout_of(board: Descriptor) -> FlashLayout:
    """Return the places in the board's flash. Raises ValueError for a board that does not write its own image."""
    if board.deployment.layout is None:
        raise ValueError(f"boards/{board.name} has no flash layout: its firmware goes into the filesystem")
    return board.deployment.layout


def build_image(board: Descriptor, with_clamps: bool = False) -> bytes:
    """Return the newest image. Raises OSError if the build fails, ValueError if there is no room to stage the image."""
    command = [boards.builder(board.name)] + (["--clamps"] if with_clamps else [])
    built = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if built.returncode:
        raise OSError(f"the image could not be built; `make image BOARD={board.name}` says why")
    image = (Path(built.stdout.strip()) / _IMAGE).read_bytes()
    layout = layout_of(board)
    if len(image) > min(layout.stage_offset, layout.ring_offset - layout.stage_offset):
        raise ValueError("the image is too large for a board to put it in place itself: copy the .uf2 in BOOTSEL mode")
    return image


def check_board(board: Descriptor, facts: dict) -> None:
    """Raise ValueError unless this is the board of the descriptor, stock or a meter.

    On another board the running program may lie where the image is staged.
    """
    machine = board.deployment.machine
    build = f"`make image BOARD={board.name}`"
    if facts["machine"].removeprefix(IMAGE_NAME + " on ") != machine:
        raise ValueError(
            f"this board is a '{facts['machine']}', not a '{machine}': copy an .uf2 onto it in BOOTSEL mode."
            f' `make image BOARD={board.name} ARGS="--board NAME"` builds one; NAME: {", ".join(board.definitions)}'
        )
    layout = layout_of(board)
    if facts["storage_blocks"] != layout.storage_sectors(has_image(facts)):
        raise ValueError(
            f"the MicroPython on this board has {facts['storage_blocks']} sectors of storage, a stock one has"
            f" {layout.stock_storage_sectors}: copy the .uf2 of {build} onto it in BOOTSEL mode"
        )
    if facts["has_fence"]:
        raise ValueError(
            "the firmware of this meter is in its filesystem, and its ledger where only that firmware finds it: settle"
            f" the customer's credit, erase all flash in BOOTSEL mode, and copy the .uf2 of {build}"
        )


def check_clamps(facts: dict, with_clamps: bool) -> None:
    """Raise ValueError if a board would lose its clamps: without them a meter that measures by them has no supply."""
    if facts["has_clamps"] and not with_clamps:
        raise ValueError(
            "the image of this board is for clamps, and the new one would not be: say --clamps (make: CLAMPS=1). That"
            " image counts pulses too"
        )


def check_no_meter(link: BoardLink, layout: FlashLayout) -> None:
    """Raise ValueError if the board has a ledger: as a reader it would be a meter no more."""
    if link.execute(_ring_script(layout) + scripts.LOOK_FOR_LEDGER):
        raise ValueError(
            "this board has the ledger of a meter: settle the customer's credit, erase all flash in BOOTSEL mode, and"
            " deploy again"
        )


def give_up_filesystem(link: BoardLink, board: Descriptor, may_format: bool) -> None:
    """Prepare the loss of a stock board's filesystem. The image has its own filesystem.

    A boot script may have started work that goes on while flash is written: the script is removed and the board is
    taken over once more. Raises ValueError if there are files and `may_format` is false.
    """
    found = link.execute(scripts.LIST_FILES)
    check_files(found, may_format)
    if _BOOT_SCRIPT in found:
        link.execute(scripts.REMOVE_FILES.format(paths=[_BOOT_SCRIPT]))
        take_over(link, board)


def check_files(found: list[str], may_format: bool) -> None:
    """Raise ValueError if there are files and `may_format` is false."""
    if found and not may_format:
        some = ", ".join(sorted(found)[:3])
        raise ValueError(
            f"all files on the board would be lost ({some}{' and more' if len(found) > 3 else ''}): save the files that"
            " you need, then say --format (make: FORMAT=1)"
        )


def stage(link: BoardLink, board: Descriptor, image: bytes) -> None:
    """Write the image behind the running program. Raises OSError if it does not arrive as sent."""
    offset = layout_of(board).stage_offset
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "program.py"
        program.write_text(_program(board, scripts.UNMOUNT_FILESYSTEM))
        arguments = ["run", str(program)]
        for start in range(0, len(image), _PIECE):
            sectors = image[start : start + _PIECE]
            sectors += b"\xff" * (-len(sectors) % _SECTOR)
            piece = Path(folder) / f"piece-{start}.py"
            piece.write_text(f"stage({offset + start}, '{base64.b64encode(sectors).decode()}')\n")
            arguments += ["+", "run", str(piece)]
        link.run(*arguments)
    call = f"import json\nprint(json.dumps(digest({offset}, {len(image)})))"
    if link.execute(_program(board, call)) != _digest(image):
        raise OSError("the image is not on the board as sent; its program was not changed, deploy again")


def clear_ring(link: BoardLink, layout: FlashLayout) -> None:
    """Erase the remains of stock MicroPython's filesystem in the ring's place; keep a ledger."""
    if link.execute(_ring_script(layout) + scripts.CLEAR_RING):
        print("the ledger that was found is kept")


def _ring_script(layout: FlashLayout) -> str:
    return scripts.RING_ON_STOCK_RP2.format(
        flash_bytes=layout.flash_bytes,
        offset=layout.ring_offset,
        length=layout.ring_bytes,
    )


def _program(board: Descriptor, call: str) -> str:
    return (ROOT / board.deployment.flash_program).read_text() + "\n\n" + call


def _digest(image: bytes) -> str:
    return hashlib.sha256(image).hexdigest()
