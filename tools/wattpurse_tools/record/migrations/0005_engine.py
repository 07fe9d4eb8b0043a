"""The books of a managed account within its month, and the trouble of the engine with it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    """Two columns of `managed_accounts`."""

    dependencies = [("record", "0004_headend")]
    operations = [
        migrations.AddField("managedaccount", "books", models.JSONField(default=dict)),
        migrations.AddField("managedaccount", "trouble", models.CharField(blank=True, max_length=240)),
    ]
