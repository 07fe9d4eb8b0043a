"""MIFARE Classic as a linear memory, through driver and models."""

import unittest

from boards.host.cards.classic import TRANSPORT_KEY, ClassicCard
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from wattpurse.cards.classic import ClassicKeys, ClassicMemory
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import Mfrc522

UID4 = b"\x11\x22\x33\x44"
UID7 = b"\x04\x55\x66\x77\x88\x99\xaa"
KEYS = ClassicKeys(b"read-A", b"writeB")
NEW_KEYS = ClassicKeys(b"new--A", b"new--B", older=lambda: KEYS)
TRAILER = b"\x78\x77\x88\x69"
PATTERN = bytes([n * 7 & 0xFF for n in range(720)])


class ClassicTest(unittest.TestCase):
    def put(self, card):
        self.clock = VirtualClock()
        self.model = Mfrc522Model(self.clock)
        self.reader = Mfrc522(self.model.spi, self.model.select, self.model.reset, self.model.irq, self.clock)
        self.card = card
        self.model.field.insert(card)
        self.clock.run(self.reader.start())
        self.identity = self.clock.run(self.reader.find_card())

    def put_formatted(self, uid=UID4):
        card = ClassicCard(uid)
        for sector in range(1, 16):
            card.memory[sector * 64 + 48 : sector * 64 + 64] = KEYS.key_a + b"\x78\x77\x88\x69" + KEYS.key_b
        self.put(card)
        self.memory = self.clock.run(open_card(self.reader, self.identity, lambda found: KEYS))

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


class TestMemory(ClassicTest):
    def test_all_of_it_for_both_uid_lengths(self):
        for uid in (UID4, UID7):
            self.put_formatted(uid)
            self.assertEqual((self.memory.kind, self.memory.capacity, self.memory.unit), ("classic-1k", 720, 16))
            self.write(0, PATTERN)
            self.assertEqual(self.read(0, 720), PATTERN)
            self.assertEqual(self.model.violations, [])
            self.assertEqual(bytes(self.card.memory[64:112]), PATTERN[:48])
            self.assertEqual(bytes(self.card.memory[960:1008]), PATTERN[-48:])

    def test_any_part_can_be_read(self):
        self.put_formatted()
        self.write(0, PATTERN)
        for offset, length in ((0, 1), (15, 2), (47, 2), (5, 100), (719, 1), (300, 0)):
            self.assertEqual(self.read(offset, length), PATTERN[offset : offset + length])

    def test_only_whole_blocks_inside_are_written(self):
        self.put_formatted()
        for offset, length in ((8, 16), (0, 8), (720, 16), (704, 32), (-16, 16)):
            with self.assertRaises(ValueError):
                self.write(offset, bytes(length))
        with self.assertRaises(ValueError):
            self.read(715, 10)
        self.assertEqual(self.card.writes, 0)

    def test_a_sector_is_authenticated_once(self):
        self.put_formatted()
        frames = self.model.field.frames
        self.read(0, 48)
        self.assertEqual(self.model.field.frames - frames, 2 + 3)
        self.read(0, 48)
        self.assertEqual(self.model.field.frames - frames, 2 + 3 + 3)
        self.write(0, bytes(16))
        self.assertEqual(self.model.field.frames - frames, 2 + 3 + 3 + 2 + 2)
        self.read(0, 48)
        self.assertEqual(self.model.field.frames - frames, 2 + 3 + 3 + 2 + 2 + 3)

    def test_key_a_does_not_write_where_key_b_should(self):
        self.put_formatted()
        memory = ClassicMemory(self.reader, self.identity, ClassicKeys(KEYS.key_a, KEYS.key_b, write_with_b=False))
        self.assertEqual(self.reason(memory.write(0, PATTERN[:16])), "refused")
        self.assertEqual(bytes(self.card.memory[64:80]), bytes(16))

    def test_a_wrong_key_is_refused_and_the_card_can_be_taken_up_again(self):
        self.put_formatted()
        wrong = ClassicMemory(self.reader, self.identity, ClassicKeys(TRANSPORT_KEY, TRANSPORT_KEY))
        self.assertEqual(self.reason(wrong.read(0, bytearray(16))), "refused")
        self.clock.run(self.memory.select_again())
        self.assertEqual(self.read(0, 16), bytes(16))

    def test_without_keys_there_is_no_memory(self):
        self.put(ClassicCard(UID4))
        self.assertIsNone(self.clock.run(open_card(self.reader, self.identity, lambda uid: None)))

    def test_keys_are_asked_for_by_the_whole_uid(self):
        self.put(ClassicCard(UID7))
        asked = []
        self.clock.run(open_card(self.reader, self.identity, asked.append))
        self.assertEqual(asked, [UID7])


