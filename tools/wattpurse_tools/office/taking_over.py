"""The taking over of a vending station of before: its record, its plain key file and the numbers used with the keys.

It is done once, all or nothing. The new vault is made beside its place, then the record is written in one transaction,
then the vault gets its name. If the program ends between the last two, a further call ends the work.
"""

import os
import shutil
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from django.db import transaction
from django.db.models import Model

from wattpurse.core.money import contract as contracts
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.old_station import OldStation, read_station
from wattpurse_tools.record.models import (
    AuditEntry,
    Card,
    Contract,
    Customer,
    KeyCard,
    KeyCardSale,
    Meter,
    MeterReceipt,
    OtherIssuer,
    Sale,
    ShortLimit,
    Site,
    Statement,
    Token,
)
from wattpurse_tools.record.office_folder import SCHEMA_VERSION, OfficeFolder
from wattpurse_tools.vault import setup
from wattpurse_tools.vault.key_cards import KnownCard
from wattpurse_tools.vault.key_sets import KeyRing
from wattpurse_tools.vault.taking_over import note_former

ACTION = "import"
ACTIVE = "active"

_BATCH = 2000
_METERS_NAMED = 5
_CUSTOMER = "customer"
_KEY_CARD = "key card"


@dataclass(frozen=True)
class OldFiles:
    """The files of a station. `accepts_older` takes a record that is behind the numbers used with the keys."""

    record: Path
    keys: Path
    accepts_older: bool = False


@dataclass(frozen=True)
class Report:
    """The numbers of rows that came over, by name, and the meters that wait for a statement."""

    version: int
    meters: int
    cards: int
    tokens: int
    outstanding: int
    receipts: int
    settled: int
    statements: int
    key_cards: int
    key_versions: list[int]
    last_numbers: int
    stopped: list[int] = field(default_factory=list)

    def as_dict(self) -> dict:
        """Return the report for a JSON document."""
        return asdict(self)


@dataclass(frozen=True)
class _Old:
    """A record that was read, with its keys. `counts` has the last number of each meter; `ahead` the meters behind."""

    station: OldStation
    source: setup.Source
    ring: KeyRing
    counts: dict[int, int]
    ahead: list[int]


def take_over(folder: OfficeFolder, files: OldFiles, passphrase: str, people: setup.People) -> Report:
    """Take over a station into the open record, which is empty, and into a new vault of the office's folder.

    `passphrase` and `people` are those of the new vault. Raise ValueError, with the remedy, if something stands against
    it; then nothing has changed.
    """
    done = _finish(folder)
    if done is not None:
        return done
    _refuse_used_office(folder)
    old = _read(files)
    part = _part(folder)
    shutil.rmtree(part, ignore_errors=True)
    try:
        _make_vault(part, old, passphrase, people)
        report = _write_record(old, people)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    _name_vault(folder)
    return report


def _read(files: OldFiles) -> _Old:
    source = setup.read_source(files.keys)
    ring = source.ring
    if ring is None:
        raise ValueError(f"{files.keys}: there are no keys in it")
    station = read_station(files.record, ring.versions[0])
    if station.fingerprint != ring.fingerprint():
        raise ValueError(
            f"{files.record}: this record belongs to another key file than {files.keys}; name the two that belong"
            " together"
        )
    last = {row["number"]: row["last_sequence"] for row in station["meters"]}
    ahead = sorted(number for number, count in source.counts.items() if count > last.get(number, 0))
    if ahead and not files.accepts_older:
        named = ", ".join(map(str, ahead[:_METERS_NAMED]))
        more = f" and {len(ahead) - _METERS_NAMED} more" if ahead[_METERS_NAMED:] else ""
        raise ValueError(
            f"{files.record}: with these keys more tokens were made than this record knows, for meters {named}{more}:"
            " it is an older copy; name the newest record, or, if it is lost, take this one over with --older-record:"
            " then these meters wait for a statement"
        )
    counts = {number: max(last.get(number, 0), source.counts.get(number, 0)) for number in {*last, *source.counts}}
    return _Old(station, source, ring, counts, ahead)


def _refuse_used_office(folder: OfficeFolder) -> None:
    for model in (Meter, Card, Token, Customer, Sale, Statement):
        if model.objects.exists():
            raise ValueError(
                f"{folder.path}: this office is in use, and a station is taken over into an empty one; make another"
                " folder for it"
            )
    if folder.vault.exists() and any(folder.vault.iterdir()):
        raise ValueError(
            f"{folder.vault}: this office has keys of its own, and a station brings its keys along; take it over into a"
            " folder in which no office was made"
        )


def _make_vault(part: Path, old: _Old, passphrase: str, people: setup.People) -> None:
    setup.create(part, passphrase, people, replace(old.source, counts=old.counts))
    settled = {(row["meter"], row["sequence"]): row["settled"] for row in old.station["receipts"] if row["settled"]}
    cards = {
        bytes.fromhex(row["uid"]): KnownCard(
            row["loaded"], row["spent"], (row["price"], row["allowance_mwh"], row["period"]), is_new=False
        )
        for row in old.station["key_cards"]
    }
    note_former(part, settled, cards, int(time.time()))


