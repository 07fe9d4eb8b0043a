"""Fobs: the tokens that a phone or laptop takes to meters by Bluetooth, and the statements that it brings back."""

from wattpurse.core import carrier
from wattpurse.core.messages import frames
from wattpurse_tools.station import station as stations
from wattpurse_tools.station.actions.tokens import IssuedToken, issued_token
from wattpurse_tools.station.actions.walks import MeterStatement
from wattpurse_tools.station.card_report import amount_text
from wattpurse_tools.station.currencies import currency_of_meter
from wattpurse_tools.station.shop import Shop


def tokens_for(shop: Shop, meters: list[int] | None = None) -> list[IssuedToken]:
    """Return the tokens of meters that are on no card and not known to be redeemed.

    Without `meters`, take all meters of the station. They may go on a data card too: each counts once.
    """
    rows = []
    for number in meters or [row["number"] for row in shop.station.meters()]:
        shop.station.known_meter(number)
        rows += [row for row in shop.station.outstanding_of_meter(number) if row["card"] == stations.NO_CARD.hex()]
    return [issued_token(row, currency_of_meter(shop.station, row["meter"])) for row in rows]


def record(shop: Shop, meter_number: int, content: bytes) -> MeterStatement:
    """Record a statement that a meter gave by Bluetooth: its number, and the sealed statement."""
    shop.station.known_meter(meter_number)
    number, sealed = frames.split_number(content)
    statement = shop.cards.open_statement(meter_number, carrier.statement_identity(carrier.BLE, number), sealed)
    if statement is None or statement["meter_number"] != meter_number:
        return MeterStatement(meter_number, None, "")
    shop.station.learn(statement)
    balance = amount_text(statement["unit"], statement["balance"], currency_of_meter(shop.station, meter_number))
    return MeterStatement(meter_number, statement, balance)
