"""The station works without a command line: it parses and prints nothing. Neither station nor commands have SQL."""

import ast
from pathlib import Path

import pytest

from tests.house.formatted_sql import executes_sql, parse
from tests.house.places import ROOT
from tests.house.room_rules import imported_names, is_within

TOOLS = ROOT / "tools/wattpurse_tools"
STATION_FILES = sorted((TOOLS / "station").rglob("*.py"))
COMMAND_FILES = sorted((TOOLS / "commands").rglob("*.py"))

COMMAND_LINE = ("argparse", "wattpurse_tools.commands", "wattpurse_tools.cli")
PRINTING = ("print", "sys.stdout.write", "sys.stderr.write", "input")


def command_line_uses(tree: ast.AST) -> list[str]:
    """Return a line for each import of the command line and each call that prints."""
    uses = [f"{line}: imports {name}" for line, name in imported_names(tree) if is_within(name, COMMAND_LINE)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in PRINTING:
            uses.append(f"{node.lineno}: calls {ast.unparse(node.func)}")
    return uses


def sql_uses(tree: ast.AST) -> list[str]:
    """Return a line for each import of sqlite3, and one if SQL is executed."""
    uses = [f"{line}: imports {name}" for line, name in imported_names(tree) if is_within(name, ("sqlite3",))]
    return [*uses, "executes SQL"] if executes_sql(tree) else uses


def name_of(file: Path) -> str:
    return file.relative_to(TOOLS).as_posix()


@pytest.mark.parametrize("file", STATION_FILES, ids=name_of)
def test_station_knows_no_command_line(file):
    assert command_line_uses(parse(file)) == []


@pytest.mark.parametrize("file", STATION_FILES + COMMAND_FILES, ids=name_of)
def test_station_and_command_have_no_sql(file):
    assert sql_uses(parse(file)) == []


@pytest.mark.parametrize(
    "planted",
    [
        "import argparse",
        "from argparse import Namespace",
        "from wattpurse_tools.commands import card",
        "from wattpurse_tools.commands.station_options import open_shop_of",
        "print('sold')",
        "import sys\nsys.stdout.write('sold')",
    ],
)
def test_command_line_in_the_station_is_found(planted):
    assert len(command_line_uses(ast.parse(planted))) == 1


@pytest.mark.parametrize("planted", ["import sqlite3", "station._database.execute('SELECT 1')"])
def test_sql_in_a_command_is_found(planted):
    assert len(sql_uses(ast.parse(planted))) == 1


def test_there_are_files_to_judge():
    assert len(STATION_FILES) > 20
    assert len(COMMAND_FILES) > 10
