"""Rows of many meters in one statement: on PostgreSQL each column is one parameter, an array."""

from collections.abc import Sequence
from typing import Any

from django.db import connection


def insert(into: str, types: Sequence[str], rows: Sequence[tuple[Any, ...]], conflict: str) -> None:
    """Insert rows in one statement on PostgreSQL, and one by one on SQLite.

    `into` is the begin of the statement with the names of the columns. `types` are their types on PostgreSQL.
    `conflict` is the clause ON CONFLICT.
    """
    if not rows:
        return
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(f"{into} SELECT * FROM unnest({arrays(types)}) {conflict}", columns(rows))
        else:
            places = ", ".join(["%s"] * len(types))
            cursor.executemany(f"{into} VALUES ({places}) {conflict}", list(rows))


def arrays(types: Sequence[str]) -> str:
    """Return the parameters of `unnest` for columns of these types of PostgreSQL."""
    return ", ".join(f"%s::{name}[]" for name in types)


def columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Return the values of these parameters: a list for each column."""
    return [list(column) for column in zip(*rows, strict=True)]
