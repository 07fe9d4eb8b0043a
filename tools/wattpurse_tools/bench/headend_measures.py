"""The measurements of the head-end on PostgreSQL. `headend` has the table, and docs/headend-ingest.md the method."""

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.db import connection, connections, transaction

from wattpurse.core import carrier
from wattpurse.core.messages import mqtt
from wattpurse_tools.bench.headend_fleet import FIRST_METER, KEY_VERSION, Fleet, key_document
from wattpurse_tools.bench.mosquitto import Mosquitto
from wattpurse_tools.headend import ingest, plain_statements
from wattpurse_tools.headend.broker_link import BrokerLink
from wattpurse_tools.headend.garbage import collect_seldom
from wattpurse_tools.headend.plain_statements import Told
from wattpurse_tools.headend.worker import topics
from wattpurse_tools.meter_link.broker import Access
from wattpurse_tools.office import setting_up
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import Meter, Statement
from wattpurse_tools.record.office_folder import OfficeFolder, open_record
from wattpurse_tools.vault import packed_statements, server, setup
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.interface import RIGHTS, Operator, UnsealedStatement, VaultClosed, content_of
from wattpurse_tools.vault.key_sets import read_key_file

BATCH = 500
ROUNDS = 24
METERS = 10_000
MESSAGES = 2 * METERS
WORKERS = 3
SHARES = 3
LIMIT_S = 900

_PASSPHRASE = "a passphrase of the bench"
_PIN = "246802"
BROKER = ("allow_anonymous true", "max_inflight_messages 1000", "max_queued_messages 0")
_KB_PER_MB = 1024
_LOOK_EVERY_S = 0.1
_BEGAN_BEFORE_S = 4 * 86_400  # each batch is an hour of the fleet, and no clock of a meter may be ahead
# Tables with rows of a meter, and the column of its number.
_TABLES = {"meters": "number", "statements": "meter_id", "monthly_readings": "meter_id", "meter_links": "meter_id"}
_US = 1_000_000


class OpenedAlready:
    """A vault that has opened all statements before: the measured time is that of the record alone."""

    issuer = 0

    def __init__(self) -> None:
        self.results: list[UnsealedStatement | None] = []

    def unseal_statements(self, _sealed: bytes) -> bytes:
        """Return the results that were laid ready: those of the one piece that a batch of the bench has."""
        return packed_statements.pack_unsealed(self.results)


class Site:
    """An office with `count` meters on a database of its own. Each meter has a statement of an hour ago."""

    def __init__(self, folder: Path, url: str, count: int) -> None:
        self.folder = OfficeFolder(folder / f"office-{count}")
        self.count = count
        self._url = new_database(url, self.folder, f"office_{count}")
        self.fleet = Fleet(int(time.time()) - _BEGAN_BEFORE_S)
        self.use()
        setting_up.set_up(self.folder, _PASSPHRASE, setting_up.Plan(), _make_vault)
        self._fill()

    def use(self) -> None:
        """Make its database the open record."""
        os.environ["DATABASE_URL"] = self._url
        open_record(self.folder)

    def messages(self, count: int, place: int = 0) -> list[tuple[str, bytes]]:
        """Return statements of now of meters that are spread over all, from a place on."""
        step = max(1, self.count // count)
        return [self.fleet.message(FIRST_METER + (place + one * step) % self.count) for one in range(count)]

    def _fill(self) -> None:
        """Record one meter with its statement and months, and copy its rows to all others within the database."""
        facts = {"currency": "EUR", "decimals": 2, "contract": "prepaid-money", "unit": "money"}
        facts |= {"key_version": KEY_VERSION, "site_version": KEY_VERSION}
        with transaction.atomic():
            Meter.objects.create(number=FIRST_METER, **facts)
            unsealed = KEY_VERSION, 0, self.fleet.payload
            content = content_of(FIRST_METER, unsealed, reads_closed_months=False)
            told = Told(KEY_VERSION, content, self.fleet.payload)
            plain_statements.keep(plain_statements.Split([told], [], {}), self.fleet.time_s)
            ingest.add_links([FIRST_METER])
        with connection.cursor() as cursor:
            for table, number in _TABLES.items():
                cursor.execute(
                    "SELECT column_name FROM information_schema.columns WHERE table_name = %s AND column_name NOT IN"
                    " ('id', %s)",
                    [table, number],
                )
                names = ", ".join(f'"{row[0]}"' for row in cursor.fetchall())
                cursor.execute(
                    f"INSERT INTO {table} ({number}, {names}) SELECT other, {names} FROM {table},"
                    f" generate_series({FIRST_METER + 1}, {FIRST_METER + self.count - 1}) AS other"
                )
            cursor.execute("ANALYZE")


def new_database(url: str, folder: OfficeFolder, name: str) -> str:
    """Make a database at the server of `url`, make it the open record, and return its address."""
    connections.close_all()
    os.environ["DATABASE_URL"] = url
    open_record(folder)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name}")
    connections.close_all()
    made = url.replace("/postgres?", f"/{name}?")
    os.environ["DATABASE_URL"] = made
    open_record(folder)
    return made


