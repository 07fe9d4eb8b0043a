"""A cashier sells with an operator's card, and the record names the operator. Without the card nothing is sold."""

# ruff: noqa: F811 fixtures

import json
from pathlib import Path

import pytest

from boards.host.cards.images import from_image
from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.shop import meter, open_station, shop, wattpurse  # noqa: F401
from wattpurse.core import outcome
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.interface import SignOnNeeded


@pytest.fixture
def cashier(wattpurse):
    wattpurse(f"card new anna --kind classic-1k --meter {METER}")
    station_office.current().hire(3, ("sell",))
    wattpurse("card new op --kind ntag213 --operator 3 --expires 2099-12-31")


class TestSelling:
    def test_day_of_a_cashier(self, wattpurse, cashier, meter):
        wattpurse("card topup anna --amount 1")
        wattpurse("card topup anna --amount 20 --operator op")
        wattpurse("card read anna")
        wattpurse(f"token {METER} money 3 --hex --operator op")
        sales = json.loads(wattpurse("station sales --json"))
        assert [(sale["sequence"], sale["operator"]) for sale in sales] == [(1, 1), (2, 3), (3, 3)]
        assert wattpurse("station sales").splitlines()[-1].endswith("by operator 3")
        meter.tap_file("anna")
        assert meter.balance == 21_000_000

    @pytest.mark.parametrize(
        "line",
        [
            "card topup anna --amount 20",
            f"token {METER} money 3 --hex",
            "card new new --kind ntag213 --operator 99 --expires 2099-12-31",
            "card new new --kind ntag213 --service --technician 7 --expires 2099-12-31",
            f"card new new --kind ntag213 --meter {METER}",
            "card new new --kind ntag213 --key-card --price 0",
            "card erase anna --forfeit",
            f"meter keys {METER}",
            "meter add 77",
            f"meter remove {METER}",
            f"meter forfeit {METER} 1",
            f"meter resume {METER}",
        ],
    )
    def test_nobody_who_has_not_signed_on_does_anything(self, wattpurse, cashier, monkeypatch, line):
        def nobody(_vault):
            raise SignOnNeeded("nobody")

        monkeypatch.setattr(Vault, "sign_on_as_user", nobody)
        assert "--operator CARD" in wattpurse.refusal(line)
        assert sorted(path.name for path in Path("cards").glob("*.json")) == ["anna.json", "op.json"]

    @pytest.mark.parametrize(
        "line", [f"token {METER} clear-tamper --hex", "card erase anna", f"meter forfeit {METER} 1"]
    )
    def test_a_cashier_does_nothing_that_the_right_to_sell_does_not_cover(self, wattpurse, cashier, line):
        assert "operator 3: this needs the right" in wattpurse.refusal(f"{line} --operator op")

    def test_a_card_for_a_new_meter_needs_the_right_to_add_it_before_it_is_made(self, wattpurse):
        station_office.current().hire(2, ("cards",))
        wattpurse("card new two --kind ntag213 --operator 2 --expires 2099-12-31")
        assert "needs the right" in wattpurse.refusal("card new eva --kind classic-1k --meter 99 --by two")
        assert not Path("cards/eva.json").exists()

    def test_paying_out_requires_an_operator(self, wattpurse, cashier, meter, monkeypatch):
        wattpurse("card topup anna --amount 5")
        wattpurse(f"token {METER} refund money all --card anna")
        meter.tap_file("anna")

        def nobody(_vault):
            raise SignOnNeeded("nobody")

        monkeypatch.setattr(Vault, "sign_on_as_user", nobody)
        assert "--operator CARD" in wattpurse.refusal("card settle anna --paid")
        wattpurse("card settle anna --paid --operator op")

    def test_operators_card_is_read(self, wattpurse, cashier):
        document = wattpurse.read("op")
        assert document["card"]["role"] == "operator"
        assert document["operator_pass"] == {"operator": 3, "expires": "2099-12-31T23:59:59Z"}
        assert "pass       operator 3, until 2099-12-31 23:59:59 UTC" in wattpurse("card read op")

    def test_operators_card_opens_no_meter(self, cashier, meter):
        assert meter.tap_file("op") == [outcome.NOT_THIS_METER]


class TestInvalidCards:
    def test_customers_or_technicians_card(self, wattpurse, cashier):
        wattpurse("card new tech --kind ntag213 --service --technician 7 --expires 2099-12-31")
        for name, what in (("anna", "a customer's card"), ("tech", "a technician's card")):
            reason = wattpurse.refusal(f"card topup anna --amount 1 --operator {name}")
            assert f"card {name} is {what}, not an operator's" in reason

    def test_expired_card(self, wattpurse, cashier, monkeypatch):
        monkeypatch.setattr("time.time", lambda: 4_102_444_800)
        assert "has expired" in wattpurse.refusal("card topup anna --amount 1 --operator op")

    def test_pass_copied_to_another_card(self, wattpurse, cashier):
        image = json.loads(Path("cards/op.json").read_text())
        image["uid"] = "04112233445566"
        Path("cards/copy.json").write_text(json.dumps(image))
        assert "not made with the keys" in wattpurse.refusal("card topup anna --amount 1 --operator copy")

    def test_pass_of_another_station(self, wattpurse, cashier):
        with station_office.opened("other", own_keys=True) as other:
            other.hire(3, ("sell",))
            wattpurse("card new spy --kind ntag213 --operator 3 --expires 2099-12-31 --cards cards")
        assert "not made with the keys" in wattpurse.refusal("card topup anna --amount 1 --operator spy")

    def test_pass_for_an_operator_whom_the_vault_does_not_know(self, wattpurse, cashier):
        line = "card new me --kind ntag213 --operator 99 --expires 2099-12-31"
        assert "operator 99 is not known to the vault" in wattpurse.refusal(line)
        assert not Path("cards/me.json").exists()

    @pytest.mark.parametrize(
        ("words", "why"),
        [
            ("--operator 3", "needs --operator and --expires"),
            ("--operator 3 --expires 2020-01-01", "lie ahead"),
            ("--operator -1 --expires 2099-01-01", "from 0 to"),
            (f"--operator 3 --expires 2099-01-01 --meter {METER}", "alone"),
        ],
    )
    def test_wrong_options_make_no_card(self, wattpurse, words, why):
        assert why in wattpurse.refusal(f"card new op --kind ntag213 {words}")


def test_operators_card_on_a_meters_reader_sells_nothing(wattpurse, cashier, meter):
    meter.field.insert(from_image(json.loads(Path("cards/op.json").read_text())))
    Path("cards/op.in-field").touch()
    assert "lies on a meter's reader" in wattpurse.refusal("card topup anna --amount 1 --operator op")
    with open_station() as station:
        assert station.tokens() == []
