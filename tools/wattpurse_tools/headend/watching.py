"""Messages for people to look at: those set aside by the workers, and those to customers by their state."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction

from wattpurse.core.messages import token
from wattpurse.core.money.contract import Managed
from wattpurse_tools.headend.fleet import check
from wattpurse_tools.headend.outbox import STATES as MESSAGE_STATES
from wattpurse_tools.headend.permits import PERMIT
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.paging import Slice, slice_of, state_counts
from wattpurse_tools.record.models import (
    AccountCharge,
    Command,
    ManagedAccount,
    Message,
    Meter,
    SetAside,
    Tenancy,
    Token,
)
from wattpurse_tools.refusals import Refusal
from wattpurse_tools.station.order import OUTSTANDING

# The states of the account of a tenancy. One that is POSSIBLE can be opened.
OPEN, CLOSED, POSSIBLE, NONE = "open", "closed", "possible", ""

_SHOWN = 50


@dataclass(frozen=True)
class Dump:
    """The beginning of a payload: lines of offset, bytes in hexadecimal digits, and characters."""

    lines: list[tuple[str, str, str]]
    size: int


def find_set_aside(is_closed: bool, after: int | None = None) -> Slice:
    """Return messages that were set aside, the newest first."""
    return slice_of(SetAside.objects.filter(is_closed=is_closed).defer("payload"), "id", after, falling=True)


def set_aside(key: int) -> SetAside:
    """Return a message that was set aside. Raise Refusal if there is none of this number."""
    found = SetAside.objects.filter(pk=key).first()
    if found is None:
        raise Refusal("there is no such message")
    return found


def close_set_aside(office: Office, actor: Actor, key: int, reason: str) -> None:
    """Close a message that was set aside, with the reason. Closed twice is closed once. Right: manage."""
    actor.require("manage")
    if not reason.strip():
        raise Refusal("write the reason; others read it in the audit trail")
    with transaction.atomic():
        found = SetAside.objects.select_for_update().filter(pk=key).first()
        if found is None:
            raise Refusal("there is no such message")
        if not found.is_closed:
            found.is_closed = True
            found.save(update_fields=["is_closed"])
            audit.note(actor, "close message", f"set aside:{key}", reason=reason.strip(), digest=found.digest)


def dump_of(payload: bytes, limit: int = 1024) -> Dump:
    """Return the beginning of a payload as people read it. No byte of it reaches the page unescaped."""
    lines = []
    for begin in range(0, min(len(payload), limit), 16):
        part = payload[begin : begin + 16]
        characters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append((f"{begin:04x}", part.hex(" "), characters))
    return Dump(lines, len(payload))


def find_messages(state: str = "", kind: str = "", after: int | None = None) -> Slice:
    """Return messages to customers and managers, the newest first. Raise UnknownFilter for an unknown state."""
    messages = Message.objects.select_related("customer")
    if state:
        check(state, MESSAGE_STATES)
        messages = messages.filter(state=state)
    if kind:
        messages = messages.filter(kind=kind)
    return slice_of(messages, "id", after, falling=True)


def message_counts() -> list[tuple[str, int]]:
    """Return the number of messages in each state."""
    found = state_counts(Message.objects.all(), MESSAGE_STATES)
    return [(state, found[state]) for state in MESSAGE_STATES]


def message_kinds() -> list[str]:
    """Return the kinds that messages have."""
    return list(Message.objects.exclude(kind="").order_by("kind").values_list("kind", flat=True).distinct())


def find_accounts(text: str = "", after: int | None = None) -> Slice:
    """Return managed accounts by their tenancies. `text` is a number of a meter, or the begin of a customer's name."""
    accounts = ManagedAccount.objects.select_related("tenancy__customer", "tenancy__premises", "meter")
    if text.isascii() and text.isdecimal() and len(text) < 19:
        accounts = accounts.filter(meter=int(text))
    elif text:
        accounts = accounts.filter(tenancy__customer__name__istartswith=text)
    return slice_of(accounts, "tenancy_id", after)


def all_accounts() -> Iterator[ManagedAccount]:
    """Return all managed accounts by their tenancies."""
    rows = ManagedAccount.objects.select_related("tenancy__customer", "meter").order_by("tenancy_id")
    return rows.iterator()


def account(tenancy: int) -> ManagedAccount:
    """Return the managed account of a tenancy. Raise Refusal if it has none."""
    accounts = ManagedAccount.objects.select_related("tenancy__customer", "tenancy__premises", "meter")
    found = accounts.filter(pk=tenancy).first()
    if found is None:
        raise Refusal("this tenancy has no managed account")
    return found


def with_accounts(tenancies: Sequence[Tenancy]) -> list[tuple[Tenancy, str]]:
    """Return each tenancy with the state of its account, by three questions to the record."""
    closed = dict(ManagedAccount.objects.filter(tenancy__in=tenancies).values_list("pk", "closed_s"))
    without = {one.meter_number for one in tenancies if one.until_s is None and one.pk not in closed}
    managed = _managed(without) if without else set()

    def state(one: Tenancy) -> str:
        if one.pk in closed:
            return OPEN if closed[one.pk] is None else CLOSED
        return POSSIBLE if one.until_s is None and one.meter_number in managed else NONE

    return [(one, state(one)) for one in tenancies]


def _managed(numbers: set[int]) -> set[int]:
    """Return those of some meters that have the contract "managed", or get it by a token that is on its way."""
    there = Meter.objects.filter(number__in=numbers, contract=Managed.name)
    coming = Token.objects.filter(meter_id__in=numbers, kind=token.CONTRACT, amount=Managed.code, state__in=OUTSTANDING)
    return {*there.values_list("number", flat=True), *coming.values_list("meter_id", flat=True)}


def charges_of(found: ManagedAccount, after: int | None = None) -> Slice:
    """Return the charges of an account, the newest first."""
    return slice_of(AccountCharge.objects.filter(account=found), "id", after, falling=True)


def permits_of(found: ManagedAccount) -> list[Command]:
    """Return the newest permits that were ordered for the meter of an account."""
    permits = Command.objects.filter(meter=found.meter, wish=PERMIT).select_related("token")
    return list(permits.order_by("-id")[:_SHOWN])
