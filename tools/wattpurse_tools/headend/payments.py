"""Payments from outside: a notice is recorded as it came, and a worker sells once for it.

`record` writes one row and nothing else, so a web hook answers at once. `work` takes each notice in a transaction of
its own: the lock of the payment, the receipt, its entries, the token and the new state are one commit. A worker that
dies leaves the payment new. A payment that cannot be sold goes to `suspense:payment` with its reason, and a person
assigns it to a meter or gives it back.

    notice        ledger
    recorded      nothing
    sold          the moves of the receipt into provider:P
    suspense      suspense:payment -> provider:P; the reverse once a person has decided
    paid back     provider:P -> debt:T of the receipt's tenancy, or provider:P -> suspense:payment before a sale. A
                  payment that is told after that is not sold
    refund failed the reverse: the money is again where the refund took it
    paid out      provider:P -> bank:P
    wallet        wallet:C -> provider:P if the payer named a wallet; the rest of its moves is in `wallets`
"""

from collections.abc import Sequence

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Max, Q, QuerySet

from wattpurse.core.currency import Currency
from wattpurse_tools.headend import wallets
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.headend.recharge import recharge
from wattpurse_tools.headend.references import meter_of, wallet_named
from wattpurse_tools.headend.refund_sums import Told, paid_back
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.ledger.models import Entry
from wattpurse_tools.ledger.posting import Event, Move, moves_of, post
from wattpurse_tools.office import audit
from wattpurse_tools.office.actor import Actor, NotPermitted
from wattpurse_tools.office.business_days import utc_day
from wattpurse_tools.office.manager_messages import tell_managers
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.sale_types import by_provider
from wattpurse_tools.record.models import Customer, HeadendPolicy, Payment, PaymentNotice, RefundRequest, Sale, Site
from wattpurse_tools.refusals import Refusal, Words, words_of
from wattpurse_tools.vault.interface import SignOnNeeded

# Kinds of notices. The number of a payment that was paid back is in the notice's `reference`.
PAID = "paid"
REFUNDED = "refunded"  # the amount is the sum that the provider has paid back so far
REFUND_FAILED = "refund failed"  # the provider has the money again; the payer is the key of our request, or empty
DISPUTED = "disputed"
RETURNED = "returned"  # the disputed money came back
PAYOUT = "payout"
SPENT = "spent"  # an order to buy from a wallet: the reference begins with the meter, the payer is the customer
KINDS = (PAID, REFUNDED, REFUND_FAILED, DISPUTED, RETURNED, PAYOUT, SPENT)

# A bank's own notices have names that begin so, and their money is at the bank. The number of a payout
# in a bank statement begins so too.
BANK = "bank"
TRANSFER = "transfer"

# States of a payment.
NEW = "new"
SOLD = "sold"
IN_WALLET = "wallet"
SUSPENSE = "suspense"
REFUNDING = "refunding"
PAID_BACK = "refunded"
BOOKED = "booked"  # a notice that is no sale, and is in the ledger
REFUSED = "refused"  # a notice that changes nothing
STATES = (NEW, SOLD, IN_WALLET, SUSPENSE, REFUNDING, PAID_BACK, BOOKED, REFUSED)

SUSPENSE_ACCOUNT = "payment"
OUT_OF_SUSPENSE = "out of suspense"
GIVEN_BACK = "payment given back"  # the kind of the entry when a person noted it
_AT_ONCE = 200
_LOOK_BACK = 5_000
_AWAITED_S = 3600
_DECIMALS = 2
_REASON_LENGTH = 240
_BACK = "back"
REFUNDS = (REFUNDED, REFUND_FAILED)
_DISPUTES = (DISPUTED, RETURNED)
_GIVEN = (RETURNED, REFUND_FAILED)  # the money is at the provider again
_REQUEST_FAILED = "failed"


