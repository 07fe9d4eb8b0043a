"""A vending point sells with a key file of its own, under its own numbers. The office and thieves try their means."""

# ruff: noqa: F811 fixtures

import json
from pathlib import Path

import pytest

from tests.services.desk_bench import METER
from tests.tools.shop import meter, shop, wattpurse  # noqa: F401
from wattpurse.core import outcome
from wattpurse.core.money.token_windows import number_of
from wattpurse_tools import cli
from wattpurse_tools.station import key_file

OTHER = METER + 1
KIOSK = "--keys kiosk.json --state kiosk.db"


@pytest.fixture
def kiosk(wattpurse):
    """Make the key file of issuer 2 for one meter, and the record of its station."""
    wattpurse(f"keys vending-point keys.json kiosk.json --issuer 2 --meters {METER}")
    wattpurse(f"meter add {METER} {KIOSK}")


def test_office_and_vending_point_sell_to_one_meter_with_equal_numbers(wattpurse, meter, kiosk):
    wattpurse(f"card new anna --kind ntag216 --meter {METER}")
    wattpurse(f"card new bert --kind ntag216 --meter {METER}")
    assert wattpurse("card topup anna --amount 5").endswith("token 1")
    assert wattpurse(f"card topup bert --amount 7 {KIOSK}").endswith("token 2/1")
    assert meter.tap_file("anna") == [outcome.ACCEPTED]
    assert meter.tap_file("bert") == [outcome.ACCEPTED]
    assert meter.account.money.bought == 12_000_000
    assert "token      2/1: 7.00 EUR, redeemed" in wattpurse(f"card read bert {KIOSK}")
    wattpurse("card read bert")
    assert "after=1,2/1" in wattpurse(f"meter keys {METER}")
    assert "LOOK INTO THIS" not in wattpurse("station report")


def test_a_stolen_key_file_has_no_key_of_the_office_and_sells_nothing_after_the_revocation(wattpurse, meter, kiosk):
    office, stolen = json.loads(Path("keys.json").read_text()), Path("kiosk.json").read_text()
    assert office["keys"][0]["vending_key"] not in stolen
    assert station_office.current().meter_key(METER).hex() not in stolen
    assert meter.type(wattpurse(f"token {METER} money 5 --hex {KIOSK}")) == outcome.ACCEPTED
    assert meter.type(wattpurse(f"token {METER} revoke 2 --hex")) == outcome.ACCEPTED
    assert meter.type(wattpurse(f"token {METER} money 5 --hex {KIOSK}")) == outcome.NOT_ENTITLED
    assert meter.account.money.bought == 5_000_000
    assert meter.account.tokens.is_revoked(2)


def test_a_vending_point_is_refused_what_only_the_office_may_do(wattpurse, meter, kiosk):
    assert "by the office alone" in wattpurse.refusal(f"token {METER} debt -5 --hex {KIOSK}")
    assert "office's key file" in wattpurse.refusal(f"meter keys {METER} {KIOSK}")
    assert "only the office makes keys" in wattpurse.refusal(
        f"keys vending-point kiosk.json x.json --issuer 3 --meters {METER}"
    )
    assert "only the office makes keys" in wattpurse.refusal("keys roll kiosk.json")
    wattpurse(f"meter add {OTHER} {KIOSK}")
    assert "ask the office" in wattpurse.refusal(f"token {OTHER} money 5 --hex {KIOSK}")


def test_impossible_vending_points_are_refused(wattpurse, kiosk):
    for issuer in (0, 16):
        said = wattpurse.refusal(f"keys vending-point keys.json x.json --issuer {issuer} --meters {METER}")
        assert "from 1 to 15" in said
    assert "not overwritten" in wattpurse.refusal(
        f"keys vending-point keys.json kiosk.json --issuer 2 --meters {METER}"
    )


def test_the_credit_on_a_card_waits_for_the_debt_that_was_sold_with_it(wattpurse, meter):
    wattpurse(f"card new anna --kind ntag216 --meter {METER}")
    wattpurse(f"token {METER} debt 500 --card anna")
    wattpurse("card topup anna --amount 5")
    credit = wattpurse(f"meter tokens {METER} --hex").splitlines()[1].split()[-1]
    assert meter.type(credit) == outcome.OUT_OF_ORDER
    assert "forfeit both" in wattpurse.refusal(f"meter forfeit {METER} 1")
    assert meter.tap_file("anna") == [outcome.ACCEPTED]
    assert meter.account.standing["debt_microunits"] == 500_000_000
    assert meter.account.money.bought == 5_000_000


def test_the_next_tenants_card_settles_no_receipt_of_the_tenant_before(wattpurse, meter):
    wattpurse(f"card new anna --kind ntag216 --meter {METER}")
    wattpurse(f"card new bert --kind ntag216 --meter {METER}")
    wattpurse("card topup anna --amount 80")
    meter.tap_file("anna")
    wattpurse("card read anna")
    wattpurse(f"token {METER} tenant 2 --card anna")
    meter.tap_file("anna")
    meter.tap_file("bert")
    wattpurse("card read bert")
    assert "for another card" in wattpurse.refusal("card settle bert --paid")
    assert "80.00 EUR" in wattpurse("card settle anna --paid")


def test_an_order_that_came_too_late_leaves_the_card_with_the_next_statement(wattpurse, meter):
    wattpurse(f"card new anna --kind ntag216 --meter {METER}")
    wattpurse(f"token {METER} clock 2026-01-01T00:00:01+00:00 --card anna")
    assert meter.tap_file("anna") == [outcome.OUTDATED]
    said = wattpurse("card read anna")
    assert "voided     token 1: older than what is in force" in said
    assert wattpurse(f"meter tokens {METER}") == ""
    wattpurse("card topup anna --amount 5")
    assert meter.tap_file("anna") == [outcome.ACCEPTED]
    assert meter.account.tokens.is_used(number_of(0, 2))


def test_a_receipt_that_the_next_one_replaced_is_found_by_the_sums(wattpurse, meter, capsys):
    wattpurse(f"card new anna --kind ntag216 --meter {METER}")
    wattpurse("card topup anna --amount 80")
    meter.tap_file("anna")
    wattpurse("card read anna")
    first = wattpurse(f"token {METER} refund money 50 --hex")
    assert meter.type(first) == outcome.ACCEPTED
    wattpurse(f"meter forfeit {METER} 2")
    assert meter.type(wattpurse(f"token {METER} refund money 10 --hex")) == outcome.ACCEPTED
    meter.tap_file("anna")
    wattpurse("card read anna")
    assert cli.main(["station", "report"]) == 1
    assert "the meter gave back 60000000, more than the 10000000 of money" in capsys.readouterr().out
