"""The figures of the head-end, counted from the record at the time of the question, in Prometheus' text format 0.0.4.

No process keeps a counter: a restart, a second worker or a restored backup changes no figure. The format is that of
https://prometheus.io/docs/instrumenting/exposition_formats/ ("Text-based format"). Each figure is a gauge.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Min

from wattpurse_tools.headend import (
    command_queue,
    fleet,
    outbox,
    payments,
    rounds,
    shortages,
    temporary_supply,
    trust,
)
from wattpurse_tools.office.paging import state_counts
from wattpurse_tools.record.models import (
    Command,
    ManagedAccount,
    Message,
    Meter,
    Payment,
    SetAside,
    Shortage,
    Statement,
    TemporarySupply,
    TrustProposal,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_HOUR_S = 3600
_DAY_S = 86_400
_WORKS = (rounds.WORKER, rounds.ENGINE, rounds.PAYMENTS, rounds.SENDER)

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Family:
    """A figure with its explanation, and its values by their labels."""

    name: str
    words: str
    values: dict[Labels, int] = field(default_factory=dict)


def families(now_s: int) -> list[Family]:
    """Return all figures."""
    return [*_of_meters(now_s), *_of_commands(now_s), *_of_work(now_s), *_of_money_and_messages(), *_of_rounds(now_s)]


def text(now_s: int) -> str:
    """Return all figures as Prometheus reads them."""
    lines: list[str] = []
    for one in families(now_s):
        lines += (f"# HELP {one.name} {_help(one.words)}", f"# TYPE {one.name} gauge")
        lines += (f"{one.name}{_labels(labels)} {value}" for labels, value in one.values.items())
    return "\n".join(lines) + "\n"


def _of_meters(now_s: int) -> list[Family]:
    states = fleet.counts_by_state(now_s)
    ends = fleet.silent_before_end(now_s, _DAY_S).order_by().count()
    off = ManagedAccount.objects.filter(closed_s=None, is_ordered_on=False).count()
    seen = {
        words: Meter.objects.filter(seen_s__gt=now_s - age_s).count()
        for words, age_s in (("5m", 300), ("1h", _HOUR_S), ("1d", _DAY_S))
    }
    return [
        Family(
            "wattpurse_meters",
            "Meters in use by their state, the worst of each.",
            _by("state", states),
        ),
        Family("wattpurse_meters_seen", "Meters that the broker has heard within a time.", _by("within", seen)),
        Family(
            "wattpurse_meters_firmware",
            "Meters by the version of firmware that they tell.",
            _by("version", fleet.counts_by_firmware()),
        ),
        Family("wattpurse_silent_permits_ending", "Silent meters whose permit ends within 24 hours.", {(): ends}),
        Family("wattpurse_accounts_switched_off", "Managed accounts that have ordered the switch off.", {(): off}),
    ]


def _of_commands(now_s: int) -> list[Family]:
    counts = {(("state", state), ("outcome", "")): 0 for state in command_queue.STATES}
    told = Command.objects.order_by().values_list("state", "outcome").annotate(Count("pk"))
    counts |= {(("state", state), ("outcome", outcome)): count for state, outcome, count in told}
    oldest_s = Command.objects.filter(state__in=command_queue.OPEN_STATES).aggregate(Min("created_s"))["created_s__min"]
    age_s = 0 if oldest_s is None else max(0, now_s - oldest_s)
    return [
        Family("wattpurse_commands", "Tokens on their way by the network, by state and outcome.", counts),
        Family("wattpurse_command_oldest_seconds", "Age of the oldest command without an answer.", {(): age_s}),
    ]


def _of_work(now_s: int) -> list[Family]:
    statements = Statement.objects.filter(time_s__gt=now_s - _HOUR_S, time_s__lte=now_s).count()
    planned = state_counts(Shortage.objects.all(), shortages.STATES)
    supplies = state_counts(TemporarySupply.objects.all(), temporary_supply.STATES)
    aside = SetAside.objects.filter(is_closed=False).count()
    proposals = TrustProposal.objects.filter(state=trust.WAITING).count()
    return [
        Family("wattpurse_statements_last_hour", "Statements that meters made in the last hour.", {(): statements}),
        Family("wattpurse_set_aside_open", "Messages that could not be worked on, not closed yet.", {(): aside}),
        Family("wattpurse_shortages", "Shortages by state.", _by("state", planned)),
        Family("wattpurse_temporary_supplies", "Temporary supplies by state.", _by("state", supplies)),
        Family("wattpurse_trust_proposals_waiting", "Trust proposals that a person must decide.", {(): proposals}),
    ]


def _of_money_and_messages() -> list[Family]:
    paid = state_counts(Payment.objects.all(), payments.STATES)
    messages = state_counts(Message.objects.all(), outbox.STATES)
    return [
        Family("wattpurse_payments", "Payments from outside by state.", _by("state", paid)),
        Family("wattpurse_messages", "Messages to customers by state.", _by("state", messages)),
    ]


def _of_rounds(now_s: int) -> list[Family]:
    """Return the age of the last round of each work. A work that has never ended one has no value."""
    ages = {work: max(0, now_s - ended_s) for work, ended_s in rounds.last().items() if work in _WORKS}
    return [Family("wattpurse_round_age_seconds", "Age of the last round of a process.", _by("work", ages))]


def _by(label: str, counts: Mapping[Any, int]) -> dict[Labels, int]:
    return {((label, name),): count for name, count in counts.items()}


def _labels(labels: Iterable[tuple[str, str]]) -> str:
    told = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{told}}}" if told else ""


def _escaped(value: str) -> str:
    """Return a label's value with backslash, quote and line feed escaped, as the format says."""
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _help(words: str) -> str:
    return words.replace("\\", r"\\").replace("\n", r"\n")