def record(
    provider: str,
    number: str,
    kind: str,
    amount_microunits: int,
    currency: str,
    reference: str,
    payer: str,
    paid_s: int,
    body: str,
    now_s: int,
    doubt: str = "",
) -> PaymentNotice:
    """Keep a notice, once by the provider's own number, and return it. Nothing else is done.

    `doubt` is the reason why a person has to decide about the payment, even if its reference names a meter.
    The same number again returns the first notice. Raise ValueError for an unknown kind or a number that is none.
    """
    if kind not in KINDS or not number or amount_microunits <= 0:
        raise ValueError(f"{provider} {number}: a notice has a number, a kind and an amount above zero")
    found = PaymentNotice.objects.filter(provider=provider, number=number).first()
    if found is not None:
        return found
    try:
        with transaction.atomic():
            return PaymentNotice.objects.create(
                provider=provider,
                number=number,
                kind=kind,
                amount_microunits=amount_microunits,
                currency=currency,
                reference=reference[:_REASON_LENGTH],
                payer=payer[:_REASON_LENGTH],
                paid_s=paid_s,
                received_s=now_s,
                body=body,
                doubt=doubt,
            )
    except IntegrityError:  # another process kept it in the same moment
        return PaymentNotice.objects.get(provider=provider, number=number)


def work(office: Office, actor: Actor, now_s: int, is_thorough: bool = False) -> int:
    """Work on the notices that are new, each once. Return their number. Right: sell.

    Any number of processes may do so at once. It looks for new notices among the newest ones, and among all of them if
    it `is_thorough`: a transaction that lasts long may commit a notice behind many newer ones.
    """
    new = [Payment(notice_id=pk) for pk in _unseen(is_thorough)]
    Payment.objects.bulk_create(new, ignore_conflicts=True)
    waiting = Payment.objects.filter(state=NEW).order_by("pk").values_list("pk", flat=True)[:_AT_ONCE]
    done, trouble = 0, None
    for pk in list(waiting):
        try:
            done += work_on(office, actor, pk, now_s)
        except DatabaseError as error:  # one payment stops no other; it is tried again in the next round
            trouble = error
    if trouble is not None and not done:
        raise trouble
    return done


def work_on(office: Office, actor: Actor, payment: int, now_s: int) -> bool:
    """Work on one payment if it is new and nobody else works on it. Return True if it was."""
    with transaction.atomic():
        rows = Payment.objects.select_for_update(skip_locked=True, of=("self",)).select_related("notice")
        found = rows.filter(pk=payment, state=NEW).first()
        if found is None:
            return False
        if found.notice.kind == PAID:
            _sell(office, actor, found, now_s)
        elif found.notice.kind == SPENT:
            _spend(office, actor, found, now_s)
        else:
            _book(actor, found, now_s)
        found.save()
        return True


def locked(payment: int) -> Payment:
    """Return a payment of a customer, and lock its row. Raise Refusal if there is none."""
    rows = Payment.objects.select_for_update(of=("self",)).select_related("notice")
    found = rows.filter(pk=payment, notice__kind=PAID).first()
    if found is None:
        raise Refusal("there is no payment %(number)s", number=payment)
    return found


def _unseen(is_thorough: bool) -> list[int]:
    notices = PaymentNotice.objects.filter(payment=None)
    if not is_thorough:
        newest = Payment.objects.aggregate(newest=Max("pk"))["newest"] or 0
        notices = notices.filter(pk__gt=newest - _LOOK_BACK)
    return list(notices.order_by("pk").values_list("pk", flat=True)[:_AT_ONCE])


def _sell(office: Office, actor: Actor, payment: Payment, now_s: int) -> None:
    """Sell for a payment or add it to the wallet that it names, or set it in suspense with the reason."""
    notice = payment.notice
    doubt = notice.doubt or _doubt_by_backs(notice)
    if doubt:
        _suspend(actor, payment, doubt, now_s)
        _settle_suspense(payment, now_s)
        return
    customer = wallet_named(notice.reference)
    if customer is not None:
        reason = add_to_wallet(actor, payment, customer, now_s)
        if reason:
            _suspend(actor, payment, reason, now_s)
        return
    meter = meter_of(notice.reference)
    if meter is None:
        _suspend(actor, payment, _unknown_meter(notice), now_s)
        return
    payment.meter_number = meter
    reason = sell_to(office, actor, payment, meter, now_s)
    if reason:
        _suspend(actor, payment, reason, now_s)


