"""The sending of messages, at most once, by any number of processes.

A message is claimed in a transaction of its own before it is handed to its transport. If the sender dies after that,
nobody knows whether the message went out: after a lease it becomes "unknown", the managers get a message, and it is
never sent again. A transport says `LATER` only if it is certain that the message was not handed over. Then it is tried
again, later each time, up to a limit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from django.db import connection, transaction
from django.db.models import F

from wattpurse_tools.headend import outbox
from wattpurse_tools.headend.outbox import FAILED, SENDING, SENT, SENT_CHANNELS, UNKNOWN, WAITING, WITHDRAWN
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.office.manager_messages import tell_managers
from wattpurse_tools.record.models import Message

LATER = "later"

LEASE_S = 15 * 60
STALE_S = 3 * 86_400
TRIES = 10
ROUND = 200
ROUND_S = 60  # the process has other work too, such as texts that came in

_FIRST_WAIT_S = 60
_LONGEST_WAIT_S = 6 * 3600
_TROUBLE_LIMIT = 240


@dataclass(frozen=True)
class Outcome:
    """The outcome of sending: SENT, FAILED (refused for good), LATER (certainly not handed over) or UNKNOWN.

    `stops_channel` says that the transport gave no answer or asked for a pause. Another message of the same channel
    would wait as long for it.
    """

    state: str
    trouble: str = ""
    stops_channel: bool = False


class Transport(Protocol):
    """A way to send messages of a channel. It waits a bounded time, less than LEASE_S."""

    def send(self, message: Message, now_s: int) -> Outcome:
        """Send a message once and return the outcome. An exception means that nobody knows whether it was sent."""
        ...


def run_round(now_s: int, transports: Mapping[str, Transport], clock: Callable[[], int] | None = None) -> int:
    """Send the messages whose time has come, at most ROUND of them, and return the number of those tried.

    A channel that a transport stops waits for the next round, and so do all after ROUND_S. `clock` returns the time of
    each claim. Without one it is `now_s` for all of them.
    """
    give_up_dead(now_s)
    drop_stale(now_s)
    tried, working = 0, dict(transports)
    while working and tried < ROUND:
        time_s = now_s if clock is None else clock()
        if time_s > now_s + ROUND_S:
            break
        message = claim(time_s, working)
        if message is None:
            break
        if _deliver(message, working[message.channel], time_s).stops_channel:
            del working[message.channel]
        tried += 1
    return tried


def claim(now_s: int, channels: Mapping[str, object]) -> Message | None:
    """Book the next message as being sent and return it, or None. It is committed before this returns."""
    if connection.in_atomic_block:
        raise RuntimeError("a message is claimed in a transaction of its own, which is committed before it is sent")
    _keep_quiet_hours(now_s)
    due = Message.objects.filter(state=WAITING, not_before_s__lte=now_s, channel__in=list(channels))
    for number in due.order_by("not_before_s", "pk").values_list("pk", flat=True)[:ROUND]:
        waiting = Message.objects.filter(pk=number, state=WAITING)
        message = waiting.select_related("customer").first()
        if message is None:
            continue
        customer = message.customer
        if customer is not None and not outbox.is_wanted(customer, message.kind, message.channel):
            waiting.update(state=WITHDRAWN)
            continue
        # One statement decides between two senders: the second one finds no waiting row.
        if waiting.update(state=SENDING, claimed_s=now_s, tries=F("tries") + 1):
            message.refresh_from_db(fields=["state", "claimed_s", "tries"])
            return message
    return None


def give_up_dead(now_s: int) -> int:
    """Give up the messages whose sender died while it sent, tell the managers, and return their number."""
    found = 0
    for message in Message.objects.filter(state=SENDING, claimed_s__lt=now_s - LEASE_S).order_by("pk"):
        with transaction.atomic():
            mine = Message.objects.filter(pk=message.pk, state=SENDING, claimed_s=message.claimed_s)
            if mine.update(state=UNKNOWN, trouble="its sender ended while it sent"):
                _tell(message, "its sender ended while it sent", now_s)
                found += 1
    return found


def drop_stale(now_s: int) -> int:
    """Drop the messages that are too old to be of use, and return their number."""
    old = Message.objects.filter(state=WAITING, channel__in=SENT_CHANNELS, created_s__lt=now_s - STALE_S)
    return old.update(state=FAILED, trouble="it was too old to be sent")


def fail(number: int, trouble: str, now_s: int) -> bool:
    """Book that a message that was sent has failed after all, and tell the managers. Return True for the first time."""
    message = Message.objects.select_related("customer").filter(pk=number, state=SENT).first()
    if message is None:
        return False
    with transaction.atomic():
        is_first = bool(Message.objects.filter(pk=number, state=SENT).update(state=FAILED, trouble=trouble))
        if is_first:
            _tell(message, trouble, now_s)
    return is_first


def wait_s(tries: int) -> int:
    """Return the wait before the next try, after a number of tries."""
    return min(_FIRST_WAIT_S << (tries - 1), _LONGEST_WAIT_S)


def _keep_quiet_hours(now_s: int) -> None:
    """Delay the messages to customers whose time came while no sender ran, if it is a quiet hour now."""
    end_s = outbox.after_quiet_hours(now_s, policy())
    if end_s > now_s:
        due = Message.objects.filter(state=WAITING, not_before_s__lte=now_s, customer__isnull=False)
        due.exclude(kind__in=outbox.AT_ONCE).update(not_before_s=end_s)


def _deliver(message: Message, transport: Transport, now_s: int) -> Outcome:
    try:
        outcome = transport.send(message, now_s)
    except Exception as error:  # after any exception the message may be on its way
        outcome = Outcome(UNKNOWN, f"{type(error).__name__}: {error}")
    _book(message, outcome, now_s)
    return outcome


def _book(message: Message, outcome: Outcome, now_s: int) -> None:
    """Book the outcome of a claim, unless its lease has ended and it was given up."""
    trouble = outcome.trouble[:_TROUBLE_LIMIT]
    state, changes = outcome.state, {}
    if state == LATER and message.tries < TRIES:
        state, changes = WAITING, {"not_before_s": now_s + wait_s(message.tries)}
    elif state == LATER:
        state = FAILED
    elif state == SENT:
        changes = {"sent_s": now_s}
    with transaction.atomic():
        mine = Message.objects.filter(pk=message.pk, state=SENDING, claimed_s=message.claimed_s)
        if mine.update(state=state, trouble=trouble, **changes) and state in (FAILED, UNKNOWN):
            _tell(message, trouble, now_s)


def _tell(message: Message, trouble: str, now_s: int) -> None:
    """Tell the managers, on the pages alone, of a message that failed or may be lost."""
    who = "managers" if message.customer is None else f"customer {message.customer.number}"
    text = f"Message {message.pk} ({message.kind}, {message.channel}) to {who} may not have arrived: {trouble}."
    tell_managers(f"undelivered:{message.pk}", text, now_s, outbox.MANAGERS)
