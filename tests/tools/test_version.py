"""One version: the package's, the firmware's and the change log's."""

import re
import tomllib
from importlib.metadata import version

import pytest

from tests.house.places import ROOT
from wattpurse.app import VERSION
from wattpurse_tools import cli

PROJECT_VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]


def newest_version(change_log: str) -> str | None:
    """Return the version in the first heading of the change log that has one."""
    matched = re.search(r"^## \[?v?(\d+\.\d+\.\d+)\b", change_log, re.MULTILINE)
    return matched and matched[1]


def test_the_command_prints_the_version_of_the_project(capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"wattpurse {PROJECT_VERSION}\n"
    assert version("wattpurse") == PROJECT_VERSION


def test_the_firmware_has_the_version_of_the_project():
    assert VERSION == PROJECT_VERSION


def test_the_change_log_begins_with_the_version_of_the_project():
    assert newest_version((ROOT / "CHANGELOG.md").read_text()) == PROJECT_VERSION


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# Changes\n\n## Unreleased\n\n## [1.2.3] - 2026-11-01\n\n## 1.2.2\n", "1.2.3"),
        ("## 0.10.0\n", "0.10.0"),
        ("# Changes\n", None),
    ],
)
def test_newest_version_is_that_of_the_first_heading(text, found):
    assert newest_version(text) == found
