"""Statements by month: a partition for each month on PostgreSQL, and one table on SQLite."""

import calendar
import threading

import pytest
from django.db import connection, connections, transaction
from django.db.utils import DatabaseError

from wattpurse_tools.record import statement_months
from wattpurse_tools.record.models import Meter, Statement

on_postgresql = pytest.mark.parametrize("any_folder", ["postgresql"], indirect=True)
FACTS = {"unit": "money", "contract": 1, "balance": 5}
START_S = calendar.timegm((2031, 11, 30, 12, 0, 0))
DAY_S = 86_400


@pytest.fixture
def meter(any_office):
    return Meter.objects.create(number=7001, currency="EUR", decimals=2)


def state(meter, time_s, total_mwh=0):
    return Statement.objects.create(meter=meter, time_s=time_s, total_mwh=total_mwh, **FACTS)


def rows_in(table):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT time_s FROM {table} ORDER BY time_s")
        return [row[0] for row in cursor.fetchall()]


def test_statements_of_all_times_are_found(meter):
    made = statement_months.make_months(START_S)
    assert made == (4 if connection.vendor == "postgresql" else 0)
    times = [0, START_S - 400 * DAY_S, START_S, START_S + DAY_S, START_S + 40 * DAY_S, START_S + 4000 * DAY_S]
    numbers = [state(meter, time_s).pk for time_s in times]
    assert len(set(numbers)) == len(times)
    assert list(Statement.objects.order_by("time_s").values_list("time_s", flat=True)) == times
    assert [Statement.objects.get(pk=number).time_s for number in numbers] == times
    with pytest.raises(DatabaseError), transaction.atomic():
        state(meter, START_S)


@on_postgresql
def test_each_month_has_a_partition(meter):
    statement_months.make_months(START_S)
    for time_s in (START_S, START_S + DAY_S - 1, START_S + DAY_S, START_S + 4000 * DAY_S):
        state(meter, time_s)
    assert rows_in("statements_2031_11") == [START_S]
    assert rows_in("statements_2031_12") == [START_S + DAY_S - 1, START_S + DAY_S]
    assert rows_in("statements_other") == [START_S + 4000 * DAY_S]


@on_postgresql
def test_months_are_made_once_and_before_they_begin(meter):
    assert statement_months.make_months(START_S) == 4
    assert statement_months.make_months(START_S) == 0
    assert statement_months.make_months(START_S + 31 * DAY_S) == 1
    assert "statements_2032_02" in statement_months.partitions()


@on_postgresql
def test_a_month_whose_statements_came_first_stays_where_it_is(meter):
    state(meter, START_S)
    assert statement_months.make_months(START_S) == 3
    assert "statements_2031_11" not in statement_months.partitions()
    state(meter, START_S + 60)
    assert Statement.objects.count() == 2


@on_postgresql
@pytest.mark.parametrize("table", ["statements", "statements_2031_11", "statements_other"])
@pytest.mark.parametrize("words", ["UPDATE {} SET balance = 1", "DELETE FROM {}", "TRUNCATE {}"])
def test_rows_of_a_partition_are_never_changed(meter, table, words):
    statement_months.make_months(START_S)
    state(meter, START_S)
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(words.format(table))
    assert Statement.objects.get().balance == 5


@on_postgresql
def test_a_table_in_use_is_left_alone(meter, monkeypatch):
    monkeypatch.setattr(statement_months, "_LOCK_WAIT", "50ms")
    made = []

    def make():
        made.append(statement_months.make_months(START_S))
        connections.close_all()

    with transaction.atomic():
        state(meter, START_S - 400 * DAY_S)
        other = threading.Thread(target=make)
        other.start()
        other.join(20)
    assert made == [0]
    assert statement_months.make_months(START_S) == 4


@on_postgresql
def test_a_whole_table_is_divided_with_its_rows(meter):
    times = [0, START_S, START_S + DAY_S, START_S + 40 * DAY_S]
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE statements")
        with connection.schema_editor() as editor:
            editor.create_model(Statement)
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        before = [state(meter, time_s) for time_s in times]
        wanted = list(Statement.objects.order_by("id").values())
        statement_months.divide(connection)
        assert list(Statement.objects.order_by("id").values()) == wanted
        assert rows_in("statements_2031_12") == [START_S + DAY_S]
        assert rows_in("statements_other") == []
        assert state(meter, START_S + 7).pk > max(one.pk for one in before)
        transaction.set_rollback(True)


@on_postgresql
def test_the_content_becomes_text_with_its_rows(meter):
    """Change the type back, and let the migration change it: PostgreSQL has `jsonb` from before."""
    import importlib

    migration = importlib.import_module("wattpurse_tools.record.migrations.0011_statement_text")
    for time_s in (0, START_S, START_S + DAY_S):
        state(meter, time_s)
    wanted = list(Statement.objects.order_by("id").values())
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE statements ALTER COLUMN content TYPE jsonb USING content::jsonb")
        with connection.schema_editor() as editor:
            migration.change_type(None, editor)
        assert list(Statement.objects.order_by("id").values()) == wanted
        with connection.cursor() as cursor:
            cursor.execute("SELECT DISTINCT pg_typeof(content)::text FROM statements")
            assert cursor.fetchall() == [("json",)]
        transaction.set_rollback(True)