def sell_to(office: Office, actor: Actor, payment: Payment, meter_number: int, now_s: int) -> str:
    """Sell to a meter for a locked payment, and return "". Return the reason if it takes nothing for this payment.

    The reason is `Words` where a page can translate it.
    """
    notice = payment.notice
    other = _other_currency(notice)
    if other:
        return other
    try:
        with transaction.atomic():
            payment.sale = recharge(
                office,
                actor,
                meter_number,
                notice.amount_microunits,
                payment_type_of(notice.provider),
                f"payment-{payment.pk}",
                now_s,
            )
    except (NotPermitted, SignOnNeeded):  # the head-end itself is not fit; the payment waits
        raise
    except ValueError as refusal:
        return words_of(refusal)
    payment.state = SOLD
    payment.reason = ""
    return ""


def add_to_wallet(actor: Actor, payment: Payment, customer_number: int, now_s: int) -> str:
    """Add a locked payment to a customer's wallet, and return "". Return the reason if there is none to add it to."""
    notice = payment.notice
    other = _other_currency(notice)
    if other:
        return other
    customer = Customer.objects.filter(number=customer_number, is_active=True).first()
    if customer is None:
        return Words("no customer has the number %(number)s", number=customer_number)
    wallet = wallets.open_wallet(actor, customer, now_s)
    move = wallets.taken_in(wallet, money_at(notice), notice.amount_microunits)
    post_step(actor, payment, another_step(payment, "wallet"), wallets.PAID_IN, [move], now_s)
    audit.note(actor, "wallet paid in", subject_of(payment), customer=customer_number)
    payment.state, payment.reason, payment.wallet = IN_WALLET, "", wallet
    return ""


def meter_of_order(notice: PaymentNotice) -> int:
    """Return the meter of an order to buy from a wallet."""
    return int(notice.reference.split()[0])


def _spend(office: Office, actor: Actor, payment: Payment, now_s: int) -> None:
    """Sell for an order from a wallet. An order that cannot be sold is refused, and the money stays in the wallet."""
    notice = payment.notice
    payment.meter_number = meter = meter_of_order(notice)
    key, amount = f"payment-{payment.pk}", notice.amount_microunits
    try:
        with transaction.atomic():
            sale, wallet, move = wallets.buy(office, actor, int(notice.payer), meter, amount, key, now_s)
            post_step(actor, payment, "wallet", wallets.SPENT, [move], now_s)
            audit.note(actor, "wallet spent", subject_of(payment), customer=int(notice.payer), sale=sale.pk)
    except (NotPermitted, SignOnNeeded):
        raise
    except ValueError as refusal:
        payment.state, payment.reason = REFUSED, words_of(refusal)
        return
    payment.state, payment.sale, payment.wallet = SOLD, sale, wallet


def _doubt_by_backs(notice: PaymentNotice) -> str:
    """Return a reason if the provider told that it took money of a payment back, or "". It may be booked or not."""
    told = list(PaymentNotice.objects.filter(provider=notice.provider, reference=notice.number))
    refunds = [one for one in told if one.kind in REFUNDS]
    disputes = sum(one.amount_microunits for one in told if one.kind == DISPUTED)
    disputes -= sum(one.amount_microunits for one in told if one.kind == RETURNED)
    return Words("the provider took money of this payment back") if _refunded(refunds) + disputes > 0 else ""


def _unknown_meter(notice: PaymentNotice) -> str:
    if not notice.reference:
        return Words("the payment names no meter")
    return Words("no meter is known by: %(reference)s", reference=notice.reference)


def _other_currency(notice: PaymentNotice) -> str:
    (currency,) = Site.objects.values_list("currency", flat=True)
    if notice.currency == currency:
        return ""
    return Words("paid in %(paid)s, and this office sells in %(currency)s", paid=notice.currency, currency=currency)


