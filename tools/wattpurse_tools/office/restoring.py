"""The return of a backup to the place of the record, and the facts that nobody knows afterwards.

The vault is not in a backup, so it knows more than a restored record: token numbers used since, and receipts settled
since. Receipts that it has settled are settled in the record too. A meter is stopped if the vault has used further
numbers for it. A card that has been at the meter then tells the fate of those tokens; until then a sale would rest on a
wrong record. Receipt numbers of the shops continue after those used since.

The record of now is kept aside. At any moment there is one record in its place, the former or the restored one.
"""

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path

from django.db import DatabaseError, connection, connections, transaction
from django.db.models import F

from wattpurse.core.money.token_windows import count_of
from wattpurse_tools import private_files
from wattpurse_tools.office import audit, backup_file, database_tools
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.backup_file import Manifest
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import Meter, MeterReceipt, Sale, Shop
from wattpurse_tools.record.office_folder import SCHEMA_VERSION, OfficeFolder, migrate, open_record
from wattpurse_tools.vault.interface import LogEntry

ACTION = "restore"

UNKNOWN = (
    "customers, tenancies, prices and settings entered after the backup",
    "cash counted, banked or paid out after the backup",
    "statements read after the backup; each card that is read again brings its newest one",
)


@dataclass(frozen=True)
class LostToken:
    """A token that the vault made after the backup: its meter and number, in words, and when it was made."""

    meter: int
    sequence: int
    words: str
    purpose: str
    made_s: int


@dataclass(frozen=True)
class LostSale:
    """A sale after the backup, as the record kept aside has it."""

    shop: int
    receipt_number: int
    meter: int
    gross_microunits: int
    currency: str
    time_s: int


@dataclass(frozen=True)
class Former:
    """The facts of the record of before: its sales after the backup, and the newest receipt number of each shop.

    `is_known` is False if it could not be read; then nobody knows the sales after the backup.
    """

    sales: list[LostSale]
    receipts: dict[int, int]
    is_known: bool


@dataclass(frozen=True)
class Restored:
    """The facts of a restore. `stopped` are meters that need a statement before a sale.

    `receipts` has the numbers that each shop leaves out, first and last.
    """

    made_s: int
    aside: str
    stopped: list[int]
    tokens: list[LostToken]
    settled: int
    former: Former
    receipts: dict[int, tuple[int, int]] = field(default_factory=dict)

    def as_dict(self) -> dict:
        """Return the facts for a JSON document."""
        return asdict(self) | {"unknown": UNKNOWN}


def restore(
    office: Office, actor: Actor, path: Path, passphrase: str | None = None, receipts: Mapping[int, int] | None = None
) -> Restored:
    """Put a backup in the place of the record. `receipts` has newest receipt numbers of shops that are known on paper.

    Right: manage. Stop the programs of the office before; only the vault runs. Raise ValueError, with no change, if the
    backup is broken, is that of another office or version, or if the record is in use.
    """
    actor.require("manage")
    manifest = backup_file.read_manifest(path)
    _refuse_other_office(office, path, manifest)
    former = _former(manifest.made_s)
    newest = {**former.receipts, **(receipts or {})}
    if manifest.vendor == database_tools.SQLITE:
        return _restore_sqlite(office, actor, path, passphrase, former, newest)
    return _restore_postgresql(office, actor, path, passphrase, former, newest)


def _refuse_other_office(office: Office, path: Path, manifest: Manifest) -> None:
    if manifest.fingerprint != office.keys.fingerprint():
        raise ValueError(f"{path}: this backup belongs to other keys than those of this office's vault")
    if manifest.vendor != connection.vendor:
        raise ValueError(
            f"{path}: this is a backup of {manifest.vendor}, and the office is on {connection.vendor}; set DATABASE_URL"
            " to a database of the same kind"
        )
    if manifest.schema_version > SCHEMA_VERSION:
        raise ValueError(f"{path}: was made by a newer program; use that one")


def _restore_sqlite(
    office: Office, actor: Actor, path: Path, passphrase: str | None, former: Former, newest: Mapping[int, int]
) -> Restored:
    """Complete the restored record beside the former one, and then let it take its name."""
    record = Path(connection.settings_dict["NAME"])
    staging = OfficeFolder(record.parent / "restoring")
    staging.path.mkdir(mode=0o700, exist_ok=True)
    staged = staging.path / "office.db"
    for name in ("office.db", "office.db-wal", "office.db-shm"):
        (staging.path / name).unlink(missing_ok=True)
    manifest = backup_file.unpack(path, staged, passphrase)
    aside = _free_name(record, manifest.made_s)
    connections["default"].close()
    try:
        open_record(staging)
        migrate()
        facts = _complete(office, actor, manifest, former, newest, str(aside))
        connections["default"].close()
        _close_sqlite(staged)
        _put_aside(record, aside)
        os.replace(staged, record)
        private_files.sync_folder(record.parent)
    finally:
        connections["default"].close()
        open_record(office.folder)
    staging.path.rmdir()
    return facts


def _put_aside(record: Path, aside: Path) -> None:
    """Give the former record another name. It keeps its own until the restored one takes that."""
    if not record.exists():
        return
    _close_sqlite(record)
    for suffix in ("-wal", "-shm"):  # left by a damaged record; the restored one must not meet them
        if (part := record.with_name(record.name + suffix)).exists():
            part.rename(aside.with_name(aside.name + suffix))
    os.link(record, aside)


