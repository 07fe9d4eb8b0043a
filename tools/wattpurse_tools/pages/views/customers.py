"""The pages of customers: the list, one customer with tenancies and wishes for messages, a new one, a change."""

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wattpurse_tools.headend import message_wishes, watching
from wattpurse_tools.headend.outbox import SENT_CHANNELS
from wattpurse_tools.office import people
from wattpurse_tools.office.people import CustomerFacts
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.message_words import quiet_words
from wattpurse_tools.pages.settings import LANGUAGES
from wattpurse_tools.pages.views.acting import after, attempt, done, searched
from wattpurse_tools.pages.wishes_form import WishesForm
from wattpurse_tools.record.models import Customer, CustomerType


class CustomerForm(forms.Form):
    """The facts about a customer."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    customer_type = forms.ChoiceField(label=gettext_lazy("Type of customer"), required=False)
    language = forms.ChoiceField(label=gettext_lazy("Language"), choices=LANGUAGES)
    email = forms.CharField(label=gettext_lazy("Mail"), max_length=254, required=False)
    phone = forms.CharField(label=gettext_lazy("Telephone"), max_length=32, required=False)
    address = forms.CharField(label=gettext_lazy("Address"), max_length=240, required=False)
    note = forms.CharField(label=gettext_lazy("Note"), required=False, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *words: object, **names: object) -> None:
        super().__init__(*words, **names)  # type: ignore[arg-type]
        types = CustomerType.objects.order_by("name").values_list("name", flat=True)
        self.fields["customer_type"].choices = [("", _("(none)")), *((one, one) for one in types)]  # type: ignore[attr-defined]

    def facts(self) -> CustomerFacts:
        """Return the typed facts."""
        return CustomerFacts(**{name: self.cleaned_data[name] for name in CustomerFacts.__dataclass_fields__})


class KnownCustomerForm(CustomerForm):
    """The facts about a customer who is in the record."""

    is_active = forms.BooleanField(label=gettext_lazy("Is a customer"), required=False)


@page("order")
def customers(request: OfficeRequest) -> HttpResponse:
    """Show the list of customers."""
    text = searched(request)
    found = people.find_customers(text, after(request))
    return render(request, "pages/office/customers.html", {"found": found, "text": text})


@page("order")
def new_customer(request: OfficeRequest) -> HttpResponse:
    """Add a customer."""
    form = CustomerForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        added = attempt(request, people.add_customer, request.office, request.actor, form.facts())
        if added is not None:
            messages.success(request, _("Customer %(number)s is added.") % {"number": added.number})
            return redirect("customer", added.number)
    return render(request, "pages/form.html", {"form": form, "title": _("New customer"), "button": _("Add")})


@page("order")
def customer(request: OfficeRequest, number: int) -> HttpResponse:
    """Show a customer with all tenancies, and change the facts or the wishes for messages."""
    known = _known(number)
    is_wish = request.POST.get("do") == "wishes"
    form = KnownCustomerForm(None if is_wish else request.POST or None, initial=_initial(known))
    wishes = WishesForm(
        request.POST if is_wish else None, message_wishes.wishes_of(known), SENT_CHANNELS, has_language=False
    )
    if wishes.is_bound and wishes.is_valid():
        saved = _("The change is saved.")
        if done(request, saved, message_wishes.change, request.office, request.actor, number, wishes.wishes()):
            return redirect("customer", number)
    if form.is_bound and form.is_valid():
        words, is_active = _("The change is saved."), form.cleaned_data["is_active"]
        change = people.change_customer
        if done(request, words, change, request.office, request.actor, number, form.facts(), is_active):
            return redirect("customer", number)
    content = {
        "customer": known,
        "form": form,
        "wishes": wishes,
        "quiet": quiet_words(),
        "tenancies": watching.with_accounts(people.tenancies_of(known)),
    }
    return render(request, "pages/office/customer.html", content)


def _known(number: int) -> Customer:
    try:
        return people.customer(number)
    except ValueError as error:
        raise Http404(str(error)) from None


def _initial(known: Customer) -> dict[str, object]:
    names = ("name", "language", "email", "phone", "address", "note", "is_active")
    kind = known.customer_type
    return {**{name: getattr(known, name) for name in names}, "customer_type": "" if kind is None else kind.name}
