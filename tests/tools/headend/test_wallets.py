"""Wallets: paid in once, spent once for the customer's own meters, never below zero, and the books close."""

import time

import pytest
from django.db import IntegrityError, connection, transaction

from tests.tools.headend.managed_site import add_tenancy
from tests.tools.office.selling_site import EUR, build_site
from wattpurse_tools.headend import accounts, payments, suspense, wallet_orders, wallets
from wattpurse_tools.headend.references import meter_of, wallet_named
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.ledger.models import Entry
from wattpurse_tools.office import audit, checks_of_sales, checks_of_wallets
from wattpurse_tools.record.models import (
    Command,
    Customer,
    Meter,
    Payment,
    PaymentNotice,
    Sale,
    Shift,
    Shop,
    Tenancy,
    Token,
    Wallet,
)

CUSTOMER = 101


@pytest.fixture
def site(any_office):
    build_site()
    return any_office


@pytest.fixture
def two_meters(site):
    """Give customer 101 the meter 2 as well."""
    Tenancy.objects.filter(meter_number=2).update(customer=Customer.objects.get(number=CUSTOMER))


def tell(number="pi_1", kind=payments.PAID, amount=20 * EUR, reference="wallet 101", currency="EUR"):
    now_s = int(time.time())
    return payments.record("stripe", number, kind, amount, currency, reference, "payer", now_s, "{}", now_s)


def work(site, manager):
    return payments.work(site, manager, int(time.time()))


def wallet(number=CUSTOMER):
    return Wallet.objects.select_related("customer").get(customer__number=number)


def buy(meter=1, amount=5 * EUR, attempt="attempt-1"):
    return wallet_orders.order(wallet(), meter, amount, attempt, int(time.time()))


def at(code, unit="EUR"):
    return balances.balance(code, unit)


def books_close():
    """Check payments = receipts + suspense + refunds + wallets, from the ledger and from the rows."""
    provided = balances.balances("provider") | balances.balances("drawer") | balances.balances("bank")
    money = sum(amount for (_, unit), amount in provided.items() if unit == "EUR")
    sold = sum(Sale.objects.values_list("gross_microunits", flat=True))
    debt = sum(amount for (_, unit), amount in balances.balances("debt").items())
    held = sum(Wallet.objects.values_list("balance_microunits", flat=True))
    assert money + debt == sold - at(chart.suspense("payment")) + held
    assert list(checks_of_wallets.balances_are_proved()) == []
    assert list(checks_of_sales.entries_make_the_sale()) == []
    assert balances.faults() == []
    assert audit.first_broken() is None


def test_a_payment_that_names_a_wallet_is_in_it_once(site, manager):
    for _ in range(2):
        tell()
        work(site, manager)
    payment = Payment.objects.get()
    assert (payment.state, payment.wallet, payment.sale) == (payments.IN_WALLET, wallet(), None)
    assert wallet().balance_microunits == 20 * EUR == -at(chart.wallet(CUSTOMER)) == at(chart.provider("stripe"))
    assert Sale.objects.count() == 0
    books_close()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"reference": "wallet 999"}, "no customer has the number 999"),
        ({"reference": "wallet 101 for meter 2"}, "no meter is known"),
        ({"reference": "wallet 101 wallet 102"}, "no meter is known"),
        ({"currency": "USD"}, "paid in USD"),
    ],
)
def test_a_payment_for_no_one_wallet_is_in_suspense(site, manager, change, words):
    tell(**change)
    work(site, manager)
    payment = Payment.objects.get()
    assert payment.state == payments.SUSPENSE
    assert words in payment.reason
    assert Wallet.objects.count() == 0


@pytest.mark.parametrize(
    ("text", "customer", "meter"),
    [
        ("wallet 101", 101, None),
        ("WALLET no. 101 attempt-0f", 101, None),
        ("Guthabenkonto: 101", 101, None),
        ("portefeuille n° 101", 101, None),
        ("monedero 101", 101, None),
        ("محفظة 101", 101, None),
        ("customer 101", None, 1),
        ("101", None, 1),
        ("wallet", None, None),
        ("my wallet, meter 1", None, 1),
    ],
)
def test_a_wallet_is_named_by_a_word(office, text, customer, meter):
    build_site()
    assert (wallet_named(text), meter_of(text)) == (customer, meter)


