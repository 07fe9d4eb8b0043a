"""Checks of the ledger by itself: what its triggers and constraints promise, proved from the rows alone."""

from collections.abc import Iterator

from django.db.models import Exists, F, OuterRef, Q, Sum

from wattpurse_tools.ledger.models import Account, Entry, Transfer
from wattpurse_tools.office.findings import Finding

_CHECK = "ledger"


def sum_is_zero() -> Iterator[Finding]:
    """Find units whose accounts do not sum to zero, with each transfer counted at both of its accounts."""
    given = dict(Transfer.objects.values_list("giver__unit").annotate(Sum("amount")))
    taken = dict(Transfer.objects.values_list("taker__unit").annotate(Sum("amount")))
    for unit in sorted(given.keys() | taken.keys(), key=str):
        difference = (taken.get(unit) or 0) - (given.get(unit) or 0)
        if difference:
            yield Finding(_CHECK, f"unit {unit}", f"all accounts sum to {difference:,} and not to 0")


def transfers_are_whole() -> Iterator[Finding]:
    """Find transfers of no amount, within one account, between units, or without an account or an entry."""
    for row in Transfer.objects.filter(Q(amount__lte=0) | Q(giver=F("taker"))).order_by("id").values():
        yield _of_transfer(row["id"], f"moves {row['amount']:,} from account {row['giver_id']} to {row['taker_id']}")
    for number in Transfer.objects.exclude(giver__unit=F("taker__unit")).order_by("id").values_list("id", flat=True):
        yield _of_transfer(number, "moves an amount between two units")
    for name, model in (("giver", Account), ("taker", Account), ("entry", Entry)):
        known = model._default_manager.filter(pk=OuterRef(f"{name}_id"))
        for number in Transfer.objects.filter(~Exists(known)).order_by("id").values_list("id", flat=True):
            yield _of_transfer(number, f"has no {name}: the row has gone")


def entries_are_whole() -> Iterator[Finding]:
    """Find entries that move nothing: their transfers have gone."""
    transfers = Transfer.objects.filter(entry=OuterRef("pk"))
    for row in Entry.objects.filter(~Exists(transfers)).order_by("id").values("id", "key"):
        yield Finding(_CHECK, f"entry {row['id']}", f"{row['key']} has no transfers: rows have gone")


def reversals_are_whole() -> Iterator[Finding]:
    """Find entries that do not move back exactly the amounts of the entry that they reverse.

    Money that comes back out of a drawer comes out of the drawer of that moment.
    """
    for row in Entry.objects.filter(reverses__isnull=False).order_by("id").values("id", "reverses_id").iterator():
        back = sorted(_moves(row["id"]))
        there = sorted((taker, giver, unit, amount) for giver, taker, unit, amount in _moves(row["reverses_id"]))
        if back != there:
            yield Finding(
                _CHECK, f"entry {row['id']}", f"does not reverse all of entry {row['reverses_id']}, and no more"
            )


def _moves(entry: int) -> list[tuple[str, str, str, int]]:
    rows = Transfer.objects.filter(entry_id=entry)
    found = rows.values_list("giver__code", "taker__code", "giver__unit", "amount")
    return [(_place(giver), _place(taker), unit, amount) for giver, taker, unit, amount in found]


def _place(code: str) -> str:
    return "drawer" if code.startswith("drawer:") else code


def _of_transfer(number: int, words: str) -> Finding:
    return Finding(_CHECK, f"transfer {number}", words)
