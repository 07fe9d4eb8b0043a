"""The rows of a sale, written again by plain statements: the floor that a sale is measured against.

A sale writes to two places, each with durable writes of its own, and so does its copy. The record gets the receipt with
its lines, the token, the ledger's entry with its transfers, the audit entry, and the changes of shop and meter, in one
transaction. The vault gets the count of the meter, the operator's sum of the day and its anchor of the log in one
transaction, and after that a line of its log. Nothing is looked up, checked or sealed for a copy.
"""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.db import connection, transaction
from django.db.models import Model

from wattpurse_tools.ledger.models import Entry, Transfer
from wattpurse_tools.record.models import AuditEntry, Sale, SaleLine, Shop, Token
from wattpurse_tools.vault import counters
from wattpurse_tools.vault.counters import Counters
from wattpurse_tools.vault.files import Folder
from wattpurse_tools.vault.interface import LogEntry
from wattpurse_tools.vault.log_file import LogFile
from wattpurse_tools.vault.rules import DAY_S, Amounts

_OFFSET = 1_000_000_000  # receipt numbers of copies
_SEQUENCES = 1 << 26  # token numbers of copies

Statement = tuple[str, list[Any]]


def copies_of(sale: Sale) -> list[Statement]:
    """Return the statements that write the rows of a sale once more, under other unique values."""
    entry = Entry.objects.get(document=f"sale:{sale.pk}")
    token = Token.objects.get(sale=sale)
    trail = AuditEntry.objects.order_by("-id")[0]
    shop = Shop._meta.db_table
    statements: list[Statement] = [
        (f"UPDATE {shop} SET last_receipt = last_receipt WHERE id = %s", [sale.shop.pk]),
        ("UPDATE meters SET last_count = last_count WHERE number = %s", [sale.meter_number]),
    ]
    own = {"receipt_number": sale.receipt_number + _OFFSET, "client_key": f"{sale.client_key}-copy"}
    statements.append(_insert(sale, own))
    statements += [_insert(line, {}) for line in SaleLine.objects.filter(sale=sale)]
    statements.append(_insert(token, {"sequence": token.sequence + _SEQUENCES}))
    statements.append(_insert(entry, {"key": f"{entry.key}-copy"}))
    statements += _insert_all(list(Transfer.objects.filter(entry=entry)))
    statements.append(_insert(trail, {"hash": hashlib.sha256(sale.client_key.encode()).hexdigest()}))
    return statements


def write(statements: Sequence[Statement]) -> None:
    """Write rows to the record in one durable transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        for sql, values in statements:
            cursor.execute(sql, values)


class VaultCopy:
    """A folder with the vault's counters and log at `path`, which is new, beside the folder of the vault itself."""

    def __init__(self, path: Path) -> None:
        path.mkdir(mode=0o700)
        self._folder = Folder(path)
        counters.create(self._folder, "bench", 1)
        self._counters = Counters(self._folder)
        self._log = LogFile(self._folder, bytes(16))

    def write(self, meter: int, issued: LogEntry) -> None:
        """Write the rows of a sale to a meter, whose line of the vault's log is `issued`."""
        with self._counters.transaction():
            self._counters.raise_count(meter, issued.number)
            self._counters.note_amounts(issued.operator or 0, int(time.time()) // DAY_S, Amounts(issued.number))
            self._counters.note("log_number", self._log.number)
            self._counters.note("log_link", self._log.link)
        self._log.append(issued.time_s, issued.operator, issued.action, issued.details)

    def close(self) -> None:
        """Close the files."""
        for part in (self._log, self._counters, self._folder):
            part.close()


def _insert(row: Model, other: dict[str, object]) -> Statement:
    return _statement([row], other)


def _insert_all(rows: Sequence[Model]) -> list[Statement]:
    return [_statement(rows, {})]


def _statement(rows: Sequence[Model], other: dict[str, object]) -> Statement:
    """Return the INSERT of rows without their ids."""
    fields = [field for field in rows[0]._meta.concrete_fields if not field.primary_key]
    names = ", ".join(field.column for field in fields)
    places = ", ".join(["(" + ", ".join(["%s"] * len(fields)) + ")"] * len(rows))
    values = [
        field.get_db_prep_save(other.get(field.attname, getattr(row, field.attname)), connection)
        for row in rows
        for field in fields
    ]
    return f"INSERT INTO {rows[0]._meta.db_table} ({names}) VALUES {places}", values
