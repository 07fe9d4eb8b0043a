"""Several processes sell at once on one record, and processes are killed in the middle of a sale."""

import contextlib
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.office_of_tests import MANAGER, PASSPHRASE, PINS
from tests.tools.office.selling_process import AT_THE_CARD, IN_THE_TRANSACTION, NO_FAULT, UID
from tests.tools.office.selling_site import (
    EUR,
    FLOAT,
    PaperCard,
    build_site,
    first_shop,
    first_till,
    money,
    receipts,
)
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import audit, sales
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.sale_types import CARD, SOLD, WRITTEN, SaleRequest
from wattpurse_tools.office.shifts import open_shift
from wattpurse_tools.record.models import Meter, Sale, Till, Token
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.server import Server

PROCESSES = 4
SALES = 20
OTHER = 10


@pytest.fixture
def served(office_folder):
    """Return the office, and an actor in it, with its vault served to other processes."""
    with _served(office_folder) as office:
        build_site()
        yield office


@pytest.fixture
def served_anywhere(any_folder):
    """Return the same on each database."""
    with _served(any_folder) as office:
        build_site()
        yield office


@contextlib.contextmanager
def _served(folder):
    vault = Vault.open(folder.vault, PASSPHRASE)
    server = Server(vault, folder.socket)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        keys = VaultClient(folder.socket)
        session = keys.sign_on(MANAGER, PINS[MANAGER])
        yield Office(folder, keys), Actor.of(session)
    finally:
        server.stop()
        thread.join()
        vault.close()


def start(office, shift, meter, count, fault):
    command = [sys.executable, Path(__file__).with_name("selling_process.py"), office.folder.path]
    return subprocess.Popen(
        [str(word) for word in (*command, shift.pk, meter, count, fault)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_four_processes_sell_at_once_and_none_fails_or_is_doubled(served_anywhere):
    office, actor = served_anywhere
    Meter.objects.create(number=OTHER, currency="EUR", decimals=2, contract="account", key_version=1)
    tills = [first_till()] + [Till.objects.create(shop=first_shop(), number=number) for number in range(2, 5)]
    shifts = [open_shift(office, actor, till, FLOAT) for till in tills]
    meters = (1, 1, OTHER, OTHER)  # a meter remembers 64 numbers
    processes = [start(office, shift, meter, SALES, NO_FAULT) for shift, meter in zip(shifts, meters, strict=True)]
    told = []
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        told += [int(line) for line in out.split()]
    number = PROCESSES * SALES
    assert sorted(told) == receipts() == list(range(1, number + 1))
    assert first_shop().last_receipt == number
    for meter in (1, OTHER):
        sequences = Token.objects.filter(meter=meter).order_by("sequence").values_list("sequence", flat=True)
        assert list(sequences) == list(range(1, 2 * SALES + 1))
        assert balances.balance(chart.meter(meter), "EUR") == 2 * SALES * EUR
    assert Sale.objects.count() == Sale.objects.values("client_key").distinct().count() == number
    assert [balances.balance(chart.drawer(1, shift.pk), "EUR") for shift in shifts] == [FLOAT + SALES * EUR] * 4
    assert balances.faults() == []
    assert audit.first_broken() is None


def test_a_process_that_is_killed_between_record_and_card_leaves_the_sale_owed(served):
    office, actor = served
    shift = open_shift(office, actor, first_till(), FLOAT)
    process = start(office, shift, 1, 1, AT_THE_CARD)
    assert process.communicate(timeout=60)[0] == ""
    assert process.returncode == -9
    sale = Sale.objects.get()
    assert sale.state == SOLD
    card = PaperCard(UID, 1)
    assert sales.owed_to_card(UID) == [sale]
    asked = SaleRequest(f"{shift.pk}-0", shift.pk, 1, UID, CARD, money(1))
    assert sales.sell(office, actor, asked, card).sale == sale
    sale.refresh_from_db()
    assert (sale.state, len(card.tokens), Token.objects.count()) == (WRITTEN, 1, 1)
    assert balances.balance(chart.drawer(1, shift.pk), "EUR") == FLOAT + EUR


def test_a_process_that_is_killed_before_the_commit_sold_nothing_and_wastes_a_number_alone(served):
    office, actor = served
    shift = open_shift(office, actor, first_till(), FLOAT)
    process = start(office, shift, 1, 1, IN_THE_TRANSACTION)
    process.communicate(timeout=60)
    assert process.returncode == -9
    assert (Sale.objects.count(), Token.objects.count(), first_shop().last_receipt) == (0, 0, 0)
    assert office.keys.last_count(1) == 1
    card = PaperCard(UID, 1)
    asked = SaleRequest(f"{shift.pk}-0", shift.pk, 1, UID, CARD, money(1))
    made = sales.sell(office, actor, asked, card)
    assert (made.tokens[0].sequence, made.sale.receipt_number) == (2, 1)
    assert balances.faults() == []
