"""Refunds through the provider of a payment: a person asks, and the payment worker calls the provider until it answers.

The request is in the record with its key before the first call. Each try is noted before the call, so a worker that
dies leaves a request that is tried again under the same key. The answer becomes the notice that the provider's own web
hook would be: whichever comes first ends the payment, and the other one changes nothing. A request that the provider
refused is failed: a person may ask again, under another key, or pay back by a transfer. The same holds for a refund
that fails days later, which a web hook tells: `payments` books its money back.
"""

import secrets
from collections.abc import Sequence

from django.db import transaction

from wattpurse_tools.headend import payments
from wattpurse_tools.headend.payments import PAID_BACK, REFUNDING, subject_of
from wattpurse_tools.headend.providers import stripe_refunds
from wattpurse_tools.headend.providers.provider_file import STRIPE, Provider, provider_of
from wattpurse_tools.headend.providers.stripe import minor_of_micro
from wattpurse_tools.headend.providers.stripe_refunds import Told, Wish
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.record.models import Payment, RefundRequest
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.refusals import Refusal, Words

RIGHT = "manage"

# States of a request.
ASKED = "asked"
PENDING = stripe_refunds.PENDING
DONE = stripe_refunds.DONE
FAILED = stripe_refunds.FAILED
OPEN = (ASKED, PENDING)

_WAITS_S = (30, 60, 300, 900, 3600)
_AT_ONCE = 1  # a call may take long, and the same process sells
_WORDS_LENGTH = 240


def can_ask(folder: OfficeFolder, payment: Payment) -> bool:
    """Return True if the provider of a payment has an API that refunds it."""
    provider = _provider(folder, payment)
    return provider is not None and stripe_refunds.can_refund(payment.notice.number)


def requests_of(payments_shown: Sequence[Payment]) -> dict[int, RefundRequest]:
    """Return the newest request of each payment that has one, by the payment."""
    rows = RefundRequest.objects.filter(payment__in=[one.pk for one in payments_shown]).order_by("pk")
    return {one.payment_id: one for one in rows}  # type: ignore[attr-defined]


def ask(folder: OfficeFolder, actor: Actor, payment: int, now_s: int) -> RefundRequest:
    """Ask the provider of a payment that is to be paid back for its refund, once. Right: manage.

    The same again returns the same request, until the provider has refused it.
    """
    actor.require(RIGHT)
    with transaction.atomic():
        found = payments.locked(payment)
        known = RefundRequest.objects.filter(payment=found).exclude(state=FAILED).first()
        if known is not None:
            return known
        if found.state != REFUNDING:
            raise Refusal(
                "payment %(number)s is %(state)s; decide first that it goes back",
                number=payment,
                state=Words(found.state),
            )
        if not can_ask(folder, found):
            raise Refusal("this provider refunds nothing by itself; pay back by a transfer and note its reference")
        if payments.taken_back_microunits(found.notice) > 0:
            raise Refusal("a part of this payment was taken back before; refund the rest at the provider itself")
        key = f"refund-{found.pk}-{secrets.token_hex(8)}"
        made = RefundRequest.objects.create(
            payment=found, key=key, next_try_s=now_s, asked_by=actor.operator, asked_s=now_s
        )
        audit.note(actor, "ask for refund", subject_of(found), key=key)
    return made


def work(folder: OfficeFolder, actor: Actor, now_s: int) -> int:
    """Call the provider of the request that is due first, and return the number of calls.

    Any number of processes may do so at once.
    """
    due = RefundRequest.objects.filter(state__in=OPEN, next_try_s__lte=now_s).order_by("next_try_s")
    keys: Sequence[int] = list(due.values_list("pk", flat=True)[:_AT_ONCE])
    return sum(_work_on(folder, actor, key, now_s) for key in keys)


def _work_on(folder: OfficeFolder, actor: Actor, key: int, now_s: int) -> bool:
    claimed = _claimed(key, now_s)
    if claimed is None:
        return False
    provider = _provider(folder, claimed.payment)
    if provider is None:
        told = Told(stripe_refunds.UNKNOWN, words="the provider has no API key here any more")
    else:
        told = stripe_refunds.ask(provider, _wish(claimed))
    _note(actor, claimed, told, now_s)
    return True


def _claimed(key: int, now_s: int) -> RefundRequest | None:
    """Return a request that is due, with its try noted, or None. The provider's own notice may have ended it."""
    with transaction.atomic():
        rows = RefundRequest.objects.select_for_update(skip_locked=True, of=("self",))
        found = rows.select_related("payment__notice").filter(pk=key, state__in=OPEN, next_try_s__lte=now_s).first()
        if found is None:
            return None
        if found.payment.state == PAID_BACK:
            found.state, found.ended_s, found.trouble = DONE, now_s, ""
            found.save()
            return None
        found.next_try_s = now_s + _WAITS_S[min(found.tries, len(_WAITS_S) - 1)]
        found.tries += 1
        found.save(update_fields=["tries", "next_try_s"])
        return found


def _wish(request: RefundRequest) -> Wish:
    notice = request.payment.notice
    return Wish(
        notice.number,
        notice.amount_microunits,
        notice.currency,
        request.key,
        request.number,
        is_repeated=request.tries > 1,
    )


def _note(actor: Actor, claimed: RefundRequest, told: Told, now_s: int) -> None:
    """Keep the answer of a provider. That of a process which was faster stands."""
    with transaction.atomic():
        found = (
            RefundRequest.objects.select_for_update(of=("self",)).select_related("payment__notice").get(pk=claimed.pk)
        )
        if found.state not in OPEN:
            return
        found.number, found.trouble = told.number or found.number, told.words[:_WORDS_LENGTH]
        if told.state in (DONE, FAILED, PENDING):
            found.state = told.state
        if told.state in (DONE, FAILED):
            found.ended_s = now_s
            audit.note(actor, "refund answered", subject_of(found.payment), state=told.state, number=found.number)
        found.save()
        if told.state == DONE:
            _record(found.payment, told, now_s)


def _record(payment: Payment, told: Told, now_s: int) -> None:
    """Record the notice of a refund of the whole payment, as the web hook's notice would be."""
    notice, time_s = payment.notice, told.created_s or now_s
    amount = minor_of_micro(notice.amount_microunits, notice.currency)
    number = f"{told.charge or told.number}:{amount}:{time_s}"
    payments.record(
        notice.provider,
        number,
        payments.REFUNDED,
        notice.amount_microunits,
        notice.currency,
        notice.number,
        "",
        time_s,
        "",
        now_s,
    )


def _provider(folder: OfficeFolder, payment: Payment) -> Provider | None:
    found = provider_of(folder, payment.notice.provider, STRIPE)
    return found if found is not None and found.api_key else None
