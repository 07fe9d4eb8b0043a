"""Make the tables append-only that are never corrected in place."""

from django.db import migrations

from wattpurse_tools.record.append_only import append_only, one_unit


class Migration(migrations.Migration):
    """Install the triggers."""

    dependencies = [("record", "0001_initial"), ("ledger", "0001_initial")]
    operations = [
        append_only(
            "ledger_accounts",
            "ledger_entries",
            "ledger_transfers",
            "audit_entries",
            "tariffs",
            "statements",
            "sale_lines",
        ),
        one_unit("ledger_transfers", "ledger_accounts"),
    ]
