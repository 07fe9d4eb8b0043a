"""Meters at a broker: the tokens to send to them, and the statements that they publish."""

from wattpurse.core.messages import mqtt
from wattpurse_tools.station.actions.walks import MeterStatement
from wattpurse_tools.station.card_report import amount_text
from wattpurse_tools.station.currencies import currency_of_meter
from wattpurse_tools.station.shop import Shop
from wattpurse_tools.station.station import NO_CARD


def tokens_to_send(shop: Shop, meter: int) -> list[bytes]:
    """Return the sealed tokens of a meter that are on no card, and that no statement has reported as redeemed."""
    shop.station.known_meter(meter)
    rows = shop.station.outstanding_of_meter(meter)
    return [row["sealed"] for row in rows if row["card"] == NO_CARD.hex()]


def take_statement(shop: Shop, meter: int, payload: bytes) -> MeterStatement:
    """Record the statement that meter `meter` has published. A statement that cannot be opened records nothing."""
    statement = _opened(shop, meter, payload)
    if statement is None:
        return MeterStatement(meter, None, "")
    shop.station.learn(statement)
    currency = currency_of_meter(shop.station, meter)
    return MeterStatement(meter, statement, amount_text(statement["unit"], statement["balance"], currency))


def _opened(shop: Shop, meter: int, payload: bytes) -> dict | None:
    if shop.station.meter(meter) is None:
        return None
    try:
        number, sealed = mqtt.unwrap_statement(payload)
    except ValueError:
        return None
    statement = shop.cards.open_statement(meter, mqtt.identity(number), sealed)
    return None if statement is None or statement["meter_number"] != meter else statement
