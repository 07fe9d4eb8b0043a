"""Managed accounts: opened, paid into, charged by statements, and closed.

The money of an account is in the ledger: `issued:sale` gives credit to `account:T`, a charge moves it to `consumed:M`.
Each step is one transaction that locks the row of the account first, then that of its meter, a shift and a shop. The
row has the balance too, so that the cost of a step does not grow with the history. `wattpurse office check` compares it
with the ledger.
"""

from dataclasses import dataclass, replace

from django.db import IntegrityError, transaction

from wattpurse.core.currency import Currency
from wattpurse.core.money import contract as contracts
from wattpurse_tools.headend import outbox, switching
from wattpurse_tools.headend.charging import begin, book, charge_to_the_end, newest_reading
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.ledger.models import Transfer
from wattpurse_tools.ledger.posting import Event, moved, post_new
from wattpurse_tools.office import audit, books, prices
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.business_days import business_day, utc_day
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.prices import Charge
from wattpurse_tools.office.receipts import Buyer, Paper, write_receipt
from wattpurse_tools.office.sale_plan import plan_sale
from wattpurse_tools.office.sale_types import BANK_TYPES, MONEY, NONE, REFUND, SALE, WRITTEN, Line, Tax, Wish
from wattpurse_tools.office.sales import made_before, request_hash, terms_of
from wattpurse_tools.office.wishes import permit_end_s
from wattpurse_tools.record.models import (
    ManagedAccount,
    Meter,
    Sale,
    Shop,
    Site,
    Tenancy,
)
from wattpurse_tools.refusals import Money, Refusal
from wattpurse_tools.station.token_record import contracts_to_come

PAID_KEY = "account:"
CLOSED_KEY = "account-closed:"
REFUND_OF_ACCOUNT = "refund of an account"

# The largest limit and the largest deposit.
LARGEST = 1 << 50

_DEPOSIT_BACK = "deposit back:"
_MILLION = 1_000_000


@dataclass(frozen=True)
class _Payment:
    """A payment into an account, as its retry is known by."""

    client_key: str
    tenancy: int
    gross_microunits: int
    payment_type: str


def open_account(
    office: Office, actor: Actor, tenancy: Tenancy, now_s: int, limit_microunits: int = 0, priority: int = 0
) -> ManagedAccount:
    """Open the account of a tenancy at a meter of the contract "managed". Right: order.

    It is charged from the newest statement on, or from the next one if there is none. A permit that was sold before
    stays. The same tenancy again returns its account as it is. A tenancy has one account: a closed one stays closed.
    """
    actor.require("order")
    _refuse_terms(limit_microunits, priority)
    with transaction.atomic():
        meter = Meter.objects.select_for_update().get(number=tenancy.meter_number)
        present = ManagedAccount.objects.filter(tenancy=tenancy, closed_s=None).first()
        if present is not None:
            return present
        _refuse_account(meter, tenancy)
        account = ManagedAccount(
            tenancy=tenancy,
            meter=meter,
            opened_s=now_s,
            limit_microunits=limit_microunits,
            priority=priority,
            permit_until_s=permit_end_s(meter, 0),
            is_wished_on=limit_microunits > 0,
            is_ordered_on=_was_ordered_on(meter),
        )
        newest = newest_reading(account, now_s)
        if newest is not None:
            begin(account, newest)
        account.save(force_insert=True)
        audit.note(actor, "open account", f"tenancy:{tenancy.pk}", meter=meter.number, limit=limit_microunits)
    return account


def locked(tenancy: int, skips_locked: bool = False) -> ManagedAccount | None:
    """Return an open account and lock its row. With `skips_locked`, return None if another process works on it."""
    rows = ManagedAccount.objects.select_for_update(skip_locked=skips_locked, of=("self",))
    return rows.filter(pk=tenancy, closed_s=None).first()


def is_open(tenancy: int) -> bool:
    """Return True if a tenancy, by its primary key, has an open account."""
    return ManagedAccount.objects.filter(pk=tenancy, closed_s=None).exists()


