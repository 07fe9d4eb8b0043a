"""Ultralight and NTAG as linear memories, through driver and models."""

import unittest

from boards.host.cards.iso14443a import Card
from boards.host.cards.ultralight import FAST_READ, GET_VERSION, PageClone, UltralightCard
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import Mfrc522

UID = b"\x04\x55\x66\x77\x88\x99\xaa"
CAPACITIES = (("ultralight", 48), ("ntag213", 144), ("ntag215", 504), ("ntag216", 888))


class RefusingUltralight(UltralightCard):
    """A tag that answers an unknown command with a NAK, where others keep silent."""

    def command(self, data):
        return self.refuse(0) if data == b"\x60" else super().command(data)


class OtherVersion(UltralightCard):
    """A tag with another GET_VERSION answer."""

    def command(self, data):
        return self.answer(self.version) if data == b"\x60" else super().command(data)


class PagesTest(unittest.TestCase):
    def put(self, card):
        self.clock = VirtualClock()
        self.model = Mfrc522Model(self.clock)
        self.reader = Mfrc522(self.model.spi, self.model.select, self.model.reset, self.model.irq, self.clock)
        self.card = card
        self.model.field.insert(card)
        self.clock.run(self.reader.start())
        self.identity = self.clock.run(self.reader.find_card())

    def open(self, card):
        self.put(card)
        self.memory = self.clock.run(open_card(self.reader, self.identity, lambda uid: None))
        return self.memory

    def read(self, offset, length):
        buffer = bytearray(length)
        self.clock.run(self.memory.read(offset, buffer))
        return bytes(buffer)

    def write(self, offset, data):
        self.clock.run(self.memory.write(offset, data))

    def reason(self, coroutine):
        try:
            self.clock.run(coroutine)
        except CardError as error:
            return error.reason
        return None


class TestKinds(PagesTest):
    def test_each_kind_is_told_and_all_its_memory_used(self):
        for kind, capacity in CAPACITIES:
            memory = self.open(UltralightCard(kind, UID))
            self.assertEqual((memory.kind, memory.capacity, memory.unit), (kind, capacity, 4))
            pattern = bytes([n * 5 & 0xFF for n in range(capacity)])
            self.write(0, pattern)
            self.assertEqual(self.read(0, capacity), pattern)
            self.assertEqual(bytes(self.card.memory[16 : 16 + capacity]), pattern)
            self.assertEqual(self.model.violations, [])

    def test_a_tag_that_refuses_to_tell_its_version_is_an_ultralight(self):
        self.assertEqual(self.open(RefusingUltralight("ultralight", UID)).kind, "ultralight")
        self.assertEqual(self.read(0, 48), bytes(48))

    def test_an_ultralight_ev1_is_an_ultralight(self):
        card = OtherVersion("ultralight", UID)
        card.version = bytes((0, 4, 3, 1, 1, 0, 0x0B, 3))
        self.assertEqual(self.open(card).kind, "ultralight")

    def test_an_unknown_relative_is_no_memory(self):
        card = OtherVersion("ultralight", UID)
        for version in (bytes((0, 4, 4, 2, 1, 0, 0x33, 3)), bytes((0, 4, 8, 2, 1, 0, 0x0F, 3))):
            card.version = version
            self.assertIsNone(self.open(card))

    def test_a_card_of_another_make_is_no_memory(self):
        self.assertIsNone(self.open(Card("plain", UID, b"\x44\x00", 0x20, bytearray(4))))

    def test_one_lost_answer_does_not_make_an_ultralight_of_a_tag(self):
        self.put(UltralightCard("ntag213", UID))
        self.model.faults.silence(1)
        memory = self.clock.run(open_card(self.reader, self.identity, lambda uid: None))
        self.assertEqual(memory.kind, "ntag213")

    def test_a_garbled_version_decides_nothing(self):
        for flips in ((1,), (1, 2)):
            self.put(UltralightCard("ntag213", UID))
            self.model.faults.flip_from_card(1, flips)
            self.assertEqual(self.reason(open_card(self.reader, self.identity, lambda uid: None)), "garbled")

    def test_a_tag_that_left_is_no_ultralight(self):
        self.put(UltralightCard("ntag213", UID))
        self.model.faults.lift(1)
        self.assertEqual(self.reason(open_card(self.reader, self.identity, lambda uid: None)), "silent")