def test_a_wallet_buys_for_each_meter_of_its_customer_once(site, manager, two_meters):
    tell()
    work(site, manager)
    for _ in range(2):
        buy(1, 5 * EUR, "attempt-1")
        buy(2, 6 * EUR, "attempt-2")
        work(site, manager)
    assert wallet().balance_microunits == 9 * EUR
    assert sorted(Sale.objects.values_list("meter_number", "gross_microunits")) == [(1, 5 * EUR), (2, 6 * EUR)]
    assert at(chart.meter(1)) == 5 * EUR
    assert at(chart.provider("wallet")) == 0
    assert Token.objects.count() == Command.objects.count() == 2
    outcome = wallet_orders.outcome(wallet_orders.order_of(wallet(), "attempt-1"))
    assert (outcome.state, outcome.sale.meter_number) == (payments.SOLD, 1)
    books_close()


def test_a_wallet_pays_into_the_account_of_a_managed_meter(office, manager):
    build_site()
    add_tenancy(4)
    tenancy = Tenancy.objects.get(meter_number=4)
    accounts.open_account(office, manager, tenancy, int(time.time()))
    tell(reference=f"wallet {tenancy.customer.number}")
    work(office, manager)
    wallet_orders.order(wallet(tenancy.customer.number), 4, 7 * EUR, "attempt-1", int(time.time()))
    work(office, manager)
    assert accounts.balance(tenancy) == 7 * EUR
    assert wallet(tenancy.customer.number).balance_microunits == 13 * EUR
    books_close()


def test_an_order_beyond_the_wallet_is_refused_and_changes_nothing(site, manager):
    tell()
    work(site, manager)
    for attempt in ("attempt-1", "attempt-2"):
        buy(1, 15 * EUR, attempt)
    work(site, manager)
    states = list(Payment.objects.filter(notice__kind=payments.SPENT).order_by("pk").values_list("state", flat=True))
    assert states == [payments.SOLD, payments.REFUSED]
    assert "the wallet has" in Payment.objects.get(state=payments.REFUSED).reason
    assert wallet().balance_microunits == 5 * EUR
    tell("pi_2")
    work(site, manager)
    assert wallet().balance_microunits == 25 * EUR  # the refused order is not tried again
    books_close()


def test_a_refused_sale_leaves_the_money_in_the_wallet(site, manager):
    tell()
    work(site, manager)
    buy()
    Meter.objects.filter(number=1).update(is_stopped=True, stop_reason="a doubt")
    work(site, manager)
    outcome = Payment.objects.get(notice__kind=payments.SPENT)
    assert (outcome.state, outcome.sale) == (payments.REFUSED, None)
    assert "a doubt" in outcome.reason
    assert wallet().balance_microunits == 20 * EUR == -at(chart.wallet(CUSTOMER))
    books_close()


def test_no_order_buys_for_the_meter_of_another_or_under_another_attempt(site, manager):
    tell()
    work(site, manager)
    with pytest.raises(ValueError, match="not a meter of this customer"):
        buy(2)
    buy()
    with pytest.raises(ValueError, match="another order"):
        buy(1, 6 * EUR)
    work(site, manager)
    # The tenancy ends after the order was recorded.
    buy(1, 5 * EUR, "attempt-2")
    Tenancy.objects.filter(meter_number=1).update(until_s=int(time.time()))
    work(site, manager)
    assert "not a meter of this customer" in Payment.objects.get(notice__number="attempt-2").reason
    assert wallet().balance_microunits == 15 * EUR
    assert wallet_orders.order_of(wallet(), "attempt-1") is not None
    other = Wallet.objects.create(customer=Customer.objects.get(number=102), opened_s=0)
    assert wallet_orders.order_of(other, "attempt-1") is None


def test_the_database_refuses_a_balance_below_zero(site, manager):
    tell()
    work(site, manager)
    with pytest.raises(IntegrityError), transaction.atomic():
        Wallet.objects.update(balance_microunits=-1)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE wallets SET balance_microunits = balance_microunits - 20000001")
    assert wallet().balance_microunits == 20 * EUR


def test_cash_is_paid_in_once_in_the_drawer_of_the_agent(site, cashier):
    now_s = int(time.time())
    first = wallets.pay_in_cash(site, cashier, CUSTOMER, 20 * EUR, "k1", now_s)
    assert wallets.pay_in_cash(site, cashier, CUSTOMER, 20 * EUR, "k1", now_s) == first
    with pytest.raises(ValueError, match="another amount"):
        wallets.pay_in_cash(site, cashier, CUSTOMER, 21 * EUR, "k1", now_s)
    with pytest.raises(ValueError, match="another amount"):
        wallets.pay_in_cash(site, cashier, 102, 20 * EUR, "k1", now_s)
    shift = Shift.objects.get()
    assert wallet().balance_microunits == 20 * EUR == at(chart.drawer(1, shift.pk))
    assert Entry.objects.filter(kind=wallets.PAID_IN).count() == 1
    Shop.objects.filter(number=1).update(vendor_limit_microunits=25 * EUR)
    with pytest.raises(ValueError, match="may take"):
        wallets.pay_in_cash(site, cashier, CUSTOMER, 10 * EUR, "k2", now_s)
    for amount in (0, -5 * EUR, 1, 2_000 * EUR):
        with pytest.raises(ValueError, match="above zero"):
            wallets.pay_in_cash(site, cashier, CUSTOMER, amount, "k3", now_s)
    books_close()


