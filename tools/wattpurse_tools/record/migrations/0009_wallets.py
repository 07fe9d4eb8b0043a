"""Wallets of customers, and refunds that providers are asked for."""

from django.db import migrations, models
from django.db.models.deletion import PROTECT


class Migration(migrations.Migration):
    """Two tables, and the wallet of a payment."""

    dependencies = [("record", "0008_unwanted_kinds")]
    operations = [
        migrations.CreateModel(
            name="Wallet",
            fields=[
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=PROTECT,
                        primary_key=True,
                        related_name="wallet",
                        serialize=False,
                        to="record.customer",
                    ),
                ),
                ("balance_microunits", models.BigIntegerField(default=0)),
                ("page_code", models.CharField(max_length=32, null=True, unique=True)),
                ("takes_sms", models.BooleanField(default=True)),
                ("opened_s", models.BigIntegerField()),
            ],
            options={
                "db_table": "wallets",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("balance_microunits__gte", 0)), name="wallet_not_below_zero"
                    )
                ],
            },
        ),
        migrations.AddField(
            "payment",
            "wallet",
            models.ForeignKey(null=True, on_delete=PROTECT, related_name="payments", to="record.wallet"),
        ),
        migrations.CreateModel(
            name="RefundRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=60, unique=True)),
                ("state", models.CharField(db_index=True, default="asked", max_length=12)),
                ("number", models.CharField(blank=True, max_length=120)),
                ("trouble", models.CharField(blank=True, max_length=240)),
                ("tries", models.IntegerField(default=0)),
                ("next_try_s", models.BigIntegerField(default=0)),
                ("asked_by", models.BigIntegerField()),
                ("asked_s", models.BigIntegerField()),
                ("ended_s", models.BigIntegerField(null=True)),
                (
                    "payment",
                    models.ForeignKey(on_delete=PROTECT, related_name="refund_requests", to="record.payment"),
                ),
            ],
            options={
                "db_table": "refund_requests",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "failed"), _negated=True),
                        fields=("payment",),
                        name="one_refund_request",
                    )
                ],
            },
        ),
    ]
