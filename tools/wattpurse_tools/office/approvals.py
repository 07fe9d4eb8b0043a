"""Approvals: one person proposes an action, and another decides. The vault keeps them, and the record mirrors it."""

import time

from django.db import transaction

from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import Approval
from wattpurse_tools.vault.interface import APPROVED, DENIED, ApprovalNeeded

WAITING = "waiting"


def propose(office: Office, actor: Actor, needed: ApprovalNeeded, reason: str) -> Approval:
    """Propose an action that the vault refused to one person, with a reason for the second. Return the request."""
    if not reason.strip():
        raise ValueError("write the reason; the second person decides by it")
    number = office.keys.propose(actor.ticket, needed.action, needed.document, reason)
    with transaction.atomic():
        made = Approval.objects.create(
            request=number,
            action=needed.action,
            document=needed.document,
            reason=reason,
            proposed_by=actor.operator,
            proposed_s=int(time.time()),
            state=WAITING,
        )
        audit.note(actor, "propose", f"approval:{made.pk}", request=number, asked=needed.action, reason=reason)
    return made


def approve(office: Office, actor: Actor, approval: Approval) -> Approval:
    """Approve the request of another person. Right: approve. The vault refuses the proposer."""
    actor.require("approve")
    office.keys.approve(actor.ticket, approval.request)
    return _decided(actor, approval, APPROVED, "")


def deny(office: Office, actor: Actor, approval: Approval, reason: str) -> Approval:
    """Deny a request. Right: approve, or the proposer."""
    if actor.operator != approval.proposed_by:
        actor.require("approve")
    office.keys.deny(actor.ticket, approval.request, reason)
    return _decided(actor, approval, DENIED, reason)


def refresh(office: Office, actor: Actor) -> list[Approval]:
    """Mirror the states of the vault's requests in the record, and return those that wait or may be used."""
    told = {request.number: request for request in office.keys.requests(actor.ticket)}
    for row in Approval.objects.filter(request__in=told).exclude(state__in=(DENIED, "used", "expired")):
        state = told[row.request].state
        mirrored = WAITING if state == "open" else state
        if mirrored != row.state:
            row.state, row.decided_by = mirrored, told[row.request].decider
            row.save(update_fields=["state", "decided_by"])
    return list(Approval.objects.filter(state__in=(WAITING, APPROVED)).order_by("-pk"))


def for_document(office: Office, actor: Actor, approvals: tuple[str, ...], action: str, **parts: object) -> str | None:
    """Return the first of some requests that is for an action, with these parts in its document, or None.

    The vault knows those too that were proposed at the command line.
    """
    for one in office.keys.requests(actor.ticket) if approvals else ():
        is_meant = one.number in approvals and one.action == action
        if is_meant and all(one.document.get(name) == value for name, value in parts.items()):
            return one.number
    return None


def _decided(actor: Actor, approval: Approval, state: str, reason: str) -> Approval:
    with transaction.atomic():
        approval.state, approval.decided_by, approval.decided_s = state, actor.operator, int(time.time())
        approval.save(update_fields=["state", "decided_by", "decided_s"])
        audit.note(actor, state, f"approval:{approval.pk}", request=approval.request, reason=reason)
    return approval
