"""Triggers of the database, in SQLite and PostgreSQL. `queryset.update`, bulk writes and raw SQL cannot pass them by.

SQLite runs the delete triggers of `INSERT OR REPLACE` with the pragma `recursive_triggers` alone, which `office_folder`
sets for each connection.
"""

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.special import RunPython
from django.db.migrations.state import StateApps

_REFUSAL = "rows of this table are never changed or deleted"
_TWO_UNITS = "a transfer has one unit"


def append_only(*tables: str) -> RunPython:
    """Return the operation of a migration that makes tables append-only."""

    def install(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        for statement in refusing_change(editor.connection.vendor, tables):
            editor.execute(statement)

    return RunPython(install, RunPython.noop)


def one_unit(transfers: str, accounts: str) -> RunPython:
    """Return the operation of a migration that refuses a transfer between accounts of two units."""

    def install(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
        for statement in _unit_statements(editor.connection.vendor, transfers, accounts):
            editor.execute(statement)

    return RunPython(install, RunPython.noop)


def _unit_statements(vendor: str, transfers: str, accounts: str) -> list[str]:
    giver, taker = (f"(SELECT unit FROM {accounts} WHERE id = NEW.{side}_id)" for side in ("giver", "taker"))
    if vendor == "postgresql":
        function = (
            f"CREATE OR REPLACE FUNCTION refuse_two_units() RETURNS trigger AS $$ BEGIN IF {giver} <> {taker} THEN"
            f" RAISE EXCEPTION '{_TWO_UNITS}'; END IF; RETURN NEW; END $$ LANGUAGE plpgsql"
        )
        trigger = (
            f"CREATE TRIGGER {transfers}_one_unit BEFORE INSERT ON {transfers}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_two_units()"
        )
        return [function, trigger]
    return [
        f"CREATE TRIGGER {transfers}_one_unit BEFORE INSERT ON {transfers} WHEN {giver} <> {taker}"
        f" BEGIN SELECT RAISE(ABORT, '{_TWO_UNITS}'); END"
    ]


def refusing_change(vendor: str, tables: tuple[str, ...]) -> list[str]:
    """Return the SQL that makes tables append-only."""
    if vendor == "postgresql":
        function = (
            "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger AS $$ BEGIN"
            f" RAISE EXCEPTION '{_REFUSAL}'; END $$ LANGUAGE plpgsql"
        )
        return [function] + [
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            for table in tables
        ]
    return [
        f"CREATE TRIGGER {table}_no_{event.lower()} BEFORE {event} ON {table}"
        f" BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        for table in tables
        for event in ("UPDATE", "DELETE")
    ]
