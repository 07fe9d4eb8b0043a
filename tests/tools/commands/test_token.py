"""`wattpurse token`: each kind is sealed as typed, recorded first, and refused if money would be lost."""

# ruff: noqa: F811 fixtures

import json

import pytest

from boards.host.chips.aes import aes
from tests.samples import flat_tariff
from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.shop import has_contract, meter, open_station, shop, wattpurse  # noqa: F401
from wattpurse.core import outcome
from wattpurse.core.messages import token
from wattpurse.core.money import supply, terms
from wattpurse.core.money.key_card import card_number
from wattpurse.core.seals import keys
from wattpurse_tools.station.token_orders import ORDERS
from wattpurse_tools.utc_texts import time_text

CASES = (
    ("money 20.05", token.CREDIT_MONEY, (20_050_000,), "20.05 EUR"),
    ("energy 12.345", token.CREDIT_ENERGY, (12_345_000,), "12.345 kWh"),
    ("days 30", token.DAYS, (30 * 86_400,), "30 days"),
    (
        "dispense 50 4.5 10",
        token.DISPENSE,
        (50_000_000, 4_500_000, 864_000),
        "50.000 kWh, at most 4.500 kWh a day for 10 days",
    ),
    ("refund money all", token.REFUND, (0, 0, 0), "take back all money"),
    ("refund energy 1.5", token.REFUND, (1, 1_500_000, 0), "take back 1.500 kWh"),
    ("clear", token.CLEAR, (0,), "clear all credit and debt"),
    ("tenant 17", token.TENANT, (17, 0), "tenant 17 moves in"),
    ("debt 30.10", token.DEBT, (30_100_000,), "debt changes by 30.10 EUR"),
    ("debt -5", token.DEBT, (-5_000_000,), "debt changes by -5.00 EUR"),
    ("permit 2027-01-01T01:00:00+01:00", token.PERMIT, (1_798_761_600,), "permit until 2027-01-01 00:00:00 UTC"),
    ("switch open", token.SWITCH, (1,), "switch to open"),
    ("switch close", token.SWITCH, (0,), "switch to close"),
    (
        "shortage 3 2027-01-01T00:00:00+00:00",
        token.SHORTAGE,
        (3, 1_798_761_600),
        "shortage level 3 until 2027-01-01 00:00:00 UTC",
    ),
    ("shortage 0", token.SHORTAGE, (0, 0), "no shortage"),
    ("revoke 15", token.REVOKE, (15,), "issuer 15 is revoked"),
    ("contract prepaid-energy", token.CONTRACT, (2,), "contract prepaid-energy"),
    ("term low_credit_microunits 1.50", token.TERM, (2, 1_500_000), "low_credit_microunits 1.50 EUR"),
    ("term credit_limit_mwh 99.999", token.TERM, (1, 99_999_000), "credit_limit_mwh 99.999 kWh"),
    ("clear-tamper", token.CLEAR_TAMPER, (), "clear tamper"),
    (
        "clock-back 2027-01-01T00:00:00+00:00",
        token.CLOCK_BACK,
        (1_798_761_600,),
        "clock back to 2027-01-01 00:00:00 UTC",
    ),
    ("clock 2027-01-01T00:00:00+00:00", token.CLOCK, (1_798_761_600,), "clock 2027-01-01 00:00:00 UTC"),
)

SOLD_BY = {"energy": "prepaid-energy", "days": "term", "dispense": "dispenser", "permit": "managed"}


def opened(digits):
    pair = keys.token_keys(aes, station_office.current().meter_key(METER))
    return token.open_token(aes, pair, bytes.fromhex(digits))


