"""The document of a receipt or a report: rows in a language, which the screen and every printer show alike."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import get_language, get_language_bidi, pgettext
from django.utils.translation import gettext as _

from wattpurse_tools.office.sale_types import (
    CASH,
    DAYS,
    DEBT,
    DISPENSE,
    ENERGY,
    FEE,
    FREE,
    MONEY,
    PERMIT,
    REFUND,
    SALE,
    VOID,
    Line,
    Tax,
)
from wattpurse_tools.pages.amount_texts import amount_text, money_text, percent_text, time_text

TITLE = "title"
PLAIN = "plain"
TOTAL = "total"
DIGITS = "digits"
NOTE = "note"
RULE = "rule"


@dataclass(frozen=True)
class Row:
    """A row of a document: a text at the start of the line, and one at its end. `style` is one of this module."""

    start: str
    end: str = ""
    style: str = PLAIN


@dataclass(frozen=True)
class Document:
    """Rows in a language, from right to left if `is_rtl`."""

    rows: tuple[Row, ...]
    language: str
    is_rtl: bool


@dataclass(frozen=True)
class Place:
    """The shop and the till that sell."""

    shop: str
    address: str
    tax_number: str
    time_zone: str
    till: int | None


@dataclass(frozen=True)
class Buyer:
    """The customer, the premises and the meter that a receipt names. `page` is the address of the customer's page."""

    number: int | None
    name: str
    premises: str
    meter: int
    page: str = ""


@dataclass(frozen=True)
class Head:
    """The number of a receipt in its shop, its time and its cashier. `reverses` is the number of one that it undoes."""

    number: int
    time_s: int
    operator: int
    reverses: int | None = None


@dataclass(frozen=True)
class Bill:
    """The lines of a receipt, their sum, and the way to pay."""

    lines: tuple[Line, ...]
    currency: str
    decimals: int
    gross_microunits: int
    payment: str


@dataclass(frozen=True)
class Tokens:
    """The tokens of a sale: `digits` to type, and marks for tokens that are owed to the card or taken back."""

    digits: tuple[str, ...] = ()
    is_owed: bool = False
    is_voided: bool = False


@dataclass(frozen=True)
class Receipt:
    """The facts of a receipt."""

    head: Head
    place: Place
    buyer: Buyer
    bill: Bill
    tokens: Tokens


def receipt_document(receipt: Receipt, is_copy: bool = False) -> Document:
    """Return the document of a receipt. A copy says at its top that it is one."""
    head, bill = receipt.head, receipt.bill
    rows = [
        *_copy_mark(is_copy),
        *_place_rows(receipt.place),
        Row(_title(head), f"{head.number}", TITLE),
        Row(time_text(head.time_s, receipt.place.time_zone), _("Cashier %(number)s") % {"number": head.operator}),
        *_buyer_rows(receipt.buyer),
        Row("", style=RULE),
        *(Row(line_words(line, bill.currency), _money(line.gross_microunits, bill)) for line in bill.lines),
        Row("", style=RULE),
        Row(_("Total"), _money(bill.gross_microunits, bill), TOTAL),
        *_tax_rows(bill),
        Row(_("Paid by"), payment_text(bill.payment)),
    ]
    if head.reverses is None:
        rows += _token_rows(receipt.tokens)
    if receipt.buyer.page:
        rows += [Row(_("Your use and your tokens:"), style=NOTE), Row(receipt.buyer.page, style=NOTE)]
    return document(rows)


def document(rows: Sequence[Row]) -> Document:
    """Return a document of rows in the language in force."""
    return Document(tuple(rows), get_language() or "en", get_language_bidi())


def payment_text(payment: str) -> str:
    """Return the words for a way to pay."""
    known = {
        CASH: _("Cash"),
        "card": _("Bank card"),
        "transfer": _("Bank transfer"),
        "mobile": _("Mobile money"),
        "voucher": _("Voucher"),
    }
    return known.get(payment, payment)


def thing_text(what: str) -> str:
    """Return the words for a line's thing or a receipt's kind, or its own name if it is not known."""
    known = {
        MONEY: _("Credit"),
        ENERGY: _("Electricity"),
        DISPENSE: _("Electricity for some days"),
        DAYS: _("Supply for days"),
        PERMIT: _("Permit for days"),
        FEE: _("Fee"),
        DEBT: _("Debt paid"),
        SALE: _("Sales"),
        VOID: _("Cancellations"),
        FREE: _("Free of charge"),
        REFUND: _("Refunds"),
    }
    return known.get(what, what)


def line_words(line: Line, currency: str) -> str:
    """Return the words of a line: its thing, and its quantity unless that is money."""
    text = thing_text(line.what)
    if line.unit in ("", currency) or not line.quantity:
        return text
    return f"{text}, {amount_text(line.quantity, line.unit, currency)}"


def tax_totals(lines: Sequence[Line]) -> list[tuple[Tax, int, int]]:
    """Return each tax on a receipt with its net and its tax, the highest rate first."""
    totals: dict[Tax, tuple[int, int]] = {}
    for line in lines:
        if line.tax.name or line.tax_microunits:
            net, tax = totals.get(line.tax, (0, 0))
            totals[line.tax] = (net + line.net_microunits, tax + line.tax_microunits)
    return [(tax, *totals[tax]) for tax in sorted(totals, key=lambda tax: (-tax.ppm, tax.name))]


def _copy_mark(is_copy: bool) -> list[Row]:
    return [Row(_("COPY"), style=TITLE)] if is_copy else []


def _place_rows(place: Place) -> list[Row]:
    rows = [Row(place.shop, style=TITLE)]
    if place.address:
        rows.append(Row(place.address))
    if place.tax_number:
        rows.append(Row(_("Tax number"), place.tax_number))
    if place.till is not None:
        rows.append(Row(_("Till"), str(place.till)))
    return rows


def _title(head: Head) -> str:
    if head.reverses is not None:
        return _("Cancellation of receipt %(number)s, receipt") % {"number": head.reverses}
    return pgettext("document", "Receipt")


def _buyer_rows(buyer: Buyer) -> list[Row]:
    rows = []
    if buyer.name:
        rows.append(Row(_("Customer"), buyer.name if buyer.number is None else f"{buyer.number} {buyer.name}"))
    if buyer.premises:
        rows.append(Row(_("Premises"), buyer.premises))
    rows.append(Row(_("Meter"), str(buyer.meter)))
    return rows


def _tax_rows(bill: Bill) -> list[Row]:
    rows = []
    for tax, net, amount in tax_totals(bill.lines):
        words = _("of it %(tax)s %(rate)s on %(net)s")
        names = {"tax": tax.name, "rate": percent_text(tax.ppm), "net": _money(net, bill)}
        rows.append(Row(words % names, _money(amount, bill)))
    return rows


def _token_rows(tokens: Tokens) -> list[Row]:
    if tokens.is_voided:
        return [Row(_("This sale was cancelled."), style=NOTE)]
    rows = [Row(_("Type this on the meter:"), style=NOTE)] if tokens.digits else []
    rows += [Row(digits, style=DIGITS) for digits in tokens.digits]
    if tokens.is_owed:
        rows.append(Row(_("Not on the card yet. Bring the card back to this shop."), style=NOTE))
    return rows


def _money(microunits: int, bill: Bill) -> str:
    return money_text(microunits, bill.currency, bill.decimals)
