"""A consistent copy of the record's database, and its return: SQLite by itself, PostgreSQL by its own programs."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import connection

from wattpurse_tools import private_files

SQLITE = "sqlite"
POSTGRESQL = "postgresql"

RESTORING = "office_restoring"

_BEFORE_DUMP = f"""\
SET lock_timeout = '10s';
DROP SCHEMA IF EXISTS {RESTORING} CASCADE;
ALTER SCHEMA public RENAME TO office_in_use;
CREATE SCHEMA public;
"""
_AFTER_DUMP = f"""
ALTER SCHEMA public RENAME TO {RESTORING};
ALTER SCHEMA office_in_use RENAME TO public;
"""
_ONE_TRANSACTION = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1")
_SECONDS = 4 * 3600  # the longest time of a dump
_WORDS_SHOWN = 300
_VARIABLES = {"NAME": "PGDATABASE", "USER": "PGUSER", "PASSWORD": "PGPASSWORD", "HOST": "PGHOST", "PORT": "PGPORT"}


def dump(target: Path) -> None:
    """Write a copy of the open record, as it is at one moment, to a new file. Sales go on meanwhile.

    Raise ValueError if a program that this takes is missing.
    """
    if connection.vendor == SQLITE:
        _dump_sqlite(Path(connection.settings_dict["NAME"]), target)
        return
    program = _program("pg_dump")
    private_files.create(target, b"")
    _run(program, "--format=plain", "--no-owner", "--no-privileges", "--schema=public", f"--file={target}")


def load_postgresql(source: Path) -> None:
    """Put a dump into the schema RESTORING beside the record, in one transaction.

    Raise ValueError if it cannot be done; then nothing has changed. A dump names its schema, which is that of the
    record. So the record has another name until the transaction ends.
    """
    program = _program("psql")
    connection.close()
    part = source.with_name(source.name + ".psql")
    part.unlink(missing_ok=True)
    try:
        with open(source, encoding="utf-8") as dumped, open(part, "x", encoding="utf-8") as script:
            script.write(_BEFORE_DUMP)
            # Some versions of pg_dump make the schema, too.
            script.writelines(line for line in dumped if not line.startswith("CREATE SCHEMA public;"))
            script.write(_AFTER_DUMP)
        _run(program, *_ONE_TRANSACTION, f"--file={part}")
    finally:
        part.unlink(missing_ok=True)


def swap_postgresql(aside: str) -> None:
    """Let the schema RESTORING become the record. The record of before is kept in the schema `aside`."""
    swap = f"ALTER SCHEMA public RENAME TO {aside}; ALTER SCHEMA {RESTORING} RENAME TO public"
    connection.close()
    _run(_program("psql"), *_ONE_TRANSACTION, "--command=SET lock_timeout = '10s'", f"--command={swap}")


def refuse_other_sessions() -> None:
    """Raise ValueError if another program has a session in the database of the record."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        row = cursor.fetchone()
    others = 0 if row is None else row[0]
    if others:
        raise ValueError(f"{others} programs of the office have the record open; stop them first")


@contextmanager
def in_schema(name: str) -> Iterator[None]:
    """Let the models work in another schema of the database for a `with` block."""
    options = connection.settings_dict.get("OPTIONS", {})
    connection.close()
    connection.settings_dict["OPTIONS"] = {**options, "options": f"-c search_path={name}"}
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["OPTIONS"] = options


def refuse_missing_programs(*names: str) -> None:
    """Raise ValueError if one of these programs is missing."""
    for name in names:
        _program(name)


def _dump_sqlite(source: Path, target: Path) -> None:
    private_files.create(target, b"")
    with closing(sqlite3.connect(source)) as database:
        database.execute("VACUUM INTO ?", (str(target),))
    with closing(sqlite3.connect(target)) as copy:
        result = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
    if result != "ok":
        raise ValueError(f"{source}: the record is damaged, and a copy of it helps nobody: {result}")


def _program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise ValueError(
            f"{name} is missing, and a record in PostgreSQL is copied with it; install PostgreSQL's client programs"
            " (Debian: postgresql-client)"
        )
    return found


def _run(program: str, *arguments: str) -> None:
    settings = connection.settings_dict
    own = {variable: str(settings[name]) for name, variable in _VARIABLES.items() if settings.get(name)}
    try:
        done = subprocess.run(
            (program, *arguments), env=os.environ | own, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"{Path(program).name} has not ended within {_SECONDS // 3600} hours") from None
    if done.returncode:
        words = " ".join(done.stderr.split())[:_WORDS_SHOWN]
        raise ValueError(f"{Path(program).name} has failed: {words}")
