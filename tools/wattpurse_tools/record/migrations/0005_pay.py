"""The online shop of the head-end."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("record", "0005_engine"),
    ]

    operations = [
        migrations.AddField(
            model_name="headendpolicy",
            name="shop",
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, to="record.shop"),
        ),
    ]
