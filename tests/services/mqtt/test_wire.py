"""Packets over a stream that gives its bytes in any pieces, and the codec that reads them."""

import unittest

from boards.host.world.clock import VirtualClock
from wattpurse.services.mqtt.codec import BadPacket, Codec
from wattpurse.services.mqtt.wire import (
    CONNECT_MS,
    HUGE_PACKET_MS,
    PACKET_MS,
    SIZE_LIMIT,
    WRITE_MS,
    Closed,
    Wire,
)

TOPIC = b"wattpurse/1/40001234/token"
CONNACK = b"\x20\x02\x01\x00"
SUBACK = b"\x90\x03\x00\x05\x01"
PUBACK = b"\x40\x02\x00\x06"
PINGRESP = b"\xd0\x00"


def publish(payload, identifier=7, first=0x32):
    """Return a PUBLISH of QoS 1."""
    body = bytes((0, len(TOPIC))) + TOPIC + bytes((identifier >> 8, identifier & 255)) + payload
    length, head = len(body), bytearray((first,))
    while True:
        head.append(length & 127 | (128 if length > 127 else 0))
        length >>= 7
        if not length:
            return bytes(head) + body


class Pieces:
    """A stream that gives each piece by itself, with a pause after it. It ends after the last one if `ends`."""

    def __init__(self, pieces, ends=False, room=None):
        self.pieces = [piece for piece in pieces if piece]
        self.ends = ends
        self.room = room
        self.written = bytearray()
        self.writes = 0
        self.connects_after = 0
        self._pauses = False

    def is_connected(self):
        self.connects_after -= 1
        return self.connects_after < 0

    def readinto(self, buffer):
        if not self.pieces:
            return 0 if self.ends else None
        if self._pauses:
            self._pauses = False
            return None
        count = min(len(buffer), len(self.pieces[0]))
        buffer[:count] = self.pieces[0][:count]
        self.pieces[0] = self.pieces[0][count:]
        if not self.pieces[0]:
            self.pieces.pop(0)
            self._pauses = True
        return count

    def write(self, data):
        self.writes += 1
        count = len(data) if self.room is None else min(self.room, len(data))
        self.written.extend(data[:count])
        return count or None

    def close(self):
        pass