def _close_sqlite(record: Path) -> None:
    """Put everything that belongs to a record into its one file. Raise ValueError if a program has it open."""
    try:
        with closing(sqlite3.connect(record, timeout=1, isolation_level=None)) as database:
            mode = database.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
        if mode != "delete":
            raise ValueError
    except (sqlite3.OperationalError, ValueError):
        raise ValueError(f"{record}: a program of the office is running; stop it first") from None
    except sqlite3.DatabaseError:
        return  # it is damaged, and goes aside as it is


def _restore_postgresql(
    office: Office, actor: Actor, path: Path, passphrase: str | None, former: Former, newest: Mapping[int, int]
) -> Restored:
    """Complete the restored record in a schema of its own, and then let it take the name of the record's."""
    database_tools.refuse_missing_programs("psql")
    database_tools.refuse_other_sessions()
    dumped = path.with_name(path.name + ".unpacked")
    dumped.unlink(missing_ok=True)
    try:
        manifest = backup_file.unpack(path, dumped, passphrase)
        database_tools.load_postgresql(dumped)
    finally:
        dumped.unlink(missing_ok=True)
    aside = f"before_restore_{time.time_ns()}"
    with database_tools.in_schema(database_tools.RESTORING):
        migrate()
        facts = _complete(office, actor, manifest, former, newest, f"schema {aside}")
    database_tools.swap_postgresql(aside)
    return facts


def _complete(
    office: Office, actor: Actor, manifest: Manifest, former: Former, newest: Mapping[int, int], aside: str
) -> Restored:
    """Compare the restored record with the vault, and stop the meters of which the vault knows more."""
    with transaction.atomic():
        stopped = _stop_meters(office)
        settled = _settle(office)
        gaps = _continue_receipts(newest)
        facts = Restored(
            made_s=manifest.made_s,
            aside=aside,
            stopped=stopped,
            tokens=_lost_tokens(office, manifest.made_s),
            settled=settled,
            former=former,
            receipts=gaps,
        )
        audit.note(
            actor,
            ACTION,
            "record",
            made_s=manifest.made_s,
            sha256=manifest.sha256,
            stopped=stopped,
            settled=settled,
            receipts={str(shop): list(gap) for shop, gap in gaps.items()},
        )
    return facts


def _stop_meters(office: Office) -> list[int]:
    stopped = []
    for number, known in Meter.objects.order_by("number").values_list("number", "last_count"):
        used = office.keys.last_count(number)
        if used > known:
            reason = (
                f"a backup was restored that ends at token {known}, and numbers up to {used} were used; read a card"
                f" that has been at the meter since, and then go on with: wattpurse meter resume {number}"
            )
            Meter.objects.filter(number=number).update(is_stopped=True, stop_reason=reason)
            stopped.append(number)
    return stopped


def _settle(office: Office) -> int:
    """Settle the receipts in the record that the vault has settled. Return their number."""
    settled = 0
    rows = MeterReceipt.objects.filter(settled="").order_by("meter_id", "sequence")
    for meter_number in rows.values_list("meter_id", flat=True).distinct():
        for sequence, words in office.keys.settled(meter_number).items():
            settled += rows.filter(meter_id=meter_number, sequence=sequence).update(settled=words[:120])
    return settled


def _continue_receipts(newest: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """Let each shop go on after the newest number that is known. Return the numbers left out, first and last."""
    gaps = {}
    for shop in Shop.objects.order_by("number"):
        number = newest.get(shop.number, 0)
        if number > shop.last_receipt:
            gaps[shop.number] = (shop.last_receipt + 1, number)
            shop.last_receipt = number
            shop.save(update_fields=["last_receipt"])
    return gaps


def _lost_tokens(office: Office, made_s: int) -> list[LostToken]:
    """Return the tokens that the vault's log has and the record does not know."""
    lost = []
    last = dict(Meter.objects.values_list("number", "last_count"))
    for entry in _log_since(office, made_s):
        meter_number = entry.details["meter"]
        for one in entry.details["tokens"]:
            if count_of(one["sequence"]) > last.get(meter_number, 0):
                lost.append(
                    LostToken(meter_number, one["sequence"], one["words"], str(entry.details["purpose"]), entry.time_s)
                )
    return lost


def _log_since(office: Office, made_s: int) -> Iterator[LogEntry]:
    number = 0
    while page := office.keys.log(number):
        number = page[-1].number
        # A clock may have been moved by some minutes.
        yield from (one for one in page if one.action == "issue" and one.time_s >= made_s - 3600)


def _former(made_s: int) -> Former:
    """Return the facts of the record of now, as far as it can be read."""
    try:
        sales = [
            LostSale(*row)
            for row in Sale.objects.filter(time_s__gte=made_s)
            .order_by("shop__number", "receipt_number")
            .values_list(F("shop__number"), "receipt_number", "meter_number", "gross_microunits", "currency", "time_s")
        ]
        receipts = dict(Shop.objects.values_list("number", "last_receipt"))
    except DatabaseError:
        connection.close()
        return Former([], {}, False)
    return Former(sales, receipts, True)


def _free_name(record: Path, made_s: int) -> Path:
    number = 1
    while (path := record.with_name(f"{record.name}.before-{made_s}-{number}")).exists():
        number += 1
    return path
