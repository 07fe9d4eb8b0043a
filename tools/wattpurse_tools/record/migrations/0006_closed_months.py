"""The mark of the closed months that the record has of a meter."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("record", "0005_notify")]
    operations = [migrations.AddField("meterlink", "closed_months", models.BigIntegerField(null=True))]
