"""The page of bank statements: a manager uploads a file, and sees what became of each entry."""

import contextlib
import time

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from wattpurse_tools.headend import payments
from wattpurse_tools.headend.providers import bank_files
from wattpurse_tools.headend.providers.bank import Imported
from wattpurse_tools.office.actor import NotPermitted
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.refusal_words import in_words
from wattpurse_tools.pages.views.acting import uploaded
from wattpurse_tools.record.models import Payment
from wattpurse_tools.station.currencies import site_currency
from wattpurse_tools.vault.interface import SignOnNeeded

_AT_ONCE = 50
_LEFT_OUT_SHOWN = 50


@page("manage")
def bank_statement(request: OfficeRequest) -> HttpResponse:
    """Show the form, or take a statement and show its entries with their outcome."""
    content: dict[str, object] = {
        "banks": bank_files.banks(request.office.folder),
        "formats": bank_files.FORMATS,
        "bank": request.POST.get("bank", ""),
        "format": request.POST.get("format", ""),
        "decimals": site_currency().decimals,
    }
    if request.method == "POST":
        try:
            taken = _taken(request)
        except ValueError as error:
            content["trouble"] = in_words(error)
        else:
            content |= _result(request, taken)
    return render(request, "pages/pay/bank.html", content)


def _taken(request: OfficeRequest) -> Imported:
    data = uploaded(request, "file", bank_files.SIZE_LIMIT)
    if not data:
        raise ValueError(_("The file is empty. Choose the statement as the bank gave it."))
    bank, kind = request.POST.get("bank", ""), request.POST.get("format", "")
    return bank_files.take(request.office.folder, bank, kind, data, int(time.time()))


def _result(request: OfficeRequest, taken: Imported) -> dict[str, object]:
    """Return the content of the result.

    The first new entries are sold now if the person may sell. The payment worker does the rest, and those that the
    vault lets nobody sell from this page.
    """
    now_s = int(time.time())
    if "sell" in request.actor.rights:
        Payment.objects.bulk_create([Payment(notice_id=key) for key in taken.notices], ignore_conflicts=True)
        with contextlib.suppress(NotPermitted, SignOnNeeded):
            for key in taken.notices[:_AT_ONCE]:
                payments.work_on(request.office, request.actor, key, now_s)
    rows = Payment.objects.filter(pk__in=taken.notices).select_related("notice", "sale").order_by("pk")
    states = [one.state for one in rows]
    return {
        "taken": taken,
        "rows": rows,
        "sold": states.count(payments.SOLD),
        "suspense": states.count(payments.SUSPENSE),
        "waiting": len(taken.notices) - len(states) + states.count(payments.NEW),
        "left_out": taken.left_out[:_LEFT_OUT_SHOWN],
    }
