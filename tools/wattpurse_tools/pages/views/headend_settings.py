"""The page of the head-end's settings, and of the token for Prometheus."""

from datetime import time

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wattpurse_tools.headend import settings_change
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.amount_texts import parse_money, typed_money
from wattpurse_tools.pages.refusal_words import in_words
from wattpurse_tools.pages.views.acting import attempt, done
from wattpurse_tools.pages.views.headend_frame import show
from wattpurse_tools.record.models import HeadendPolicy, Site

_HOUR_S = 3600
_HOUR_MINUTES = 60
_DAY_MINUTES = 24 * 60


def _time_field(label: str) -> forms.TimeField:
    return forms.TimeField(label=label, widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}))


class SettingsForm(forms.Form):
    """The settings in the units in which people think."""

    permit_hours = forms.IntegerField(label=gettext_lazy("A permit lasts, hours"), min_value=1)
    renew_hours = forms.IntegerField(label=gettext_lazy("It is renewed when so many hours are left"), min_value=1)
    silent_hours = forms.IntegerField(label=gettext_lazy("A meter is silent after, hours"), min_value=1)
    warn_amount = forms.CharField(label=gettext_lazy("Warn below this balance"), max_length=24)
    warn_days = forms.IntegerField(label=gettext_lazy("Warn below so many days left"), min_value=0)
    expiry_days = forms.IntegerField(
        label=gettext_lazy("Tell the end of supply so many days before, 0 for never"), min_value=0
    )
    quiet_from = _time_field(gettext_lazy("No messages from"))
    quiet_until = _time_field(gettext_lazy("No messages until"))
    friendly_from = _time_field(gettext_lazy("Switch off from"))
    friendly_until = _time_field(gettext_lazy("Switch off until"))
    friendly_days = forms.MultipleChoiceField(
        label=gettext_lazy("Switch off on"),
        choices=[(str(number), words) for number, words in WEEKDAYS.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    time_zone = forms.CharField(label=gettext_lazy("Time zone"), max_length=48)
    web_hook = forms.CharField(label=gettext_lazy("Web hook"), max_length=200, required=False)
    map_tiles = forms.CharField(
        label=gettext_lazy("Address of map pictures, empty for none"), max_length=240, required=False
    )
    map_credit = forms.CharField(label=gettext_lazy("Source of the map pictures"), max_length=120, required=False)

    def __init__(self, *words: object, decimals: int, **names: object) -> None:
        super().__init__(*words, **names)  # type: ignore[arg-type]
        self._decimals = decimals

    def clean_warn_amount(self) -> int:
        """Return the amount in micro-units."""
        try:
            return parse_money(self.cleaned_data["warn_amount"], self._decimals)
        except ValueError as refusal:
            raise forms.ValidationError(in_words(refusal)) from None

    def values(self) -> dict[str, object]:
        """Return the settings as the record keeps them."""
        facts = self.cleaned_data
        return {
            "permit_s": facts["permit_hours"] * _HOUR_S,
            "renew_s": facts["renew_hours"] * _HOUR_S,
            "silent_s": facts["silent_hours"] * _HOUR_S,
            "warn_microunits": facts["warn_amount"],
            "warn_days": facts["warn_days"],
            "expiry_days": facts["expiry_days"],
            "quiet_from_minute": _minute(facts["quiet_from"]),
            "quiet_until_minute": _minute(facts["quiet_until"]),
            "friendly_from_minute": _minute(facts["friendly_from"]),
            "friendly_until_minute": _minute(facts["friendly_until"]) or _DAY_MINUTES,
            "friendly_weekdays": sum(1 << int(number) for number in facts["friendly_days"]),
            **{name: facts[name].strip() for name in ("time_zone", "web_hook", "map_tiles", "map_credit")},
        }


@page("order", "manage")
def settings(request: OfficeRequest) -> HttpResponse:
    """Show the settings, and change them."""
    site = Site.objects.get()
    form = SettingsForm(
        request.POST if request.POST.get("do") == "change" else None,
        initial=_initial(policy(), site.decimals),
        decimals=site.decimals,
    )
    token = None
    if request.POST.get("do") == "token":
        token = attempt(request, settings_change.new_metrics_token, request.office, request.actor)
    elif request.method == "POST" and form.is_valid():
        words = _("The change is saved.")
        if done(request, words, settings_change.change, request.office, request.actor, form.values()):
            return redirect("headend-settings")
    content = {
        "form": form,
        "token": token,
        "has_token": request.office.folder.metrics_token.exists(),
        "currency": site.currency,
        "may_change": "manage" in request.actor.rights,
    }
    return show(request, "settings.html", content)


def _initial(found: HeadendPolicy, decimals: int) -> dict[str, object]:
    return {
        "permit_hours": found.permit_s // _HOUR_S,
        "renew_hours": found.renew_s // _HOUR_S,
        "silent_hours": found.silent_s // _HOUR_S,
        "warn_amount": typed_money(found.warn_microunits, decimals),
        "warn_days": found.warn_days,
        "expiry_days": found.expiry_days,
        "quiet_from": _time(found.quiet_from_minute),
        "quiet_until": _time(found.quiet_until_minute),
        "friendly_from": _time(found.friendly_from_minute),
        "friendly_until": _time(found.friendly_until_minute % _DAY_MINUTES),
        "friendly_days": [str(number) for number in range(7) if found.friendly_weekdays >> number & 1],
        "time_zone": found.time_zone,
        "web_hook": found.web_hook,
        "map_tiles": found.map_tiles,
        "map_credit": found.map_credit,
    }


def _minute(when: time) -> int:
    return when.hour * _HOUR_MINUTES + when.minute


def _time(minute: int) -> time:
    return time(minute // _HOUR_MINUTES, minute % _HOUR_MINUTES)
