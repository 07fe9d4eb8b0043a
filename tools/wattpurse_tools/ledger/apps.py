"""The ledger as an application of Django."""

from django.apps import AppConfig


class LedgerConfig(AppConfig):
    """The application `ledger`."""

    name = "wattpurse_tools.ledger"
    label = "ledger"
