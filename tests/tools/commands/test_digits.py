"""`wattpurse token ... --digits`: the station sells twenty digits, refuses amounts, and prints digits once more."""

# ruff: noqa: F811 fixtures

import math
from fractions import Fraction

import pytest

from tests.services.desk_bench import METER
from tests.tools import station_office
from tests.tools.shop import has_contract, meter, open_station, shop, wattpurse  # noqa: F401
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import short_token
from wattpurse_tools.commands import short_token as command

ALLOW = f"meter digits-limit {METER} --amount 1000 --kwh 100 --days 31"


@pytest.fixture
def keypad(meter):
    """Return a function that enters digits as printed at the meter, whose terms allow them."""
    for name, value in (("microunits", 10**9), ("mwh", 10**8), ("days", 31)):
        meter.ledger.change(lambda account, n=name, v=value: account.terms.set("short_token_limit_" + n, v))

    def enter(printed):
        return meter.teller.redeem_digits(printed.replace(" ", ""), carrier.KEYPAD)

    enter.account = lambda: meter.account
    return enter


class TestSelling:
    def test_money_energy_and_days_reach_the_meter(self, wattpurse, keypad):
        wattpurse(ALLOW)
        sold = (("money 20.05", "prepaid-money"), ("energy 12.34", "prepaid-energy"), ("days 30", "term"))
        for words, contract in sold:
            has_contract(contract)
            assert keypad(wattpurse(f"token {METER} {words} --digits")) == outcome.ACCEPTED
        account = keypad.account()
        assert (account.money.bought, account.energy.bought) == (20_050_000, 12_340_000)
        assert account.standing["term_bought_s"] == 30 * 86_400

    def test_the_digits_are_in_groups_of_four(self, wattpurse):
        wattpurse(ALLOW)
        groups = wattpurse(f"token {METER} money 20 --digits").split(" ")
        assert [len(group) for group in groups] == [4] * 5
        assert short_token.is_whole("".join(groups))

    def test_the_sale_is_recorded_as_any_token(self, wattpurse):
        wattpurse(ALLOW)
        wattpurse(f"token {METER} money 20 --digits")
        assert wattpurse(f"meter tokens {METER}") == "token 1  20.00 EUR, issued"

    def test_a_reissue_prints_the_same_digits(self, wattpurse, keypad):
        wattpurse(ALLOW)
        printed = wattpurse(f"token {METER} money 20 --digits")
        assert wattpurse(f"meter digits {METER} 1") == printed
        assert keypad(printed) == outcome.ACCEPTED
        assert keypad(wattpurse(f"meter digits {METER} 1")) == outcome.USED

    def test_digits_and_hex_of_one_token_count_once(self, wattpurse, keypad, meter):
        wattpurse(ALLOW)
        sealed = wattpurse(f"token {METER} money 20 --hex")
        assert keypad(wattpurse(f"meter digits {METER} 1")) == outcome.ACCEPTED
        assert meter.type(sealed) == outcome.USED

    def test_digits_are_sealed_for_the_tenant(self, wattpurse, keypad, meter):
        wattpurse(ALLOW)
        meter.type(wattpurse(f"token {METER} tenant 17 --hex"))
        wattpurse(f"card new anna --kind ntag213 --meter {METER}")
        meter.tap_file("anna")
        wattpurse("card read anna")
        assert keypad(wattpurse(f"token {METER} money 20 --digits")) == outcome.ACCEPTED

    def test_a_vending_point_sells_digits_under_its_own_number(self, wattpurse, keypad):
        kiosk = "--office kiosk"
        with station_office.vending_point("kiosk", 2, [METER]):
            wattpurse(f"meter add {METER} {kiosk}")
            assert "digits-limit" in wattpurse.refusal(f"token {METER} money 20 --digits {kiosk}")
            wattpurse(f"{ALLOW} {kiosk}")
            printed = wattpurse(f"token {METER} money 20 --digits {kiosk}")
        assert short_token.issuer_of_digits(printed.replace(" ", "")) == 2
        assert keypad(printed) == outcome.ACCEPTED
        assert keypad.account().tokens.top(2) == 1


