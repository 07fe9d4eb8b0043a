"""Deployment by filesystem: the compiled firmware goes into the filesystem of a board's stock MicroPython.

The ledger and the settings are raw flash. Nothing here writes to them, with one exception: if the filesystem is made
anew, the ring's place is erased unless it holds a ledger. `main.py` is removed first and copied last, so that a board
that is unplugged meanwhile does not start half a meter.
"""

import tempfile
from pathlib import Path

from wattpurse_tools.boards import Descriptor
from wattpurse_tools.deploy import files, scripts
from wattpurse_tools.deploy.link import BoardLink
from wattpurse_tools.deploy.visit import has_image, look, visit

MPY_VERSION = 6
# In memory a compiled module takes half as much again as in its file; a meter at work needs this besides.
WORKING_BYTES = 96 * 1024

_HASHED_AT_ONCE = 16
_OWN_FOLDERS = ("/wattpurse/", "/boards/", "/umqtt/")
_LAST_FILE = "main.py"


def deploy(link: BoardLink, board: Descriptor, may_format: bool, with_clamps: bool = False) -> None:
    """Put the firmware onto the board and start it anew.

    Raises ValueError with a remedy if the board is not fit, OSError if the deployment fails.
    """
    if with_clamps:
        raise ValueError(
            "the converter of this board is too coarse for clamps: it takes a metering chip, see docs/ct.md"
        )
    with tempfile.TemporaryDirectory() as folder:
        files.stage(board.name, Path(folder))
        with visit(link, board):
            facts = look(link, board)
            check_micropython(board, facts)
            check_memory(board, facts["free_bytes"], Path(folder))
            prepare(link, board, facts, may_format)
            count = copy(link, Path(folder))
            print(f"{count} files are on the board and were checked; the board starts anew")
            link.reset()


def check_micropython(board: Descriptor, facts: dict) -> None:
    """Raise ValueError unless this is stock MicroPython that is new enough to run the firmware."""
    if has_image(facts):
        raise ValueError("this board has the meter's own image, firmware included: flash a new image instead")
    oldest = board.micropython.oldest
    if tuple(facts["version"]) < oldest or facts["mpy"] != MPY_VERSION:
        version = ".".join(map(str, facts["version"]))
        wanted = ".".join(map(str, oldest))
        raise ValueError(f"MicroPython {version} on the board cannot run the firmware; {wanted} or newer is needed")


def check_memory(board: Descriptor, free_bytes: int, folder: Path) -> None:
    """Raise ValueError if the compiled files in `folder` would leave the board too little memory to work."""
    compiled_bytes = sum(file.stat().st_size for file in folder.rglob("*.mpy"))
    needed_bytes = compiled_bytes * 3 // 2 + WORKING_BYTES
    if free_bytes < needed_bytes:
        raise ValueError(
            f"outside an image the firmware needs about {needed_bytes // 1024} KiB of memory, and this board has"
            f" {free_bytes // 1024} KiB: flash the meter's own image, which `make image BOARD={board.name}` builds"
        )


def prepare(link: BoardLink, board: Descriptor, facts: dict, may_format: bool, with_clamps: bool = False) -> None:
    """Check that the board can take the firmware without harm to a ledger; format its filesystem if `may_format`.

    Raises ValueError with a remedy if it cannot.
    """
    if may_format:
        kept = link.execute(scripts.make_filesystem(board.name))
        print("the filesystem is new" + ("; the ledger that was found is kept" if kept else ""))
    elif not is_fenced(board, facts):
        raise ValueError(
            "the filesystem of this board may overlap the place of the ledger. --format (make: FORMAT=1) makes it anew"
            " beside that place; all files on the board are lost"
        )


def is_fenced(board: Descriptor, facts: dict) -> bool:
    """Return True if `--format` made the stock filesystem and `boot.py` keeps it off the ring at each start."""
    return facts["has_fence"] and facts["boot"].endswith(files.FENCE_SCRIPT.format(board=board.name))


def copy(link: BoardLink, folder: Path) -> int:
    """Copy all files of `folder` to the board, remove older firmware, check the copies, return the number of files.

    Raises OSError if a file on the board differs from the one sent.
    """
    expected = files.hashes(folder)
    remove_old(link, expected)
    entries = sorted(str(path) for path in folder.iterdir() if path.name != _LAST_FILE)
    link.run("fs", "cp", "-r", *entries, ":/")
    link.run("fs", "cp", str(folder / _LAST_FILE), f":/{_LAST_FILE}")
    paths = list(expected)
    arrived: dict[str, str] = {}
    for start in range(0, len(paths), _HASHED_AT_ONCE):  # the board has little memory left in one piece
        some = paths[start : start + _HASHED_AT_ONCE]
        arrived.update(link.execute(scripts.HASH_FILES.format(paths=some)))
    wrong = [path for path in expected if arrived[path] != expected[path]]
    if wrong:
        raise OSError(f"these files on the board differ from the sent ones: {', '.join(wrong)}")
    return len(expected)


def remove_old(link: BoardLink, expected: dict[str, str]) -> None:
    """Remove `main.py` and each file that MicroPython would import instead of one of `expected`."""
    found = link.execute(scripts.LIST_FILES)
    old = [path for path in found if path.startswith(_OWN_FOLDERS) and path not in expected]
    old += [path for path in found if path in ("/main.py", "/board.py")]
    if old:
        link.execute(scripts.REMOVE_FILES.format(paths=old))
