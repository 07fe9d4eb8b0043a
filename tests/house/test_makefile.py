"""What `make` says to who forgets something, before it installs or builds anything."""

import os
import subprocess
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pins"], "needs BOARD="),
        (["console"], "needs PORT="),
        (["deploy"], "needs BOARD="),
        (["deploy", "BOARD=pico"], "needs PORT="),
        (["image"], "needs BOARD="),
        (["image", "BOARD=uno"], "no board uno"),
    ],
)
def test_what_is_missing_is_said_at_once(words, said):
    own = {name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "BOARD", "PORT")}
    made = subprocess.run(["make", "--dry-run", *words], cwd=HOUSE, env=own, capture_output=True, text=True)
    assert made.returncode == 2
    assert said in made.stderr
    assert "toolchain" not in made.stdout
