"""Payments from outside: recorded once, sold once, and in suspense if their meter is not known."""

import time

import pytest

from tests.tools.headend.managed_site import add_tenancy
from tests.tools.office.selling_site import EUR, KWH, build_site
from wattpurse_tools.headend import accounts, online_shop, payments
from wattpurse_tools.headend.recharge import recharge
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import audit
from wattpurse_tools.office.sale_types import by_provider
from wattpurse_tools.record.models import (
    Command,
    Message,
    Meter,
    Payment,
    PaymentNotice,
    Sale,
    Shift,
    ShortLimit,
    Tenancy,
    Token,
)

DAY_S = 86_400


@pytest.fixture
def site(any_office):
    build_site()
    return any_office


def tell(number="pi_1", kind=payments.PAID, amount=20 * EUR, currency="EUR", reference="1", now_s=None):
    now_s = int(time.time()) if now_s is None else now_s
    return payments.record("stripe", number, kind, amount, currency, reference, "payer", now_s, "{}", now_s)


def work(site, manager, after_s=0):
    return payments.work(site, manager, int(time.time()) + after_s)


def at(code, unit="EUR"):
    return balances.balance(code, unit)


def books_are_right():
    """Check that the payments are credit at meters, suspense or money that went back, and that the books close."""
    paid = sum(PaymentNotice.objects.filter(kind=payments.PAID).values_list("amount_microunits", flat=True))
    sold = sum(Sale.objects.filter(payment__isnull=False).values_list("gross_microunits", flat=True))
    waiting = Payment.objects.filter(state__in=(payments.SUSPENSE, payments.REFUNDING))
    suspense = sum(waiting.values_list("notice__amount_microunits", flat=True))
    back = Payment.objects.filter(state=payments.PAID_BACK)
    assert paid == sold + suspense + sum(back.values_list("notice__amount_microunits", flat=True))
    assert balances.faults() == []
    assert audit.first_broken() is None


def test_a_notice_is_one_row_and_nothing_else(site, manager):
    first = tell()
    assert tell(amount=5 * EUR) == first
    assert (PaymentNotice.objects.count(), Payment.objects.count(), Sale.objects.count()) == (1, 0, 0)
    assert at(chart.provider("stripe")) == 0


def test_a_payment_sells_once_and_its_token_waits_for_the_network(site, manager):
    tell()
    assert work(site, manager) == 1
    assert work(site, manager) == 0
    payment = Payment.objects.get()
    sale = payment.sale
    assert (payment.state, sale.meter_number, sale.gross_microunits) == (payments.SOLD, 1, 20 * EUR)
    assert at(chart.provider("stripe")) == 20 * EUR
    assert at(chart.meter(1)) == 20 * EUR
    token = Token.objects.get(sale=sale)
    assert [(one.token, one.state, one.wish) for one in Command.objects.all()] == [(token, "waiting", "recharge")]
    books_are_right()


def test_a_payment_by_the_number_of_a_customer_reaches_the_meter_of_the_tenancy(site, manager):
    tell(reference="102")
    work(site, manager)
    assert Payment.objects.get().sale.meter_number == 2
    assert at(chart.meter(2), chart.MWH) == 20 * EUR * KWH // 300_000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reference": "999"}, "no meter is known"),
        ({"reference": ""}, "names no meter"),
        ({"reference": "flat 1, invoice 2"}, "no meter is known"),
        ({"reference": "meter 1 meter 2"}, "no meter is known"),
        ({"currency": "USD"}, "paid in USD"),
        ({"amount": 1}, "decimals"),
        ({"amount": 3_000_000_000 * EUR}, "more than can be sold"),
        ({"reference": "6"}, "key card"),
        ({"reference": "4"}, "managed"),
    ],
)
def test_a_payment_that_cannot_be_sold_is_in_suspense_with_its_reason(site, manager, change, words):
    notice = tell(**change)
    work(site, manager)
    payment = Payment.objects.get()
    assert payment.state == payments.SUSPENSE
    assert words in payment.reason
    assert at(chart.suspense("payment"), notice.currency) == -notice.amount_microunits
    assert at(chart.provider("stripe"), notice.currency) == notice.amount_microunits
    assert (Sale.objects.count(), Token.objects.count()) == (0, 0)
    books_are_right()


def test_a_stopped_meter_takes_no_payment(site, manager):
    Meter.objects.filter(number=1).update(is_stopped=True, stop_reason="a doubt")
    tell()
    work(site, manager)
    assert "a doubt" in Payment.objects.get().reason
    books_are_right()


