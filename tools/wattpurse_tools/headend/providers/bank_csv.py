"""Bank statements in CSV. The settings of the provider say which column is which.

| setting | meaning | usual |
|---|---|---|
| `columns` | names of the columns `number`, `amount`, `date`, `text` (one or several), `payer`, `currency` | |
| `delimiter`, `decimal`, `group` | separators of columns, decimals and thousands | `;` `,` `.` |
| `date_format` | by strptime | `%d.%m.%Y` |
| `encoding` | of the file | `utf-8-sig` |
| `currency` | if no column has it | that of the office |

Without a column `number` an entry is known by its whole row, and equal rows by their place among them. A statement that
has one of two equal rows only is then not told from one with the other, so name a column if the bank gives one.
"""

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from wattpurse_tools.headend.providers.amounts import micro_of_text
from wattpurse_tools.headend.providers.bank import Entry, StatementRead, joined
from wattpurse_tools.headend.providers.notices import Malformed
from wattpurse_tools.headend.providers.provider_file import Provider
from wattpurse_tools.refusals import Refusal, Words, words_of

_Value = TypeVar("_Value")

_NEEDED = ("amount", "date", "text")


def read(provider: Provider, content: bytes, currency: str) -> StatementRead:
    """Return the rows with an amount above zero. Raise Malformed if a column is not there or a row is unreadable."""
    settings = provider.settings
    columns = settings.get("columns", {})
    separators = {"decimal": settings.get("decimal", ","), "group": settings.get("group", ".")}
    amount_of = partial(micro_of_text, **separators)
    day_of = partial(_day, form=settings.get("date_format", "%d.%m.%Y"))
    entries: list[Entry] = []
    left_out: list[str] = []
    equal: Counter[str] = Counter()
    try:
        rows = csv.DictReader(
            io.StringIO(_decoded(content, settings.get("encoding", "utf-8-sig"))),
            delimiter=settings.get("delimiter", ";"),
        )
        _refuse_missing_columns(columns, rows.fieldnames or ())
        for row in rows:
            place = rows.line_num
            _refuse_other_length(row, place)
            amount = _read(row, columns["amount"], place, amount_of)
            number = _number(row, columns, equal, place)
            if amount <= 0:
                left_out.append(f"line {place}: no credit")
                continue
            day = _read(row, columns["date"], place, day_of)
            said = _texts(columns)
            entries.append(
                Entry(
                    number,
                    amount,
                    row[columns["currency"]].strip() if "currency" in columns else settings.get("currency", currency),
                    joined([row[one] for one in said]),
                    joined([row[columns["payer"]]]) if "payer" in columns else "",
                    int(day.replace(tzinfo=UTC).timestamp()),
                )
            )
    except (ValueError, AttributeError, LookupError, TypeError, csv.Error) as error:
        raise Malformed(
            Words(
                "this is no statement with the columns of %(name)s: %(fault)s",
                name=provider.name,
                fault=words_of(error),
            )
        ) from None
    return StatementRead(tuple(entries), tuple(left_out))


def _decoded(content: bytes, encoding: str) -> str:
    try:
        return content.decode(encoding)
    except UnicodeError:
        raise Refusal(
            'the file is not in %(encoding)s; name its encoding in the setting "encoding"', encoding=encoding
        ) from None


def _texts(columns: dict[str, Any]) -> list[str]:
    return columns["text"] if isinstance(columns["text"], list) else [columns["text"]]


def _refuse_missing_columns(columns: dict[str, Any], names: Sequence[str]) -> None:
    """Refuse settings without the columns that are needed, and a file without a column of the settings."""
    for what in _NEEDED:
        if what not in columns:
            raise Refusal(
                'the settings of the bank do not tell the column "%(what)s"; docs/headend-pay.md has an example',
                what=what,
            )
    wanted = [*(columns[what] for what in columns if what != "text"), *_texts(columns)]
    for column in wanted:
        if column not in names:
            raise Refusal(
                'the file has no column "%(column)s"; its columns are: %(names)s', column=column, names=", ".join(names)
            )


def _read(row: dict[str, str], column: str, place: int, read: Callable[[str], _Value]) -> _Value:
    """Return a value of a row. The refusal of an unreadable one tells line and column."""
    try:
        return read(row[column])
    except ValueError as error:
        raise Refusal(
            'line %(place)s, column "%(column)s": %(fault)s', place=place, column=column, fault=words_of(error)
        ) from None


def _day(text: str, form: str) -> datetime:
    try:
        return datetime.strptime(text.strip(), form)
    except ValueError:
        raise Refusal("%(text)s is no date of the form %(form)s", text=repr(text), form=form) from None


def _refuse_other_length(row: dict[Any, Any], place: int) -> None:
    """Refuse a row with more or fewer fields than the first one. Empty fields at its end are no more fields."""
    more = row.pop(None, [])  # where a DictReader puts fields without a name
    if any(more) or None in row.values():
        raise Refusal("line %(place)s has another number of fields than the first line", place=place)


def _number(row: dict[str, str], columns: dict[str, str], equal: "Counter[str]", place: int) -> str:
    if "number" in columns:
        return _read(row, columns["number"], place, _filled)
    digest = hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()[:32]
    equal[digest] += 1
    return f"{digest}/{equal[digest]}"


def _filled(text: str) -> str:
    if not text.strip():
        raise Refusal("it is empty")
    return text.strip()