class TestFaults(ClassicTest):
    def test_a_flipped_bit_never_passes_for_data(self):
        """Flip bits of an answer of 144 bits with its CRC: one bit breaks parity, two in a byte only the CRC."""
        self.put_formatted()
        self.write(0, PATTERN[:16])
        self.read(0, 16)
        for bit in range(143):
            for flips in ((bit,), (bit, bit + 1)):
                self.model.faults.flip_from_card(1, flips)
                self.assertEqual(self.reason(self.memory.read(0, bytearray(16))), "garbled")
                self.clock.run(self.memory.select_again())
                self.read(0, 16)

    def test_a_lift_at_any_frame_of_a_write_raises_and_leaves_the_other_blocks(self):
        for frame in range(1, 13):
            self.put_formatted()
            self.model.faults.lift(frame)
            reason = self.reason(self.memory.write(16, PATTERN[:64]))
            # four blocks in two sectors: 2 authentications of 2 frames, 4 writes of 2 frames
            self.assertIn(reason, ("silent", "refused"))
            self.assertEqual(bytes(self.card.memory[64:80]), bytes(16))
            whole = self.card.writes
            written = (bytes(self.card.memory[80:112]) + bytes(self.card.memory[128:160]))[: whole * 16]
            self.assertEqual(written, PATTERN[: whole * 16])

    def test_a_torn_write_raises(self):
        outcomes = set()
        for seed in range(20):
            self.put_formatted()
            self.model.faults.lift_during_write(4, seed)
            self.assertEqual(self.reason(self.memory.write(0, b"\xff" * 16)), "silent")
            outcomes.add(bytes(self.card.memory[64:80]))
        self.assertIn(bytes(16), outcomes)
        self.assertIn(b"\xff" * 16, outcomes)
        self.assertTrue(len(outcomes) > 3)

    def test_a_lost_acknowledgement_raises_although_the_card_has_written(self):
        self.put_formatted()
        self.model.faults.silence(4)
        self.assertEqual(self.reason(self.memory.write(0, PATTERN[:16])), "silent")
        self.assertEqual(bytes(self.card.memory[64:80]), PATTERN[:16])

    def test_a_damaged_acknowledgement_is_none(self):
        for frame in (3, 4):
            for bit in range(4):
                self.put_formatted()
                self.model.faults.flip_from_card(frame, (bit,))
                self.assertIn(self.reason(self.memory.write(0, PATTERN[:16])), ("garbled", "refused"))


class TestOlderKeys(ClassicTest):
    def put_mixed(self, keys_of_sector):
        self.put_formatted()
        for sector in range(1, 16):
            keys = keys_of_sector(sector)
            self.card.memory[sector * 64 + 48 : sector * 64 + 64] = keys.key_a + TRAILER + keys.key_b
        self.memory = self.clock.run(open_card(self.reader, self.identity, lambda found: NEW_KEYS))

    def test_a_card_with_either_keys_or_some_of_both_is_read_and_written(self):
        for keys_of_sector in (lambda _: KEYS, lambda _: NEW_KEYS, lambda sector: (KEYS, NEW_KEYS)[sector % 2]):
            self.put_mixed(keys_of_sector)
            self.write(0, PATTERN)
            self.assertEqual(self.read(0, 720), PATTERN)

    def test_only_the_first_sector_is_tried_in_vain(self):
        self.put_mixed(lambda _: NEW_KEYS)
        frames = self.model.field.frames
        self.read(0, 720)
        newest = self.model.field.frames - frames
        self.put_mixed(lambda _: KEYS)
        frames = self.model.field.frames
        self.read(0, 720)
        self.assertLess(self.model.field.frames - frames, newest + 10)

    def test_keys_that_are_neither_are_refused(self):
        self.put_mixed(lambda _: ClassicKeys(b"others", b"others"))
        self.assertEqual(self.reason(self.memory.read(0, bytearray(16))), "refused")


if __name__ == "__main__":
    unittest.main()
