"""The carriers of tokens, each by the meter's own code for it: a link's frames or packets, or the teller alone."""

import json

from boards.host import umqtt_place
from boards.host.chips.aes import aes
from tests.proof.campaign import BROKEN_RULES, DOUBLED, Broken
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import frames, mqtt, token
from wattpurse.core.money import supply
from wattpurse.services.bluetooth import Bluetooth
from wattpurse.services.statement_numbers import StatementNumbers
from wattpurse.services.statements import Statements

CARRIERS = (carrier.CARD, carrier.CONSOLE, carrier.MQTT, carrier.BLE, carrier.KEYPAD)

_PUBLISH_QOS_1 = 0x32
_DUPLICATE = 0x08
_OUTCOMES = {name: code for code, name in mqtt._NAMES}


def hand_over(meter, data: bytes, by: int) -> int:
    """Hand a token to the meter over a carrier, and return the teller's outcome."""
    if by == carrier.BLE:
        return _over_bluetooth(meter, data)
    if by == carrier.MQTT:
        return _over_mqtt(meter, data)
    return meter.teller.redeem(data, by)


def _over_bluetooth(meter, data):
    """Hand a token over in frames. The link answers a token that came before as redeemed."""
    if getattr(meter, "link", (None,))[0] is not meter.teller:
        meter.link = meter.teller, bluetooth_of(meter, None)
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


def bluetooth_of(meter, port):
    """Return the Bluetooth service of a small meter on `port`."""
    return Bluetooth(
        port=port,
        stores=meter.stores,
        clock=meter.clock,
        teller=meter.teller,
        statements=Statements(meter.stores, meter.timekeeper, aes, lambda: supply.ON),
        numbers=StatementNumbers(meter.settings, "bluetooth_numbers"),
        show_outcome=lambda _result: None,
    )


def _over_mqtt(meter, data):
    """Hand a token over in a PUBLISH, and again as its duplicate: its acknowledgement did not reach the broker."""
    if getattr(meter, "mqtt", (None,))[0] is not meter.teller:
        meter.mqtt = meter.teller, *_mqtt(meter)
    _, codec, inbox = meter.mqtt
    first, is_redeemed = _receipt(meter, codec, inbox, data, 0)
    if first == outcome.ACCEPTED and not is_redeemed:
        raise Broken(BROKEN_RULES, "the receipt of an accepted token does not call it redeemed")
    again = _receipt(meter, codec, inbox, data, _DUPLICATE)
    if first == outcome.ACCEPTED and again != (outcome.USED, True):
        raise Broken(DOUBLED, f"the duplicate of an accepted token was met with '{outcome.text(again[0])}'")
    # An order that is refused for good uses up its number: its duplicate is used, and not redeemed.
    if first != outcome.ACCEPTED and again not in ((first, is_redeemed), (outcome.USED, False)):
        raise Broken(BROKEN_RULES, f"'{outcome.text(first)}' became '{outcome.text(again[0])}' for the duplicate")
    return first


def _receipt(meter, codec, inbox, data, flags):
    """Return the outcome and whether the token is redeemed, as the meter's receipt tells them."""
    number = meter.settings.get("meter_number")
    packet = _publish(mqtt.topic(number, mqtt.TOKEN).encode(), data, flags)
    inbox.take(codec.message(packet), True)
    inbox.step()
    publication, message = inbox.first()
    inbox.delivered(publication)
    if message.payload != data:
        raise Broken(BROKEN_RULES, f"the receipt answers {message.payload.hex()}")
    receipt = json.loads(publication.payload)
    return _OUTCOMES[receipt["outcome"]], receipt["redeemed"]


def _publish(topic, payload, flags):
    """Return a PUBLISH of QoS 1, as a broker sends it."""
    body = len(topic).to_bytes(2, "big") + topic + b"\x00\x07" + payload
    length, head = len(body), bytearray((_PUBLISH_QOS_1 | flags,))
    while True:
        head.append(length & 0x7F | (0x80 if length > 0x7F else 0))
        length >>= 7
        if not length:
            return bytes(head) + body


def _mqtt(meter):
    """Return the codec and the inbox of a link."""
    umqtt_place.make_importable()
    from wattpurse.services.mqtt.codec import Codec
    from wattpurse.services.mqtt.inbox import Inbox

    inbox = Inbox(meter.teller, meter.stores, lambda _result: None, lambda: None)
    return Codec(b"meter", None, b"", 180), inbox
