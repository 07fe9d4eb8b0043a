"""`wattpurse office import`, `check`, `backup` and `restore`: their output and their exit status."""

import json
import os
import shutil
import sqlite3
import threading
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from django.db import connections

from tests.office_of_tests import PASSPHRASE
from wattpurse_tools import cli
from wattpurse_tools.record.models import Customer, Meter, Shop
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.server import Server

OLD = Path(__file__).parent / "old_stations"


@contextmanager
def serving(folder):
    """Serve the vault of an office from a thread for a `with` block."""
    with Vault.open(folder.vault, PASSPHRASE) as vault:
        server = Server(vault, folder.socket)
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            yield vault
        finally:
            server.stop()
            thread.join()


@pytest.fixture
def run(capsys):
    """Return a function that runs a command and returns its status, its output and its errors."""

    def act(words):
        before = os.umask(0o022)
        try:
            status = cli.main(words.split())
        finally:
            os.umask(before)
        told = capsys.readouterr()
        return status, told.out, told.err

    return act


def test_check_prints_its_findings_and_its_status_tells_them(office_folder, run):
    with serving(office_folder):
        status, out, _ = run(f"office check --office {office_folder.path}")
        assert (status, out.startswith("0 findings in 0 transfers")) == (0, True)
        Shop.objects.filter(number=1).update(last_receipt=7)
        status, out, _ = run(f"office check --office {office_folder.path}")
        assert status == 1 and "receipts of shops: shop 1: its newest receipt is 0" in out
        status, out, _ = run(f"office check --office {office_folder.path} --json")
        document = json.loads(out)
        assert status == 1 and not document["sound"]
        assert document["findings"][0]["subject"] == "shop 1"


def test_backup_and_restore_tell_what_they_did(office_folder, run):
    Customer.objects.create(number=1, name="Ada", created_s=0)
    status, out, _ = run(f"office backup --office {office_folder.path} --json")
    backup = json.loads(out)
    assert status == 0 and not backup["sealed"]
    assert run(f"office backup --daily --office {office_folder.path}")[1].startswith("There is a backup of today")
    Customer.objects.create(number=2, name="Grace", created_s=0)
    connections.close_all()
    with serving(office_folder):
        status, out, err = run(f"office restore {backup['file']} --office {office_folder.path} --receipt 1=40")
    assert status == 0, err
    assert "The former one is kept" in out and "Nobody can know" in out
    assert "Shop 1 goes on after receipt 40" in out
    assert list(Customer.objects.values_list("name", flat=True)) == ["Ada"]


def test_a_backup_is_sealed_with_the_passphrase_of_the_environment(office_folder, run, monkeypatch):
    monkeypatch.setenv("WATTPURSE_BACKUP_PASSPHRASE", "four words in a safe")
    document = json.loads(run(f"office backup --office {office_folder.path} --json")[1])
    assert document["sealed"]
    assert "WATTPURSE_BACKUP_PASSPHRASE" not in os.environ


def test_a_wrong_number_of_a_receipt_is_refused(office_folder, run):
    with pytest.raises(SystemExit):
        run(f"office restore x --receipt 1:2 --office {office_folder.path}")


def test_restore_without_a_vault_names_the_command_that_starts_it(office_folder, run):
    status, _, err = run(f"office restore x --office {office_folder.path}")
    assert status == 1 and "wattpurse vault serve" in err


def test_import_prints_people_and_report(tmp_path, run, monkeypatch):
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("WATTPURSE_PASSPHRASE", PASSPHRASE)
    with closing(sqlite3.connect(tmp_path / "station.db")) as database:
        database.executescript((OLD / "version_5.sql").read_text())
    for name in ("keys.json", "keys.json.sequences"):
        shutil.copy(OLD / name, tmp_path)
    words = f"office import {tmp_path}/station.db {tmp_path}/keys.json --office {tmp_path}/office"
    status, out, err = run(words)
    assert status == 0, err
    assert "meters 2, cards 3, key cards 1" in out and "password" in out and "Destroy the plain key file" in out
    assert Meter.objects.count() == 2
    monkeypatch.setenv("WATTPURSE_PASSPHRASE", PASSPHRASE)
    status, _, err = run(words)
    assert status == 1 and "is not empty" in err
    connections.close_all()
