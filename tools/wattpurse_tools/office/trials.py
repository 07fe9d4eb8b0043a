"""Offices to try things on: their passphrase lies in their folder, so they keep nothing secret and ask for nothing."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wattpurse_tools import private_files
from wattpurse_tools.office import setting_up
from wattpurse_tools.office.setting_up import NewPerson, Plan
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.setup import create_for_tests

PRICES_MICROUNITS = {"kwh": 300_000, "day": 1_000_000, "permit": 1_000_000}

_SIZE = 16


def set_up_trial(folder: OfficeFolder, plan: Plan, keys: Path | None = None) -> tuple[str, list[NewPerson]]:
    """Set an office up with prices, and return its passphrase and its people.

    `keys` is the key file of a vending point.
    """
    make_vault = create_for_tests if keys is None else setting_up.vault_of_vending_point(keys, create_for_tests)
    passphrase = secrets.token_hex(_SIZE)
    people = setting_up.set_up(folder, passphrase, plan, make_vault, lambda: _write_prices(plan.currency))
    private_files.create(folder.trial_passphrase, passphrase.encode())
    return passphrase, people


def _write_prices(currency: str) -> None:
    """Write the first prices of everything that a meter may be sold."""
    from wattpurse_tools.record.models import Price

    for what, gross_microunits in PRICES_MICROUNITS.items():
        Price.objects.create(what=what, currency=currency, gross_microunits=gross_microunits, from_s=0)


@contextmanager
def trial_vault(folder: OfficeFolder, passphrase: str) -> Iterator[Vault]:
    """Open the vault of such an office in this process for a `with` block."""
    with Vault.open(folder.vault, passphrase) as vault:
        yield vault
