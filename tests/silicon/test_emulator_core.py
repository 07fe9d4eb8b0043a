"""The instructions of the emulated core, checked against those of rp2040js by Node's own test runner."""

import subprocess
from pathlib import Path

EMULATOR = Path(__file__).parent.parent.parent / "tools" / "emulator"


def test_instructions():
    subprocess.run([EMULATOR / "install"], check=True)
    result = subprocess.run(["node", "--test", "."], cwd=EMULATOR, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout
