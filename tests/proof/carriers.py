"""The carriers of tokens, each by the code that a meter uses for it: a link's frames, or the teller alone."""

from boards.host.chips.aes import aes
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import frames, token
from wattpurse.core.money import supply
from wattpurse.services.bluetooth import Bluetooth
from wattpurse.services.statement_numbers import StatementNumbers
from wattpurse.services.statements import Statements

CARRIERS = (carrier.CARD, carrier.CONSOLE, carrier.MQTT, carrier.BLE, carrier.KEYPAD)


def hand_over(meter, data: bytes, by: int) -> int:
    """Hand a token to the meter over a carrier, and return the teller's outcome."""
    if by == carrier.BLE:
        return _over_bluetooth(meter, data)
    return meter.teller.redeem(data, by)


def _over_bluetooth(meter, data):
    """Hand a token over in frames. The link answers a token that came before as redeemed."""
    if getattr(meter, "link", (None,))[0] is not meter.teller:
        meter.link = meter.teller, _bluetooth(meter)
    header = token.read_header(data)
    was_used = header is not None and meter.ledger.account.token_is_used(header[1])
    kind, payload = _answer(meter.link[1], frames.BEGIN, 0, frames.begin(frames.TOKEN, data))
    for at in range(0, len(data), frames.PAYLOAD_LIMIT):
        if kind == frames.HAVE:
            kind, payload = _answer(meter.link[1], frames.PART, at, data[at : at + frames.PAYLOAD_LIMIT])
    if kind == frames.REFUSED:
        return outcome.UNREADABLE
    result = frames.read_result(payload)[1]
    return outcome.USED if was_used and result in (outcome.ACCEPTED, outcome.NO_NEWS) else result


def _answer(service, kind, offset, payload):
    reader = frames.FrameReader()
    reader.feed(service.answer(frames.Frame(kind, 0, offset, payload)))
    answer = reader.take()
    return answer.kind, answer.payload


def _bluetooth(meter):
    return Bluetooth(
        port=None,
        stores=meter.stores,
        clock=meter.clock,
        teller=meter.teller,
        statements=Statements(meter.stores, meter.timekeeper, aes, lambda: supply.ON),
        numbers=StatementNumbers(meter.settings, "bluetooth_numbers"),
        show_outcome=lambda _result: None,
    )
