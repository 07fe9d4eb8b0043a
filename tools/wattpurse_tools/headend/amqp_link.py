"""The link of workers to a cluster of RabbitMQ, by AMQP 0-9-1: any number of workers take from one quorum queue.

The MQTT plug-in of RabbitMQ 3 has no shared subscriptions, and puts what meters publish into the exchange `amq.topic`.
A queue that is bound there takes the place of the shared subscription. It lasts, and has copies on several nodes, so
the broker acknowledges a meter's message after most of them have it. The link is a `WorkerLink`.

A thread serves the connection. If its node dies, the link goes on with the next one of the list.
"""

import logging
import queue
import random
import ssl
import threading
from collections.abc import Callable, Sequence
from types import TracebackType

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import AMQPError
from pika.exchange_type import ExchangeType

from wattpurse_tools.headend.broker_link import CONNECT_S, SEND_S, Delivery, received
from wattpurse_tools.meter_link.broker import Access, check_ca, host_and_port, reason_of, topic_of_all

SCHEME, TLS_SCHEME = "amqp://", "amqps://"
EXCHANGE = "amq.topic"
PREFETCH = 2_000

_PLAIN_PORT, _TLS_PORT = 5672, 5671
_HEARTBEAT_S = 30
_SOCKET_S = 5
_SERVE_S = 0.2  # pika takes fractions
_CONFIRM_S = 0.2
_RETRY_S = 1.0
_DEEPEST = 6
_LASTING = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent.value)
_FAULTS = (AMQPError, OSError)
_LOG = logging.getLogger(__name__)

logging.getLogger("pika").setLevel(logging.CRITICAL)  # the link tells a fault itself, in one sentence


def routing_key(topic: str) -> str:
    """Return the key under which the MQTT plug-in publishes a topic, or binds one with wildcards."""
    return topic.replace("/", ".").replace("+", "*")


def topic_of(key: str) -> str:
    """Return the MQTT topic of a routing key."""
    return key.replace(".", "/")


