"""Receipts: show the credit that a card's meter gave back, pay it out, or sell it to another meter. Each once."""

from dataclasses import dataclass
from typing import TypedDict

from wattpurse.core.currency import Currency
from wattpurse.core.money.key_card import card_number
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


@dataclass(frozen=True)
class Transfer:
    """The new tokens of another meter for the credit that a meter gave back."""

    from_meter: int
    to_meter: int
    tokens: list[IssuedToken]


def settlement(shop: Shop, card: str) -> Settlement:
    """Return the receipts of a customer's card. Raise ValueError for a card of another role."""
    return _settlement(shop, shop.cards.read(card))


def settle(shop: Shop, card: str, despite_doubt: bool = False, approval: str | None = None) -> Settlement:
    """Mark all receipts of a customer's card as paid out. Raise ValueError if none is owed.

    Receipts in doubt are left out, unless somebody has looked into them: `despite_doubt`, which two persons approve.
    """
    shop.station.require("sell")
    read = shop.cards.read(card)
    owed = shop.station.receipts.owed(
        read.customer_meter, card_number(read.card.uid), read.tenant, with_doubts=despite_doubt
    )
    if not owed:
        raise ValueError(f"meter {read.meter_number} owes no credit that is not settled already")
    shop.station.pay_out(owed, approval)
    return _settlement(shop, read)


def transfer(
    shop: Shop, card: str, to_meter: int, despite_doubt: bool = False, approval: str | None = None
) -> Transfer:
    """Sell the credit that the card's meter gave back to another meter. The card is that meter's from then on."""
    read = shop.cards.read(card)
    from_meter = read.meter_number
    rows = shop.vending.transfer(read, to_meter, despite_doubt, approval)
    currency = currency_of_meter(shop.station, to_meter)
    return Transfer(from_meter or 0, to_meter, [issued_token(row, currency) for row in rows])


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
