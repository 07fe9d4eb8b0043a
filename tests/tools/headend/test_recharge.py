"""The message about a recharge: once for each sale from outside, with digits or balance, in the customer's language."""

import time

import pytest
from django.db import transaction

from tests.tools.headend.managed_site import add_tenancy
from tests.tools.office.selling_site import EUR, build_site
from wattpurse.core.messages.short_token import grouped
from wattpurse_tools.headend import accounts, agent_sales, outbox, payments, sms_commands, wallet_orders, wallets
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.headend.recharge import recharge
from wattpurse_tools.office.sale_types import by_provider
from wattpurse_tools.record.models import (
    Customer,
    HeadendPolicy,
    Message,
    Payment,
    Sale,
    ShortLimit,
    Tenancy,
    Token,
    Wallet,
)

PHONE = "+4915112345678"


@pytest.fixture
def site(any_office):
    """Return an office whose customer 101 has mail and telephone, and whose meter 1 takes digits."""
    build_site()
    Customer.objects.filter(number=101).update(email="ada@example.org", phone=PHONE)
    ShortLimit.objects.create(meter_id=1, name="short_token_limit_microunits", value=50 * EUR)
    return any_office


def pay(office, manager, number="pi_1", amount=20 * EUR, reference="1"):
    now_s = int(time.time())
    payments.record("stripe", number, payments.PAID, amount, "EUR", reference, "payer", now_s, "", now_s)
    payments.work(office, manager, now_s)


def messages():
    rows = Message.objects.filter(kind=outbox.RECHARGE).order_by("pk")
    return {one.channel: one.text.replace("\xa0", " ") for one in rows}


def test_a_payment_is_told_once_with_the_digits_in_the_language_of_the_customer(site, manager):
    Customer.objects.update(language="de")
    for _ in range(3):
        pay(site, manager)
    told = messages()
    assert Message.objects.filter(kind=outbox.RECHARGE).count() == len(told) == 2
    assert told["sms"] == f"Zähler 1: Aufladung 20,00 EUR. Eintippen: {grouped(Token.objects.get().digits)}"
    assert grouped(Token.objects.get().digits) in told["mail"]
    assert {one.key for one in Message.objects.all()} == {f"recharge:{Sale.objects.get().pk}:{way}" for way in told}


def test_it_does_not_wait_for_the_end_of_quiet_hours(site, manager):
    policy()
    HeadendPolicy.objects.update(quiet_from_minute=0, quiet_until_minute=24 * 60 - 1)
    pay(site, manager)
    assert set(Message.objects.values_list("not_before_s", flat=True)) <= {Message.objects.first().created_s}


def test_an_amount_that_fits_into_no_digits_is_told_without_them(site, manager):
    pay(site, manager, amount=60 * EUR)
    assert messages()["sms"] == "Meter 1: top-up 60.00 EUR."


def test_a_payment_into_an_account_is_told_with_its_balance(site, manager):
    tenancy = add_tenancy(4)
    accounts.open_account(site, manager, tenancy, int(time.time()))
    pay(site, manager, "pi_1", 5 * EUR, "4")
    pay(site, manager, "pi_2", 7 * EUR, "4")
    texts = list(Message.objects.filter(kind=outbox.RECHARGE).order_by("pk").values_list("text", flat=True))
    assert ["credit is now 5.00" in texts[0].replace("\xa0", " "), "credit is now 12.00" in texts[1]] == [True, True]
    assert len(texts) == 2


def test_a_payment_that_is_not_sold_and_a_meter_without_a_tenant_are_not_told(site, manager):
    pay(site, manager, reference="999")
    Tenancy.objects.filter(meter_number=1).update(until_s=1)
    pay(site, manager, "pi_2")
    assert Sale.objects.count() == 1
    assert messages() == {}


def test_a_sale_that_is_rolled_back_leaves_no_message(site, manager):
    with pytest.raises(RuntimeError), transaction.atomic():
        recharge(site, manager, 1, 20 * EUR, by_provider("stripe"), "k", int(time.time()))
        raise RuntimeError
    assert (Sale.objects.count(), Message.objects.count()) == (0, 0)


def test_an_agent_who_sells_to_the_customer_in_person_sends_no_message(site, manager):
    agent_sales.sell(site, manager, 1, 20 * EUR, "k", int(time.time()))
    assert Sale.objects.count() == 1
    assert messages() == {}


def test_a_customer_without_the_kind_gets_none(site, manager):
    Customer.objects.update(unwanted_kinds=[outbox.RECHARGE])
    pay(site, manager)
    assert messages() == {}


def test_an_order_from_the_wallet_is_told_and_one_by_sms_has_its_answer_alone(site, manager):
    now_s = int(time.time())
    pay(site, manager, reference="wallet 101")
    assert messages() == {}
    wallet_orders.order(Wallet.objects.get(), 1, 5 * EUR, "attempt-1", now_s)
    payments.work(site, manager, now_s)
    assert set(messages()) == {"mail", "sms"}
    said = sms_commands.answer(site, manager, PHONE, "TOK 1 6", "n1", now_s)
    sale = Sale.objects.get(gross_microunits=6 * EUR)
    assert grouped(Token.objects.get(sale=sale).digits) in said
    states = dict(Message.objects.filter(key__startswith=f"recharge:{sale.pk}:").values_list("channel", "state"))
    assert states == {"mail": outbox.WAITING, "sms": outbox.WITHDRAWN}


def test_an_sms_order_that_another_process_has_sold_leaves_the_message_that_was_sent(site, manager):
    now_s = int(time.time())
    pay(site, manager, reference="wallet 101")
    sms_commands.answer(site, manager, PHONE, "TOK 1 6", "n1", now_s)
    Message.objects.filter(channel="sms").update(state=outbox.SENT, tries=1)
    sms_commands.IncomingText.objects.all().delete()
    sms_commands.answer(site, manager, PHONE, "TOK 1 6", "n1", now_s)
    assert Message.objects.get(channel="sms").state == outbox.SENT
    assert Payment.objects.filter(sale__isnull=False).count() == 1
    assert wallets.wallet_of(Customer.objects.get(number=101)).balance_microunits == 14 * EUR
