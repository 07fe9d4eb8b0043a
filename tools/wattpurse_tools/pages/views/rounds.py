"""The page of data rounds: data cards, a round that goes out with tokens, and one that comes home with statements."""

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wattpurse.cards.purse import KINDS
from wattpurse_tools.office import meters
from wattpurse_tools.office import rounds as office_rounds
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.views.acting import after, attempt
from wattpurse_tools.record.models import Feeder
from wattpurse_tools.station.actions.walks import SLOT_SIZES


class DataCardForm(forms.Form):
    """A new data card."""

    name = forms.CharField(label=gettext_lazy("Name of the card"), max_length=64)
    kind = forms.ChoiceField(label=gettext_lazy("Kind of card"), choices=[(kind, kind) for kind in KINDS])
    statements = forms.ChoiceField(
        label=gettext_lazy("Statements"), choices=[(size, size) for size in SLOT_SIZES], initial="short"
    )


class LoadForm(forms.Form):
    """The meters of a round."""

    feeder = forms.ChoiceField(label=gettext_lazy("Feeder"), required=False)
    numbers = forms.CharField(
        label=gettext_lazy("or numbers of meters"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, *words: object, **names: object) -> None:
        super().__init__(*words, **names)  # type: ignore[arg-type]
        feeders = Feeder.objects.order_by("name").values_list("name", flat=True)
        self.fields["feeder"].choices = [("", _("(none)")), *((one, one) for one in feeders)]  # type: ignore[attr-defined]


@page("cards")
def rounds(request: OfficeRequest) -> HttpResponse:
    """Show the rounds and the data cards, and begin or end a round."""
    make = DataCardForm(request.POST if request.POST.get("do") == "new" else None)
    load = LoadForm(request.POST if request.POST.get("do") == "load" else None)
    returned = None
    if make.is_bound and make.is_valid() and _make(request, make):
        return redirect("rounds")
    if load.is_bound and load.is_valid() and _load(request, load):
        return redirect("rounds")
    if request.POST.get("do") == "read":
        returned = attempt(request, office_rounds.read, request.office, request.actor, request.POST.get("card", ""))
    content = {
        "make": make,
        "load": load,
        "returned": returned,
        "cards": office_rounds.data_cards(),
        "found": office_rounds.find_rounds(after(request)),
    }
    return render(request, "pages/office/rounds.html", content)


def _make(request: OfficeRequest, form: DataCardForm) -> bool:
    facts = form.cleaned_data
    made = (facts["name"], facts["kind"], facts["statements"])
    room = attempt(request, office_rounds.new_card, request.office, request.actor, *made)
    if room is not None:
        messages.success(request, _("The card has room for %(count)s meters.") % {"count": room})
    return room is not None


def _load(request: OfficeRequest, form: LoadForm) -> bool:
    facts = form.cleaned_data
    chosen = attempt(request, meters.meters_of_choice, "", facts["feeder"], facts["numbers"])
    if chosen is None:
        return False
    name = request.POST.get("card", "")
    loaded = attempt(request, office_rounds.load, request.office, request.actor, name, chosen)
    if loaded is not None:
        messages.success(request, _("%(count)s tokens are on the card.") % {"count": loaded.tokens})
    return loaded is not None
