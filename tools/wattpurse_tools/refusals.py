"""Refusals whose words can be translated: each keeps its English text with named places, and the values of the places.

`str()` of a refusal is the English text with its values: the command line and programs show it. The pages look the text
up in the words of their language (`pages.refusal_words`). `make translations` collects the texts from the calls of
`Words`, `Refusal`, `Failure` and their subclasses, so the first argument of such a call is a literal.
"""

from collections.abc import Sequence
from functools import reduce
from typing import Self

from wattpurse.core.currency import Currency


class Words(str):
    """A text in English, with its translatable form: `text` has places such as %(number)s for its `values`.

    A value may be `Words` or `Money`, which a page shows in its own language.
    """

    __slots__ = ("text", "values")

    text: str
    values: dict[str, object]

    def __new__(cls, text: str, /, **values: object) -> Self:
        """Return the English text with its values."""
        made = super().__new__(cls, text % values if values else text)
        made.text, made.values = text, values
        return made


class Money(str):
    """An amount of money in English, with its micro-units and its currency."""

    __slots__ = ("currency", "microunits")

    microunits: int
    currency: Currency

    def __new__(cls, microunits: int, currency: Currency) -> Self:
        """Return the amount as the command line shows it."""
        made = super().__new__(cls, currency.exact_text(microunits))
        made.microunits, made.currency = microunits, currency
        return made


class Refusal(ValueError):
    """The refusal of an action. `words` has its text and values."""

    def __init__(self, text: str, /, **values: object) -> None:
        self.words = _words(text, values)
        super().__init__(str(self.words))


class Failure(OSError):
    """The failure of a card or a device. `words` has its text and values."""

    def __init__(self, text: str, /, **values: object) -> None:
        self.words = _words(text, values)
        super().__init__(str(self.words))


def words_of(error: Exception) -> str:
    """Return the words of an exception: `Words` if it has them, so that a page can translate them."""
    told = error.args[0] if error.args else ""
    return getattr(error, "words", told if isinstance(told, Words) else str(error))


def one_of(words: Sequence[str]) -> str:
    """Return alternatives, such as "money or kWh"."""
    return reduce(_or, words)


def all_of(words: Sequence[str]) -> str:
    """Return a list, such as "token 1, token 2"."""
    return reduce(_and, words)


def _or(first: str, second: str) -> str:
    return Words("%(first)s or %(second)s", first=first, second=second)


def _and(first: str, second: str) -> str:
    return Words("%(first)s, %(second)s", first=first, second=second)


def _words(text: str, values: dict[str, object]) -> Words:
    return text if isinstance(text, Words) and not values else Words(text, **values)