def _suspend(actor: Actor, payment: Payment, reason: str, now_s: int) -> None:
    notice = payment.notice
    payment.state = SUSPENSE
    payment.reason = reason
    move = Move(chart.suspense(SUSPENSE_ACCOUNT), money_at(notice), notice.currency, notice.amount_microunits)
    post_step(actor, payment, "suspense", "payment in suspense", [move], now_s)
    audit.note(actor, "payment in suspense", subject_of(payment), reason=payment.reason)


def _book(actor: Actor, payment: Payment, now_s: int) -> None:
    """Book a notice that is no payment of a customer."""
    if payment.notice.kind == PAYOUT:
        _book_payout(actor, payment, now_s)
        return
    _book_back(actor, payment, now_s)


def _book_payout(actor: Actor, payment: Payment, now_s: int) -> None:
    """Book a payout once, whether the provider or the bank tells it first. The second notice reconciles the first."""
    notice = payment.notice
    _await_others()
    told = Payment.objects.select_for_update(of=("self",)).filter(
        notice__provider=notice.provider,
        notice__kind=PAYOUT,
        notice__amount_microunits=notice.amount_microunits,
        notice__currency=notice.currency,
        state=BOOKED,
        reconciled_s=None,
    )
    by_bank = told.filter(notice__number__startswith=BANK)
    is_of_bank = notice.number.startswith(BANK)
    first = (told.exclude(notice__number__startswith=BANK) if is_of_bank else by_bank).order_by("pk").first()
    payment.state = BOOKED
    if first is not None:
        first.reconciled_s = payment.reconciled_s = now_s
        first.save(update_fields=["reconciled_s"])
        payment.reason = Words("the payout %(number)s", number=first.notice.number)
        return
    move = Move(chart.provider(notice.provider), chart.bank(notice.provider), notice.currency, notice.amount_microunits)
    post_step(actor, payment, "payout", "payout", [move], now_s)


def _book_back(actor: Actor, payment: Payment, now_s: int) -> None:
    """Book money that the provider took back, or that came back after a dispute or a refund that failed.

    Notices of refunds are booked by the difference from `refund_sums.paid_back`, so their order does not matter.
    """
    notice = payment.notice
    first = _first_of(notice)
    if first is None:
        _await_others()
    if _must_wait(first, notice, now_s):
        return
    if notice.kind == REFUND_FAILED:
        _fail_request(actor, notice, now_s)
    if first is not None and notice.kind == REFUNDED and _is_given_by_hand(first):
        payment.state, payment.reason = REFUSED, Words("the payment was given back before")
        return
    amount = notice.amount_microunits if notice.kind not in REFUNDS else _not_booked(notice)
    if amount <= 0:
        payment.state = REFUSED
        payment.reason = Words("booked by a newer notice")
        if notice.kind == REFUND_FAILED:
            payment.reason = Words("nothing of this refund is booked")
            _tell_managers(payment, "nothing", now_s)
        return
    owner, moves = _moves_back(first, notice, amount)
    post_step(actor, payment, _BACK, notice.kind, moves, now_s)
    payment.state = BOOKED
    payment.meter_number = None if first is None else first.meter_number
    payment.reason = Words("of payment %(number)s", number=notice.reference)
    if first is not None and first.sale is None and first.state != IN_WALLET:
        payment.save()  # its own amount counts now
        _settle_suspense(first, now_s)
        first.save(update_fields=["state", "reason", "decided_s"])
    _tell_managers(payment, owner, now_s)
    audit.note(actor, f"payment {notice.kind}", subject_of(payment), amount=amount, account=owner)


def _first_of(notice: PaymentNotice) -> Payment | None:
    """Return the payment that a notice is about, with its row locked, or None if it is not known."""
    rows = Payment.objects.select_for_update(of=("self",)).select_related("notice")
    return rows.filter(notice__provider=notice.provider, notice__number=notice.reference, notice__kind=PAID).first()


