"""The form of a customer's wishes for messages, for the office and for the tenant."""

from collections.abc import Collection

from django import forms
from django.utils.translation import gettext_lazy as _

from wattpurse_tools.headend.message_wishes import Wishes
from wattpurse_tools.pages.message_words import CHANNELS, KINDS
from wattpurse_tools.pages.settings import LANGUAGES


class WishesForm(forms.Form):
    """The wishes of a customer. `shown` are the channels of the form. The others stay as they are.

    The language is in the form with `has_language`: the office has it among the facts of the customer already.
    """

    channels = forms.MultipleChoiceField(label=_("Channels"), required=False, widget=forms.CheckboxSelectMultiple)
    kinds = forms.MultipleChoiceField(
        label=_("Messages"), required=False, choices=KINDS, widget=forms.CheckboxSelectMultiple
    )
    language = forms.ChoiceField(label=_("Language"), choices=LANGUAGES)

    def __init__(self, typed: object, known: Wishes, shown: Collection[str], has_language: bool = True) -> None:
        initial = {"channels": list(known.channels), "kinds": list(known.kinds), "language": known.language}
        super().__init__(typed, initial=initial)  # type: ignore[arg-type]
        self._known = known
        self._shown = shown
        self.fields["channels"].choices = [one for one in CHANNELS if one[0] in shown]  # type: ignore[attr-defined]
        if not shown:
            del self.fields["channels"]
        if not has_language:
            del self.fields["language"]

    def wishes(self) -> Wishes:
        """Return the wishes of a valid form."""
        kept = [one for one in self._known.channels if one not in self._shown]
        facts = self.cleaned_data
        return Wishes(
            channels=(*kept, *facts.get("channels", ())),
            kinds=tuple(facts["kinds"]),
            language=facts.get("language", self._known.language),
        )
