"""The pages of premises: the list, one place with its tenants and meters, a new one."""

from django import forms
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wattpurse_tools.headend import watching
from wattpurse_tools.office import people
from wattpurse_tools.office.people import Coordinates
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.refusal_words import in_words
from wattpurse_tools.pages.views.acting import after, attempt, done, searched
from wattpurse_tools.record.models import Feeder, Installation, Premises


class PlaceForm(forms.Form):
    """The address, the feeder and the coordinates of premises."""

    address = forms.CharField(label=gettext_lazy("Address"), max_length=240, required=False)
    feeder = forms.ChoiceField(label=gettext_lazy("Feeder"), required=False)
    latitude = forms.CharField(label=gettext_lazy("Latitude in degrees"), max_length=24, required=False)
    longitude = forms.CharField(label=gettext_lazy("Longitude in degrees"), max_length=24, required=False)

    def clean(self) -> dict:
        """Read the coordinates. Both are there, or none."""
        facts = super().clean() or self.cleaned_data
        try:
            facts["coordinates"] = Coordinates.typed(facts.get("latitude", ""), facts.get("longitude", ""))
        except ValueError as refusal:
            self.add_error("latitude", in_words(refusal))
        return facts

    def __init__(self, *words: object, **names: object) -> None:
        super().__init__(*words, **names)  # type: ignore[arg-type]
        feeders = Feeder.objects.order_by("name").values_list("name", flat=True)
        self.fields["feeder"].choices = [("", _("(none)")), *((one, one) for one in feeders)]  # type: ignore[attr-defined]


class NewPlaceForm(PlaceForm):
    """The name of new premises, with address and feeder."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    field_order = ["name", "address", "feeder", "latitude", "longitude"]


@page("order")
def places(request: OfficeRequest) -> HttpResponse:
    """Show the list of premises."""
    text = searched(request)
    found = people.find_premises(text, after(request))
    return render(request, "pages/office/places.html", {"found": found, "text": text})


@page("order")
def new_place(request: OfficeRequest) -> HttpResponse:
    """Add premises."""
    form = NewPlaceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        names = (facts["name"], facts["address"], facts["feeder"], facts["coordinates"])
        added = attempt(request, people.add_premises, request.office, request.actor, *names)
        if added is not None:
            return redirect("place", added.pk)
    return render(request, "pages/form.html", {"form": form, "title": _("New premises"), "button": _("Add")})


@page("order")
def place(request: OfficeRequest, key: int) -> HttpResponse:
    """Show premises with their tenants and meters, and change them."""
    known = _known(key)
    feeder = "" if known.feeder is None else known.feeder.name
    initial = {
        "address": known.address,
        "feeder": feeder,
        "latitude": people.degrees_text(known.latitude_microdegrees),
        "longitude": people.degrees_text(known.longitude_microdegrees),
    }
    form = PlaceForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        words, facts = _("The change is saved."), form.cleaned_data
        made = (key, facts["address"], facts["feeder"], facts["coordinates"])
        if done(request, words, people.change_premises, request.office, request.actor, *made):
            return redirect("place", key)
    content = {
        "place": known,
        "form": form,
        "tenancies": watching.with_accounts(people.tenants_at(known)),
        "installations": Installation.objects.filter(premises=known).select_related("meter").order_by("-from_s"),
    }
    return render(request, "pages/office/place.html", content)


def _known(key: int) -> Premises:
    try:
        return people.premises_by_id(key)
    except ValueError as error:
        raise Http404(str(error)) from None
