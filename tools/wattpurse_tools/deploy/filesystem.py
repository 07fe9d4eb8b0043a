"""Deployment onto an ESP32: the compiled firmware goes into the filesystem of its stock MicroPython.

The ledger and the settings are raw flash and are never written here, except once: where the filesystem is made anew,
what lies in the ring's place and is no ledger is erased. `main.py` is removed first and copied last, so that a board
that is unplugged meanwhile starts no half of a meter.
"""

import tempfile
from pathlib import Path

from wattpurse_tools.deploy import files, scripts
from wattpurse_tools.deploy.link import BoardLink
from wattpurse_tools.deploy.visit import has_image, look, visit

BOARD = "esp32"
MPY_VERSION = 6
OLDEST_MICROPYTHON = [1, 26]
# In memory a compiled module takes half as much again as in its file; a meter at work needs this besides.
WORKING_BYTES = 96 * 1024

_HASHED_AT_ONCE = 16
_OWN_FOLDERS = ("/wattpurse/", "/boards/")


def deploy(link: BoardLink, may_format: bool) -> None:
    """Puts the firmware onto the board and starts it anew.

    Raises ValueError if the board is not fit and says what to do, OSError if it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        files.stage(BOARD, Path(folder))
        with visit(link, BOARD):
            facts = look(link, BOARD)
            check_micropython(facts)
            check_memory(facts["free_bytes"], Path(folder))
            prepare(link, facts, may_format)
            count = copy(link, Path(folder))
            print(f"{count} files are on the board and were checked; the board starts anew")
            link.reset()


def check_micropython(facts: dict) -> None:
    """Raises ValueError unless this is stock MicroPython that is new enough to run the firmware."""
    if has_image(facts):
        raise ValueError("this board has the meter's own image, firmware included: flash a new image instead")
    if facts["version"] < OLDEST_MICROPYTHON or facts["mpy"] != MPY_VERSION:
        version = ".".join(map(str, facts["version"]))
        wanted = ".".join(map(str, OLDEST_MICROPYTHON))
        raise ValueError(f"MicroPython {version} on the board cannot run the firmware; {wanted} or newer is needed")


def check_memory(free_bytes: int, folder: Path) -> None:
    """Raises ValueError if the files in `folder`, which the board would keep in memory, leave no room to work."""
    compiled_bytes = sum(file.stat().st_size for file in folder.rglob("*.mpy"))
    needed_bytes = compiled_bytes * 3 // 2 + WORKING_BYTES
    if free_bytes < needed_bytes:
        raise ValueError(
            f"the firmware needs about {needed_bytes // 1024} KiB of memory where it is no part of the image, and this"
            f" board has {free_bytes // 1024} KiB: flash the meter's own image, which `make image BOARD={BOARD}` builds"
        )


def prepare(link: BoardLink, facts: dict, may_format: bool) -> None:
    """See that the board can take the firmware without harm to a ledger, or make it so where that is allowed.

    Raises ValueError if it cannot, and says what to do.
    """
    if may_format:
        kept = link.execute(scripts.make_filesystem(BOARD))
        print("the filesystem is new" + ("; the ledger that was found is kept" if kept else ""))
    elif not is_fenced(facts):
        raise ValueError(
            "the filesystem of this board may lie where the ledger is to be. With --format (make: FORMAT=1) it is made"
            " anew beside a place for the ledger; all files on the board are lost"
        )


def is_fenced(facts: dict) -> bool:
    """Whether a filesystem of stock MicroPython was made by `--format` and is kept off the ring at each start."""
    return facts["has_fence"] and facts["boot"].endswith(files.FENCE_SCRIPT.format(board=BOARD))


def copy(link: BoardLink, folder: Path) -> int:
    """Put all files of `folder` onto the board, remove what an older firmware left, and check; the number of files.

    Raises OSError if a file on the board is not what was sent.
    """
    expected = files.hashes(folder)
    remove_old(link, expected)
    entries = [str(folder / name) for name in ("wattpurse", "boards", "board.mpy", "boot.py")]
    link.run("fs", "cp", "-r", *entries, ":/")
    link.run("fs", "cp", str(folder / "main.py"), ":/main.py")
    paths, arrived = list(expected), {}
    for start in range(0, len(paths), _HASHED_AT_ONCE):  # the board has little memory left in one piece
        some = paths[start : start + _HASHED_AT_ONCE]
        arrived.update(link.execute(scripts.HASH_FILES.format(paths=some)))
    wrong = [path for path in expected if arrived[path] != expected[path]]
    if wrong:
        raise OSError(f"not on the board as sent: {', '.join(wrong)}")
    return len(expected)


def remove_old(link: BoardLink, expected: dict) -> None:
    """Remove `main.py`, and what would be imported in place of a file that is to come."""
    found = link.execute(scripts.LIST_FILES)
    old = [path for path in found if path.startswith(_OWN_FOLDERS) and path not in expected]
    old += [path for path in found if path in ("/main.py", "/board.py")]
    if old:
        link.execute(scripts.REMOVE_FILES.format(paths=old))