def balance(tenancy: Tenancy) -> int:
    """Return the balance of the account of a tenancy in micro-units. It is below zero if more was used than paid."""
    return balance_of(tenancy.pk)


def balance_of(tenancy: int) -> int:
    """Return the balance of the account of a tenancy, by its primary key."""
    return ManagedAccount.objects.filter(pk=tenancy).values_list("balance_microunits", flat=True).first() or 0


def account_at(meter_number: int) -> ManagedAccount:
    """Return the open account at a meter, also that of a tenancy that has ended. Raise Refusal if there is none."""
    rows = ManagedAccount.objects.select_related("tenancy__customer", "meter").filter(closed_s=None)
    found = rows.filter(tenancy__meter_number=meter_number).order_by("-pk").first()
    if found is None:
        raise Refusal("there is no open account at meter %(meter)s", meter=meter_number)
    return found


def closing_key(tenancy: int) -> str:
    """Return the key of the close of an account, by the primary key of its tenancy.

    An account is closed once. So the page and the command have the same key, and an approved request fits both.
    """
    return f"tenancy-{tenancy}"


def refuse_payment_type(payment_type: str) -> None:
    """Raise Refusal for a way to pay that does not go through the bank. An account has no drawer for cash."""
    if payment_type not in BANK_TYPES:
        raise Refusal(
            "%(payment_type)s: deposits and rests of accounts are paid by one of %(possible)s",
            payment_type=payment_type,
            possible=", ".join(BANK_TYPES),
        )


def held_deposit(tenancy: int) -> int:
    """Return the deposit that the office holds of a tenancy, by its primary key."""
    return -balances.balance(chart.deposit(tenancy), _site().currency)


def debt_of(tenancy: int) -> int:
    """Return the debt of a tenancy, by its primary key."""
    return balances.balance(chart.debt(tenancy), _site().currency)


def paid_back(tenancy: int) -> int:
    """Return the sum that the close of an account gave back: the rest in whole coins, and the deposit."""
    sales = Sale.objects.filter(tenancy_id=tenancy, client_key__startswith=CLOSED_KEY)
    deposit = Transfer.objects.filter(entry__key=f"{_DEPOSIT_BACK}{tenancy}").values_list("amount", flat=True)
    return sum(deposit) - sum(sales.values_list("gross_microunits", flat=True))


def change_terms(
    office: Office,
    actor: Actor,
    tenancy: Tenancy,
    limit_microunits: int | None = None,
    priority: int | None = None,
) -> ManagedAccount:
    """Change the credit limit or the priority in shortages of an open account. Right: manage."""
    actor.require("manage")
    _refuse_terms(limit_microunits or 0, priority or 0)
    with transaction.atomic():
        account = locked(tenancy.pk)
        if account is None:
            raise Refusal("tenancy %(tenancy)s has no open account", tenancy=tenancy.pk)
        if limit_microunits is not None:
            account.limit_microunits = limit_microunits
        if priority is not None:
            account.priority = priority
        account.save(update_fields=["limit_microunits", "priority"])
        settle_wish(account, credit_of(account))
        audit.note(
            actor,
            "account terms",
            f"tenancy:{tenancy.pk}",
            limit=account.limit_microunits,
            priority=account.priority,
        )
    return account


def pay_in(
    office: Office,
    actor: Actor,
    tenancy: Tenancy,
    gross_microunits: int,
    payment_type: str,
    client_key: str,
    now_s: int,
    shop: Shop | None = None,
    paid_from: str | None = None,
) -> Sale:
    """Sell credit for the account of a tenancy and return the receipt. Right: sell, in the shop.

    The same key again returns the same receipt. Without a `shop` it is the first one in service. `paid_from` is the
    account of the ledger that the payment is at; without one it is that of the payment type at the bank.
    """
    actor.require("sell")
    request = _Payment(client_key, tenancy.pk, gross_microunits, payment_type)
    key, digest = f"{PAID_KEY}{client_key}", request_hash(request, SALE)
    try:
        with transaction.atomic():
            return _pay_in(actor, request, (key, digest), now_s, shop, paid_from)
    except IntegrityError:  # another process made it in the same moment
        made = _paid_before(key, digest)
        if made is None:
            raise
        return made


