"""No index of the record is the begin of another one: each write of a row would pay for both."""

from django.apps import apps
from django.db import connection


def partial_names():
    """Yield the names of the indexes that have some rows alone."""
    for model in apps.get_app_config("record").get_models():
        for one in (*model._meta.indexes, *model._meta.constraints):
            if getattr(one, "condition", None) is not None:
                yield one.name


def indexes_of(cursor, table):
    """Return whether each index is of rows that are unique, and its columns, by its name."""
    left_out = set(partial_names())
    return {
        name: (one["unique"] or one["primary_key"], tuple(one["columns"]))
        for name, one in connection.introspection.get_constraints(cursor, table).items()
        if (one["index"] or one["unique"] or one["primary_key"]) and one["columns"]
        if name not in left_out and not name.endswith("_like")
    }


def test_no_index_is_the_begin_of_another(any_office):
    needless = []
    with connection.cursor() as cursor:
        for model in apps.get_app_config("record").get_models():
            found = indexes_of(cursor, model._meta.db_table)
            needless += [
                f"{name} is the begin of {other}"
                for name, (is_unique, columns) in found.items()
                for other, (_, more) in found.items()
                if not is_unique and name != other and more[: len(columns)] == columns
            ]
    assert needless == []


CHANGED_BY_EACH_STATEMENT = {
    "meters": {"unit", "told_s", "alarms", "balance", "days_left", "tenant", "closed_months", "newest", "seen_s"},
    "monthly_readings": {"total_wh", "rate_wh", "charge_microunits", "is_closed"},
}


def test_no_index_has_a_column_that_each_statement_changes(any_office):
    """Let PostgreSQL change such a row in place, where it writes no index."""
    with connection.cursor() as cursor:
        for table, changed in CHANGED_BY_EACH_STATEMENT.items():
            columns = {column.name for column in connection.introspection.get_table_description(cursor, table)}
            assert changed <= columns
            indexed = {column for _, names in indexes_of(cursor, table).values() for column in names}
            assert not changed & indexed, f"{table}: {changed & indexed}"
