"""Indexes that are the begin of another index go: each write of a row paid for both.

Django would write the tables of SQLite anew, and lose their triggers.
"""

from typing import Any

from django.db import migrations, models

# Index, model, field, the model that it names, and the name of its rows there.
_INDEXES = (
    ("account_charges_account_id_c7f7eee2", "accountcharge", "account", "managedaccount", "charges"),
    ("api_answers_token_id_714d6062", "apianswer", "token", "apitoken", None),
    ("bank_deposits_shop_id_7470b294", "bankdeposit", "shop", "shop", None),
    ("dispenser_issues_dispenser_id_bf715888", "dispenserissue", "dispenser", "dispenser", "issues"),
    ("dispenser_sales_dispenser_id_e4942f9a", "dispensersale", "dispenser", "dispenser", "sales"),
    ("managed_accounts_meter_id_c9b0032f", "managedaccount", "meter", "meter", "accounts"),
    ("meter_receipts_meter_id_f17d38bb", "meterreceipt", "meter", "meter", "receipts"),
    ("monthly_readings_meter_id_dcab14e0", "monthlyreading", "meter", "meter", "months"),
    ("other_issuers_meter_id_be27000c", "otherissuer", "meter", "meter", "other_issuers"),
    ("sales_shop_id_60790ff3", "sale", "shop", "shop", None),
    ("shortage_meters_shortage_id_b6f2620a", "shortagemeter", "shortage", "shortage", "meters"),
    ("short_limits_meter_id_a819d0c5", "shortlimit", "meter", "meter", "short_limits"),
    ("statements_meter_id_ff857be5", "statement", "meter", "meter", "statements"),
    ("tills_shop_id_a0aeaf0b", "till", "shop", "shop", "tills"),
    ("tokens_meter_id_f05c754b", "token", "meter", "meter", "tokens"),
)


def _field(named: str, rows: str | None) -> models.ForeignKey:
    more: dict[str, Any] = {"related_name": rows} if rows else {}
    return models.ForeignKey(f"record.{named}", on_delete=models.PROTECT, db_index=False, **more)


class Migration(migrations.Migration):
    dependencies = [("record", "0011_statement_text")]
    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(model, field, _field(named, rows)) for _, model, field, named, rows in _INDEXES
            ],
            database_operations=[migrations.RunSQL(f"DROP INDEX IF EXISTS {index}", "") for index, *_ in _INDEXES],
        )
    ]
