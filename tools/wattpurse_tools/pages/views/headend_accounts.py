"""The pages of managed accounts: the list, and one account with balance, charges and permits."""

from django.http import Http404, HttpResponse

from wattpurse_tools.headend import accounts as headend_accounts
from wattpurse_tools.headend import watching
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.views.acting import after, searched
from wattpurse_tools.pages.views.headend_frame import show


@page("order", "manage")
def accounts(request: OfficeRequest) -> HttpResponse:
    """Show the list of managed accounts."""
    text = searched(request)
    return show(request, "accounts.html", {"found": watching.find_accounts(text, after(request)), "text": text})


@page("order", "manage")
def account(request: OfficeRequest, tenancy: int) -> HttpResponse:
    """Show the account of a tenancy."""
    try:
        found = watching.account(tenancy)
    except ValueError as error:
        raise Http404(str(error)) from None
    content = {
        "account": found,
        "meter": found.meter,
        "balance": headend_accounts.balance(found.tenancy),
        "found": watching.charges_of(found, after(request)),
        "permits": watching.permits_of(found),
    }
    return show(request, "account.html", content)
