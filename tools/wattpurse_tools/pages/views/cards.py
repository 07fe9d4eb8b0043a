"""The pages of cards: the list, one card that is lost, blocked, found or replaced, and new cards."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wattpurse.cards.purse import KINDS
from wattpurse_tools.office import cards as office_cards
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.views.acting import attempt, done, searched

_ACTIONS = {"lost": office_cards.report_lost, "block": office_cards.block, "free": office_cards.free}


class CardForm(forms.Form):
    """A new card for the customer of a meter: a name in the card folder, the kind of card, the meter."""

    name = forms.CharField(label=gettext_lazy("Name of the card"), max_length=64)
    kind = forms.ChoiceField(label=gettext_lazy("Kind of card"), choices=[(kind, kind) for kind in KINDS])
    meter = forms.IntegerField(label=gettext_lazy("Meter"), min_value=1)


@page("cards")
def cards(request: OfficeRequest) -> HttpResponse:
    """Show the list of cards."""
    text, state = searched(request), request.GET.get("show", "")
    names = {"active": _("active"), "lost": _("lost"), "blocked": _("blocked"), "erased": _("erased")}
    content = {
        "found": office_cards.find_cards(text, state, request.GET.get("after") or None),
        "text": text,
        "chosen": state,
        "filters": [("", _("all")), *names.items()],
    }
    return render(request, "pages/office/cards.html", content)


@page("cards")
def card(request: OfficeRequest, uid: str) -> HttpResponse:
    """Show a card with its tokens, and report it lost, block, free or replace it."""
    try:
        known = office_cards.card_of(uid)
    except ValueError as error:
        raise Http404(str(error)) from None
    chosen, reason = request.POST.get("action", ""), request.POST.get("reason", "")
    if chosen in _ACTIONS:
        if done(request, _("Done."), _ACTIONS[chosen], request.office, request.actor, uid, reason):
            return redirect("card", uid)
    elif chosen == "replace":
        moved = attempt(request, office_cards.replace, request.office, request.actor, uid, request.POST.get("name", ""))
        if moved is not None:
            messages.success(request, _("%(count)s tokens are on the new card.") % {"count": moved})
            return redirect("card", uid)
    content = {"card": known, "tokens": office_cards.tokens_on(uid), "tenancy": office_cards.tenancy_of(known)}
    return render(request, "pages/office/card.html", content)


@page("cards")
def new_card(request: OfficeRequest) -> HttpResponse:
    """Make a card for the customer of a meter."""
    form = CardForm(request.POST or None, initial={"meter": request.GET.get("meter")})
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        make, words = office_cards.new_customer_card, _("The card is made.")
        if done(request, words, make, request.office, request.actor, facts["name"], facts["kind"], facts["meter"]):
            return redirect("cards")
    words = _("The card lies in the card folder of the office under this name.")
    content = {"form": form, "title": _("New card"), "button": _("Make"), "words": words}
    return render(request, "pages/form.html", content)
