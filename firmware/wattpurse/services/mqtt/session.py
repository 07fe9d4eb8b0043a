"""A session with the broker, over one connection: greeting, messages in both directions, and signs of life.

The broker keeps the session between connections: messages for the meter wait there. One publication at a time is on its
way; it is delivered when the broker has acknowledged it. A message that arrived is acknowledged when its work is done. Until
then the broker sends it again at each connection.
"""

from wattpurse.services.mqtt import codec as codec_module
from wattpurse.services.mqtt.codec import BadPacket

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.hal import Clock
    from wattpurse.services.mqtt.codec import Codec, Message
    from wattpurse.services.mqtt.wire import Wire

KEEPALIVE_S = 180
PING_MS = 120_000
ANSWER_MS = 15_000

_REFUSALS = (
    "",
    "the broker does not speak MQTT 3.1.1",
    "the broker refuses the client identifier",
    "the broker is not available",
    "user or password is wrong",
    "the broker does not admit this user",
)


class Refused(OSError):
    """The broker answered, and refused."""


class Session:
    """One connection over `wire`. `take(message, is_whole)` gets each message that arrives."""

    def __init__(self, wire: "Wire", codec: "Codec", clock: "Clock", take: "Callable[[Message, bool], None]") -> None:
        self._wire = wire
        self._codec = codec
        self._clock = clock
        self._take = take
        self._delivered: Callable[[], None] | None = None
        self._awaited: tuple | None = None  # kind, identifier
        self._asked_ms = self._heard_ms = clock.ticks_ms()
        self._is_pinging = False

    async def open(self) -> bool:
        """Return True if the broker has kept the session. Raise OSError with the reason if it refuses the meter."""
        await self._wire.connect()
        await self._wire.send(self._codec.connect())
        packet = await self._answer(codec_module.CONNACK)
        code = packet[3]
        if code:
            raise Refused(_REFUSALS[code] if code < len(_REFUSALS) else f"the broker refuses with code {code}")
        self._heard_ms = self._clock.ticks_ms()
        return bool(packet[2] & 1)

    async def subscribe(self, topic: bytes) -> None:
        """Ask for the messages of a topic. Raise Refused if the broker does not grant them."""
        identifier, packet = self._codec.subscribe(topic)
        await self._wire.send(packet)
        answer = await self._answer(codec_module.SUBACK)
        if self._codec.identifier(answer) != identifier or answer[4] > 1:
            raise Refused("the broker does not grant the subscription; see the advice on access rights")

    @property
    def is_free(self) -> bool:
        """True if no publication is on its way."""
        return self._awaited is None

    async def publish(self, topic: bytes, payload: bytes, retain: bool, delivered: "Callable[[], None]") -> None:
        """Send a publication, while `is_free`. `delivered()` is called when the broker has it."""
        identifier, packet = self._codec.publish(topic, payload, retain)
        self._awaited = codec_module.PUBACK, identifier
        self._delivered = delivered
        self._asked_ms = self._clock.ticks_ms()
        await self._wire.send(packet)

    async def acknowledge(self, message: "Message") -> None:
        """Tell the broker that a message needs no repetition."""
        if message.receipt:
            await self._wire.send(message.receipt)

    async def step(self, wait_ms: int) -> None:
        """Handle a packet, if one comes within `wait_ms`, and keep the connection alive.

        Raise OSError when the broker is silent, and BadPacket for a packet that it may not send.
        """
        packet = await self._wire.receive(wait_ms)
        now_ms = self._clock.ticks_ms()
        if packet is not None:
            self._heard_ms = now_ms
            self._handle(packet.data, packet.is_whole)
        if self._awaited is not None and self._clock.ticks_diff(now_ms, self._asked_ms) > ANSWER_MS:
            raise OSError("the broker does not acknowledge")
        silent_ms = self._clock.ticks_diff(now_ms, self._heard_ms)
        if silent_ms > PING_MS + ANSWER_MS:
            raise OSError("the broker is silent")
        if silent_ms > PING_MS and not self._is_pinging:
            self._is_pinging = True
            await self._wire.send(self._codec.ping())

    def _handle(self, data: bytes, is_whole: bool) -> None:
        kind = self._codec.kind(data)
        self._is_pinging = False
        if kind == codec_module.PUBLISH:
            self._take(self._codec.message(data), is_whole)
        elif kind == codec_module.PUBACK and self._awaited == (kind, self._codec.identifier(data)):
            delivered, self._delivered, self._awaited = self._delivered, None, None
            if delivered is not None:
                delivered()

    async def _answer(self, kind: int) -> bytes:
        """Return the answer of a kind. Messages that come before it are taken."""
        began_ms = self._clock.ticks_ms()
        while True:
            left_ms = ANSWER_MS - self._clock.ticks_diff(self._clock.ticks_ms(), began_ms)
            packet = await self._wire.receive(left_ms) if left_ms > 0 else None
            if packet is None:
                raise OSError("the broker does not answer")
            if self._codec.kind(packet.data) == kind:
                return packet.data
            if kind == codec_module.CONNACK:
                raise BadPacket("the first packet of a broker has to be its answer")
            self._handle(packet.data, packet.is_whole)
