"""MQTT packets to bytes and back, by umqtt as it is published.

umqtt waits on its socket for each answer, and would wait for ever for one that is lost. Here its socket is a piece of
memory. umqtt writes a packet into it, and the session sends it. The answer that umqtt waits for is put there first,
and the session matches the real one. A packet that arrived is put there whole, so umqtt never waits.
"""

from umqtt import simple

CONNACK = 0x20
PUBLISH = 0x30
PUBACK = 0x40
SUBACK = 0x90
PINGRESP = 0xD0


_KIND = 0xF0
_QOS = 0x06
_QOS_1 = 0x02
_LAST_ID = 0xFFFF
_SIZES = {CONNACK: 4, PUBACK: 4, SUBACK: 5, PINGRESP: 2}


class BadPacket(ValueError):
    """The bytes are no packet that a broker may send to this client."""


class Message:
    """A message that arrived: `topic` and `payload`, and the packet that acknowledges it, b"" for QoS 0."""

    def __init__(self, topic: bytes, payload: bytes) -> None:
        self.topic = topic
        self.payload = payload
        self.receipt = b""


class _Memory:
    """The socket of umqtt: reads come from the packet that was loaded, writes are gathered."""

    def __init__(self) -> None:
        self._data = b""
        self._place = 0
        self._written = bytearray()

    def load(self, data: bytes) -> None:
        self._data = data
        self._place = 0
        self._written = bytearray()

    def written(self) -> bytes:
        return bytes(self._written)

    def read(self, size: int) -> bytes:
        end = self._place + size
        if not size >= 0 or end > len(self._data):
            raise BadPacket("a length in the packet is wrong")
        data = bytes(self._data[self._place : end])
        self._place = end
        return data

    def write(self, data: bytes, size: int | None = None) -> None:
        self._written.extend(data if size is None else data[:size])

    def setblocking(self, _blocks: bool) -> None:
        """Do nothing: memory never blocks."""

    def connect(self, _address: tuple) -> None:
        """Do nothing: the wire is connected."""


class _Sockets:
    """In umqtt, the module `socket`."""

    def __init__(self, memory: _Memory) -> None:
        self._memory = memory

    def socket(self) -> _Memory:
        return self._memory

    def getaddrinfo(self, host: str, port: int) -> list:
        return [(host, port)]


class Codec:
    """Packets of one client. Packet identifiers count on from one connection to the next."""

    def __init__(self, client_id: bytes, user: bytes | None, password: bytes | None, keepalive_s: int) -> None:
        self._memory = _Memory()
        self._message: Message | None = None
        self._client = simple.MQTTClient(client_id, "", 1, user, password, keepalive_s)
        self._client.set_callback(self._arrived)
        self._client.sock = self._memory

    def set_last_will(self, topic: bytes, payload: bytes) -> None:
        """Let the broker publish a message, retained, when the connection ends without a word."""
        self._client.set_last_will(topic, payload, True, 1)

    def connect(self) -> bytes:
        """Return a CONNECT that takes up the session of the last connection."""
        self._memory.load(b"\x20\x02\0\0")
        # The module takes its `socket` from another name than its stubs tell.
        simple.socket = _Sockets(self._memory)  # pyright: ignore[reportAttributeAccessIssue]
        self._client.connect(False)
        return self._memory.written()

    def subscribe(self, topic: bytes) -> tuple:
        """Return `(identifier, packet)` of a SUBSCRIBE with QoS 1."""
        identifier = self._next_identifier()
        self._memory.load(bytes((SUBACK, 3, identifier >> 8, identifier & 0xFF, 1)))
        self._client.subscribe(topic, 1)
        return identifier, self._memory.written()

    def publish(self, topic: bytes, payload: bytes, retain: bool) -> tuple:
        """Return `(identifier, packet)` of a PUBLISH with QoS 1."""
        identifier = self._next_identifier()
        self._memory.load(bytes((PUBACK, 2, identifier >> 8, identifier & 0xFF)))
        self._client.publish(topic, payload, retain, 1)
        return identifier, self._memory.written()

    def ping(self) -> bytes:
        """Return a PINGREQ."""
        self._memory.load(b"")
        self._client.ping()
        return self._memory.written()

    def kind(self, packet: "bytes | bytearray") -> int:
        """Return the kind of a whole packet. Raise BadPacket if a client does not take it, or for a wrong size."""
        kind = packet[0] & _KIND
        if kind == PUBLISH:
            if packet[0] & _QOS not in (0, _QOS_1):
                raise BadPacket("the message has a QoS that was not asked for")
        elif kind not in _SIZES or len(packet) != _SIZES[kind] or packet[0] & 0x0F:
            raise BadPacket("the packet is of a kind that a broker does not send")
        return kind

    def identifier(self, packet: "bytes | bytearray") -> int:
        """Return the identifier in a PUBACK or SUBACK."""
        return packet[2] << 8 | packet[3]

    def message(self, packet: "bytes | bytearray") -> Message:
        """Return the message in a PUBLISH. Raise BadPacket if it is malformed."""
        self._message = None
        self._memory.load(packet)
        try:
            self._client.wait_msg()
        except (AssertionError, IndexError, OSError, TypeError, ValueError) as error:
            raise BadPacket(str(error))
        message = self._message
        if message is None:
            raise BadPacket("the packet has no message")
        message.receipt = self._memory.written()
        return message

    def _arrived(self, topic: bytes, payload: bytes) -> None:
        self._message = Message(topic, payload)

    def _next_identifier(self) -> int:
        """Return the identifier that umqtt will take next. It knows no limit; the protocol has 16 bits, without 0."""
        if self._client.pid >= _LAST_ID:
            self._client.pid = 0
        return self._client.pid + 1
