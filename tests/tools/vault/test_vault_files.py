"""The vault's files: modes, planted links, one process at a time, older copies, lost counters, and the log's chain."""

import json
import os
import shutil
import sqlite3
import stat

import pytest

from tests.tools.vault import vault_bench
from tests.tools.vault.test_vault_tokens import UID, statement
from tests.tools.vault.vault_bench import (
    METER,
    NOW_S,
    PASSPHRASE,
    VENDING_KEYS,
    money,
    open_vault,
    ticket_of,
)
from wattpurse_tools.vault import setup
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.files import Folder
from wattpurse_tools.vault.interface import ApprovalNeeded, LimitReached, Refused
from wattpurse_tools.vault.log_file import FIRST_LINK, LogFile, link_of
from wattpurse_tools.vault.sealed_document import Cost, Sealer, canonical

FILES = ("keys", "counters.db", "log")


def sell(vault, meter=METER):
    return vault.issue(ticket_of(vault), meter, 1, [money(1)], 0, "sale")[0].sequence


def copy_of(folder, name):
    """Copy a folder of the vault as a backup would."""
    copy = folder.with_name(name)
    shutil.copytree(folder, copy)
    return copy


# The key file


def test_no_key_is_readable_in_any_file_of_the_vault(folder, vault):
    sell(vault)
    vault.roll(ticket_of(vault))
    vault.close()
    for file in folder.iterdir():
        data = file.read_bytes()
        for key in (*VENDING_KEYS.values(), *vault_bench.SITE_KEYS.values(), vault_bench.meter_key()):
            assert key not in data
            assert key.hex().encode() not in data
        assert vault_bench.PINS[1].encode() not in data


@pytest.mark.parametrize("passphrase", ["", "four plain words her", "Four plain words here", "x" * 1000])
def test_a_wrong_passphrase_opens_nothing_and_says_so(folder, vault, passphrase):
    vault.close()
    with pytest.raises(ValueError, match="keys: the passphrase is wrong"):
        Vault.open(folder, passphrase)


def test_a_changed_byte_of_the_key_file_opens_nothing(folder, vault):
    vault.close()
    whole = (folder / "keys").read_bytes()
    head = json.loads(whole)
    for name in ("salt", "nonce", "sealed"):
        changed = bytes([bytes.fromhex(head[name])[0] ^ 1]) + bytes.fromhex(head[name])[1:]
        (folder / "keys").write_text(json.dumps(head | {name: changed.hex()}))
        with pytest.raises(ValueError, match="wrong"):
            open_vault(folder)
    (folder / "keys").write_bytes(whole)
    open_vault(folder).close()


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b'{"format": 2}',
        b'{"format": 1}',
        b"[" * 5000,
        b'{"format":1,"n":3,"r":8,"p":1,"salt":"","nonce":"","sealed":""}',
        b'{"format":1,"n":4294967296,"r":8,"p":1,"salt":"00","nonce":"000000000000000000000000","sealed":"00"}',
    ],
)
def test_a_file_that_is_no_key_file_is_refused_in_words(folder, vault, broken):
    vault.close()
    (folder / "keys").write_bytes(broken)
    with pytest.raises(ValueError, match="not the sealed key file|format 2"):
        open_vault(folder)


def test_a_guess_takes_128_megabytes_and_each_writing_has_a_nonce_of_its_own():
    assert 128 * Cost().n * Cost().r == 128 << 20
    sealer = Sealer.new("long enough words", Cost(n=1 << 10))
    again, document = Sealer.open(sealer.seal({"a": 1}), "long enough words")
    assert document == {"a": 1}
    assert again.seal(document) != again.seal(document)


def test_a_short_passphrase_makes_no_vault(folder):
    people = setup.People([(setup.first_operator(), "482915")])
    with pytest.raises(ValueError, match="at least 12"):
        setup.create_for_tests(folder, "short words", people)
    assert not folder.exists()


def test_a_changed_passphrase_opens_the_vault_and_the_old_one_no_longer(folder, vault):
    sell(vault)
    vault.change_passphrase("five other plain words here", Cost(n=1 << 10))
    vault.close()
    with pytest.raises(ValueError, match="passphrase is wrong"):
        open_vault(folder)
    with Vault.open(folder, "five other plain words here") as again:
        assert sell(again) == 2


