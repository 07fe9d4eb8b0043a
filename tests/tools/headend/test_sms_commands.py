"""BAL and TOK by SMS: the phone in the record alone is answered, once by the gateway's number, in its language."""

import time

import pytest

from tests.tools.office.selling_site import EUR, KWH, build_site
from wattpurse.core.messages.short_token import grouped
from wattpurse_tools.headend import payments, sms_commands, wallets
from wattpurse_tools.headend.recharge import recharge
from wattpurse_tools.office.sale_types import by_provider
from wattpurse_tools.record.models import (
    Customer,
    IncomingText,
    ManagedAccount,
    Meter,
    Payment,
    Sale,
    ShortLimit,
    Tenancy,
    Token,
    Wallet,
)

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


def test_bal_tells_the_balance_of_an_account_while_it_is_open(ask):
    tenancy = Tenancy.objects.get(meter_number=1)
    ManagedAccount.objects.create(tenancy=tenancy, meter_id=1, opened_s=1, balance_microunits=7_650_000)
    assert ask("BAL") == "Meter 1: 7.65 EUR."
    ManagedAccount.objects.update(closed_s=2)
    assert "12.34" in ask("BAL")


def test_a_balance_of_the_former_tenant_is_not_told(ask):
    Tenancy.objects.filter(meter_number=1).update(from_s=1_790_000_050)
    assert "12.34" not in ask("BAL")


def test_tok_tells_the_digits_that_wait_again(ask, office, manager):
    assert "no digits" in ask("TOK")
    ShortLimit.objects.create(meter_id=1, name="short_token_limit_microunits", value=50 * EUR)
    recharge(office, manager, 1, 20 * EUR, by_provider("stripe"), "k", int(time.time()))
    digits = Token.objects.get().digits
    assert len(digits) == 20
    assert grouped(digits) in ask("TOK 1")
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


@pytest.fixture
def wallet(ask, office, cashier):
    """Give customer 101 a wallet of 20.00 EUR."""
    ShortLimit.objects.create(meter_id=1, name="short_token_limit_microunits", value=50 * EUR)
    wallets.pay_in_cash(office, cashier, 101, 20 * EUR, "k", int(time.time()))
    return lambda: Wallet.objects.get().balance_microunits


def test_tok_with_an_amount_buys_from_the_wallet_once(ask, wallet):
    assert "20.00" in ask("BAL").splitlines()[-1]
    assert "wallet" in ask("HELP")
    first = ask("tok 1 5,50", number="n1")
    assert grouped(Token.objects.get().digits) in first
    assert wallet() == 14_500_000
    assert ask("tok 1 5,50", number="n1") == first
    IncomingText.objects.filter(number="n1").delete()  # the process died before it kept its answer
    assert ask("tok 1 5,50", number="n1") == first
    assert (Sale.objects.count(), wallet()) == (1, 14_500_000)
    ask("TOK 1 5.50")
    assert (Sale.objects.count(), wallet()) == (2, 9 * EUR)


@pytest.mark.parametrize("text", ["TOK 1 20.01", "TOK 2 5", "TOK 1 0.5", "TOK 1 -5", "TOK 99 5", "TOK 1 5.123"])
def test_tok_buys_nothing_that_the_wallet_may_not(ask, wallet, text):
    assert "nothing was bought" in ask(text)
    assert "20.00" in ask(text)
    assert (Sale.objects.count(), wallet()) == (0, 20 * EUR)


def test_tok_buys_nothing_without_a_wallet_that_takes_sms(ask, wallet):
    Wallet.objects.update(takes_sms=False)
    assert "no wallet" in ask("TOK 1 5")
    assert "wallet" not in ask("HELP")
    assert (Sale.objects.count(), wallet(), Payment.objects.filter(state=payments.SOLD).count()) == (0, 20 * EUR, 0)


@pytest.mark.parametrize("text", ["", "HELP", "BAL 1 2", "TOK x", "BAL ١", "TOK 1 x", "TOK 1 2 3", "TOK 1 ٥"])
def test_other_texts_are_answered_with_the_commands(ask, text):
    assert "BAL" in ask(text)
