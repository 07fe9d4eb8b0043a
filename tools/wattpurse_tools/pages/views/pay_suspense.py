"""The page of payments in suspense: a manager assigns them to meters, or gives them back."""

import time

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _

from wattpurse_tools.headend import refunds
from wattpurse_tools.headend import suspense as actions
from wattpurse_tools.office.paging import Slice
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.views.acting import after, done, searched, whole


@page("manage")
def suspense(request: OfficeRequest) -> HttpResponse:
    """Show the payments that wait, and carry a decision out."""
    if request.method == "POST":
        _decide(request)
        return redirect("pay-suspense")
    return render(request, "pages/pay/suspense.html", {"found": _found(request), "text": searched(request)})


def _found(request: OfficeRequest) -> Slice:
    """Return payments that wait, each with its newest refund and whether its provider can be asked for one."""
    found = actions.waiting(request.actor, searched(request), after(request))
    asked = refunds.requests_of(found.rows)
    for one in found.rows:
        one.refund = asked.get(one.pk)
        one.can_ask = refunds.can_ask(request.office.folder, one)
    return found


def _decide(request: OfficeRequest) -> None:
    now_s = int(time.time())
    payment, text = whole(request.POST.get("payment", "")) or 0, request.POST.get("text", "").strip()[:120]
    what = request.POST.get("what", "")
    if what == "assign":
        words = _("The payment is sold to the meter.")
        done(request, words, actions.assign, request.office, request.actor, payment, whole(text) or 0, now_s)
    elif what == "wallet":
        words = _("The payment is in the wallet.")
        done(request, words, actions.assign_to_wallet, request.actor, payment, whole(text) or 0, now_s)
    elif what == "give back":
        done(request, _("The payment is to go back."), actions.give_back, request.actor, payment, text, now_s)
    elif what == "ask":
        words = _("The provider is asked for the refund.")
        done(request, words, refunds.ask, request.office.folder, request.actor, payment, now_s)
    elif what == "given back":
        done(request, _("The payment went back."), actions.note_given_back, request.actor, payment, text, now_s)