def _await_others() -> None:
    """Let one process at a time book a notice that belongs to another one, or to a payment that is not known.

    There is no row of the pair that both processes could lock: each would book, and see nothing of the other.
    """
    HeadendPolicy.objects.select_for_update().get(pk=policy().pk)


def _must_wait(first: Payment | None, notice: PaymentNotice, now_s: int) -> bool:
    """Return True if the payment itself is not worked on yet. Providers keep no order of their messages."""
    if first is None:
        return now_s - notice.received_s < _AWAITED_S
    return first.state == NEW


def _moves_back(first: Payment | None, notice: PaymentNotice, amount: int) -> tuple[str, list[Move]]:
    """Return the account that bears money taken back, or gets it again, with the moves."""
    provider = money_at(notice)
    if first is not None and first.state == IN_WALLET and first.wallet is not None:
        wallet = wallets.locked(first.wallet.pk)
        owner = chart.wallet(wallet.customer.number)
        if notice.kind in _GIVEN:
            return owner, wallets.given_again(wallet, provider, amount, _borne_by_others(notice, owner))
        return owner, wallets.taken_back(wallet, provider, amount)
    owner = _owner_of_loss(first)
    giver, taker = (owner, provider) if notice.kind in _GIVEN else (provider, owner)
    return owner, [Move(giver, taker, notice.currency, amount)]


def _borne_by_others(notice: PaymentNotice, owner: str) -> list[Move]:
    """Return the money of a payment that was taken back and that others than its wallet bear, as moves to them."""
    provider = money_at(notice)
    borne: dict[str, int] = {}
    for move in _moves_of_backs(notice, (*_DISPUTES, *REFUNDS)):
        other, sign = (move.taker, 1) if move.giver == provider else (move.giver, -1)
        borne[other] = borne.get(other, 0) + sign * move.amount
    return [
        Move(provider, other, notice.currency, amount)
        for other, amount in borne.items()
        if amount > 0 and other != owner
    ]


def _moves_of_backs(notice: PaymentNotice, kinds: tuple[str, ...]) -> list[Move]:
    """Return the moves that notices of some kinds about the same payment have booked."""
    booked = _told_of(notice.provider, notice.reference, kinds).filter(state=BOOKED)
    keys = [f"{subject_of(one)}:{_BACK}" for one in booked]
    return [move for entry in Entry.objects.filter(key__in=keys).order_by("pk") for move in moves_of(entry)]


def _told_of(provider: str, number: str, kinds: tuple[str, ...]) -> "QuerySet[Payment]":
    """Return the notices of some kinds about the payment of a number."""
    rows = Payment.objects.filter(notice__provider=provider, notice__reference=number, notice__kind__in=kinds)
    return rows.select_related("notice")


def _owner_of_loss(first: Payment | None) -> str:
    """Return the account that bears money taken back: the tenancy's debt after a sale, else the suspense."""
    sale: Sale | None = None if first is None else first.sale
    if sale is not None and sale.tenancy is not None:
        return chart.debt(sale.tenancy.pk)
    return chart.suspense(SUSPENSE_ACCOUNT)


def refunded_microunits(notice: PaymentNotice) -> int:
    """Return the sum of the refunds of a customer's payment that is booked, less those that failed."""
    return _booked_back(notice, notice.number, REFUNDS)


def taken_back_microunits(notice: PaymentNotice) -> int:
    """Return the booked money that refunds and disputes took of a customer's payment, less the money that came back."""
    return _booked_back(notice, notice.number, (*REFUNDS, *_DISPUTES))


def _booked_back(notice: PaymentNotice, number: str, kinds: tuple[str, ...]) -> int:
    provider = money_at(notice)
    about = PaymentNotice(provider=notice.provider, reference=number)
    return sum(move.amount if move.giver == provider else -move.amount for move in _moves_of_backs(about, kinds))


def _not_booked(notice: PaymentNotice) -> int:
    """Return the amount that a notice of a refund, or of one that failed, has to book. It is zero or less for none."""
    seen = [one.notice for one in _told_of(notice.provider, notice.reference, REFUNDS).exclude(state=NEW)]
    missing = _refunded([*seen, notice]) - _booked_back(notice, notice.reference, REFUNDS)
    return -missing if notice.kind == REFUND_FAILED else missing


