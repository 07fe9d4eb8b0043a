"""Rows that each statement changes are changed in place, on PostgreSQL.

A row that changes no index, and whose page has room, leaves all its indexes as they are.
"""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

_TABLES = ("meters", "monthly_readings")
_FILL_PERCENT = 85


def leave_room(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Leave room in the pages of these tables. PostgreSQL does it for pages that it writes from now on."""
    if editor.connection.vendor == "postgresql":
        for table in _TABLES:
            editor.execute(f"ALTER TABLE {table} SET (fillfactor = {_FILL_PERCENT})")


class Migration(migrations.Migration):
    dependencies = [("record", "0012_fewer_indexes")]
    operations = [
        migrations.RemoveIndex("monthlyreading", "readings_of_month"),
        migrations.AddIndex("monthlyreading", models.Index(fields=["month"], name="readings_by_month")),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.AlterField("meter", "told_s", models.BigIntegerField(default=0))],
            database_operations=[migrations.RunSQL("DROP INDEX IF EXISTS meters_told_s_842862cf", "")],
        ),
        migrations.RunPython(leave_room, migrations.RunPython.noop),
    ]