def close(
    office: Office,
    actor: Actor,
    tenancy: Tenancy,
    client_key: str,
    now_s: int,
    payment_type: str = "transfer",
    approval: str | None = None,
    shop: Shop | None = None,
) -> Sale | None:
    """Close the account of a tenancy, for its move-out, and pay its rest back. Return the receipt, or None if it is 0.

    Rights: order, and sell for a deposit that is used up. It is charged by the newest statement first. Statements that
    cannot be charged are noted, and told to the managers; if only their tariff is missing, raise UnknownTariff. A
    balance below zero is paid from the deposit, and the rest of it becomes a debt of the tenancy. The vault wants a
    second person for a refund: it raises ApprovalNeeded. An approval permits its sums and smaller ones: a charge after
    the request makes them smaller. The same key again returns the same receipt. A meter in service is ordered off, and
    has to be ordered on for a next customer without an account.
    """
    actor.require("order")
    refuse_payment_type(payment_type)
    key, digest = f"{CLOSED_KEY}{client_key}", request_hash(_Payment(client_key, tenancy.pk, 0, payment_type), REFUND)
    with transaction.atomic():
        account = locked(tenancy.pk)
        if account is None:
            return _paid_before(key, digest)
        charge_to_the_end(actor, account, now_s)
        _use_deposit(actor, account, client_key, now_s, shop)
        rest, deposit, sale = account.balance_microunits, held_deposit(account.pk), None
        if rest > 0 or deposit > 0:
            document = {"tenancy": tenancy.pk, "amount": rest, "deposit": deposit, "key": client_key}
            document = _permitted(office, actor, document, approval)
            office.keys.use_approval(actor.ticket, REFUND_OF_ACCOUNT, document, approval)
        if rest > 0:
            sale = _pay_back(actor, account, rest, (key, digest, payment_type), now_s, shop)
        elif rest < 0:
            _owe(actor, account, -rest, now_s)
        if deposit > 0:
            _pay_deposit_back(actor, account, deposit, payment_type, now_s)
        account.closed_s, account.is_wished_on = now_s, False
        account.save(update_fields=["closed_s", "is_wished_on"])
        audit.note(actor, "close account", f"tenancy:{tenancy.pk}", meter=account.meter_id, rest=rest)  # type: ignore[attr-defined]
        outbox.withdraw_kind(account.tenancy.customer, outbox.LOW_CREDIT, warning_key(account))
        if account.is_ordered_on and not account.meter.is_retired:
            switching.order_off(office, actor, account, "the account is closed", now_s)
    return sale


def _permitted(office: Office, actor: Actor, document: dict, approval: str | None) -> dict:
    """Return the document of an approved refund if its sums are not below those of this one, or else this one."""
    for one in () if approval is None else office.keys.requests(actor.ticket):
        if one.number != approval or one.action != REFUND_OF_ACCOUNT:
            continue
        sums = [(one.document.get(name), document[name]) for name in ("amount", "deposit")]
        permits = all(isinstance(most, int) and asked <= most for most, asked in sums)
        if permits and {**one.document, "amount": document["amount"], "deposit": document["deposit"]} == document:
            return one.document
    return document


