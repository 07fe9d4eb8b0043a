"""Checks of code that needs MicroPython's own event loop or filesystem, on the unix port alone: tests/micropython."""

import subprocess

import pytest

from tests.house.places import ROOT

CHECKS = sorted((ROOT / "tests/micropython").glob("check_*.py"))
TIMEOUT_S = 120


def test_there_are_checks():
    assert len(CHECKS) >= 3


@pytest.mark.parametrize("file", CHECKS, ids=lambda file: file.name)
def test_file_passes_on_the_unix_port(file):
    command = [ROOT / "tools/toolchain/unix-run", "tests/unix/run.py", file.relative_to(ROOT)]
    process = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert process.returncode == 0, process.stdout