def _write_record(old: _Old, people: setup.People) -> Report:
    station = old.station
    newest = {row["meter"]: row for row in station["statements"]}
    report = Report(
        version=station.version,
        meters=len(station["meters"]),
        cards=len(station["cards"]),
        tokens=len(station["tokens"]),
        outstanding=sum(row["state"] in ("issued", "on card") for row in station["tokens"]),
        receipts=len(station["receipts"]),
        settled=sum(bool(row["settled"]) for row in station["receipts"]),
        statements=len(station["statements"]),
        key_cards=len(station["key_cards"]),
        key_versions=list(old.ring.versions),
        last_numbers=len(old.counts),
        stopped=[number for number in old.ahead if any(row["number"] == number for row in station["meters"])],
    )
    with transaction.atomic():
        _write_site(old)
        _create(Meter, (_meter(row, newest.get(row["number"]), old) for row in station["meters"]))
        _create(Contract, _contracts(station["statements"]))
        key_cards = {row["uid"] for row in station["key_cards"]}
        _create(Card, (_card(row, row["uid"] in key_cards) for row in station["cards"]))
        _create(Token, (Token(**_of_meter(row)) for row in station["tokens"]))
        _create(MeterReceipt, (MeterReceipt(**_of_meter(row)) for row in station["receipts"]))
        _create(Statement, (Statement(**_of_meter(row), read_s=row["time_s"]) for row in station["statements"]))
        _create(KeyCard, (KeyCard(**row) for row in station["key_cards"]))
        _create(KeyCardSale, (KeyCardSale(**row) for row in station["key_card_sales"]))
        _create(OtherIssuer, (OtherIssuer(**_of_meter(row)) for row in station["other_issuers"]))
        _create(ShortLimit, (ShortLimit(**_of_meter(row)) for row in station["short_limits"]))
        first = people.operators[0][0].number if people.operators else 0
        audit.note(Actor(first, ""), ACTION, "station", **report.as_dict())
    return report


def _write_site(old: _Old) -> None:
    meters = old.station["meters"]
    site = Site.objects.order_by("id").first() or Site(schema_version=SCHEMA_VERSION)
    site.key_fingerprint = old.ring.fingerprint()
    site.key_fingerprints = {str(version): text for version, text in old.ring.fingerprints().items()}
    site.operators_required = old.station.operators_required
    if meters:
        site.currency, site.decimals = meters[0]["currency"], meters[0]["decimals"]
    site.save()


def _meter(row: dict, statement: dict | None, old: _Old) -> Meter:
    number = row["number"]
    stopped = number in old.ahead
    return Meter(
        number=number,
        currency=row["currency"],
        decimals=row["decimals"],
        last_count=row["last_sequence"],
        unit=row["unit"],
        told_s=row["told_s"],
        key_version=row["key_version"],
        site_version=row["site_version"],
        tenant=row["tenant"],
        contract="" if statement is None else _contract_name(statement["contract"]),
        balance=None if statement is None else statement["balance"],
        alarms="" if statement is None else statement["alarms"][:240],
        is_stopped=stopped,
        stop_reason=f"numbers up to {old.counts[number]} were used, and the record taken over ends at"
        f" {row['last_sequence']}: read a card that has been at the meter since"
        if stopped
        else "",
    )


def _contracts(statements: Sequence[dict]) -> list[Contract]:
    """Return the contracts of each meter with their dates, as its statements show them."""
    made: list[Contract] = []
    for row in statements:
        name = _contract_name(row["contract"])
        last = made[-1] if made and made[-1].meter_id == row["meter"] else None
        if last is not None and last.name == name:
            continue
        if last is not None:
            last.until_s = row["time_s"]
        made.append(Contract(meter_id=row["meter"], name=name, from_s=row["time_s"]))
    return [one for one in made if one.name]


def _contract_name(code: int) -> str:
    try:
        return contracts.by_code(code).name
    except ValueError:
        return ""


def _card(row: dict, is_key_card: bool) -> Card:
    role = _CUSTOMER if row["meter"] else _KEY_CARD if is_key_card else ""
    return Card(uid=row["uid"], name=row["name"], meter_number=row["meter"], role=role, state=ACTIVE)


def _of_meter(row: dict) -> dict:
    """Return the values of a row under the names of the model: the meter is a reference."""
    return {"meter_id" if name == "meter" else name: value for name, value in row.items()}


def _create(model: type[Model], rows: Iterable[Model]) -> None:
    model._default_manager.bulk_create(rows, batch_size=_BATCH)


def _part(folder: OfficeFolder) -> Path:
    return folder.path / "vault.importing"


def _finish(folder: OfficeFolder) -> Report | None:
    """End a taking over whose record is written and whose vault has no name yet. Return its report, or None."""
    if not _part(folder).exists() or folder.vault.exists():
        return None
    entry = AuditEntry.objects.filter(action=ACTION).first()
    if entry is None:
        return None
    _name_vault(folder)
    return Report(**entry.detail)


def _name_vault(folder: OfficeFolder) -> None:
    if folder.vault.exists():
        folder.vault.rmdir()
    os.rename(_part(folder), folder.vault)
    descriptor = os.open(folder.path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
