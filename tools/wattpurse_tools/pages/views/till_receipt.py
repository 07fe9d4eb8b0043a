"""The cashier's pages of receipts: show, print, PDF, and the cancellation of a sale.

A receipt is printed once as the original, from the page that follows its sale. Every later print is marked as a copy,
and is in the audit trail.
"""

from django.db import transaction
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext as _

from boards.host.cards.desfire_chip import KIND as DESFIRE
from wattpurse_tools.office import approvals, audit, sales, voids
from wattpurse_tools.office import sale_types as kinds
from wattpurse_tools.pages.access import OfficeRequest
from wattpurse_tools.pages.amount_texts import money_text, parse_whole, time_text
from wattpurse_tools.pages.desk_readers import reader_at
from wattpurse_tools.pages.receipts.document import Document, receipt_document
from wattpurse_tools.pages.receipts.from_record import SALES, receipt_of
from wattpurse_tools.pages.receipts.pdf import pdf_of
from wattpurse_tools.pages.receipts.printer_bytes import printer_bytes
from wattpurse_tools.pages.refusal_words import in_words
from wattpurse_tools.pages.tills import Place, at_till, in_shift, is_own
from wattpurse_tools.pages.views.till_sale import NEW
from wattpurse_tools.record.models import Approval, Card, Sale
from wattpurse_tools.vault.interface import APPROVED, ApprovalNeeded

_LISTED = 20
_ON_CARDS = (kinds.CARD, kinds.KEY_CARD)
_VOIDABLE = (kinds.SOLD, kinds.WRITTEN, kinds.VOIDING)


@at_till
def receipts(request: OfficeRequest, place: Place) -> HttpResponse:
    """List the newest receipts of the shift, and find one by its number."""
    of_shop = Sale.objects.filter(shop=place.till.shop)
    errors = []
    if request.method == "POST":
        try:
            found = _find(request, place)
        except ValueError as error:
            errors.append(in_words(error))
        else:
            return redirect("till-receipt", found.pk)
    rows = list(of_shop.filter(shift=place.shift).order_by("-receipt_number")[:_LISTED]) if place.shift else []
    for sale in rows:
        sale.text = money_text(sale.gross_microunits, sale.currency, place.decimals)  # type: ignore[attr-defined]
        sale.time_text = time_text(sale.time_s, place.till.shop.time_zone)  # type: ignore[attr-defined]
    values = {"sales": rows, "errors": errors}
    return render(request, "pages/till/receipts.html", values, status=422 if errors else 200)


@at_till
def receipt(request: OfficeRequest, place: Place, number: int) -> HttpResponse:
    """Show a receipt, print it, or write its tokens to the card again."""
    sale = _sale(place, number)
    errors: list[str] = []
    if request.method == "POST":
        try:
            _act(request, place, sale)
        except (ValueError, OSError) as error:
            errors.append(in_words(error))
        else:
            return redirect("till-receipt", number)
    made = sales.sold(sale, request.office, request.actor)
    is_new = request.session.get(NEW) == sale.pk
    values = {
        "sale": sale,
        "slip": _document(request, place, made, not is_new),
        "is_new": is_new,
        "is_owed": _is_owed(sale),
        "may_void": _may_void(request, place, sale),
        "errors": errors,
    }
    return render(request, "pages/till/receipt.html", values, status=422 if errors else 200)


@at_till
def pdf(request: OfficeRequest, place: Place, number: int) -> HttpResponse:
    """Return a receipt as PDF."""
    sale = _sale(place, number)
    is_copy = _take_original(request, sale)
    found = _document(request, place, sales.sold(sale, request.office, request.actor), is_copy)
    return pdf_answer(found, f"receipt-{sale.shop.number}-{sale.receipt_number}.pdf")


@in_shift
def void(request: OfficeRequest, place: Place, number: int) -> HttpResponse:
    """Ask before a sale is cancelled, and cancel it with its card on the reader.

    After the Z report of the sale's shift a second person has to approve it: the first try proposes it.
    """
    sale = _sale(place, number)
    errors: list[str] = []
    if request.method == "POST":
        try:
            made = _void(request, place, sale)
        except ApprovalNeeded as needed:
            errors.append(_propose(request, sale, needed))
        except (ValueError, OSError) as error:
            errors.append(in_words(error))
        else:
            request.session[NEW] = made.sale.pk
            return redirect("till-receipt", made.sale.pk)
    values = {
        "sale": sale,
        "total": money_text(sale.gross_microunits, sale.currency, place.decimals),
        "errors": errors,
    }
    return render(request, "pages/till/void.html", values, status=422 if errors else 200)


