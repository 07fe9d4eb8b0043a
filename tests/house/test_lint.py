"""Every Python file of the repository is clean under ruff with the project's rules, and formatted by it."""

import subprocess
import sys

import pytest

from tests.house.places import ROOT


def run_ruff(command, *arguments, source=None):
    words = [sys.executable, "-m", "ruff", command, "--no-cache", "--config", ROOT / "pyproject.toml", *arguments]
    return subprocess.run(words, cwd=ROOT, input=source, capture_output=True, text=True)


def test_repository_is_clean():
    process = run_ruff("check", "--output-format=concise", ".")
    assert process.returncode == 0, process.stdout + process.stderr


def test_repository_is_formatted():
    process = run_ruff("format", "--check", ".")
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
    "ANN001": "def f(x) -> None:\n    pass\n",
    "ANN202": "def _f(x: int):\n    return x\n",
    "ANN204": "class A:\n    def __init__(self, x: int):\n        self.x = x\n",
}


@pytest.mark.parametrize("rule", BREACHES)
def test_breach_is_found(tmp_path, rule):
    file = tmp_path / "planted.py"
    file.write_text(BREACHES[rule])
    process = run_ruff("check", "--output-format=concise", file)
    assert process.returncode == 1
    assert rule in process.stdout


def test_an_unformatted_file_is_found(tmp_path):
    file = tmp_path / "planted.py"
    file.write_text("X = [1,\n 2]\n")
    process = run_ruff("format", "--check", file)
    assert process.returncode == 1
    assert "planted.py" in process.stdout


@pytest.mark.parametrize(
    ("path", "is_found"),
    [
        ("firmware/wattpurse/planted.py", True),
        ("boards/host/planted.py", True),
        ("tools/wattpurse_tools/planted.py", True),
        ("tests/core/test_planted.py", False),
    ],
)
def test_annotations_are_required_outside_the_tests(path, is_found):
    process = run_ruff("check", "--stdin-filename", ROOT / path, "-", source="def f(x) -> None:\n    pass\n")
    assert ("ANN001" in process.stdout) is is_found
