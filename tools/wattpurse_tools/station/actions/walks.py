"""Data cards: make one, load it with tokens for meters without a network, and read the statements that it brings."""

from dataclasses import dataclass

from wattpurse.cards import data_card
from wattpurse_tools.station.actions.tokens import IssuedToken, issued_token
from wattpurse_tools.station.card_report import amount_text
from wattpurse_tools.station.currencies import currency_of_meter
from wattpurse_tools.station.shop import Shop

SLOT_SIZES = {"short": data_card.SHORT_SLOT, "full": data_card.FULL_SLOT}


@dataclass(frozen=True)
class MeterStatement:
    """The statement of one meter, or None if it cannot be opened, and its balance as text."""

    meter: int
    statement: dict | None
    balance_text: str


def new(shop: Shop, name: str, kind: str, statements: str) -> int:
    """Make a data card for `short` or `full` statements. Return the number of meters that it has slots for."""
    shop.station.require("cards")
    slot_size = SLOT_SIZES[statements]
    shop.walk.new_card(name, kind, slot_size)
    return len(data_card.slots_of(kind, slot_size))


def load(shop: Shop, name: str, meters: list[int] | None = None) -> list[IssuedToken]:
    """Load a data card with the tokens of meters that are on no card. Return the tokens.

    Without `meters`, take all meters of the station.
    """
    numbers = meters or [row["number"] for row in shop.station.meters()]
    for number in numbers:
        shop.station.known_meter(number)
    rows = shop.walk.load(name, numbers)
    return [issued_token(row, currency_of_meter(shop.station, row["meter"])) for row in rows]


def read(shop: Shop, name: str) -> list[MeterStatement]:
    """Record the statements on a data card, blank its slots, and return the statements."""
    found = []
    for one in shop.walk.read(name):
        balance = ""
        if one.statement is not None:
            currency = currency_of_meter(shop.station, one.meter_number)
            balance = amount_text(one.statement["unit"], one.statement["balance"], currency)
        found.append(MeterStatement(one.meter_number, one.statement, balance))
    return found
