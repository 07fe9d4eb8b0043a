"""The station reports sales, charges, balances and the last time seen, and contradictions in the statements."""

# ruff: noqa: F811 fixtures

import csv
import io
import json

import pytest

from tests.services.desk_bench import METER
from tests.tools.shop import meter, open_station, shop, wattpurse  # noqa: F401
from wattpurse.core.money import contract
from wattpurse_tools import cli
from wattpurse_tools.station import card_capacity
from wattpurse_tools.station.order import credit

UID = b"\x01\x02\x03\x04"
TWENTY = 20_000_000


def statement(time_s, **changed):
    """Return a full statement of a money meter."""
    statement = {
        "meter_number": METER,
        "time_s": time_s,
        "unit": "money",
        "contract": contract.PrepaidMoney.code,
        "balance": 0,
        "bought": 0,
        "charged": 0,
        "taken": 0,
        "total_mwh": 0,
        "windows": {0: (0, 0)},
        "alarms": [],
    }
    return {**statement, **changed}


def findings(*statements):
    """Sell two tokens of 20.00, record statements in this order, and return the findings."""
    with open_station() as station:
        for _ in range(2):
            station.issue(METER, UID, credit("money", TWENTY))
        for one in statements:
            station.learn(one)
            if station.meter(METER)["is_stopped"]:
                assert station.resume(METER)
        return station.statements.findings(METER)


class TestReport:
    def test_meter_that_was_seen(self, wattpurse, meter):
        wattpurse(f"card new anna --kind classic-1k --meter {METER}")
        wattpurse("card topup anna --amount 20")
        meter.tap_file("anna")
        meter.use_money(7_660_000)
        meter.tap_file("anna")
        wattpurse("card read anna")
        wattpurse("card topup anna --amount 5")
        line = wattpurse("station report")
        expected = "sold 25.00 EUR  bought 20.00 EUR  charged 7.66 EUR  balance 12.34 EUR  alarms none  seen 2026-"
        assert line.startswith(f"meter {METER}  {expected}")
        (row,) = json.loads(wattpurse("station report --json"))
        found = row["sold_money"], row["charged"], row["balance"], row["outstanding"]
        assert found == (25_000_000, 7_660_000, 12_340_000, 1)
        (again,) = csv.DictReader(io.StringIO(wattpurse("station report --csv")))
        assert {name: str("" if value is None else value) for name, value in row.items()} == again

    def test_meter_that_was_never_seen(self, wattpurse):
        assert wattpurse("station report") == f"meter {METER}  sold nothing  never seen"

    def test_nothing_to_report(self, wattpurse):
        for form in ("", " --csv"):
            assert wattpurse("station sales" + form) == ""
        assert wattpurse("station sales --json") == "[]"

    def test_contradiction_is_printed_and_sets_the_exit_status(self, capsys, wattpurse):
        findings(statement(1, total_mwh=5), statement(2, total_mwh=4))
        assert cli.main(["station", "report"]) == 1
        assert "LOOK INTO THIS: total energy went back from 5 to 4 mWh" in capsys.readouterr().out


class TestFindings:
    ONE = {"windows": {0: (1, 1)}, "bought": TWENTY}
    BOTH = {"windows": {0: (2, 3)}, "bought": 2 * TWENTY}

    def test_honest_meter_has_no_findings(self):
        assert (
            findings(
                statement(1),
                statement(5, **self.ONE, total_mwh=3, charged=1),
                statement(9, **self.BOTH, total_mwh=3, charged=2),
            )
            == []
        )

    def test_cards_that_are_read_out_of_order(self):
        assert (
            findings(
                statement(9, **self.BOTH, total_mwh=3, charged=2), statement(5, **self.ONE, total_mwh=2, charged=1)
            )
            == []
        )

    def test_same_statement_again(self):
        assert findings(*[statement(5, **self.ONE, total_mwh=2)] * 3) == []

    def test_registers_that_go_back(self):
        assert findings(statement(1, total_mwh=5), statement(2, total_mwh=4)) == [
            "total energy went back from 5 to 4 mWh"
        ]
        assert findings(statement(1, total_mwh=5), statement(1, total_mwh=4)) != []

    def test_charges_that_go_back(self):
        assert "charged went back from 5 to 4" in findings(statement(1, charged=5), statement(2, charged=4))[0]

    def test_charges_of_two_contracts_are_not_compared(self):
        assert findings(statement(1, charged=5), statement(2, charged=4, unit="energy")) == []

    def test_more_bought_than_sold(self):
        (found,) = findings(statement(1, windows={0: (2, 3)}, bought=2 * TWENTY + 1))
        assert "more than the 40000000 of money that this record has sold" in found

    def test_less_bought_than_redeemed(self):
        (found,) = findings(statement(1, windows={0: (2, 3)}, bought=TWENTY))
        assert "less than the 40000000 of money that was redeemed" in found

    def test_statement_before_a_later_redemption_is_no_contradiction(self):
        assert (
            findings(statement(9, windows={0: (2, 3)}, bought=None, charged=None, taken=None), statement(5, **self.ONE))
            == []
        )

    def test_short_statement_has_no_purchases(self):
        assert findings(statement(1, bought=None, charged=None, taken=None, windows={0: (2, 3)})) == []


class TestKinds:
    def test_every_kind_is_listed_with_its_capacities(self, wattpurse):
        rows = json.loads(wattpurse("card kinds --json"))
        assert [row["kind"] for row in rows] == ["classic-1k", "ntag213", "ntag215", "ntag216", "ultralight"]
        by_kind = {row["kind"]: row for row in rows}
        assert by_kind["ntag216"]["tokens"] == (192 - 12) // 36
        assert by_kind["ntag216"]["meters_short"] == (888 - 384) // 48
        assert by_kind["ntag216"]["meters_service"] == (192 - 12 - 12) // 12
        assert by_kind["ultralight"]["statements"] == by_kind["ultralight"]["months"] == 0
        lines = wattpurse("card kinds").splitlines()
        assert lines[1].split() == ["classic-1k", "3", "2", "208", "12", "yes", "10", "9", "4"]

    @pytest.mark.parametrize(("kind", "tells"), [("classic-1k", True), ("ntag213", False), ("ntag215", True)])
    def test_card_has_room_for_a_receipt_if_a_statement_with_one_fits(self, kind, tells):
        assert card_capacity.has_room_for_receipt(kind) == tells