class TestWire(unittest.TestCase):
    def run_wire(self, stream, live):
        """Return the result of `live(wire)`, and its virtual milliseconds."""
        clock = VirtualClock()
        wire = Wire(stream, clock)
        return clock.run(live(wire)), clock.now_us // 1000

    def packets(self, pieces, count, timeout_ms=1_000):
        async def live(wire):
            found = []
            while len(found) < count:
                packet = await wire.receive(timeout_ms)
                if packet is None:
                    break
                found.append((packet.data, packet.is_whole))
            return found

        return self.run_wire(Pieces(pieces), live)[0]

    def raised(self, stream, live):
        """Return the text of the OSError of `live(wire)`, and the virtual milliseconds before it."""
        clock = VirtualClock()
        wire = Wire(stream, clock)
        try:
            clock.run(live(wire))
        except OSError as error:
            return error, clock.now_us // 1000
        raise AssertionError("no OSError")

    def test_packets_cut_at_any_byte_arrive_whole_and_in_order(self):
        packets = [CONNACK, SUBACK, publish(b"", 1), publish(bytes(range(200)), 2), PUBACK, PINGRESP]
        data = b"".join(packets)
        expected = [(packet, True) for packet in packets]
        for place in range(len(data) + 1):
            self.assertEqual(self.packets((data[:place], data[place:]), len(packets)), expected, place)

    def test_packets_of_single_bytes_arrive_whole(self):
        packets = [CONNACK, publish(bytes(130)), PINGRESP]
        data = b"".join(packets)
        pieces = [data[place : place + 1] for place in range(len(data))]
        self.assertEqual(self.packets(pieces, 3, 5_000), [(packet, True) for packet in packets])

    def test_a_connection_that_ends_at_any_byte_is_closed_and_gives_no_part_of_a_packet(self):
        data = CONNACK + publish(bytes(150))

        async def live(wire):
            while True:
                packet = await wire.receive(1_000)
                self.assertEqual(packet.data, CONNACK)

        for place in range(len(data)):
            error, _ = self.raised(Pieces((data[:place],), ends=True), live)
            self.assertTrue(isinstance(error, Closed), place)

    def test_the_rest_of_a_packet_has_a_deadline_wherever_it_is_cut(self):
        data = publish(bytes(150))

        async def live(wire):
            while True:
                await wire.receive(1_000)

        for place in range(1, len(data)):
            error, took_ms = self.raised(Pieces((data[:place],)), live)
            self.assertEqual(str(error), "the rest of a packet does not come")
            self.assertTrue(PACKET_MS < took_ms < PACKET_MS + 1_500, (place, took_ms))

    def test_silence_between_packets_is_no_fault(self):
        self.assertEqual(self.packets((CONNACK,), 2, 60_000), [(CONNACK, True)])

    def test_a_packet_of_the_limit_is_whole_and_a_longer_one_a_shorter_valid_one(self):
        overhead = len(publish(bytes(1_000))) - 1_000
        at_limit = publish(b"a" * (SIZE_LIMIT - overhead))
        self.assertEqual(self.packets((at_limit,), 1), [(at_limit, True)])
        for extra in (1, 2, 639, 640, 641, 5_000):
            data = publish(b"a" * (SIZE_LIMIT - overhead + extra))
            (head, is_whole), after = self.packets((data[:700], data[700:] + PINGRESP), 2)
            self.assertFalse(is_whole)
            self.assertEqual(after, (PINGRESP, True), extra)
            self.assertEqual(head[0], data[0])
            self.assertEqual((head[1] & 127) | head[2] << 7, len(head) - 3)

    def test_a_packet_above_the_limit_has_the_longer_deadline(self):
        async def live(wire):
            while True:
                await wire.receive(1_000)

        error, took_ms = self.raised(Pieces((publish(bytes(300_000))[:2_000],)), live)
        self.assertEqual(str(error), "the rest of a packet does not come")
        self.assertTrue(HUGE_PACKET_MS < took_ms < HUGE_PACKET_MS + 1_500, took_ms)

    def test_a_length_that_never_ends_is_refused(self):
        async def live(wire):
            await wire.receive(1_000)

        error, _ = self.raised(Pieces((b"\x32\xff\xff", b"\xff\xff\xff\x01")), live)
        self.assertEqual(str(error), "the length of a packet has too many bytes")

    def test_a_packet_is_one_write_and_the_rest_follows_as_there_is_room(self):
        async def live(wire):
            await wire.send(bytes(range(100)))
            return wire.sent

        stream = Pieces(())
        self.assertEqual((self.run_wire(stream, live)[0], stream.writes), (100, 1))
        for room in (1, 7, 99):
            stream = Pieces((), room=room)
            self.assertEqual(self.run_wire(stream, live)[0], 100)
            self.assertEqual(bytes(stream.written), bytes(range(100)))

    def test_a_peer_that_takes_no_bytes_has_a_deadline(self):
        async def live(wire):
            await wire.send(b"1234")

        error, took_ms = self.raised(Pieces((), room=0), live)
        self.assertEqual(str(error), "the broker takes no more bytes")
        self.assertTrue(WRITE_MS < took_ms < WRITE_MS + 100, took_ms)

    def test_a_connection_that_is_never_accepted_has_a_deadline(self):
        async def live(wire):
            await wire.connect()

        stream = Pieces(())
        stream.connects_after = 10**9
        error, took_ms = self.raised(stream, live)
        self.assertEqual(str(error), "the broker does not answer")
        self.assertTrue(CONNECT_MS < took_ms < CONNECT_MS + 500, took_ms)


