"""Receipts: the rows of sales with their lines, under the next number of the shop. A shop's numbers have no gaps."""

from collections.abc import Sequence
from dataclasses import dataclass

from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.business_days import business_day
from wattpurse_tools.office.sale_types import Line, Tax
from wattpurse_tools.record.models import Sale, SaleLine, Shift, Shop, Tenancy


@dataclass(frozen=True)
class Paper:
    """The head of a receipt: the caller's key, the kind and state, the way to pay and its currency."""

    client_key: str
    kind: str
    state: str
    currency: str
    payment_type: str
    request_hash: str = ""
    reverses: Sale | None = None


@dataclass(frozen=True)
class Buyer:
    """The buyer on a receipt: the tenancy or None, the meter's number or 0, the card's UID or "", and the carrier."""

    tenancy: Tenancy | None
    meter_number: int
    card: str
    carrier: str


def write_receipt(
    shop: Shop, shift: Shift | None, actor: Actor, time_s: int, paper: Paper, buyer: Buyer, lines: Sequence[Line]
) -> Sale:
    """Add a sale with the next receipt number of a locked shop, and its lines. The caller opened the transaction.

    A sale of a dispensing unit is in no shift.
    """
    shop.last_receipt += 1
    shop.save(update_fields=["last_receipt"])
    sale = Sale(
        shop=shop,
        till=None if shift is None else shift.till,
        shift=shift,
        receipt_number=shop.last_receipt,
        client_key=paper.client_key,
        kind=paper.kind,
        state=paper.state,
        time_s=time_s,
        business_day=business_day(shop, time_s),
        operator=actor.operator,
        customer=None if buyer.tenancy is None else buyer.tenancy.customer,
        tenancy=buyer.tenancy,
        meter_number=buyer.meter_number,
        card_uid=buyer.card,
        carrier=buyer.carrier,
        currency=paper.currency,
        gross_microunits=sum(line.gross_microunits for line in lines),
        tax_microunits=sum(line.tax_microunits for line in lines),
        payment_type=paper.payment_type,
        reverses=paper.reverses,
        request_hash=paper.request_hash,
    )
    sale.save(force_insert=True)
    SaleLine.objects.bulk_create([_row(sale, line) for line in lines])
    return sale


def lines_of(sale: Sale) -> tuple[Line, ...]:
    """Return the lines of a receipt."""
    rows = SaleLine.objects.filter(sale=sale).order_by("pk")
    return tuple(
        Line(
            row.what,
            row.text,
            row.quantity,
            row.unit,
            row.net_microunits,
            row.gross_microunits,
            Tax(row.tax_name, row.tax_ppm),
        )
        for row in rows
    )


def negated(lines: Sequence[Line]) -> tuple[Line, ...]:
    """Return the lines of a reversal."""
    return tuple(
        Line(
            line.what,
            line.text,
            -line.quantity,
            line.unit,
            -line.net_microunits,
            -line.gross_microunits,
            line.tax,
        )
        for line in lines
    )


def _row(sale: Sale, line: Line) -> SaleLine:
    return SaleLine(
        sale=sale,
        what=line.what,
        text=line.text,
        quantity=line.quantity,
        unit=line.unit,
        net_microunits=line.net_microunits,
        tax_ppm=line.tax.ppm,
        tax_name=line.tax.name,
        tax_microunits=line.tax_microunits,
        gross_microunits=line.gross_microunits,
    )
