"""Voids: a sale taken back in its own shift, with the card present; after the Z report by two persons.

The tokens come off the card first and the money goes out after that. In between the sale is in the state VOIDING: a
further try with the card completes it. A card that could not be written has an unknown content: the sale stands and
is owed to the card.
"""

import time

from django.db import transaction

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
from wattpurse_tools.office.sales import sold
from wattpurse_tools.record.models import Meter, Sale, Shift, TariffPlan, Token
from wattpurse_tools.refusals import Failure, Refusal, Words, words_of
from wattpurse_tools.station import order as orders
from wattpurse_tools.station.station import Station

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
    if found.shift is None or found.shift.pk != now.pk:
        document = {"sale": found.pk, "receipt": found.receipt_number, "gross_microunits": found.gross_microunits}
        office.keys.use_approval(actor.ticket, AFTER_Z, document | {"shop": found.shop.number}, approval)
    Station(office.keys, actor).forfeit(found.meter_number, [one.sequence for one in tokens])
    TariffPlan.objects.filter(token__in=tokens).update(token=None)
    found.state = VOIDING
    found.save(update_fields=["state"])
    audit.note(actor, VOIDING, f"sale:{found.pk}", meter=found.meter_number, approval=approval)


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
    if sale.carrier == KEY_CARD:
        raise Refusal(
            "receipt %(receipt)s was loaded on a key card, and a copy of that card could be spent after the"
            " money is paid back: it cannot be voided; the credit stays on the card until it is used",
            receipt=sale.receipt_number,
        )
    if sale.carrier != CARD:
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
