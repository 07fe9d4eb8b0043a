"""Credit that a meter gave back is owed once, even if the card was copied, and goes to another meter once."""

# ruff: noqa: F811 fixtures

import json
import shutil
from pathlib import Path

import pytest

from boards.host.cards.images import from_image
from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.meter_bench import MeterBench
from tests.tools.shop import has_contract, meter, open_station, shop, wattpurse  # noqa: F401
from wattpurse.core import outcome
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.token_windows import number_of
from wattpurse_tools.station.order import duration_text

OTHER = METER + 1
TWENTY = 20_000_000


@pytest.fixture
def other(wattpurse):
    wattpurse(f"meter add {OTHER}")
    return MeterBench(station_office.current(), OTHER)


def copy_card(name, copy):
    """Copy a card: the same UID and the same content."""
    shutil.copy(f"cards/{name}.json", f"cards/{copy}.json")


def sold_and_used(wattpurse, meter, kind="classic-1k"):
    """Sell 20.00 to a tenant and use 7.66 of it."""
    wattpurse(f"card new anna --kind {kind} --meter {METER}")
    wattpurse("card topup anna --amount 20.00")
    meter.tap_file("anna")
    meter.use_money(7_660_000)
    wattpurse("card read anna")


class TestMovingOut:
    @pytest.mark.parametrize("kind", ["classic-1k", "ntag215", "ntag216"])
    def test_remaining_credit_goes_to_another_meter_once_even_if_the_card_was_copied(
        self, wattpurse, meter, other, kind
    ):
        sold_and_used(wattpurse, meter, kind)
        wattpurse(f"token {METER} tenant 2 --card anna")
        copy_card("anna", "before")
        assert meter.tap_file("anna") == [outcome.ACCEPTED]
        assert meter.account.money.balance == 0
        copy_card("anna", "after")
        assert wattpurse("card settle anna").endswith("tenant 2 moves in: 12.34 EUR; not settled yet")
        said = wattpurse(f"card transfer anna --to {OTHER}")
        moved = f"card anna: from meter {METER} to meter {OTHER}: 12.34 EUR as token 1"
        assert said == f"{moved}; receipt 2 of shop 1 over 0.00 EUR"
        for clone in ("before", "after"):
            assert "card" in wattpurse.refusal(f"card transfer {clone} --to {OTHER}")
            assert "settled already" in wattpurse.refusal(f"card settle {clone} --paid")
        copy_card("anna", "loaded")
        assert other.tap_file("loaded") == [outcome.ACCEPTED]
        assert other.tap_file("anna") == [outcome.NO_NEWS]
        assert other.tap_file("after") == [outcome.NOT_THIS_METER]
        assert other.account.money.bought == 12_340_000
        assert (meter.account.money.bought, meter.account.money.taken) == (TWENTY, 12_340_000)
        assert wattpurse("station report").count("LOOK INTO THIS") == 0

    def test_clone_shows_the_same_receipt(self, wattpurse, meter):
        sold_and_used(wattpurse, meter)
        wattpurse(f"token {METER} refund money all --card anna")
        copy_card("anna", "clone")
        assert meter.tap_file("clone") == [outcome.ACCEPTED]
        meter.ledger.change(lambda account: setattr(account.money, "bought", account.money.bought + TWENTY))
        assert meter.tap_file("anna") == [outcome.NO_NEWS]
        for name in ("clone", "anna", "clone"):
            wattpurse(f"card read {name}")
        with open_station() as station:
            assert [row["money"] for row in station.receipts.unsettled(METER)] == [12_340_000]

    def test_receipt_is_paid_out_or_resold_but_not_both(self, wattpurse, meter, other):
        sold_and_used(wattpurse, meter)
        wattpurse(f"token {METER} refund money all --card anna")
        meter.tap_file("anna")
        assert wattpurse("card settle anna --paid").endswith("12.34 EUR; paid out")
        assert "not settled already" in wattpurse.refusal("card settle anna --paid")
        assert "not settled already" in wattpurse.refusal(f"card transfer anna --to {OTHER}")
        with open_station() as station:
            assert station.meter(OTHER)["last_count"] == 0

    def test_debt_and_negative_balance_are_transferred(self, wattpurse, meter, other):
        sold_and_used(wattpurse, meter)
        meter.use_money(20_000_000)
        meter.type(wattpurse(f"token {METER} debt 5 --hex"))
        meter.tap_file("anna")
        wattpurse("card read anna")
        wattpurse(f"token {METER} tenant 2 --card anna")
        meter.tap_file("anna")
        assert "-7.66 EUR and debt of 5.00 EUR" in wattpurse("card settle anna")
        assert "debt taken over as token 1" in wattpurse(f"card transfer anna --to {OTHER}")
        other.tap_file("anna")
        assert other.account.standing["debt_microunits"] == 12_660_000
        assert other.account.money.bought == 0

    def test_rest_of_a_term_is_transferred_to_the_second(self, wattpurse, meter, other):
        wattpurse(f"card new anna --kind classic-1k --meter {METER}")
        meter.ledger.change(lambda account: setattr(account, "contract", contracts.Term))
        for number in (METER, OTHER):
            has_contract("term", number)
        meter.type(wattpurse(f"token {METER} days 30 --hex"))
        meter.tap_file("anna")
        wattpurse("card read anna")
        wattpurse(f"token {METER} tenant 2 --card anna")
        meter.tap_file("anna")
        taken_s = meter.account.standing["receipt_term_s"]
        assert taken_s > 29 * 86_400
        assert duration_text(taken_s) in wattpurse("card settle anna")
        wattpurse(f"card transfer anna --to {OTHER}")
        other.tap_file("anna")
        assert 0 <= other.account.standing["term_until_s"] - other.timekeeper.now_s() - taken_s + 30 <= 30
        assert meter.account.standing["term_until_s"] <= meter.timekeeper.now_s()

    def test_two_refunds_are_both_owed(self, wattpurse, meter, other):
        sold_and_used(wattpurse, meter)
        for amount in ("2.34", "10"):
            wattpurse(f"token {METER} refund money {amount} --card anna")
            meter.tap_file("anna")
            wattpurse("card read anna")
        wattpurse(f"card transfer anna --to {OTHER}")
        other.tap_file("anna")
        assert other.account.money.bought == 12_340_000

    def test_transfer_that_did_not_reach_the_card_is_repaired(self, wattpurse, meter, other):
        sold_and_used(wattpurse, meter)
        wattpurse(f"token {METER} refund money all --card anna")
        meter.tap_file("anna")
        before = Path("cards/anna.json").read_text()
        wattpurse(f"card transfer anna --to {OTHER}")
        Path("cards/anna.json").write_text(before)
        assert other.tap_file("anna") == [outcome.NOT_THIS_METER]
        assert f"tokens for meter {OTHER} were made" in wattpurse.refusal(f"card transfer anna --to {OTHER}")
        assert "token 1 put on it" in wattpurse("card repair anna")
        assert other.tap_file("anna") == [outcome.ACCEPTED]
        assert other.account.money.bought == 12_340_000


