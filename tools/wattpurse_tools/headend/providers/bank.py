"""Bank statements: their credit entries become notices, once each, however often a statement is imported.

A bank is a provider whose money is at the bank already. Its settings: `columns` and further words for CSV files,
`payouts` with the text of each provider by which its payouts are known, such as {"stripe": "STRIPE PAYOUT"}. A payout
is a notice of that provider. Its number begins with BANK, so that the provider's own message of it pairs with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from wattpurse_tools.headend import payments
from wattpurse_tools.headend.providers.notices import Notice
from wattpurse_tools.headend.providers.provider_file import Provider
from wattpurse_tools.record.models import PaymentNotice


@dataclass(frozen=True)
class Entry:
    """A credit entry of a statement. `number` is unique at the account."""

    number: str
    amount_microunits: int
    currency: str
    text: str
    payer: str
    booked_s: int


@dataclass(frozen=True)
class StatementRead:
    """The credit entries of a statement, and the entries that were left out, in words."""

    entries: tuple[Entry, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class Imported:
    """The outcome of an import: entries that are new, entries that were there, and entries left out.

    `notices` are the keys of the new ones.
    """

    new: int
    known: int
    left_out: tuple[str, ...]
    notices: tuple[int, ...] = ()


def take(provider: Provider, read: StatementRead, now_s: int) -> Imported:
    """Record the entries of a statement, each once."""
    new: list[int] = []
    for entry in read.entries:
        name, notice = _notice(provider, entry)
        is_known = PaymentNotice.objects.filter(provider=name, number=notice.number).exists()
        row = notice.record(name, entry.text, now_s)
        if not is_known:
            new.append(row.pk)
    return Imported(len(new), len(read.entries) - len(new), read.left_out, tuple(new))


def _notice(provider: Provider, entry: Entry) -> tuple[str, Notice]:
    """Return the notice of an entry, with the name of its provider."""
    payouts: dict[str, str] = provider.settings.get("payouts", {})
    said = f"{entry.payer} {entry.text}".casefold()
    names = [name for name, text in payouts.items() if text.casefold() in said]
    kind, name, number = payments.PAID, provider.name, entry.number
    if len(names) == 1:
        kind, name, number = payments.PAYOUT, names[0], f"{payments.BANK}{entry.number}"
    return name, Notice(number, kind, entry.amount_microunits, entry.currency, entry.text, entry.payer, entry.booked_s)


def joined(parts: Sequence[str | None]) -> str:
    """Return the texts that are there as one."""
    return " ".join(" ".join(part.split()) for part in parts if part)
