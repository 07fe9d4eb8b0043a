"""The sender of waiting commands: it publishes their tokens, and notes them as sent after the broker has them.

Any number of senders may run: a command is locked by one of them while it publishes. One that dies before its
transaction ends has sent in vain, and another sends the same token again, which the meter uses once. A command that no
meter answers is sent again after a time that doubles. A meter whose last will says that it is offline is sent nothing;
its commands go as soon as it is back.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet

from wattpurse.core.messages import mqtt
from wattpurse_tools.compiled_queries import CompiledValues
from wattpurse_tools.headend import command_queue
from wattpurse_tools.record.models import Command

AT_ONCE = 100
FIRST_WAIT_S = 30
LONGEST_WAIT_S = 3600

_DOUBLINGS = 7

# Publishes `(topic, payload)` messages, and returns when the broker has all of them. Raises OSError if it has not.
Publish = Callable[[Sequence[tuple[str, bytes]]], None]


@dataclass(frozen=True)
class Sent:
    """The numbers of commands that a round has sent, and that it has given up because their time was over."""

    sent: int = 0
    given_up: int = 0


def send_round(publish: Publish, now_s: int, limit: int = AT_ONCE) -> Sent:
    """Send the commands that are due, at most `limit`, the oldest of each meter first.

    Raise OSError if the broker does not take them: they wait as before.
    """
    given_up = _give_up(now_s) if _ONE_OVER.rows(now_s) else 0
    if not _ONE_DUE.rows(now_s):
        return Sent(0, given_up)
    with transaction.atomic():
        rows = _due(now_s).select_related("token")
        if connection.features.has_select_for_update_skip_locked:
            rows = rows.select_for_update(skip_locked=True, of=("self",))
        commands = list(rows.order_by("next_s", "meter_id", "token__sequence")[:limit])
        commands.sort(key=lambda one: (one.meter_id, one.token.sequence))  # type: ignore[attr-defined]
        if commands:
            publish([(_topic(one), bytes(one.token.sealed)) for one in commands])
        for one in commands:
            wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S << min(one.tries, _DOUBLINGS))
            Command.objects.filter(pk=one.pk).update(
                state=command_queue.SENT, sent_s=now_s, tries=F("tries") + 1, next_s=now_s + wait_s
            )
    return Sent(len(commands), given_up)


def wake(meter_number: int, now_s: int) -> None:
    """Let the commands of a meter that has come back go at once."""
    waiting = Command.objects.filter(meter_id=meter_number, state__in=command_queue.OPEN_STATES, next_s__gt=now_s)
    waiting.update(next_s=now_s)


def _due(now_s: int) -> QuerySet[Command]:
    """Return the commands whose time has come. A meter that nobody has seen yet may be there all the same."""
    due = Command.objects.filter(state__in=command_queue.OPEN_STATES, next_s__lte=now_s)
    return due.filter(Q(meter__link__isnull=True) | Q(meter__link__is_online=True) | Q(meter__link__changed_s=0))


def _over(now_s: int) -> QuerySet[Command]:
    return Command.objects.filter(state__in=command_queue.OPEN_STATES, expires_s__lte=now_s)


def _give_up(now_s: int) -> int:
    return _over(now_s).update(state=command_queue.GIVEN_UP, answered_s=now_s, outcome="expired")


def _topic(command: Command) -> str:
    return mqtt.topic(command.meter_id, mqtt.TOKEN)  # type: ignore[attr-defined]


# A worker asks several times a second, and there is seldom one.
_ONE_OVER = CompiledValues(lambda now_s: _over(now_s).values_list("pk")[:1], 1_000_003)
_ONE_DUE = CompiledValues(lambda now_s: _due(now_s).values_list("pk")[:1], 1_000_003)
