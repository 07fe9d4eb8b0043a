"""`wattpurse console` without a terminal."""

import subprocess
import sys
from pathlib import Path


def test_refusal_without_a_terminal_is_one_line():
    program = Path(sys.executable).with_name("wattpurse")
    process = subprocess.run(
        [program, "console", "/dev/null"], stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    assert process.returncode == 1
    assert "wants a terminal" in process.stderr
    assert len(process.stderr.splitlines()) == 1
