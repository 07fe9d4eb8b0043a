"""The pages of moving in and out, of new meters, and of meters that are set or replaced at premises."""

import time
from datetime import date

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wattpurse.core.money.contract import CONTRACTS
from wattpurse_tools.headend import accounts
from wattpurse_tools.office import meters, people, tenancies
from wattpurse_tools.office.site_days import day_start_s, site_zone, today
from wattpurse_tools.office.tenancies import Replacement
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.amount_texts import money_text
from wattpurse_tools.pages.views.acting import attempt, done, done_by_two
from wattpurse_tools.record.models import Customer, Installation, ManagedAccount, Meter, Premises, Tenancy
from wattpurse_tools.station.amounts import parse_kwh


class MoveInForm(forms.Form):
    """The customer who moves in, the day, and the words for a second person if there was a tenant before."""

    customer = forms.IntegerField(label=gettext_lazy("Number of the customer"), min_value=1)
    day = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}))
    reason = forms.CharField(label=gettext_lazy("Reason, for the second person"), max_length=400, required=False)
    approval = forms.CharField(label=gettext_lazy("Approved request"), max_length=64, required=False)


class MoveOutForm(forms.Form):
    """The day of a move-out."""

    day = forms.DateField(label=gettext_lazy("Day"), widget=forms.DateInput(attrs={"type": "date"}))


class MeterForm(forms.Form):
    """A meter that comes into the record."""

    number = forms.IntegerField(label=gettext_lazy("Number"), min_value=1)
    contract = forms.ChoiceField(
        label=gettext_lazy("Contract"), choices=[(one.name, gettext_lazy(one.name)) for one in CONTRACTS]
    )


class InstallForm(forms.Form):
    """A meter that is set at premises, with its register in kWh."""

    meter = forms.IntegerField(label=gettext_lazy("Meter"), min_value=1)
    start = forms.CharField(label=gettext_lazy("Its register in kWh"), max_length=20, initial="0")


class ReplaceForm(InstallForm):
    """A meter that takes the place of another, with the registers of both in kWh."""

    end = forms.CharField(label=gettext_lazy("Register of the old meter in kWh"), max_length=20)


@page("order")
def move_in(request: OfficeRequest, key: int) -> HttpResponse:
    """Begin the tenancy of a customer at premises."""
    place = get_object_or_404(Premises, pk=key)
    form = MoveInForm(
        request.POST or None, initial={"day": today(site_zone()), "customer": request.GET.get("customer")}
    )
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        customer = attempt(request, people.customer, facts["customer"])
        if customer is not None and _move_in(request, place, customer, facts):
            return redirect("place", key)
    title = _("Move in at %(place)s") % {"place": place.name}
    content = {"form": form, "title": title, "button": _("Move in")} | _former_account(place)
    return render(request, "pages/form.html", content)


@page("order")
def move_out(request: OfficeRequest, key: int) -> HttpResponse:
    """End a tenancy. If it has an open account, warn, and lead to the page that closes it."""
    tenancy = get_object_or_404(Tenancy.objects.select_related("customer", "premises"), pk=key, until_s=None)
    form = MoveOutForm(request.POST or None, initial={"day": today(site_zone())})
    if request.method == "POST" and form.is_valid():
        words, until_s = _("The tenancy has ended."), moment_of(form.cleaned_data["day"])
        if done(request, words, tenancies.move_out, request.office, request.actor, tenancy, until_s):
            return redirect(*(("account", key) if accounts.is_open(key) else ("customer", tenancy.customer.number)))
    title = _("%(name)s moves out of %(place)s") % {"name": tenancy.customer.name, "place": tenancy.premises.name}
    content = {"form": form, "title": title, "button": _("Move out")} | _open_account(key)
    return render(request, "pages/form.html", content)


@page("order")
def new_meter(request: OfficeRequest) -> HttpResponse:
    """Add a meter to the record."""
    form = MeterForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        given = (request.office, request.actor, facts["number"], facts["contract"])
        added = attempt(request, meters.add_meter, *given)
        if added is not None:
            return redirect("meter", added.number)
    return render(request, "pages/form.html", {"form": form, "title": _("New meter"), "button": _("Add")})


@page("order")
def set_meter(request: OfficeRequest, key: int) -> HttpResponse:
    """Set a meter at premises, or replace the one that is there."""
    place = get_object_or_404(Premises, pk=key)
    is_there = Installation.objects.filter(premises=place, until_s=None).exists()
    form = (ReplaceForm if is_there else InstallForm)(request.POST or None)
    is_good = request.method == "POST" and form.is_valid()
    if is_good and done(request, _("The meter is set."), _set_meter, request, place, form.cleaned_data):
        return redirect("place", key)
    title = (_("Replace the meter at %(place)s") if is_there else _("Set a meter at %(place)s")) % {"place": place.name}
    return render(request, "pages/form.html", {"form": form, "title": title, "button": _("Save")})


def moment_of(day: date) -> int:
    """Return the present second for today, and the begin of any other day."""
    zone = site_zone()
    return int(time.time()) if day == today(zone) else day_start_s(day, zone)


def _former_account(place: Premises) -> dict[str, str]:
    """Return the warning that the account of the former tenancy is open, with the way to its page, or nothing."""
    rows = ManagedAccount.objects.filter(closed_s=None, tenancy__premises=place, tenancy__until_s__isnull=False)
    found = rows.order_by("-pk").first()
    if found is None:
        return {}
    words = _("The account of the former tenancy is open. Close it before the next tenant moves in.")
    return {"warning": words, "way": reverse("account", args=(found.pk,)), "way_words": _("Account")}


def _open_account(tenancy: int) -> dict[str, str]:
    """Return the warning of an open account with the way to its page, or nothing if the tenancy has none."""
    if not accounts.is_open(tenancy):
        return {}
    currency = accounts.currency()
    amount = money_text(accounts.balance_of(tenancy), currency.code, currency.decimals)
    words = _(
        "The tenancy has an open account. Its balance is %(amount)s. Close it after the move-out, when the meter has"
        " told its last statement: the next tenant moves in after that."
    )
    return {
        "warning": words % {"amount": amount},
        "way": reverse("account", args=(tenancy,)),
        "way_words": _("Account"),
    }


def _move_in(request: OfficeRequest, place: Premises, customer: Customer, facts: dict) -> bool:
    begin_s, approval = moment_of(facts["day"]), facts["approval"] or None
    words, move = _("The tenancy has begun."), tenancies.move_in
    given = (request.office, request.actor, place, customer, begin_s, approval)
    return done_by_two(request, words, facts["reason"], move, *given)


def _set_meter(request: OfficeRequest, place: Premises, facts: dict) -> None:
    meter = Meter.objects.filter(number=facts["meter"]).first()
    if meter is None:
        raise ValueError(_("There is no meter %(number)s in the record. Add it first.") % {"number": facts["meter"]})
    start_mwh = parse_kwh(facts["start"], "kWh")
    if "end" in facts:
        registers = Replacement(parse_kwh(facts["end"], "kWh"), start_mwh)
        tenancies.replace_meter(request.office, request.actor, place, meter, registers)
    else:
        tenancies.install(request.office, request.actor, meter, place, start_mwh)
