"""SQL in the tools is constant, with placeholders for values; and a formatted statement is found."""

import ast

import pytest

from tests.house.formatted_sql import executes_sql, formatted_sql, parse
from tests.house.places import ROOT
from tests.house.room_rules import imported_names, is_within

STATION = ROOT / "tools/wattpurse_tools/station"
STATION_FILES = sorted(STATION.rglob("*.py"))
OTHER_FILES = [
    file
    for folder in ("firmware", "boards", "tools")
    for file in ROOT.glob(f"{folder}/**/*.py")
    if STATION not in file.parents
]


@pytest.mark.parametrize("file", STATION_FILES, ids=lambda file: file.relative_to(ROOT).as_posix())
def test_sql_is_constant(file):
    assert formatted_sql(parse(file)) == []


def test_there_is_sql_to_judge():
    assert sum(executes_sql(parse(file)) for file in STATION_FILES) > 5


def test_only_the_station_has_a_database():
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
