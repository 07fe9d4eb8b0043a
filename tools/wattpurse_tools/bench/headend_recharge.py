"""The time from a payment to a closed switch, while many meters report. docs/headend-ingest.md has the method.

The head-end is the one of `wattpurse headend start`, with its usual settings, on PostgreSQL: pages, worker, engine,
payment worker, vault and mosquitto are processes of their own. The meters that are recharged are simulated meters with
the firmware's stores, inbox and switch (`wattpurse_tools.fleet`). The others send statements (`headend_reporters`).
"""

import json
import math
import os
import random
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, connections, transaction

from wattpurse.core.money import contract as contracts
from wattpurse_tools.bench.headend_fleet import FIRST_METER
from wattpurse_tools.bench.headend_fleet import Fleet as ReportingFleet
from wattpurse_tools.bench.headend_measures import new_database, resident_kb
from wattpurse_tools.bench.headend_reporters import DESCRIPTORS_A_METER, allow_descriptors
from wattpurse_tools.bench.mosquitto import free_port
from wattpurse_tools.fleet.fleet import Fleet
from wattpurse_tools.fleet.link import FleetLink
from wattpurse_tools.headend import ingest, plain_statements
from wattpurse_tools.headend.broker_files import BrokerFiles, user_of
from wattpurse_tools.headend.plain_statements import Told
from wattpurse_tools.headend.signing_on import HeadendOperator
from wattpurse_tools.office.office import Office
from wattpurse_tools.pages.headend_machine import answers
from wattpurse_tools.record.models import Meter, Statement
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.rehearsal import site
from wattpurse_tools.rehearsal.payers import Payers
from wattpurse_tools.rehearsal.site import Place
from wattpurse_tools.vault.client import VaultClient

EVERY_S = 60  # the shortest time between two statements that a meter can be set to
LIMIT_S = 120.0

_HOST = "127.0.0.1"
_FIXED_DESCRIPTORS = 1_024
_START_S = 120.0
_WARM_S = 600.0
_VAULT_S = 60.0
_PERMIT_S = 36 * 3_600
_PAUSE_S = 2.0
_LOOK_S = 5.0
_DAY_S = 86_400
_PACES = 1.2
_PUMP_S = 0.005
_MICROUNITS = 5_000_000
_PAID = (contracts.PrepaidMoney.name, contracts.Managed.name)
_SHARE = 0.95


def measure(folder: Path, url: str, reporting: int, recharges: int) -> dict[str, float]:
    """Return the figures of so many recharges at an office on the PostgreSQL at `url`, while `reporting` report."""
    allow_descriptors(_FIXED_DESCRIPTORS + DESCRIPTORS_A_METER * (reporting + 2 * recharges))
    office = OfficeFolder(folder / "office-recharge")
    new_database(url, office, "office_recharge")
    with _running(office, folder) as (port, broker):
        bench = _Bench(office, (port, broker), reporting)
        idle_kb = bench.broker_kb
        with bench.reporting(folder):
            connected_kb = bench.broker_kb
            places = bench.places(recharges)
            fleet = bench.fleet(places)
            try:
                before, begun, log = Statement.objects.count(), time.monotonic(), _log_place()
                times = _Recharges(fleet, Payers(office, port)).run(places)
                rows = Statement.objects.count() - before
                rate, wal = rows / (time.monotonic() - begun), (_log_place() - log) / rows
                size = _row_bytes()
            finally:
                fleet.close()
    connections.close_all()
    return _figures(places, times) | {
        "recharge_statements_per_s": rate,
        "recharge_meters_reporting": reporting,
        "statement_row_bytes": size,
        "statement_wal_bytes": wal,
        "broker_kb_a_meter": (connected_kb - idle_kb) / reporting,
    }


def _log_place() -> int:
    """Return the bytes that the database has written to its log so far."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')")
        return int(cursor.fetchall()[0][0])


def _row_bytes() -> float:
    """Return the bytes of a row of `statements` with its indexes, in all partitions if there are some."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE statements")
        cursor.execute(
            "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r'"
            " AND (relname = 'statements' OR oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent ="
            " 'statements'::regclass))"
        )
        return int(cursor.fetchall()[0][0]) / Statement.objects.count()


