"""Decisions of a second person about a request, at the screen of anybody: the second person signs on with a PIN.

The vault keeps the requests, refuses the proposer, and delays wrong PINs. The second person's session ends with the
decision.
"""

from dataclasses import dataclass

from django.db import transaction

from wattpurse_tools.office import approvals, audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import Approval
from wattpurse_tools.vault.interface import APPROVED, DENIED, OPEN, Request


@dataclass(frozen=True)
class Decider:
    """The second person: the operator's number, and the PIN."""

    operator: int
    pin: str


def waiting(office: Office, actor: Actor) -> tuple[list[Request], list[Request]]:
    """Return the requests that wait for a second person, and those that were decided lately, the newest first."""
    told = office.keys.requests(actor.ticket)
    return [one for one in told if one.state == OPEN], [one for one in told if one.state != OPEN]


def decide(office: Office, actor: Actor, decider: Decider, number: str, is_approved: bool, reason: str = "") -> None:
    """Approve or deny a request in the name of the second person. A denial has a reason. Right: approve."""
    if not is_approved and not reason.strip():
        raise ValueError("write the reason of the denial; the first person reads it")
    session = office.keys.sign_on(decider.operator, decider.pin)
    try:
        second = Actor.of(session, address=actor.address)
        _decide(office, second, number, is_approved, reason)
    finally:
        office.keys.sign_off(session.ticket)


def _decide(office: Office, second: Actor, number: str, is_approved: bool, reason: str) -> None:
    second.require("approve")
    mirrored = Approval.objects.filter(request=number).first()
    if mirrored is not None and is_approved:
        approvals.approve(office, second, mirrored)
    elif mirrored is not None:
        approvals.deny(office, second, mirrored, reason)
    else:  # proposed by the command line
        if is_approved:
            office.keys.approve(second.ticket, number)
        else:
            office.keys.deny(second.ticket, number, reason)
        with transaction.atomic():
            audit.note(second, APPROVED if is_approved else DENIED, f"request:{number}", reason=reason)
