"""Runs `wattpurse bill` in this process."""

from wattpurse_tools import cli


def printed(capsys, *argv):
    """Return the output of a bill that succeeds."""
    assert cli.main(["bill", *map(str, argv)]) == 0
    return capsys.readouterr().out


def refusal(capsys, *argv):
    """Return the reason with which a bill is refused. Nothing else may be printed."""
    assert cli.main(["bill", *map(str, argv)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err
