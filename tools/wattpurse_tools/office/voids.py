"""Voids: a sale taken back in its own shift, with the card present; after the Z report by two persons.

The tokens come off the card first and the money goes out after that. In between the sale is in the state VOIDING: a
further try with the card completes it. A card that could not be written has an unknown content: the sale stands and
is owed to the card.

A sale on a DESFire key card is taken back by a debit of its amount, and by a mark of the sale in the same commit.
After a failure the sale stays in the state VOIDING, because only the card knows whether the money was taken. A further
try asks the card, takes the amount if the mark is missing, and pays once. If the money was used meanwhile, the sale
stands.
"""

import hashlib
import time

from django.db import transaction

from boards.host.cards.desfire_chip import KIND as DESFIRE
from wattpurse_tools.ledger import chart
from wattpurse_tools.ledger.models import Entry
from wattpurse_tools.ledger.posting import reverse
from wattpurse_tools.office import audit, books, learning, shifts
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.reader import CardSeen, Reader
from wattpurse_tools.office.receipts import Buyer, Paper, lines_of, negated, write_receipt
from wattpurse_tools.office.sale_types import (
    CARD,
    DISPENSER_SALES,
    KEY_CARD,
    SALE,
    SOLD,
    VOID,
    VOIDED,
    VOIDING,
    WRITTEN,
    Sold,
)
from wattpurse_tools.office.sales import sold, write_owed
from wattpurse_tools.record.models import KeyCard, KeyCardSale, Meter, Sale, Shift, TariffPlan, Token
from wattpurse_tools.refusals import Failure, Money, Refusal, Words, words_of
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.currencies import site_currency
from wattpurse_tools.station.key_card_vending import NotTakenBack
from wattpurse_tools.station.station import Station
from wattpurse_tools.vault.interface import VOID_MARK_SIZE

AFTER_Z = "void after the shift is closed"


def void(
    office: Office,
    actor: Actor,
    sale: Sale,
    shift: int,
    reader: Reader | None,
    approval: str | None = None,
) -> Sold:
    """Take a sale back: the tokens off the card, the entry reversed, the money out of the drawer. Return the reversal.

    The card has to be at the reader with the tokens on it, unredeemed by its newest statement. After the Z report of
    the sale's shift, `shift` is another one, and the vault wants a second person. Right: sell. The same void again is
    the same reversal. Raise OSError if the card could not be written: the sale stands, owed to the card.
    """
    now = shifts.shift_of(actor, shift)
    done = Sale.objects.select_related("shop").filter(reverses=sale).first()
    if done is not None:
        return sold(done)
    _refuse_kind(sale)
    if reader is None:
        raise Refusal("a void needs the card at the reader, with the tokens on it")
    shifts.refuse_selling(actor, now)
    if sale.carrier == KEY_CARD:
        return _void_key_card(office, actor, sale, now, reader, approval)
    seen = learning.look(reader)
    with transaction.atomic():
        _begin(office, actor, sale, now, seen, approval)
    try:
        reader.write()
        still = reader.read().content.on_card & set(_numbers(sale))
        if still:
            raise Failure("the tokens are still on the card")
    except (OSError, ValueError) as error:
        with transaction.atomic():
            _abandon(actor, sale)
        raise Failure(
            "not voided: %(reason)s; the sale stands, and is written to the card at its next read",
            reason=words_of(error),
        ) from error
    with transaction.atomic():
        return _finish(actor, sale, now)


def _begin(office: Office, actor: Actor, sale: Sale, now: Shift, seen: CardSeen, approval: str | None) -> None:
    """Forfeit the tokens and note that the void began. Raise ValueError, with no change, if it is refused."""
    Meter.objects.select_for_update().get(number=sale.meter_number)
    found = Sale.objects.select_for_update(of=("self",)).select_related("shop", "shift").get(pk=sale.pk)
    _refuse(found, now)
    _refuse_card(found, seen)
    if found.state == VOIDING:
        return
    tokens = list(Token.objects.filter(sale=found).order_by("sequence"))
    for one in tokens:
        if one.state == orders.REDEEMED or one.sequence in seen.content.redeemed:
            raise Refusal("the meter has redeemed it already: it cannot be voided; a refund takes credit back")
        if one.state not in orders.OUTSTANDING:
            raise Refusal("its token is %(state)s in the record; it cannot be voided", state=Words(one.state))
        if one.sequence not in seen.content.on_card and found.state != SOLD:
            raise Refusal("the tokens are not on this card any more; the sale cannot be voided")
    _use_approval(office, actor, found, now, approval)
    Station(office.keys, actor).forfeit(found.meter_number, [one.sequence for one in tokens])
    TariffPlan.objects.filter(token__in=tokens).update(token=None)
    _note_begun(actor, found, approval)