class TestCodec(unittest.TestCase):
    def setUp(self):
        self.codec = Codec(b"meter", b"user", b"word", 180)

    def test_a_connect_keeps_the_session_and_has_user_password_and_last_will(self):
        self.codec.set_last_will(b"t", b"offline")
        packet = self.codec.connect()
        self.assertEqual((packet[0], packet[1]), (0x10, len(packet) - 2))
        self.assertEqual(packet[2:9], b"\0\x04MQTT\x04")
        self.assertEqual(packet[9], 0xC0 | 0x20 | 0x08 | 0x04)  # user, password, retained will of QoS 1
        self.assertEqual(packet[10:], b"\0\xb4\0\x05meter\0\x01t\0\x07offline\0\x04user\0\x04word")

    def test_a_subscription_and_a_publication_have_identifiers_of_their_own(self):
        first, packet = self.codec.subscribe(b"topic")
        self.assertEqual(packet, b"\x82\x0a" + bytes((first >> 8, first & 255)) + b"\0\x05topic\x01")
        second, packet = self.codec.publish(b"topic", b"text", True)
        self.assertEqual(packet, b"\x33\x0d\0\x05topic" + bytes((second >> 8, second & 255)) + b"text")
        self.assertNotEqual(first, second)

    def test_identifiers_stay_within_16_bits_and_are_never_0(self):
        self.codec._client.pid = 0xFFFE
        self.assertEqual([self.codec.publish(b"t", b"", False)[0] for _ in range(3)], [0xFFFF, 1, 2])

    def test_long_publications_have_lengths_of_several_bytes(self):
        for size in (0, 100, 127, 128, 1_000, 16_383, 16_384):
            identifier, packet = self.codec.publish(TOPIC, b"p" * size, False)
            expected = publish(b"p" * size, identifier)
            self.assertEqual(packet, expected, size)

    def test_a_message_has_topic_payload_and_the_packet_that_acknowledges_it(self):
        for payload in (b"", b"x", bytes(range(256)) * 4):
            message = self.codec.message(publish(payload, 0x1234))
            self.assertEqual((message.topic, message.payload), (TOPIC, payload))
            self.assertEqual(message.receipt, b"\x40\x02\x12\x34")

    def test_a_duplicate_and_a_retained_message_are_messages(self):
        for first in (0x3A, 0x33, 0x3B):
            packet = publish(b"token", 9, first)
            self.assertEqual(self.codec.kind(packet), 0x30)
            message = self.codec.message(packet)
            self.assertEqual((message.payload, message.receipt), (b"token", b"\x40\x02\x00\x09"))

    def test_a_message_of_qos_0_has_no_acknowledgement(self):
        packet = b"\x30\x06\0\x01they"
        self.assertEqual(self.codec.message(packet).receipt, b"")
        self.assertEqual(self.codec.message(packet).payload, b"hey")

    def test_a_message_with_a_wrong_length_inside_is_refused(self):
        good = publish(b"")
        for packet in (b"\x30\x00", b"\x32\x02\0\0", b"\x30\x02\xff\xff", good[:2] + b"\xff\xff" + good[4:]):
            with self.assertRaises(BadPacket):
                self.codec.message(packet)

    def test_packets_that_no_broker_sends_are_refused(self):
        bad = (
            b"\x10\x00",
            b"\x36\x02ab",
            b"\x34\x02ab",
            b"\x20\x01\0",
            b"\x21\x02\0\0",
            b"\x90\x02\0\1",
            b"\x41\x02\0\1",
        )
        for packet in bad:
            with self.assertRaises(BadPacket):
                self.codec.kind(packet)

    def test_acknowledgements_name_their_packets(self):
        self.assertEqual(self.codec.kind(PUBACK), 0x40)
        self.assertEqual(self.codec.identifier(PUBACK), 6)
        self.assertEqual(self.codec.identifier(SUBACK), 5)


if __name__ == "__main__":
    unittest.main()
