"""The forms of managed accounts: opened, changed, a deposit, closed. Money is typed in the currency of the site."""

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from wattpurse_tools.headend import accounts
from wattpurse_tools.office.sale_types import BANK_TYPES
from wattpurse_tools.pages.amount_texts import parse_money, typed_money
from wattpurse_tools.pages.receipts.document import payment_text
from wattpurse_tools.pages.refusal_words import in_words
from wattpurse_tools.record.models import ManagedAccount, Tenancy

_AMOUNT_LENGTH = 20


class MoneyField(forms.CharField):
    """An amount of money. Its value is in micro-units."""

    def __init__(self, label: str) -> None:
        widget = forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        super().__init__(label=label, max_length=_AMOUNT_LENGTH, widget=widget)

    def clean(self, value: object) -> int:
        """Return the micro-units of a typed amount."""
        text = super().clean(value)
        try:
            return parse_money(text, accounts.currency().decimals)
        except ValueError as refusal:
            raise forms.ValidationError(in_words(refusal)) from None


class TermsForm(forms.Form):
    """The credit limit and the priority of an account."""

    limit = MoneyField(gettext_lazy("Limit: the customer may owe so much"))
    priority = forms.IntegerField(
        label=gettext_lazy("Priority in a shortage, 0 to 9 (9 always stays on)"), min_value=0, max_value=9
    )

    @classmethod
    def of(cls, typed: object, account: ManagedAccount) -> "TermsForm":
        """Return the form with the terms of an account, and with the typed ones if there are some."""
        limit = typed_money(account.limit_microunits, accounts.currency().decimals)
        return cls(typed, initial={"limit": limit, "priority": account.priority})  # type: ignore[arg-type]


class OpenForm(TermsForm):
    """An account to open, by the meter of the tenancy."""

    meter = forms.IntegerField(label=gettext_lazy("Meter"), min_value=1, max_value=(1 << 32) - 1)
    field_order = ["meter", "limit", "priority"]

    def clean_meter(self) -> Tenancy:
        """Return the tenancy at the meter."""
        found = Tenancy.objects.filter(meter_number=self.cleaned_data["meter"], until_s=None).first()
        if found is None:
            raise forms.ValidationError(_("There is no tenant at this meter. Move the customer in first."))
        return found


class _PaidForm(forms.Form):
    """A form with a way to pay through the bank."""

    payment_type = forms.ChoiceField(label=gettext_lazy("Paid by"))

    def __init__(self, *words: object, **names: object) -> None:
        super().__init__(*words, **names)  # type: ignore[arg-type]
        self.fields["payment_type"].choices = [(one, payment_text(one)) for one in BANK_TYPES]  # type: ignore[attr-defined]


class DepositForm(_PaidForm):
    """A deposit that the office takes."""

    amount = MoneyField(gettext_lazy("Amount"))
    field_order = ["amount", "payment_type"]


class ClosingForm(_PaidForm):
    """The close of an account, with the words for a second person if something is paid back."""

    reason = forms.CharField(label=gettext_lazy("Reason, for the second person"), max_length=400, required=False)
    approval = forms.CharField(label=gettext_lazy("Approved request"), max_length=64, required=False)
