"""The plan of a sale: its lines with prices, tax, fee and recovered debt, and the credit for the meter."""

from dataclasses import dataclass
from datetime import date

from wattpurse.core.currency import Currency
from wattpurse_tools.ledger import chart
from wattpurse_tools.office import prices
from wattpurse_tools.office.prices import Charge
from wattpurse_tools.office.sale_types import DAYS, DEBT, DISPENSE, ENERGY, FEE, MONEY, NO_TAX, PERMIT, Line, Tax, Wish
from wattpurse_tools.office.wishes import DAY_S, energy_text, unit_of
from wattpurse_tools.record.models import CustomerType
from wattpurse_tools.refusals import Money, Refusal, Words

_PRICED = {MONEY: prices.MONEY, ENERGY: prices.KWH, DISPENSE: prices.KWH, DAYS: prices.DAY, PERMIT: prices.PERMIT}
_PRICE_WORDS = {
    prices.KWH: Words("a kWh"),
    prices.DAY: Words("a day of the term"),
    prices.PERMIT: Words("a day of a permit"),
}
_MILLION = 1_000_000


@dataclass(frozen=True)
class Terms:
    """The terms of a price: the currency, the customer's type or its primary key, the moment and the tenancy's debt."""

    currency: str
    decimals: int
    customer_type: CustomerType | int | None
    time_s: int
    day: date
    debt_microunits: int = 0
    debt_share_ppm: int = 0

    @property
    def money(self) -> Currency:
        """The currency with its decimals."""
        return Currency(self.currency, self.decimals)


@dataclass(frozen=True)
class Plan:
    """The lines of a receipt, and the `amount` that the meter gets, in micro-units, mWh or seconds."""

    lines: tuple[Line, ...]
    amount: int
    unit: str

    @property
    def gross_microunits(self) -> int:
        """The sum to pay."""
        return sum(line.gross_microunits for line in self.lines)

    @property
    def tax_microunits(self) -> int:
        """The tax in it."""
        return sum(line.tax_microunits for line in self.lines)


def plan_sale(wish: Wish, terms: Terms, has_fee: bool = True) -> Plan:
    """Return the plan of a sale. Raise ValueError, with the remedy, if the amount or the price makes no sale."""
    _refuse_amounts(wish, terms.decimals)
    wanted = _PRICED[wish.what]
    found = prices.charges_for((wanted, prices.FEE), terms.customer_type, terms.currency, terms.time_s, terms.day)
    charge = found.get(wanted)
    if charge is None:
        if wish.what != MONEY:
            raise Refusal(
                "there is no price of %(what)s in %(currency)s; a manager sets it with: wattpurse"
                " station price %(price)s MONEY",
                what=_PRICE_WORDS[wanted],
                currency=terms.currency,
                price=wanted,
            )
        charge = Charge(_MILLION)
    fee = found.get(prices.FEE, Charge(0)) if has_fee else Charge(0)
    plan = _by_payment if wish.gross_microunits else _by_quantity
    return plan(wish, terms, charge, fee)


def plan_free(wish: Wish, currency: str) -> Plan:
    """Return the plan of a free issue: credit for nothing."""
    if wish.what not in _PRICED or wish.gross_microunits or not 0 < wish.quantity <= 1 << 50:
        raise Refusal("name the quantity, above zero; nothing is paid for it")
    amount = wish.quantity * DAY_S if wish.what in (DAYS, PERMIT) else wish.quantity
    unit = unit_of(wish.what, currency)
    return Plan((Line(wish.what, _words(wish, amount), amount, unit, 0, 0),), amount, unit)


