"""Payouts of wallets: once, never more than the wallet has, with a second person, and whole after each kill."""

import itertools
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.office_of_tests import PINS, SECOND
from tests.tools.headend.payment_process import NO_FAULT
from tests.tools.headend.payout_process import FAULTS
from tests.tools.headend.test_payment_processes import served  # noqa: F401
from tests.tools.office.selling_site import EUR, build_site
from wattpurse_tools.headend import payments, payouts, wallets
from wattpurse_tools.headend.payouts import Payout, pay_out
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.ledger.models import Entry
from wattpurse_tools.office import approvals, audit, checking, checks_of_wallets, counter
from wattpurse_tools.office.actor import Actor, NotPermitted
from wattpurse_tools.record.models import Approval, Customer, Wallet
from wattpurse_tools.vault.interface import ApprovalNeeded

keys = (f"key{number}" for number in itertools.count())


@pytest.fixture
def site(any_office, manager):
    """Return an office with 20.00 EUR in the wallet of customer 101, 12.00 of them in the manager's drawer."""
    build_site()
    fill(any_office, manager)
    return any_office


def fill(office, manager):
    now_s = int(time.time())
    payments.record("stripe", "pi_1", payments.PAID, 8 * EUR, "EUR", "wallet 101", "", now_s, "", now_s)
    payments.work(office, manager, now_s)
    wallets.pay_in_cash(office, manager, 101, 12 * EUR, "in1", now_s)


def asked(amount=6 * EUR, way="transfer", key=None, customer=101, words="moves away"):
    return Payout(customer, amount, way, words, key or next(keys))


def approved(office, manager, second, wish):
    """Let the second person approve a payout, and return the number of the request."""
    with pytest.raises(ApprovalNeeded) as needed:
        pay_out(office, manager, wish, int(time.time()))
    request = approvals.propose(office, manager, needed.value, "the customer moves away")
    approvals.approve(office, second, request)
    return request.request


def at(code):
    return balances.balance(code, "EUR")


def books_close(office, manager, paid_out):
    """Check paid in = wallet + paid out, in the row, in the ledger and by the check of the office."""
    assert Wallet.objects.get().balance_microunits == 20 * EUR - paid_out == -at(chart.wallet(101))
    assert checking.check(office, manager).findings == ()
    assert audit.first_broken() is None


def test_a_payout_by_transfer_needs_a_second_person_and_is_made_once(site, manager, second):
    wish = asked()
    number = approved(site, manager, second, wish)
    books_close(site, manager, 0)
    entry = pay_out(site, manager, wish, int(time.time()), number)
    assert pay_out(site, manager, wish, int(time.time()), number) == entry
    assert at(chart.bank("transfer")) == -6 * EUR
    assert wallets.history(Wallet.objects.get())[0].amount_microunits == -6 * EUR
    books_close(site, manager, 6 * EUR)
    with pytest.raises(ApprovalNeeded):  # an approval is for one payout
        pay_out(site, manager, asked(), int(time.time()), number)
    with pytest.raises(ValueError, match="another amount"):
        pay_out(site, manager, asked(5 * EUR, key=wish.key), int(time.time()))
    books_close(site, manager, 6 * EUR)


def test_a_payout_in_cash_leaves_the_drawer(site, manager, second):
    shift = counter.shift_at_counter(site, manager)
    drawer = chart.drawer(shift.till.shop.number, shift.pk)
    assert at(drawer) == 12 * EUR
    wish = asked(way="cash")
    entry = pay_out(site, manager, wish, int(time.time()), approved(site, manager, second, wish))
    assert (at(drawer), entry.shift) == (6 * EUR, shift.pk)
    books_close(site, manager, 6 * EUR)
    with pytest.raises(ValueError, match="not so much cash"):
        pay_out(site, manager, asked(7 * EUR, way="cash"), int(time.time()))
    books_close(site, manager, 6 * EUR)