def _refunded(notices: Sequence[PaymentNotice]) -> int:
    """Return the sum that a provider has refunded after all of some notices of refunds."""
    return paid_back(Told(one.paid_s, one.kind == REFUND_FAILED, one.amount_microunits) for one in notices)


def _fail_request(actor: Actor, notice: PaymentNotice, now_s: int) -> None:
    """Note that the refund that we asked for has failed, even if the provider answered otherwise before."""
    number = notice.number.partition(":")[0]
    rows = RefundRequest.objects.select_for_update(of=("self",)).select_related("payment")
    about = rows.filter(payment__notice__provider=notice.provider, payment__notice__number=notice.reference)
    ours = about.filter(Q(number=number) | Q(number="", key=notice.payer)).exclude(state=_REQUEST_FAILED).first()
    if ours is not None:
        ours.state, ours.number, ours.ended_s = _REQUEST_FAILED, number, now_s
        ours.trouble = "the refund failed at the provider after its answer"
        ours.save()
        audit.note(actor, "refund answered", subject_of(ours.payment), state=ours.state, number=number)


def _settle_suspense(payment: Payment, now_s: int) -> None:
    """End a payment in suspense that the provider took back whole. One that it gave back waits there again."""
    is_whole = taken_back_microunits(payment.notice) >= payment.notice.amount_microunits
    if is_whole and payment.state in (SUSPENSE, REFUNDING):
        payment.state, payment.decided_s = PAID_BACK, now_s
    elif not is_whole and payment.state == PAID_BACK and not _is_given_by_hand(payment):
        payment.state, payment.reason = SUSPENSE, Words("the provider has the money again, and the payer has not")


def _is_given_by_hand(payment: Payment) -> bool:
    """Return True if a person noted that the money went back to its payer: it is not in suspense any more."""
    key = f"{subject_of(payment)}:{OUT_OF_SUSPENSE}"
    return payment.state == PAID_BACK and Entry.objects.filter(key__startswith=key, kind=GIVEN_BACK).exists()


def _tell_managers(payment: Payment, owner: str, now_s: int) -> None:
    notice = payment.notice
    amount = Currency(notice.currency, _DECIMALS).exact_text(notice.amount_microunits)
    text = f"{notice.provider}: {notice.kind} {amount} of payment {notice.reference}, booked to {owner}"
    tell_managers(f"payment:{payment.pk}:{notice.kind}", text, now_s, notice.kind)


def payment_type_of(provider: str) -> str:
    """Return the way to pay of a provider's payments. Those of a bank are transfers."""
    return TRANSFER if provider.startswith(BANK) else by_provider(provider)


def money_at(notice: PaymentNotice) -> str:
    """Return the account that the money of a notice is at."""
    return chart.bank(TRANSFER) if notice.provider.startswith(BANK) else chart.provider(notice.provider)


def post_step(actor: Actor, payment: Payment, step: str, kind: str, moves: list[Move], now_s: int) -> None:
    """Book a step of a payment, once."""
    event = Event(now_s, utc_day(now_s), subject_of(payment), actor.operator)
    post(f"{subject_of(payment)}:{step}", kind, moves, event)


def another_step(payment: Payment, step: str) -> str:
    """Return the name of a step that a locked payment may take more than once: after a refund that failed."""
    key = f"{subject_of(payment)}:{step}"
    taken = Entry.objects.filter(Q(key=key) | Q(key__startswith=f"{key}:")).count()
    return f"{step}:{taken + 1}" if taken else step


def subject_of(payment: Payment) -> str:
    """Return the name of a payment in ledger and audit trail."""
    return f"payment:{payment.pk}"


def suspense_microunits(currency: str) -> int:
    """Return the money that waits in suspense for a decision."""
    return -balances.balance(chart.suspense(SUSPENSE_ACCOUNT), currency)
