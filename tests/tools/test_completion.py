"""Completion by the shell: the script for bash completes subcommands, options, choices and files."""

import subprocess
import sys

import pytest

from wattpurse_tools import cli
from wattpurse_tools.completion import SHELLS

ASK = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9
_shtab_wattpurse "$1" "${@: -1}" "${@: -2:1}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def printed_script(capsys, shell):
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        cli.main(["--print-completion", shell])
    assert stop.value.code == 0
    return capsys.readouterr().out


@pytest.fixture
def complete(capsys, tmp_path):
    """Return a function: `complete("card", "to")` returns the words that bash offers for the last one."""
    script = tmp_path / "wattpurse.bash"
    script.write_text(printed_script(capsys, "bash"))
    (tmp_path / "household.toml").touch()
    (tmp_path / "stock").mkdir()

    def ask(*words):
        command = ["bash", "-c", ASK, "bash", str(script), "wattpurse", *words]
        answer = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        return answer.stdout.split()

    return ask


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("ca",), ["card"]),
        (("card", "to"), ["topup"]),
        (("card", "topup", "anna", "--am"), ["--amount"]),
        (("card", "new", "anna", "--kind", "cl"), ["classic-1k"]),
        (("token", "5", "mo"), ["money"]),
        (("tariff", "check", "house"), ["household.toml"]),
        (("card", "read", "anna", "--cards", "st"), ["stock"]),
        (("--vers",), ["--version"]),
    ],
    ids=lambda value: " ".join(value),
)
def test_bash_offers_what_fits(complete, words, offered):
    assert complete(*words) == offered


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_has_a_script_with_every_subcommand(capsys, shell):
    script = printed_script(capsys, shell)
    for module in cli.COMMANDS:
        assert module.replace("_", "-") in script


def test_an_unknown_shell_is_refused(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--print-completion", "fish"])
    assert stop.value.code == 2
    assert "invalid choice: 'fish'" in capsys.readouterr().err


def test_a_reader_that_leaves_a_completion_script_is_no_error():
    command = [sys.executable, "-m", "wattpurse_tools.cli", "--print-completion", "bash"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 141
