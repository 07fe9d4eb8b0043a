"""The balance of a managed account in its row, and the time of the round that chose it last.

An existing database gets the balances from its ledger.
"""

from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Sum

_SOME = 500
_PREFIX = "account:"


def _fill(apps: StateApps, _editor: BaseDatabaseSchemaEditor) -> None:
    """Write the balance of each account. Raise ValueError if they are not those of the ledger afterwards."""
    accounts = apps.get_model("record", "ManagedAccount")
    currency = apps.get_model("record", "Site").objects.values_list("currency", flat=True).first()
    if currency is None:
        return
    known = _of_ledger(apps, currency)
    changed = [accounts(pk=pk, balance_microunits=balance) for pk, balance in sorted(known.items()) if balance]
    accounts.objects.bulk_update(changed, ["balance_microunits"], batch_size=_SOME)
    written = dict(accounts.objects.values_list("pk", "balance_microunits"))
    wrong = [pk for pk, balance in written.items() if balance != known.get(pk, 0)]
    if wrong:
        raise ValueError(f"the balance of account {wrong[0]} is not that of the ledger; nothing was changed")


def _of_ledger(apps: StateApps, currency: str) -> dict[int, int]:
    """Return the balances of `account:T` by the tenancy T."""
    transfers, found = apps.get_model("ledger", "Transfer"), {}
    for side, sign in (("taker", 1), ("giver", -1)):
        chosen = transfers.objects.filter(**{f"{side}__code__startswith": _PREFIX, f"{side}__unit": currency})
        for code, amount in chosen.values_list(f"{side}__code").annotate(sum=Sum("amount")).order_by():
            tenancy = int(code.removeprefix(_PREFIX))
            found[tenancy] = found.get(tenancy, 0) + sign * int(amount)
    return found


class Migration(migrations.Migration):
    """Two columns of `managed_accounts`."""

    dependencies = [("record", "0009_wallets"), ("ledger", "0001_initial")]
    operations = [
        migrations.AddField("managedaccount", "balance_microunits", models.BigIntegerField(default=0)),
        migrations.AddField("managedaccount", "looked_s", models.BigIntegerField(default=0)),
        migrations.RunPython(_fill, migrations.RunPython.noop),
    ]
