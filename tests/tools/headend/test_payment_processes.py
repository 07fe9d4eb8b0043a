"""Workers on payments are killed at every step and several work at once: each payment sells once, on each database."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.office_of_tests import MANAGER, PASSPHRASE, PINS
from tests.tools.headend.payment_process import FAULTS, NO_FAULT
from tests.tools.office.selling_site import EUR, build_site
from wattpurse_tools.headend import payments
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import Command, Customer, Message, Payment, PaymentNotice, Sale, Token
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.server import Server

PAYMENTS, UNKNOWN = 8, 3
WORKERS = 2


@pytest.fixture
def served(any_folder):
    """Return the office and an actor, with its vault served to other processes."""
    with Vault.open(any_folder.vault, PASSPHRASE) as vault:
        server = Server(vault, any_folder.socket)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            keys = VaultClient(any_folder.socket)
            build_site()
            yield Office(any_folder, keys), Actor.of(keys.sign_on(MANAGER, PINS[MANAGER]))
        finally:
            server.stop()
            thread.join()


def start(office, fault):
    command = [sys.executable, Path(__file__).with_name("payment_process.py"), office.folder.path, fault]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_each_payment_sells_once_whatever_is_killed_and_whoever_works_beside(served):
    office, _ = served
    now_s = int(time.time())
    Customer.objects.filter(number=101).update(email="ada@example.org")
    for place in range(PAYMENTS + UNKNOWN):
        meter = "1" if place < PAYMENTS else "999"
        for _ in range(2):  # each web hook comes twice
            payments.record("stripe", f"pi_{place}", payments.PAID, EUR, "EUR", meter, "", now_s, "", now_s)
    assert PaymentNotice.objects.count() == PAYMENTS + UNKNOWN
    for fault in FAULTS:
        process = start(office, fault)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == -9, (fault, errors)
        assert balances.faults() == []
    assert Sale.objects.count() < PAYMENTS + 1
    workers = [start(office, NO_FAULT) for _ in range(WORKERS)]
    for worker in workers:
        _, errors = worker.communicate(timeout=240)
        assert worker.returncode == 0, errors
    assert Payment.objects.filter(state=payments.SOLD).count() == PAYMENTS
    assert Payment.objects.filter(state=payments.SUSPENSE).count() == UNKNOWN
    sales = Sale.objects.filter(payment__isnull=False)
    assert sales.count() == Sale.objects.count() == Token.objects.count() == Command.objects.count() == PAYMENTS
    messages = Message.objects.filter(customer__number=101, channel="mail").values_list("key", flat=True)
    assert set(messages) == {f"recharge:{sale.pk}:mail" for sale in sales}
    assert balances.balance(chart.meter(1), "EUR") == PAYMENTS * EUR
    assert balances.balance(chart.suspense("payment"), "EUR") == -UNKNOWN * EUR
    assert balances.balance(chart.provider("stripe"), "EUR") == (PAYMENTS + UNKNOWN) * EUR
    assert list(Sale.objects.order_by("receipt_number").values_list("receipt_number", flat=True)) == list(
        range(1, PAYMENTS + 1)
    )
    assert balances.faults() == []
    assert audit.first_broken() is None
