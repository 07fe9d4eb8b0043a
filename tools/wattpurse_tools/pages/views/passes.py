"""The page of passes: the cards of technicians and of operators, and new ones.

A pass for another operator needs a second person. The first try proposes it with its reason; after the approval the
same form makes the card with the number of the request.
"""

from datetime import date

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wattpurse.cards.purse import KINDS
from wattpurse_tools.office import cards as office_cards
from wattpurse_tools.office import meters
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.views.acting import attempt, done_by_two
from wattpurse_tools.station.cards import OPERATOR, SERVICE

_SHOWN = 100


class PassForm(forms.Form):
    """A card of a person, valid until the end of a day."""

    name = forms.CharField(label=gettext_lazy("Name of the card"), max_length=64)
    kind = forms.ChoiceField(label=gettext_lazy("Kind of card"), choices=[(kind, kind) for kind in KINDS])
    person = forms.IntegerField(label=gettext_lazy("Number of the person"), min_value=0)
    until = forms.DateField(label=gettext_lazy("Valid until"), widget=forms.DateInput(attrs={"type": "date"}))


class ServicePassForm(PassForm):
    """A technician's card, and the meters that it opens."""

    meters = forms.CharField(
        label=gettext_lazy("Meters (empty: all)"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )


class OperatorPassForm(PassForm):
    """An operator's card, with the reason for a second person and the number of the approved request."""

    reason = forms.CharField(label=gettext_lazy("Reason, for the second person"), max_length=400, required=False)
    approval = forms.CharField(label=gettext_lazy("Approved request"), max_length=64, required=False)


@page("cards")
def passes(request: OfficeRequest) -> HttpResponse:
    """Show the cards of technicians and operators, and make new ones."""
    service = ServicePassForm(_sent(request, SERVICE), prefix=SERVICE)
    operator = OperatorPassForm(_sent(request, OPERATOR), prefix=OPERATOR)
    if service.is_bound and service.is_valid() and _make_service(request, service):
        return redirect("passes")
    if operator.is_bound and operator.is_valid() and _make_operator(request, operator):
        return redirect("passes")
    content = {
        "service": service,
        "operator": operator,
        "service_cards": office_cards.passes(SERVICE)[:_SHOWN],
        "operator_cards": office_cards.passes(OPERATOR)[:_SHOWN],
    }
    return render(request, "pages/office/passes.html", content)


def _sent(request: OfficeRequest, name: str) -> dict | None:
    return request.POST.dict() if request.POST.get("make") == name else None


def _make_service(request: OfficeRequest, form: ServicePassForm) -> bool:
    facts = form.cleaned_data
    chosen = attempt(request, meters.meters_of_choice, "", "", facts["meters"]) if facts["meters"].strip() else []
    if chosen is None:
        return False
    person, until = facts["person"], facts["until"]
    opened = attempt(request, _service_pass, request, facts["name"], facts["kind"], person, until, chosen)
    if opened is not None:
        messages.success(request, _("The card opens %(count)s meters.") % {"count": len(opened)})
    return opened is not None


def _service_pass(
    request: OfficeRequest, name: str, kind: str, person: int, until: date, chosen: list[int]
) -> list[int]:
    return office_cards.new_service_pass(request.office, request.actor, name, kind, person, until, chosen)


def _make_operator(request: OfficeRequest, form: OperatorPassForm) -> bool:
    facts = form.cleaned_data
    made = (facts["name"], facts["kind"], facts["person"], facts["until"], facts["approval"] or None)
    make, words = office_cards.new_operator_pass, _("The card is made.")
    return done_by_two(request, words, facts["reason"], make, request.office, request.actor, *made)
