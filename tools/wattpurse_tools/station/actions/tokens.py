"""Tokens: make and list them, and forfeit them. Amounts are texts such as `20.00` and `12.5`."""

from typing import TypedDict

from wattpurse.core.currency import Currency, currency_of
from wattpurse.core.messages import token
from wattpurse.core.money.key_card import card_number
from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.station.amounts import parse_amount, parse_number
from wattpurse_tools.station.card_report import amount_text, order_text
from wattpurse_tools.station.currencies import currency_of_meter
from wattpurse_tools.station.order import ENERGY, MONEY, Order
from wattpurse_tools.station.receipts import ANY_CARD
from wattpurse_tools.station.rows import Row
from wattpurse_tools.station.shop import Shop
from wattpurse_tools.station.station import Deal, Station
from wattpurse_tools.station.token_orders import ORDERS, Context
from wattpurse_tools.utc_texts import rfc3339


class IssuedToken(TypedDict):
    """A token in the record, as a plain dict.

    `amount` is in micro-units or mWh, `sealed` is the token itself, and `text` is its content for people.
    """

    meter: int
    sequence: int
    unit: str
    amount: int
    words: str
    state: str
    operator: int | None
    issued_s: int
    sealed: bytes
    text: str


def issued_token(row: Row, currency: Currency) -> IssuedToken:
    """Return the token of a row in the record."""
    return {
        "meter": row["meter"],
        "sequence": row["sequence"],
        "unit": row["unit"],
        "amount": row["amount"],
        "words": row["words"],
        "state": row["state"],
        "operator": row["operator"],
        "issued_s": row["issued_s"],
        "sealed": row["sealed"],
        "text": order_text(row, currency),
    }


def as_document(issued: IssuedToken) -> dict:
    """Return a token as a document for programs. Its time is RFC 3339, and its bytes are hexadecimal digits."""
    sealed = issued["sealed"].hex()
    return {**issued, "issued_s": issued["issued_s"], "issued": rfc3339(issued["issued_s"]), "sealed": sealed}


def put_on_card(
    shop: Shop, meter_number: int, kind: str, words: list[str], card: str, deal: Deal | None = None
) -> IssuedToken:
    """Make a token of any kind and write it to a customer's card of the meter.

    `kind` is the name of a kind in `token_orders.ORDERS`, such as `days`, and `words` are its arguments.
    """
    read = shop.cards.read(card)
    order = _order(shop.station, meter_number, kind, words, card_number(read.card.uid))
    row = shop.vending.put(read, order, meter_number, deal)
    return issued_token(row, currency_of_meter(shop.station, read.meter_number))


def give_out(shop: Shop, meter_number: int, kind: str, words: list[str], deal: Deal | None = None) -> IssuedToken:
    """Make a token of any kind that is on no card: type its digits at the meter, or take it along on a data card."""
    order = _order(shop.station, meter_number, kind, words, ANY_CARD)
    row = shop.vending.give_out(order, meter_number, deal)
    return issued_token(row, currency_of_meter(shop.station, meter_number))


def digits_of(station: Station, meter_number: int, sequence: int) -> str:
    """Return the twenty digits of a token in the record: the same ones each time.

    Raise ValueError if it is not in the record, is forfeited, or is none that may be given out in digits.
    """
    meter, row = station.known_meter(meter_number), station.token(meter_number, sequence)
    if row is None:
        raise ValueError(f"token {number_text(sequence)} of meter {meter_number} was not issued by this station")
    return station.short_tokens.digits(station.ticket, meter, row)


def digit_limits(
    station: Station, meter_number: int, amount: str | None, kwh: str | None, days: str | None
) -> list[str]:
    """Note the limits of one token of twenty digits that are named. Return all three limits as texts."""
    currency = currency_of(dict(station.known_meter(meter_number)))
    limits = {}
    if amount is not None:
        limits["short_token_limit_microunits"] = parse_amount(MONEY, amount, "--amount", currency)
    if kwh is not None:
        limits["short_token_limit_mwh"] = parse_amount(ENERGY, kwh, "--kwh", currency)
    if days is not None:
        limits["short_token_limit_days"] = parse_number(days, "--days", 0, 9999)
    if limits:
        station.require("order")
        station.short_tokens.set_limits(meter_number, limits)
    known = station.short_tokens.limits(meter_number)
    return [
        amount_text(MONEY, known["short_token_limit_microunits"], currency),
        amount_text(ENERGY, known["short_token_limit_mwh"], currency),
        f"{known['short_token_limit_days']} days",
    ]


def outstanding(station: Station, meter_number: int) -> list[IssuedToken]:
    """Return the tokens of a meter that are not known to be redeemed, oldest first."""
    currency = currency_of(dict(station.known_meter(meter_number)))
    return [issued_token(row, currency) for row in station.outstanding_of_meter(meter_number)]


def forfeit(station: Station, meter_number: int, sequences: list[int]) -> list[IssuedToken]:
    """Forfeit tokens of a lost card, so that selling can continue. Raise ValueError if one is not outstanding."""
    station.require("order")
    currency = currency_of(dict(station.known_meter(meter_number)))
    return [issued_token(row, currency) for row in station.forfeit(meter_number, sequences)]


def _order(station: Station, meter_number: int, kind: str, words: list[str], card: int) -> Order:
    meter = station.known_meter(meter_number)
    readers = {token.name(code): read for code, _, _, read in ORDERS}
    if kind not in readers:
        raise ValueError(f"{kind} is no kind of token; there are: {', '.join(readers)}")
    return readers[kind](words, Context(meter, station.key_history, card))