def _by_payment(wish: Wish, terms: Terms, charge: Charge, fee: Charge) -> Plan:
    rest = wish.gross_microunits - fee.gross_microunits
    debt = _recovered(rest, terms)
    rest -= debt
    if rest <= 0:
        raise Refusal(
            "the fee of %(fee)s leaves nothing to sell; take a larger amount",
            fee=Money(fee.gross_microunits, terms.money),
        )
    if wish.what == MONEY:
        amount, gross = rest, rest
    elif wish.what in (ENERGY, DISPENSE):
        amount, gross = prices.energy_for(charge, rest), rest
    else:
        days = prices.days_for(charge, rest, terms.decimals)
        amount, gross = days * DAY_S, prices.gross_of_days(charge, days, terms.decimals)
    if amount <= 0:
        raise Refusal(
            "%(amount)s buys nothing at the price of %(price)s",
            amount=Money(rest, terms.money),
            price=Money(charge.gross_microunits, terms.money),
        )
    return _plan(wish, terms, (charge, gross, amount), fee, debt)


def _by_quantity(wish: Wish, terms: Terms, charge: Charge, fee: Charge) -> Plan:
    if wish.what == MONEY:
        amount, gross = wish.quantity, wish.quantity
    elif wish.what in (ENERGY, DISPENSE):
        amount, gross = wish.quantity, prices.gross_of_energy(charge, wish.quantity, terms.decimals)
    else:
        amount, gross = wish.quantity * DAY_S, prices.gross_of_days(charge, wish.quantity, terms.decimals)
    return _plan(wish, terms, (charge, gross, amount), fee, _recovered(gross, terms))


def _plan(wish: Wish, terms: Terms, sold: tuple[Charge, int, int], fee: Charge, debt: int) -> Plan:
    charge, gross, amount = sold
    unit = unit_of(wish.what, terms.currency)
    lines = [_line(wish.what, _words(wish, amount), (amount, unit), gross, charge, terms)]
    if fee.gross_microunits:
        lines.append(_line(FEE, "fee", (1, ""), fee.gross_microunits, fee, terms))
    if debt:
        lines.append(Line(DEBT, "debt paid", debt, terms.currency, debt, debt, NO_TAX))
    return Plan(tuple(lines), amount, unit)


def _line(what: str, text: str, quantity: tuple[int, str], gross: int, charge: Charge, terms: Terms) -> Line:
    net = gross - prices.tax_in(gross, charge.tax_ppm, terms.decimals)
    return Line(what, text, *quantity, net, gross, Tax(charge.tax_name, charge.tax_ppm))


def _words(wish: Wish, amount: int) -> str:
    if wish.what == MONEY:
        return "credit"
    if wish.what == PERMIT:
        return f"permit for {amount // DAY_S} days"
    if wish.what == DAYS:
        return f"{amount // DAY_S} days"
    return energy_text(amount)


def _recovered(gross: int, terms: Terms) -> int:
    """Return the debt that a sale recovers: a share of it, rounded down, and no more than is owed.

    A share of more than the whole would leave nothing for the meter.
    """
    share = prices.round_down(max(0, gross) * terms.debt_share_ppm // _MILLION, terms.decimals)
    return min(share, prices.round_down(max(0, terms.debt_microunits), terms.decimals))


def _refuse_amounts(wish: Wish, decimals: int) -> None:
    if wish.what not in _PRICED:
        raise Refusal("%(what)s: sell one of %(possible)s", what=wish.what, possible=", ".join(_PRICED))
    if (wish.gross_microunits > 0) == (wish.quantity > 0) or min(wish.gross_microunits, wish.quantity) < 0:
        raise Refusal("name either the amount to pay or the quantity, above zero")
    money = wish.gross_microunits or (wish.quantity if wish.what == MONEY else 0)
    if money % prices.smallest_unit(decimals):
        raise Refusal("an amount of money has at most %(decimals)s decimals", decimals=decimals)
    if max(wish.gross_microunits, wish.quantity) > 1 << 50:
        raise Refusal("that is more than can be sold at once")


def is_credit(line: Line) -> bool:
    """Return True for a line of credit."""
    return line.what not in (FEE, DEBT)


def is_money(line: Line) -> bool:
    """Return True for a line whose quantity is money of the meter."""
    return line.unit not in (chart.MWH, chart.SECONDS, "")