def test_digits_are_made_if_the_meter_takes_them(site, manager):
    ShortLimit.objects.create(meter_id=1, name="short_token_limit_microunits", value=50 * EUR)
    tell()
    work(site, manager)
    sale = Sale.objects.get()
    assert sale.carrier == "digits"
    assert len(Token.objects.get().digits) == 20
    tell("pi_2", amount=60 * EUR)
    work(site, manager)
    assert Sale.objects.get(gross_microunits=60 * EUR).carrier == "none"


def test_a_refund_after_the_sale_is_a_debt_and_managers_are_told(site, manager):
    tell()
    work(site, manager)
    tell("ch_1:5", payments.REFUNDED, 5 * EUR, reference="pi_1")
    tell("ch_1:20", payments.REFUNDED, 20 * EUR, reference="pi_1")
    work(site, manager)
    tenancy = Tenancy.objects.get(meter_number=1)
    assert at(chart.debt(tenancy.pk)) == 20 * EUR
    assert at(chart.provider("stripe")) == 0
    assert Message.objects.filter(channel="office").count() == 2
    books_are_right()


def test_refunds_in_the_wrong_order_are_booked_as_one(site, manager):
    tell()
    work(site, manager)
    tell("ch_1:20", payments.REFUNDED, 20 * EUR, reference="pi_1")
    work(site, manager)
    tell("ch_1:5", payments.REFUNDED, 5 * EUR, reference="pi_1")
    work(site, manager)
    assert at(chart.debt(Tenancy.objects.get(meter_number=1).pk)) == 20 * EUR
    assert at(chart.provider("stripe")) == 0
    books_are_right()


def test_a_refund_in_suspense_ends_it(site, manager):
    tell(reference="999")
    work(site, manager)
    tell("ch_1:20", payments.REFUNDED, 20 * EUR, reference="pi_1")
    work(site, manager)
    assert Payment.objects.get(notice__number="pi_1").state == payments.PAID_BACK
    assert at(chart.suspense("payment")) == at(chart.provider("stripe")) == 0
    books_are_right()


def test_a_dispute_that_is_won_ends_the_debt(site, manager):
    tell()
    work(site, manager)
    tell("dp_1:withdrawn", payments.DISPUTED, 20 * EUR, reference="pi_1")
    work(site, manager)
    debt = chart.debt(Tenancy.objects.get(meter_number=1).pk)
    assert at(debt) == 20 * EUR
    tell("dp_1:reinstated", payments.RETURNED, 20 * EUR, reference="pi_1")
    work(site, manager)
    assert at(debt) == 0
    assert at(chart.provider("stripe")) == 20 * EUR


def test_a_payout_moves_the_money_to_the_bank(site, manager):
    tell()
    tell("po_1", payments.PAYOUT, 15 * EUR, reference="")
    work(site, manager)
    assert at(chart.provider("stripe")) == 5 * EUR
    assert at(chart.bank("stripe")) == 15 * EUR


def test_the_shift_of_the_online_shop_ends_with_the_business_day(site, manager):
    tell()
    work(site, manager)
    shift = Shift.objects.get()
    assert online_shop.close_days(site, manager, int(time.time())) == 0
    assert online_shop.close_days(site, manager, int(time.time()) + DAY_S) == 1
    shift.refresh_from_db()
    assert (shift.z_number, shift.counted_microunits, shift.expected_microunits) == (1, 0, 0)
    tell("pi_2")
    work(site, manager)
    assert Shift.objects.filter(closed_s=None).count() == 1
    tell("pi_3")
    work(site, manager, DAY_S)
    assert sorted(Shift.objects.exclude(z_number=None).values_list("z_number", flat=True)) == [1, 2]
    books_are_right()


def test_a_recharge_under_the_key_of_another_is_refused(site, manager):
    now_s = int(time.time())
    first = recharge(site, manager, 1, 20 * EUR, by_provider("stripe"), "k", now_s)
    assert recharge(site, manager, 1, 20 * EUR, by_provider("stripe"), "k", now_s) == first
    with pytest.raises(ValueError, match="another content"):
        recharge(site, manager, 2, 20 * EUR, by_provider("stripe"), "k", now_s)
    assert Token.objects.count() == 1


def test_a_payment_for_a_managed_meter_goes_into_its_account(office, manager):
    build_site()
    add_tenancy(4)
    tenancy = Tenancy.objects.get(meter_number=4)
    accounts.open_account(office, manager, tenancy, int(time.time()))
    tell(reference="4")
    assert work(office, manager) == 1
    assert work(office, manager) == 0
    assert Payment.objects.get().state == payments.SOLD
    assert accounts.balance(tenancy) == 20 * EUR == at(chart.provider("stripe"))
    assert (Command.objects.count(), Sale.objects.count()) == (0, 1)
    books_are_right()