class TestRefusals:
    def test_transfer_without_a_receipt(self, wattpurse, meter, other):
        sold_and_used(wattpurse, meter)
        assert "was never asked" in wattpurse("card settle anna")
        assert "owes no credit" in wattpurse.refusal(f"card transfer anna --to {OTHER}")

    def test_transfer_before_the_token_was_tapped(self, wattpurse, meter, other):
        sold_and_used(wattpurse, meter)
        wattpurse(f"token {METER} refund money all --card anna")
        assert wattpurse("card settle anna") == "token 2: take back all money, no receipt yet"
        assert "token 2" in wattpurse.refusal(f"card transfer anna --to {OTHER}")
        assert "has no receipt yet" in wattpurse.refusal(f"card transfer anna --to {OTHER}")

    def test_transfer_of_a_card_that_carries_credit_for_the_former_meter(self, wattpurse, meter, other):
        sold_and_used(wattpurse, meter)
        wattpurse(f"token {METER} refund money all --card anna")
        meter.tap_file("anna")
        wattpurse("card topup anna --amount 1")
        assert "not known to be redeemed" in wattpurse.refusal(f"card transfer anna --to {OTHER}")
        meter.tap_file("anna")
        wattpurse(f"card transfer anna --to {OTHER}")

    @pytest.mark.parametrize(("to", "why"), [(METER, "name another meter"), (7, "add it with: wattpurse meter add 7")])
    def test_a_refused_transfer_leaves_the_receipt_to_be_paid_out(self, wattpurse, meter, to, why):
        sold_and_used(wattpurse, meter)
        wattpurse(f"token {METER} refund money all --card anna")
        meter.tap_file("anna")
        assert why in wattpurse.refusal(f"card transfer anna --to {to}")
        assert wattpurse("card settle anna --paid").endswith("12.34 EUR; paid out")

    def test_receipt_for_a_token_of_another_issuer_is_not_owed(self):
        receipt = {"sequence": 3, "money": 1, "energy": 0, "debt": 0, "term_s": 0, "tenant": 0, "card": 0}
        statement = {"meter_number": METER, "time_s": 5, "windows": {}}
        with open_station() as station:
            station.receipts.book({**statement, "receipt": {**receipt, "sequence": number_of(2, 3)}})
            assert station.receipts.of_meter(METER) == []

    def test_receipt_for_a_token_that_is_not_in_this_record_is_in_doubt(self):
        receipt = {"sequence": 3, "money": 1, "energy": 0, "debt": 0, "term_s": 0, "tenant": 0, "card": 0}
        with open_station() as station:
            station.receipts.book({"meter_number": METER, "time_s": 5, "windows": {}, "receipt": receipt})
            assert "its token is not in this record" in station.receipts.of_meter(METER)[0]["doubt"]
            with pytest.raises(ValueError, match="--despite-doubt"):
                station.receipts.owed(METER, 0, 0)

    def test_transfer_to_a_meter_that_sells_by_another_unit(self, wattpurse, meter, other):
        sold_and_used(wattpurse, meter)
        wattpurse(f"token {METER} refund money all --card anna")
        meter.tap_file("anna")
        from_energy = wattpurse(f"token {OTHER} contract prepaid-energy --hex")
        other.type(from_energy)
        wattpurse(f"card new bert --kind ntag213 --meter {OTHER}")
        other.tap_file("bert")
        wattpurse("card read bert")
        assert "does not use money" in wattpurse.refusal(f"card transfer anna --to {OTHER}")


def test_receipt_is_read_from_any_card_of_the_meter(wattpurse, meter):
    sold_and_used(wattpurse, meter)
    meter.type(wattpurse(f"token {METER} refund money all --hex"))
    meter.tap(from_image(json.loads(Path("cards/anna.json").read_text())))
    meter.tap_file("anna")
    assert "12.34 EUR; not settled yet" in wattpurse("card settle anna")
