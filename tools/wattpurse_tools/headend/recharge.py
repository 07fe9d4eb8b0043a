"""Recharge of a meter from outside the shops, by its contract, in the online shop.

A prepaid meter gets a token, which is queued for the network and has twenty digits if its amount fits into them. A
managed meter has an account, which takes the money. A meter for key cards is refused with the remedy. The customer at
the meter gets a message, in the transaction of the sale.
"""

from dataclasses import replace

from django.db import transaction

from wattpurse.core.messages import short_token
from wattpurse.core.money import contract as contracts
from wattpurse_tools.headend import accounts, command_queue, online_shop, outbox
from wattpurse_tools.ledger import chart
from wattpurse_tools.office import sales
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.sale_types import DIGITS, ENERGY, MONEY, NONE, SaleRequest, Wish, provider_of
from wattpurse_tools.office.tokens import locked_row, usable_meter
from wattpurse_tools.office.wishes import wishes_of
from wattpurse_tools.record.models import ManagedAccount, Meter, Sale, Shift, Token
from wattpurse_tools.refusals import Refusal
from wattpurse_tools.station.token_record import contracts_to_come

WISH = "recharge"


def recharge(
    office: Office,
    actor: Actor,
    meter_number: int,
    gross_microunits: int,
    payment_type: str,
    client_key: str,
    now_s: int,
) -> Sale:
    """Sell credit for a payment, once by its key, and queue its token. Return the receipt. Right: sell.

    `payment_type` is one of a sale, or `sale_types.by_provider(NAME)`. Raise Refusal, with no change, if the meter
    takes nothing for this payment.
    """
    account = _account_at(meter_number)
    with transaction.atomic():
        if account is not None:
            sale = _paid_in(office, actor, account, gross_microunits, payment_type, client_key, now_s)
        else:
            row = locked_row(meter_number)
            shift = online_shop.running_shift(office, actor, now_s)
            how = (shift, payment_type, client_key)
            sale = _sell(office, actor, (row, meter_number), gross_microunits, how, now_s)
        _tell(sale, account is not None, now_s)
    return sale


def recharge_in(
    office: Office,
    actor: Actor,
    shift: Shift,
    meter_number: int,
    gross_microunits: int,
    payment_type: str,
    client_key: str,
    now_s: int,
) -> Sale:
    """Sell credit in a shift of a person, once by its key, and queue its token. Return the receipt. Right: sell.

    The customer stands there and gets no message. Raise Refusal, with no change, if the meter takes nothing for this
    payment. An account is paid into by `recharge` alone: its receipt is in no shift.
    """
    with transaction.atomic():
        row = locked_row(meter_number)
        return _sell(office, actor, (row, meter_number), gross_microunits, (shift, payment_type, client_key), now_s)


def _sell(
    office: Office,
    actor: Actor,
    at: tuple[Meter | None, int],
    gross_microunits: int,
    how: tuple[Shift, str, str],
    now_s: int,
) -> Sale:
    """Sell to a locked meter in the open transaction, and queue its tokens."""
    shift, payment_type, client_key = how
    row, meter_number = at
    made = _made_before(sales.full_key(shift, client_key), meter_number, gross_microunits)
    if made is not None:
        return made
    meter = usable_meter(row, meter_number)
    wish = Wish(_what(meter, contract_of(meter)), gross_microunits=gross_microunits)
    sale = _sold(office, actor, SaleRequest(client_key, shift.pk, meter.number, "", DIGITS, wish, payment_type))
    tokens = list(Token.objects.filter(sale=sale).order_by("sequence"))
    command_queue.queue(tokens, WISH, f"{WISH}:{sale.pk}", now_s)
    return sale


def message_key(sale: Sale) -> str:
    """Return the key of the message about a recharge."""
    return f"{WISH}:{sale.pk}"


def _tell(sale: Sale, is_paid_in: bool, now_s: int) -> None:
    """Write the message about a recharge to the customer at the meter. The same sale again writes nothing more."""
    tenancy = sale.tenancy
    if tenancy is None:
        return
    values: dict[str, object] = {"meter": sale.meter_number, "amount_microunits": sale.gross_microunits}
    if is_paid_in:
        values["balance_microunits"] = accounts.balance_of(tenancy.pk)
    digits = Token.objects.filter(sale=sale).exclude(digits="").order_by("sequence").values_list("digits", flat=True)
    if digits:
        values["digits"] = ", ".join(map(short_token.grouped, digits))
    outbox.put(tenancy.customer, outbox.RECHARGE, message_key(sale), values, now_s)


def refuse_meter(meter_number: int) -> None:
    """Raise Refusal if a meter takes no payment now."""
    meter = usable_meter(Meter.objects.filter(number=meter_number).first(), meter_number)
    if _account_at(meter_number) is None:
        _what(meter, contract_of(meter))


def _account_at(meter_number: int) -> ManagedAccount | None:
    """Return the open account of the tenancy at a managed meter, or None."""
    rows = ManagedAccount.objects.filter(closed_s=None, tenancy__meter_number=meter_number, tenancy__until_s=None)
    return rows.select_related("tenancy", "meter").first()


def _paid_in(
    office: Office,
    actor: Actor,
    account: ManagedAccount,
    gross_microunits: int,
    payment_type: str,
    client_key: str,
    now_s: int,
) -> Sale:
    """Pay into an account, in the online shop. Its receipt is in no shift."""
    usable_meter(account.meter, account.meter.number)
    shop = online_shop.online_shop(actor)
    provider = provider_of(payment_type)
    paid_from = chart.provider(provider) if provider else None
    return accounts.pay_in(
        office, actor, account.tenancy, gross_microunits, payment_type, client_key, now_s, shop, paid_from
    )


def contract_of(meter: Meter) -> str:
    """Return the contract that the next token meets: one that is on its way to the meter decides already."""
    return [meter.contract, *contracts_to_come(meter.number)][-1]


def _what(meter: Meter, contract: str) -> str:
    """Return the wish of a payment. A dispenser gets kWh within its daily limit. Raise Refusal if nothing is sold."""
    if contract == contracts.Managed.name:
        raise Refusal("meter %(meter)s is managed: pay into its account, which the office opens", meter=meter.number)
    if contract == contracts.Dispenser.name:
        return ENERGY
    possible = wishes_of(contract, meter.unit)
    if contract == contracts.KeyCard.name:
        raise Refusal("meter %(meter)s takes key cards: load the customer's key card instead", meter=meter.number)
    return possible[0] if possible else MONEY


def _sold(office: Office, actor: Actor, request: SaleRequest) -> Sale:
    """Return the sale by twenty digits, or by the network alone if the amount does not fit into them."""
    try:
        return sales.sell(office, actor, request).sale
    except Refusal:
        return sales.sell(office, actor, replace(request, carrier=NONE)).sale


def _made_before(key: str, meter_number: int, gross_microunits: int) -> Sale | None:
    """Return the receipt of a key, or None. Raise Refusal if it is another recharge."""
    sale = Sale.objects.filter(client_key=key).first()
    if sale is not None and (sale.meter_number, sale.gross_microunits) != (meter_number, gross_microunits):
        raise Refusal("receipt %(receipt)s was sold under this key with another content", receipt=sale.receipt_number)
    return sale
