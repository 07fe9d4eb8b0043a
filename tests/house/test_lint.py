"""Every Python file of the repository is clean under ruff with the project's rules."""

import subprocess
import sys

import pytest

from tests.house.places import ROOT


def run_ruff(*arguments):
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--config", ROOT / "pyproject.toml", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_repository_is_clean():
    process = run_ruff(".")
    assert process.returncode == 0, process.stdout + process.stderr


BREACHES = {
    "F401": "import os\n",
    "F821": "print(undefined)\n",
    "E501": f"X = {'1' * 120}\n",
    "E722": "try:\n    pass\nexcept:\n    pass\n",
    "I001": "import struct\nimport binascii\n\nprint(struct, binascii)\n",
    "B006": "def f(x=[]):\n    return x\n",
    "Q000": "X = 'single'\n",
    "W291": "X = 1 \n",
}


@pytest.mark.parametrize("rule", BREACHES)
def test_breach_is_found(tmp_path, rule):
    file = tmp_path / "planted.py"
    file.write_text(BREACHES[rule])
    process = run_ruff("--output-format=concise", file)
    assert process.returncode == 1
    assert rule in process.stdout
