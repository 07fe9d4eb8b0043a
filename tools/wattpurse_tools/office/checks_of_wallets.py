"""Checks of wallets: the balance of the row is that of the ledger, and the passage of purchases is empty."""

from collections.abc import Iterator

from wattpurse_tools.ledger import chart
from wattpurse_tools.ledger.balances import balance, balances
from wattpurse_tools.office.findings import Finding
from wattpurse_tools.record.models import Site, Wallet

_CHECK = "wallets"
_PASSAGE = "wallet"


def balances_are_proved() -> Iterator[Finding]:
    """Find wallets whose balance is not that of the ledger, and money in passage between a wallet and a receipt."""
    site = Site.objects.first()
    if site is None:
        return
    found = balances("wallet", site.currency)
    for wallet in Wallet.objects.select_related("customer").order_by("pk").iterator():
        code = chart.wallet(wallet.customer.number)
        owed = -found.pop((code, site.currency), 0)
        if wallet.balance_microunits != owed:
            words = f"has {wallet.balance_microunits:,} in the record and {owed:,} in the ledger"
            yield Finding(_CHECK, f"customer {wallet.customer.number}", f"the wallet {words}")
    for (code, _), amount in sorted(found.items()):
        if amount:
            yield Finding(_CHECK, code, "has money in the ledger and no wallet in the record")
    passage = balance(chart.provider(_PASSAGE), site.currency)
    if passage:
        yield Finding(_CHECK, chart.provider(_PASSAGE), f"is a passage and holds {passage:,}")
