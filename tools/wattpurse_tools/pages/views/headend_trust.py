"""The page of trust proposals: each with the facts of the payment history. A manager accepts or denies."""

import time

from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from wattpurse_tools.headend import trust as headend_trust
from wattpurse_tools.office.paging import slice_of
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.views.acting import after, done, whole
from wattpurse_tools.pages.views.headend_frame import show
from wattpurse_tools.record.models import Site, TrustProposal

_MONEY = "_microunits"


@page("order", "manage")
def trust(request: OfficeRequest) -> HttpResponse:
    """Show the proposals that wait, or the decided ones, and decide one."""
    if request.method == "POST":
        _decide(request, int(time.time()))
        return redirect("trust")
    is_decided = request.GET.get("decided") == "1"
    rows = TrustProposal.objects.select_related("tenancy__customer", "tenancy__premises")
    rows = rows.exclude(state="waiting") if is_decided else rows.filter(state="waiting")
    found = slice_of(rows, "id", after(request), falling=is_decided)
    content = {
        "found": found,
        "facts": [(one, facts_of(one)) for one in found.rows],
        "is_decided": is_decided,
        "site": Site.objects.get(),
        "may_change": "manage" in request.actor.rights,
    }
    return show(request, "trust.html", content)


def facts_of(one: TrustProposal) -> list[tuple[str, int, bool]]:
    """Return the facts of a proposal: name, value, and True for money."""
    words = {
        "months": _("months since the first payment"),
        "payments": _("payments"),
        "late_days": _("days below the limit"),
        "mean_month_microunits": _("mean payment of a month"),
        "debt_microunits": _("debt"),
        "limit_microunits": _("present limit"),
        "deposit_microunits": _("present deposit"),
    }
    return [(words.get(name) or name, value, name.endswith(_MONEY)) for name, value in one.facts.items()]


def _decide(request: OfficeRequest, now_s: int) -> None:
    proposal = TrustProposal.objects.filter(pk=whole(request.POST.get("proposal", "")) or 0).first()
    decision = request.POST.get("do")
    if proposal is None or decision not in ("accept", "deny"):
        return
    is_accepted = decision == "accept"
    words = _("The proposal is accepted.") if is_accepted else _("The proposal is denied.")
    done(request, words, headend_trust.decide, request.office, request.actor, proposal, is_accepted, now_s)
