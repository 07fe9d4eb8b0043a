"""The end of the newest permit of a tenancy when its first temporary supply was planned, or one ended early.

A supply of an existing database that was ended early gets the end that it was planned with, which bound its permits.
The audit trail has that end and the time of the plan: it has one entry for each supply of a tenancy, in their order.
"""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Max


def _fill(apps: StateApps, _editor: BaseDatabaseSchemaEditor) -> None:
    supplies, entries = (apps.get_model("record", name) for name in ("TemporarySupply", "AuditEntry"))
    for tenancy in supplies.objects.order_by("tenancy").values_list("tenancy", flat=True).distinct():
        planned = entries.objects.filter(action="plan supply", subject=f"tenancy:{tenancy}").order_by("pk")
        rows = supplies.objects.filter(tenancy=tenancy).order_by("pk").values_list("pk", "from_s", "until_s")
        pairs = zip(rows, planned.values_list("time_s", "detail"), strict=False)
        for place, ((key, from_s, until_s), (time_s, detail)) in enumerate(pairs):
            if detail["from_s"] != from_s:
                break  # the trail is not that of these supplies
            before_s = 0 if place else _permit_end_s(apps, tenancy, time_s)
            planned_s = detail["until_s"] if detail["until_s"] > until_s else 0
            supplies.objects.filter(pk=key).update(permit_until_s=max(before_s, planned_s))


def _permit_end_s(apps: StateApps, tenancy: int, before_s: int) -> int:
    """Return the latest end of the permits that were ordered for a tenancy before a time, or 0."""
    commands = apps.get_model("record", "Command").objects
    ordered = commands.filter(wish="permit", token__tenancy=tenancy, created_s__lt=before_s)
    return ordered.aggregate(end_s=Max("token__amount"))["end_s"] or 0


class Migration(migrations.Migration):
    """A column of `temporary_supplies`."""

    dependencies = [("record", "0018_lost_orders")]
    operations = [
        migrations.AddField("temporarysupply", "permit_until_s", models.BigIntegerField(default=0)),
        migrations.RunPython(_fill, migrations.RunPython.noop),
    ]
