"""BAL and TOK by SMS: the phone in the record alone is answered, once by the gateway's number, in its language."""

import time

import pytest

from tests.tools.office.selling_site import EUR, KWH, build_site
from wattpurse_tools.headend import sms_commands
from wattpurse_tools.headend.recharge import recharge
from wattpurse_tools.office.sale_types import by_provider
from wattpurse_tools.record.models import Customer, IncomingText, Meter, ShortLimit, Tenancy, Token

PHONE = "+4915112345678"


@pytest.fixture
def ask(office, manager):
    """Return a function that asks by SMS."""
    build_site()
    Customer.objects.filter(number=101).update(phone=PHONE)
    Meter.objects.filter(number=1).update(balance=12_340_000, told_s=1_790_000_000)
    numbers = iter(range(1000))

    def ask(text, phone=PHONE, number=None, now_s=1_790_000_100):
        told = f"gateway-{next(numbers)}" if number is None else number
        return sms_commands.answer(office, manager, phone, text, told, now_s)

    return ask


def test_bal_tells_the_credit_of_the_own_meters(ask):
    assert "12.34" in ask("BAL")
    assert "Meter 1" in ask("  bal   1 ")
    assert "no meter" in ask("BAL 2")
    Tenancy.objects.filter(meter_number=2).update(customer=Customer.objects.get(number=101))
    Meter.objects.filter(number=2).update(balance=5 * KWH, told_s=1_790_000_000)
    both = ask("BAL")
    assert "12.34" in both
    assert "5.0" in both
    assert "kWh" in both


def test_a_balance_of_the_former_tenant_is_not_told(ask):
    Tenancy.objects.filter(meter_number=1).update(from_s=1_790_000_050)
    assert "12.34" not in ask("BAL")


def test_tok_tells_the_digits_that_wait_again(ask, office, manager):
    assert "no digits" in ask("TOK")
    ShortLimit.objects.create(meter_id=1, name="short_token_limit_microunits", value=50 * EUR)
    recharge(office, manager, 1, 20 * EUR, by_provider("stripe"), "k", int(time.time()))
    digits = Token.objects.get().digits
    assert len(digits) == 20
    assert sms_commands.grouped(digits) in ask("TOK 1")
    Token.objects.update(state="redeemed")
    assert digits[:4] not in ask("TOK 1")


@pytest.mark.parametrize("phone", ["+4915199999999", "", "12345678", "gateway", "+1415112345678"])
def test_an_unknown_phone_is_told_nothing(ask, phone):
    assert ask("BAL 1", phone) == ""
    assert IncomingText.objects.get().answer == ""


def test_a_phone_of_two_customers_is_told_nothing(ask):
    Customer.objects.filter(number=102).update(phone="015112345678")
    assert ask("BAL") == ""


@pytest.mark.parametrize("kept", ["015112345678", "4915112345678", "004915112345678"])
def test_the_country_code_may_be_missing_in_the_record(ask, kept):
    Customer.objects.filter(number=101).update(phone=kept)
    assert "12.34" in ask("BAL")


def test_the_number_of_the_gateway_makes_a_text_happen_once(ask):
    first = ask("BAL", number="n1")
    Meter.objects.filter(number=1).update(balance=1)
    assert ask("BAL", number="n1") == first
    assert IncomingText.objects.count() == 1


def test_a_phone_that_asks_too_often_has_to_wait(ask):
    answers = [ask("BAL") for _ in range(14)]
    assert all(answers[:12])
    assert answers[12:] == ["", ""]
    assert ask("BAL", now_s=1_790_003_800)


@pytest.mark.parametrize("text", ["", "HELP", "BAL 1 2", "TOK x", "BAL ١"])
def test_other_texts_are_answered_with_the_commands(ask, text):
    assert "BAL" in ask(text)