def _pay_back(
    actor: Actor, account: ManagedAccount, rest: int, how: tuple[str, str, str], now_s: int, shop: Shop | None
) -> Sale:
    """Pay the rest of an account back, rounded down to the smallest coin. The tax of the sale comes back with it."""
    key, digest, payment_type = how
    site, at = _site(), _locked_shop(shop)
    tenancy = Tenancy.objects.select_related("customer").get(pk=account.pk)
    found = prices.charges_for(
        (prices.MONEY,),
        tenancy.customer.customer_type_id,  # type: ignore[attr-defined]
        site.currency,
        now_s,
        business_day(at, now_s),
    ).get(prices.MONEY, Charge(_MILLION))
    gross = -prices.round_down(rest, site.decimals)
    net = gross - prices.tax_in(gross, found.tax_ppm, site.decimals)
    line = Line(MONEY, "credit given back", -rest, site.currency, net, gross, Tax(found.tax_name, found.tax_ppm))
    paper = Paper(key, REFUND, WRITTEN, site.currency, payment_type, digest)
    buyer = Buyer(tenancy, account.meter_id, "", NONE)  # type: ignore[attr-defined]
    sale = write_receipt(at, None, actor, now_s, paper, buyer, [line])
    bank = chart.bank(payment_type)
    moves = moved(chart.REFUND, bank, site.currency, line.net_microunits)
    moves += moved(chart.tax(line.tax.name), bank, site.currency, line.tax_microunits)
    moves += moved(chart.account(account.pk), chart.issued(chart.PAID_BACK), site.currency, rest)
    book(account, f"sale:{sale.pk}", REFUND, moves, books.event_of(sale))
    return sale


def _use_deposit(actor: Actor, account: ManagedAccount, client_key: str, now_s: int, shop: Shop | None) -> None:
    """Sell credit for the deposit that is held, as far as the balance is below zero. All of it becomes credit."""
    needed = prices.round_up(max(0, -account.balance_microunits), _site().decimals)
    amount = min(needed, held_deposit(account.pk))
    if amount > 0:
        request = _Payment(f"{client_key}:deposit", account.pk, amount, "deposit")
        how = (f"{PAID_KEY}{request.client_key}", request_hash(request, SALE))
        _pay_into(actor, account, request, how, now_s, shop, chart.deposit(account.pk), has_extras=False)


def _pay_deposit_back(actor: Actor, account: ManagedAccount, amount: int, payment_type: str, now_s: int) -> None:
    moves = moved(chart.bank(payment_type), chart.deposit(account.pk), _site().currency, amount)
    event = Event(now_s, utc_day(now_s), f"tenancy:{account.pk}", actor.operator)
    post_new(f"{_DEPOSIT_BACK}{account.pk}", "deposit back", moves, event)


def _owe(actor: Actor, account: ManagedAccount, amount: int, now_s: int) -> None:
    """Make a balance below zero a debt of the tenancy."""
    unit, code = _site().currency, chart.account(account.pk)
    moves = moved(chart.claim("account"), chart.debt(account.pk), unit, amount)
    moves += moved(chart.issued(chart.PAID_BACK), code, unit, amount)
    event = Event(now_s, utc_day(now_s), f"tenancy:{account.pk}", actor.operator)
    book(account, f"closed:{account.pk}", "account closed", moves, event)


def settle_wish(account: ManagedAccount, credit_microunits: int) -> None:
    """Note whether a locked account wants supply: it has credit, and a temporary supply is running."""
    wished = credit_microunits > 0 and not switching.is_out_of_time(account)
    if account.is_wished_on != wished:
        account.is_wished_on = wished
        account.save(update_fields=["is_wished_on"])


def credit_of(account: ManagedAccount) -> int:
    """Return the balance of an account with its limit: supply ends when it is used up."""
    return account.balance_microunits + account.limit_microunits


def warning_key(account: ManagedAccount) -> str:
    """Return the begin of the keys of all warnings of an account. The next payment withdraws those that wait."""
    return f"low:{account.pk}:"


def _pay_in(
    actor: Actor, request: _Payment, how: tuple[str, str], now_s: int, shop: Shop | None, paid_from: str | None
) -> Sale:
    account = locked(request.tenancy)
    made = _paid_before(*how)
    if made is not None:
        return made
    if account is None:
        raise Refusal("tenancy %(tenancy)s has no open account", tenancy=request.tenancy)
    return _pay_into(actor, account, request, how, now_s, shop, paid_from)