def _void(request: OfficeRequest, place: Place, sale: Sale) -> kinds.Sold:
    """Cancel a sale, with the approval that was asked for earlier, if there is one."""
    reader = reader_at(request, place) if sale.carrier in _ON_CARDS else None
    asked = _asked_before(sale)
    approval = None if asked is None else asked.request
    return voids.void(request.office, request.actor, sale, place.open_shift.pk, reader, approval)


def _propose(request: OfficeRequest, sale: Sale, needed: ApprovalNeeded) -> str:
    """Ask a second person for the cancellation, once, and return the words for the cashier."""
    asked = _asked_before(sale)
    if asked is None:
        reason = f"void of receipt {sale.receipt_number} after its Z report"
        asked = approvals.propose(request.office, request.actor, needed, reason)
    words = _("A second person has to approve this (request %(number)s). Then press Enter here again.")
    return words % {"number": asked.request}


def _asked_before(sale: Sale) -> Approval | None:
    """Return the newest request to cancel a sale that was not denied or used yet."""
    rows = Approval.objects.filter(action=voids.AFTER_Z, document__sale=sale.pk)
    return rows.filter(state__in=(approvals.WAITING, APPROVED)).order_by("-pk").first()


def pdf_answer(found: Document, name: str) -> HttpResponse:
    """Return a document as the answer to a request."""
    answer = HttpResponse(pdf_of(found), content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="{name}"'
    return answer


def print_document(place: Place, found: Document) -> None:
    """Print a document at the till. Raise OSError if there is no printer, or if it fails."""
    if not place.desk.has_printer:
        raise OSError(_("This till has no printer. Start the agent at the reader with --printer, or use the PDF."))
    place.desk.print(printer_bytes(found))


def _find(request: OfficeRequest, place: Place) -> Sale:
    typed = request.POST.get("number", "").strip()
    rows = Sale.objects.filter(shop=place.till.shop)
    found = rows.filter(receipt_number=parse_whole(typed)) if typed else rows.filter(shift=place.shift)
    sale = found.order_by("-receipt_number").first()
    if sale is None:
        raise ValueError(_("This shop has no such receipt."))
    return sale


def _sale(place: Place, number: int) -> Sale:
    """Return a sale of the till's shop by its row number."""
    sale = Sale.objects.select_related(*SALES).filter(pk=number, shop=place.till.shop).first()
    if sale is None:
        raise Http404
    return sale


def _act(request: OfficeRequest, place: Place, sale: Sale) -> None:
    """Carry out a key of the receipt's page."""
    if request.POST.get("do") == "write":
        sales.write_owed(request.office, request.actor, reader_at(request, place))
    elif request.POST.get("do") == "print":
        is_copy = request.session.get(NEW) != sale.pk
        print_document(place, _document(request, place, sales.sold(sale, request.office, request.actor), is_copy))
        _take_original(request, sale)


def _take_original(request: OfficeRequest, sale: Sale) -> bool:
    """Note that a receipt is given out. Return True if it was given out before: this one is a copy."""
    is_copy = request.session.get(NEW) != sale.pk
    if is_copy:
        with transaction.atomic():
            audit.note(request.actor, "print again", f"sale:{sale.pk}", receipt=sale.receipt_number)
    else:
        request.session.pop(NEW, None)
    return is_copy


def _document(request: OfficeRequest, place: Place, made: kinds.Sold, is_copy: bool) -> Document:
    """Return the document of a sale, in the shop's language."""
    with translation.override(place.till.shop.language):
        found = receipt_of(made, place.decimals, request.build_absolute_uri("/"))
        return receipt_document(found, is_copy)


def _is_owed(sale: Sale) -> bool:
    return sale.carrier in _ON_CARDS and sale.state == kinds.SOLD


def _may_void(request: OfficeRequest, place: Place, sale: Sale) -> bool:
    """Return True for a sale on a card that is not taken back yet, while the cashier's shift is open."""
    is_sale = sale.kind == kinds.SALE and sale.carrier in _ON_CARDS
    if is_sale and sale.carrier == kinds.KEY_CARD:
        is_sale = Card.objects.filter(pk=sale.card_uid, kind=DESFIRE).exists()
    return is_sale and sale.state in _VOIDABLE and is_own(request, place)
