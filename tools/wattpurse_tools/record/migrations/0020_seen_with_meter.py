"""The time of a meter's newest message at the broker goes to the meter's row, which each statement writes anyway.

In the row of its link it was a second row to find and to write for each statement.
"""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import OuterRef, Subquery


def _fill(apps: StateApps, _editor: BaseDatabaseSchemaEditor) -> None:
    meters, links = (apps.get_model("record", name).objects for name in ("Meter", "MeterLink"))
    seen_s = links.filter(meter=OuterRef("pk")).values("seen_s")
    meters.filter(link__isnull=False).update(seen_s=Subquery(seen_s))


class Migration(migrations.Migration):
    """A column of `meters` instead of one of `meter_links`."""

    dependencies = [("record", "0019_permits_of_supplies")]
    operations = [
        migrations.AddField("meter", "seen_s", models.BigIntegerField(default=0)),
        migrations.RunPython(_fill, migrations.RunPython.noop),
        migrations.RemoveField("meterlink", "seen_s"),
    ]
