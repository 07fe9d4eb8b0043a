"""The cashier's pages of a shift: the menu, X report, cash count, Z report and bank deposit."""

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET

from wattpurse_tools.office import shifts
from wattpurse_tools.office.shifts import ShiftReport
from wattpurse_tools.pages.access import OfficeRequest
from wattpurse_tools.pages.amount_texts import parse_money
from wattpurse_tools.pages.receipts.document import Document
from wattpurse_tools.pages.receipts.reports import report_document
from wattpurse_tools.pages.refusal_words import in_words
from wattpurse_tools.pages.tills import Place, at_till, in_shift, is_own, to_till
from wattpurse_tools.pages.views.till_receipt import pdf_answer, print_document
from wattpurse_tools.record.models import Shift

NEW_Z = "till_new_z"


@in_shift
@require_GET
def menu(request: OfficeRequest, place: Place) -> HttpResponse:
    """Show the cashier's further work besides selling."""
    return render(request, "pages/till/menu.html", {})


@in_shift
def x(request: OfficeRequest, place: Place) -> HttpResponse:
    """Show or print the X report."""
    report = shifts.x_report(request.office, request.actor, place.open_shift)
    found = _document(place, report)
    return _show_report(request, place, found, {"title": _("X report"), "action": reverse("till-x")})


@at_till
def count(request: OfficeRequest, place: Place) -> HttpResponse:
    """Take the counted cash, then show the expected sum, and close the shift."""
    if not is_own(request, place):
        return to_till(request)
    if place.open_shift.counted_microunits is not None:
        return _show_counted(request, place)
    if request.method != "POST" or "amount" not in request.POST:
        return _show_count(request, place)
    typed = request.POST["amount"]
    if not typed.strip():
        return _show_count(request, place, typed, _("Type the counted sum, 0 for an empty drawer."))
    try:
        counted = parse_money(typed, place.decimals)
        shifts.count_cash(request.office, request.actor, place.open_shift, counted)
    except ValueError as error:
        return _show_count(request, place, typed, in_words(error))
    return redirect("till-count")


@at_till
def z(request: OfficeRequest, place: Place, number: int) -> HttpResponse:
    """Show or print the Z report of a closed shift."""
    shift = _closed(place, number)
    is_copy = request.session.get(NEW_Z) != shift.pk
    found = _document(place, shifts.z_report(shift), is_copy)
    values = {
        "title": _("The shift is closed"),
        "action": reverse("till-z", args=(number,)),
        "pdf": reverse("till-z-pdf", args=(number,)),
    }
    return _show_report(request, place, found, values)


@at_till
@require_GET
def z_pdf(request: OfficeRequest, place: Place, number: int) -> HttpResponse:
    """Return a Z report as PDF."""
    shift = _closed(place, number)
    is_copy = request.session.get(NEW_Z) != shift.pk
    found = _document(place, shifts.z_report(shift), is_copy)
    return pdf_answer(found, f"z-{place.till.shop.number}-{place.till.number}-{shift.z_number}.pdf")


@in_shift
def deposit(request: OfficeRequest, place: Place) -> HttpResponse:
    """Book money that was taken to the bank."""
    fields = {name: request.POST.get(name, "") for name in ("reference", "amount")}
    errors: list[str] = []
    if request.method == "POST":
        try:
            sum_microunits = parse_money(fields["amount"], place.decimals)
            shifts.deposit(request.office, request.actor, place.till.shop, sum_microunits, fields["reference"].strip())
        except ValueError as error:
            errors.append(in_words(error))
        else:
            return redirect("till-menu")
    values = {**fields, "currency": place.currency, "errors": errors}
    return render(request, "pages/till/deposit.html", values, status=422 if errors else 200)


def _show_counted(request: OfficeRequest, place: Place) -> HttpResponse:
    """Show the report of a counted shift, or close it."""
    if request.method == "POST" and request.POST.get("do") == "close":
        closed = shifts.close_shift(request.office, request.actor, place.open_shift).shift
        request.session[NEW_Z] = closed.pk
        return redirect("till-z", closed.pk)
    report = shifts.x_report(request.office, request.actor, place.open_shift)
    values = {"title": _("Counted"), "action": reverse("till-count"), "may_close": True}
    return _show_report(request, place, _document(place, report), values)


def _show_report(request: OfficeRequest, place: Place, found: Document, values: dict) -> HttpResponse:
    """Show a report, after it was printed if the form asks for that."""
    errors = []
    if request.method == "POST" and request.POST.get("do") == "print":
        try:
            print_document(place, found)
        except OSError as error:
            errors.append(in_words(error))
    context = {**values, "slip": found, "errors": errors}
    return render(request, "pages/till/report.html", context, status=422 if errors else 200)


def _show_count(request: OfficeRequest, place: Place, typed: str = "", error: str = "") -> HttpResponse:
    values = {"currency": place.currency, "amount": typed, "errors": [error] if error else []}
    return render(request, "pages/till/count.html", values, status=422 if error else 200)


def _document(place: Place, report: ShiftReport, is_copy: bool = False) -> Document:
    with translation.override(place.till.shop.language):
        return report_document(report, place.decimals, is_copy)


def _closed(place: Place, number: int) -> Shift:
    """Return a closed shift of the till's shop."""
    shift = Shift.objects.filter(pk=number, till__shop=place.till.shop, closed_s__isnull=False).first()
    if shift is None:
        raise Http404
    return shift
