"""Bad MQTT packets: random bytes, mutated packets of a broker, lies about lengths, messages that no office sealed.

The bytes come through the wire of the meter, in pieces of any size, to its session and its inbox. A connection may end
for them. Nothing else may happen: no other exception, no wait without end, no credit, and a heap below a limit.
"""

import random as randoms

from boards.host import umqtt_place
from tests.proof.campaign import BROKEN_RULES, DOUBLED, Broken
from tests.proof.mutation import bound_heap, mutated
from tests.proof.small_meter import METER_NUMBER, SmallMeter, seal
from wattpurse.core.messages import mqtt, token

NAME = "bad-mqtt"
ABOUT = "MQTT packets to a meter"
SHORT_CASES = 8
LONG_CASES = 2_500

_BATCH = 400
_HEAP_LIMIT = 256 * 1024
_LIMIT_MS = 20_000
_TOPIC = mqtt.topic(METER_NUMBER, mqtt.TOKEN).encode()


def run_case(seed: int, tally):
    """Send a batch of bad packets to one meter."""
    umqtt_place.make_importable()
    random = randoms.Random(f"{NAME} {seed}")
    meter = SmallMeter(random)
    bought = meter.ledger.account.money.bought
    packets = _packets()
    for _ in range(_BATCH):
        data = _bad(random, packets)
        _receive(random, meter, data)
        if meter.ledger.account.money.bought != bought:
            raise Broken(DOUBLED, f"credit by {data.hex()}")
    tally.cases += _BATCH
    tally.faults += _BATCH
    bound_heap(tally, _HEAP_LIMIT, _receive, random, meter, b"\x32\xff\xff\xff\x7f" + bytes(1 << 16))
    bound_heap(tally, _HEAP_LIMIT, _receive, random, meter, _message(bytes(300_000)))


def _packets():
    """Return the packets that a broker sends, among them messages with forged tokens."""
    forged = seal(5, token.CREDIT_MONEY, 10**6)
    forged = forged[:-1] + bytes((forged[-1] ^ 1,))
    return [
        b"\x20\x02\x01\x00",
        b"\x40\x02\x00\x01",
        b"\x90\x03\x00\x01\x01",
        b"\xd0\x00",
        _message(forged),
        _message(b""),
    ]


def _message(payload):
    body = len(_TOPIC).to_bytes(2, "big") + _TOPIC + b"\x00\x07" + payload
    length, out = len(body), bytearray(b"\x32")
    while True:
        out.append(length & 127 | (128 if length > 127 else 0))
        length >>= 7
        if not length:
            return bytes(out) + body


def _bad(random, packets):
    draw = random.random()
    if draw < 0.1:
        return random.randbytes(random.randrange(1, 40))
    data = b"".join(random.choice(packets) for _ in range(random.randrange(1, 4)))
    if draw < 0.2:
        return data[: random.randrange(len(data))]
    if draw < 0.4:
        place = random.randrange(len(data))
        return data[:place] + random.randbytes(random.randrange(1, 5)) + data[place:]
    return mutated(random, data, packets)


class _Stream:
    """A connection on which some bytes come, and then its end or silence."""

    def __init__(self, random, data):
        self._random = random
        self._data = memoryview(data)
        self._ends = random.random() < 0.97
        self.is_open = True

    def is_connected(self):
        return True

    def readinto(self, buffer):
        if not self._data:
            return 0 if self._ends else None
        count = min(len(buffer), len(self._data), self._random.choice((1, 7, 64, 4096)))
        buffer[:count] = self._data[:count]
        self._data = self._data[count:]
        return count

    def write(self, data):
        return len(data)

    def close(self):
        self.is_open = False


def _receive(random, meter, data):
    """Hand the bytes to a new connection, and work on everything that comes of them."""
    from wattpurse.services.mqtt.codec import BadPacket, Codec
    from wattpurse.services.mqtt.inbox import Inbox
    from wattpurse.services.mqtt.session import Session
    from wattpurse.services.mqtt.wire import Wire

    inbox = Inbox(meter.teller, meter.stores, lambda result: None, lambda: None)
    wire = Wire(_Stream(random, data), meter.clock)
    session = Session(wire, Codec(b"c", None, b"", 60), meter.clock, inbox.take)
    began_ms = meter.clock.now_us // 1000

    async def live():
        if random.random() < 0.5:
            await session.open()
        while True:
            await session.step(1_000)
            inbox.step()
            if meter.clock.now_us // 1000 - began_ms > _LIMIT_MS:
                return

    try:
        meter.clock.run(live())
    except (OSError, BadPacket):
        return
    except Exception as error:
        raise Broken(BROKEN_RULES, f"{error!r} by {data[:200].hex()}")