def _pay_into(
    actor: Actor,
    account: ManagedAccount,
    request: _Payment,
    how: tuple[str, str],
    now_s: int,
    shop: Shop | None,
    paid_from: str | None,
    has_extras: bool = True,
) -> Sale:
    """Sell credit for a locked account. It has a fee and recovers debt only with `has_extras`."""
    key, digest = how
    at = _locked_shop(shop)
    actor.require("sell", at.number)
    tenancy = Tenancy.objects.select_related("customer").get(pk=request.tenancy)
    site = _site()
    terms = terms_of(site, at, now_s, tenancy)
    if not has_extras:
        terms = replace(terms, debt_share_ppm=0)
    plan = plan_sale(Wish(MONEY, gross_microunits=request.gross_microunits), terms, has_fee=has_extras)
    meter_number = account.meter_id  # type: ignore[attr-defined]
    paper = Paper(key, SALE, WRITTEN, site.currency, request.payment_type, digest)
    buyer = Buyer(tenancy, meter_number, "", NONE)
    sale = write_receipt(at, None, actor, now_s, paper, buyer, plan.lines)
    moves = books.paid(plan.lines, paid_from or chart.bank(request.payment_type), site.currency, tenancy.pk)
    moves += books.credited(chart.SALE, chart.account(tenancy.pk), site.currency, plan.amount)
    book(account, f"sale:{sale.pk}", SALE, moves, books.event_of(sale))
    audit.note(
        actor, "pay in", f"sale:{sale.pk}", meter=meter_number, gross=sale.gross_microunits, shop=sale.shop.number
    )
    settle_wish(account, credit_of(account))
    outbox.withdraw_kind(tenancy.customer, outbox.LOW_CREDIT, warning_key(account))
    return sale


def _paid_before(key: str, digest: str) -> Sale | None:
    """Return the receipt of a key, or None. Raise Refusal if it was written for another request."""
    made = made_before(key, digest)
    return None if made is None else made.sale


def _locked_shop(shop: Shop | None) -> Shop:
    rows = Shop.objects.select_for_update()
    found = rows.filter(is_active=True).order_by("number").first() if shop is None else rows.get(pk=shop.pk)
    if found is None:
        raise Refusal("there is no shop in service that could write the receipt")
    return found


def _refuse_terms(limit_microunits: int, priority: int) -> None:
    if not 0 <= limit_microunits <= LARGEST or not 0 <= priority <= 9:
        most = Money(LARGEST, currency())
        raise Refusal("a limit is from zero to %(most)s, and a priority is from 0 to 9", most=most)


def _refuse_account(meter: Meter, tenancy: Tenancy) -> None:
    if ManagedAccount.objects.filter(tenancy=tenancy).exists():
        raise Refusal("the account of this tenancy was closed; enter the move-out, and then move the customer in again")
    if tenancy.until_s is not None:
        raise Refusal("the tenancy has ended; an account belongs to the one that lives there")
    if contracts.Managed.name not in (meter.contract, *contracts_to_come(meter.number)):
        raise Refusal(
            "meter %(meter)s has the contract %(contract)s; an account needs the contract managed",
            meter=meter.number,
            contract=meter.contract,
        )
    if meter.currency != _site().currency:
        raise Refusal("meter %(meter)s counts in another currency than this office", meter=meter.number)
    if ManagedAccount.objects.filter(meter=meter, closed_s=None).exists():
        raise Refusal("meter %(meter)s has the account of another tenancy; close it first", meter=meter.number)


def _was_ordered_on(meter: Meter) -> bool:
    """Return the state of the switch that the former account of a meter ordered last."""
    former = ManagedAccount.objects.filter(meter=meter).exclude(closed_s=None).order_by("-closed_s").first()
    return former is None or former.is_ordered_on


def _site() -> Site:
    return Site.objects.get()


def currency() -> Currency:
    """Return the currency of all accounts."""
    site = _site()
    return Currency(site.currency, site.decimals)
