"""Cards of all roles: make one, report one lost, block and free one, replace one. A card's history stays.

The cards lie in the card folder of the office, by their names. A card that is lost or blocked is sold nothing. Tokens
on a lost card go to the card that replaces it.
"""

from collections.abc import Sequence
from datetime import date

from django.db import transaction
from django.db.models import Q, QuerySet

from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.paging import Slice, slice_of
from wattpurse_tools.record.models import Card, Customer, Tenancy, Token
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.actions import cards as station_cards
from wattpurse_tools.station.cards import SERVICE
from wattpurse_tools.station.shop import Shop, open_shop
from wattpurse_tools.station.station import ACTIVE, BLOCKED, ERASED, LOST

STATES = (ACTIVE, LOST, BLOCKED, ERASED)

_UID_DIGITS = (8, 14, 20)


def shop_of(office: Office, actor: Actor) -> Shop:
    """Return the station's work on the card folder of the office, in the name of a person."""
    return open_shop(office.keys, office.folder.cards, person=actor)


def find_cards(text: str = "", state: str = "", after: str | None = None) -> Slice:
    """Return cards by UID. `text` is a UID, a meter's number, or the begin of a card's or a customer's name."""
    cards = Card.objects.all()
    if state in STATES:
        cards = cards.filter(state=state)
    if text:
        cards = cards.filter(_fits(text))
    return slice_of(cards, "uid", after)


def passes(role: str = SERVICE) -> QuerySet[Card]:
    """Return the cards of a role, the newest first."""
    return Card.objects.filter(role=role).order_by("-issued_s", "uid")


def card_of(uid: str) -> Card:
    """Return a card by its UID. Raise ValueError if it is not in the record."""
    found = Card.objects.filter(uid=uid).first()
    if found is None:
        raise ValueError(f"there is no card {uid} in the record; read it at the desk")
    return found


def tokens_on(uid: str) -> list[Token]:
    """Return the tokens that are on a card or owed to it, the oldest first."""
    return list(Token.objects.filter(card=uid, state__in=orders.OUTSTANDING).select_related("meter").order_by("id"))


def tenancy_of(card: Card) -> Tenancy | None:
    """Return the open tenancy at the meter of a card, or None."""
    rows = Tenancy.objects.filter(meter_number=card.meter_number, until_s=None)
    return rows.select_related("customer", "premises").first()


def report_lost(office: Office, actor: Actor, uid: str, reason: str) -> Card:
    """Note that a card is lost: it is sold nothing from now on."""
    return _set_state(actor, uid, LOST, (ACTIVE, BLOCKED), reason)


def block(office: Office, actor: Actor, uid: str, reason: str) -> Card:
    """Block a card: it is sold nothing until it is free again."""
    return _set_state(actor, uid, BLOCKED, (ACTIVE,), reason)


def free(office: Office, actor: Actor, uid: str, reason: str) -> Card:
    """Free a card that was blocked, or that was found again. A lost card that was replaced stays lost."""
    card = card_of(uid)
    alike = Card.objects.filter(meter_number=card.meter_number, role=card.role, state=ACTIVE)
    newer = alike.filter(issued_s__gt=card.issued_s)
    if card.state == LOST and card.meter_number and newer.exists():
        raise ValueError(f"card {card.name} is replaced by card {newer[0].name}; erase it, and use it anew")
    return _set_state(actor, uid, ACTIVE, (BLOCKED, LOST), reason)


def replace(office: Office, actor: Actor, lost_uid: str, name: str) -> int:
    """Move the tokens of a lost card to the card `name` in the card folder. Return their number."""
    actor.require("cards")
    lost = card_of(lost_uid)
    if lost.state not in (LOST, BLOCKED):
        raise ValueError(f"card {lost.name} is {lost.state}; report it lost before you replace it")
    moved = station_cards.replace(shop_of(office, actor), lost.name, name)
    with transaction.atomic():
        audit.note(actor, "card replace", f"card:{lost_uid}", by=name, tokens=len(moved))
    return len(moved)


def new_customer_card(office: Office, actor: Actor, name: str, kind: str, meter_number: int) -> None:
    """Make a card for the customer of a meter that is in the record."""
    actor.require("cards")
    shop = shop_of(office, actor)
    shop.station.known_meter(meter_number)
    station_cards.new_customer_card(shop, name, kind, meter_number)
    _note_new(actor, name, "customer", meter=meter_number)


def new_service_pass(
    office: Office, actor: Actor, name: str, kind: str, technician: int, last_day: date, meters: Sequence[int]
) -> list[int]:
    """Make a technician's card, valid until the end of a day (UTC). Return the meters that it opens."""
    actor.require("cards")
    opened = station_cards.new_technician_card(shop_of(office, actor), name, kind, technician, last_day, meters)
    _note_new(actor, name, "service", technician=technician, until=str(last_day), meters=len(opened))
    return opened


def new_operator_pass(
    office: Office, actor: Actor, name: str, kind: str, operator: int, last_day: date, approval: str | None = None
) -> None:
    """Make an operator's card, valid until the end of a day (UTC). The vault asks a second person for it."""
    actor.require("cards")
    station_cards.new_operator_card(shop_of(office, actor), name, kind, operator, last_day, approval)
    _note_new(actor, name, "operator", operator=operator, until=str(last_day))


def _set_state(actor: Actor, uid: str, state: str, before: tuple[str, ...], reason: str) -> Card:
    actor.require("cards")
    if not reason.strip():
        raise ValueError("write the reason, such as a call of the customer, and its time")
    with transaction.atomic():
        card = Card.objects.select_for_update().filter(uid=uid).first() or card_of(uid)
        if card.state not in before:
            raise ValueError(f"card {card.name} is {card.state} already")
        was, card.state = card.state, state
        card.save(update_fields=["state"])
        audit.note(actor, f"card {state}", f"card:{uid}", was=was, reason=reason)
    return card


def _note_new(actor: Actor, name: str, role: str, **detail: object) -> None:
    with transaction.atomic():
        card = Card.objects.filter(name=name, state=ACTIVE).order_by("-issued_s").first()
        audit.note(actor, "card new", f"card:{'' if card is None else card.uid}", name=name, role=role, **detail)


def _fits(text: str) -> Q:
    fits = Q(name__istartswith=text)
    if text.isdecimal() and len(text) < 11:
        fits |= Q(meter_number=int(text))
    if len(text) in _UID_DIGITS and not set(text.lower()) - set("0123456789abcdef"):
        fits |= Q(uid=text.lower())
    named = Customer.objects.filter(name__istartswith=text)
    there = Tenancy.objects.filter(until_s=None, customer__in=named).values("meter_number")
    return fits | Q(meter_number__in=there)
