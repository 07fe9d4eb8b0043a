"""Statements by month, on PostgreSQL."""

from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from wattpurse_tools.record import statement_months


def divide(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Divide the table of statements, where the database can."""
    if editor.connection.vendor == "postgresql":
        statement_months.divide(editor.connection)


class Migration(migrations.Migration):
    dependencies = [("record", "0006_closed_months")]
    operations = [migrations.RunPython(divide, migrations.RunPython.noop)]
