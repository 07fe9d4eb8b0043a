"""A notice of a payment may have a doubt, about which a person decides. The notices about a payment have an index."""

from django.db import migrations, models

from wattpurse_tools.record.words_field import WordsField


class Migration(migrations.Migration):
    dependencies = [("record", "0015_payment_words")]
    operations = [
        migrations.AddField("paymentnotice", "doubt", WordsField(blank=True, default="")),
        migrations.AddIndex("paymentnotice", models.Index(fields=["provider", "reference"], name="notices_about")),
    ]
