"""The table of statements on PostgreSQL: a partition for each month of UTC, and one for all other times.

A month is found by the time of the statement, which the meter tells. The office and the workers make the partitions of
this month, of the one before and of the next two. Statements of a month that has no partition are in
`statements_other`. They are found as all others are. A month whose statements came there first gets no partition any
more, for rows of this table are never moved. SQLite has one table.
"""

import calendar
import time

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import OperationalError

from wattpurse_tools.record.append_only import refusing_change

TABLE = "statements"
OTHER = "statements_other"

_LOCK_WAIT = "2s"
_MONTHS_BEFORE = 1
_MONTHS_AHEAD = 2
_MONTHS_A_YEAR = 12
_DAY_S = 86_400


def make_months(now_s: int) -> int:
    """Make the partitions that the next weeks need. Return how many were made: 0 if another process does it now.

    The caller has no transaction open. The table is locked for a moment. If it cannot be had in two seconds, nothing
    is made: the next call tries again.
    """
    if connection.vendor != "postgresql":
        return 0
    this_month = month_of(now_s)
    wanted = range(this_month - _MONTHS_BEFORE, this_month + _MONTHS_AHEAD + 1)
    known = partitions()
    missing = [month for month in wanted if name_of(month) not in known]
    return sum(_make_one(month) for month in missing)


def partitions() -> set[str]:
    """Return the names of the partitions."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass", [TABLE])
        return {row[0] for row in cursor.fetchall()}


def divide(database: BaseDatabaseWrapper) -> None:
    """Replace the whole table of a PostgreSQL database by one with partitions. A migration calls this, once.

    Its key has the time too: PostgreSQL wants the time in each unique index of such a table.
    """
    with database.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} RENAME TO whole_statements")
        cursor.execute(
            f"CREATE TABLE {TABLE} (LIKE whole_statements INCLUDING DEFAULTS, PRIMARY KEY (id, time_s))"
            " PARTITION BY RANGE (time_s)"
        )
        cursor.execute("ALTER TABLE whole_statements DROP CONSTRAINT one_statement")
        cursor.execute("DROP INDEX statements_by_time")
        cursor.execute(f"ALTER TABLE {TABLE} ADD CONSTRAINT one_statement UNIQUE (meter_id, time_s, total_mwh)")
        cursor.execute(f"CREATE INDEX statements_by_time ON {TABLE} (time_s)")
        cursor.execute(
            f"ALTER TABLE {TABLE} ADD CONSTRAINT statements_of_meter FOREIGN KEY (meter_id) REFERENCES meters (number)"
            " DEFERRABLE INITIALLY DEFERRED"
        )
        cursor.execute("SELECT time_s / 86400, max(id) FROM whole_statements GROUP BY 1")
        days = cursor.fetchall()
        next_id = max((highest for _, highest in days), default=0) + 1
        months = {month_of(day * _DAY_S) for day, _ in days}
        for statement in [f"CREATE TABLE {OTHER} PARTITION OF {TABLE} DEFAULT", *map(_made, sorted(months))]:
            cursor.execute(statement)
        cursor.execute(f"INSERT INTO {TABLE} SELECT * FROM whole_statements")
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # no table is altered while its rows wait to be checked
        cursor.execute("DROP TABLE whole_statements")
        cursor.execute(f"CREATE SEQUENCE statements_id_seq AS bigint START {next_id} OWNED BY {TABLE}.id")
        cursor.execute(f"ALTER TABLE {TABLE} ALTER COLUMN id SET DEFAULT nextval('statements_id_seq')")
        for statement in refusing_change("postgresql", (TABLE, OTHER, *map(name_of, sorted(months)))):
            cursor.execute(statement)


def month_of(time_s: int) -> int:
    """Return the number of a month of UTC, counted from year 0."""
    moment = time.gmtime(time_s)
    return moment.tm_year * _MONTHS_A_YEAR + moment.tm_mon - 1


def name_of(month: int) -> str:
    """Return the name of the partition of a month."""
    year, place = divmod(month, _MONTHS_A_YEAR)
    return f"{TABLE}_{year:04}_{place + 1:02}"


def _make_one(month: int) -> int:
    """Make a partition. Return 1, or 0 if it cannot be made now."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'")
            cursor.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
            if name_of(month) in partitions() or _came_before(month):
                return 0
            for statement in [_made(month), *refusing_change("postgresql", (name_of(month),))]:
                cursor.execute(statement)
            return 1
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") == "55P03":  # the lock cannot be had now
            return 0
        raise


def _came_before(month: int) -> bool:
    """Return True if statements of the month are in the partition of all other times."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT EXISTS (SELECT FROM {OTHER} WHERE time_s >= %s AND time_s < %s)",
            [_start_s(month), _start_s(month + 1)],
        )
        bounds = [_start_s(month), _start_s(month + 1)]
        cursor.execute(f"SELECT FROM {OTHER} WHERE time_s >= %s AND time_s < %s LIMIT 1", bounds)
        return bool(cursor.fetchall())


def _made(month: int) -> str:
    """Return the SQL that makes the partition of a month."""
    bounds = f"FROM ({_start_s(month)}) TO ({_start_s(month + 1)})"
    return f"CREATE TABLE {name_of(month)} PARTITION OF {TABLE} FOR VALUES {bounds}"


def _start_s(month: int) -> int:
    year, place = divmod(month, _MONTHS_A_YEAR)
    return calendar.timegm((year, place + 1, 1, 0, 0, 0))
