"""The reason of a payment keeps the values of its text, so that a page can show it in its language."""

from django.db import migrations

from wattpurse_tools.record.words_field import WordsField


class Migration(migrations.Migration):
    dependencies = [("record", "0014_links_in_place")]
    operations = [migrations.AlterField("payment", "reason", WordsField(blank=True))]
