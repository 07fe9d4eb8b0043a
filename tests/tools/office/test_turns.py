"""Transactions on SQLite take turns: each waits until the one before has ended, and none gives up."""

import fcntl
import os
import threading
from contextlib import contextmanager

import pytest

from wattpurse_tools.record.sqlite.base import DatabaseWrapper

LONG_S = 10


@pytest.fixture
def open_database(tmp_path):
    """Return a function that opens a connection to one database. All are closed at the end."""
    opened = []

    def open_one():
        facts = {"NAME": str(tmp_path / "office.db"), "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 0.1}}
        facts |= {"AUTOCOMMIT": True, "CONN_MAX_AGE": 0, "CONN_HEALTH_CHECKS": False, "TIME_ZONE": None}
        opened.append(DatabaseWrapper(facts, "turns"))
        opened[-1].inc_thread_sharing()
        opened[-1].connect()
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@contextmanager
def turn_of_another(folder):
    """Hold the turn for a `with` block, as another process does."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def is_free(folder):
    """Return True if nobody has the turn."""
    probe = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(probe)
    return True


def assert_waits(step, release):
    """Assert that a step in a thread of its own ends after `release`, and not before."""
    done = threading.Event()

    def run():
        step()
        done.set()

    waiting = threading.Thread(target=run)
    waiting.start()
    assert not done.wait(0.5)
    release()
    assert done.wait(LONG_S)
    waiting.join()


def test_a_transaction_waits_longer_than_the_timeout_of_sqlite_and_does_not_fail(open_database, tmp_path):
    first, second = open_database(), open_database()
    first.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)

    def begin():
        second.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)

    assert_waits(begin, first.commit)
    second.rollback()
    assert is_free(tmp_path)


def test_the_turn_ends_with_a_commit_a_rollback_and_a_closed_connection(open_database, tmp_path):
    for end in ("commit", "rollback", "close"):
        database = open_database()
        database.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
        assert not is_free(tmp_path)
        getattr(database, end)()
        assert is_free(tmp_path)


def test_a_transaction_that_cannot_begin_gives_its_turn_back(open_database, tmp_path):
    blocker, database = open_database(), open_database()
    blocker.connection.execute("BEGIN IMMEDIATE")  # a program that knows of no turns
    with pytest.raises(Exception, match="locked"):
        database.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)
    assert is_free(tmp_path)
    blocker.connection.execute("ROLLBACK")


def test_reading_needs_no_turn(open_database, tmp_path):
    database = open_database()
    with turn_of_another(tmp_path), database.cursor() as cursor:
        assert cursor.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("many", [False, True])
def test_a_write_outside_of_a_transaction_waits_for_its_turn_too(open_database, tmp_path, many):
    writer, database = open_database(), open_database()
    with database.cursor() as cursor:
        cursor.execute("CREATE TABLE facts (number INTEGER)")
    writer.set_autocommit(False, force_begin_transaction_with_broken_autocommit=True)

    def write():
        with database.cursor() as cursor:
            if many:
                cursor.executemany("INSERT INTO facts VALUES (%s)", [(1,), (2,)])
            else:
                cursor.execute("INSERT INTO facts VALUES (%s), (%s)", (1, 2))

    assert_waits(write, writer.commit)
    assert is_free(tmp_path)
    with database.cursor() as cursor:
        assert cursor.execute("SELECT count(*) FROM facts").fetchone() == (2,)


def test_a_write_that_fails_gives_its_turn_back(open_database, tmp_path):
    database = open_database()
    with pytest.raises(Exception, match="facts"), database.cursor() as cursor:
        cursor.execute("INSERT INTO facts VALUES (1)")
    assert is_free(tmp_path)
