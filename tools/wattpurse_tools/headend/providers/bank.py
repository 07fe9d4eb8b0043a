"""Bank statements: their credit entries become notices, once each, however often a statement is imported.

A bank is a provider whose money is at the bank already. Its settings: `columns` and further words for CSV files,
`payouts` with the text of each provider by which its payouts are known, such as {"stripe": "STRIPE PAYOUT"}. A payout
is a notice of that provider. Its number begins with BANK, so that the provider's own message of it pairs with it.

Banks give numbers that are no numbers, or give one twice. An entry is known if its number, amount, currency and day are
known. One that has the number of another entry is recorded too, and a person decides about it.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db import transaction

from wattpurse_tools.headend import payments
from wattpurse_tools.headend.providers.notices import Notice
from wattpurse_tools.headend.providers.provider_file import Provider
from wattpurse_tools.record.models import PaymentNotice
from wattpurse_tools.refusals import Words

_LONGEST_NUMBER = 120
_DIGEST = 16
_REPEATED = Words("the statement has this number more than once")
_OTHER = Words("the bank told another entry with this number before")


@dataclass(frozen=True)
class Entry:
    """A credit entry of a statement. `number` is unique at the account, if the bank keeps its promise.

    `doubt` is the reason why a person has to decide about it, or empty.
    """

    number: str
    amount_microunits: int
    currency: str
    text: str
    payer: str
    booked_s: int
    doubt: str = ""


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
    """Record the entries of a statement, each once: all of them, or none if one cannot be recorded."""
    new: list[int] = []
    times: Counter[tuple[str, str]] = Counter()
    with transaction.atomic():
        for entry in read.entries:
            name, notice = _notice(provider, entry)
            doubt = entry.doubt
            times[name, notice.number] += 1
            if times[name, notice.number] > 1:
                notice, doubt = _numbered(notice, f"{notice.number}~{times[name, notice.number]}"), _REPEATED
            known = _known(name, notice)
            if known is not None and not _is_of(known, notice):
                notice, doubt = _numbered(notice, f"{notice.number}~{_digest(_facts(notice))}"), _OTHER
                known = _known(name, notice)
            if known is None:
                new.append(notice.record(name, entry.text, now_s, doubt).pk)
    return Imported(len(new), len(read.entries) - len(new), read.left_out, tuple(new))


def _notice(provider: Provider, entry: Entry) -> tuple[str, Notice]:
    """Return the notice of an entry, with the name of its provider."""
    payouts: dict[str, str] = provider.settings.get("payouts", {})
    said = f"{entry.payer} {entry.text}".casefold()
    names = [name for name, text in payouts.items() if text.casefold() in said]
    kind, name, number = payments.PAID, provider.name, entry.number
    if len(names) == 1:
        kind, name, number = payments.PAYOUT, names[0], f"{payments.BANK}{entry.number}"
    amount, currency, booked_s = entry.amount_microunits, entry.currency, entry.booked_s
    made = Notice(number, kind, amount, currency, entry.text, entry.payer, booked_s)
    return name, _numbered(made, number)


def _numbered(notice: Notice, number: str) -> Notice:
    """Return a notice with a number that fits into the record."""
    if len(number) > _LONGEST_NUMBER:
        number = f"{number[: _LONGEST_NUMBER - _DIGEST - 1]}~{_digest(number)}"
    return replace(notice, number=number)


def _known(name: str, notice: Notice) -> PaymentNotice | None:
    return PaymentNotice.objects.filter(provider=name, number=notice.number).first()


def _is_of(known: PaymentNotice, notice: Notice) -> bool:
    """Return True if a row is of the same entry as a notice."""
    return (known.amount_microunits, known.currency, known.paid_s) == _facts(notice)


def _facts(notice: Notice) -> tuple[int, str, int]:
    return notice.amount_microunits, notice.currency, notice.paid_s


def _digest(said: object) -> str:
    return hashlib.sha256(repr(said).encode()).hexdigest()[:_DIGEST]


def joined(parts: Sequence[str | None]) -> str:
    """Return the texts that are there as one."""
    return " ".join(" ".join(part.split()) for part in parts if part)
