"""The real mpremote at the pseudo-terminal of the emulated board."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from wattpurse_tools.emulation.terminal import SerialTerminal

TIMEOUT_S = 60


@pytest.fixture
def mpremote(pico):
    program = shutil.which("mpremote", path=Path(sys.executable).parent) or shutil.which("mpremote")
    assert program, "mpremote is not installed"
    with SerialTerminal(pico, pace=4) as terminal:

        def run(*arguments):
            command = [program, "connect", terminal.path, *arguments]
            return terminal.serve_while(
                lambda: subprocess.run(command, check=True, capture_output=True, text=True, timeout=TIMEOUT_S).stdout
            )

        yield run


def test_lists_copies_and_runs(mpremote, pico, tmp_path):
    assert mpremote("fs", "ls").splitlines() == ["ls :"]
    original = tmp_path / "table.bin"
    original.write_bytes(bytes(range(256)) * 20)
    mpremote("fs", "cp", str(original), ":table.bin")
    assert mpremote("fs", "ls").split() == ["ls", ":", "5120", "table.bin"]
    copy = tmp_path / "copy.bin"
    mpremote("fs", "cp", ":table.bin", str(copy))
    assert copy.read_bytes() == original.read_bytes()
    assert mpremote("exec", "print(6 * 7)") == "42\n"
    assert pico.faults == []


def test_resets_and_finds_the_board_again(mpremote, pico):
    mpremote("reset")
    pico.run_ms(1000)
    assert pico.resets == ["watchdog"]
    del pico.serial_received[:]
    assert mpremote("exec", "print('back')") == "back\n"
