"""The page of shortages: planned by level and feeder, seen with their meters, and lifted."""

import time

from django import forms
from django.db.models import Count
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wattpurse_tools.headend import shortages as headend_shortages
from wattpurse_tools.office.paging import slice_of
from wattpurse_tools.office.site_days import site_zone
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.local_times import LocalTimeField, local_text
from wattpurse_tools.pages.views.acting import after, done, whole
from wattpurse_tools.pages.views.headend_frame import show
from wattpurse_tools.record.models import Feeder, Shortage

_HOUR_S = 3600
_PPM_IN_PERCENT = 10_000
_LEVELS = [(str(level), str(level)) for level in range(1, 10)]


class ShortageForm(forms.Form):
    """A shortage to plan. Without a feeder it is at all of them."""

    feeder = forms.ChoiceField(label=gettext_lazy("Feeder"), required=False)
    level = forms.ChoiceField(
        label=gettext_lazy("Level: meters of a priority below it go off"), choices=_LEVELS, initial="5"
    )
    share = forms.IntegerField(
        label=gettext_lazy("Share of the meters, per cent"), min_value=1, max_value=100, initial=100
    )
    from_time = LocalTimeField(gettext_lazy("From"))
    until_time = LocalTimeField(gettext_lazy("Until"))
    spares_paid = forms.BooleanField(
        label=gettext_lazy("Who has paid goes last"), required=False, initial=True, widget=forms.CheckboxInput
    )
    reason = forms.CharField(label=gettext_lazy("Reason, which customers are told"), max_length=240)

    def __init__(self, *words: object, **names: object) -> None:
        super().__init__(*words, **names)  # type: ignore[arg-type]
        feeders = Feeder.objects.order_by("name").values_list("name", flat=True)
        self.fields["feeder"].choices = [("", _("all")), *((one, one) for one in feeders)]  # type: ignore[attr-defined]

    def plan(self) -> headend_shortages.Plan:
        """Return the plan of a valid form."""
        facts = self.cleaned_data
        return headend_shortages.Plan(
            feeder=Feeder.objects.get(name=facts["feeder"]) if facts["feeder"] else None,
            level=int(facts["level"]),
            from_s=facts["from_time"],
            until_s=facts["until_time"],
            reason=facts["reason"],
            share_ppm=facts["share"] * _PPM_IN_PERCENT,
            spares_paid=facts["spares_paid"],
        )


@page("order", "manage")
def shortages(request: OfficeRequest) -> HttpResponse:
    """Show the shortages, and plan or lift one."""
    now_s, zone = int(time.time()), site_zone()
    initial = {"from_time": local_text(now_s, zone), "until_time": local_text(now_s + 2 * _HOUR_S, zone)}
    form = ShortageForm(request.POST if request.POST.get("do") == "plan" else None, initial=initial)
    if request.POST.get("do") == "lift" and _lift(request, now_s):
        return redirect("shortages")
    if form.is_bound and form.is_valid():
        words = _("The shortage is planned.")
        if done(request, words, headend_shortages.plan, request.office, request.actor, form.plan(), now_s):
            return redirect("shortages")
    rows = Shortage.objects.select_related("feeder").annotate(meter_count=Count("meters"))
    found = slice_of(rows, "id", after(request), falling=True)
    counts = headend_shortages.ordered_off(found.rows)
    for one in found.rows:
        one.ordered_off, one.confirmed_off = counts.get(one.pk, (0, 0))
    content = {
        "found": found,
        "form": form,
        "may_change": "order" in request.actor.rights,
        "now_s": now_s,
    }
    return show(request, "shortages.html", content)


def _lift(request: OfficeRequest, now_s: int) -> bool:
    shortage = Shortage.objects.filter(pk=whole(request.POST.get("shortage", "")) or 0).first()
    if shortage is None:
        return False
    words = _("The shortage is lifted. Its meters are ordered on again.")
    return done(request, words, headend_shortages.lift, request.office, request.actor, shortage, now_s)
