"""The pages of managed accounts: the list, a new account, and one account with balance, charges and permits.

The page of an account changes its terms, takes a deposit, and closes it.
"""

import time

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from wattpurse_tools.headend import accounts as headend_accounts
from wattpurse_tools.headend import trust, watching
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.account_forms import ClosingForm, DepositForm, OpenForm, TermsForm
from wattpurse_tools.pages.views.acting import after, attempt, done, done_by_two, form_key, searched, whole
from wattpurse_tools.pages.views.headend_frame import show
from wattpurse_tools.record.models import ManagedAccount

_TERMS, _DEPOSIT, _CLOSE = "terms", "deposit", "close"


@page("order", "manage")
def accounts(request: OfficeRequest) -> HttpResponse:
    """Show the list of managed accounts."""
    text = searched(request)
    content = {
        "found": watching.find_accounts(text, after(request)),
        "text": text,
        "may_open": "order" in request.actor.rights,
    }
    return show(request, "accounts.html", content)


@page("order")
def open_account(request: OfficeRequest) -> HttpResponse:
    """Open the account of the tenancy at a meter."""
    initial = {"meter": whole(request.GET.get("meter", "")), "limit": "0", "priority": 0}
    form = OpenForm(request.POST or None, initial=initial)
    if form.is_bound and form.is_valid():
        made = _open(request, form.cleaned_data)
        if made is not None:
            return redirect("account", made.pk)
    return show(request, "open_account.html", {"form": form})


@page("order", "manage")
def account(request: OfficeRequest, tenancy: int) -> HttpResponse:
    """Show the account of a tenancy, and change its terms, take a deposit, or close it."""
    try:
        found = watching.account(tenancy)
    except ValueError as error:
        raise Http404(str(error)) from None
    do = request.POST.get("do", "")
    forms = {
        _TERMS: TermsForm.of(request.POST if do == _TERMS else None, found),
        _DEPOSIT: DepositForm(request.POST if do == _DEPOSIT else None),
        _CLOSE: ClosingForm(request.POST if do == _CLOSE else None, initial={"payment_type": "transfer"}),
    }
    if do in forms and forms[do].is_valid() and _ACTIONS[do](request, found, forms[do].cleaned_data):
        return redirect("account", tenancy)
    is_open, rights = found.closed_s is None, request.actor.rights
    content = {
        "account": found,
        "meter": found.meter,
        "balance": headend_accounts.balance(found.tenancy),
        "deposit": headend_accounts.held_deposit(found.pk),
        "paid_back": headend_accounts.paid_back(found.pk),
        "debt": headend_accounts.debt_of(found.pk),
        "found": watching.charges_of(found, after(request)),
        "permits": watching.permits_of(found),
        "terms": forms[_TERMS] if is_open and "manage" in rights else None,
        "taking": forms[_DEPOSIT] if is_open and "sell" in rights else None,
        "closing": forms[_CLOSE] if is_open and "order" in rights else None,
        "deposit_key": form_key(request, do == _DEPOSIT),
    }
    return show(request, "account.html", content)


def _open(request: OfficeRequest, facts: dict) -> ManagedAccount | None:
    """Open an account and return it, also one that was open before. Return None after a refusal."""
    terms = (facts["limit"], facts["priority"])
    given = (request.office, request.actor, facts["meter"], int(time.time()), *terms)
    made = attempt(request, headend_accounts.open_account, *given)
    if made is not None and (made.limit_microunits, made.priority) != terms:
        messages.info(request, _("The account was open before. Its limit and its priority are as they were."))
    elif made is not None:
        messages.success(request, _("The account is open."))
    return made


def _change_terms(request: OfficeRequest, found: ManagedAccount, facts: dict) -> bool:
    words, terms = _("The change is saved."), (facts["limit"], facts["priority"])
    change = headend_accounts.change_terms
    return done(request, words, change, request.office, request.actor, found.tenancy, *terms)


def _take_deposit(request: OfficeRequest, found: ManagedAccount, facts: dict) -> bool:
    words, paid = _("The deposit is taken."), (facts["amount"], facts["payment_type"])
    given = (request.office, request.actor, found.tenancy, *paid, form_key(request), int(time.time()))
    return done(request, words, trust.pay_deposit, *given)


def _close(request: OfficeRequest, found: ManagedAccount, facts: dict) -> bool:
    """Close an account, or propose it to a second person. Return True if it was closed."""
    key, approval = headend_accounts.closing_key(found.pk), facts["approval"].strip() or None
    given = (found.tenancy, key, int(time.time()), facts["payment_type"], approval)
    words, close = _("The account is closed."), headend_accounts.close
    return done_by_two(request, words, facts["reason"], close, request.office, request.actor, *given)


_ACTIONS = {_TERMS: _change_terms, _DEPOSIT: _take_deposit, _CLOSE: _close}