class TestEachKind:
    @pytest.mark.parametrize(("words", "kind", "fields", "said"), CASES, ids=[case[0] for case in CASES])
    def test_token_has_the_typed_values(self, wattpurse, words, kind, fields, said):
        has_contract(SOLD_BY.get(words.split()[0], "prepaid-money"))
        one = opened(wattpurse(f"token {METER} {words} --hex"))
        assert (one.sequence, one.kind, one.fields()) == (1, kind, fields)
        with open_station() as station:
            row = station.token(METER, 1)
            assert (row["kind"], row["card"], row["state"]) == (kind, "", "issued")
        assert wattpurse(f"meter tokens {METER}") == f"token 1  {said}, issued"

    def test_every_kind_is_tested(self):
        elsewhere = {"tariff", "meter-key", "site-key"}
        assert {case[0].split()[0] for case in CASES} == {token.name(row[0]) for row in ORDERS} - elsewhere

    def test_clock_without_a_time_is_now(self, wattpurse, monkeypatch):
        monkeypatch.setattr("time.time", lambda: 1_800_000_000.9)
        assert opened(wattpurse(f"token {METER} clock --hex")).fields() == (1_800_000_000,)

    def test_tariff_token_has_the_table(self, wattpurse):
        with open("tariff.bin", "wb") as file:
            file.write(flat_tariff(version=7))
        assert opened(wattpurse(f"token {METER} tariff tariff.bin --hex")).body == flat_tariff(version=7)
        assert "tariff version 7" in wattpurse(f"meter tokens {METER}")

    def test_token_is_shown_again_unchanged(self, wattpurse):
        has_contract("term")
        digits = wattpurse(f"token {METER} days 30 --hex")
        assert wattpurse(f"meter tokens {METER} --hex") == f"token 1  30 days, issued  {digits}"

    def test_token_on_a_card_reaches_the_meter(self, wattpurse, meter):
        wattpurse(f"card new anna --kind classic-1k --meter {METER}")
        said = wattpurse(f"token {METER} term low_credit_microunits 1.50 --card anna")
        assert said == f"card anna: low_credit_microunits 1.50 EUR for meter {METER}, token 1"
        has_contract("term")
        said = wattpurse(f"token {METER} days 7 --card anna")
        assert said == f"card anna: 7 days for meter {METER}, token 2; receipt 1 of shop 1 over 7.00 EUR"
        assert meter.tap_file("anna") == [outcome.ACCEPTED]
        assert meter.account.terms["low_credit_microunits"] == 1_500_000
        assert meter.account.standing["term_until_s"] > 0
        assert "token      2: 7 days, redeemed" in wattpurse("card read anna")

    def test_card_has_the_state_of_the_meter(self, wattpurse, meter):
        wattpurse(f"card new anna --kind classic-1k --meter {METER}")
        for words in ("tenant 17", "money 20", "contract term", "days 7", "debt 4.50"):
            wattpurse(f"token {METER} {words} --card anna")
            meter.tap_file("anna")
            wattpurse("card read anna")
        meter.supply_reason = supply.EXPIRED
        meter.tap_file("anna")
        wattpurse(f"token {METER} refund money 12.34 --card anna")
        meter.tap_file("anna")
        said = wattpurse("card read anna")
        until_s = meter.account.standing["term_until_s"]
        for line in (
            "supply     expired",
            f"until      {time_text(until_s)}",
            "tenant     17",
            "debt       4.50 EUR",
            "receipt    token 6 took out 12.34 EUR",
        ):
            assert line in said.split("\n")
        document = json.loads(wattpurse("card read anna --json"))["statement"]
        assert document["supply"] == "expired"
        assert document["standing"] == {"term_until_s": until_s, "debt_microunits": 4_500_000, "tenant": 17}
        receipt = {"sequence": 6, "money": 12_340_000, "energy": 0, "debt": 0, "term_s": 0, "tenant": 17}
        uid = bytes.fromhex(json.loads(wattpurse("card read anna --json"))["card"]["uid"])
        assert document["receipt"] == {**receipt, "card": card_number(uid)}

    def test_typed_token_is_redeemed_by_the_next_statement(self, wattpurse, meter):
        assert meter.type(wattpurse(f"token {METER} money 20 --hex")) == outcome.ACCEPTED
        wattpurse(f"card new anna --kind ntag213 --meter {METER}")
        meter.tap_file("anna")
        wattpurse("card read anna")
        assert wattpurse(f"meter tokens {METER}") == ""