def _figures(places: Sequence[Place], times: dict[int, float]) -> dict[str, float]:
    managed = [times[one.number] for one in places if one.contract == contracts.Managed.name]
    prepaid = [times[one.number] for one in places if one.contract != contracts.Managed.name]
    return {
        "recharge_p95_s": _percentile(list(times.values())),
        "recharge_median_s": statistics.median(times.values()),
        "recharge_managed_p95_s": _percentile(managed),
        "recharge_prepaid_p95_s": _percentile(prepaid),
        "recharges": len(times),
    }


def _percentile(values: Sequence[float]) -> float:
    """Return the smallest value that at least `_SHARE` of the values do not exceed."""
    return sorted(values)[math.ceil(_SHARE * len(values)) - 1]


@contextmanager
def _running(office: OfficeFolder, folder: Path) -> Iterator[tuple[int, int]]:
    """Set the office up, and run its head-end for a `with` block. Yield the ports of pages and broker."""
    command = [sys.executable, "-m", "wattpurse_tools.cli"]
    subprocess.run(
        [*command, "office", "init", "--trial", "--office", str(office.path)], check=True, stdout=subprocess.DEVNULL
    )
    port, broker = free_port(), free_port()
    words = ["--office", str(office.path), "--port", str(port), "--listen", f"{_HOST}:{broker}"]
    with (folder / "recharge.log").open("wb") as log:
        process = subprocess.Popen([*command, "headend", "start", *words], stdout=log, stderr=subprocess.STDOUT)
    try:
        until = time.monotonic() + _START_S
        while not all(answers((_HOST, one)) for one in (port, broker)):
            if process.poll() is not None or time.monotonic() > until:
                raise OSError(f"the head-end does not start: {(folder / 'recharge.log').read_text()[-500:]}")
            time.sleep(0.2)
        yield port, broker
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(_START_S)


