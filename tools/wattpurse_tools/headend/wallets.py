"""Wallets: money of a customer that is tied to no meter, paid in before it buys for any of the customer's meters.

The money of a wallet is in the ledger as `wallet:C`, by the customer's number. The row has the same balance, which the
database keeps from falling below zero. Each step locks the row of the wallet in its transaction, after that of a
payment and before those of meter, shift and shop.

    paid in by a provider    wallet:C -> provider:P
    paid in in cash          wallet:C -> drawer:S:N
    spent                    the moves of the receipt into provider:wallet, and provider:wallet -> wallet:C
    to be paid back          suspense:payment -> wallet:C
    paid out by the office   drawer:S:N or bank:transfer -> wallet:C (`payouts`)
    taken back by a provider provider:P -> wallet:C, as far as it has money, and the rest to a debt

`provider:wallet` is a passage: each transaction leaves it at zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from wattpurse_tools.headend.recharge import recharge
from wattpurse_tools.ledger import chart
from wattpurse_tools.ledger.models import Entry, Transfer
from wattpurse_tools.ledger.posting import Move, post
from wattpurse_tools.office import audit, books, counter, shifts
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.page_codes import new_page_code
from wattpurse_tools.office.sale_types import CASH, by_provider
from wattpurse_tools.record.models import Customer, Meter, Sale, Tenancy, Wallet
from wattpurse_tools.refusals import Money, Refusal
from wattpurse_tools.station.currencies import site_currency

# The name of all wallets as a way to pay. No payment provider has it.
NAME = "wallet"

RIGHT = "order"
PAID_IN = "wallet paid in"
SPENT = "wallet spent"
TO_BE_PAID_BACK = "wallet to be paid back"

_KEY_LENGTH = 40
_SHOWN = 20
_MOST = 1_000_000_000


@dataclass(frozen=True)
class Line:
    """A change of a wallet: `kind` is that of its entry, and the amount is above zero if money came in."""

    time_s: int
    kind: str
    document: str
    amount_microunits: int


def customer_of(number: int) -> Customer:
    """Return a customer in service by the number. Raise Refusal if there is none."""
    found = Customer.objects.filter(number=number, is_active=True).first()
    if found is None:
        raise Refusal("there is no customer %(number)s", number=number)
    return found


def wallet_of(customer: Customer) -> Wallet | None:
    """Return the wallet of a customer, or None if there is none yet."""
    return Wallet.objects.select_related("customer").filter(pk=customer.pk).first()


def by_code(code: str) -> Wallet | None:
    """Return the wallet of a page code, or None."""
    rows = Wallet.objects.select_related("customer").filter(page_code=code, customer__is_active=True)
    return rows.first() if code else None


def open_wallet(actor: Actor, customer: Customer, now_s: int) -> Wallet:
    """Return the wallet of a customer, locked. It is opened if there is none. The caller opened the transaction."""
    wallet, is_new = Wallet.objects.get_or_create(customer=customer, defaults={"opened_s": now_s})
    if is_new:
        audit.note(actor, "open wallet", _subject(customer))
    return locked(customer.pk)


def locked(key: int) -> Wallet:
    """Return a wallet and lock its row."""
    return Wallet.objects.select_for_update(of=("self",)).select_related("customer").get(pk=key)


def new_code(actor: Actor, customer: Customer, now_s: int) -> str:
    """Return a new code for the page of a wallet. The one before opens nothing any more. Right: order."""
    actor.require(RIGHT)
    with transaction.atomic():
        wallet = open_wallet(actor, customer, now_s)
        wallet.page_code = code = new_page_code()
        wallet.save(update_fields=["page_code"])
        audit.note(actor, "wallet code", _subject(customer))
    return code


def let_sms_buy(actor: Actor, customer: Customer, takes_sms: bool, now_s: int) -> None:
    """Let SMS buy from a wallet, or no longer. Right: order."""
    actor.require(RIGHT)
    with transaction.atomic():
        wallet = open_wallet(actor, customer, now_s)
        wallet.takes_sms = takes_sms
        wallet.save(update_fields=["takes_sms"])
        audit.note(actor, "wallet by SMS", _subject(customer), takes_sms=takes_sms)


def refuse_key(key: str) -> None:
    """Raise Refusal for the key of a payment that is none."""
    if not 1 <= len(key) <= _KEY_LENGTH or not key.isalnum():
        raise Refusal("a payment needs a key of 1 to %(limit)s letters and digits", limit=_KEY_LENGTH)


def pay_in_cash(
    office: Office, actor: Actor, customer_number: int, amount_microunits: int, client_key: str, now_s: int
) -> Entry:
    """Pay cash into a customer's wallet in the agent's own till, once by its key. Return the entry. Right: sell.

    The vendor's limit of the shop counts. The cash is in the drawer of the shift, and no receipt is written: nothing is
    sold yet.
    """
    refuse_key(client_key)
    currency = site_currency()
    if not 0 < amount_microunits <= _MOST or amount_microunits % 10 ** (6 - currency.decimals):
        raise Refusal("pay in an amount above zero, of at most %(most)s", most=Money(_MOST, currency))
    customer = customer_of(customer_number)
    running = counter.shift_at_counter(office, actor)
    with transaction.atomic():
        wallet = open_wallet(actor, customer, now_s)
        shift = shifts.shift_of(actor, running.pk, is_locked=True)
        shop = shift.till.shop
        key = f"wallet:{shop.number}:{client_key}"
        made = Entry.objects.filter(key=key).first()
        if made is not None:
            _refuse_other(made, customer, amount_microunits)
            return made
        shifts.refuse_selling(actor, shift)
        shifts.refuse_over_limit(shop, amount_microunits, CASH)
        account = chart.drawer(shop.number, shift.pk)
        entry = post(
            key,
            PAID_IN,
            [taken_in(wallet, account, amount_microunits)],
            books.event_at(shop, actor.operator, now_s, _subject(customer), shift.pk),
        )
        audit.note(actor, "wallet paid in", _subject(customer), amount=amount_microunits, shop=shop.number)
    return entry


def _refuse_other(made: Entry, customer: Customer, amount_microunits: int) -> None:
    """Raise Refusal if the entry of a key is another payment."""
    (amount,) = Transfer.objects.filter(entry=made).values_list("amount", flat=True)
    if made.document != _subject(customer) or amount != amount_microunits:
        raise Refusal("under this key another amount was paid in; begin a new payment")


def taken_in(wallet: Wallet, account: str, amount_microunits: int) -> Move:
    """Add money to a locked wallet, and return the move: the money is now at `account`."""
    wallet.balance_microunits += amount_microunits
    wallet.save(update_fields=["balance_microunits"])
    return Move(chart.wallet(wallet.customer.number), account, site_currency().code, amount_microunits)


def taken_out(wallet: Wallet, account: str, amount_microunits: int) -> Move:
    """Take money from a locked wallet, and return the move to the account that gives it from now on.

    Raise Refusal if the wallet has not enough.
    """
    if amount_microunits > wallet.balance_microunits:
        raise Refusal(
            "the wallet has %(balance)s, and %(amount)s is needed",
            balance=Money(wallet.balance_microunits, site_currency()),
            amount=Money(amount_microunits, site_currency()),
        )
    wallet.balance_microunits -= amount_microunits
    wallet.save(update_fields=["balance_microunits"])
    return Move(account, chart.wallet(wallet.customer.number), site_currency().code, amount_microunits)


def buy(
    office: Office, actor: Actor, customer_number: int, meter_number: int, amount_microunits: int, key: str, now_s: int
) -> tuple[Sale, Wallet, Move]:
    """Sell credit to a meter of a customer from the wallet, in the open transaction. Right: sell.

    Return the receipt, the wallet, and the move that the caller books. Raise Refusal if the wallet has not enough, the
    meter is not the customer's, or it takes nothing.
    """
    wallet = Wallet.objects.filter(customer__number=customer_number, customer__is_active=True).first()
    if wallet is None:
        raise Refusal("customer %(number)s has no wallet", number=customer_number)
    wallet = locked(wallet.pk)
    if meter_number not in meters_of(wallet):
        raise Refusal("meter %(meter)s is not a meter of this customer", meter=meter_number)
    move = taken_out(wallet, chart.provider(NAME), amount_microunits)
    sale = recharge(office, actor, meter_number, amount_microunits, by_provider(NAME), key, now_s)
    return sale, wallet, move


def taken_back(wallet: Wallet, account: str, amount_microunits: int) -> list[Move]:
    """Take money from a locked wallet that a provider has taken back, and return the moves.

    The wallet pays as far as it has money. The rest is a debt of the customer's newest tenancy, or in suspense.
    """
    from_wallet = min(amount_microunits, wallet.balance_microunits)
    moves = [taken_out(wallet, account, from_wallet)] if from_wallet else []
    rest = amount_microunits - from_wallet
    if rest:
        newest = Tenancy.objects.filter(customer=wallet.customer).order_by("-from_s", "-pk").first()
        owner = chart.suspense("payment") if newest is None else chart.debt(newest.pk)
        moves.append(Move(account, owner, site_currency().code, rest))
    return moves


def given_again(wallet: Wallet, account: str, amount_microunits: int, taken: Sequence[Move]) -> list[Move]:
    """Return the moves of money that came back after a dispute: a debt that the dispute made ends first."""
    moves, left = [], amount_microunits
    for move in taken:
        if move.taker != chart.wallet(wallet.customer.number) and left:
            amount = min(left, move.amount)
            moves.append(Move(move.taker, account, move.unit, amount))
            left -= amount
    if left:
        moves.append(taken_in(wallet, account, left))
    return moves


def meters_of(wallet: Wallet) -> list[int]:
    """Return the numbers of the meters of a wallet's customer now."""
    living = Tenancy.objects.filter(customer=wallet.customer, until_s=None)
    numbers = list(living.order_by("meter_number").values_list("meter_number", flat=True))
    known = set(Meter.objects.filter(number__in=numbers).values_list("number", flat=True))
    return [one for one in numbers if one in known]


def history(wallet: Wallet) -> list[Line]:
    """Return the newest changes of a wallet, newest first."""
    code, unit = chart.wallet(wallet.customer.number), site_currency().code
    found = []
    for side, sign in (("giver", 1), ("taker", -1)):
        rows = Transfer.objects.filter(**{f"{side}__code": code, f"{side}__unit": unit}).select_related("entry")
        found += [
            (one.pk, Line(one.entry.time_s, one.entry.kind, one.entry.document, sign * one.amount))
            for one in rows.order_by("-pk")[:_SHOWN]
        ]
    return [line for _, line in sorted(found, key=lambda pair: -pair[0])[:_SHOWN]]


def _subject(customer: Customer) -> str:
    return f"wallet:{customer.number}"
