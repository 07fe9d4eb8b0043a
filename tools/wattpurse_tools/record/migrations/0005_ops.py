"""Add the last rounds of the head-end's processes, and the pictures below the map."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("record", "0005_pay"),
    ]

    operations = [
        migrations.CreateModel(
            name="HeadendRound",
            fields=[
                ("work", models.CharField(max_length=24, primary_key=True, serialize=False)),
                ("ended_s", models.BigIntegerField()),
            ],
            options={"db_table": "headend_rounds"},
        ),
        migrations.AddField(
            model_name="headendpolicy",
            name="map_tiles",
            field=models.CharField(blank=True, max_length=240),
        ),
        migrations.AddField(
            model_name="headendpolicy",
            name="map_credit",
            field=models.CharField(blank=True, max_length=120),
        ),
    ]
