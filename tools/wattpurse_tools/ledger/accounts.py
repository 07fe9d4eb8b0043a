"""The primary keys of accounts, by code and unit. An account is made when an entry names it first."""

from collections.abc import Iterable

from wattpurse_tools.compiled_queries import CompiledValues
from wattpurse_tools.ledger.models import Account

Name = tuple[str, str]

_KEY = CompiledValues(lambda code, unit: Account.objects.filter(code=code, unit=unit).values_list("pk"), "code", "unit")


def key_of(code: str, unit: str) -> int | None:
    """Return the primary key of an account, or None if it was never used."""
    found = _KEY.rows(code, unit)
    return found[0][0] if found else None


def keys_of(names: Iterable[Name]) -> dict[Name, int]:
    """Return the primary keys of accounts by code and unit. Those that are missing are made."""
    wanted = sorted(set(names))
    found = _found(wanted)
    missing = [name for name in wanted if name not in found]
    if missing:
        Account.objects.bulk_create(
            [Account(code=code, unit=unit) for code, unit in missing],
            ignore_conflicts=True,
        )
        found |= _found(missing)
    return found


def _found(names: Iterable[Name]) -> dict[Name, int]:
    keys = ((name, key_of(*name)) for name in names)
    return {name: key for name, key in keys if key is not None}
