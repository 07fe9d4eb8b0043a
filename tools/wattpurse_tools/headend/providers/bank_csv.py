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
from datetime import UTC, datetime
from typing import Any

from wattpurse_tools.headend.providers.amounts import micro_of_text
from wattpurse_tools.headend.providers.bank import Entry, StatementRead, joined
from wattpurse_tools.headend.providers.notices import Malformed
from wattpurse_tools.headend.providers.provider_file import Provider


def read(provider: Provider, content: bytes, currency: str) -> StatementRead:
    """Return the rows with an amount above zero. Raise Malformed if a column is not there or a row is unreadable."""
    settings = provider.settings
    columns = settings.get("columns", {})
    entries: list[Entry] = []
    left_out: list[str] = []
    equal: Counter[str] = Counter()
    try:
        text = content.decode(settings.get("encoding", "utf-8-sig"))
        rows = csv.DictReader(io.StringIO(text), delimiter=settings.get("delimiter", ";"))
        for place, row in enumerate(rows, 2):
            _refuse_other_length(row, place)
            amount = micro_of_text(row[columns["amount"]], settings.get("decimal", ","), settings.get("group", "."))
            number = _number(row, columns, equal)
            if amount <= 0:
                left_out.append(f"line {place}: no credit")
                continue
            day = datetime.strptime(row[columns["date"]].strip(), settings.get("date_format", "%d.%m.%Y"))
            said = columns["text"] if isinstance(columns["text"], list) else [columns["text"]]
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
    except (KeyError, ValueError, AttributeError, LookupError, csv.Error) as error:
        raise Malformed(f"this is no statement with the columns of {provider.name}: {error}") from None
    return StatementRead(tuple(entries), tuple(left_out))


def _refuse_other_length(row: dict[Any, Any], place: int) -> None:
    """Refuse a row with more or fewer fields than the first one. Empty fields at its end are no more fields."""
    more = row.pop(None, [])  # where a DictReader puts fields without a name
    if any(more) or None in row.values():
        raise ValueError(f"line {place} has another number of fields than the first line")


def _number(row: dict[str, str], columns: dict[str, str], equal: "Counter[str]") -> str:
    if "number" in columns:
        number = row[columns["number"]].strip()
        if not number:
            raise ValueError("a row has no number")
        return number
    digest = hashlib.sha256(repr(sorted(row.items())).encode()).hexdigest()[:32]
    equal[digest] += 1
    return f"{digest}/{equal[digest]}"
