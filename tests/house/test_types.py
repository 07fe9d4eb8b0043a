"""Types of the firmware and the boards, checked by basedpyright.

Firmware and chip boards are checked once per board, against the published MicroPython stubs: the functions that they
call exist on the port and are called correctly. The simulated board is checked against CPython's own library. Each
board is held to the protocol `hal.Board`. On chip boards a value that may be None is left to the tests.
"""

import subprocess
from pathlib import Path

import pytest

from tests.house.places import FIRMWARE_FILES, ROOT
from tests.house.type_checker import findings, line_of
from wattpurse_tools import boards

HOST = "host"
SEARCHED = {
    "extraPaths": [str(ROOT / "firmware"), str(ROOT), str(ROOT / "build/umqtt")],
    "pythonVersion": "3.11",
    "typeCheckingMode": "basic",
}
OPTIONS = SEARCHED | {"disableBytesTypePromotions": False, "reportMissingModuleSource": False}

# Findings that come from gaps of the stubs.
STUBS_LACK = (
    # ports/rp2/rp2_flash.c takes both.
    'No parameter named "start"',
    'No parameter named "len"',
    # Any object with the methods of a block device will do; the stubs want a class that exists in them alone.
    'to parameter "block_dev" of type "AbstractBlockDev"',
    # The stubs of a Pico are those of an image without TCP/IP.
    'Import "network" could not be resolved',
    # The stubs of a board without a radio lack the network, which an image can have by a modem.
    'is not a known attribute of module "socket"',
    'Import "tls" could not be resolved',
    # Each image, and each deployment, brings its own module `board`.
    'Import "board" could not be resolved',
)


@pytest.fixture(scope="module", params=[*boards.names(), HOST])
def board(request):
    return request.param


def files_of(board: str) -> list[Path]:
    """Return the files to check for a board: all that runs on a chip, its boot script included; the board alone.

    The board of a reader or a dispensing unit is checked with the meter's board that it is like.
    """
    folders = [ROOT / "boards" / board]
    if board != HOST:
        others = [boards.find(name) for name in boards.names(roles=(boards.READER, boards.DISPENSER))]
        folders += [ROOT / "boards" / one.package for one in others if one.pins == boards.find(board).pins]
        folders += [ROOT / "firmware", ROOT / "boards/micropython"]
    return [file for file in FIRMWARE_FILES if any(folder in file.parents for folder in folders)]


def stubs_of(board: str) -> str:
    command = [ROOT / "tools/toolchain/stubs", board]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def options_of(board: str) -> dict:
    """Return the type checker's configuration: the library of CPython for the simulated board, the stubs for others."""
    if board == HOST:
        return OPTIONS
    stubs = stubs_of(board)
    return OPTIONS | {"stubPath": stubs, "typeshedPath": stubs, "reportOptionalMemberAccess": False}


def type_errors(board: str, project: Path, include: list[Path]) -> list[str]:
    """Return the type checker's findings in the files of `include`, as `path:line: message`."""
    found = findings(project, include, options_of(board))
    return [line_of(finding) for finding in found if board == HOST or matters(finding)]


def matters(finding: dict) -> bool:
    message = finding["message"]
    if any(known in message for known in STUBS_LACK):
        return False
    return '"None"' not in message


def test_no_file_has_type_errors(board, tmp_path):
    assert type_errors(board, tmp_path, files_of(board)) == []


ON_ANY_BOARD = {
    "argument": 'from wattpurse.drivers.pulse_counter import PulseCounter\n\nPulseCounter(print, modulus="many")\n',
    "module": "import no_such_module\n",
    "contract": (
        "from wattpurse.hal import Board\n\n\n"
        'class Half:\n    name = "half"\n\n\n'
        "def build_board() -> Board:\n    return Half()\n"
    ),
}
ON_A_CHIP = {
    "port": 'from machine import WDT\n\nWDT(timeout="long")\n',
    "attribute": "import machine\n\nmachine.no_such_function()\n",
    "method": "import time\n\ntime.ticks_seconds()\n",
    "standard_library_beyond_MicroPython": "import asyncio\n\nasyncio.TaskGroup()\n",
}
ON_THE_HOST = {
    "library": 'import select\n\nselect.poll().register("stdin")\n',
    "missing": "def length(text: str | None) -> int:\n    return len(text)\n",
}


def test_breaches_are_found(board, tmp_path):
    planted = ON_ANY_BOARD | (ON_THE_HOST if board == HOST else ON_A_CHIP)
    for name, source in planted.items():
        (tmp_path / f"{name}.py").write_text(source)
    found = type_errors(board, tmp_path, sorted(tmp_path.glob("*.py")))
    for name in planted:
        assert any(f"/{name}.py:" in line for line in found), name
    broken_contract = [line for line in found if "/contract.py:" in line]
    assert len(broken_contract) == 1 and 'not assignable to return type "Board"' in broken_contract[0]