class AmqpLink:
    """A worker's link to the nodes of `access`, for a `with` block. The workers of a `group` share a queue.

    `access.address` is `amqp://HOST[:PORT],HOST[:PORT]`, or `amqps://` for TLS by the authorities of the system. With
    `access.ca` it is always TLS, by that authority. Raises OSError if no node lets the worker in at the start.
    """

    def __init__(self, access: Access, group: str, names: Sequence[str]) -> None:
        self._access = access
        self._nodes = self._nodes_of(access.address)
        if access.ca is not None:
            check_ca(access.ca)
        self._queue = f"wattpurse.{group}"
        self._keys = [routing_key(topic_of_all(name)) for name in names]
        self._deliveries: queue.Queue[Delivery] = queue.Queue()
        self._number = 0
        self._refusal = ""
        self._greeted = threading.Event()
        self._is_closed = threading.Event()
        self._connection: pika.BlockingConnection | None = None
        self._channel: BlockingChannel | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> "AmqpLink":
        self._thread.start()
        if not self._greeted.wait(CONNECT_S):
            self.close()
            reason = self._refusal or "no answer"
            raise OSError(
                f"no node of {self._access.address} lets this computer in: {reason};"
                " start a node, or check --broker, --user and --password-file"
            )
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the broker. The queue stays there."""
        self._is_closed.set()
        self._thread.join(SEND_S + _SOCKET_S)

    @property
    def is_connected(self) -> bool:
        """True while a node answers."""
        return self._greeted.is_set()

    def receive(self, limit: int, wait_s: float) -> list[Delivery]:
        """Return at most `limit` messages that have come, in their order. Wait `wait_s` at most for the first one."""
        return received(self._deliveries, limit, wait_s)

    def acknowledge(self, deliveries: Sequence[Delivery]) -> None:
        """Acknowledge messages. One of an earlier connection comes again, so its number is left alone."""

        def acknowledge(channel: BlockingChannel) -> None:
            for one in deliveries:
                if one.connection == self._number:
                    channel.basic_ack(one.number)

        self._do(acknowledge)

    def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Send messages that last. Raise OSError unless the broker has all of them in time."""
        done, failures = threading.Event(), []

        def publish(channel: BlockingChannel) -> None:
            try:
                for topic, payload in messages:
                    channel.basic_publish(EXCHANGE, routing_key(topic), payload, _LASTING)
            except _FAULTS as error:
                failures.append(error)
                raise
            finally:
                done.set()

        if not self._do(publish):
            raise OSError("the broker does not answer")
        if not done.wait(SEND_S + _CONFIRM_S * len(messages)) or failures:
            raise OSError(f"the broker does not take the message: {failures[0] if failures else 'no answer'}")

    def _do(self, step: Callable[[BlockingChannel], None]) -> bool:
        """Let the thread do a step with the channel of now. Return False if there is none."""
        connection, channel = self._connection, self._channel
        if not self.is_connected or connection is None or channel is None:
            return False
        try:
            connection.add_callback_threadsafe(lambda: step(channel))
        except _FAULTS:
            return False
        return True

    def _serve(self) -> None:
        """Connect to one node after the other, and serve each connection as long as it lasts."""
        nodes, place = self._nodes, random.randrange(len(self._nodes))  # each worker begins with another one
        while not self._is_closed.is_set():
            host, port = nodes[place % len(nodes)]
            try:
                self._serve_at(host, port)
            except _FAULTS as error:
                self._refusal = _words_of(error)
                if self._connection is not None:
                    _LOG.warning("the connection to the node %s:%d is lost: %s", host, port, self._refusal)
            self._greeted.clear()
            self._connection = self._channel = None
            place += 1
            self._is_closed.wait(_RETRY_S)

    def _serve_at(self, host: str, port: int) -> None:
        connection = pika.BlockingConnection(self._parameters(host, port))
        try:
            self._number += 1
            channel = connection.channel()
            self._prepare(channel)
            self._connection, self._channel = connection, channel
            self._greeted.set()
            while not self._is_closed.is_set():
                connection.process_data_events(_SERVE_S)  # type: ignore[arg-type]
            channel.cancel()
        finally:
            self._greeted.clear()
            if connection.is_open:
                connection.close()

    def _prepare(self, channel: BlockingChannel) -> None:
        """Declare the queue with its bindings, which may be there already, and ask for its messages."""
        channel.confirm_delivery()
        channel.exchange_declare(EXCHANGE, ExchangeType.topic, passive=True)
        channel.queue_declare(self._queue, durable=True, arguments={"x-queue-type": "quorum"})
        for key in self._keys:
            channel.queue_bind(self._queue, EXCHANGE, key)
        channel.basic_qos(prefetch_count=PREFETCH)
        number = self._number
        channel.basic_consume(
            self._queue,
            lambda _channel, method, _properties, body: self._deliveries.put(
                Delivery(topic_of(method.routing_key), body, method.delivery_tag, number)
            ),
        )

    @property
    def _is_encrypted(self) -> bool:
        return self._access.ca is not None or self._access.address.startswith(TLS_SCHEME)

    def _nodes_of(self, address: str) -> list[tuple[str, int]]:
        """Return host and port of the nodes. Raise ValueError for an address that is none."""
        usual = _TLS_PORT if self._is_encrypted else _PLAIN_PORT
        words = address.removeprefix(SCHEME).removeprefix(TLS_SCHEME).split(",")
        return [host_and_port(one.strip(), usual) for one in words]

    def _parameters(self, host: str, port: int) -> pika.ConnectionParameters:
        user, password = self._access.user, self._access.password
        ca = self._access.ca
        options = None
        if self._is_encrypted:
            options = pika.SSLOptions(ssl.create_default_context(cafile=None if ca is None else str(ca)), host)
        return pika.ConnectionParameters(
            host,
            port,
            credentials=pika.PlainCredentials(user or "guest", password or "guest"),
            heartbeat=_HEARTBEAT_S,
            socket_timeout=_SOCKET_S,
            stack_timeout=_SOCKET_S * 2,
            blocked_connection_timeout=SEND_S,
            ssl_options=options,
        )


def _words_of(error: Exception) -> str:
    """Return the reason of a connection that failed. pika wraps the fault of a socket in faults of its own."""
    cause: Exception | None = error
    told = ""
    for _ in range(_DEEPEST):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"the certificate is not right for this address and authority: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return f"no TLS: {cause.reason or cause}"
        told = reason_of(cause) or told
        within = (getattr(cause, "exception", None), *cause.args)
        cause = next((one for one in within if isinstance(one, Exception)), None)
        if cause is None:
            break
    return told or type(error).__name__
