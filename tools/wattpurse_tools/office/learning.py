"""Facts for the books from cards that were read: voided sales that were redeemed after all, and receipts of meters."""

import time

from django.db import transaction
from django.db.models import CharField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from wattpurse_tools.compiled_queries import CompiledRows
from wattpurse_tools.ledger import chart
from wattpurse_tools.ledger.models import Entry
from wattpurse_tools.ledger.posting import Event, Move, moved, post
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.business_days import utc_day
from wattpurse_tools.office.manager_messages import tell_managers
from wattpurse_tools.office.reader import CardSeen, Reader
from wattpurse_tools.office.sale_types import REDEEMED_AFTER_VOID, VOIDED
from wattpurse_tools.record.models import MeterReceipt, Sale
from wattpurse_tools.station import order as orders

_OFFICE = Actor(0, "")


def _voids_redeemed() -> QuerySet[Sale]:
    """Return the voided sales with a token that was redeemed."""
    return Sale.objects.filter(state=VOIDED, tokens__state=orders.REDEEMED).distinct()


def _not_booked() -> QuerySet[MeterReceipt]:
    """Return the receipts without a doubt that are not in the ledger (see `key_of_receipt`)."""
    parts = (Value("receipt:"), Cast("meter_id", CharField()), Value(":"), Cast("sequence", CharField()))
    rows = MeterReceipt.objects.filter(doubt="").alias(key=Concat(*parts))
    return rows.exclude(Exists(Entry.objects.filter(key=OuterRef("key")))).order_by("pk")


# Each statement that tells news asks these.
_VOIDS_REDEEMED = CompiledRows(Sale, lambda meter: _voids_redeemed().filter(meter_number=meter), 1)
_NOT_BOOKED = CompiledRows(MeterReceipt, lambda meter: _not_booked().filter(meter=meter), -1)


def look(reader: Reader) -> CardSeen:
    """Read the card at a reader, and book its facts."""
    seen = reader.read()
    if seen.meter_number:
        learn(seen.meter_number)
    return seen


def learn(meter_number: int | None = None) -> list[Sale]:
    """Book the new facts about a meter, or about all. Return the sales that were redeemed after their void."""
    found = _redeemed_voids(meter_number)
    _book_receipts(meter_number)
    return found


def moves_of_receipt(receipt: MeterReceipt) -> list[Move]:
    """Return the moves of a receipt, from the meter to its customer. A debt in the meter comes off."""
    meter_number = receipt.meter.number
    giver, taker = chart.meter(meter_number), chart.owed(meter_number)
    moves = moved(giver, taker, receipt.meter.currency, receipt.money - receipt.debt)
    moves += moved(giver, taker, chart.MWH, receipt.energy)
    return moves + moved(giver, taker, chart.SECONDS, receipt.term_s)


def key_of_receipt(receipt: MeterReceipt) -> str:
    """Return the key of a receipt in the ledger."""
    return f"receipt:{receipt.meter.number}:{receipt.sequence}"


def book_receipt(receipt: MeterReceipt) -> None:
    """Book a receipt in the ledger, once."""
    moves = moves_of_receipt(receipt)
    if moves:
        time_s = int(time.time())
        post(key_of_receipt(receipt), "receipt", moves, Event(time_s, utc_day(time_s), f"receipt:{receipt.pk}"))


def _redeemed_voids(meter_number: int | None) -> list[Sale]:
    found = list(_voids_redeemed()) if meter_number is None else _VOIDS_REDEEMED.rows(meter_number)
    for sale in found:
        with transaction.atomic():
            sale.state = REDEEMED_AFTER_VOID
            sale.save(update_fields=["state"])
            words = (
                f"Receipt {sale.receipt_number} of meter {sale.meter_number} was voided and paid back, and the meter"
                " redeemed it after that: the card was copied, or a copy of it was written back."
            )
            tell_managers(f"redeemed after void:{sale.pk}", words, int(time.time()))
            audit.note(_OFFICE, REDEEMED_AFTER_VOID, f"sale:{sale.pk}", meter=sale.meter_number)
    return found


def _book_receipts(meter_number: int | None) -> None:
    """Book the receipts without a doubt. One in doubt is booked when two persons have decided about it."""
    everything = _not_booked().select_related("meter")
    for receipt in list(everything) if meter_number is None else _NOT_BOOKED.rows(meter_number):
        book_receipt(receipt)
