"""Messages to customers and managers: written into the record once by their key, and sent by `delivery`.

A message is written in the transaction of the event that it tells, in the customer's language. A customer may have
messages off by channel and by kind. Quiet hours of the policy delay messages to customers, except the answer to a
payment: the customer waits for that one.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence

from django.db.models import QuerySet

from wattpurse_tools.headend import quiet_hours, sms_text, texts
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.headend.texts import (
    EXPIRY,
    LOW_CREDIT,
    OUTAGE,
    RECHARGE,
    RETURN,
    SHORTAGE,
    SWITCHED_OFF,
    TAMPER,
)
from wattpurse_tools.office.manager_messages import FOR_MANAGERS
from wattpurse_tools.record.models import Customer, HeadendPolicy, Message, User

MAIL = "mail"
SMS = "sms"
HOOK = "hook"
SENT_CHANNELS = (MAIL, SMS, HOOK)

WAITING = "waiting"
SENDING = "sending"
SENT = "sent"
FAILED = "failed"
UNKNOWN = "unknown"
WITHDRAWN = "withdrawn"  # before anybody had sent it, the event was over, or the customer wanted it no more
STATES = (WAITING, SENDING, SENT, FAILED, UNKNOWN, WITHDRAWN)

KINDS = (LOW_CREDIT, EXPIRY, TAMPER, OUTAGE, RETURN, RECHARGE, SWITCHED_OFF, SHORTAGE)
AT_ONCE = (RECHARGE,)
# The column of a customer that tells whether a channel is wanted.
WISH_OF = {MAIL: "wants_mail", SMS: "wants_sms", HOOK: "wants_hook"}
ANSWER = "answer"
MANAGERS = "managers"

KEY_LIMIT = 80 - len(":office")
_SUBJECT_LIMIT = 120
_ADDRESS_DIGITS = 12


def put(
    customer: Customer,
    kind: str,
    key: str,
    values: Mapping[str, object],
    now_s: int,
    channels: Collection[str] = SENT_CHANNELS,
) -> None:
    """Write a message to a customer, on each of the channels that the customer has and wants.

    The same key writes nothing more. `kind` is one of KINDS. `values` are those of its text: `meter`, and others by
    kind. A name ends as `texts` says: `balance_microunits`, `until_s`. Raise ValueError for a kind or for values
    without a text.
    """
    rules = policy()
    addresses = wanted_addresses(customer, kind, rules)
    shown = texts.shown(kind, values, customer.language, rules.time_zone)
    not_before_s = now_s if kind in AT_ONCE else after_quiet_hours(now_s, rules)
    body = texts.mail_body(shown.mail, customer.name, customer.number, customer.language)
    hooked = _hook_body(customer, kind, key, values, shown, now_s)
    bodies = {MAIL: body, SMS: sms_text.shortened(shown.sms), HOOK: hooked}
    _write(
        _row(customer, kind, key, channel, address, bodies[channel], shown.subject, now_s, not_before_s)
        for channel, address in addresses.items()
        if channel in channels
    )


def wanted_addresses(customer: Customer, kind: str, rules: HeadendPolicy) -> dict[str, str]:
    """Return the addresses for messages of a kind, by the channels that a customer has and wants."""
    known = {MAIL: customer.email, SMS: customer.phone, HOOK: rules.web_hook}
    return {channel: one for channel, one in known.items() if one and is_wanted(customer, kind, channel)}


def is_wanted(customer: Customer, kind: str, channel: str) -> bool:
    """Return True if a customer wants messages of a kind on a channel."""
    return getattr(customer, WISH_OF[channel]) and kind not in customer.unwanted_kinds


def put_to_managers(key: str, text: str, now_s: int) -> None:
    """Write a message to the managers: one for the pages, and one mail to each of them with an address."""
    managers = User.objects.filter(is_active=True, role=User.MANAGER).exclude(email="")
    rows = [_row(None, MANAGERS, key, FOR_MANAGERS, "", text, "", now_s, now_s)]
    for address in sorted(set(managers.values_list("email", flat=True))):
        own_key = f"{key}:{hashlib.sha256(address.encode()).hexdigest()[:_ADDRESS_DIGITS]}"
        rows.append(_row(None, MANAGERS, own_key, MAIL, address, text + "\n", text, now_s, now_s))
    _write(rows)


def put_answer(phone: str, key: str, text: str, now_s: int) -> None:
    """Write the answer to an SMS, to be sent at once: the person waits for it."""
    _write([_row(None, ANSWER, key, SMS, phone, sms_text.shortened(text), "", now_s, now_s)])


def withdraw(key: str, channels: Sequence[str] = SENT_CHANNELS) -> set[str]:
    """Withdraw the messages of a key that wait. Return the channels on which it is too late.

    A message that waits for another try waits as well: its transport was certain that it was not handed over.
    """
    keys = {f"{key}:{channel}": channel for channel in channels}
    Message.objects.filter(key__in=keys, state=WAITING).update(state=WITHDRAWN)
    left = Message.objects.filter(key__in=keys).exclude(state=WITHDRAWN)
    return {keys[one] for one in left.values_list("key", flat=True)}


def withdraw_kind(customer: Customer, kind: str, begin: str) -> set[str]:
    """Withdraw the messages of a kind to a customer that wait and whose keys begin so. Return their channels."""
    waiting = _waiting(kind, begin).filter(customer=customer)
    found = list(waiting.values_list("pk", flat=True))
    if not found:
        return set()
    Message.objects.filter(pk__in=found, state=WAITING).update(state=WITHDRAWN)
    # A sender may have claimed some of them meanwhile.
    return set(Message.objects.filter(pk__in=found, state=WITHDRAWN).values_list("channel", flat=True))


def withdraw_all(kind: str, begin: str) -> int:
    """Withdraw the messages of a kind that wait and whose keys begin so. Return their number."""
    return _waiting(kind, begin).update(state=WITHDRAWN)


def after_quiet_hours(now_s: int, rules: HeadendPolicy) -> int:
    """Return the first moment from now on at which customers are written to."""
    return quiet_hours.allowed_s(now_s, rules.quiet_from_minute, rules.quiet_until_minute, rules.time_zone)


def _waiting(kind: str, begin: str) -> QuerySet[Message]:
    return Message.objects.filter(kind=kind, key__startswith=begin, state=WAITING)


def _row(
    customer: Customer | None,
    kind: str,
    key: str,
    channel: str,
    address: str,
    text: str,
    subject: str,
    now_s: int,
    not_before_s: int,
) -> Message:
    if not key or len(key) > KEY_LIMIT:
        raise ValueError(f"{key!r}: the key of a message has 1 to {KEY_LIMIT} characters")
    return Message(
        key=f"{key}:{channel}",
        customer=customer,
        channel=channel,
        kind=kind,
        address=address,
        subject=subject[:_SUBJECT_LIMIT],
        text=text,
        created_s=now_s,
        not_before_s=not_before_s,
    )


def _write(rows: Iterable[Message]) -> None:
    Message.objects.bulk_create(rows, ignore_conflicts=True)


def _hook_body(
    customer: Customer, kind: str, key: str, values: Mapping[str, object], shown: texts.Shown, now_s: int
) -> str:
    facts = {
        "id": key,
        "kind": kind,
        "customer": customer.number,
        "language": customer.language,
        "created_s": now_s,
        "values": dict(values),
        "text": shown.sms,
    }
    return json.dumps(facts, ensure_ascii=False, sort_keys=True, default=str)
