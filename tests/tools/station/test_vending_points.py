"""A vending point sells with a key file of its own, under its own numbers. The office and thieves try their means."""

# ruff: noqa: F811 fixtures

import json

import pytest

from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.shop import meter, shop, wattpurse  # noqa: F401
from wattpurse.core import outcome
from wattpurse.core.money.token_windows import number_of

OTHER = METER + 1
KIOSK = "--office kiosk"
KIOSK_AND_CARDS = f"{KIOSK} --cards cards"


@pytest.fixture
def kiosk(wattpurse):
    """Make the vending point of issuer 2 for one meter, which uses the same cards."""
    with station_office.vending_point("kiosk", 2, [METER]) as office:
        wattpurse(f"meter add {METER} {KIOSK}")
        yield office


def test_office_and_vending_point_sell_to_one_meter_with_equal_numbers(wattpurse, meter, kiosk):
    wattpurse(f"card new anna --kind ntag216 --meter {METER}")
    wattpurse(f"card new bert --kind ntag216 --meter {METER}")
    assert ", token 1; receipt 1 of shop 1" in wattpurse("card topup anna --amount 5")
    assert ", token 2/1; receipt 1 of shop 1" in wattpurse(f"card topup bert --amount 7 {KIOSK_AND_CARDS}")
    assert meter.tap_file("anna") == [outcome.ACCEPTED]
    assert meter.tap_file("bert") == [outcome.ACCEPTED]
    assert meter.account.money.bought == 12_000_000
    assert "token      2/1: 7.00 EUR, redeemed" in wattpurse(f"card read bert {KIOSK_AND_CARDS}")
    wattpurse("card read bert")
    assert "after=1,2/1" in wattpurse(f"meter keys {METER}")
    assert "LOOK INTO THIS" not in wattpurse("station report")


def test_a_stolen_key_file_has_no_key_of_the_office_and_sells_nothing_after_the_revocation(wattpurse, meter, kiosk):
    stolen = json.dumps(
        station_office.current().vault.vending_point(station_office.current().person.ticket, 2, [METER])
    )
    assert station_office.current().meter_key(METER).hex() not in stolen
    assert meter.type(wattpurse(f"token {METER} money 5 --hex {KIOSK}")) == outcome.ACCEPTED
    assert meter.type(wattpurse(f"token {METER} revoke 2 --hex")) == outcome.ACCEPTED
    assert meter.type(wattpurse(f"token {METER} money 5 --hex {KIOSK}")) == outcome.NOT_ENTITLED
    assert meter.account.money.bought == 5_000_000
    assert meter.account.tokens.is_revoked(2)


def test_a_vending_point_is_refused_what_only_the_office_may_do(wattpurse, meter, kiosk):
    assert "by the office alone" in wattpurse.refusal(f"token {METER} debt -5 --hex {KIOSK}")
    assert "vending point" in wattpurse.refusal(f"meter keys {METER} {KIOSK}")
    with pytest.raises(ValueError, match="vending point"):
        kiosk.roll()
    wattpurse(f"meter add {OTHER} {KIOSK}")
    assert "ask the office" in wattpurse.refusal(f"token {OTHER} money 5 --hex {KIOSK}")


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


def test_an_order_that_came_too_late_leaves_the_card_with_the_next_statement(wattpurse, meter, monkeypatch):
    wattpurse(f"card new anna --kind ntag216 --meter {METER}")
    with monkeypatch.context() as patch:
        patch.setattr("time.time", lambda: 1_767_225_601)
        wattpurse(f"token {METER} clock --card anna")
    assert meter.tap_file("anna") == [outcome.OUTDATED]
    said = wattpurse("card read anna")
    assert "voided     token 1: older than what is in force" in said
    assert wattpurse(f"meter tokens {METER}") == ""
    wattpurse("card topup anna --amount 5")
    assert meter.tap_file("anna") == [outcome.ACCEPTED]
    assert meter.account.tokens.is_used(number_of(0, 2))


def test_a_receipt_that_the_next_one_replaced_is_booked_from_the_sums(wattpurse, meter):
    wattpurse(f"card new anna --kind ntag216 --meter {METER}")
    wattpurse("card topup anna --amount 80")
    meter.tap_file("anna")
    wattpurse("card read anna")
    first = wattpurse(f"token {METER} refund money 50 --hex")
    assert meter.type(first) == outcome.ACCEPTED
    wattpurse(f"meter forfeit {METER} 2")
    assert meter.type(wattpurse(f"token {METER} refund money 10 --hex")) == outcome.ACCEPTED
    meter.tap_file("anna")
    told = wattpurse("card settle anna").splitlines()
    assert told[0].startswith("token 2: take back 50.00 EUR: 50.00 EUR; not settled yet; IN DOUBT: its receipt was")
    assert told[1] == "token 3: take back 10.00 EUR: 10.00 EUR; not settled yet"
    assert "LOOK INTO THIS" not in wattpurse("station report")
    assert "; paid out" not in wattpurse("card settle anna --paid").splitlines()[0]
    assert "; paid out" in wattpurse("card settle anna --paid --despite-doubt").splitlines()[0]
