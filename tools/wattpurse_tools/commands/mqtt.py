"""`wattpurse mqtt`: send tokens to meters at a broker, and record the statements that they publish there."""

import json
import time
from argparse import ArgumentParser, Namespace, _SubParsersAction

from wattpurse.core.messages import mqtt
from wattpurse_tools.commands.broker_options import access_of, add_broker_options
from wattpurse_tools.commands.station_options import add_card_folder_options, open_shop_of
from wattpurse_tools.meter_link.broker import Broker, topic_of_all
from wattpurse_tools.station.actions import links
from wattpurse_tools.station.shop import Shop
from wattpurse_tools.utc_texts import time_text

SEND_S = 30
LISTEN_S = 10
CLOCK_TOLERANCE_S = 120


def add_parser(subparsers: _SubParsersAction) -> None:
    """Add `mqtt send` and `mqtt listen`."""
    parser = subparsers.add_parser("mqtt", help="meters at an MQTT broker: send tokens, record statements")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    send = actions.add_parser("send", help="send a meter the tokens that were made with `token --hex`")
    send.add_argument("meter", type=int, metavar="METER", help="the number of the meter")
    _add_broker_options(send, SEND_S, "wait so long for the meter's answer")
    send.set_defaults(run=run_send)

    listen = actions.add_parser("listen", help="record the statements of all meters, the last ones at once")
    _add_broker_options(listen, LISTEN_S, "listen for so long")
    listen.set_defaults(run=run_listen)


def run_send(arguments: Namespace) -> int:
    """Send the tokens of one meter, and print the outcome of each."""
    meter = arguments.meter
    with open_shop_of(arguments) as shop, Broker(access_of(arguments)) as broker:
        sealed = links.tokens_to_send(shop, meter)
        if not sealed:
            print(f"meter {meter}: no tokens to send; make one with: wattpurse token {meter} KIND --hex")
            return 0
        broker.subscribe(mqtt.topic(meter, mqtt.RECEIPT))
        broker.subscribe(mqtt.topic(meter, mqtt.STATEMENT))
        for data in sealed:
            broker.publish(mqtt.topic(meter, mqtt.TOKEN), data)
        answers = 0
        for topic, payload in broker.messages(arguments.seconds):
            answers += topic.endswith("/" + mqtt.RECEIPT)
            _take(shop, topic, payload)
            if answers == len(sealed):
                return 0
    print(
        f"meter {meter}: {len(sealed) - answers} tokens are not answered; they wait at the broker if the meter was ever"
        " connected there. To send them again does no harm."
    )
    return 0


def run_listen(arguments: Namespace) -> int:
    """Record and print statements, and print the other messages of the meters."""
    count = 0
    with open_shop_of(arguments) as shop, Broker(access_of(arguments)) as broker:
        for name in (mqtt.STATEMENT, mqtt.RECEIPT, mqtt.ALARMS, mqtt.LINK):
            broker.subscribe(topic_of_all(name))
        for topic, payload in broker.messages(arguments.seconds):
            count += _take(shop, topic, payload)
    if not count:
        print("no meter has published anything")
    return 0


def _add_broker_options(parser: ArgumentParser, seconds: int, text: str) -> None:
    add_broker_options(parser)
    parser.add_argument("--seconds", type=float, default=seconds, metavar="S", help=f"{text}; default: %(default)s")
    add_card_folder_options(parser)


def _take(shop: Shop, topic: str, payload: bytes) -> bool:
    """Record or print one message. Return False if it is not of a meter."""
    parsed = mqtt.parse_topic(topic)
    if parsed is None:
        return False
    meter, name = parsed
    if name == mqtt.STATEMENT:
        print(_statement_line(shop, meter, payload))
    elif name == mqtt.RECEIPT:
        print(f"meter {meter}  {_receipt_text(payload)}")
    else:
        print(f"meter {meter}  {name} {payload.decode(errors='replace')}")
    return True


def _statement_line(shop: Shop, meter: int, payload: bytes) -> str:
    taken = links.take_statement(shop, meter, payload)
    statement = taken.statement
    if statement is None:
        return f"meter {meter}  a statement that cannot be opened: changed, or of a meter not known here"
    alarms = ", ".join(statement["alarms"]) or "none"
    line = f"meter {meter}  {time_text(statement['time_s'])}  balance {taken.balance_text}  alarms {alarms}"
    if statement["time_s"] > time.time() + CLOCK_TOLERANCE_S:
        line += f"\nmeter {meter}  its clock is ahead of this computer's; set it with: wattpurse token {meter} clock"
    return line


def _receipt_text(payload: bytes) -> str:
    """Return the outcome of a token, from bytes that anybody at the broker may have written."""
    try:
        fields = json.loads(payload)
        return f"token {fields['token']}: {fields['outcome']}" + (", redeemed" if fields["redeemed"] else "")
    except (ValueError, KeyError, TypeError):
        return "an answer that cannot be read"
