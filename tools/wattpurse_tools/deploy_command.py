"""`wattpurse deploy`: put the compiled firmware onto a board that runs stock MicroPython, and start the meter.

The ledger and the settings are raw flash and are never written here, except once: where the filesystem is made anew
(`--format`), what lies in the ring's place and is no ledger is erased. While files are copied nothing is
metered, and the load switch stays as it is; `main.py` is removed first and copied last, so that a board that is
unplugged meanwhile starts no half of a meter.
"""

import importlib
import tempfile
from pathlib import Path

from wattpurse_tools import deploy_files, deploy_scripts
from wattpurse_tools.board_link import BoardLink
from wattpurse_tools.places import CHIP_BOARDS

MPY_VERSION = 6
# In memory a compiled module takes half as much again as in its file; a meter at work needs this besides.
WORKING_BYTES = 96 * 1024
START_TIMEOUT_S = 30

_PORTS = {"pico": "rp2", "esp32": "esp32"}
_OLDEST = {"pico": [1, 24], "esp32": [1, 26]}
_TIMERS = {"pico": -1, "esp32": 0}
_IMAGE_NAME = "Wattpurse"
_HASHED_AT_ONCE = 16
_OWN_FOLDERS = ("/wattpurse/", "/boards/")


def add_parser(subparsers):
    """Adds `deploy`."""
    parser = subparsers.add_parser("deploy", help="put the firmware onto a board that runs MicroPython")
    parser.add_argument("board", choices=CHIP_BOARDS)
    parser.add_argument("port", help="serial port, for instance /dev/ttyACM0")
    parser.add_argument("--format", action="store_true", help="make the filesystem anew; all files are lost")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Deploys and says what was done. Raises OSError or ValueError where the board or its content is not fit."""
    link = BoardLink(arguments.port)
    with tempfile.TemporaryDirectory() as folder:
        deploy_files.stage(arguments.board, Path(folder))
        take_over(link, arguments.board)
        try:
            facts = look(link, arguments.board)
            check_memory(arguments.board, facts["free_bytes"], Path(folder))
            prepare(link, arguments.board, facts, arguments.format)
            count = copy(link, Path(folder))
            print(f"{count} files are on the board and were checked; the board starts anew")
        finally:
            link.reset()
    if not link.wait_for_meter(START_TIMEOUT_S):
        raise OSError(f"the files arrived, but no meter answers on {arguments.port}")
    print("the meter is running")
    return 0


def take_over(link: BoardLink, board: str):
    """Stop what runs on the board, see that no coil stays under current, and keep its watchdog content.

    One command for all three: a watchdog that ran would not wait for another.
    """
    gpio = importlib.import_module(f"boards.{board}.pins").GPIO
    release = deploy_scripts.RELEASE_COILS.format(coils=(gpio["open_coil"], gpio["close_coil"]))
    feed = deploy_scripts.FEED_WATCHDOG.format(timer=_TIMERS[board])
    link.run("exec", release, "+", "soft-reset", "+", "exec", feed)


def look(link: BoardLink, board: str) -> dict:
    """What the board is. Raises ValueError unless it is one for this firmware."""
    facts = link.execute(deploy_scripts.LOOK_AT_BOARD.format(board=board))
    check_micropython(board, facts)
    return facts


def check_memory(board: str, free_bytes: int, folder: Path):
    """Raises ValueError if the files in `folder`, which the board would keep in memory, leave no room to work."""
    compiled_bytes = sum(file.stat().st_size for file in folder.rglob("*.mpy"))
    needed_bytes = compiled_bytes * 3 // 2 + WORKING_BYTES
    if free_bytes < needed_bytes:
        raise ValueError(
            f"the firmware needs about {needed_bytes // 1024} KiB of memory where it is no part of the image, and this"
            f" board has {free_bytes // 1024} KiB: flash the meter's own image, which `make image BOARD={board}` builds"
        )


def prepare(link: BoardLink, board: str, facts: dict, may_format: bool):
    """See that the board can take the firmware without harm to a ledger, or make it so where that is allowed.

    Raises ValueError if it cannot, and says what to do.
    """
    if may_format:
        kept = link.execute(deploy_scripts.make_filesystem(board))
        print("the filesystem is new" + ("; the ledger that was found is kept" if kept else ""))
    elif not is_fenced(board, facts):
        raise ValueError(
            "the filesystem of this board may lie where the ledger is to be. With --format (make: FORMAT=1) it is made"
            " anew beside a place for the ledger; all files on the board are lost"
        )


def check_micropython(board: str, facts: dict):
    """Raises ValueError unless this is stock MicroPython for that chip, new enough to run the firmware."""
    if facts["port"] != _PORTS[board]:
        raise ValueError(f"this is no {board}: its MicroPython is for {facts['port']}")
    if facts["machine"].startswith(_IMAGE_NAME):
        raise ValueError("this board has the meter's own image, firmware included: flash a new image instead")
    if facts["version"] < _OLDEST[board] or facts["mpy"] != MPY_VERSION:
        version = ".".join(map(str, facts["version"]))
        wanted = ".".join(map(str, _OLDEST[board]))
        raise ValueError(f"MicroPython {version} on the board cannot run the firmware; {wanted} or newer is needed")


def is_fenced(board: str, facts: dict) -> bool:
    """Whether a filesystem of stock MicroPython was made by `--format` and is kept off the ring at each start."""
    return facts["has_fence"] and facts["boot"].endswith(deploy_files.FENCE_SCRIPT.format(board=board))


def copy(link: BoardLink, folder: Path) -> int:
    """Put all files of `folder` onto the board, remove what an older firmware left, and check; the number of files.

    Raises OSError if a file on the board is not what was sent.
    """
    expected = deploy_files.hashes(folder)
    remove_old(link, expected)
    entries = [str(folder / name) for name in ("wattpurse", "boards", "board.mpy", "boot.py")]
    link.run("fs", "cp", "-r", *entries, ":/")
    link.run("fs", "cp", str(folder / "main.py"), ":/main.py")
    paths, arrived = list(expected), {}
    for start in range(0, len(paths), _HASHED_AT_ONCE):  # the board has little memory left in one piece
        some = paths[start : start + _HASHED_AT_ONCE]
        arrived.update(link.execute(deploy_scripts.HASH_FILES.format(paths=some)))
    wrong = [path for path in expected if arrived[path] != expected[path]]
    if wrong:
        raise OSError(f"not on the board as sent: {', '.join(wrong)}")
    return len(expected)


def remove_old(link: BoardLink, expected: dict):
    """Remove `main.py`, and what would be imported in place of a file that is to come."""
    found = link.execute(deploy_scripts.LIST_FILES)
    old = [path for path in found if path.startswith(_OWN_FOLDERS) and path not in expected]
    old += [path for path in found if path in ("/main.py", "/board.py")]
    if old:
        link.execute(deploy_scripts.REMOVE_FILES.format(paths=old))
