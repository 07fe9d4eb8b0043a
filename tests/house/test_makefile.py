"""`make` names a missing setting before it installs or builds anything, and each check is part of a target."""

import os
import re
import subprocess

import pytest

from tests.house.places import ROOT


def dry_run(*words):
    """Return the finished process of `make --dry-run` with these words alone, also if `make test` runs this."""
    of_make = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "ARGS", "BOARD", "PORT")
    own = {name: value for name, value in os.environ.items() if name not in of_make}
    return subprocess.run(["make", "--dry-run", *words], cwd=ROOT, env=own, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["pins"], "needs BOARD="),
        (["console"], "needs PORT="),
        (["deploy"], "needs BOARD="),
        (["deploy", "BOARD=pico"], "needs PORT="),
        (["image"], "needs BOARD="),
        (["image", "BOARD=uno"], "no board uno"),
    ],
)
def test_a_missing_setting_is_named_at_once(words, complaint):
    made = dry_run(*words)
    assert made.returncode == 2
    assert complaint in made.stderr
    assert "toolchain" not in made.stdout


def test_a_board_with_a_dash_is_found_in_its_folder():
    assert "boards/desk_reader/image/build" in dry_run("image", "BOARD=desk-reader").stdout


@pytest.mark.parametrize("command", ["ruff check .", "ruff format --check .", "python -m tests.house.plain_words"])
def test_lint_runs_every_check(command):
    assert command in dry_run("lint").stdout


def test_every_target_is_phony_and_explained():
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))
    phony = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE).group(1).split()
    assert targets == set(phony)
    for target in targets:
        assert re.search(rf"^{target}:[^#\n]*## \S", makefile, re.MULTILINE), target


@pytest.mark.parametrize(
    ("words", "command"),
    [([], "office start"), (["ARGS=--demo"], "office start --demo"), (["ARGS=status --json"], "office status --json")],
)
def test_office_starts_unless_an_action_is_named(words, command):
    assert " ".join(dry_run("office", *words).stdout.split()).endswith(command)
