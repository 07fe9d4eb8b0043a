"""docs/bills.md names every format of load files and every key of the JSON document, and nothing else."""

import json
import re

from tests.house.places import ROOT
from wattpurse_tools import cli
from wattpurse_tools.loads import formats

PAGE = (ROOT / "docs/bills.md").read_text()
DEMAND = ROOT / "tools/examples/tariff-germany-demand.toml"
HOUSEHOLD = ROOT / "tools/examples/tariff-household.toml"
OCTOBER = ROOT / "tools/examples/load-october.csv"


def first_cells(heading):
    """Return the quoted first cells of the tables below a heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)`", section, flags=re.MULTILINE)


def keys_of(period):
    """Return the keys of a period, and those of the lines in it."""
    for key, value in period.items():
        yield key
        for line in value if isinstance(value, list) else ():
            yield from (f"{key}[].{inner}" for inner in line)


def test_every_format_is_in_the_table():
    assert first_cells("Load files") == formats.names()


def test_every_key_of_the_document_is_described(capsys):
    keys = set()
    for tariff in (HOUSEHOLD, DEMAND):
        command = ["bill", "--tariff", str(tariff), "--load", str(OCTOBER), "--contract", "account", "--json"]
        assert cli.main(command) == 0
        document = json.loads(capsys.readouterr().out)
        keys |= {*document, *keys_of(document["total"])}
    assert set(first_cells("The bill for other programs")) == keys
    assert {"month", *document["total"]} == set(document["months"][0])
    assert document["version"] == 1


def test_every_number_of_the_document_is_whole(capsys):
    assert cli.main(["bill", "--tariff", str(HOUSEHOLD), "--load", str(OCTOBER), "--json", "--tax", "7.25"]) == 0
    json.loads(capsys.readouterr().out, parse_float=lambda text: pytest_fail(text))


def pytest_fail(text):
    """Fail for a number with a fraction."""
    raise AssertionError(f"{text} is no whole number")
