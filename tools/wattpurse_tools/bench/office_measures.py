"""The measurement of an office on the database of the moment. `office` describes the method."""

import os
import signal
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connections
from django.db.models import Count

from wattpurse_tools.bench import office_rows, office_same_rows, office_tills
from wattpurse_tools.bench.office_rows import FIRST_METER
from wattpurse_tools.bench.office_sizes import SHOPS, Size
from wattpurse_tools.bench.office_tills import FIRST_CASHIER, PASSWORD, PIN
from wattpurse_tools.office import setting_up
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import Sale, Token, User
from wattpurse_tools.record.office_folder import OfficeFolder, open_record
from wattpurse_tools.vault import server, setup
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.interface import RIGHTS, Operator, VaultClosed

_PASSPHRASE = "a passphrase of the bench"
_ROUNDS = 12
_ALONE = 60
_DOWN_S = 20


def measure(folder: OfficeFolder, size: Size) -> dict[str, float]:
    """Make an office of a size in a folder, and return its figures."""
    began = time.monotonic()
    _make_office(folder, size)
    values = {"fill_s": time.monotonic() - began}
    with _vault_process(folder):
        open_record(folder)
        for number in range(SHOPS):
            office_tills.open_till(folder, number)
        visitor = office_tills.Visitor(Office(folder, VaultClient(folder.socket)))
        sold, pages = office_tills.sell_while(folder, size.customers, lambda: visitor.look(_ROUNDS, size.customers))
        slowest = {name: _p95(times) for name, times in pages.items()}
        for name, value in slowest.items():
            print(f"  page {name}: {value:.0f} ms", flush=True)
        for words in sold.failed[:3]:
            print(f"  a sale of a till has failed: {words}", flush=True)
        values |= {"page_p95_ms": max(slowest.values()), "sale_p95_ms": _p95(sold.times_ms)}
        at_once = office_tills.sell_at_once(folder, size.customers, 200 // 4)
        for words in at_once.failed[:3]:
            print(f"  a sale has failed: {words}", flush=True)
        open_record(folder)
        values |= {"sales_failed": len(at_once.failed) + len(sold.failed), "sales_doubled": _doubled()}
        values |= _ratios(folder, size)
    connections.close_all()
    return values


def _make_office(folder: OfficeFolder, size: Size) -> None:
    """Make an office with its vault, in which each meter has used the numbers of its tokens, and fill it."""

    counts = {FIRST_METER + number: size.each for number in range(size.customers)}
    cashiers = [(Operator(FIRST_CASHIER + number, f"cashier {number}", ("sell",)), PIN) for number in range(SHOPS)]

    def make_vault(path: Path, passphrase: str, _people: setup.People) -> None:
        people = setup.People([(Operator(1, "manager", RIGHTS), PIN), *cashiers], {os.getuid(): 1})
        setup.create_for_tests(path, passphrase, people, setup.Source(None, counts))

    setting_up.set_up(folder, _PASSPHRASE, setting_up.Plan(), make_vault)
    manager = User.objects.get()
    manager.set_password(PASSWORD)
    manager.save()
    office_rows.fill(size, int(time.time()))


@contextmanager
def _vault_process(folder: OfficeFolder) -> Iterator[None]:
    """Run the vault in a process of its own for a `with` block."""
    connections.close_all()
    process = os.fork()
    if process == 0:
        try:
            with Vault.open(folder.vault, _PASSPHRASE) as vault:
                server.serve_until_signal(vault, folder.socket, lambda: None)
        finally:
            os._exit(0)
    try:
        _wait_for(folder)
        yield
    finally:
        os.kill(process, signal.SIGTERM)
        os.waitpid(process, 0)


def _wait_for(folder: OfficeFolder) -> None:

    until = time.monotonic() + _DOWN_S
    while time.monotonic() < until:
        try:
            VaultClient(folder.socket).fingerprint()
            return
        except VaultClosed:
            time.sleep(0.05)
    raise ValueError("the vault of the bench has not started")


def _doubled() -> int:
    """Return the number of sales and tokens too many, or too few, for the keys of the sellers."""

    made = Sale.objects.filter(client_key__contains="seller-")
    keys = made.values("client_key").distinct().count()
    twice = made.annotate(number=Count("tokens")).exclude(number=1).count()
    entries = Token.objects.filter(sale__in=made).count()
    return made.count() - keys + twice + abs(entries - made.count())


def _ratios(folder: OfficeFolder, size: Size) -> dict[str, float]:
    """Return the median time of a sale of one till over that of the same rows, bare, and over those of the record."""

    sold = office_tills.Sold()
    till = office_tills.open_till(folder, SHOPS - 1)
    keys = till.office.keys
    copy = office_same_rows.VaultCopy(folder.path / "vault-copy")
    bare, of_record = [], []
    for number in range(_ALONE):
        key = f"alone-{time.time_ns()}"
        till.sell(key, number * 7919 % size.customers, sold)
        if sold.failed:
            raise ValueError(f"a sale of one till alone has failed: {sold.failed[0]}")
        sale = Sale.objects.get(client_key__endswith=key)
        statements = office_same_rows.copies_of(sale)
        (issued,) = keys.log(keys.status()["log_lines"] - 1)
        began = time.monotonic()
        copy.write(sale.meter_number, issued)
        between = time.monotonic()
        office_same_rows.write(statements)
        ended = time.monotonic()
        bare.append((ended - began) * 1000)
        of_record.append((ended - between) * 1000)
    copy.close()
    alone, least, record = statistics.median(sold.times_ms), statistics.median(bare), statistics.median(of_record)
    print(f"  a sale alone: {alone:.1f} ms; bare: {least:.1f} ms, of it the record: {record:.1f} ms", flush=True)
    return {"sale_over_transaction": alone / least, "sale_over_record": alone / record}


def _p95(times: list[float]) -> float:
    return sorted(times)[max(0, len(times) * 95 // 100 - 1)] if times else float("inf")
