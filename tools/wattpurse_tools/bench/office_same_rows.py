"""The rows of a sale, written again by plain inserts: the floor that a sale is measured against."""

import hashlib
from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction
from django.db.models import Model

from wattpurse_tools.ledger.models import Entry, Transfer
from wattpurse_tools.record.models import AuditEntry, Sale, SaleLine, Shop, Token

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
    """Write rows in one durable transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        for sql, values in statements:
            cursor.execute(sql, values)


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
