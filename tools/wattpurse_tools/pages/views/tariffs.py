"""The pages of tariffs: all versions, a new one, the bill that shows it beforehand, and plans for many meters."""

import time
from dataclasses import asdict

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wattpurse.core.money.account import DAY_FEE, DEMAND_FEE, MINIMUM_FEE, MONTH_FEE
from wattpurse.core.money.contract import CONTRACTS, PrepaidMoney
from wattpurse.core.tariffs.tariff import Tariff as MeterTariff
from wattpurse_tools.office import meters, tariff_plans
from wattpurse_tools.office.paging import slice_of
from wattpurse_tools.office.site_days import day_start_s, month_of, month_start_s, site_zone, today
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.views.acting import after, attempt, uploaded
from wattpurse_tools.record.models import CustomerType, Feeder, Tariff, TariffPlan
from wattpurse_tools.tariffs.bill import Bill, Charges

_DAY_S = 86_400
_MWH_PER_KWH = 1_000_000
_KWH_LIMIT = 1_000_000
_LEFT_OUT_SHOWN = 200


class TariffForm(forms.Form):
    """A new version: the name of the tariff, and its document in TOML or JSON."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=64)
    document = forms.CharField(
        label=gettext_lazy("Document (TOML or JSON)"), widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false"})
    )


class BillForm(forms.Form):
    """The load of a bill: a file of a portal or a meter, or kWh spread evenly over a month."""

    kwh = forms.IntegerField(
        label=gettext_lazy("kWh in a month, spread evenly"), min_value=1, max_value=_KWH_LIMIT, required=False
    )
    load = forms.FileField(label=gettext_lazy("or a load file"), required=False)
    contract = forms.ChoiceField(
        label=gettext_lazy("Contract"),
        choices=[(one.name, gettext_lazy(one.name)) for one in CONTRACTS],
        initial=PrepaidMoney.name,
    )


class PlanForm(forms.Form):
    """The meters of a plan, and the day from which on top-ups carry the tariff."""

    customer_type = forms.ChoiceField(label=gettext_lazy("Type of customer"), required=False)
    feeder = forms.ChoiceField(label=gettext_lazy("Feeder"), required=False)
    numbers = forms.CharField(
        label=gettext_lazy("or numbers of meters"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    since = forms.DateField(
        label=gettext_lazy("Carried by top-ups from"), widget=forms.DateInput(attrs={"type": "date"})
    )

    def __init__(self, *words: object, **names: object) -> None:
        super().__init__(*words, **names)  # type: ignore[arg-type]
        for name, model in (("customer_type", CustomerType), ("feeder", Feeder)):
            rows = model.objects.order_by("name").values_list("name", flat=True)
            self.fields[name].choices = [("", _("(none)")), *((one, one) for one in rows)]  # type: ignore[attr-defined]


@page("order")
def tariffs(request: OfficeRequest) -> HttpResponse:
    """Show the versions of all tariffs, the newest first, with the number of plans that wait."""
    found = slice_of(Tariff.objects.defer("document"), "id", after(request), falling=True)
    rows = [(one, MeterTariff(bytes(one.table))) for one in found.rows]
    waiting = TariffPlan.objects.filter(token=None).count()
    return render(request, "pages/office/tariffs.html", {"found": found, "rows": rows, "waiting": waiting})


@page("order")
def new_tariff(request: OfficeRequest) -> HttpResponse:
    """Try a new version, or add it."""
    form = TariffForm(request.POST or None)
    tried = None
    if request.method == "POST" and form.is_valid():
        name, text = form.cleaned_data["name"], form.cleaned_data["document"]
        if "try" in request.POST:
            tried = attempt(request, tariff_plans.draft, name, text)
        else:
            added = attempt(request, tariff_plans.add_version, request.office, request.actor, name, text)
            if added is not None:
                return redirect("tariff", added.pk)
    return render(request, "pages/office/new_tariff.html", {"form": form, "tried": tried})


@page("order")
def tariff(request: OfficeRequest, key: int) -> HttpResponse:
    """Show a version, and the bill of a load under it."""
    known = get_object_or_404(Tariff, pk=key)
    form = BillForm(request.POST or None, request.FILES or None)
    made = None
    if request.method == "POST" and form.is_valid():
        made = attempt(request, _bill, request, known, form)
    content = {
        "tariff": known,
        "meter_tariff": MeterTariff(bytes(known.table)),
        "form": form,
        "bill": None if made is None else _bill_rows(made),
        "waiting": TariffPlan.objects.filter(tariff=known, token=None).count(),
        "carried": TariffPlan.objects.filter(tariff=known, token__isnull=False).count(),
    }
    return render(request, "pages/office/tariff.html", content)


@page("order")
def plan_tariff(request: OfficeRequest, key: int) -> HttpResponse:
    """Plan a version for many meters."""
    known = get_object_or_404(Tariff, pk=key)
    zone = site_zone()
    form = PlanForm(request.POST or None, initial={"since": today(zone)})
    planned = None
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        chosen = attempt(request, meters.meters_of_choice, facts["customer_type"], facts["feeder"], facts["numbers"])
        if chosen is not None:
            since_s = day_start_s(facts["since"], zone)
            planned = attempt(request, tariff_plans.plan, request.office, request.actor, known, chosen, since_s)
    content = {
        "tariff": known,
        "form": form,
        "planned": planned,
        "left_out": [] if planned is None else planned.left_out[:_LEFT_OUT_SHOWN],
    }
    return render(request, "pages/office/plan_tariff.html", content)


@page("order")
def plans(request: OfficeRequest) -> HttpResponse:
    """Show the plans that wait for a top-up, and cancel some."""
    if request.method == "POST":
        chosen = attempt(request, meters.meters_of_choice, "", "", request.POST.get("numbers", ""))
        if chosen is not None:
            count = attempt(request, tariff_plans.cancel, request.office, request.actor, chosen)
            if count is not None:
                messages.success(request, _("%(count)s plans are cancelled.") % {"count": count})
        return redirect("tariff-plans")
    waiting = TariffPlan.objects.filter(token=None).select_related("tariff")
    return render(request, "pages/office/plans.html", {"found": slice_of(waiting, "id", after(request))})


def _bill(request: OfficeRequest, known: Tariff, form: BillForm) -> Bill:
    contract = form.cleaned_data["contract"]
    if request.FILES.get("load") is not None:
        data = uploaded(request, "load", tariff_plans.LOAD_LIMIT)
        return tariff_plans.preview_file(known, data, contract)
    if form.cleaned_data["kwh"] is None:
        raise ValueError(_("Write kWh of a month, or choose a load file."))
    activation_s = MeterTariff(bytes(known.table)).activation_s
    zone = site_zone()
    month = month_of(today(zone)) if activation_s <= time.time() else None
    begin_s = activation_s if month is None else month_start_s(month, zone)
    end_s = begin_s + 30 * _DAY_S if month is None else month_start_s(month + 1, zone)
    load = tariff_plans.even_load(begin_s, end_s, form.cleaned_data["kwh"] * _MWH_PER_KWH)
    return tariff_plans.preview([known], load, contract)


def _bill_rows(made: Bill) -> dict[str, object]:
    """Return the lines of a bill for its table."""
    return {
        "currency": made.currency,
        "months": [(index, _lines(charges), charges) for index, charges in sorted(made.months.items())],
        "total": made.total,
    }


def _lines(charges: Charges) -> list[dict[str, object]]:
    names = {
        DAY_FEE: _("standing charge"),
        MONTH_FEE: _("fixed charge"),
        DEMAND_FEE: _("maximum demand"),
        MINIMUM_FEE: _("minimum charge"),
    }
    lines: list[dict[str, object]] = []
    for _key, line in sorted(charges.energy.items()):
        lines.append({"words": line.rate_name, **asdict(line)})
    lines += [{"words": names[fee], **asdict(line)} for (_version, fee), line in sorted(charges.fees.items())]
    lines += [{"words": levy, "charge_microunits": total} for (_version, levy), total in charges.levies.items()]
    return lines
