"""Payments in suspense: a person assigns one to a meter or a wallet, or gives it back.

A payment that is in a wallet is given back from the wallet, which must have the money. It is in suspense until the
payer has it, so the wallet cannot spend it. Each step is in the audit trail.
"""

from django.db import transaction
from django.db.models import Q

from wattpurse_tools.headend import payments, wallets
from wattpurse_tools.headend.payments import (
    IN_WALLET,
    PAID_BACK,
    REFUNDING,
    SUSPENSE,
    another_step,
    money_at,
    post_step,
    subject_of,
)
from wattpurse_tools.ledger import chart
from wattpurse_tools.ledger.posting import Move
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.paging import Slice, slice_of
from wattpurse_tools.record.models import Payment, RefundRequest, Sale
from wattpurse_tools.refusals import Refusal, Words

RIGHT = "manage"

_ASSIGNED = "payment assigned"


def waiting(actor: Actor, text: str = "", after: int | None = None) -> Slice:
    """Return payments that wait for a decision or for the money to go back, oldest first. Right: manage.

    `text` is a part of the number, the reference or the payer.
    """
    actor.require(RIGHT)
    rows = Payment.objects.filter(state__in=(SUSPENSE, REFUNDING)).select_related("notice")
    if text:
        named = Q(notice__number__icontains=text) | Q(notice__reference__icontains=text)
        rows = rows.filter(named | Q(notice__payer__icontains=text))
    return slice_of(rows.exclude(notice__kind=payments.PAYOUT), "notice_id", after)


def assign(office: Office, actor: Actor, payment: int, meter_number: int, now_s: int) -> Sale:
    """Sell to a meter for a payment in suspense, and return the receipt. Rights: manage, sell.

    The same assignment again returns the same receipt. Raise Refusal, with no change, if the meter takes nothing.
    """
    actor.require(RIGHT)
    with transaction.atomic():
        found = payments.locked(payment)
        if found.state == payments.SOLD and found.meter_number == meter_number and found.sale is not None:
            return found.sale
        _refuse_other(found, SUSPENSE)
        if _is_paid_back_in_part(found):
            raise Refusal("a part of this payment was paid back; give the rest back too")
        reason = payments.sell_to(office, actor, found, meter_number, now_s)
        sale = found.sale
        if reason or sale is None:
            raise Refusal("not sold: %(reason)s", reason=reason)
        _end_suspense(actor, found, _ASSIGNED, now_s)
        found.meter_number = meter_number
        _decide(actor, found, now_s)
        audit.note(actor, "assign payment", subject_of(found), meter=meter_number, sale=sale.pk)
    return sale


def assign_to_wallet(actor: Actor, payment: int, customer_number: int, now_s: int) -> Payment:
    """Add a payment in suspense to the wallet of a customer. Right: manage.

    The same assignment again changes nothing.
    """
    actor.require(RIGHT)
    with transaction.atomic():
        found = payments.locked(payment)
        if found.state == IN_WALLET and found.wallet is not None and found.wallet.customer.number == customer_number:
            return found
        _refuse_other(found, SUSPENSE)
        if _is_paid_back_in_part(found):
            raise Refusal("a part of this payment was paid back; give the rest back too")
        reason = payments.add_to_wallet(actor, found, customer_number, now_s)
        if reason:
            raise Refusal("not paid in: %(reason)s", reason=reason)
        _end_suspense(actor, found, _ASSIGNED, now_s)
        _decide(actor, found, now_s)
        audit.note(actor, "assign payment", subject_of(found), customer=customer_number)
    return found


def give_back(actor: Actor, payment: int, reason: str, now_s: int) -> Payment:
    """Decide that a payment in suspense or in a wallet goes back to its payer. Right: manage.

    Raise Refusal, with no change, if the wallet has spent the money. The provider's own notice of the refund ends it,
    or `note_given_back` if the provider tells none.
    """
    actor.require(RIGHT)
    if not reason.strip():
        raise Refusal("write the reason")
    with transaction.atomic():
        found = payments.locked(payment)
        if found.state == REFUNDING:
            return found
        if found.state == IN_WALLET and found.wallet is not None:
            _take_out_of_wallet(actor, found, now_s)
        else:
            _refuse_other(found, SUSPENSE)
        found.state = REFUNDING
        _decide(actor, found, now_s)
        audit.note(actor, "give payment back", subject_of(found), reason=reason.strip())
    return found


def note_given_back(actor: Actor, payment: int, reference: str, now_s: int) -> Payment:
    """Note that the money went back to its payer, by the reference of the transfer. Right: manage."""
    actor.require(RIGHT)
    if not reference.strip():
        raise Refusal("write the reference of the transfer")
    with transaction.atomic():
        found = payments.locked(payment)
        if found.state == PAID_BACK:
            return found
        _refuse_other(found, REFUNDING)
        if RefundRequest.objects.filter(payment=found).exclude(state="failed").exists():
            raise Refusal("the provider is asked for this refund; wait for its answer")
        if payments.refunded_microunits(found.notice) > 0:
            raise Refusal("the provider told a part of this refund; wait for its notice of the rest")
        _end_suspense(actor, found, payments.GIVEN_BACK, now_s)
        found.state = PAID_BACK
        _decide(actor, found, now_s)
        audit.note(actor, "payment given back", subject_of(found), reference=reference.strip())
    return found


def _refuse_other(payment: Payment, state: str) -> None:
    if payment.state != state:
        raise Refusal(
            "payment %(number)s is %(state)s; somebody decided before", number=payment.pk, state=Words(payment.state)
        )


def _is_paid_back_in_part(payment: Payment) -> bool:
    return payments.taken_back_microunits(payment.notice) > 0


def _take_out_of_wallet(actor: Actor, payment: Payment, now_s: int) -> None:
    """Move the money of a payment from its wallet into suspense."""
    if _is_paid_back_in_part(payment):
        raise Refusal("the provider took a part of this payment back; the rest stays in the wallet")
    wallet = wallets.locked(payment.wallet_id)  # type: ignore[attr-defined]
    move = wallets.taken_out(wallet, chart.suspense(payments.SUSPENSE_ACCOUNT), payment.notice.amount_microunits)
    step = another_step(payment, "out of wallet")
    post_step(actor, payment, step, wallets.TO_BE_PAID_BACK, [move], now_s)


def _end_suspense(actor: Actor, payment: Payment, kind: str, now_s: int) -> None:
    """Book the money out of the suspense, less the money that a dispute took."""
    notice = payment.notice
    amount = notice.amount_microunits - payments.taken_back_microunits(notice)
    move = Move(money_at(notice), chart.suspense(payments.SUSPENSE_ACCOUNT), notice.currency, amount)
    step = another_step(payment, payments.OUT_OF_SUSPENSE)
    post_step(actor, payment, step, kind, [move], now_s)


def _decide(actor: Actor, payment: Payment, now_s: int) -> None:
    payment.decided_by, payment.decided_s = actor.operator, now_s
    payment.save()
