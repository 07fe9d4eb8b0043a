"""The kinds of messages that a customer does not want."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("record", "0007_statement_months")]
    operations = [migrations.AddField("customer", "unwanted_kinds", models.JSONField(default=list))]