def test_a_refund_by_the_provider_takes_the_wallet_first_and_the_rest_is_a_debt(site, manager):
    tell()
    work(site, manager)
    buy(1, 15 * EUR)
    work(site, manager)
    tell("ch_1:3", payments.REFUNDED, 3 * EUR, reference="pi_1")
    tell("ch_1:20", payments.REFUNDED, 20 * EUR, reference="pi_1")
    work(site, manager)
    tenancy = Tenancy.objects.get(meter_number=1)
    assert (wallet().balance_microunits, at(chart.debt(tenancy.pk))) == (0, 15 * EUR)
    assert at(chart.provider("stripe")) == 0
    books_close()


def test_a_dispute_that_is_won_ends_the_debt_before_it_fills_the_wallet(site, manager):
    tell()
    work(site, manager)
    buy(1, 15 * EUR)
    work(site, manager)
    tell("dp_1:withdrawn", payments.DISPUTED, 20 * EUR, reference="pi_1")
    work(site, manager)
    debt = chart.debt(Tenancy.objects.get(meter_number=1).pk)
    assert (wallet().balance_microunits, at(debt)) == (0, 15 * EUR)
    tell("dp_1:reinstated", payments.RETURNED, 20 * EUR, reference="pi_1")
    work(site, manager)
    assert (wallet().balance_microunits, at(debt), at(chart.provider("stripe"))) == (5 * EUR, 0, 20 * EUR)
    books_close()


def test_a_payment_is_given_back_from_the_wallet_that_still_has_it(site, manager):
    tell()
    tell("pi_2")
    work(site, manager)
    one, other = Payment.objects.order_by("pk").values_list("pk", flat=True)
    now_s = int(time.time())
    for _ in range(2):
        suspense.give_back(manager, one, "the customer moves", now_s)
    assert (wallet().balance_microunits, at(chart.suspense("payment"))) == (20 * EUR, -20 * EUR)
    books_close()
    buy(1, 15 * EUR)
    work(site, manager)
    with pytest.raises(ValueError, match="the wallet has"):
        suspense.give_back(manager, other, "x", now_s)
    tell("ch_1:20", payments.REFUNDED, 20 * EUR, reference="pi_1")
    work(site, manager)
    assert Payment.objects.get(pk=one).state == payments.PAID_BACK
    assert (wallet().balance_microunits, at(chart.suspense("payment"))) == (5 * EUR, 0)
    books_close()


def test_a_payment_in_suspense_is_assigned_to_a_wallet_once(site, manager):
    tell(reference="for the cat")
    work(site, manager)
    payment = Payment.objects.get().pk
    now_s = int(time.time())
    with pytest.raises(ValueError, match="no customer has the number 999"):
        suspense.assign_to_wallet(manager, payment, 999, now_s)
    for _ in range(2):
        suspense.assign_to_wallet(manager, payment, CUSTOMER, now_s)
    assert wallet().balance_microunits == 20 * EUR
    assert at(chart.suspense("payment")) == 0
    with pytest.raises(ValueError, match="somebody decided"):
        suspense.assign_to_wallet(manager, payment, 102, now_s)
    books_close()


def test_a_code_opens_one_wallet_until_the_next_one(site, manager, cashier):
    customer = Customer.objects.get(number=CUSTOMER)
    first = wallets.new_code(manager, customer, 0)
    assert wallets.by_code(first) == wallet()
    second = wallets.new_code(manager, customer, 0)
    assert (wallets.by_code(first), wallets.by_code(second), wallets.by_code("")) == (None, wallet(), None)
    Customer.objects.update(is_active=False)
    assert wallets.by_code(second) is None
    with pytest.raises(ValueError, match="no right"):
        wallets.new_code(cashier, customer, 0)


def test_the_history_tells_each_change_with_its_sign(site, manager):
    tell()
    work(site, manager)
    buy()
    work(site, manager)
    lines = wallets.history(wallet())
    assert [(one.kind, one.amount_microunits) for one in lines] == [
        (wallets.SPENT, -5 * EUR),
        (wallets.PAID_IN, 20 * EUR),
    ]


def test_the_check_finds_a_balance_that_the_ledger_has_not(site, manager):
    tell()
    work(site, manager)
    assert PaymentNotice.objects.count() == 1
    Wallet.objects.update(balance_microunits=1)
    assert "has 1 in the record and 20,000,000 in the ledger" in str(list(checks_of_wallets.balances_are_proved()))
