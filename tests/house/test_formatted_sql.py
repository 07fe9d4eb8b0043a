"""SQL in the tools is constant, with placeholders for values; and a formatted statement is found."""

import ast

import pytest

from tests.house.formatted_sql import executes_sql, formatted_sql, parse
from tests.house.places import ROOT
from tests.house.room_rules import imported_names, is_within

ROOMS = [ROOT / "tools/wattpurse_tools" / room for room in ("office", "vault")]
SQL_FILES = sorted(file for room in ROOMS for file in room.rglob("*.py"))
OTHER_FILES = [
    file
    for folder in ("firmware", "boards", "tools")
    for file in ROOT.glob(f"{folder}/**/*.py")
    if file not in SQL_FILES
]


@pytest.mark.parametrize("file", SQL_FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_sql_is_constant(file):
    assert formatted_sql(parse(file)) == []


def test_there_is_sql_to_judge():
    assert sum(executes_sql(parse(file)) for file in SQL_FILES) > 1


def test_only_office_and_vault_open_a_database_by_themselves():
    assert [
        file for file in OTHER_FILES if any(is_within(name, ("sqlite3",)) for _, name in imported_names(parse(file)))
    ] == []


@pytest.mark.parametrize(
    "planted",
    [
        'database.execute(f"SELECT * FROM tokens WHERE meter = {meter}")',
        'database.execute("SELECT * FROM tokens WHERE meter = %d" % meter)',
        'database.execute("SELECT * FROM tokens WHERE meter = " + str(meter))',
        'database.execute("SELECT * FROM {}".format(table))',
        'database.executemany(f"UPDATE tokens SET state = {state} WHERE meter = ?", rows)',
        "self._database.executescript(script)",
        "database.execute(sql=statement)",
        "database.cursor().execute(statement, (meter,))",
    ],
)
def test_formatted_sql_is_found(planted):
    assert formatted_sql(ast.parse(f"def change():\n    {planted}")) == [2]


@pytest.mark.parametrize(
    "harmless",
    [
        'database.execute("SELECT * FROM tokens WHERE meter = ?", (meter,))',
        'database.execute("SELECT * FROM tokens" " WHERE meter = ?", (meter,))',
        'print(f"meter {meter}")',
    ],
)
def test_constant_sql_is_not_found(harmless):
    assert formatted_sql(ast.parse(harmless)) == []
