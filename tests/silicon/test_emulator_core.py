"""The instructions of the emulated core, compared with those of rp2040js by Node's own test runner."""

import subprocess

from tests.house.places import ROOT

EMULATOR = ROOT / "tools" / "emulator"


def test_instructions():
    subprocess.run([EMULATOR / "install"], check=True)
    result = subprocess.run(["node", "--test", "."], cwd=EMULATOR, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