class TestRefusals:
    CASES = (
        ("money 0", "above zero"),
        ("money 1.001", "at most 2 decimals"),
        ("money 1e3", "above zero"),
        ("energy 1.2345", "at most 3 decimals"),
        ("days 0", "from 1 to 3660"),
        ("days 1.5", "from 1 to 3660"),
        ("dispense 50 0 10", "above zero"),
        ("refund gold all", "money or energy"),
        ("refund money 1.001", "at most 2 decimals"),
        ("tenant 0", "from 1"),
        ("debt x", "above zero"),
        ("permit tomorrow", "with its offset"),
        ("permit 2027-01-01T00:00:00", "with its offset"),
        ("permit 2107-01-01T00:00:00+00:00", "before 2106|1970 and 2105"),
        ("switch ajar", "open or close"),
        ("shortage 10", "from 0 to 9"),
        ("contract rent", "no contract"),
        ("tariff none.toml", "none.toml"),
        ("term rent 5", "no term 'rent'"),
        ("term tax_permyriad 10001", "must be from 0 to 10000"),
        ("term tax_permyriad -1", "from 0"),
        ("meter-key", "wattpurse keys roll"),
        ("site-key", "wattpurse keys roll"),
    )

    @pytest.mark.parametrize(("words", "why"), CASES, ids=[case[0] for case in CASES])
    def test_wrong_values_make_no_token(self, wattpurse, words, why):
        reason = wattpurse.refusal(f"token {METER} {words} --hex")
        assert any(one in reason for one in why.split("|")), reason
        with open_station() as station:
            assert station.tokens() == []
            assert station.meter(METER)["last_count"] == 0

    def test_unknown_meter(self, wattpurse):
        assert "meter 7 is not known" in wattpurse.refusal("token 7 days 30 --hex")

    def test_card_of_another_meter(self, wattpurse):
        wattpurse("meter add 7")
        wattpurse("card new anna --kind classic-1k --meter 7")
        assert "is for meter 7" in wattpurse.refusal(f"token {METER} days 30 --card anna")

    def test_tariff_that_is_too_large_for_the_card(self, wattpurse):
        with open("tariff.bin", "wb") as file:
            file.write(flat_tariff(rates=tuple((f"RATE{n}", (n + 1,), ()) for n in range(8))))
        wattpurse(f"card new anna --kind ntag213 --meter {METER}")
        assert "has no room for a token of" in wattpurse.refusal(f"token {METER} tariff tariff.bin --card anna")

    def test_each_term_by_its_name(self, wattpurse):
        for place, name in enumerate(terms.names()):
            default = terms.Terms()[name]
            exact = str(default)
            if name.endswith(("_microunits", "_mwh")):
                exact = f"{default // 10**6}.{default % 10**6:06}"
            assert opened(wattpurse(f"token {METER} term {name} {exact} --hex")).fields() == (place, default)


class TestLossOfMoney:
    """Orders that would overwrite an unread receipt or give credit to the next tenant are refused."""

    def test_second_refund_waits_for_the_receipt_of_the_first(self, wattpurse, meter):
        wattpurse(f"card new anna --kind classic-1k --meter {METER}")
        wattpurse(f"token {METER} refund money all --card anna")
        for words in ("refund energy all", "clear", "tenant 3"):
            reason = wattpurse.refusal(f"token {METER} {words} --hex")
            assert f"token 1 of meter {METER} (take back all money) has no receipt yet" in reason
        meter.tap_file("anna")
        assert "has no receipt" in wattpurse.refusal(f"token {METER} clear --hex")
        wattpurse("card read anna")
        wattpurse(f"token {METER} clear --hex")

    def test_forfeited_refund_is_not_awaited(self, wattpurse):
        wattpurse(f"token {METER} refund money all --hex")
        wattpurse(f"meter forfeit {METER} 1")
        wattpurse(f"token {METER} clear --hex")

    @pytest.mark.parametrize("credit", ["money 20", "dispense 10 1 5"])
    def test_outstanding_credit_is_not_left_to_the_next_tenant(self, wattpurse, meter, credit):
        has_contract(SOLD_BY.get(credit.split()[0], "prepaid-money"))
        digits = wattpurse(f"token {METER} {credit} --hex")
        for words in ("tenant 3", "clear"):
            assert "the next tenant could not use it" in wattpurse.refusal(f"token {METER} {words} --hex")
        meter.type(digits)
        wattpurse(f"card new anna --kind ntag215 --meter {METER}")
        meter.tap_file("anna")
        wattpurse("card read anna")
        wattpurse(f"token {METER} tenant 3 --hex")

    @pytest.mark.parametrize("kind", ["ntag213", "ultralight"])
    def test_card_without_room_for_a_receipt(self, wattpurse, kind):
        wattpurse(f"card new anna --kind {kind} --meter {METER}")
        said = wattpurse.refusal(f"token {METER} refund money all --card anna")
        assert f"card anna, {kind}, has no room for the receipt" in said

    def test_credit_that_the_meter_does_not_sell_by(self, wattpurse, meter):
        wattpurse(f"card new anna --kind ntag213 --meter {METER}")
        meter.tap_file("anna")
        wattpurse("card read anna")
        said = wattpurse.refusal(f"token {METER} dispense 10 1 5 --hex")
        assert "contract prepaid-money, where kWh with a daily limit would do nothing; sell money" in said
