"""A station of before comes into an office once, all or nothing, from every version of its record."""

import fcntl
import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from django.db import connection, connections

from tests.office_of_tests import PASSPHRASE
from wattpurse_tools.ledger.balances import balances
from wattpurse_tools.office import audit, setting_up
from wattpurse_tools.office.old_station import read_station
from wattpurse_tools.office.setting_up import Plan
from wattpurse_tools.office.taking_over import OldFiles, take_over
from wattpurse_tools.record.models import (
    Card,
    Contract,
    KeyCard,
    KeyCardSale,
    Meter,
    MeterReceipt,
    OtherIssuer,
    ShortLimit,
    Site,
    Statement,
    Token,
    User,
)
from wattpurse_tools.record.office_folder import OfficeFolder, migrate, open_record
from wattpurse_tools.vault import setup
from wattpurse_tools.vault.engine import Vault

OLD = Path(__file__).parent / "old_stations"
PLAN = Plan(managers=("manager", "second"))
ANNA, BERT = 1002, 1003


@pytest.fixture
def station(tmp_path):
    """Return a function that writes the files of a station and returns them."""

    def write(version=5, keys=None, **options):
        folder = tmp_path / "station"
        folder.mkdir(exist_ok=True)
        record, key_file = folder / "station.db", folder / "keys.json"
        record.unlink(missing_ok=True)
        with closing(sqlite3.connect(record)) as database:
            database.executescript((OLD / f"version_{version}.sql").read_text())
        key_file.write_text(json.dumps(keys or json.loads((OLD / "keys.json").read_text())))
        shutil.copy(OLD / "keys.json.sequences", folder)
        return OldFiles(record, key_file, **options)

    return write


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database(request, tmp_path, monkeypatch):
    """Make a database without an office, on each database. The tables come with the office."""
    if request.param == "sqlite":
        monkeypatch.delenv("DATABASE_URL", raising=False)
    else:
        request.getfixturevalue("postgres_url")
    open_record(OfficeFolder(tmp_path / "nothing"))
    yield
    connections.close_all()


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Return a file with the tables of a record, from which each test copies them."""
    folder = OfficeFolder(tmp_path_factory.mktemp("tables"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        open_record(folder)
        migrate()
        connections.close_all()
    return folder.database


@pytest.fixture
def folder(tmp_path, monkeypatch, tables):
    def copy_tables():
        connection.ensure_connection()
        with closing(sqlite3.connect(tables)) as source:
            source.backup(connection.connection)

    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setattr(setting_up, "migrate", copy_tables)
    yield OfficeFolder(tmp_path / "office")
    connections.close_all()


def take(folder, files):
    return take_over(folder, files, PASSPHRASE, PLAN, setup.create_for_tests)


def refusal(folder, files):
    with pytest.raises(ValueError) as refused:
        take(folder, files)
    assert not folder.path.exists()
    assert [path.name for path in folder.path.parent.iterdir() if path.name.startswith(".")] == []
    return str(refused.value)


@pytest.mark.usefixtures("empty_database")
def test_everything_of_a_station_comes_over(tmp_path, station):
    folder = OfficeFolder(tmp_path / "office")
    people, report = take(folder, station())
    assert [one.username for one in people] == ["manager", "second"]
    assert report.as_dict() == {
        "version": 5,
        "rows": {
            "meters": 2,
            "cards": 3,
            "tokens": 6,
            "outstanding": 2,
            "receipts": 2,
            "settled": 1,
            "statements": 4,
            "key_cards": 1,
        },
        "key_versions": [1, 2],
        "last_numbers": 2,
        "stopped": [],
    }
    anna = Meter.objects.get(number=ANNA)
    assert (anna.last_count, anna.unit, anna.tenant, anna.key_version, anna.contract) == (
        4,
        "money",
        2,
        2,
        "prepaid-money",
    )
    assert (anna.balance, anna.told_s, anna.is_stopped) == (0, 1767229202, False)
    assert list(Contract.objects.values_list("meter_id", "name").order_by("meter_id")) == [
        (ANNA, "prepaid-money"),
        (BERT, "prepaid-money"),
    ]
    assert set(Card.objects.values_list("name", "meter_number", "role", "state")) == {
        ("anna", ANNA, "customer", "active"),
        ("bert", BERT, "customer", "active"),
        ("kit", 0, "key card", "active"),
    }
    assert list(
        Token.objects.filter(meter=ANNA).order_by("sequence").values_list("sequence", "kind", "state", "amount")
    ) == [
        (1, 1, "redeemed", 20_000_000),
        (2, 10, "redeemed", 0),
        (3, 12, "redeemed", 2),
        (4, 1, "issued", 1_000_000),
    ]
    assert list(MeterReceipt.objects.order_by("sequence").values_list("sequence", "money", "settled", "card")) == [
        (2, 5_000_000, "paid out", 1227449254),
        (3, 7_340_000, "", 1227449254),
    ]
    assert list(Statement.objects.filter(meter=ANNA).order_by("time_s").values_list("bought", "taken")) == [
        (20_000_000, 0),
        (20_000_000, 5_000_000),
        (20_000_000, 12_340_000),
    ]
    assert KeyCard.objects.get().loaded == KeyCardSale.objects.get().amount == 8_000_000
    assert OtherIssuer.objects.values_list("meter_id", "issuer", "count").get() == (BERT, 2, 9)
    assert ShortLimit.objects.values_list("meter_id", "value").get() == (BERT, 50_000_000)
    assert balances("") == {
        ("opening", "EUR"): -39_500_000,
        ("meter:1002", "EUR"): 8_660_000,
        ("owed:1002", "EUR"): 7_340_000,
        ("meter:1003", "EUR"): 15_500_000,
        ("keycard:04ed20a3bc2a3e", "EUR"): 8_000_000,
    }
    assert Card.objects.get(name="anna").tenant == 0
    assert Site.objects.get().currency == "EUR"
    assert User.objects.count() == 2
    assert audit.first_broken() is None


def test_vault_continues_after_the_numbers_and_knows_settled_receipts_and_opens_old_tokens(folder, station):
    take(folder, station())
    with Vault.open(folder.vault, PASSPHRASE) as vault:
        assert (vault.last_count(ANNA), vault.last_count(BERT)) == (4, 2)
        assert vault.versions == (1, 2)
        assert vault.settled(ANNA) == {2: "paid out"}
        assert Site.objects.get().key_fingerprint == vault.fingerprint()
        ticket = vault.sign_on_as_user().ticket
        assert not vault.settle(ticket, ANNA, 2, "paid out again")
        digits = vault.digits(ticket, BERT, bytes(Token.objects.get(meter=BERT, sequence=2).sealed))
        assert len(digits.replace("-", "").replace(" ", "")) == 20


@pytest.mark.parametrize("version", [1, 2, 3, 4])
def test_records_of_former_versions_are_taken_over(folder, station, version):
    files = station(version)
    before = files.record.read_bytes()
    _, report = take(folder, files)
    assert (report.version, *(report.rows[name] for name in ("meters", "cards", "tokens"))) == (version, 2, 3, 4)
    assert Token.objects.filter(kind=1, unit="money").count() == 4
    assert set(Meter.objects.values_list("key_version", "site_version")) == {(1, 1)}
    assert MeterReceipt.objects.filter(settled="paid out").count() == report.rows["settled"] == (version >= 3)
    assert files.record.read_bytes() == before


def test_key_files_of_formats_1_and_3_are_taken_over(folder, station, tmp_path):
    first = json.loads((OLD / "keys.json").read_text())["keys"][0]
    take(folder, station(keys={"format": 1, **first}))
    with Vault.open(folder.vault, PASSPHRASE) as vault:
        assert (vault.issuer, vault.versions) == (0, (1,))
    point = setup.read_key_file({"format": 2, "keys": [first]}).vending_point(2, [ANNA, BERT])
    files = station(keys=point)
    with closing(sqlite3.connect(files.record)) as database, database:
        fingerprint = setup.read_key_file(point).fingerprint()
        database.execute("UPDATE station SET key_fingerprint = ?", (fingerprint,))
    second = OfficeFolder(tmp_path / "point")
    take(second, files)
    with Vault.open(second.vault, PASSPHRASE) as vault:
        assert vault.issuer == 2


def test_it_is_done_once(folder, station):
    take(folder, station())
    with pytest.raises(ValueError, match="is not empty"):
        take(folder, station())
    assert Meter.objects.count() == 2


def test_a_key_file_of_another_record_is_refused(folder, station):
    keys = {"format": 2, "keys": [{"key_version": 1, "vending_key": "12" * 16, "site_key": "34" * 16}]}
    assert "belongs to another key file" in refusal(folder, station(keys=keys))


def test_a_record_behind_the_numbers_used_is_refused_unless_it_is_wanted_and_then_its_meter_is_stopped(folder, station):
    files = station()
    files.keys.with_name("keys.json.sequences").write_text(json.dumps({ANNA: 9, BERT: 2, 77: 1}))
    words = refusal(folder, files)
    assert "77, 1002" in words and "--older-record" in words
    _, report = take(folder, OldFiles(files.record, files.keys, accepts_older=True))
    assert report.stopped == [ANNA]
    stopped = Meter.objects.get(is_stopped=True)
    assert stopped.number == ANNA and "up to 9" in stopped.stop_reason
    with Vault.open(folder.vault, PASSPHRASE) as vault:
        assert (vault.last_count(ANNA), vault.last_count(77)) == (9, 1)


def test_a_record_in_use_is_refused(folder, station):
    files = station()
    with open(f"{files.record}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert "close it first" in refusal(folder, files)


@pytest.mark.parametrize("content", [b"", b"not a database, only text" * 100, None])
def test_a_file_that_is_no_record_is_refused(folder, station, content):
    files = station()
    files.record.unlink()
    if content is not None:
        files.record.write_bytes(content)
    assert "station" in refusal(folder, files)


def test_a_record_of_a_later_version_is_refused(folder, station):
    files = station()
    with closing(sqlite3.connect(files.record)) as database:
        database.execute("PRAGMA user_version = 6")
    assert "version 6" in refusal(folder, files)


def test_a_key_file_that_is_broken_is_refused_without_telling_a_key(folder, station):
    keys = {"format": 2, "keys": [{"key_version": 1, "vending_key": "12" * 15, "site_key": "34" * 16}]}
    words = refusal(folder, station(keys=keys))
    assert "not a key file" in words and "1212" not in words


def test_a_failure_at_the_end_leaves_nothing(folder, station, monkeypatch):
    files, note = station(), audit.note

    def fail(actor, action, *arguments, **detail):
        if action == "import":
            raise OSError("the disk is full")
        return note(actor, action, *arguments, **detail)

    with monkeypatch.context() as patch:
        patch.setattr(audit, "note", fail)
        with pytest.raises(OSError, match="full"):
            take(folder, files)
    assert not folder.path.exists()
    take(folder, files)
    assert Meter.objects.count() == 2


def test_files_of_the_office_are_its_owners_alone(folder, station):
    before = os.umask(0)
    try:
        take(folder, station())
    finally:
        os.umask(before)
    for path in folder.path.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_reader_tells_what_a_record_had(station):
    read = read_station(station().record, 1)
    assert (read.version, len(read["tokens"]), read.operators_required) == (5, 6, False)