def measure(folder: Path, url: str, sizes: tuple[int, int]) -> dict[str, float]:
    """Return the figures, with two offices of these numbers of meters."""
    sites = [Site(folder, url, count) for count in sizes]
    print(f"offices of {sizes[0]:,} and {sizes[1]:,} meters are there", flush=True)
    values = _row_costs(sites)
    shares = [_broker_share(folder / f"broker-{turn}", sites[1]) for turn in range(SHARES)]
    values |= sorted(shares, key=lambda one: one["ingest_share_of_broker"])[SHARES // 2]
    connections.close_all()
    return values


def _row_costs(sites: Sequence[Site]) -> dict[str, float]:
    """Measure batches at both offices in turn, each beside a bare COPY of the same rows."""
    whole: list[list[float]] = [[], []]
    record: list[list[float]] = [[], []]
    copies: list[list[float]] = [[], []]
    for site in sites:
        site.use()
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE bare_statements (LIKE statements INCLUDING ALL)")
    vaults = [Vault.open(site.folder.vault, _PASSPHRASE) for site in sites]
    collect_seldom()
    for turn in range(ROUNDS):
        for place, (site, vault) in enumerate(zip(sites, vaults, strict=True)):
            site.use()
            _round(site, vault, 2 * turn)  # a new connection reads the catalogue first; a worker keeps its connection
            opening_s, record_s, copy_s = _round(site, vault, 2 * turn + 1)
            record[place].append(record_s)
            whole[place].append(opening_s + record_s)
            copies[place].append(copy_s)
    for vault in vaults:
        vault.close()
    copy = statistics.median(copies[0] + copies[1])
    return {
        "row_cost_over_copy": statistics.median(record[0] + record[1]) / copy,
        "row_cost_with_vault_over_copy": statistics.median(whole[0] + whole[1]) / copy,
        "copy_us": copy / BATCH * _US,
        "growth_1k_100k": statistics.median(large / small for small, large in zip(*record, strict=True)),
    }


def _round(site: Site, vault: Vault, turn: int) -> tuple[float, float, float]:
    """Return the seconds of a batch: to open its statements, to record them, and to copy the same rows bare."""
    site.fleet.pass_hour()
    messages = site.messages(BATCH, turn)
    ready = OpenedAlready()
    office = Office(site.folder, ready)  # type: ignore[arg-type]
    opening_s = _timed(lambda: ready.results.extend(_opened(vault, messages)))
    record_s = _timed(lambda: _take(office, messages, site.fleet.time_s))
    return opening_s, record_s, _timed(lambda: _bare_copy(messages, ready.results))


def _take(office: Office, messages: Sequence[tuple[str, bytes]], now_s: int) -> None:
    outcome = ingest.take(office, messages, now_s)
    if outcome.statements != len(messages):
        raise ValueError(f"the bench is wrong: {outcome}")


def _opened(vault: Vault, messages: Sequence[tuple[str, bytes]]) -> list[UnsealedStatement | None]:
    wanted = []
    for topic, payload in messages:
        number, sealed = mqtt.unwrap_statement(payload)
        wanted.append((_meter_number(topic), carrier.statement_identity(carrier.MQTT, number), sealed))
    return packed_statements.unseal(vault, wanted)


def _meter_number(topic: str) -> int:
    parsed = mqtt.parse_topic(topic)
    if parsed is None:
        raise ValueError(f"the bench is wrong: {topic}")
    return parsed[0]


def _bare_copy(messages: Sequence[tuple[str, bytes]], results: Sequence[UnsealedStatement | None]) -> None:
    pairs = zip(messages, results, strict=True)
    contents = [content_of(_meter_number(message[0]), result) for message, result in pairs if result is not None]
    rows = [plain_statements.values_of(content | {"months": content["months"][:1]}, 0) for content in contents]
    with transaction.atomic():
        plain_statements.copy_rows(rows, "bare_statements")


def _timed(step: Callable[[], object]) -> float:
    began = time.perf_counter()
    step()
    return time.perf_counter() - began


def _broker_share(place: Path, site: Site) -> dict[str, float]:
    """Let a queue of statements wait at the broker, and measure the time until it is empty: idle, and with workers."""
    site.use()
    place.mkdir()
    with Mosquitto(place, BROKER) as broker, vault_process(site.folder):
        names = [f"worker-{number}" for number in range(WORKERS)]
        idle = BrokerLink(Access(broker.address), "idle", topics("idle"))
        with idle:
            pass
        for name in names:
            with BrokerLink(Access(broker.address), name, topics()):
                pass
        last = _publish(broker, site)
        with idle:
            idle_s = _timed(lambda: _drain(idle))
        workers = []
        for name in names:
            words = [sys.executable, "-m", "wattpurse_tools.cli", "headend", "worker", "--broker", broker.address]
            workers.append(subprocess.Popen([*words, "--name", name, "--office", str(site.folder.path)]))
        rate, memory = _await_rows(last, workers)
        for one in workers:
            one.send_signal(signal.SIGTERM)
            one.wait(60)
    broker_rate = MESSAGES / idle_s
    shares = {"ingest_share_of_broker": rate / broker_rate, "broker_per_s": broker_rate, "ingest_per_s": rate}
    return {**shares, **memory}


def _publish(broker: Mosquitto, site: Site) -> int:
    """Let statements of two hours of each of METERS meters wait at the broker. Return the last row before them."""
    last = Statement.objects.latest("id").pk
    with BrokerLink(Access(broker.address), "publisher", ()) as link:
        for _ in range(MESSAGES // METERS):
            site.fleet.pass_hour()
            for messages in _pieces(site.messages(METERS)):
                link.publish(messages)
    return last


def _pieces(messages: list[tuple[str, bytes]]) -> list[list[tuple[str, bytes]]]:
    return [messages[start : start + BATCH] for start in range(0, len(messages), BATCH)]


def _drain(link: BrokerLink) -> None:
    taken = 0
    until = time.monotonic() + LIMIT_S
    while taken < MESSAGES and time.monotonic() < until:
        deliveries = link.receive(BATCH, 1)
        link.acknowledge(deliveries)
        taken += len(deliveries)


def _await_rows(last: int, workers: Sequence[subprocess.Popen]) -> tuple[float, dict[str, float]]:
    """Wait for all rows after the row `last`. Return the rate of the second hour's, and the facts of workers' memory.

    In the first hour the processes start, and the vault derives the keys of each meter.
    """
    middle_s, middle_rows = _await_count(last, METERS)
    middle_mb = max(_memory_mb(one) for one in workers)
    end_s, end_rows = _await_count(last, MESSAGES)
    end_mb = max(_memory_mb(one) for one in workers)
    rate = (end_rows - middle_rows) / (end_s - middle_s)
    return rate, {"worker_memory_mb": end_mb, "worker_growth_mb": end_mb - middle_mb}


def _await_count(last: int, wanted: int) -> tuple[float, int]:
    """Wait for a number of rows after the row `last`. Return the time, and the number that is there.

    To count rows takes a part of the computer's time, so they are counted when the newest number says that all may be
    there.
    """
    until = time.monotonic() + LIMIT_S
    found = 0
    while found < wanted and time.monotonic() < until:
        time.sleep(_LOOK_EVERY_S)
        if Statement.objects.latest("id").pk >= last + wanted:
            found = Statement.objects.filter(pk__gt=last).count()
    if found < wanted:
        raise ValueError(f"only {found} of {wanted} statements came in time")
    return time.perf_counter(), found


def resident_kb(process: int) -> int:
    """Return the resident memory of a process in KiB."""
    return int(Path(f"/proc/{process}/status").read_text().split("VmRSS:")[1].split()[0])


def _memory_mb(process: subprocess.Popen) -> float:
    return resident_kb(process.pid) / _KB_PER_MB


def _make_vault(path: Path, passphrase: str, _people: setup.People) -> None:
    people = setup.People([(Operator(1, "manager", RIGHTS), _PIN)], {os.getuid(): 1})
    setup.create_for_tests(path, passphrase, people, setup.Source(read_key_file(key_document())))


@contextmanager
def vault_process(folder: OfficeFolder) -> Iterator[None]:
    """Run the vault in a process of its own for a `with` block."""
    connections.close_all()
    process = os.fork()
    if process == 0:
        try:
            with Vault.open(folder.vault, _PASSPHRASE) as vault:
                server.serve_until_signal(vault, folder.socket)
        finally:
            os._exit(0)
    try:
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            try:
                VaultClient(folder.socket).fingerprint()
                break
            except VaultClosed:
                time.sleep(0.05)
        yield
    finally:
        os.kill(process, signal.SIGTERM)
        os.waitpid(process, 0)
