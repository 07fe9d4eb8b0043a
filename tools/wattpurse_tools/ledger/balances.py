"""Balances of the ledger: of one account, of accounts by prefix, of a shift or a day, and the sum that is always zero.

A balance is the sum that an account took, less the sum that it gave.
"""

from collections.abc import Iterable
from datetime import date

from django.db.models import F, Q, QuerySet, Sum

from wattpurse_tools.ledger import accounts
from wattpurse_tools.ledger.models import Entry, Transfer

Balances = dict[tuple[str, str], int]


def balance(code: str, unit: str) -> int:
    """Return the balance of an account, or 0 for one that was never used."""
    account = accounts.key_of(code, unit)
    if account is None:
        return 0
    return _sum(Transfer.objects.filter(taker=account)) - _sum(Transfer.objects.filter(giver=account))


def sum_of(codes: Iterable[str], unit: str) -> int:
    """Return the sum of the balances of some accounts."""
    chosen = list(codes)
    taken = _sum(Transfer.objects.filter(taker__code__in=chosen, taker__unit=unit))
    return taken - _sum(Transfer.objects.filter(giver__code__in=chosen, giver__unit=unit))


def balances(prefix: str, unit: str | None = None) -> Balances:
    """Return the balances by code and unit of all accounts whose code is `prefix` or begins with it and a colon."""
    return _by_account(Transfer.objects.all(), prefix, unit)


def balances_of_shift(shift: int) -> Balances:
    """Return the change of each account by the entries of a shift."""
    return _by_account(Transfer.objects.filter(entry__shift=shift), "", None)


def balances_of_day(day: date, shop: int | None = None) -> Balances:
    """Return the change of each account by the entries of a business day, in one shop or in all."""
    chosen = Transfer.objects.filter(entry__business_day=day)
    return _by_account(chosen if shop is None else chosen.filter(entry__shop=shop), "", None)


def given(prefix: str, kind: str) -> Balances:
    """Return the amounts that accounts of a prefix gave in the entries of one kind, less those that they took."""
    found = _by_account(Transfer.objects.filter(entry__kind=kind), prefix, None)
    return {account: -amount for account, amount in found.items()}


def sums_by_unit() -> dict[str, int]:
    """Return the sum of all balances of each unit. Each is zero, unless the database was changed below the ledger."""
    sums: dict[str, int] = {}
    for (_, unit), amount in balances("").items():
        sums[unit] = sums.get(unit, 0) + amount
    return sums


def faults() -> list[str]:
    """Return the faults of the ledger itself, in words. There is none unless the triggers were passed by."""
    found = [
        f"the balances of {unit} add up to {amount}, not to 0" for unit, amount in sums_by_unit().items() if amount
    ]
    for transfer in Transfer.objects.exclude(giver__unit=F("taker__unit")).values_list("pk", flat=True)[:100]:
        found.append(f"transfer {transfer} moves one unit to an account of another")
    for transfer in Transfer.objects.filter(Q(amount__lte=0) | Q(giver=F("taker"))).values_list("pk", flat=True)[:100]:
        found.append(f"transfer {transfer} moves nothing, or stays in its account")
    for key in Entry.objects.filter(transfers=None).values_list("key", flat=True)[:100]:
        found.append(f"entry {key} has no transfers")
    return found


def _by_account(chosen: "QuerySet[Transfer]", prefix: str, unit: str | None) -> Balances:
    found: Balances = {}
    for side, sign in (("taker", 1), ("giver", -1)):
        rows = chosen
        if prefix:
            rows = rows.filter(Q(**{f"{side}__code": prefix}) | Q(**{f"{side}__code__startswith": prefix + ":"}))
        if unit is not None:
            rows = rows.filter(**{f"{side}__unit": unit})
        summed = rows.values_list(f"{side}__code", f"{side}__unit").annotate(sum=Sum("amount")).order_by()
        for code, its_unit, amount in summed:
            found[code, its_unit] = found.get((code, its_unit), 0) + sign * int(amount)
    return found


def _sum(rows: "QuerySet[Transfer]") -> int:
    return int(rows.aggregate(sum=Sum("amount"))["sum"] or 0)
