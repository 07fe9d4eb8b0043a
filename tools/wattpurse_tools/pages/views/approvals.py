"""The page of approvals: the requests that wait, with their reasons, and the second person's decision with a PIN."""

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters

from wattpurse_tools.office import decisions
from wattpurse_tools.office.decisions import Decider
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.views.acting import done

_PIN_SIZE = 256


class DecisionForm(forms.Form):
    """The second person's number and PIN, and the reason of a denial."""

    operator = forms.IntegerField(label=gettext_lazy("Second person"), min_value=1)
    pin = forms.CharField(
        label=gettext_lazy("PIN"),
        max_length=_PIN_SIZE,
        widget=forms.PasswordInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
    )
    reason = forms.CharField(label=gettext_lazy("Reason, to deny"), max_length=400, required=False)


@sensitive_post_parameters("pin")
@page()
def approvals(request: OfficeRequest) -> HttpResponse:
    """Show the requests, and take a decision of the second person."""
    form = DecisionForm(request.POST or None)
    number = request.POST.get("request", "")
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        is_approved = "approve" in request.POST
        decider = Decider(facts["operator"], facts["pin"])
        words = _("The request is approved.") if is_approved else _("The request is denied.")
        made = (request.office, request.actor, decider, number, is_approved, facts["reason"])
        if done(request, words, decisions.decide, *made):
            return redirect("approvals")
    waiting, decided = decisions.waiting(request.office, request.actor)
    content = {
        "waiting": [(one, form if one.number == number else DecisionForm()) for one in waiting],
        "decided": decided,
    }
    return render(request, "pages/manager/approvals.html", content)
