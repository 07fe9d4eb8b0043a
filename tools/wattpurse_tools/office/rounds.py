"""Data rounds: a data card goes out with tokens for meters without a network, and comes home with their statements."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.cards import shop_of
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.paging import Slice, slice_of
from wattpurse_tools.record.models import Card, DataRound
from wattpurse_tools.station.actions import walks
from wattpurse_tools.station.actions.walks import MeterStatement
from wattpurse_tools.station.cards import DATA
from wattpurse_tools.station.station import ACTIVE


@dataclass(frozen=True)
class Loaded:
    """A round that goes out: its row, and the number of tokens on the card."""

    data_round: DataRound
    tokens: int


@dataclass(frozen=True)
class Returned:
    """A round that came home: the statements, and the numbers of the meters that it went to and that told nothing."""

    statements: list[MeterStatement]
    missing: list[int]


def find_rounds(after: int | None = None) -> Slice:
    """Return the rounds, the newest first."""
    return slice_of(DataRound.objects.all(), "id", after, falling=True)


def data_cards() -> list[Card]:
    """Return the data cards in use, by name."""
    return list(Card.objects.filter(role=DATA, state=ACTIVE).order_by("name", "uid"))


def new_card(office: Office, actor: Actor, name: str, kind: str, statements: str) -> int:
    """Make a data card. Return the number of meters that it has room for."""
    actor.require("cards")
    room = walks.new(shop_of(office, actor), name, kind, statements)
    with transaction.atomic():
        audit.note(actor, "card new", f"card:{_card(name).uid}", name=name, role=DATA, meters=room)
    return room


def load(office: Office, actor: Actor, name: str, meters: Sequence[int]) -> Loaded:
    """Load a data card with the tokens of meters that are on no card, and begin a round."""
    actor.require("cards")
    if not meters:
        raise ValueError("write the numbers of the meters on the round")
    tokens = walks.load(shop_of(office, actor), name, list(meters))
    with transaction.atomic():
        card = _card(name)
        began = DataRound.objects.create(card_uid=card.uid, loaded_s=int(time.time()), meters=list(meters))
        audit.note(actor, "round begin", f"round:{began.pk}", card=name, meters=len(meters), tokens=len(tokens))
    return Loaded(began, len(tokens))


def read(office: Office, actor: Actor, name: str) -> Returned:
    """Record the statements on a data card, and end its round."""
    actor.require("cards")
    told = walks.read(shop_of(office, actor), name)
    good = {one.meter for one in told if one.statement is not None}
    with transaction.atomic():
        card = _card(name)
        open_rounds = DataRound.objects.select_for_update().filter(card_uid=card.uid, read_s=None)
        went = sorted({number for one in open_rounds for number in one.meters})
        for one in open_rounds:
            one.read_s = int(time.time())
            one.statements = len(good & set(one.meters))
            one.save(update_fields=["read_s", "statements"])
        audit.note(actor, "round end", f"card:{card.uid}", statements=len(good), unreadable=len(told) - len(good))
    return Returned(told, [number for number in went if number not in good])


def _card(name: str) -> Card:
    found = Card.objects.filter(name=name, role=DATA).order_by("-issued_s").first()
    if found is None:
        raise ValueError(f"card {name} is no data card of this office; make one first")
    return found
