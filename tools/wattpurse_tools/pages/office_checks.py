"""Checks before the pages are served: the tables are those of this program, and the vault is that of the record."""

from django.db import OperationalError, ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor

from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import Site
from wattpurse_tools.record.office_folder import SCHEMA_VERSION


def refuse_unfit(office: Office) -> Site:
    """Return the site. Raise ValueError, with the remedy, if record, program and vault do not belong together."""
    site = site_of_record()
    if waiting_migrations():
        raise ValueError("the tables are those of an older program; change them with: wattpurse office migrate")
    if office.keys.fingerprint() != site.key_fingerprint:
        raise ValueError("the vault at the socket is that of another site; start the vault of this office")
    return site


def site_of_record() -> Site:
    """Return the site of the open record. Raise ValueError if it is none, or one of a newer program."""
    try:
        site = Site.objects.first()
    except (OperationalError, ProgrammingError) as error:
        raise ValueError(f"the record cannot be read ({str(error).strip()}); is this database the office's?") from None
    if site is None:
        raise ValueError("there is no office in this database; make one with: wattpurse office init")
    if site.schema_version > SCHEMA_VERSION:
        raise ValueError("this record was written by a newer program; use that one")
    return site


def waiting_migrations() -> list[str]:
    """Return the names of the changes of tables that were not made yet."""
    executor = MigrationExecutor(connection)
    return [f"{one.app_label}.{one.name}" for one, _ in executor.migration_plan(executor.loader.graph.leaf_nodes())]
