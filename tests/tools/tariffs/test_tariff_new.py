"""`tariff new` and `tariff check --after`: answers of a person that become a tariff, and the fate of registers."""

import os
import pty
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests import samples
from tests.core.money.test_tariff_charges import DAY, NIGHT
from wattpurse.core.tariffs.rules import PER_CENT
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools import cli
from wattpurse_tools.tariffs import tariff_file
from wattpurse_tools.tariffs.interview import Interview

EXAMPLES = Path(__file__).parents[3] / "tools" / "examples"
ANSWERS = [
    *("Europe/Atlantis", "Europe/Berlin"),  # the first is asked for again
    *("seven", "7", "2026-02-30", "2026-10-01", "euro", ""),
    *("0,42", "0.42", "4.99", "", "", "10"),
    *("DAYTIME", "DAY", "0.30 0.45", "100 200", "100"),
    *("y", "DAY", "NIGHT", "0.20"),
    *("maybe", "n", "y", "n", "n"),
    *("06:00 DAY", "00:00 NIGHT 06:00 DAY 22:00 NIGHT", "n", "00:00 NIGHT"),
    *("01-01", "10-01", "00:00 NIGHT 07:00 DAY", "y", ""),
    *("EXCISE", "0.0205", "VAT", "19 percent", "19%", ""),
]


def interviewed(answers):
    """Return the document, the questions and the mistakes told."""
    left, questions, told = list(answers), [], []

    def ask(question):
        questions.append(question)
        return left.pop(0)

    document = Interview(ask, told.append).document()
    assert not left
    return document, questions, told


def test_answers_make_a_tariff_and_a_wrong_one_is_asked_for_again():
    document, _, told = interviewed(ANSWERS)
    assert len(told) == 12
    assert "  write an amount such as 0.3125, with at most six decimals" in told
    assert document["activation"] == "2026-10-01T00:00:00+02:00"
    tariff = Tariff(tariff_file.encode(document))
    assert (tariff.version, tariff.rate_names, tariff.counts_blocks) == (7, ("DAY", "NIGHT"), True)
    assert tariff.levies == (("EXCISE", 1, 20_500), ("VAT", PER_CENT, 1_900))
    assert (tariff.blocks_of_total, tariff.month_charge_microunits) == (True, 4_990_000)


def test_new_writes_the_toml_over_a_terminal(tmp_path):
    path = tmp_path / "mine.toml"
    terminal, line = pty.openpty()
    command = [sys.executable, "-m", "wattpurse_tools.cli", "tariff", "new", str(path)]
    with subprocess.Popen(command, stdin=line, stdout=line, stderr=line) as process:
        os.close(line)
        shown = b""
        for answer in ANSWERS:
            while not shown.endswith(b": "):
                shown += os.read(terminal, 1024)
            os.write(terminal, answer.encode() + b"\n")
            shown = b""
        assert process.wait(60) == 0
    os.close(terminal)
    assert tomllib.loads(path.read_text())["levies"][1] == {"name": "VAT", "percent": "19"}
    tariff_file.encode(tariff_file.load(path))


def test_new_replaces_no_file_and_writes_nothing_if_the_answers_end(tmp_path, capsys, monkeypatch):
    path = tmp_path / "mine.toml"
    path.write_text("mine")
    assert cli.main(["tariff", "new", str(path)]) != 0
    assert "is there already" in capsys.readouterr().err
    assert path.read_text() == "mine"
    monkeypatch.setattr("builtins.input", lambda _: (_ for _ in ()).throw(EOFError))
    assert cli.main(["tariff", "new", str(tmp_path / "other.toml")]) != 0
    assert not (tmp_path / "other.toml").exists()


def written(tmp_path, name, **changed):
    path = tmp_path / name
    path.write_bytes(samples.flat_tariff(**changed))
    return path


def test_after_says_what_becomes_of_each_register(tmp_path, capsys):
    vat = ("VAT", PER_CENT, 1_900)
    old = written(tmp_path, "old.wpt", rates=(DAY, NIGHT), levies=(vat,))
    new = written(tmp_path, "new.wpt", version=2, rates=(("PEAK", (1,), ()), DAY), blocks_by_day=True)
    assert cli.main(["tariff", "check", str(new), "--after", str(old)]) == 0
    assert capsys.readouterr().out.split("after version 1:\n")[1].splitlines() == [
        "  register DAY: goes on",
        "  register NIGHT: is kept with its name; no rate counts there",
        "  register PEAK: begins at 0",
        "  blocks: counted by month before, by day from the activation on",
        "  sum of VAT: is kept with its name; no levy adds to it",
    ]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"version": 2}, "version: 2 does not follow 2"),
        ({"version": 3, "currency": "GBP"}, "currency: GBP does not follow EUR"),
        ({"version": 3, "rates": tuple((f"R{number}", (1,), ()) for number in range(6))}, "those of FLAT, DAY, NIGHT"),
    ],
)
def test_after_refuses_a_tariff_that_would_lose_a_register(tmp_path, capsys, changed, reason):
    oldest = written(tmp_path, "oldest.wpt", rates=(DAY, NIGHT))
    old = written(tmp_path, "old.wpt", version=2, rates=(("FLAT", (1,), ()),))
    new = written(tmp_path, "new.wpt", **changed)
    assert cli.main(["tariff", "check", str(new), "--after", str(oldest), "--after", str(old)]) != 0
    assert reason in capsys.readouterr().err
