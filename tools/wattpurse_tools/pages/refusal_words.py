"""The words of refusals in the language in force. Amounts of money have the separators of the language."""

from django.utils.translation import gettext

from wattpurse_tools.pages.amount_texts import money_text
from wattpurse_tools.refusals import Money, Words, words_of


def in_words(said: object) -> str:
    """Return an exception, or a text of the office, in the language in force. Other values are shown as they are."""
    told = words_of(said) if isinstance(said, Exception) else said
    if isinstance(told, Words):
        text = gettext(told.text) if told.text else ""
        return text % {name: in_words(value) for name, value in told.values.items()} if told.values else text
    if isinstance(told, Money):
        return money_text(told.microunits, told.currency.code, told.currency.decimals)
    return str(told)
