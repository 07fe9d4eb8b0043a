"""The page of temporary supplies: planned from date to date for the tenancy at a managed meter, and ended early."""

import time

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wattpurse_tools.headend import temporary_supply
from wattpurse_tools.office.paging import slice_of
from wattpurse_tools.office.site_days import site_zone
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.local_times import LocalTimeField, local_text
from wattpurse_tools.pages.views.acting import after, done, whole
from wattpurse_tools.pages.views.headend_frame import show
from wattpurse_tools.record.models import TemporarySupply, Tenancy

_DAY_S = 86_400


class SupplyForm(forms.Form):
    """A temporary supply to plan."""

    meter = forms.IntegerField(label=gettext_lazy("Meter"), min_value=1, max_value=(1 << 32) - 1)
    from_time = LocalTimeField(gettext_lazy("From"))
    until_time = LocalTimeField(gettext_lazy("Until"))
    reason = forms.CharField(label=gettext_lazy("Reason, such as the building site"), max_length=240)

    def clean_meter(self) -> Tenancy:
        """Return the tenancy at the meter."""
        number = self.cleaned_data["meter"]
        found = Tenancy.objects.filter(meter_number=number, until_s=None).first()
        if found is None:
            raise forms.ValidationError(_("There is no tenant at this meter. Move the customer in first."))
        return found


@page("order", "manage")
def supplies(request: OfficeRequest) -> HttpResponse:
    """Show the temporary supplies, and plan or end one."""
    now_s, zone = int(time.time()), site_zone()
    initial = {"from_time": local_text(now_s, zone), "until_time": local_text(now_s + 7 * _DAY_S, zone)}
    form = SupplyForm(request.POST if request.POST.get("do") == "plan" else None, initial=initial)
    if request.POST.get("do") == "end" and _end(request, now_s):
        return redirect("supplies")
    if form.is_bound and form.is_valid() and _plan(request, form.cleaned_data, now_s):
        return redirect("supplies")
    rows = TemporarySupply.objects.select_related("tenancy__customer", "tenancy__premises")
    content = {
        "found": slice_of(rows, "id", after(request), falling=True),
        "form": form,
        "may_change": "order" in request.actor.rights,
        "now_s": now_s,
    }
    return show(request, "supplies.html", content)


def _plan(request: OfficeRequest, facts: dict, now_s: int) -> bool:
    words = _("The temporary supply is planned.")
    made = (facts["meter"], facts["from_time"], facts["until_time"], facts["reason"], now_s)
    return done(request, words, temporary_supply.plan, request.office, request.actor, *made)


def _end(request: OfficeRequest, now_s: int) -> bool:
    supply = TemporarySupply.objects.filter(pk=whole(request.POST.get("supply", "")) or 0).first()
    if supply is None:
        return False
    words = _("The temporary supply ends.")
    return done(request, words, temporary_supply.end, request.office, request.actor, supply, now_s)
