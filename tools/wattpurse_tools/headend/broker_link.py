"""The link of a head-end process to an MQTT broker: messages wait until they are acknowledged, one by one.

The session at the broker has the process's name and lasts: messages that were not acknowledged come again, to the next
process of that name. Settings of the broker that this needs are in docs/headend-ingest.md.

A link holds at most HELD messages. Then it leaves the rest at the broker, by not reading on: mosquitto 2.0.11 keeps no
limit of messages in flight if a client acknowledges some while others come, and the messages of an outage of the
database would fill the memory. A broker ends the connection of a client that reads nothing for longer than
1.5 * KEEP_ALIVE_S. The messages come again with the next one. Messages to meters go by a connection of their own,
because an answer of the broker would wait behind the messages that are not read.
"""

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from wattpurse_tools.meter_link.broker import Access

CONNECT_S = 15
SEND_S = 10
RECONNECT_S = (1, 10)
KEEP_ALIVE_S = 30
HELD = 2_000
SENDER = "-sender"

_LOOK_S = 0.5


@dataclass(frozen=True)
class Delivery:
    """A message, with its number in the session and the number of the connection that it came by."""

    topic: str
    payload: bytes
    number: int
    connection: int


class WorkerLink(Protocol):
    """The link of a worker to a broker. A message that was not acknowledged comes again, to it or to another worker."""

    def __enter__(self) -> "WorkerLink": ...

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None: ...

    def receive(self, limit: int, wait_s: float) -> list[Delivery]:
        """Return at most `limit` messages that have come, in their order. Wait `wait_s` at most for the first one."""
        ...

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge messages. One of an earlier connection comes again, so its number is left alone."""
        ...

    def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Send messages. Raise OSError unless the broker has all of them in time."""
        ...


def received(deliveries: "queue.Queue[Delivery]", limit: int, wait_s: float) -> list[Delivery]:
    """Return at most `limit` messages of a queue, in their order. Wait `wait_s` at most for the first one."""
    found = []
    try:
        found.append(deliveries.get(timeout=wait_s))
        while len(found) < limit:
            found.append(deliveries.get_nowait())
    except queue.Empty:
        pass
    return found


class BrokerLink:
    """A client with a lasting session, for a `with` block. `topics` are subscribed at each connection, at QoS 1.

    A link with topics publishes by a second connection, whose name ends with SENDER.
    A connection that ends is made again, and messages that were not acknowledged come again. Raises OSError if the
    broker does not let the client in at the start.
    """

    def __init__(self, access: Access, name: str, topics: Sequence[str]) -> None:
        self._access = access
        self._topics = topics
        self._deliveries: queue.Queue[Delivery] = queue.Queue(HELD)
        self._is_closed = False
        self._sender = BrokerLink(access, f"{name}{SENDER}", ()) if topics else None
        self._connection = 0
        self._refusal = ""
        self._greeted = threading.Event()
        self._client = client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=name, clean_session=False, manual_ack=True
        )
        access.identify(client)
        client.max_inflight_messages_set(0)
        client.reconnect_delay_set(*RECONNECT_S)
        client.on_connect = lambda _client, _data, _flags, reason, _properties: self._on_connect(reason)
        client.on_subscribe = lambda _client, _data, _number, reasons, _properties: self._on_subscribe(reasons)
        client.on_disconnect = lambda *_: self._greeted.clear()
        client.on_message = lambda _client, _data, one: self._on_message(one)

    def __enter__(self) -> "BrokerLink":
        self._is_closed = False
        self._access.connect(self._client, KEEP_ALIVE_S)
        self._client.loop_start()
        if not self._greeted.wait(CONNECT_S):
            self.close()
            reason = self._refusal or "no answer"
            raise OSError(
                f"the broker {self._access.address} does not let this computer in: {reason};"
                " check --user, --password-file and --ca"
            )
        if self._sender is not None:
            self._enter_sender(self._sender)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the broker. The session stays there."""
        self._is_closed = True
        if self._sender is not None:
            self._sender.close()
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def is_connected(self) -> bool:
        """True while the broker answers."""
        return self._greeted.is_set()

    def receive(self, limit: int, wait_s: float) -> list[Delivery]:
        """Return at most `limit` messages that have come, in their order. Wait `wait_s` at most for the first one."""
        return received(self._deliveries, limit, wait_s)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge messages in their order. One of an earlier connection comes again, so its number is left alone.

        After a broker has lost its sessions, the number is that of another message.
        """
        for one in deliveries:
            if one.connection == self._connection:
                self._client.ack(one.number, 1)

    def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Send messages at QoS 1. Raise OSError unless the broker has all of them in time."""
        if self._sender is not None:
            self._sender.publish(messages)
            return
        if not self.is_connected:
            raise OSError("the broker does not answer")
        sent = [self._client.publish(topic, payload, 1) for topic, payload in messages]
        until = time.monotonic() + SEND_S
        for one in sent:
            one.wait_for_publish(max(0.001, until - time.monotonic()))
            if not one.is_published():
                raise OSError("the broker does not take the message")

    def _enter_sender(self, sender: "BrokerLink") -> None:
        try:
            sender.__enter__()
        except OSError:
            self.close()
            raise

    def _on_connect(self, reason: ReasonCode) -> None:
        if reason.is_failure:
            self._refusal = str(reason)
            return
        self._connection += 1
        if not self._topics:
            self._greeted.set()
            return
        self._client.subscribe([(topic, 1) for topic in self._topics])

    def _on_subscribe(self, reasons: Sequence[ReasonCode]) -> None:
        """Begin the work when the broker has noted the topics: later messages are kept for this session."""
        failures = [str(reason) for reason in reasons if reason.is_failure]
        if failures:
            self._refusal = f"the topics are refused: {failures[0]}"
        else:
            self._greeted.set()

    def _on_message(self, one: paho.MQTTMessage) -> None:
        """Hold a message. Wait for room: this is the thread that reads, so the rest stays at the broker meanwhile."""
        delivery = Delivery(one.topic, one.payload, one.mid, self._connection)
        while not self._is_closed:
            try:
                self._deliveries.put(delivery, timeout=_LOOK_S)
                return
            except queue.Full:
                continue
