"""Posting: the one way into the ledger. An entry is booked once by its key, and corrected by a reversal alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction

from wattpurse_tools.ledger import accounts
from wattpurse_tools.ledger.models import Entry, Transfer


@dataclass(frozen=True)
class Move:
    """An `amount` above zero of one `unit`, from the account `giver` to the account `taker` (codes of `chart`)."""

    giver: str
    taker: str
    unit: str
    amount: int


@dataclass(frozen=True)
class Event:
    """The circumstances of an entry: time, place and person. `document` names its row, such as "sale:17"."""

    time_s: int
    business_day: date
    document: str = ""
    operator: int = 0
    shop: int = 0
    shift: int = 0
    words: str = ""


def moved(giver: str, taker: str, unit: str, amount: int) -> list[Move]:
    """Return the move of an amount. An amount below zero moves the other way, and zero makes no move."""
    if amount == 0:
        return []
    return [Move(giver, taker, unit, amount) if amount > 0 else Move(taker, giver, unit, -amount)]


def post(key: str, kind: str, moves: Sequence[Move], event: Event) -> Entry:
    """Book an entry and return it. An entry of the same key and moves is returned as it is, booked before.

    Raise ValueError if the key is used for other moves, or if a move is not one.
    """
    with transaction.atomic(savepoint=False):
        return _booked(key, kind, moves) or _post(key, kind, moves, event, None)


def post_new(key: str, kind: str, moves: Sequence[Move], event: Event) -> Entry:
    """Book an entry whose key is new, because the row that it names was made in the same transaction.

    The database refuses a key that is used.
    """
    return _post(key, kind, moves, event, None)


def reverse(entry: Entry, key: str, kind: str, event: Event, instead: Mapping[str, str] | None = None) -> Entry:
    """Book the reversal of an entry and return it: each move back. An entry is reversed once.

    `instead` names an account that takes the place of another one, such as the drawer of today for that of a shift that
    is closed.
    """
    other = instead or {}
    moves = [
        Move(other.get(taker, taker), other.get(giver, giver), unit, amount)
        for giver, taker, unit, amount in _rows(entry)
    ]
    with transaction.atomic(savepoint=False):
        return _booked(key, kind, moves) or _post(key, kind, moves, event, entry)


def moves_of(entry: Entry) -> list[Move]:
    """Return the moves of an entry, in the order they were booked."""
    return [Move(*row) for row in _rows(entry)]


def _booked(key: str, kind: str, moves: Sequence[Move]) -> Entry | None:
    """Return the entry of a key and these moves, or None. Raise ValueError if the key is used for other moves."""
    _refuse(key, moves)
    booked = Entry.objects.filter(key=key).first()
    if booked is not None and (moves_of(booked) != list(moves) or booked.kind != kind):
        raise ValueError(f"{key} is in the ledger with other amounts; a correction needs a key of its own")
    return booked


def _post(key: str, kind: str, moves: Sequence[Move], event: Event, reverses: Entry | None) -> Entry:
    _refuse(key, moves)
    with transaction.atomic(savepoint=False):
        if reverses is not None and Entry.objects.filter(reverses=reverses).exists():
            raise ValueError(f"{reverses.key} is reversed already")
        keys = accounts.keys_of((code, move.unit) for move in moves for code in (move.giver, move.taker))
        entry = Entry(
            key=key,
            kind=kind,
            time_s=event.time_s,
            business_day=event.business_day,
            document=event.document,
            operator=event.operator,
            shop=event.shop,
            shift=event.shift,
            words=event.words,
            reverses=reverses,
        )
        entry.save(force_insert=True)
        Transfer.objects.bulk_create(
            Transfer(
                entry=entry,
                giver_id=keys[move.giver, move.unit],
                taker_id=keys[move.taker, move.unit],
                amount=move.amount,
            )
            for move in moves
        )
    return entry


def _refuse(key: str, moves: Sequence[Move]) -> None:
    if not moves:
        raise ValueError(f"{key}: an entry moves something")
    for move in moves:
        if move.amount <= 0 or move.giver == move.taker:
            raise ValueError(f"{key}: a move has an amount above zero and two accounts, not {move}")


def _rows(entry: Entry) -> Iterable[tuple[str, str, str, int]]:
    return (
        Transfer.objects.filter(entry=entry)
        .order_by("id")
        .values_list("giver__code", "taker__code", "giver__unit", "amount")
    )
