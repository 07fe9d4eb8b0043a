"""The link of a meter of the fleet to a broker: the firmware's inbox and publisher over the MQTT client paho.

The order of things is that of `wattpurse.services.mqtt.link`: a receipt goes before statements, one publication is on
its way at a time, and a token is acknowledged to the broker after its receipt has arrived there. Sockets never block.
"""

import contextlib
import socket
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from boards.host.chips.aes import aes
from wattpurse.core import carrier
from wattpurse.core.messages import mqtt, statement
from wattpurse.services.mqtt.publisher import Publication
from wattpurse_tools.fleet.chips import PowerCut
from wattpurse_tools.fleet.meter import FleetMeter

KEEPALIVE_S = 120

_MESSAGES_A_STEP = 8


class Message:
    """A message for the inbox: topic and payload, and the number under which it is acknowledged."""

    def __init__(self, message: paho.MQTTMessage) -> None:
        self.topic = message.topic.encode()
        self.payload = bytes(message.payload)
        self.number = message.mid
        self.receipt = b""


class FleetLink:
    """The connection of `meter` to the broker at `(host, port)`. `login` is `(user, password)`, or None."""

    def __init__(self, meter: FleetMeter, address: tuple[str, int], login: tuple[str, str] | None = None) -> None:
        self.meter = meter
        self.is_connected = False
        self.has_reach = True
        self._newest = b""
        self._told = b"", 0
        self._address = address
        self._login = login
        self._client: paho.Client | None = None
        self._in_flight: dict[int, Publication | None] = {}
        self._receipt: tuple[Publication, Message] | None = None
        self._has_messages = False

    @property
    def socket(self) -> socket.socket | None:
        """The socket of the connection, or None."""
        client = self._client
        found: Any = None if client is None else client.socket()
        return found

    @property
    def told_s(self) -> int:
        """The meter's time of the newest statement that the broker has acknowledged, or 0."""
        if not self._newest:
            return 0
        if self._told[0] != self._newest:
            number, sealed = mqtt.unwrap_statement(self._newest)
            pair = self.meter.statements.keys(carrier.statement_identity(carrier.MQTT, number))
            self._told = self._newest, statement.open_statement(aes, pair, sealed)["time_s"]
        return self._told[1]

    @property
    def is_usable(self) -> bool:
        """True if the meter has power and reaches the network."""
        return self.has_reach and self.meter.is_powered

    @property
    def is_idle(self) -> bool:
        """True if nothing waits for the broker and no message waits for the meter."""
        waiting = self.meter.publisher.waiting or self.meter.inbox.first()[0]
        return self.is_connected and not (self._in_flight or waiting or self._has_messages)

    def connect(self) -> None:
        """Open a connection in place of the last one. Raise OSError if the broker is not there."""
        self.drop()
        number = self.meter.number
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=f"wattpurse-{number}", clean_session=False, manual_ack=True
        )
        if self._login is not None:
            client.username_pw_set(*self._login)
        client.will_set(mqtt.topic(number, mqtt.LINK), mqtt.OFFLINE, 1, True)
        client.on_connect = self._greeted
        client.on_message = lambda _client, _data, message: self.meter.inbox.take(Message(message), True)  # type: ignore[arg-type]
        client.on_publish = lambda _client, _data, number, _reason, _properties: self._delivered(number)
        client.on_disconnect = lambda *_: self._lost()
        client.connect(*self._address, KEEPALIVE_S)
        self._client = client

    def drop(self) -> None:
        """Lose the connection without a word to the broker, as a power cut does."""
        client, self._client = self._client, None
        if client is None:
            return
        found: Any = client.socket()
        if found is not None:
            client.on_disconnect = None
            with contextlib.suppress(OSError):
                found.shutdown(socket.SHUT_RDWR)
            client.loop_read()
        self._lost()

    def read(self) -> None:
        """Take the bytes that have arrived, and do the work that they bring."""
        if self._client is not None:
            self._client.loop_read()
            self.work()

    def keep_alive(self) -> None:
        """Send a ping if it is time. Call every few seconds."""
        if self._client is not None:
            self._client.loop_misc()

    def work(self) -> None:
        """Do the work of the messages that arrived, and send what is next."""
        if not (self.is_connected and self.meter.is_powered):
            return
        try:
            self._work()
        except PowerCut:
            self.meter.cut_power()
            self.drop()
            return
        client = self._client
        if client is not None and client.want_write():
            client.loop_write()

    def _work(self) -> None:
        meter, accepted = self.meter, self.meter.inbox.accepted
        for _ in range(_MESSAGES_A_STEP):
            done, pause_ms = meter.inbox.step()
            self._has_messages = done is not None or pause_ms > 0
            if done is not None:
                self._acknowledge(done)  # type: ignore[arg-type]
            elif not pause_ms:
                break
        if accepted != meter.inbox.accepted:
            meter.publisher.token_taken()
            meter.act()
        if not self._in_flight:
            self._send_next()

    def _send_next(self) -> None:
        receipt, message = self.meter.inbox.first()
        if receipt is not None:
            self._receipt = receipt, message
            self._publish(receipt)
            return
        self.meter.publisher.step()
        publication = self.meter.publisher.first()
        if publication is not None:
            self._publish(publication)

    def _publish(self, publication: Publication) -> None:
        client = self._client
        if client is not None:
            topic = mqtt.topic(self.meter.number, publication.name)
            sent = client.publish(topic, publication.payload, 1, publication.retain)
            self._in_flight[sent.mid] = publication

    def _delivered(self, number: int) -> None:
        publication = self._in_flight.pop(number, None)
        if publication is None:
            return
        if self._receipt is not None and publication is self._receipt[0]:
            self.meter.inbox.delivered(publication)
            self._acknowledge(self._receipt[1])
            self._receipt = None
        else:
            self.meter.publisher.delivered(publication)
            if publication.name == mqtt.STATEMENT:
                self._newest = publication.payload

    def _acknowledge(self, message: Message) -> None:
        if self._client is not None:
            self._client.ack(message.number, 1)

    def _greeted(self, client: paho.Client, _data: object, flags: Any, reason: Any, _properties: object) -> None:  # noqa: ANN401
        if reason.is_failure:
            return
        number = self.meter.number
        if not flags.session_present:
            client.subscribe([(mqtt.topic(number, mqtt.TOKEN), 1), (mqtt.topic(number, mqtt.IDENTIFY), 1)])
        self.is_connected = True
        self.meter.inbox.begin()
        self.meter.publisher.connected()
        sent = client.publish(mqtt.topic(number, mqtt.LINK), mqtt.ONLINE, 1, True)
        self._in_flight[sent.mid] = None

    def _lost(self) -> None:
        self.is_connected = False
        self._in_flight = {}
        self._receipt = None