def _use_approval(office: Office, actor: Actor, found: Sale, now: Shift, approval: str | None) -> None:
    """Use up the approval of a second person after the Z report of the sale's shift."""
    if found.shift is None or found.shift.pk != now.pk:
        document = {"sale": found.pk, "receipt": found.receipt_number, "gross_microunits": found.gross_microunits}
        office.keys.use_approval(actor.ticket, AFTER_Z, document | {"shop": found.shop.number}, approval)


def _note_begun(actor: Actor, found: Sale, approval: str | None) -> None:
    found.state = VOIDING
    found.save(update_fields=["state"])
    audit.note(actor, VOIDING, f"sale:{found.pk}", meter=found.meter_number, approval=approval)


def _void_key_card(office: Office, actor: Actor, sale: Sale, now: Shift, reader: Reader, approval: str | None) -> Sold:
    """Take the amount of a sale off a DESFire key card, and pay it back."""
    seen = learning.look(reader)
    if seen.uid == sale.card_uid and seen.kind == DESFIRE and sale.state == SOLD:
        write_owed(office, actor, reader)  # the other sales of the card would be short of this one
    with transaction.atomic():
        is_first = _begin_key_card(office, actor, sale, now, seen, approval)
    amount = KeyCardSale.objects.get(sale=sale).amount
    try:
        reader.take_back(_mark_of(sale), amount, is_first)
    except NotTakenBack as error:
        with transaction.atomic():
            _let_stand(actor, sale)
        raise Refusal("not voided: %(reason)s; the sale stands", reason=words_of(error)) from error
    except (OSError, ValueError) as error:
        raise Failure(
            "not voided yet: %(reason)s; put the card on the reader and void the sale again: the card tells whether the"
            " money is on it, and it is paid back once",
            reason=words_of(error),
        ) from error
    with transaction.atomic():
        return _finish(actor, sale, now)


def _begin_key_card(office: Office, actor: Actor, sale: Sale, now: Shift, seen: CardSeen, approval: str | None) -> bool:
    """Note that the void began. Return False if it began before. Raise ValueError, with no change, if it is refused."""
    row = KeyCard.objects.select_for_update().filter(pk=sale.card_uid).first()
    found = Sale.objects.select_for_update(of=("self",)).select_related("shop", "shift").get(pk=sale.pk)
    _refuse(found, now)
    _refuse_card(found, seen)
    _refuse_memory_card(found, seen)
    if found.state == VOIDING:
        return False
    begun = Sale.objects.filter(card_uid=found.card_uid, carrier=KEY_CARD, state=VOIDING).first()
    if begun is not None:
        raise Refusal(
            "the void of receipt %(receipt)s on this card is not complete; complete that first",
            receipt=begun.receipt_number,
        )
    amount = KeyCardSale.objects.get(sale=found).amount
    if row is None or row.loaded - row.spent < amount:
        left = 0 if row is None else max(0, row.loaded - row.spent)
        raise Refusal(
            "the sale loaded %(amount)s, and %(left)s are left on the card: the rest is used, and the sale cannot be"
            " voided",
            amount=Money(amount, site_currency()),
            left=Money(left, site_currency()),
        )
    _use_approval(office, actor, found, now, approval)
    _note_begun(actor, found, approval)
    return True


def _refuse_memory_card(sale: Sale, seen: CardSeen) -> None:
    """Raise ValueError for a key card that can be copied, and for one with a flaw."""
    if seen.kind != DESFIRE:
        raise Refusal(
            "receipt %(receipt)s was loaded on a key card, and a copy of that card could be spent after the"
            " money is paid back: it cannot be voided; the credit stays on the card until it is used",
            receipt=sale.receipt_number,
        )
    if seen.trouble:
        raise Refusal(seen.trouble)


