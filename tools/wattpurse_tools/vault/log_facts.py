"""The facts that the vault's log proves: token numbers, settled receipts, approvals and the credit of each day.

The counters know at least as much, because they are written first. So counters that know less are an older copy, or
somebody has changed them. With lost counters the facts come from here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from wattpurse.core.money.token_windows import count_of
from wattpurse_tools.vault import actions
from wattpurse_tools.vault.counters import Counters
from wattpurse_tools.vault.interface import LogEntry
from wattpurse_tools.vault.rules import Amounts

_NAMES = ("microunits", "mwh", "days")


@dataclass
class LogFacts:
    """Counts by meter, words by (meter, receipt), words by approved request, and credit by (operator, day)."""

    counts: dict[int, int] = field(default_factory=dict)
    settled: dict[tuple[int, int], str] = field(default_factory=dict)
    approved: dict[str, str] = field(default_factory=dict)
    amounts: dict[tuple[int, int], Amounts] = field(default_factory=dict)

    def are_known_to(self, counters: Counters) -> bool:
        """Return True if the counters know all of this."""
        return (
            all(counters.count(meter) >= count for meter, count in self.counts.items())
            and all(counters.is_settled(meter, sequence) for meter, sequence in self.settled)
            and all(
                counters.amounts(operator, day).plus(_negative(sums)).is_positive
                for (operator, day), sums in self.amounts.items()
            )
        )

    def bring_into(self, counters: Counters) -> None:
        """Bring the facts into counters. The caller opens the transaction."""
        for meter, count in self.counts.items():
            counters.raise_count(meter, count)
        for (meter, sequence), words in self.settled.items():
            counters.settle(meter, sequence, words)
        for (operator, day), sums in self.amounts.items():
            counters.note_amounts(operator, day, sums.highest(counters.amounts(operator, day)))


def facts_of(entries: Iterable[LogEntry]) -> LogFacts:
    """Return the facts in the lines of a log."""
    facts = LogFacts()
    for entry in entries:
        details = entry.details
        if entry.action == actions.ISSUE:
            newest = max(count_of(one["sequence"]) for one in details["tokens"])
            facts.counts[details["meter"]] = max(newest, facts.counts.get(details["meter"], 0))
        if entry.action == actions.SETTLE:
            facts.settled[details["meter"], details["sequence"]] = details["words"]
        if entry.action == actions.APPROVE:
            facts.approved[details["request"]] = details["words"]
        if entry.action == actions.COUNTERS_LOST:
            facts.approved.clear()  # the numbers of requests begin anew
        if "day" in details and entry.operator is not None:
            key = entry.operator, details["day"]
            facts.amounts[key] = facts.amounts.get(key, Amounts()).plus(Amounts(*(details[name] for name in _NAMES)))
    return facts


def amounts_document(day: int, amounts: Amounts) -> dict:
    """Return the members of a line about credit that was made on a day."""
    return {"day": day} | {name: getattr(amounts, name) for name in _NAMES}


def _negative(amounts: Amounts) -> Amounts:
    return Amounts(-amounts.microunits, -amounts.mwh, -amounts.days)