class _Bench:
    """The office at work, with its ports of pages and broker, and the meters at it."""

    def __init__(self, folder: OfficeFolder, ports: tuple[int, int], reporting: int) -> None:
        self._folder = folder
        self._broker_port = ports[1]
        self._reporting = [FIRST_METER + place for place in range(reporting)]
        self._office = Office(folder, VaultClient(folder.socket, _VAULT_S))
        self._files = BrokerFiles(folder.path.absolute())

    @property
    def broker_kb(self) -> int:
        """The resident memory of the broker."""
        number = self._files.process_number()
        if number is None:
            raise OSError("the broker has ended")
        return resident_kb(number)

    def places(self, recharges: int) -> list[Place]:
        """Return `recharges` places with new meters without credit, of prepaid and managed contracts."""
        actor = HeadendOperator(self._office).actor()
        count = next(count for count in range(recharges, 10 * recharges) if _payable(count) >= recharges)
        made = site.build(self._office, actor, count, int(time.time()), _PERMIT_S)
        return [one for one in made if one.contract in _PAID][:recharges]

    def fleet(self, places: Sequence[Place]) -> Fleet:
        """Connect the meters of places, and return them when nothing waits."""
        passwords = self._users([one.number for one in places])
        address = _HOST, self._broker_port
        links = [FleetLink(one.meter, address, (user_of(one.number), passwords[one.number])) for one in places]
        fleet = Fleet(links)
        if not fleet.settle(LIMIT_S) or any(one.meter.contact.is_closed for one in places):
            raise ValueError("the meters are not at the broker, dark")
        return fleet

    @contextmanager
    def reporting(self, folder: Path) -> Iterator[None]:
        """Let the other meters report for a `with` block, which begins when each has a statement in the record."""
        facts = {"currency": "EUR", "decimals": 2, "contract": "prepaid-money", "unit": "money"}
        version = self._office.keys.newest_version
        facts |= {"key_version": version, "site_version": version}
        Meter.objects.bulk_create([Meter(number=number, **facts) for number in self._reporting])
        content = ReportingFleet(int(time.time()) - _DAY_S).content
        with transaction.atomic():  # the first statement of a meter costs more than all later ones
            told = [Told(version, content | {"meter_number": number}) for number in self._reporting]
            plain_statements.keep(plain_statements.Split(told, [], {}), int(time.time()))
            ingest.add_links(self._reporting)
        file = folder / "reporters.json"
        ticket, rows = HeadendOperator(self._office).actor().ticket, {}
        for number, password in self._users(self._reporting).items():
            key, _ = self._office.keys.meter_keys(ticket, number, version, version)
            rows[number] = password, key.hex()
        file.write_text(json.dumps(rows))
        words = ["wattpurse_tools.bench.headend_reporters", f"{_HOST}:{self._broker_port}", str(EVERY_S), str(file)]
        process = subprocess.Popen([sys.executable, "-m", *words])
        try:
            self._await_reports(process)
            yield
            if process.poll() is not None:
                raise OSError("the reporting meters have ended")
        finally:
            process.terminate()
            process.wait(_START_S)

    def _await_reports(self, process: subprocess.Popen[bytes]) -> None:
        """Wait until each meter has reported to the record, and the worker keeps pace with the new statements."""
        until = time.monotonic() + _WARM_S
        pace, begun_s = len(self._reporting) / EVERY_S, int(time.time()) - _DAY_S // 2
        missing, grown = len(self._reporting), math.inf
        while missing or grown > _PACES * pace * _LOOK_S + 1:
            if process.poll() is not None or time.monotonic() > until:
                raise OSError(f"{missing} meters have not reported, or the worker is behind")
            before = Statement.objects.count()
            time.sleep(_LOOK_S)
            grown = Statement.objects.count() - before
            missing = Meter.objects.filter(number__in=self._reporting, told_s__lt=begun_s).count()

    def _users(self, numbers: Sequence[int]) -> dict[int, str]:
        """Give meters users at the broker, and return their passwords."""
        passwords = self._files.add_meters(numbers)
        process = self._files.process_number()
        if process is None:
            raise OSError("the broker has not noted its process")
        os.kill(process, signal.SIGHUP)
        return passwords


def _payable(count: int) -> int:
    return sum(site.contract_of(place) in _PAID for place in range(count))


class _Recharges:
    """Payments at random times, and the time from the begin of each call to the closed switch of its meter."""

    def __init__(self, fleet: Fleet, payers: Payers) -> None:
        self._fleet = fleet
        self._payers = payers
        self._begun: dict[int, float] = {}
        self._failures: list[Exception] = []

    def run(self, places: Sequence[Place]) -> dict[int, float]:
        """Return the seconds by the number of the meter. Raise TimeoutError if a switch stays open."""
        payer = threading.Thread(target=self._pay, args=(places,))
        payer.start()
        done: dict[int, float] = {}
        turn = 0
        try:
            while len(done) < len(places) and not self._failures:
                self._fleet.pump(_PUMP_S)
                now = time.monotonic()
                for number, begun in list(self._begun.items()):
                    if self._fleet[number].meter.contact.is_closed and number not in done:
                        done[number] = now - begun
                    elif number not in done and now - begun > LIMIT_S:
                        raise TimeoutError(f"the switch of meter {number} stays open after its payment")
                # A step of all meters at once would hold the connections up.
                places[turn % len(places)].meter.live_until(int(time.time()))
                turn += 1
        finally:
            payer.join()
        if self._failures:
            raise self._failures[0]
        return done

    def _pay(self, places: Sequence[Place]) -> None:
        choice = random.Random(1)
        try:
            for place in places:
                time.sleep(choice.uniform(0, 2 * _PAUSE_S))
                self._begun[place.number] = time.monotonic()
                self._payers.pay(str(place.number), _MICROUNITS, place.number)
        except OSError as error:
            self._failures.append(error)
