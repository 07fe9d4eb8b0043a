import subprocess
import sys
from types import SimpleNamespace

import pytest

from wattpurse_tools import cli


def command(action):
    """Return a list with one subcommand module, named `probe`, that runs `action`."""

    def add_parser(subparsers):
        parser = subparsers.add_parser("probe", help="a probe")
        parser.add_argument("--file")
        parser.set_defaults(run=action)

    return [SimpleNamespace(add_parser=add_parser)]


def fail_with(error):
    def action(_arguments):
        raise error

    return command(action)


def test_the_subcommand_gets_its_arguments_and_gives_the_exit_status():
    assert cli.main(["probe", "--file", "load.csv"], command(lambda a: 0 if a.file == "load.csv" else 7)) == 0
    assert cli.main(["probe"], command(lambda a: 0 if a.file == "load.csv" else 7)) == 7


@pytest.mark.parametrize("error", [ValueError("price is\nnegative"), OSError("price is negative")])
def test_a_refusal_is_one_line_on_stderr_and_status_1(capsys, error):
    assert cli.main(["probe"], fail_with(error)) == 1
    captured = capsys.readouterr()
    assert captured.err == "wattpurse: price is negative\n"
    assert captured.out == ""


def test_a_missing_file_is_named(capsys, tmp_path):
    missing = tmp_path / "tariff.toml"
    assert cli.main(["probe"], command(lambda _: open(missing).close())) == 1
    assert capsys.readouterr().err == f"wattpurse: {missing}: No such file or directory\n"


def test_a_fault_of_the_program_is_not_hidden():
    with pytest.raises(KeyError):
        cli.main(["probe"], fail_with(KeyError("rate")))


def test_an_interrupt_has_the_shells_status():
    assert cli.main(["probe"], fail_with(KeyboardInterrupt())) == 130


@pytest.mark.parametrize("argv", [[], ["nonsense"], ["probe", "--nonsense"]])
def test_a_wrong_command_line_exits_with_2_and_usage(capsys, argv):
    with pytest.raises(SystemExit) as exit_info:
        cli.main(argv, command(lambda _: 0))
    assert exit_info.value.code == 2
    assert "usage: wattpurse" in capsys.readouterr().err


def test_help_lists_the_subcommands(capsys):
    with pytest.raises(SystemExit) as exit_info:
        cli.main(["--help"], command(lambda _: 0))
    assert exit_info.value.code == 0
    assert "a probe" in capsys.readouterr().out


def test_a_reader_that_leaves_is_no_error():
    endless = """
import sys
from types import SimpleNamespace
from wattpurse_tools import cli

def add_parser(subparsers):
    subparsers.add_parser("probe").set_defaults(run=lambda _: [print("line") for _ in range(200_000)] and 0)

sys.exit(cli.main(["probe"], [SimpleNamespace(add_parser=add_parser)]))
"""
    process = subprocess.Popen([sys.executable, "-c", endless], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=60) == 141


def test_the_installed_command_runs():
    result = subprocess.run([sys.executable, "-m", "wattpurse_tools.cli", "--help"], capture_output=True, text=True)
    assert result.returncode == 0
    assert result.stdout.startswith("usage: wattpurse")


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_a_new_process_shows_the_help_of_the_command(name):
    command = [sys.executable, "-m", "wattpurse_tools.cli", name.replace("_", "-"), "--help"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert process.returncode == 0, process.stderr
