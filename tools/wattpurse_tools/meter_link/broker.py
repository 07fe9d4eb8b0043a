"""A connection of the computer to an MQTT broker, for tokens to meters and for their statements."""

import queue
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from wattpurse.core.messages import mqtt

PLAIN_PORT = 1883
TLS_PORT = 8883
CONNECT_S = 15
SEND_S = 15


@dataclass(frozen=True)
class Access:
    """The access to a broker at `address` (HOST or HOST:PORT).

    `ca` is the file with the certificate of the authority, in PEM: with it, the connection is encrypted.
    """

    address: str
    user: str | None = None
    password: str | None = None
    ca: Path | None = None

    @property
    def host(self) -> str:
        """The host of the broker."""
        return self.address.partition(":")[0]

    @property
    def port(self) -> int:
        """The port of the broker."""
        port = self.address.partition(":")[2]
        return int(port) if port else TLS_PORT if self.ca else PLAIN_PORT

    def identify(self, client: paho.Client) -> None:
        """Give a client the user and the authority, before it connects."""
        if self.user:
            client.username_pw_set(self.user, self.password)
        if self.ca is not None:
            client.tls_set(ca_certs=str(self.ca))


def topic_of_all(name: str) -> str:
    """Return the topic `name` of all meters, to subscribe to."""
    return mqtt.topic(0, name).replace("/0/", "/+/")


class Broker:
    """A client at a broker, for a `with` block. Messages wait until they are read.

    Raises OSError with the reason if the broker does not let the client in.
    """

    def __init__(self, access: Access) -> None:
        self._messages: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self._greetings: queue.Queue[str] = queue.Queue()
        self._client = client = paho.Client(CallbackAPIVersion.VERSION2)
        access.identify(client)
        self._topics: list[str] = []
        client.on_connect = lambda _client, _data, _flags, reason, _properties: self._greeted(reason)
        client.on_message = lambda _client, _data, message: self._messages.put((message.topic, message.payload))
        client.connect(access.host, access.port)
        client.loop_start()
        self._await_greeting(access.address)

    def __enter__(self) -> "Broker":
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the broker."""
        self._client.disconnect()
        self._client.loop_stop()

    def subscribe(self, topic: str) -> None:
        """Ask for the messages of a topic, which may have wildcards."""
        self._topics.append(topic)
        self._client.subscribe(topic, 1)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send a message, at least once. Raises OSError if the broker does not take it in time."""
        sent = self._client.publish(topic, payload, 1)
        sent.wait_for_publish(SEND_S)
        if not sent.is_published():
            raise OSError("the broker does not take the message")

    def messages(self, seconds: float) -> Iterator[tuple[str, bytes]]:
        """Yield `(topic, payload)` of every message within `seconds`."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0:
            try:
                yield self._messages.get(timeout=left_s)
            except queue.Empty:
                return

    def _greeted(self, reason: ReasonCode) -> None:
        """Take the answer of the broker. After a break, ask for the topics anew."""
        self._greetings.put(str(reason) if reason.is_failure else "")
        for topic in self._topics:
            self._client.subscribe(topic, 1)

    def _await_greeting(self, address: str) -> None:
        try:
            refusal = self._greetings.get(timeout=CONNECT_S)
        except queue.Empty:
            refusal = "no answer"
        if refusal:
            self.close()
            raise OSError(f"the broker {address} does not let this computer in: {refusal}")