class TestClones(PagesTest):
    """Compatible cards answer the selection as the genuine ones, and know fewer commands."""

    def assert_serves(self, kind, capacity, card):
        memory = self.open(card)
        self.assertEqual((memory.kind, memory.capacity), (kind, capacity))
        pattern = bytes([n * 5 & 0xFF for n in range(capacity)])
        self.write(0, pattern)
        self.assertEqual(self.read(0, capacity), pattern)
        self.assertEqual(self.model.violations, [])

    def test_an_ntag_that_does_not_tell_its_version_is_told_by_its_capability_container(self):
        for kind, capacity in CAPACITIES[1:]:
            for is_silent in (False, True):
                card = PageClone(kind, UID, unknown=(GET_VERSION, FAST_READ), is_silent=is_silent)
                self.assert_serves(kind, capacity, card)

    def test_an_ntag_without_fast_read_is_read_in_short_steps(self):
        for kind, capacity in CAPACITIES[1:]:
            for is_silent in (False, True):
                self.assert_serves(kind, capacity, PageClone(kind, UID, unknown=(FAST_READ,), is_silent=is_silent))

    def test_a_genuine_ntag_that_once_loses_the_answer_to_a_fast_read_is_read_all_the_same(self):
        self.open(UltralightCard("ntag215", UID))
        self.write(100, b"abcd")
        self.model.faults.silence(1)
        self.assertEqual(self.read(0, 200)[100:104], b"abcd")

    def test_an_ultralight_that_a_phone_has_formatted_stays_an_ultralight(self):
        card = UltralightCard("ultralight", UID)
        card.memory[12:16] = b"\xe1\x10\x06\x00"
        self.assert_serves("ultralight", 48, card)

    def test_a_card_with_an_unknown_container_is_taken_for_the_smallest(self):
        card = UltralightCard("ultralight", UID)
        card.memory[12:16] = b"\xe1\x10\xff\x00"
        self.assert_serves("ultralight", 48, card)


class TestMemory(PagesTest):
    def test_any_part_can_be_read(self):
        for kind, capacity in CAPACITIES:
            self.open(UltralightCard(kind, UID))
            pattern = bytes([n * 5 & 0xFF for n in range(capacity)])
            self.card.memory[16 : 16 + capacity] = pattern
            for offset in (0, 1, 3, 7, capacity - 20, capacity - 5, capacity - 1):
                for length in (1, 4, 5, 16, 17, 30):
                    if offset + length <= capacity:
                        self.assertEqual(self.read(offset, length), pattern[offset : offset + length])

    def test_a_long_read_needs_few_frames(self):
        self.open(UltralightCard("ntag213", UID))
        frames = self.model.field.frames
        self.read(0, 144)
        self.assertEqual(self.model.field.frames - frames, 3)

    def test_only_whole_pages_inside_are_written(self):
        self.open(UltralightCard("ntag213", UID))
        for offset, length in ((2, 4), (0, 3), (144, 4), (140, 8), (-4, 4)):
            with self.assertRaises(ValueError):
                self.write(offset, bytes(length))
        with self.assertRaises(ValueError):
            self.read(140, 5)
        self.assertEqual(self.card.writes, 0)

    def test_a_locked_page_is_refused(self):
        self.open(UltralightCard("ntag213", UID))
        self.card.memory[10] = 0x10
        self.assertEqual(self.reason(self.memory.write(0, b"data")), "refused")
        self.clock.run(self.memory.select_again())
        self.write(4, b"data")
        self.assertEqual(self.read(0, 8), bytes(4) + b"data")


class TestFaults(PagesTest):
    def test_a_flipped_bit_never_passes_for_data(self):
        """Flip bits in an answer of 16 bytes (READ) and of 60 (FAST_READ), both with CRC."""
        for length, bits in ((16, 144), (60, 496)):
            self.open(UltralightCard("ntag213", UID))
            for bit in range(0, bits - 1, 3):
                for flips in ((bit,), (bit, bit + 1)):
                    self.model.faults.flip_from_card(1, flips)
                    self.assertEqual(self.reason(self.memory.read(0, bytearray(length))), "garbled")

    def test_a_lift_at_any_frame_of_a_write_leaves_a_whole_beginning(self):
        data = bytes(range(1, 17))
        for frame in range(1, 5):
            self.open(UltralightCard("ntag213", UID))
            self.model.faults.lift(frame)
            self.assertEqual(self.reason(self.memory.write(0, data)), "silent")
            written = (frame - 1) * 4
            self.assertEqual(bytes(self.card.memory[16:32]), data[:written] + bytes(16 - written))

    def test_a_torn_page_raises(self):
        outcomes = set()
        for seed in range(20):
            self.open(UltralightCard("ntag213", UID))
            self.model.faults.lift_during_write(1, seed)
            self.assertEqual(self.reason(self.memory.write(0, b"\xff" * 4)), "silent")
            outcomes.add(bytes(self.card.memory[16:20]))
        self.assertTrue(len(outcomes) > 3)

    def test_a_clone_that_refuses_at_the_same_time_is_noticed(self):
        """Let two cards of one UID answer together: the ACK of one covers the NAK of the other, but for the
        collision.
        """
        self.put(UltralightCard("ntag213", UID))
        clone = UltralightCard("ntag213", UID)
        clone.memory[10] = 0x10
        self.model.field.insert(clone)
        self.clock.run(self.reader.recover())
        identity = self.clock.run(self.reader.find_card())
        memory = self.clock.run(open_card(self.reader, identity, lambda uid: None))
        self.assertEqual(self.reason(memory.write(0, b"data")), "garbled")

    def test_a_damaged_write_is_refused_and_changes_nothing(self):
        for flips in ((5,), (20, 21)):
            self.open(UltralightCard("ntag213", UID))
            self.model.faults.flip_to_card(1, flips)
            self.assertEqual(self.reason(self.memory.write(0, b"data")), "refused")
            self.assertEqual(self.card.writes, 0)


if __name__ == "__main__":
    unittest.main()
