"""The link of a meter is changed in place too, on PostgreSQL: the time of its newest message is in no index.

Questions about that time are about all meters. The index served nobody, and each message paid for it. The mark of the
closed months goes to the meter, whose row is read and written with each statement anyway. It is not carried over: the
next statement of a meter sets it again. The row has the facts of the newest statement too, so that nobody searches it.
"""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

_FILL_PERCENT = 85


def leave_room(_apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Leave room in the pages of the table. PostgreSQL does it for pages that it writes from now on."""
    if editor.connection.vendor == "postgresql":
        editor.execute(f"ALTER TABLE meter_links SET (fillfactor = {_FILL_PERCENT})")


class Migration(migrations.Migration):
    dependencies = [("record", "0013_updates_in_place")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.AlterField("meterlink", "seen_s", models.BigIntegerField(default=0))],
            database_operations=[migrations.RunSQL("DROP INDEX IF EXISTS meter_links_seen_s_584ddf23", "")],
        ),
        migrations.RemoveField("meterlink", "closed_months"),
        migrations.AddField("meter", "closed_months", models.BigIntegerField(null=True)),
        migrations.AddField("meter", "newest", models.TextField(null=True)),
        migrations.RunPython(leave_room, migrations.RunPython.noop),
    ]
