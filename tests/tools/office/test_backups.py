"""Backups of an office, and its return: whole or not at all, without the vault, and with a list of lost facts."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from django.db import connection

from wattpurse.core.messages import token
from wattpurse_tools.office import audit, backup_file, backups, database_tools, restoring
from wattpurse_tools.office.actor import NotPermitted
from wattpurse_tools.record.models import Customer, Meter, MeterReceipt, Sale, Shop, Site
from wattpurse_tools.vault.interface import TokenOrder

WORDS = "four words in a safe"
METER = 1002


def add_meter(office, number=METER):
    return Meter.objects.create(
        number=number, currency="EUR", decimals=2, unit="money", contract="prepaid-money", key_version=1, site_version=1
    )


def use_number(office, manager, number=METER):
    """Make a token in the vault, as a sale does. Its row in the record is left to the caller."""
    body = token.make(token.CREDIT_MONEY, 20_000_000)[1]
    return office.keys.issue(manager.ticket, number, 1, [TokenOrder(token.CREDIT_MONEY, body)], 0, "sale")[0]


def another_program(office):
    """Open the record as another program does."""
    if connection.vendor == "sqlite":
        other = sqlite3.connect(office.folder.database)
    else:
        settings = connection.settings_dict
        other = psycopg.connect(host=settings["HOST"], user=settings["USER"], dbname=settings["NAME"])
    other.execute("SELECT * FROM customers").fetchall()
    return other


def add_sale(number, time_s):
    shop = Shop.objects.get(number=1)
    shop.last_receipt = number
    shop.save()
    Sale.objects.create(
        shop=shop,
        receipt_number=number,
        client_key=f"1:{number}",
        kind="sale",
        state="written",
        time_s=time_s,
        business_day=date(2027, 1, 1),
        operator=3,
        meter_number=METER,
        carrier="digits",
        currency="EUR",
        gross_microunits=20_000_000,
        request_hash="",
    )


def note_customer(name):
    Customer.objects.create(number=Customer.objects.count() + 1, name=name, created_s=0)


class TestBackup:
    def test_backup_is_consistent_and_comes_back(self, any_office, manager):
        note_customer("Ada")
        made = backups.make(any_office.folder, manager)
        note_customer("Grace")
        restored = restoring.restore(any_office, manager, made.path)
        assert list(Customer.objects.values_list("name", flat=True)) == ["Ada"]
        assert restored.stopped == [] and restored.former.is_known
        assert audit.first_broken() is None
        note_customer("Linus")

    def test_vault_is_never_in_a_backup(self, office, manager):
        secrets = [path.read_bytes() for path in office.folder.vault.iterdir() if path.is_file()]
        made = backups.make(office.folder, manager)
        database = office.folder.path / "unpacked"
        backup_file.unpack(made.path, database, None)
        content = made.path.read_bytes() + database.read_bytes()
        for secret in secrets:
            for place in range(0, max(1, len(secret) - 64), 64):
                part = secret[place : place + 64]
                assert len(part) < 40 or len(set(part)) < 16 or part not in content
        assert json.loads((office.folder.vault / "keys").read_text())["sealed"][:40].encode() not in content

    def test_only_the_owner_reads_backups_whatever_the_umask_is(self, office, manager):
        before = os.umask(0)
        try:
            made = backups.make(office.folder, manager)
        finally:
            os.umask(before)
        assert made.path.stat().st_mode & 0o777 == 0o600
        assert made.path.parent.stat().st_mode & 0o777 == 0o700
        assert list(made.path.parent.iterdir()) == [made.path]

    def test_a_planted_link_is_not_followed(self, office, manager, tmp_path):
        now_s = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
        planted = tmp_path / "elsewhere"
        (office.folder.backups / "office-20270101T000000Z.backup.part").symlink_to(planted)
        (office.folder.backups / "office-20270101T000000Z.backup.database").symlink_to(planted)
        backups.make(office.folder, manager, now_s=now_s)
        assert not planted.exists()

    def test_who_may_not_manage_makes_no_backup_and_restores_none(self, office, manager, cashier):
        with pytest.raises(NotPermitted):
            backups.make(office.folder, cashier)
        made = backups.make(office.folder, manager)
        with pytest.raises(NotPermitted):
            restoring.restore(office, cashier, made.path)

    def test_daily_backup_is_made_once_a_day(self, office, manager):
        assert backups.make_daily(office.folder, manager) is not None
        assert backups.make_daily(office.folder, manager) is None
        assert len(backups.listed(office.folder)) == 1

    def test_old_backups_go_by_the_rule(self, office, manager):
        first = datetime(2026, 1, 1, 12, tzinfo=UTC)
        days = [first + timedelta(days=number) for number in range(400)]
        for day in days[:-1]:
            (office.folder.backups / f"office-{day:%Y%m%dT%H%M%SZ}.backup").write_bytes(b"")
        made = backups.make(office.folder, manager, now_s=days[-1].timestamp())
        left = [backups._day(path) for path in backups.listed(office.folder)]
        assert left[-7:] == [day.date() for day in days[-7:]]
        assert len({day.isocalendar()[:2] for day in left}) >= 5
        assert len({(day.year, day.month) for day in left}) == 12
        assert len(left) <= 7 + 5 + 12 and made.path in backups.listed(office.folder)

    def test_of_two_backups_of_a_day_the_newer_stays(self, office, manager):
        for customers in range(2):
            note_customer(f"customer {customers}")
            made = backups.make(office.folder, manager, now_s=1_800_000_000)
        assert backups.listed(office.folder) == [made.path]
        restoring.restore(office, manager, made.path)
        assert Customer.objects.count() == 2

    def test_a_record_on_postgresql_without_its_programs_is_refused_with_words(self, any_office, manager, monkeypatch):
        if connection.vendor == "sqlite":
            assert backups.make(any_office.folder, manager)
            return
        monkeypatch.setattr(shutil, "which", lambda _name: None)
        with pytest.raises(ValueError, match="postgresql-client"):
            backups.make(any_office.folder, manager)
        assert backups.listed(any_office.folder) == []

    def test_a_dump_that_fails_leaves_the_older_backups(self, office, manager, monkeypatch):
        first = backups.make(office.folder, manager, now_s=1_800_000_000)

        def fail(_target):
            raise ValueError("the disk is full")

        monkeypatch.setattr(database_tools, "dump", fail)
        with pytest.raises(ValueError, match="full"):
            backups.make(office.folder, manager, now_s=1_800_000_001)
        assert list(office.folder.backups.iterdir()) == [first.path]


class TestSealedBackup:
    def test_sealed_backup_shows_nothing_and_opens_with_its_passphrase_alone(self, office, manager, tmp_path):
        note_customer("Ada Lovelace of Hollow Lane")
        made = backups.make(office.folder, manager, WORDS)
        database = tmp_path / "database"
        for wrong in (None, "another passphrase"):
            with pytest.raises(ValueError, match="passphrase"):
                backup_file.unpack(made.path, database, wrong)
            assert not database.exists()
        backup_file.unpack(made.path, database, WORDS)
        assert b"Ada Lovelace" in database.read_bytes()
        assert restoring.restore(office, manager, made.path, WORDS).former.is_known

    def test_a_short_passphrase_is_refused(self, office, manager):
        with pytest.raises(ValueError, match="at least 12"):
            backups.make(office.folder, manager, "short")

    @pytest.mark.parametrize("passphrase", [None, WORDS])
    @pytest.mark.parametrize("harm", ["cut", "flip", "swap", "head", "longer"])
    def test_a_backup_that_was_changed_is_refused_and_nothing_changes(self, office, manager, passphrase, harm):
        note_customer("Ada")
        made = backups.make(office.folder, manager, passphrase)
        data = bytearray(made.path.read_bytes())
        start = data.index(b"\n") + 1
        if harm == "cut":
            del data[-200:]
        elif harm == "flip":
            data[start + (len(data) - start) // 2] ^= 1
        elif harm == "swap":
            data[start : start + 64], data[start + 64 : start + 128] = (
                data[start + 64 : start + 128],
                data[start : start + 64],
            )
        elif harm == "head":
            data[:start] = data[:start].replace(b'"size": ', b'"size": 1')
        elif passphrase is not None:
            data += bytes(200)
        else:
            data[start:] = data[start:-8]
        made.path.write_bytes(data)
        note_customer("Grace")
        with pytest.raises(ValueError, match="backup"):
            restoring.restore(office, manager, made.path, passphrase)
        assert Customer.objects.count() == 2

    @pytest.mark.parametrize("content", [b"", b"{}\n", b"\xff\n", b'{"format": 9}\n', b"x" * 70_000])
    def test_a_file_that_is_no_backup_is_refused(self, office, manager, tmp_path, content):
        path = tmp_path / "file"
        path.write_bytes(content)
        with pytest.raises(ValueError):
            restoring.restore(office, manager, path)


class TestRestore:
    def test_meters_with_numbers_used_since_are_stopped_and_the_tokens_are_named(self, any_office, manager):
        add_meter(any_office)
        add_meter(any_office, METER + 1)
        first = use_number(any_office, manager)
        Meter.objects.filter(number=METER).update(last_count=1)
        made = backups.make(any_office.folder, manager)
        later = use_number(any_office, manager)
        restored = restoring.restore(any_office, manager, made.path)
        assert restored.stopped == [METER]
        assert [(one.meter, one.sequence, one.purpose) for one in restored.tokens] == [(METER, later.sequence, "sale")]
        assert "20.00" in restored.tokens[0].words or "20000000" in restored.tokens[0].words
        assert first.sequence not in [one.sequence for one in restored.tokens]
        stopped = Meter.objects.get(is_stopped=True)
        assert stopped.number == METER and "read a card" in stopped.stop_reason
        assert use_number(any_office, manager).sequence == later.sequence + 1

    def test_a_receipt_that_the_vault_has_settled_is_settled_again_in_no_restored_record(
        self, any_office, manager, second
    ):
        add_meter(any_office)
        MeterReceipt.objects.create(meter_id=METER, sequence=3, money=5, energy=0, debt=0, term_s=0, told_s=1)
        made = backups.make(any_office.folder, manager)
        document = {"meter": METER, "sequence": 3, "words": "paid out"}
        approval = any_office.keys.propose(manager.ticket, "settle", document, "moved out")
        any_office.keys.approve(second.ticket, approval)
        assert any_office.keys.settle(manager.ticket, METER, 3, "paid out", approval)
        restored = restoring.restore(any_office, manager, made.path)
        assert restored.settled == 1
        assert MeterReceipt.objects.get().settled == "paid out"

    def test_sales_after_the_backup_are_listed_and_their_receipt_numbers_are_not_used_again(self, any_office, manager):
        add_sale(1, 1_700_000_000)
        made = backups.make(any_office.folder, manager, now_s=1_750_000_000)
        for number in (2, 3):
            add_sale(number, 1_800_000_000 + number)
        restored = restoring.restore(any_office, manager, made.path)
        assert [(one.shop, one.receipt_number, one.gross_microunits) for one in restored.former.sales] == [
            (1, 2, 20_000_000),
            (1, 3, 20_000_000),
        ]
        assert restored.receipts == {1: (2, 3)}
        assert Shop.objects.get(number=1).last_receipt == 3
        assert Sale.objects.count() == 1

    def test_numbers_on_paper_are_taken_if_the_former_record_is_lost(self, office, manager):
        made = backups.make(office.folder, manager)
        with open(office.folder.database, "r+b") as file:
            file.write(b"\0" * 4096)
        for suffix in ("-wal", "-shm"):
            office.folder.database.with_name("office.db" + suffix).unlink(missing_ok=True)
        connection.close()
        restored = restoring.restore(office, manager, made.path, receipts={1: 40})
        assert not restored.former.is_known
        assert restored.receipts == {1: (1, 40)}
        assert Shop.objects.get(number=1).last_receipt == 40

    def test_former_record_is_kept_aside(self, any_office, manager):
        made = backups.make(any_office.folder, manager)
        note_customer("Grace")
        restored = restoring.restore(any_office, manager, made.path)
        if connection.vendor == "sqlite":
            with closing(sqlite3.connect(restored.aside)) as former:
                names = former.execute("SELECT name FROM customers").fetchall()
        else:
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT name FROM {restored.aside.removeprefix('schema ')}.customers")
                names = cursor.fetchall()
        assert names == [("Grace",)]
        assert Customer.objects.count() == 0

    def test_backup_of_other_keys_is_refused(self, office, manager):
        Site.objects.update(key_fingerprint="00")
        made = backups.make(office.folder, manager)
        with pytest.raises(ValueError, match="other keys"):
            restoring.restore(office, manager, made.path)

    def test_record_in_use_is_refused_and_stays(self, any_office, manager):
        made = backups.make(any_office.folder, manager)
        note_customer("Grace")
        with closing(another_program(any_office)), pytest.raises(ValueError, match="stop (it|them) first"):
            restoring.restore(any_office, manager, made.path)
        assert Customer.objects.get().name == "Grace"

    def test_restore_that_ends_in_the_middle_leaves_the_former_record(self, any_office, manager, monkeypatch):
        made = backups.make(any_office.folder, manager)
        note_customer("Grace")

        def end(*_arguments):
            raise KeyboardInterrupt

        swap = (restoring, "_put_aside") if connection.vendor == "sqlite" else (database_tools, "swap_postgresql")
        for place in ((restoring, "_complete"), swap):
            with monkeypatch.context() as patch:
                patch.setattr(*place, end)
                with pytest.raises(KeyboardInterrupt):
                    restoring.restore(any_office, manager, made.path)
            assert Customer.objects.get().name == "Grace"
        restoring.restore(any_office, manager, made.path)
        assert Customer.objects.count() == 0

    def test_restore_says_what_nobody_knows(self, office, manager):
        made = backups.make(office.folder, manager)
        told = restoring.restore(office, manager, made.path).as_dict()
        assert any("cash" in words for words in told["unknown"])
        json.dumps(told)
