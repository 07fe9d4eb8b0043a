"""BAL and TOK by SMS: the phone in the record alone is answered, once by the gateway's number, in its language."""

import os
import re
import time
from datetime import date

import pytest

from tests.tools.office.selling_site import EUR, KWH, build_site, first_shop
from wattpurse.core.messages.short_token import grouped
from wattpurse_tools.headend import payments, sms_commands, sms_gammu, wallets
from wattpurse_tools.headend.recharge import recharge
from wattpurse_tools.headend.sms_gammu import Folders
from wattpurse_tools.office.sale_types import by_provider
from wattpurse_tools.record.models import (
    Customer,
    IncomingText,
    ManagedAccount,
    Message,
    Meter,
    Payment,
    Premises,
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

    def ask(text, phone=PHONE, number=None, now_s=1_790_000_100, country_code=""):
        told = f"gateway-{next(numbers)}" if number is None else number
        return sms_commands.answer(office, manager, phone, text, told, now_s, country_code)

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


@pytest.mark.parametrize("kept", ["015112345678", PHONE, "0151-123 45678"])
def test_a_phone_of_two_customers_is_told_nothing(ask, kept):
    Customer.objects.filter(number=102).update(phone=kept)
    assert ask("BAL", country_code="49") == ""


@pytest.mark.parametrize(
    "kept", [PHONE, "4915112345678", "004915112345678", "+49 151 / 123-456 78", "+49 (151)12345678"]
)
def test_a_number_with_its_country_code_is_found_as_it_is_written(ask, kept):
    Customer.objects.filter(number=101).update(phone=kept)
    assert "12.34" in ask("BAL")
    assert "12.34" in ask("BAL", country_code="254")
    assert ask("BAL", "+33" + PHONE[3:]) == ""


@pytest.mark.parametrize("kept", ["015112345678", "0151 123-45678", "+49 (0)151 12345678"])
def test_a_number_with_a_zero_is_found_for_a_phone_of_the_country_alone(ask, kept):
    Customer.objects.filter(number=101).update(phone=kept)
    assert "12.34" in ask("BAL", country_code="49")
    assert "12.34" in ask("BAL", "015112345678", country_code="49")
    for phone in (PHONE, "+3315112345678", "+115112345678", "+25415112345678", "015112345678"):
        assert ask("BAL", phone) == ""
    for phone in ("+3315112345678", "+115112345678", "+25415112345678", "+015112345678"):
        assert ask("BAL", phone, country_code="49") == ""


def test_a_phone_of_another_country_buys_nothing(ask, wallet):
    Customer.objects.filter(number=101).update(phone="0712345678")
    assert ask("TOK 1 5", "+256712345678", country_code="254") == ""
    assert wallet() == 20 * EUR
    assert "Digits" in ask("TOK 1 5", "+254712345678", country_code="254")
    assert wallet() == 15 * EUR


def test_each_database_finds_a_phone(any_database):
    Customer.objects.create(number=1, name="Ada", phone="0151/123 45-678", created_s=0)
    assert sms_commands.customer_of(PHONE, "49") == Customer.objects.get()
    assert sms_commands.customer_of(PHONE) is None


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


@pytest.mark.parametrize("is_taken", [True, False])
def test_an_order_that_gammu_stores_twice_buys_once(ask, wallet, tmp_path, is_taken):
    folders = Folders(*(tmp_path / name for name in ("outbox", "sent", "errors", "inbox", "taken")))
    for folder in vars(folders).values():
        folder.mkdir()
    for serial in ("00", "01"):
        file = folders.inbox / f"IN20260921_120000_{serial}_{PHONE}_00.txt"
        file.write_bytes("TOK 1 5".encode("utf-16"))
        os.utime(file, (0, 0))
        if is_taken:
            sms_gammu.take_texts(folders, lambda phone, text, number: ask(text, phone, number), 1_790_000_100)
    sms_gammu.take_texts(folders, lambda phone, text, number: ask(text, phone, number), 1_790_000_100)
    assert (Sale.objects.count(), wallet(), IncomingText.objects.count()) == (1, 15 * EUR, 1)
    assert (Message.objects.filter(kind="answer").count(), len(list(folders.taken.iterdir()))) == (1, 2)


def add_digits(tenancy, count):
    """Add tokens with digits that wait for the meter of a tenancy."""
    sale = Sale.objects.create(
        shop=first_shop(),
        receipt_number=10_000 + tenancy.meter_number,
        client_key=f"digits {tenancy.meter_number}",
        time_s=0,
        business_day=date(2026, 9, 21),
        operator=1,
        tenancy=tenancy,
        meter_number=tenancy.meter_number,
        gross_microunits=EUR,
    )
    for place in range(count):
        Token.objects.create(
            meter_id=tenancy.meter_number,
            sequence=place,
            kind=0,
            issued_s=0,
            sealed=b"",
            state="issued",
            sale=sale,
            digits=f"{tenancy.meter_number * 10 + place:020}",
        )


@pytest.mark.parametrize("text", ["TOK", "BAL"])
def test_the_meters_that_an_answer_has_no_room_for_are_left_out_whole(ask, wallet, text):
    for number in range(1001, 1010):
        Meter.objects.create(number=number, currency="EUR", decimals=2, balance=number, told_s=1_790_000_000)
        place, customer = Premises.objects.create(name=f"P{number}"), Customer.objects.get(number=101)
        add_digits(Tenancy.objects.create(premises=place, customer=customer, meter_number=number, from_s=0), 3)
    said = ask(text)
    assert len(said) <= 480
    lines = said.splitlines()
    if text == "BAL":
        assert lines.pop() == "Wallet: 20.00 EUR."
    assert lines.pop() == "There are more meters: write the number of one too."
    assert 4 <= len(lines) < 10
    assert all(line.startswith("Meter ") and line.endswith(".") for line in lines)
    assert len(re.findall(r"(?:\d{4} ){4}\d{4}\b", ask("TOK 1009"))) == 3


def test_a_sale_of_many_tokens_tells_as_many_as_it_has_room_for():
    digits = [f"{number:020}" for number in range(40)]
    told = sms_commands._with_digits("Digits: %(digits)s.", {}, digits)
    assert 400 < len(told) <= 480
    assert [one.replace(" ", "") for one in told[8:-1].split(", ")] == digits[: told.count(",") + 1]


@pytest.mark.parametrize("text", ["", "HELP", "BAL 1 2", "TOK x", "BAL ١", "TOK 1 x", "TOK 1 2 3", "TOK 1 ٥"])
def test_other_texts_are_answered_with_the_commands(ask, text):
    assert "BAL" in ask(text)
