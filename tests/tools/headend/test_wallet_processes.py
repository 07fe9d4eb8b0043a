"""Workers on wallets are killed at each step, and several work at once: no money is lost or doubled."""

import subprocess
import sys
import time
from pathlib import Path

from tests.tools.headend.payment_process import NO_FAULT
from tests.tools.headend.test_payment_processes import served  # noqa: F401
from tests.tools.headend.wallet_process import CASH_FAULTS, IN_FAULTS, OUT_FAULTS
from tests.tools.office.selling_site import EUR
from wattpurse_tools.headend import payments, wallet_orders, wallets
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.ledger.models import Entry
from wattpurse_tools.office import audit, checks_of_sales, checks_of_wallets
from wattpurse_tools.record.models import Command, Payment, Sale, Token, Wallet

IN, OUT, TOO_MANY = 4, 5, 3


def start(office, work, fault):
    command = [sys.executable, Path(__file__).with_name("wallet_process.py"), office.folder.path, work, fault]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def kill_at_each(office, work, faults):
    for fault in faults:
        process = start(office, work, fault)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == -9, (fault, errors)
        assert balances.faults() == []
        assert list(checks_of_wallets.balances_are_proved()) == []
        assert balances.balance(chart.provider("wallet"), "EUR") == 0


def finish(office, work, count):
    workers = [start(office, work, NO_FAULT) for _ in range(count)]
    for worker in workers:
        _, errors = worker.communicate(timeout=240)
        assert worker.returncode == 0, errors


def test_a_wallet_loses_and_doubles_nothing_whatever_is_killed(served):  # noqa: F811
    office, _ = served
    now_s = int(time.time())
    for place in range(IN):
        for _ in range(2):  # each web hook comes twice
            payments.record("stripe", f"pi_{place}", payments.PAID, 4 * EUR, "EUR", "wallet 101", "", now_s, "", now_s)
    kill_at_each(office, "payments", IN_FAULTS)
    finish(office, "payments", 2)
    kill_at_each(office, "cash", CASH_FAULTS)
    finish(office, "cash", 2)
    wallet = Wallet.objects.select_related("customer").get()
    assert wallet.balance_microunits == IN * 4 * EUR + 2 * EUR
    assert Entry.objects.filter(kind=wallets.PAID_IN).count() == IN + 1

    for place in range(OUT + TOO_MANY):  # 3.50 each: 18.00 are enough for five of them
        for _ in range(2):  # each form is sent twice
            wallet_orders.order(wallet, 1, 3_500_000, f"attempt-{place}", now_s)
    kill_at_each(office, "payments", OUT_FAULTS)
    finish(office, "payments", 2)
    spent = Payment.objects.filter(notice__kind=payments.SPENT)
    assert spent.filter(state=payments.SOLD).count() == OUT
    assert spent.filter(state=payments.REFUSED).count() == TOO_MANY
    wallet.refresh_from_db()
    assert wallet.balance_microunits == 18 * EUR - OUT * 3_500_000
    assert Sale.objects.count() == Token.objects.count() == Command.objects.count() == OUT
    assert balances.balance(chart.meter(1), "EUR") == OUT * 3_500_000
    numbers = list(Sale.objects.order_by("receipt_number").values_list("receipt_number", flat=True))
    assert numbers == list(range(1, OUT + 1))
    paid = IN * 4 * EUR + 2 * EUR
    sold = sum(Sale.objects.values_list("gross_microunits", flat=True))
    assert paid == sold + payments.suspense_microunits("EUR") + wallet.balance_microunits
    assert list(checks_of_sales.entries_make_the_sale()) == []
    assert audit.first_broken() is None
