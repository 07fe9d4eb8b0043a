"""A connection of the computer to an MQTT broker, for tokens to meters and for their statements."""

import queue
import re
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
KEEP_ALIVE_S = 60
SEND_S = 15

_ADDRESS = re.compile(r"([^\s:/]+)(?::([0-9]{1,5}))?")
_PORTS = range(1, 65_536)


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
        return self._place[0]

    @property
    def port(self) -> int:
        """The port of the broker."""
        return self._place[1]

    def identify(self, client: paho.Client) -> None:
        """Give a client the user and the authority, before it connects."""
        if self.user:
            client.username_pw_set(self.user, self.password)
        if self.ca is not None:
            check_ca(self.ca)
            client.tls_set(ca_certs=str(self.ca))

    def connect(self, client: paho.Client, keep_alive_s: int = KEEP_ALIVE_S) -> None:
        """Connect a client. Raise ValueError for an address that is none, and OSError if nobody answers there."""
        host, port = self._place
        try:
            client.connect(host, port, keep_alive_s)
        except (OSError, ValueError) as error:
            raise OSError(
                f"the broker {self.address} cannot be reached ({reason_of(error)});"
                " start it, or name another one with --broker"
            ) from None

    @property
    def _place(self) -> tuple[str, int]:
        return host_and_port(self.address, TLS_PORT if self.ca else PLAIN_PORT)


def host_and_port(address: str, usual: int) -> tuple[str, int]:
    """Return host and port of HOST or HOST:PORT. Raise ValueError, with the remedy, for any other text."""
    found = _ADDRESS.fullmatch(address)
    if found is None or (found[2] is not None and int(found[2]) not in _PORTS):
        raise ValueError(f"the broker {address!r} is no HOST[:PORT]; write one such as 127.0.0.1:{PLAIN_PORT}")
    return found[1], int(found[2] or usual)


def reason_of(error: Exception) -> str:
    """Return the words of a fault of a connection, without its number."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(words.split())


def check_ca(file: Path) -> None:
    """Raise ValueError unless a file of an authority is there."""
    if not file.is_file():
        raise ValueError(f"{file}: there is no such file; name the certificate of the authority with --ca")


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
        access.connect(client)
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
