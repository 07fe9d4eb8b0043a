import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Account",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=64)),
                ("unit", models.CharField(max_length=4)),
            ],
            options={
                "db_table": "ledger_accounts",
                "constraints": [models.UniqueConstraint(fields=("code", "unit"), name="one_account")],
            },
        ),
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=80, unique=True)),
                ("kind", models.CharField(max_length=24)),
                ("time_s", models.BigIntegerField()),
                ("business_day", models.DateField()),
                ("document", models.CharField(blank=True, max_length=80)),
                ("operator", models.BigIntegerField(default=0)),
                ("shop", models.BigIntegerField(default=0)),
                ("shift", models.BigIntegerField(default=0)),
                ("words", models.CharField(blank=True, max_length=200)),
                (
                    "reverses",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversed_by",
                        to="ledger.entry",
                    ),
                ),
            ],
            options={
                "db_table": "ledger_entries",
            },
        ),
        migrations.CreateModel(
            name="Transfer",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", models.BigIntegerField()),
                (
                    "entry",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="transfers", to="ledger.entry"
                    ),
                ),
                (
                    "giver",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="given", to="ledger.account"
                    ),
                ),
                (
                    "taker",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="taken", to="ledger.account"
                    ),
                ),
            ],
            options={
                "db_table": "ledger_transfers",
            },
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(fields=["shop", "business_day"], name="entries_of_day"),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(fields=["shift"], name="entries_of_shift"),
        ),
        migrations.AddIndex(
            model_name="entry",
            index=models.Index(fields=["document"], name="entries_of_document"),
        ),
        migrations.AddConstraint(
            model_name="transfer",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="amount_above_zero"),
        ),
        migrations.AddConstraint(
            model_name="transfer",
            constraint=models.CheckConstraint(
                condition=models.Q(("giver", models.F("taker")), _negated=True), name="two_accounts"
            ),
        ),
    ]
