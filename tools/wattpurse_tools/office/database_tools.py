"""A consistent copy of the record's database, and its return: SQLite by itself, PostgreSQL by its own programs."""

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

from django.db import connection

SQLITE = "sqlite"
POSTGRESQL = "postgresql"

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
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    _run(program, "--format=plain", "--no-owner", "--no-privileges", "--schema=public", f"--file={target}")


def load_postgresql(source: Path, aside: str, afterwards: str) -> None:
    """Put a dump in the place of the record, in one transaction. The record of now is kept in the schema `aside`.

    `afterwards` is an SQL statement at the end of the transaction. Raise ValueError if it cannot be done; then nothing
    has changed.
    """
    program = _program("psql")
    connection.close()
    part = source.with_name(source.name + ".psql")
    try:
        with open(source, encoding="utf-8") as dumped, open(part, "x", encoding="utf-8") as script:
            script.write(f"SET lock_timeout = '10s';\nALTER SCHEMA public RENAME TO {aside};\nCREATE SCHEMA public;\n")
            # Some versions of pg_dump make the schema, too.
            script.writelines(line for line in dumped if not line.startswith("CREATE SCHEMA public;"))
            script.write(f"\n{afterwards};\n")
        _run(program, "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", f"--file={part}")
    finally:
        part.unlink(missing_ok=True)


def refuse_missing_programs(*names: str) -> None:
    """Raise ValueError if one of these programs is missing."""
    for name in names:
        _program(name)


def _dump_sqlite(source: Path, target: Path) -> None:
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
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
