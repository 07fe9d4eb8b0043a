"""MIFARE Classic as a linear memory, and its first formatting, through driver and models."""

import unittest

from boards.host.cards.classic import TRANSPORT_KEY, ClassicCard
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from wattpurse.cards.classic import ClassicKeys, ClassicMemory, access_bits, format_classic, rekey_classic
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import Mfrc522

UID4 = b"\x11\x22\x33\x44"
UID7 = b"\x04\x55\x66\x77\x88\x99\xaa"
KEYS = ClassicKeys(b"read-A", b"writeB")
NEW_KEYS = ClassicKeys(b"new--A", b"new--B", older=lambda: KEYS)
TRAILER = b"\x78\x77\x88\x69"
PATTERN = bytes([n * 7 & 0xFF for n in range(720)])


class WornCard(ClassicCard):
    """A card that acknowledges a write and keeps something else in its last byte."""

    def program(self, address, data, duration_us):
        super().program(address, data[:-1] + b"?", duration_us)


def trailer_of(card, sector):
    return bytes(card.memory[sector * 64 + 48 : sector * 64 + 64])


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
        """One bit breaks parity, two in a byte only the CRC; an answer is 144 bits with its CRC."""
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


class TestFormat(ClassicTest):
    def format(self, access_of_sector=None):
        self.clock.run(format_classic(self.reader, self.identity, KEYS, access_of_sector))

    def assert_formatted(self):
        for sector in range(1, 16):
            self.assertEqual(trailer_of(self.card, sector), KEYS.key_a + b"\x78\x77\x88\x69" + KEYS.key_b)
        self.assertEqual(trailer_of(self.card, 0)[:6], TRANSPORT_KEY)

    def test_known_access_bytes(self):
        self.assertEqual(access_bits(0, 0, 0, 1), b"\xff\x07\x80\x69")
        self.assertEqual(access_bits(4, 4, 4, 3), b"\x78\x77\x88\x69")

    def test_a_new_card_becomes_a_purse(self):
        for uid in (UID4, UID7):
            self.put(ClassicCard(uid))
            self.format()
            self.assert_formatted()
            self.memory = self.clock.run(open_card(self.reader, self.identity, lambda found: KEYS))
            self.write(0, PATTERN)
            self.assertEqual(self.read(0, 720), PATTERN)
            self.assertEqual(self.model.violations, [])

    def test_access_is_chosen_by_sector(self):
        self.put(ClassicCard(UID4))
        self.format(lambda sector: (0, 0, 0, 1) if sector == 15 else (4, 4, 4, 3))
        self.assertEqual(trailer_of(self.card, 14)[6:9], b"\x78\x77\x88")
        self.assertEqual(trailer_of(self.card, 15)[6:9], b"\xff\x07\x80")

    def test_a_formatted_card_is_left_as_it_is(self):
        self.put_formatted()
        self.format()
        self.assertEqual(self.card.writes, 0)

    def test_a_format_cut_at_any_frame_is_finished_by_the_next(self):
        self.put(ClassicCard(UID4))
        frames = self.model.field.frames
        self.format()
        frames = self.model.field.frames - frames
        for frame in range(1, frames + 1, 5):
            self.put(ClassicCard(UID4))
            self.model.faults.lift(frame)
            try:
                self.format()
            except CardError:
                pass
            self.put(self.card)
            self.format()
            self.assert_formatted()

    def test_other_access_bits_than_asked_for_are_left_as_they_are(self):
        self.put_formatted()
        other = format_classic(self.reader, self.identity, KEYS, lambda sector: (0, 0, 0, 3))
        self.assertEqual(self.reason(other), "changed")
        self.assertEqual(self.card.writes, 0)

    def test_a_key_b_that_was_torn_is_written_again(self):
        card = ClassicCard(UID4)
        card.memory[112:128] = KEYS.key_a + b"\xff\x07\x80\x69" + b"gibber"
        self.put(card)
        self.format()
        self.assert_formatted()

    def test_a_cell_that_does_not_keep_its_key_is_never_locked(self):
        self.put(WornCard(UID4))
        with self.assertRaises(CardError):
            self.format()
        self.assertEqual(trailer_of(self.card, 1)[6:9], b"\xff\x07\x80")

    def test_a_foreign_card_is_refused(self):
        card = ClassicCard(UID4)
        card.memory[112:118] = b"others"
        self.put(card)
        with self.assertRaises(CardError):
            self.format()
        self.assertEqual(card.writes, 0)


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


class TestRekey(ClassicTest):
    def rekey(self):
        self.clock.run(rekey_classic(self.reader, self.identity, NEW_KEYS, KEYS, lambda sector: (4, 4, 4, 3)))

    def assert_rekeyed(self):
        for sector in range(1, 16):
            self.assertEqual(trailer_of(self.card, sector), NEW_KEYS.key_a + TRAILER + NEW_KEYS.key_b)

    def test_every_sector_gets_the_new_keys_and_keeps_its_content(self):
        self.put_formatted()
        self.write(0, PATTERN)
        self.rekey()
        self.assert_rekeyed()
        self.memory = self.clock.run(open_card(self.reader, self.identity, lambda found: NEW_KEYS))
        self.assertEqual(self.read(0, 720), PATTERN)
        writes = self.card.writes
        self.rekey()
        self.assertEqual(self.card.writes, writes)

    def test_a_key_torn_anywhere_between_old_and_new_is_mended(self):
        old, new = KEYS.key_a + TRAILER + KEYS.key_b, NEW_KEYS.key_a + TRAILER + NEW_KEYS.key_b
        for cut in range(17):
            self.put_formatted()
            self.card.memory[112:128] = new[:cut] + old[cut:]
            self.rekey()
            self.assert_rekeyed()

    def test_a_card_lifted_at_any_frame_is_finished_by_the_next_call(self):
        self.put_formatted()
        frames = self.model.field.frames
        self.rekey()
        frames = self.model.field.frames - frames
        lost = 0
        for frame in range(1, frames + 1):
            self.put_formatted()
            self.model.faults.lift_during_write(frame, frame)
            self.model.faults.lift(frame + 1)
            with self.assertRaises(CardError):
                self.rekey()
                self.clock.run(self.reader.select_again(self.identity))
            self.put(self.card)
            try:
                self.rekey()
            except CardError:
                # Garbage in a trailer locks its sector for good; nothing else on the card is touched.
                lost += 1
                continue
            self.assert_rekeyed()
        self.assertLess(lost, 10)

    def test_a_foreign_card_is_refused(self):
        self.put_formatted()
        self.card.memory[112:128] = b"others" + TRAILER + b"others"
        with self.assertRaises(CardError):
            self.rekey()
        self.assertEqual(self.card.writes, 0)


if __name__ == "__main__":
    unittest.main()