def test_no_payout_is_above_the_balance_or_without_a_reason(site, manager, second, cashier):
    now_s = int(time.time())
    with pytest.raises(ValueError, match="is needed"):
        pay_out(site, manager, asked(20 * EUR + 10_000), now_s)
    for wrong in (asked(0), asked(-EUR), asked(1), asked(words=" "), asked(way="gold"), asked(customer=999)):
        with pytest.raises(ValueError, match=r"pay out|reason|paid out|no wallet"):
            pay_out(site, manager, wrong, now_s)
    with pytest.raises(NotPermitted):
        pay_out(site, cashier, asked(), now_s)
    wish = asked(20 * EUR)
    number = approved(site, manager, second, wish)
    payments.record("stripe", "pi_1r", payments.REFUNDED, 8 * EUR, "EUR", "pi_1", "", now_s, "", now_s)
    payments.work(site, manager, now_s)  # the wallet has less than at the approval
    with pytest.raises(ValueError, match="is needed"):
        pay_out(site, manager, wish, now_s, number)
    assert Wallet.objects.get().balance_microunits == 12 * EUR == -at(chart.wallet(101))


def test_one_person_is_enough_where_the_site_says_so(site, manager):
    site.keys.change_persons(1)
    pay_out(site, manager, asked(), int(time.time()))
    books_close(site, manager, 6 * EUR)


def test_a_customer_who_has_left_is_paid_out(site, manager, second):
    Customer.objects.filter(number=101).update(is_active=False)
    wish = asked(20 * EUR)
    pay_out(site, manager, wish, int(time.time()), approved(site, manager, second, wish))
    books_close(site, manager, 20 * EUR)


def test_the_page_proposes_and_pays(site, manager, second, cashier, pages):
    pages.log_in("manager")
    form = {"do": "pay out", "key": "formkey1", "amount": "6.00", "way": "transfer", "words": "moves away"}
    assert "Pay out" in pages.get("/pay/wallet/101").content.decode()
    text = pages.post("/pay/wallet/101", form).content.decode()
    request = Approval.objects.get()
    assert f"Request {request.request} waits" in text
    assert 'value="formkey1"' in text, "the form is sent again under its key"
    approvals.approve(site, second, request)
    for _ in range(2):
        text = pages.post("/pay/wallet/101", form | {"approval": request.request}).content.decode()
        assert "It is paid out." in text
    assert "paid out" in text
    books_close(site, manager, 6 * EUR)
    assert "is needed" in pages.post("/pay/wallet/101", form | {"amount": "90", "key": "k9"}).content.decode()
    assert "Pay out" in pages.post("/pay/wallet/101", form | {"amount": "much", "key": "k9"}).content.decode()
    books_close(site, manager, 6 * EUR)


def start(office, way, approval, fault):
    command = [
        sys.executable,
        Path(__file__).with_name("payout_process.py"),
        office.folder.path,
        way,
        approval,
        fault,
    ]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_a_payout_is_whole_whatever_is_killed(served):  # noqa: F811
    office, manager = served
    second = Actor.of(office.keys.sign_on(SECOND, PINS[SECOND]))
    fill(office, manager)
    for fault in FAULTS:
        process = start(office, "transfer", approved(office, manager, second, asked()), fault)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == -9, (fault, errors)
        paid_out = 6 * EUR if fault == "committed" else 0
        assert Wallet.objects.get().balance_microunits == 20 * EUR - paid_out == -at(chart.wallet(101)), fault
        assert list(checks_of_wallets.balances_are_proved()) == []
        assert balances.faults() == []
    twice = [start(office, "transfer", "", NO_FAULT) for _ in range(2)]  # the key is known
    told = [one.communicate(timeout=240) for one in twice]
    assert [one.returncode for one in twice] == [0, 0], told
    assert Entry.objects.filter(kind=payouts.PAID_OUT).count() == 1
    assert Wallet.objects.get().balance_microunits == 14 * EUR
