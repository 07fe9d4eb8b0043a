"""Add the tables of the head-end, places on the map, and the delivery of messages."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from wattpurse_tools.record.append_only import append_only


def note_version(apps: StateApps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Note that the tables are of version 3."""
    apps.get_model("record", "Site").objects.update(schema_version=3)


class Migration(migrations.Migration):
    dependencies = [
        ("record", "0003_dispensers"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccountCharge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_s", models.BigIntegerField()),
                ("until_s", models.BigIntegerField()),
                ("energy_mwh", models.BigIntegerField()),
                ("charge_microunits", models.BigIntegerField()),
                ("tariff_version", models.IntegerField(default=0)),
            ],
            options={
                "db_table": "account_charges",
            },
        ),
        migrations.CreateModel(
            name="Command",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=80, unique=True)),
                ("wish", models.CharField(max_length=24)),
                ("state", models.CharField(default="waiting", max_length=12)),
                ("created_s", models.BigIntegerField()),
                ("next_s", models.BigIntegerField()),
                ("expires_s", models.BigIntegerField(null=True)),
                ("sent_s", models.BigIntegerField(null=True)),
                ("answered_s", models.BigIntegerField(null=True)),
                ("tries", models.IntegerField(default=0)),
                ("outcome", models.CharField(blank=True, max_length=24)),
            ],
            options={
                "db_table": "commands",
            },
        ),
        migrations.CreateModel(
            name="HeadendPolicy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("permit_s", models.BigIntegerField(default=259200)),
                ("renew_s", models.BigIntegerField(default=86400)),
                ("warn_microunits", models.BigIntegerField(default=5000000)),
                ("warn_days", models.IntegerField(default=3)),
                ("quiet_from_minute", models.IntegerField(default=1260)),
                ("quiet_until_minute", models.IntegerField(default=420)),
                ("friendly_from_minute", models.IntegerField(default=480)),
                ("friendly_until_minute", models.IntegerField(default=900)),
                ("friendly_weekdays", models.IntegerField(default=31)),
                ("silent_s", models.BigIntegerField(default=86400)),
                ("time_zone", models.CharField(default="UTC", max_length=48)),
                ("web_hook", models.URLField(blank=True)),
            ],
            options={
                "db_table": "headend_policy",
            },
        ),
        migrations.CreateModel(
            name="IncomingText",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.CharField(max_length=120, unique=True)),
                ("phone", models.CharField(db_index=True, max_length=32)),
                ("text", models.CharField(max_length=480)),
                ("received_s", models.BigIntegerField()),
                ("answer", models.CharField(blank=True, max_length=480)),
            ],
            options={
                "db_table": "incoming_texts",
            },
        ),
        migrations.CreateModel(
            name="ManagedAccount",
            fields=[
                (
                    "tenancy",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="account",
                        serialize=False,
                        to="record.tenancy",
                    ),
                ),
                ("opened_s", models.BigIntegerField()),
                ("closed_s", models.BigIntegerField(null=True)),
                ("billed_s", models.BigIntegerField(default=0)),
                ("billed_registers_mwh", models.JSONField(default=dict)),
                ("carried", models.BigIntegerField(default=0)),
                ("limit_microunits", models.BigIntegerField(default=0)),
                ("deposit_microunits", models.BigIntegerField(default=0)),
                ("permit_until_s", models.BigIntegerField(default=0)),
                ("is_wished_on", models.BooleanField(default=True)),
                ("is_ordered_on", models.BooleanField(default=True)),
                ("priority", models.SmallIntegerField(default=0)),
            ],
            options={
                "db_table": "managed_accounts",
            },
        ),
        migrations.CreateModel(
            name="MeterLink",
            fields=[
                (
                    "meter",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="link",
                        serialize=False,
                        to="record.meter",
                    ),
                ),
                ("is_online", models.BooleanField(default=False)),
                ("changed_s", models.BigIntegerField(default=0)),
                ("seen_s", models.BigIntegerField(db_index=True, default=0)),
                ("alarms", models.CharField(blank=True, max_length=240)),
                ("firmware", models.CharField(blank=True, max_length=32)),
            ],
            options={
                "db_table": "meter_links",
            },
        ),
        migrations.CreateModel(
            name="PaymentNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("provider", models.CharField(max_length=24)),
                ("number", models.CharField(max_length=120)),
                ("kind", models.CharField(max_length=16)),
                ("amount_microunits", models.BigIntegerField()),
                ("currency", models.CharField(max_length=3)),
                ("reference", models.CharField(blank=True, max_length=240)),
                ("payer", models.CharField(blank=True, max_length=240)),
                ("paid_s", models.BigIntegerField()),
                ("received_s", models.BigIntegerField()),
                ("body", models.TextField(blank=True)),
            ],
            options={
                "db_table": "payment_notices",
            },
        ),
        migrations.CreateModel(
            name="SetAside",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64, unique=True)),
                ("source", models.CharField(max_length=16)),
                ("topic", models.CharField(max_length=240)),
                ("payload", models.BinaryField()),
                ("reason", models.CharField(max_length=400)),
                ("first_s", models.BigIntegerField()),
                ("count", models.BigIntegerField(default=1)),
                ("is_closed", models.BooleanField(default=False)),
            ],
            options={
                "db_table": "set_aside",
            },
        ),
        migrations.CreateModel(
            name="Shortage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("level", models.SmallIntegerField()),
                ("from_s", models.BigIntegerField()),
                ("until_s", models.BigIntegerField()),
                ("share_ppm", models.IntegerField(default=1000000)),
                ("spares_paid", models.BooleanField(default=True)),
                ("state", models.CharField(db_index=True, default="planned", max_length=12)),
                ("reason", models.CharField(blank=True, max_length=240)),
                ("planned_by", models.BigIntegerField()),
                ("lifted_by", models.BigIntegerField(null=True)),
            ],
            options={
                "db_table": "shortages",
            },
        ),
        migrations.CreateModel(
            name="ShortageMeter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_off", models.BooleanField(default=True)),
            ],
            options={
                "db_table": "shortage_meters",
            },
        ),
        migrations.CreateModel(
            name="TemporarySupply",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("from_s", models.BigIntegerField()),
                ("until_s", models.BigIntegerField()),
                ("state", models.CharField(db_index=True, default="planned", max_length=12)),
                ("reason", models.CharField(blank=True, max_length=240)),
                ("planned_by", models.BigIntegerField()),
            ],
            options={
                "db_table": "temporary_supplies",
            },
        ),
        migrations.CreateModel(
            name="TrustProposal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("what", models.CharField(max_length=12)),
                ("amount_microunits", models.BigIntegerField(default=0)),
                ("facts", models.JSONField(default=dict)),
                ("proposed_s", models.BigIntegerField()),
                ("state", models.CharField(db_index=True, default="waiting", max_length=12)),
                ("decided_by", models.BigIntegerField(null=True)),
                ("decided_s", models.BigIntegerField(null=True)),
            ],
            options={
                "db_table": "trust_proposals",
            },
        ),
        migrations.AddField(
            model_name="message",
            name="address",
            field=models.CharField(blank=True, max_length=240),
        ),
        migrations.AddField(
            model_name="message",
            name="claimed_s",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="message",
            name="kind",
            field=models.CharField(blank=True, max_length=24),
        ),
        migrations.AddField(
            model_name="message",
            name="not_before_s",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="message",
            name="subject",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name="message",
            name="tries",
            field=models.IntegerField(default=0),
        ),
        migrations.AddField(
            model_name="message",
            name="trouble",
            field=models.CharField(blank=True, max_length=240),
        ),
        migrations.AddField(
            model_name="premises",
            name="latitude_microdegrees",
            field=models.IntegerField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="premises",
            name="longitude_microdegrees",
            field=models.IntegerField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="message",
            index=models.Index(fields=["state", "not_before_s"], name="messages_to_send"),
        ),
        migrations.AddField(
            model_name="command",
            name="meter",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="commands", to="record.meter"
            ),
        ),
        migrations.AddField(
            model_name="command",
            name="token",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="command", to="record.token"
            ),
        ),
        migrations.AddField(
            model_name="managedaccount",
            name="meter",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="accounts", to="record.meter"
            ),
        ),
        migrations.AddField(
            model_name="accountcharge",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="charges", to="record.managedaccount"
            ),
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                (
                    "notice",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="payment",
                        serialize=False,
                        to="record.paymentnotice",
                    ),
                ),
                ("state", models.CharField(db_index=True, default="new", max_length=12)),
                ("meter_number", models.BigIntegerField(db_index=True, null=True)),
                ("reason", models.CharField(blank=True, max_length=240)),
                ("decided_by", models.BigIntegerField(null=True)),
                ("decided_s", models.BigIntegerField(null=True)),
                ("reconciled_s", models.BigIntegerField(null=True)),
            ],
            options={
                "db_table": "payments",
            },
        ),
        migrations.AddConstraint(
            model_name="paymentnotice",
            constraint=models.UniqueConstraint(fields=("provider", "number"), name="one_notice"),
        ),
        migrations.AddField(
            model_name="shortage",
            name="feeder",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="record.feeder"),
        ),
        migrations.AddField(
            model_name="shortagemeter",
            name="meter",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="record.meter"),
        ),
        migrations.AddField(
            model_name="shortagemeter",
            name="shortage",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="meters", to="record.shortage"
            ),
        ),
        migrations.AddField(
            model_name="temporarysupply",
            name="meter",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="record.meter"),
        ),
        migrations.AddField(
            model_name="temporarysupply",
            name="tenancy",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="temporary_supplies", to="record.tenancy"
            ),
        ),
        migrations.AddField(
            model_name="trustproposal",
            name="tenancy",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="trust_proposals", to="record.tenancy"
            ),
        ),
        migrations.AddIndex(
            model_name="command",
            index=models.Index(fields=["state", "next_s"], name="commands_to_send"),
        ),
        migrations.AddIndex(
            model_name="managedaccount",
            index=models.Index(fields=["meter", "closed_s"], name="accounts_of_meter"),
        ),
        migrations.AddConstraint(
            model_name="accountcharge",
            constraint=models.UniqueConstraint(fields=("account", "until_s"), name="one_charge"),
        ),
        migrations.AddField(
            model_name="payment",
            name="sale",
            field=models.OneToOneField(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="payment", to="record.sale"
            ),
        ),
        migrations.AddConstraint(
            model_name="shortagemeter",
            constraint=models.UniqueConstraint(fields=("shortage", "meter"), name="one_meter_of_shortage"),
        ),
        migrations.AddConstraint(
            model_name="trustproposal",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "waiting")), fields=("tenancy",), name="one_waiting_proposal"
            ),
        ),
        append_only("account_charges", "payment_notices"),
        migrations.RunPython(note_version, migrations.RunPython.noop),
    ]
