"""Meters with orders that were lost, until the engine has looked at them."""

from django.db import migrations, models
from django.db.models.deletion import PROTECT


class Migration(migrations.Migration):
    """One table."""

    dependencies = [("record", "0017_expiry_days")]
    operations = [
        migrations.CreateModel(
            name="LostOrder",
            fields=[
                (
                    "meter",
                    models.OneToOneField(
                        on_delete=PROTECT,
                        primary_key=True,
                        related_name="lost_order",
                        serialize=False,
                        to="record.meter",
                    ),
                ),
            ],
            options={"db_table": "lost_orders"},
        ),
    ]
