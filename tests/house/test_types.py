"""Firmware and boards against the published MicroPython stubs: what they call exists on the port, and is called right.

Checked by basedpyright, once per board. Annotations are few by rule, so what may be None is left to the tests.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.places import FIRMWARE_FILES, ROOT
from wattpurse_tools import boards

# Where the stubs say less than the ports do.
STUBS_LACK = (
    # ports/rp2/rp2_flash.c takes both.
    'No parameter named "start"',
    'No parameter named "len"',
    # Any object with the methods of a block device will do; the stubs want a class that exists in them alone.
    'to parameter "block_dev" of type "AbstractBlockDev"',
    # Each image, and each deployment, brings its own module `board`.
    'Import "board" could not be resolved',
)


@pytest.fixture(scope="module", params=boards.names())
def board(request):
    return request.param


def files_of(board: str) -> list[Path]:
    """All that runs on a board, its boot script included."""
    folders = [ROOT / "firmware", ROOT / "boards/micropython", ROOT / "boards" / board]
    return [file for file in FIRMWARE_FILES if any(folder in file.parents for folder in folders)]


def stubs_of(board: str) -> str:
    command = [ROOT / "tools/toolchain/stubs", board]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def type_errors(board: str, project: Path, include: list[Path]) -> list[str]:
    """What the type checker has against the files of `include`, as `path:line: message`."""
    stubs = stubs_of(board)
    configuration = {
        "include": [str(path) for path in include],
        "extraPaths": [str(ROOT / "firmware"), str(ROOT)],
        "stubPath": stubs,
        "typeshedPath": stubs,
        "pythonVersion": "3.11",
        "typeCheckingMode": "basic",
        "disableBytesTypePromotions": False,
        "reportMissingModuleSource": False,
        "reportOptionalMemberAccess": False,
    }
    (project / "pyrightconfig.json").write_text(json.dumps(configuration))
    command = [sys.executable, "-m", "basedpyright", "--project", project, "--outputjson"]
    report = json.loads(subprocess.run(command, capture_output=True, text=True).stdout)
    assert report["summary"]["filesAnalyzed"] == len(include)
    return [line_of(finding) for finding in report["generalDiagnostics"] if matters(finding)]


def matters(finding: dict) -> bool:
    message = finding["message"]
    if any(known in message for known in STUBS_LACK):
        return False
    return '"None"' not in message


def line_of(finding: dict) -> str:
    line = finding["range"]["start"]["line"] + 1
    return f"{finding['file']}:{line}: {finding['message'].splitlines()[0]}"


def test_every_file_agrees_with_the_stubs(board, tmp_path):
    assert type_errors(board, tmp_path, files_of(board)) == []


PLANTED = {
    "argument": 'from machine import WDT\n\nWDT(timeout="long")\n',
    "attribute": "import machine\n\nmachine.no_such_function()\n",
    "module": "import no_such_module\n",
    "method": "import time\n\ntime.ticks_seconds()\n",
    "standard library beyond MicroPython": "import asyncio\n\nasyncio.TaskGroup()\n",
}


def test_breaches_are_found(board, tmp_path):
    for name, source in PLANTED.items():
        (tmp_path / f"{name.replace(' ', '_')}.py").write_text(source)
    found = type_errors(board, tmp_path, sorted(tmp_path.glob("*.py")))
    for name in PLANTED:
        assert any(name.replace(" ", "_") in line for line in found), name
