"""A broker in memory, in virtual time, with the interface of `services.mqtt.sockets`: it speaks MQTT 3.1.1 by hand.

`Network` keeps the broker's sessions and retained messages from one connection to the next. Its faults are those of a
network: bytes drip, a connection ends after so many bytes, or falls silent.
"""

CHUNK = 64


class Network:
    """In place of the module `sockets`. `received` has `(topic, payload, retain)` of every message of the meter."""

    def __init__(self, clock):
        self.clock = clock
        self.received = []
        self.retained = {}
        self.waiting = []  # messages for the meter that it has not acknowledged
        self.topics = set()
        self.connections = []
        self.is_known = False
        self.refuses = False
        self.drip_ms = 0
        self.ends_after = None
        self.is_silent = False
        self.connack_code = 0
        self.puts_in = b""

    def Stream(self, address, port, security=None):  # noqa: N802 the name of a class
        """Open a connection."""
        stream = _Stream(self)
        self.connections.append(stream)
        return stream

    @property
    def stream(self):
        """The newest connection."""
        return self.connections[-1]

    def send(self, topic, payload):
        """Send the meter a message with QoS 1. It waits until the meter acknowledges it."""
        self.waiting.append((topic, payload))
        if self.connections and self.stream.is_open and topic in self.topics:
            self.stream.deliver(topic, payload)

    def messages(self, name):
        """Return the payloads of the meter's messages whose topics end so."""
        return [payload for topic, payload, _ in self.received if topic.endswith("/" + name)]


class _Stream:
    def __init__(self, network):
        self._network = network
        self._out = bytearray()  # to the meter
        self._in = bytearray()
        self._sent = 0
        self._read_us = network.clock.now_us
        self._next_id = 100
        self._ids = {}
        self._will = None
        self.is_open = True
        self.writes = []
        self.pings = 0

    def is_connected(self):
        if self._network.refuses:
            raise OSError("the broker refuses the connection")
        return True

    def readinto(self, buffer):
        network = self._network
        if network.is_silent:
            return None
        if network.ends_after is not None and self._sent >= network.ends_after:
            self._drop()
        if not self.is_open and not self._out:
            return 0
        count = min(len(buffer), len(self._out), CHUNK)
        if network.drip_ms:
            if network.clock.now_us - self._read_us < network.drip_ms * 1000:
                return None
            count = min(count, 1)
        if network.ends_after is not None:
            count = min(count, network.ends_after - self._sent)
        if count == 0:
            return None
        buffer[:count] = self._out[:count]
        self._out = self._out[count:]
        self._sent += count
        self._read_us = network.clock.now_us
        return count

    def write(self, data):
        if self._network.is_silent:
            return len(data)
        if not self.is_open:
            raise OSError(104)
        self.writes.append(bytes(data))
        self._in.extend(data)
        self._take_packets()
        return len(data)

    def close(self):
        self.is_open = False
        if self._will is not None:
            self._network.received.append(self._will)
            self._will = None

    def deliver(self, topic, payload):
        self._next_id += 1
        self._ids[self._next_id] = topic, payload
        body = _text(topic) + bytes((self._next_id >> 8, self._next_id & 255)) + payload
        self._out.extend(b"\x32" + _length(len(body)) + body)

    def put(self, data):
        """Put bytes of any kind on the way to the meter."""
        self._out.extend(data)

    def _drop(self):
        self._out = bytearray()
        self.close()

    def _take_packets(self):
        while len(self._in) >= 2:
            length, place = 0, 1
            while True:
                if place >= len(self._in):
                    return
                length |= (self._in[place] & 127) << 7 * (place - 1)
                place += 1
                if not self._in[place - 1] & 128:
                    break
            if len(self._in) < place + length:
                return
            head, body = self._in[0], bytes(self._in[place : place + length])
            self._in = self._in[place + length :]
            self._take_packet(head, body)

    def _take_packet(self, head, body):
        network = self._network
        kind = head & 0xF0
        if kind == 0x10:
            self._connect(body)
        elif kind == 0x80:
            size = body[2] << 8 | body[3]
            network.topics.add(body[4 : 4 + size].decode())
            self._out.extend(b"\x90\x03" + body[:2] + b"\x01")
            self._send_waiting()
        elif kind == 0x30:
            size = body[0] << 8 | body[1]
            topic = body[2 : 2 + size].decode()
            network.received.append((topic, body[4 + size :], bool(head & 1)))
            self._out.extend(network.puts_in + b"\x40\x02" + body[2 + size : 4 + size])
        elif kind == 0x40:
            message = self._ids.pop(body[0] << 8 | body[1], None)
            if message in network.waiting:
                network.waiting.remove(message)
        elif kind == 0xC0:
            self.pings += 1
            self._out.extend(b"\xd0\x00")

    def _connect(self, body):
        network = self._network
        flags = body[7]
        place = 10
        fields = []
        for _ in range(3 if flags & 4 else 1):
            size = body[place] << 8 | body[place + 1]
            fields.append(body[place + 2 : place + 2 + size])
            place += 2 + size
        if flags & 4:
            self._will = fields[1].decode(), fields[2], True
        self._out.extend(bytes((0x20, 2, int(network.is_known and not network.connack_code), network.connack_code)))
        if network.is_known:
            self._send_waiting()
        network.is_known = True

    def _send_waiting(self):
        for topic, payload in self._network.waiting:
            if topic in self._network.topics and (topic, payload) not in self._ids.values():
                self.deliver(topic, payload)


def _text(text):
    data = text.encode()
    return bytes((len(data) >> 8, len(data) & 255)) + data


def _length(number):
    out = bytearray()
    while True:
        out.append(number & 127 | (128 if number > 127 else 0))
        number >>= 7
        if not number:
            return bytes(out)
