"""Add the tables of dispensing units."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def note_version(apps: StateApps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Note that the tables are of version 2."""
    apps.get_model("record", "Site").objects.update(schema_version=2)


class Migration(migrations.Migration):
    dependencies = [
        ("record", "0002_append_only"),
    ]

    operations = [
        migrations.CreateModel(
            name="Dispenser",
            fields=[
                ("issuer", models.SmallIntegerField(primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=64)),
                ("unit_version", models.SmallIntegerField()),
                ("meters", models.JSONField(default=list)),
                ("allowed", models.BigIntegerField(default=0)),
                ("settled_sale", models.BigIntegerField(default=0)),
                ("settled_sum", models.BigIntegerField(default=0)),
                ("is_revoked", models.BooleanField(default=False)),
                (
                    "shop",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="dispensers", to="record.shop"
                    ),
                ),
            ],
            options={
                "db_table": "dispensers",
            },
        ),
        migrations.CreateModel(
            name="DispenserIssue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("issue", models.IntegerField()),
                ("card_uid", models.CharField(db_index=True, max_length=20)),
                ("made_s", models.BigIntegerField()),
                ("expires_s", models.BigIntegerField()),
                ("allowed", models.BigIntegerField()),
                ("prices", models.JSONField(default=list)),
                ("products", models.JSONField(default=dict)),
                ("operator", models.BigIntegerField()),
                (
                    "dispenser",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="issues", to="record.dispenser"
                    ),
                ),
            ],
            options={
                "db_table": "dispenser_issues",
                "constraints": [models.UniqueConstraint(fields=("dispenser", "issue"), name="one_dispenser_issue")],
            },
        ),
        migrations.CreateModel(
            name="DispenserSale",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.BigIntegerField()),
                ("meter_number", models.BigIntegerField()),
                ("count", models.BigIntegerField()),
                ("paid", models.BigIntegerField()),
                ("time_code", models.IntegerField()),
                ("issue", models.IntegerField()),
                (
                    "dispenser",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="sales", to="record.dispenser"
                    ),
                ),
                (
                    "sale",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="dispenser_sale", to="record.sale"
                    ),
                ),
            ],
            options={
                "db_table": "dispenser_sales",
                "constraints": [models.UniqueConstraint(fields=("dispenser", "number"), name="one_dispenser_sale")],
            },
        ),
        migrations.RunPython(note_version, migrations.RunPython.noop),
    ]