class TestRefusals:
    def refused(self, wattpurse, line, *reasons):
        said = wattpurse.refusal(line)
        for reason in reasons:
            assert reason in said
        return said

    def test_nothing_is_sold_until_the_term_allows_it(self, wattpurse):
        self.refused(wattpurse, f"token {METER} money 1 --digits", "no such credit", "short_token_limit_microunits")
        assert wattpurse(f"meter tokens {METER}") == ""

    def test_the_term_token_of_the_office_sets_the_limit(self, wattpurse):
        wattpurse(f"card new anna --kind classic-1k --meter {METER}")
        wattpurse(f"token {METER} term short_token_limit_microunits 20 --card anna")
        assert "at most 20.00 EUR, 0.000 kWh or 0 days" in wattpurse(f"meter digits-limit {METER}")
        wattpurse(f"token {METER} money 20 --digits")
        self.refused(wattpurse, f"token {METER} money 20.01 --digits", "at most 20.00 EUR")

    def test_an_amount_between_is_refused_with_the_nearest_ones(self, wattpurse):
        wattpurse(ALLOW)
        self.refused(wattpurse, f"token {METER} money 123.45 --digits", "123.40 EUR and 123.50 EUR")
        has_contract("prepaid-energy")
        self.refused(wattpurse, f"token {METER} energy 0.001 --digits", "nearest is 0.010 kWh")
        assert wattpurse(f"meter tokens {METER}") == ""

    def test_more_than_the_limit_is_refused(self, wattpurse):
        wattpurse(ALLOW)
        self.refused(wattpurse, f"token {METER} money 1001 --digits", "at most 1000.00 EUR")
        has_contract("prepaid-energy")
        self.refused(wattpurse, f"token {METER} energy 101 --digits", "at most 100.000 kWh")
        has_contract("term")
        self.refused(wattpurse, f"token {METER} days 32 --digits", "at most 31 days")

    def test_a_credit_behind_an_order_is_refused(self, wattpurse):
        wattpurse(ALLOW)
        wattpurse(f"token {METER} debt 50 --hex")
        self.refused(wattpurse, f"token {METER} money 20 --digits", "order 1", "redeemed first")
        wattpurse(f"token {METER} money 20 --hex")
        self.refused(wattpurse, f"meter digits {METER} 2", "redeemed first")

    def test_only_credit_that_is_in_the_record_is_printed_again(self, wattpurse):
        wattpurse(ALLOW)
        self.refused(wattpurse, f"meter digits {METER} 1", "not issued by this station")
        wattpurse(f"token {METER} switch open --hex")
        self.refused(wattpurse, f"meter digits {METER} 1", "no other kind")
        wattpurse(f"meter forfeit {METER} 1")
        wattpurse(f"token {METER} money 20 --digits")
        wattpurse(f"meter forfeit {METER} 2")
        self.refused(wattpurse, f"meter digits {METER} 2", "forfeited")

    def test_a_wrong_limit_is_refused(self, wattpurse):
        self.refused(wattpurse, f"meter digits-limit {METER} --days 10000", "0 to 9999")
        self.refused(wattpurse, "meter digits-limit 7", "not known")
        with open_station() as station:
            assert set(station.short_tokens.limits(METER).values()) == {0}


class TestFacts:
    """The figures of the command and of the page, by exact fractions."""

    def test_the_figures_follow_from_the_format(self, wattpurse):
        amounts = 2 * (9_999 + 5 * 9_000) + 9_999
        tags = 10**19 // (16 * 256 * amounts)
        guesses, now_s, delay_s = 0, 0, 1
        while now_s < 8_766 * 3_600:
            guesses, now_s, delay_s = guesses + 1, now_s + delay_s, min(3_600, 2 * delay_s)
        said = wattpurse("short-token")
        assert f"{tags}, {math.log2(tags):.1f} bits" in said
        assert f"1 in {Fraction(tags, guesses).__floor__()}" in said
        assert f"{guesses}" in said
        assert f"{round(Fraction(tags, guesses) * Fraction(math.log(2)))}" in said

    def test_the_page_has_the_figures_of_the_command(self):
        from tests.house.places import ROOT

        page = (ROOT / "docs/keypad.md").read_text()
        for name, value in command.facts():
            assert f"| {name} | {value} |" in page
