"""Formatting MIFARE Classic cards and changing their keys, through driver and models."""

import unittest

from boards.host.cards.classic import TRANSPORT_KEY, ClassicCard
from boards.host.chips.aes import aes
from tests.cards import formatted_card
from tests.cards.test_classic import KEYS, NEW_KEYS, PATTERN, TRAILER, UID4, UID7, ClassicTest
from wattpurse.cards import data_card, purse
from wattpurse.cards.classic import ClassicKeys
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.memory import open_card
from wattpurse.core.seals import keys
from wattpurse_tools.station.classic_cards import (
    READ_BOTH_WRITE_B,
    READ_BOTH_WRITE_BOTH,
    access_bits,
    access_of_sector,
    format_classic,
    rekey_classic,
)

SITE_KEY = b"site key 0000001"


def uniform_access(_sector):
    """Conditions of every sector for which only key B writes."""
    return 4, 4, 4, 3


class WornCard(ClassicCard):
    """A card that acknowledges a write and keeps something else in its last byte."""

    def program(self, address, data, duration_us):
        super().program(address, data[:-1] + b"?", duration_us)


def trailer_of(card, sector):
    return bytes(card.memory[sector * 64 + 48 : sector * 64 + 64])


class TestAccess(unittest.TestCase):
    def test_known_access_bytes(self):
        self.assertEqual(access_bits(0, 0, 0, 1), b"\xff\x07\x80\x69")
        self.assertEqual(access_bits(4, 4, 4, 3), b"\x78\x77\x88\x69")

    def test_meters_may_write_the_sectors_of_statements_only(self):
        for sector in range(1, 16):
            expected = READ_BOTH_WRITE_B if sector < 7 else READ_BOTH_WRITE_BOTH
            self.assertEqual(access_of_sector(sector)[:3], (expected,) * 3)
        self.assertEqual(min(purse.layout_of("classic-1k").statement_offsets), 6 * 48)

    def test_a_meter_may_write_every_slot_of_a_data_card(self):
        for size in (data_card.SHORT_SLOT, data_card.FULL_SLOT):
            for offset in data_card.slots_of("classic-1k", size):
                for at in (offset, offset + size - 1):
                    self.assertEqual(access_of_sector(1 + at // 48)[0], READ_BOTH_WRITE_BOTH)


class TestFormat(ClassicTest):
    def format(self, access=uniform_access):
        self.clock.run(format_classic(self.reader, self.identity, KEYS, access))

    def assert_formatted(self):
        for sector in range(1, 16):
            self.assertEqual(trailer_of(self.card, sector), KEYS.key_a + b"\x78\x77\x88\x69" + KEYS.key_b)
        self.assertEqual(trailer_of(self.card, 0)[:6], TRANSPORT_KEY)

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

    def test_keys_without_key_b_write_nothing(self):
        self.put(ClassicCard(UID4))
        with self.assertRaises(ValueError):
            self.clock.run(format_classic(self.reader, self.identity, ClassicKeys(b"read-A", None)))
        self.assertEqual(self.card.writes, 0)


class TestFormattedCard(ClassicTest):
    def test_the_card_that_other_tests_start_with_is_one_that_was_formatted(self):
        card = ClassicCard(UID4)
        self.put(card)
        keys_of_card = ClassicKeys(*keys.classic_keys(aes, SITE_KEY, UID4))
        self.clock.run(format_classic(self.reader, self.identity, keys_of_card))
        expected = ClassicCard(UID4)
        formatted_card.format_card(expected, SITE_KEY)
        self.assertEqual(bytes(card.memory), bytes(expected.memory))


class TestRekey(ClassicTest):
    def rekey(self):
        self.clock.run(rekey_classic(self.reader, self.identity, NEW_KEYS, KEYS, uniform_access))

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
