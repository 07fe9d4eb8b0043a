"""Payouts: money of a wallet that the office pays to the customer, in cash from a drawer or by a transfer.

A payout is one transaction: the row of the wallet is locked, then the shift of a drawer, and the entry moves the money
from the drawer or the bank to the wallet's account. It is booked once by its key, and never for more than the wallet
has. The vault wants a second person where the site works with two: it raises ApprovalNeeded. A worker that dies between
the vault and the commit has used the approval up, and has paid nothing.
"""

from dataclasses import dataclass

from django.db import transaction

from wattpurse_tools.headend import wallets
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.ledger.models import Entry, Transfer
from wattpurse_tools.ledger.posting import Event, post_new
from wattpurse_tools.office import audit, books, counter, shifts
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.business_days import utc_day
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.sale_types import CASH
from wattpurse_tools.record.models import Customer, Shift, Wallet
from wattpurse_tools.refusals import Money, Refusal
from wattpurse_tools.station.currencies import site_currency

RIGHT = "manage"
ACTION = "payout of a wallet"
PAID_OUT = "wallet paid out"
TRANSFER = "transfer"
WAYS = (CASH, TRANSFER)

_WORDS_LENGTH = 200


@dataclass(frozen=True)
class Payout:
    """A payout as it is asked for: `key` makes it one. `words` are the reason, with the reference of a transfer."""

    customer_number: int
    amount_microunits: int
    way: str
    words: str
    key: str


def pay_out(office: Office, actor: Actor, asked: Payout, now_s: int, approval: str | None = None) -> Entry:
    """Pay money of a wallet out, once by its key, and return the entry. Right: manage, and sell for cash.

    Cash comes from the drawer of the actor's own till. Raise Refusal, with no change, if the wallet has not enough.
    """
    actor.require(RIGHT)
    _refuse(asked)
    wallet = _wallet_of(asked.customer_number)
    known = _made(asked)
    if known is not None:
        return known
    running = counter.shift_at_counter(office, actor) if asked.way == CASH else None
    with transaction.atomic():
        wallet = wallets.locked(wallet.pk)
        made = _made(asked)
        if made is not None:
            return made
        account, event = chart.bank(TRANSFER), Event(now_s, utc_day(now_s), _subject(asked), actor.operator)
        if running is not None:
            account, event = _drawer(actor, running, asked, now_s)
        move = wallets.taken_out(wallet, account, asked.amount_microunits)
        document = {"customer": asked.customer_number, "amount": asked.amount_microunits, "by": asked.way}
        office.keys.use_approval(actor.ticket, ACTION, document, approval)
        entry = post_new(_key(asked), PAID_OUT, [move], event)
        audit.note(actor, PAID_OUT, _subject(asked), amount=asked.amount_microunits, by=asked.way, words=asked.words)
    return entry


def _drawer(actor: Actor, running: Shift, asked: Payout, now_s: int) -> tuple[str, Event]:
    """Return the account of the drawer that pays, and the event. Raise Refusal if there is not so much cash in it."""
    shift = shifts.shift_of(actor, running.pk, is_locked=True)
    shop = shift.till.shop
    shifts.refuse_selling(actor, shift)
    account = chart.drawer(shop.number, shift.pk)
    if balances.balance(account, site_currency().code) < asked.amount_microunits:
        raise Refusal("the drawer has not so much cash; pay out by a transfer")
    return account, books.event_at(shop, actor.operator, now_s, _subject(asked), shift.pk)


def _refuse(asked: Payout) -> None:
    """Raise Refusal for a payout that is none."""
    currency = site_currency()
    wallets.refuse_key(asked.key)
    if asked.way not in WAYS:
        raise Refusal("a wallet is paid out in cash or by a transfer")
    if asked.amount_microunits <= 0 or asked.amount_microunits % 10 ** (6 - currency.decimals):
        raise Refusal("pay out an amount above zero, in whole coins: not %(amount)s", amount=_money(asked))
    if not 1 <= len(asked.words.strip()) <= _WORDS_LENGTH:
        raise Refusal("write the reason of the payout, with the reference of a transfer")


def _wallet_of(customer_number: int) -> Wallet:
    """Return the wallet of a customer. One who has left the office may have money in it."""
    customer = Customer.objects.filter(number=customer_number).first()
    found = None if customer is None else wallets.wallet_of(customer)
    if found is None:
        raise Refusal("customer %(number)s has no wallet", number=customer_number)
    return found


def _made(asked: Payout) -> Entry | None:
    """Return the entry of a payout that was made before. Raise Refusal if its key is that of another payout."""
    made = Entry.objects.filter(key=_key(asked)).first()
    if made is None:
        return None
    (amount,) = Transfer.objects.filter(entry=made).values_list("amount", flat=True)
    if made.document != _subject(asked) or amount != asked.amount_microunits:
        raise Refusal("under this key another amount was paid out; begin a new payout")
    return made


def _key(asked: Payout) -> str:
    return f"wallet out:{asked.key}"


def _subject(asked: Payout) -> str:
    return f"wallet:{asked.customer_number}"


def _money(asked: Payout) -> Money:
    return Money(asked.amount_microunits, site_currency())
