"""Receipts: show the credit that a card's meter gave back."""

from dataclasses import dataclass
from typing import TypedDict

from wattpurse.core.currency import Currency
from wattpurse_tools.station.actions.tokens import IssuedToken, issued_token
from wattpurse_tools.station.card_report import amount_text
from wattpurse_tools.station.cards import CardRead
from wattpurse_tools.station.currencies import currency_of_meter
from wattpurse_tools.station.order import ENERGY, MONEY, duration_text
from wattpurse_tools.station.rows import Row
from wattpurse_tools.station.shop import Shop


class Receipt(TypedDict):
    """The credit that one token took out of a meter: micro-units, mWh, seconds of a term, debt in micro-units.

    `words` is the content of the token, `text` the credit for people, and `settled` is empty until it is settled.
    `doubt` says why the receipt is not believed, or is empty.
    """

    sequence: int
    money: int
    energy: int
    term_s: int
    debt: int
    words: str
    text: str
    settled: str
    doubt: str


@dataclass(frozen=True)
class Settlement:
    """The receipts of a meter, and the tokens whose receipt has not been read."""

    meter: int
    receipts: list[Receipt]
    awaited: list[IssuedToken]


def settlement(shop: Shop, card: str) -> Settlement:
    """Return the receipts of a customer's card. Raise ValueError for a card of another role."""
    return _settlement(shop, shop.cards.read(card))


def _settlement(shop: Shop, read: CardRead) -> Settlement:
    meter = read.customer_meter
    currency = currency_of_meter(shop.station, meter)
    receipts = [_receipt(shop, row, currency) for row in shop.station.receipts.of_meter(meter)]
    awaited = [issued_token(row, currency) for row in shop.station.receipts.awaited(meter)]
    return Settlement(meter, receipts, awaited)


def _receipt(shop: Shop, row: Row, currency: Currency) -> Receipt:
    token = shop.station.token(row["meter"], row["sequence"])
    return {
        "sequence": row["sequence"],
        "money": row["money"],
        "energy": row["energy"],
        "term_s": row["term_s"],
        "debt": row["debt"],
        "words": "" if token is None else token["words"],
        "text": _receipt_text(row, currency),
        "settled": row["settled"],
        "doubt": row["doubt"],
    }


def _receipt_text(row: Row, currency: Currency) -> str:
    parts = [amount_text(unit, row[unit], currency) for unit in (MONEY, ENERGY) if row[unit]]
    if row["term_s"]:
        parts.append(duration_text(row["term_s"]))
    if row["debt"]:
        parts.append(f"debt of {amount_text(MONEY, row['debt'], currency)}")
    return " and ".join(parts) or "nothing"
