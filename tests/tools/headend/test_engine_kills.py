"""Workers that die at each step, and several at once: the end is that of one undisturbed run."""

import contextlib
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.office_of_tests import MANAGER, PASSPHRASE, PINS
from tests.tools.headend.engine_process import KILLED, Killer, steps
from tests.tools.headend.managed_site import KWH, ManagedMeter, add_tariff, add_tenancy
from tests.tools.headend.test_engine import HOUR_S
from tests.tools.office.selling_site import EUR, build_site
from wattpurse_tools.headend import accounts, engine
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import audit, checking
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import AccountCharge, Command, ManagedAccount, Message, Meter, Tenancy
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.server import Server

METERS = (4, 31, 32, 33)


class Died(BaseException):
    """The end of a worker in the middle of a step."""


def add_meters(office, actor, now_s):
    """Add managed meters that paid 3.00 and used 12 kWh since: each is due a charge, a warning, off and a permit."""
    found = []
    for number in METERS:
        if number != METERS[0]:
            Meter.objects.create(
                number=number,
                currency="EUR",
                decimals=2,
                unit="money",
                contract="managed",
                key_version=1,
                site_version=1,
            )
            add_tenancy(number)
        meter = ManagedMeter(office, number, now_s)
        meter.report()
        tenancy = Tenancy.objects.get(meter_number=number)
        accounts.open_account(office, actor, tenancy, now_s)
        accounts.pay_in(office, actor, tenancy, 3 * EUR, "card", f"pay {number}", now_s)
        found.append(meter)
    return found


def use(meters, now_s, kwh):
    for meter in meters:
        meter.pass_to(now_s)
        meter.use(kwh * KWH)
        meter.report()


def summary(number):
    """Return the end of an account: its money, charges, orders and messages, without the numbers of tokens."""
    account = ManagedAccount.objects.get(meter_id=number)
    return (
        accounts.balance_of(account.pk),
        balances.balance(chart.consumed(number), "EUR"),
        list(AccountCharge.objects.filter(account=account).values_list("from_s", "until_s", "charge_microunits")),
        Counter(Command.objects.filter(meter_id=number).values_list("wish", flat=True)),
        Counter(Message.objects.filter(customer=account.tenancy.customer).values_list("kind", flat=True)),
        (account.is_wished_on, account.is_ordered_on, account.permit_until_s, account.carried),
    )


EXPECTED_CHARGE = 11 * 300_000


def check_all_the_same(office, actor):
    ends = [summary(number) for number in METERS]
    assert all(end == ends[0] for end in ends)
    balance, consumed, charges, commands, _, _ = ends[0]
    assert (balance, consumed) == (3 * EUR - EXPECTED_CHARGE, EXPECTED_CHARGE)
    assert len(charges) == 1
    assert commands == {"permit": 1, "switch off": 1}
    assert Command.objects.values("token").distinct().count() == Command.objects.count()
    assert checking.check(office, actor).findings == ()


def test_a_worker_that_dies_at_each_step_loses_and_doubles_nothing(site, manager, monkeypatch, now_s):
    meters = add_meters(site, manager, now_s)

    def die():
        raise Died

    functions = [(module, name, getattr(module, name)) for module, name in steps()]
    deaths = 0
    for time_s in (now_s, now_s + HOUR_S):
        if time_s > now_s:
            use(meters, time_s, 11)
        for step in range(1, 400):
            killer = Killer(step, die)
            for module, name, function in functions:
                monkeypatch.setattr(module, name, killer.wrapped(function))
            try:
                engine.run_round(site, manager, time_s)
            except Died:
                deaths += 1
            if killer.count < step:
                break
        else:
            pytest.fail("the rounds never came to an end")
    for module, name, function in functions:
        monkeypatch.setattr(module, name, function)
    assert deaths > 20
    check_all_the_same(site, manager)
    assert audit.first_broken() is None


@pytest.fixture
def served(any_folder):
    """Return an office and an actor on each database, with the vault served to other processes."""
    with _served(any_folder) as found:
        build_site()
        add_tariff("household", 1)
        add_tenancy(4)
        yield found


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


def start(office, now_s, rounds, step=0):
    command = [sys.executable, Path(__file__).with_name("engine_process.py"), office.folder.path, now_s, rounds, step]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_processes_at_once_and_killed_ones_end_as_one_that_was_not_disturbed(served, now_s):
    office, actor = served
    meters = add_meters(office, actor, now_s)
    engine.run_round(office, actor, now_s)
    use(meters, now_s + HOUR_S, 11)
    killed = [start(office, now_s + HOUR_S, 1, step) for step in (5, 14)]
    whole = [start(office, now_s + HOUR_S, 2) for _ in range(2)]
    codes = set()
    for process in (*killed, *whole):
        _, told = process.communicate(timeout=300)
        codes.add(process.returncode)
        assert process.returncode in (0, KILLED), told
    assert 0 in codes
    engine.run_round(office, actor, now_s + HOUR_S)
    check_all_the_same(office, actor)
