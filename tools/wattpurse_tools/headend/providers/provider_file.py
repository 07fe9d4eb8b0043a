"""The providers of an office with their secrets: a file of the office folder that only its owner reads.

The record and its backups have no secret of a provider. The file is written anew as a whole, and takes the name of the
old one at once.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from wattpurse_tools import private_files
from wattpurse_tools.headend.providers import provider_settings
from wattpurse_tools.headend.wallets import NAME as WALLET
from wattpurse_tools.office.sale_types import PROVIDER_LENGTH
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.refusals import Refusal

STRIPE = "stripe"
MPESA = "mpesa"
BANK = "bank"
KINDS = (STRIPE, MPESA, BANK)

_NAME = "providers"
_CHECKS = {
    STRIPE: provider_settings.check_stripe,
    MPESA: provider_settings.check_mpesa,
    BANK: provider_settings.check_bank,
}


@dataclass(frozen=True)
class Provider:
    """A provider by its name: the `kind` of its adapter, the secrets of its web hooks, and settings by kind.

    Several secrets count while one takes the place of another. `api_key` opens the provider's own API.
    """

    name: str
    kind: str
    secrets: tuple[str, ...] = ()
    api_key: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


def providers(folder: OfficeFolder) -> dict[str, Provider]:
    """Return the providers of an office by their names."""
    try:
        content = json.loads(private_files.read(folder.path / _NAME))
    except FileNotFoundError:
        return {}
    return {row["name"]: Provider(**{**row, "secrets": tuple(row["secrets"])}) for row in content}


def provider_of(folder: OfficeFolder, name: str, kind: str) -> Provider | None:
    """Return a provider of a kind by its name, or None."""
    found = providers(folder).get(name)
    return found if found is not None and found.kind == kind else None


def put_provider(folder: OfficeFolder, provider: Provider) -> None:
    """Add a provider, or change the one of its name.

    Raise ValueError for a name that is none, for wrong settings, and for web hooks without a secret.
    """
    name = provider.name
    if not (name.isascii() and name.isalnum() and name.islower() and 1 <= len(name) <= PROVIDER_LENGTH):
        raise Refusal("a provider has a name of 1 to %(limit)s small letters and digits", limit=PROVIDER_LENGTH)
    if name == WALLET:
        raise Refusal("%(name)s is the name of the customers' wallets; choose another", name=name)
    if provider.kind not in KINDS:
        raise Refusal("%(kind)s: a provider is one of %(possible)s", kind=provider.kind, possible=", ".join(KINDS))
    if (provider.kind == BANK) != name.startswith(BANK):
        raise Refusal("the name of a bank begins with %(bank)s, such as %(bank)shouse, and no other does", bank=BANK)
    _CHECKS[provider.kind](provider.settings)
    if provider.kind != BANK and not provider.secrets:
        raise ValueError(f"{name}: a provider with web hooks has a secret; give --secrets FILE with one in a line")
    _write(folder, {**providers(folder), name: provider})


def remove_provider(folder: OfficeFolder, name: str) -> None:
    """Remove a provider with its secrets. Raise Refusal if there is none."""
    found = providers(folder)
    if found.pop(name, None) is None:
        raise Refusal("there is no provider %(name)s; `wattpurse headend provider` lists them", name=name)
    _write(folder, found)


def _write(folder: OfficeFolder, rows: dict[str, Provider]) -> None:
    content = json.dumps([asdict(one) for one in rows.values()], indent=2).encode()
    private_files.replace(folder.path / _NAME, content)
