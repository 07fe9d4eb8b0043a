"""The taking over of a vending station of before: its record, its plain key file and the numbers used with the keys.

It is done once, all or nothing: the station comes into a new office, which gets its name when it is whole. The files of
the station stay as they are. The vault gets its keys, the last number of each meter, the settled receipts, and the
credit on key cards.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from operator import itemgetter
from pathlib import Path

from django.db.models import Model

from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse_tools.ledger import chart
from wattpurse_tools.ledger.posting import Move, moved, post
from wattpurse_tools.office import audit, books, learning, setting_up
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.old_station import OldStation, read_station
from wattpurse_tools.record.models import (
    Card,
    Contract,
    KeyCard,
    KeyCardSale,
    Meter,
    MeterReceipt,
    OtherIssuer,
    Shop,
    ShortLimit,
    Site,
    Statement,
    Token,
)
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.station.order import ENERGY, FORFEITED, MONEY, OUTSTANDING, VOIDED
from wattpurse_tools.vault import setup
from wattpurse_tools.vault.key_cards import KnownCard
from wattpurse_tools.vault.key_sets import KeyRing
from wattpurse_tools.vault.taking_over import note_former

ACTION = "import"
ACTIVE = "active"

CreateVault = Callable[[Path, str, setup.People, setup.Source], None]

_BATCH = 2000
_METERS_NAMED = 5
_UNITS = (MONEY, ENERGY)
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
    """The version of the record, the numbers of `rows` that came over, the key versions, and the meters that wait.

    `last_numbers` counts the meters whose last number is in the vault.
    """

    version: int
    rows: dict[str, int]
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


def take_over(
    folder: OfficeFolder,
    files: OldFiles,
    passphrase: str,
    plan: setting_up.Plan,
    create_vault: CreateVault = setup.create,
) -> tuple[list[setting_up.NewPerson], Report]:
    """Set up an office with the record and the keys of a station. Return its first people and the report.

    Raise ValueError, with the remedy, if something stands against it; then nothing has changed.
    """
    old = _read(files)
    report = _report(old)
    meters = old.station["meters"]
    if meters:
        plan = replace(plan, currency=meters[0]["currency"], decimals=meters[0]["decimals"])

    def make_vault(path: Path, passphrase: str, people: setup.People) -> None:
        create_vault(path, passphrase, people, replace(old.source, counts=old.counts))
        _note_former(path, old.station)

    people = setting_up.set_up(folder, passphrase, plan, make_vault, lambda: _write_record(old, report))
    return people, report


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


def _note_former(path: Path, station: OldStation) -> None:
    settled = {(row["meter"], row["sequence"]): row["settled"] for row in station["receipts"] if row["settled"]}
    cards = {
        bytes.fromhex(row["uid"]): KnownCard(
            row["loaded"], row["spent"], (row["price"], row["allowance_mwh"], row["period"]), is_new=False
        )
        for row in station["key_cards"]
    }
    note_former(path, settled, cards, int(time.time()))


def _report(old: _Old) -> Report:
    station = old.station
    meters = {row["number"] for row in station["meters"]}
    return Report(
        version=station.version,
        rows={
            "meters": len(meters),
            "cards": len(station["cards"]),
            "tokens": len(station["tokens"]),
            "outstanding": sum(row["state"] in OUTSTANDING for row in station["tokens"]),
            "receipts": len(station["receipts"]),
            "settled": sum(bool(row["settled"]) for row in station["receipts"]),
            "statements": len(station["statements"]),
            "key_cards": len(station["key_cards"]),
        },
        key_versions=list(old.ring.versions),
        last_numbers=sum(count > 0 for count in old.counts.values()),
        stopped=[number for number in old.ahead if number in meters],
    )


def _write_record(old: _Old, report: Report) -> None:
    station = old.station
    newest = {row["meter"]: row for row in station["statements"]}
    key_cards = {row["uid"] for row in station["key_cards"]}
    tenants = _tenants(station)
    Site.objects.update(operators_required=station.operators_required)
    _create(Meter, (_meter(row, newest.get(row["number"]), old) for row in station["meters"]))
    _create(Contract, _contracts(station["statements"]))
    _create(Card, (_card(row, row["uid"] in key_cards, tenants) for row in station["cards"]))
    _create(Token, (Token(**_of_meter(row)) for row in station["tokens"]))
    _create(MeterReceipt, (MeterReceipt(**_of_meter(row)) for row in station["receipts"]))
    _create(Statement, (Statement(**_of_meter(row), read_s=row["time_s"]) for row in station["statements"]))
    _create(KeyCard, (KeyCard(**row) for row in station["key_cards"]))
    _create(KeyCardSale, (KeyCardSale(**row) for row in station["key_card_sales"]))
    _create(OtherIssuer, (OtherIssuer(**_of_meter(row)) for row in station["other_issuers"]))
    _create(ShortLimit, (ShortLimit(**_of_meter(row)) for row in station["short_limits"]))
    _open_books(station)
    audit.note(Actor(0, ""), ACTION, "station", **report.as_dict())


def _open_books(station: OldStation) -> None:
    """Open the ledger with the credit of each meter and key card, and with the debts for receipts."""
    credit: dict[tuple[str, str], int] = defaultdict(int)
    currencies = {row["number"]: row["currency"] for row in station["meters"]}
    for row in station["tokens"]:
        if row["unit"] in _UNITS and row["state"] not in (FORFEITED, VOIDED):
            credit[chart.meter(row["meter"]), _unit(row["unit"], currencies[row["meter"]])] += row["amount"]
    site = Site.objects.get()
    for row in station["key_cards"]:
        credit[chart.key_card(row["uid"]), site.currency] += row["loaded"]
    shop = Shop.objects.order_by("number").first()
    if shop is None:
        raise ValueError("an office has a shop")
    now_s = int(time.time())
    for (account, unit), amount in sorted(credit.items()):
        moves = moved(chart.OPENING, account, unit, amount)
        if moves:
            post(
                f"opening:{account}:{unit}", chart.OPENING, moves, books.event_at(shop, 0, now_s, f"opening:{account}")
            )
    learning.learn()
    for receipt in MeterReceipt.objects.exclude(settled="").select_related("meter"):
        owed = chart.owed(receipt.meter.number)
        moves = [Move(owed, chart.OPENING, move.unit, move.amount) for move in learning.moves_of_receipt(receipt)]
        if moves:
            event = books.event_at(shop, 0, now_s, f"receipt:{receipt.pk}", words=receipt.settled)
            post(f"opening:{owed}:{receipt.sequence}", chart.OPENING, moves, event)


def _unit(name: str, currency: str) -> str:
    return currency if name == MONEY else chart.MWH


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
        f" {row['last_sequence']}: read a card that has been at the meter since, and then go on with: wattpurse meter"
        f" resume {number}"
        if stopped
        else "",
    )


def _contracts(statements: Sequence[dict]) -> list[Contract]:
    """Return the contracts of each meter with their dates, as its statements show them."""
    made: list[Contract] = []
    known: dict[int, Contract] = {}
    for row in statements:
        number, name = row["meter"], _contract_name(row["contract"])
        last = known.get(number)
        if last is not None and last.name == name:
            continue
        if last is not None:
            last.until_s = row["time_s"]
        known[number] = Contract(meter_id=number, name=name, from_s=row["time_s"])
        made.append(known[number])
    return [one for one in made if one.name]


def _contract_name(code: int) -> str:
    try:
        return contracts.by_code(code).name
    except ValueError:
        return ""


def _tenants(station: OldStation) -> dict[str, int]:
    """Return the tenant of each card: that of the newest token that was made for a person on it, or the meter's."""
    of_meter = {row["number"]: row["tenant"] for row in station["meters"]}
    tenants = {row["uid"]: of_meter.get(row["meter"], 0) for row in station["cards"]}
    for row in sorted(station["tokens"], key=itemgetter("meter", "sequence")):
        if row["card"] and token.is_personal(row["kind"]):
            tenants[row["card"]] = row["tenant"]
    return tenants


def _card(row: dict, is_key_card: bool, tenants: dict[str, int]) -> Card:
    role = _CUSTOMER if row["meter"] else _KEY_CARD if is_key_card else ""
    return Card(
        uid=row["uid"], name=row["name"], meter_number=row["meter"], role=role, state=ACTIVE, tenant=tenants[row["uid"]]
    )


def _of_meter(row: dict) -> dict:
    """Return the values of a row under the names of the model: the meter is a reference."""
    return {"meter_id" if name == "meter" else name: value for name, value in row.items()}


def _create(model: type[Model], rows: Iterable[Model]) -> None:
    model._default_manager.bulk_create(rows, batch_size=_BATCH)
