"""A field for a text in English that a page can show in its own language: see `wattpurse_tools.refusals.Words`.

The column has the text and its values as JSON, `[text, {name: value}]`. A row from before this form has the text alone.
"""

import json

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper

from wattpurse.core.currency import Currency
from wattpurse_tools.refusals import Money, Words

_BEGIN = '["'  # no text from before begins so
_MICROUNITS = "microunits"


class WordsField(models.TextField):
    """A text. Read from the database it is `Words`, which are equal to their English text."""

    def from_db_value(self, value: str, _expression: object, _connection: BaseDatabaseWrapper) -> str:
        """Return the words of a column."""
        return _words(*json.loads(value)) if value.startswith(_BEGIN) else value

    def get_prep_value(self, value: str) -> str:
        """Return the column of a text."""
        return json.dumps(_written(value if isinstance(value, Words) else Words(value))) if value else ""


def _written(value: object) -> object:
    if isinstance(value, Words):
        return [value.text, {name: _written(one) for name, one in value.values.items()}]
    if isinstance(value, Money):
        return {_MICROUNITS: value.microunits, "currency": value.currency.code, "decimals": value.currency.decimals}
    return value if isinstance(value, int) else str(value)


def _read(value: object) -> object:
    if isinstance(value, list):
        return _words(*value)
    if isinstance(value, dict):
        return Money(value[_MICROUNITS], Currency(value["currency"], value["decimals"]))
    return value


def _words(text: str, values: dict[str, object]) -> Words:
    return Words(text, **{name: _read(one) for name, one in values.items()})
