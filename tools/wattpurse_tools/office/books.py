"""Books: the moves of each business event in the ledger."""

from collections.abc import Iterable

from wattpurse_tools.ledger import chart
from wattpurse_tools.ledger.posting import Event, Move, moved
from wattpurse_tools.office.business_days import business_day
from wattpurse_tools.office.sale_types import CASH, DEBT, FEE, Line, provider_of
from wattpurse_tools.record.models import Sale, Shift, Shop


def till_account(shop: Shop, shift: Shift, payment_type: str) -> str:
    """Return the account that a payment goes to: the drawer for cash, the payment provider, else the bank."""
    provider = provider_of(payment_type)
    if provider:
        return chart.provider(provider)
    return chart.drawer(shop.number, shift.pk) if payment_type == CASH else chart.bank(payment_type)


def paid(lines: Iterable[Line], account: str, currency: str, tenancy: int) -> list[Move]:
    """Return the moves of a payment into `account`: income, tax, fee and debt. Lines below zero are paid back."""
    moves: list[Move] = []
    for line in lines:
        moves += moved(_income(line, tenancy), account, currency, line.net_microunits)
        moves += moved(chart.tax(line.tax.name), account, currency, line.tax_microunits)
    return moves


def credited(purpose: str, account: str, unit: str, amount: int) -> list[Move]:
    """Return the moves of credit that is given to a meter or a key card."""
    return moved(chart.issued(purpose), account, unit, amount)


def event_of(sale: Sale, words: str = "") -> Event:
    """Return the event of a sale's ledger entry."""
    return Event(
        sale.time_s,
        sale.business_day,
        f"sale:{sale.pk}",
        sale.operator,
        sale.shop.number,
        0 if sale.shift is None else sale.shift.pk,
        words,
    )


def event_at(shop: Shop, operator: int, time_s: int, document: str, shift: int = 0, words: str = "") -> Event:
    """Return the event of an entry in a shop that is no sale."""
    return Event(time_s, business_day(shop, time_s), document, operator, shop.number, shift, words)


def _income(line: Line, tenancy: int) -> str:
    if line.what == FEE:
        return chart.fee("sale")
    if line.what == DEBT:
        return chart.debt(tenancy)
    return chart.sold(line.what)