def _mark_of(sale: Sale) -> bytes:
    """Return the bytes by which a card knows a sale, also after a record with other sales was restored."""
    return hashlib.sha256(f"{sale.pk}:{sale.client_key}:{sale.time_s}".encode()).digest()[:VOID_MARK_SIZE]


def _let_stand(actor: Actor, sale: Sale) -> None:
    """Let the sale stand: the card proves that its money was not taken."""
    if Sale.objects.filter(pk=sale.pk, state=VOIDING).update(state=WRITTEN):
        audit.note(actor, "void abandoned", f"sale:{sale.pk}")


def _refuse_kind(sale: Sale) -> None:
    """Raise ValueError for a receipt that is never voided."""
    if sale.client_key.startswith(DISPENSER_SALES):
        raise Refusal(
            "receipt %(receipt)s was sold by a dispensing unit; a refund takes credit back", receipt=sale.receipt_number
        )
    if sale.kind != SALE:
        raise Refusal(
            "receipt %(receipt)s is a %(kind)s; only a sale can be voided",
            receipt=sale.receipt_number,
            kind=Words(sale.kind),
        )
    if sale.carrier not in (CARD, KEY_CARD):
        raise Refusal(
            "receipt %(receipt)s was sold by %(carrier)s: nobody can prove that it is not used; take the"
            " credit out of the meter by a refund",
            receipt=sale.receipt_number,
            carrier=Words(sale.carrier),
        )


def _refuse(sale: Sale, now: Shift) -> None:
    """Raise ValueError if a sale is not voided now, or not in this shift."""
    if sale.state not in (SOLD, WRITTEN, VOIDING):
        raise Refusal("receipt %(receipt)s is %(state)s already", receipt=sale.receipt_number, state=Words(sale.state))
    if sale.shop.pk != now.till.shop.pk:
        raise Refusal(
            "receipt %(receipt)s was sold in shop %(shop)s; void it there",
            receipt=sale.receipt_number,
            shop=sale.shop.number,
        )
    if sale.shift is not None and sale.shift.pk != now.pk and sale.shift.closed_s is None:
        raise Refusal("it was sold in another shift that is open; void it there")


def _refuse_card(sale: Sale, seen: CardSeen) -> None:
    if seen.uid != sale.card_uid:
        raise Refusal("this is not the card that it was sold for; put that card on the reader")


def _abandon(actor: Actor, sale: Sale) -> None:
    """Let the sale stand: the tokens are owed to the card again."""
    Token.objects.filter(sale=sale, state=orders.FORFEITED).update(state=orders.ISSUED)
    Sale.objects.filter(pk=sale.pk, state=VOIDING).update(state=SOLD)
    audit.note(actor, "void abandoned", f"sale:{sale.pk}")


def _finish(actor: Actor, sale: Sale, now: Shift) -> Sold:
    """Write the reversal and pay the money out of the drawer of the shift."""
    if sale.carrier == KEY_CARD:
        KeyCard.objects.select_for_update().get(pk=sale.card_uid)
    else:
        Meter.objects.select_for_update().get(number=sale.meter_number)
    now = shifts.selling_shift(actor, now.pk, is_locked=True)
    shop = now.till.shop
    done = Sale.objects.select_related("shop").filter(reverses=sale).first()
    if done is not None:
        return sold(done)
    found = Sale.objects.select_related("shop", "shift", "tenancy__customer").get(pk=sale.pk)
    found.state = VOIDED
    found.save(update_fields=["state"])
    lines = negated(lines_of(found))
    paper = Paper(f"void:{found.pk}", VOID, VOIDED, found.currency, found.payment_type, reverses=found)
    buyer = Buyer(found.tenancy, found.meter_number, found.card_uid, found.carrier)
    reversal = write_receipt(shop, now, actor, int(time.time()), paper, buyer, lines)
    drawers = {
        chart.drawer(shop.number, 0 if found.shift is None else found.shift.pk): chart.drawer(shop.number, now.pk)
    }
    entry = Entry.objects.get(key=f"sale:{found.pk}")
    reverse(entry, f"void:{found.pk}", VOID, books.event_of(reversal), drawers)
    audit.note(actor, VOID, f"sale:{found.pk}", reversal=reversal.pk, gross=found.gross_microunits, shop=shop.number)
    return Sold(reversal, (), lines=lines)


def _numbers(sale: Sale) -> list[int]:
    return list(Token.objects.filter(sale=sale).values_list("sequence", flat=True))
