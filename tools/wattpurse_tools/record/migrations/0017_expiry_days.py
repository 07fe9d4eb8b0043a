"""The days before the end of a supply by time at which its customer gets a message."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("record", "0016_notices_about")]
    operations = [migrations.AddField("headendpolicy", "expiry_days", models.IntegerField(default=3))]