def test_a_vault_is_made_in_an_empty_place_alone(folder):
    folder.mkdir()
    (folder / "letter").write_text("mine")
    with pytest.raises(ValueError, match="not empty"):
        vault_bench.make(folder)
    assert [file.name for file in folder.iterdir()] == ["letter"]


# Modes and links


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_every_file_is_for_its_owner_alone_whatever_the_umask(folder, umask):
    before = os.umask(umask)
    try:
        vault_bench.make(folder)
        with open_vault(folder) as vault:
            sell(vault)
            vault.roll(ticket_of(vault))
            found = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    finally:
        os.umask(before)
    assert set(FILES) <= set(found)
    assert set(found.values()) == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("name", FILES)
def test_a_planted_link_is_not_followed(folder, vault, tmp_path, name):
    vault.close()
    (folder / name).rename(tmp_path / "elsewhere")
    (folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="is a link"):
        open_vault(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_second_name_of_a_file_is_refused(folder, vault, tmp_path, name):
    vault.close()
    os.link(folder / name, tmp_path / "second")
    with pytest.raises(ValueError, match="second name"):
        open_vault(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_others_may_read_is_refused(folder, vault, name):
    vault.close()
    (folder / name).chmod(0o640)
    with pytest.raises(ValueError, match="chmod 600"):
        open_vault(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_pipe_in_the_place_of_a_file_stops_nothing(folder, vault, name):
    vault.close()
    (folder / name).unlink()
    os.mkfifo(folder / name, 0o600)
    with pytest.raises(ValueError, match="no plain file"):
        open_vault(folder)


def test_a_link_planted_for_the_next_writing_is_removed_and_its_target_stays(folder, vault, tmp_path):
    target = tmp_path / "target"
    target.write_text("mine")
    (folder / "keys.part").symlink_to(target)
    vault.roll(ticket_of(vault))
    assert target.read_text() == "mine"
    assert not (folder / "keys.part").exists()
    vault.close()
    with open_vault(folder) as again:
        assert again.newest_version == 3


def test_a_link_planted_as_the_journal_of_the_counters_is_refused(folder, vault, tmp_path):
    vault.close()
    (folder / "counters.db-journal").unlink(missing_ok=True)
    (folder / "counters.db-journal").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="is a link"):
        open_vault(folder)


def test_a_folder_that_is_open_to_others_is_refused(folder, vault):
    vault.close()
    folder.chmod(0o755)
    with pytest.raises(ValueError, match="chmod 700"):
        open_vault(folder)


def test_two_names_of_one_vault_are_one_lock(folder, vault, tmp_path):
    (tmp_path / "other-name").symlink_to(folder)
    for name in (folder, tmp_path / "other-name", tmp_path / "other-name" / ".." / "vault"):
        with pytest.raises(ValueError, match="another process has this vault open"):
            open_vault(name)
    vault.close()
    open_vault(tmp_path / "other-name").close()


def test_a_missing_vault_is_refused_with_the_command_that_makes_one(tmp_path):
    with pytest.raises(ValueError, match="wattpurse vault init"):
        open_vault(tmp_path / "nothing")
    (tmp_path / "empty").mkdir(mode=0o700)
    with pytest.raises(ValueError, match="wattpurse vault init"):
        open_vault(tmp_path / "empty")


# Older copies and losses


@pytest.mark.parametrize("starts", [0, 1, 2])
def test_an_older_copy_of_the_counters_is_refused(folder, vault, starts):
    copy = copy_of(folder, "copy")
    sell(vault)
    vault.close()
    for _ in range(starts):
        open_vault(folder).close()
    shutil.copy(copy / "counters.db", folder / "counters.db")
    with pytest.raises(ValueError, match="older copy of the counters"):
        open_vault(folder)
    setup.begin_counters_anew(folder, PASSPHRASE, NOW_S)
    with open_vault(folder) as again:
        assert again.last_count(METER) == 1


def test_a_stop_between_key_file_and_counters_is_no_older_copy(folder, vault, monkeypatch):
    def stop(*_):
        raise OSError("killed")

    monkeypatch.setattr(vault, "_agree", stop)
    with pytest.raises(OSError, match="killed"):
        vault.roll(ticket_of(vault))
    vault.close()
    with open_vault(folder) as again:
        assert again.versions == (1, 2, 3)
        assert sell(again) == 1


def test_an_older_copy_of_the_key_file_is_refused_and_makes_no_second_version_3(folder, vault):
    copy = copy_of(folder, "copy")
    assert vault.roll(ticket_of(vault)) == 3
    vault.close()
    shutil.copy(copy / "keys", folder / "keys")
    with pytest.raises(ValueError, match="--older-keys"):
        open_vault(folder)
    assert setup.accept_older_keys(folder, PASSPHRASE, NOW_S) == 2
    with open_vault(folder) as again:
        assert again.versions == (1, 2)
        assert again.roll(ticket_of(again)) == 4


def test_counters_of_another_vault_are_refused(folder, vault, tmp_path):
    vault.close()
    other = vault_bench.key_file_document((1,))
    other["keys"][0]["vending_key"] = "00" * 16
    vault_bench.make(tmp_path / "other", document=other)
    shutil.copy(tmp_path / "other" / "counters.db", folder / "counters.db")
    with pytest.raises(ValueError, match="those of other keys"):
        open_vault(folder)


def test_missing_counters_are_refused_with_the_remedy(folder, vault):
    vault.close()
    (folder / "counters.db").unlink()
    with pytest.raises(ValueError, match="--counters-lost"):
        open_vault(folder)
    assert not (folder / "counters.db").exists()


def lose_counters(folder, vault, with_log):
    for _ in range(3):
        sell(vault)
    vault.settle(ticket_of(vault), METER, 2, "paid out")
    vault.close()
    (folder / "counters.db").unlink()
    if not with_log:
        (folder / "log").unlink()
    setup.begin_counters_anew(folder, PASSPHRASE, NOW_S)


@pytest.mark.parametrize("with_log", [True, False])
def test_after_a_loss_of_the_counters_a_meter_waits_for_its_newer_statement(folder, vault, clock, with_log):
    lose_counters(folder, vault, with_log)
    with open_vault(folder, clock) as again:
        with pytest.raises(Refused, match="has not told its numbers"):
            sell(again)
        assert again.open_statement(METER, UID, statement(top=3, time_s=NOW_S - 5)) is not None  # an older card
        with pytest.raises(Refused, match="has not told its numbers"):
            sell(again)
        assert again.open_statement(METER, UID, statement(top=3, time_s=NOW_S + 5)) is not None
        assert sell(again) == 3 + 64 + 1  # tokens on their way keep their numbers
        with pytest.raises(Refused, match="has not told its numbers"):
            sell(again, METER + 1)
    with open_vault(folder, clock) as again:
        assert sell(again) == 3 + 64 + 2


def test_the_log_brings_counts_and_settled_receipts_back(folder, vault):
    lose_counters(folder, vault, with_log=True)
    with open_vault(folder) as again:
        assert again.last_count(METER) == 3
        assert again.settled(METER) == {2: "paid out"}


def test_a_count_that_somebody_names_ends_the_wait_after_a_loss(folder, vault):
    lose_counters(folder, vault, with_log=False)
    with open_vault(folder) as again:
        again.raise_count(ticket_of(again), METER, 70)
        assert sell(again) == 71


def test_counters_that_are_no_database_are_refused_in_words(folder, vault):
    vault.close()
    (folder / "counters.db").write_bytes(b"no database at all, and long enough to be looked at" * 40)
    with pytest.raises(ValueError, match="no counters of a vault"):
        open_vault(folder)


def test_a_restored_backup_of_the_office_uses_no_number_again(folder, vault, tmp_path):
    """Restore the office's record alone: the vault's counters do not go back."""
    office = sqlite3.connect(tmp_path / "office.db")
    with office:
        office.execute("CREATE TABLE tokens (sequence INTEGER)")
        office.execute("INSERT INTO tokens VALUES (?)", (sell(vault),))
    backup = (tmp_path / "office.db").read_bytes()
    with office:
        office.executemany("INSERT INTO tokens VALUES (?)", [(sell(vault),) for _ in range(5)])
    office.close()
    (tmp_path / "office.db").write_bytes(backup)
    office = sqlite3.connect(tmp_path / "office.db")
    known = office.execute("SELECT max(sequence) FROM tokens").fetchone()[0]
    office.close()
    assert known == 1
    assert sell(vault) == 7


# The log


def chained(lines):
    """Return lines of a log, as entries without seals, with numbers and links that fit."""
    link, made = FIRST_LINK, []
    for number, line in enumerate(lines, 1):
        values = json.loads(line)
        rest = [values[name] for name in ("time_s", "operator", "action", "details")]
        link = link_of(link, number, *rest)
        made.append(canonical(values | {"number": number, "link": link}) + b"\n")
    return made


def test_a_changed_removed_or_planted_line_of_the_log_is_refused(folder, vault):
    for _ in range(3):
        sell(vault)
    assert vault.check_log() == 1 + 2 * 3
    vault.close()
    lines = (folder / "log").read_bytes().splitlines(keepends=True)
    forged = lines[2].replace(b'"operator":1', b'"operator":2')
    assert forged != lines[2]
    changes = ([*lines[:2], forged, *lines[3:]], lines[:2] + lines[3:], [*lines[:3], lines[2], *lines[3:]])
    for other in (*changes, *map(chained, changes)):  # a forger who chains anew has no seal
        (folder / "log").write_bytes(b"".join(other))
        with pytest.raises(ValueError, match="was changed, or a line before it"):
            open_vault(folder)
    (folder / "log").rename(folder / "evidence")
    with open_vault(folder) as again:
        assert sell(again) == 4
        with pytest.raises(ValueError, match="lines were cut off"):
            again.check_log()


def test_a_line_that_was_taken_over_without_the_passphrase_is_the_only_one_without_a_seal(folder, vault):
    vault.close()
    whole = (folder / "log").read_bytes()
    for action, is_fine in (("taken over", True), ("approve", False)):
        (folder / "log").write_bytes(whole)
        place = Folder(folder)
        log = LogFile(place)
        log.append(NOW_S, None, action, {"request": "1", "words": "forged"})
        log.close()
        place.close()
        if is_fine:
            open_vault(folder).close()
            whole = (folder / "log").read_bytes()
        else:
            with pytest.raises(ValueError, match="was changed"):
                open_vault(folder)


def change_counters(folder, words, *values):
    """Change a row of the counters as somebody with the disk would."""
    database = sqlite3.connect(folder / "counters.db")
    with database:
        assert database.execute(words, values).rowcount == 1
    database.close()


@pytest.mark.parametrize(
    "words",
    [
        "UPDATE counts SET count = 1",
        "DELETE FROM counts",
        "UPDATE amounts SET microunits = 1",
        "DELETE FROM amounts",
        "DELETE FROM settled",
    ],
)
def test_counters_that_somebody_lowered_are_refused(folder, vault, words):
    sell(vault)
    sell(vault)
    vault.settle(ticket_of(vault), METER, 2, "paid out")
    vault.close()
    change_counters(folder, words)
    with pytest.raises(ValueError, match="older copy of the counters"):
        open_vault(folder)
    setup.begin_counters_anew(folder, PASSPHRASE, NOW_S)
    with open_vault(folder) as again:
        assert again.last_count(METER) == 2
        assert not again.settle(ticket_of(again), METER, 2, "paid out again")


def test_an_approval_that_somebody_wrote_into_the_counters_permits_nothing(folder):
    vault_bench.make(folder, persons=2)
    with open_vault(folder) as vault:
        number = vault.propose(ticket_of(vault), "roll", {"key_version": 3}, "yearly")
    change_counters(folder, "UPDATE requests SET state = 'approved', decider = 2, decided_s = ?", NOW_S)
    with open_vault(folder) as vault, pytest.raises(ApprovalNeeded, match="log does not know"):
        vault.roll(ticket_of(vault), number)
    change_counters(folder, "UPDATE requests SET state = 'open', decider = NULL")
    with open_vault(folder) as vault:
        vault.approve(ticket_of(vault, vault_bench.SECOND), number)
    with open_vault(folder) as vault:
        assert vault.roll(ticket_of(vault), number) == 3  # the log knows it over a restart
    other = json.dumps({"key_version": 4})
    change_counters(folder, "UPDATE requests SET state = 'approved', document = ?", other)
    with open_vault(folder) as vault, pytest.raises(ApprovalNeeded, match="log does not know"):
        vault.roll(ticket_of(vault), number)


def test_lost_counters_keep_the_credit_of_the_day(folder, vault, clock):
    clerk = ticket_of(vault, vault_bench.CLERK)
    for _ in range(2):
        vault.issue(clerk, METER, 1, [money(50_000_000)], 0, "sale")
    vault.close()
    (folder / "counters.db").unlink()
    setup.begin_counters_anew(folder, PASSPHRASE, NOW_S)
    with open_vault(folder, clock) as again:
        again.raise_count(ticket_of(again), METER, 10)
        with pytest.raises(LimitReached):
            again.issue(ticket_of(again, vault_bench.CLERK), METER, 1, [money(1)], 0, "sale")


def test_an_end_of_the_log_that_was_cut_off_is_found(folder, vault):
    for _ in range(3):
        sell(vault)
    vault.close()
    lines = (folder / "log").read_bytes().splitlines(keepends=True)
    (folder / "log").write_bytes(b"".join(lines[:3]))
    for _ in range(2):  # a restart does not cover it up
        with open_vault(folder) as again, pytest.raises(ValueError, match="lines were cut off"):
            again.check_log()


def test_a_torn_last_line_is_removed_and_the_chain_goes_on(folder, vault):
    sell(vault)
    lines = vault.check_log()
    vault.close()
    with open(folder / "log", "ab") as file:
        file.write(b'{"number":4,"time_s":18000')
    with open_vault(folder) as again:
        sell(again)
        assert again.check_log() == lines + 3
        assert [entry.number for entry in again.log(lines)] == [lines + 1, lines + 2, lines + 3]


def test_a_log_that_the_disk_does_not_take_seals_nothing(folder, vault, monkeypatch):
    ticket = ticket_of(vault)

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("wattpurse_tools.vault.log_file.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        vault.issue(ticket, METER, 1, [money(1)], 0, "sale")
    monkeypatch.undo()
    assert vault.issue(ticket, METER, 1, [money(1)], 0, "sale")[0].sequence == 2
    assert vault.check_log() == 3


def test_a_log_of_pages_is_told_in_order(vault):
    ticket = ticket_of(vault)
    for _ in range(12):
        vault.sign_off(ticket_of(vault))
    entries = vault.log()
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    assert vault.log(len(entries)) == []
    assert vault.session(ticket)


class Stop(OSError):
    """The program is stopped here."""


def stop_at(monkeypatch, place):
    """Stop at the call number `place` of those that change a disk. Return a list with the calls that were made."""
    made = []

    def wrap(name):
        original = getattr(os, name)

        def call(*arguments, **options):
            made.append(name)
            if len(made) >= place:
                raise Stop(name)
            return original(*arguments, **options)

        return call

    for name in ("fsync", "rename", "write", "unlink"):
        monkeypatch.setattr(f"wattpurse_tools.vault.files.os.{name}", wrap(name))
    return made


def test_a_stop_at_any_write_of_a_roll_leaves_a_vault_that_opens_and_no_version_twice(folder, vault, monkeypatch):
    prints = dict(vault.fingerprints())
    place = stops = 0
    while True:
        place += 1
        ticket = ticket_of(vault)
        with monkeypatch.context() as patch:
            stop_at(patch, place)
            try:
                vault.roll(ticket)
            except Stop:
                stops += 1
            else:
                break
        vault.close()
        vault = open_vault(folder)
        for key_version, fingerprint in vault.fingerprints().items():
            assert prints.setdefault(key_version, fingerprint) == fingerprint
        vault.check_log()
    vault.close()
    assert stops > 5
    assert len(set(prints.values())) == len(prints)


def test_a_stop_at_any_write_of_a_sale_uses_no_number_twice(folder, vault, monkeypatch):
    told, place, stops = [], 0, 0
    while True:
        place += 1
        ticket = ticket_of(vault)
        with monkeypatch.context() as patch:
            stop_at(patch, place)
            try:
                told.append(vault.issue(ticket, METER, 1, [money(1)], 0, "sale")[0].sequence)
            except Stop:
                stops += 1
            else:
                break
        vault.close()
        vault = open_vault(folder)
        told.append(sell(vault))
        vault.check_log()
    vault.close()
    assert stops >= 2
    assert len(set(told)) == len(told)
