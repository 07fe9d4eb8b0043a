"""Rows of many meters in one statement: on PostgreSQL all of them are one parameter, an array of JSON.

Django, and the driver with an array for each column, take longer to write the parameters than the database takes to
work on them.
"""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import orjson
from django.db import connection

Row = tuple[Any, ...]


def insert(table: str, columns: Mapping[str, str], rows: Sequence[Row], conflict: str) -> int:
    """Insert rows in one statement on PostgreSQL, and one by one on SQLite. Return how many were written.

    `columns` are the names and the types on PostgreSQL. `conflict` is the clause ON CONFLICT, in which `before` is
    the row in the table. A dict is written as JSON.
    """
    if not rows:
        return 0
    names = ", ".join(columns)
    into = f"INSERT INTO {table} AS before ({names})"
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(
                f"{into} SELECT {names} FROM {recordset(columns)} {conflict}",
                [parameter(columns, rows)],
            )
        else:
            places = ", ".join(["%s"] * len(columns))
            texts = [[json_text(value) if isinstance(value, dict) else value for value in row] for row in rows]
            cursor.executemany(f"{into} VALUES ({places}) {conflict}", texts)
        return cursor.rowcount


def recordset(columns: Mapping[str, str]) -> str:
    """Return the table `new` of PostgreSQL whose rows are in one parameter."""
    return f"json_to_recordset(%s) AS new ({', '.join(f'{name} {kind}' for name, kind in columns.items())})"


def parameter(columns: Iterable[str], rows: Iterable[Row]) -> str:
    """Return this parameter."""
    return json_text([dict(zip(columns, row, strict=True)) for row in rows])


def among(column: str, numbers: Iterable[int]) -> tuple[str, list[Any]]:
    """Return the condition that `column` has one of `numbers` in SQL, and its parameters."""
    found = sorted(numbers)
    if connection.vendor == "postgresql":
        return f"{column} = ANY (%s::bigint[])", [f"{{{','.join(map(str, found))}}}"]
    return f"{column} IN ({', '.join(['%s'] * len(found))})", list(found)


def pairs(alias: str, columns: tuple[str, str], rows: Collection[tuple[int, int]]) -> tuple[str, list[Any]]:
    """Return a table of pairs of numbers in SQL, under a name, and its parameters."""
    if connection.vendor == "postgresql":
        arrays = [f"{{{','.join(map(str, side))}}}" for side in zip(*rows, strict=True)]
        return f"unnest(%s::bigint[], %s::bigint[]) AS {alias} ({', '.join(columns)})", arrays
    first, second = columns
    taken = f"json_extract(value, '$[0]') AS {first}, json_extract(value, '$[1]') AS {second}"
    return f"(SELECT {taken} FROM json_each(%s)) AS {alias}", [json_text(list(rows))]


def as_text(column: str) -> str:
    """Return the text of a column with JSON, in SQL: the driver would read it more slowly."""
    return f"{column}::text" if connection.vendor == "postgresql" else column


def json_text(value: object) -> str:
    """Return a value as JSON. The names of an object may be numbers."""
    try:
        return orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:  # a number of more than 64 bits
        return json.dumps(value)
