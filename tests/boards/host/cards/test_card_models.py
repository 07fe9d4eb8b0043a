"""The card models against ISO/IEC 14443-3 and the cards' data sheets, frame by frame."""

import unittest

from boards.host.cards import iso14443a
from boards.host.cards.classic import TRANSPORT_KEY, ClassicCard
from boards.host.cards.images import from_image
from boards.host.cards.iso14443a import ACTIVE, HALT, IDLE, READY, START_UP_US, Card, crc_a
from boards.host.cards.ultralight import UltralightCard

UID4 = b"\x11\x22\x33\x44"
UID7 = b"\x04\x55\x66\x77\x88\x99\xaa"
UID10 = b"\x04\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd"


def check_byte(part):
    return bytes((part[0] ^ part[1] ^ part[2] ^ part[3],))


class CardTest(unittest.TestCase):
    """Sends frames to `self.card` as a reader without faults does, late enough after the last one."""

    now_us = START_UP_US
    session = None

    def power(self, card):
        self.card = card
        card.power_on(0)
        self.session = None
        return card

    def short(self, command):
        return self.card.receive(self.now_us, bytes((command,)), 7, True, self.session)

    def frame(self, data, intact=True):
        data = data + crc_a(data)
        return self.card.receive(self.now_us, data, len(data) * 8, intact, self.session)

    def select(self):
        self.session = None
        self.short(iso14443a.WUPA)
        uid = self.card.uid
        for level in iso14443a.LEVELS:
            part = uid if len(uid) == 4 else b"\x88" + uid[:3]
            answer = self.frame(bytes((level, 0x70)) + part + check_byte(part))
            uid = uid[3:]
            if not answer[0][0] & 0x04:
                return answer[0][0]
        return None


class TestSelection(CardTest):
    def test_crc_of_annex_b(self):
        self.assertEqual(crc_a(b"\x00\x00"), b"\xa0\x1e")
        self.assertEqual(crc_a(b"\x12\x34"), b"\x26\xcf")

    def test_uids_of_all_lengths_are_selected(self):
        for uid in (UID4, UID7, UID10):
            self.power(Card("plain", uid, b"\x04\x00", 0x20, bytearray(4)))
            self.assertEqual(self.select(), 0x20)
            self.assertEqual(self.card.state, ACTIVE)

    def test_a_request_wakes_idle_and_wake_up_wakes_halted(self):
        self.power(ClassicCard(UID4))
        self.select()
        self.assertIsNone(self.frame(b"\x50\x00"))
        self.assertEqual(self.card.state, HALT)
        self.assertIsNone(self.short(iso14443a.REQA))
        self.assertEqual(self.short(iso14443a.WUPA), (b"\x04\x00", 16, 0))

    def test_a_card_once_halted_falls_back_to_halt(self):
        self.power(ClassicCard(UID4))
        self.select()
        self.frame(b"\x50\x00")
        self.select()
        self.assertIsNone(self.short(iso14443a.REQA))
        self.assertEqual(self.card.state, HALT)

    def test_an_active_card_takes_a_request_for_an_error(self):
        self.power(ClassicCard(UID4))
        self.select()
        self.assertIsNone(self.short(iso14443a.REQA))
        self.assertEqual(self.card.state, IDLE)
        self.assertIsNotNone(self.short(iso14443a.REQA))

    def test_anticollision_is_answered_from_the_bit_asked_for(self):
        self.power(ClassicCard(UID4))
        self.short(iso14443a.REQA)
        value = int.from_bytes(UID4 + check_byte(UID4), "little")
        for known in range(40):
            sent = (value & ((1 << known) - 1)).to_bytes((known + 7) // 8, "little")
            nvb = 0x20 + (known // 8 << 4) + known % 8
            data, bits, _ = self.card.receive(self.now_us, bytes((0x93, nvb)) + sent, 16 + known, True, None)
            self.assertEqual(bits, 40 - known)
            self.assertEqual(int.from_bytes(data, "little"), value >> known)

    def test_a_card_that_is_not_meant_leaves(self):
        self.power(ClassicCard(UID4))
        self.short(iso14443a.REQA)
        self.assertIsNone(self.card.receive(self.now_us, b"\x93\x21\x00", 17, True, None))
        self.assertEqual(self.card.state, IDLE)

    def test_a_wrong_check_byte_or_crc_selects_nothing(self):
        self.power(ClassicCard(UID4))
        self.short(iso14443a.REQA)
        self.assertIsNone(self.frame(b"\x93\x70" + UID4 + b"\x00"))
        self.short(iso14443a.REQA)
        self.assertEqual(self.card.state, READY)
        data = b"\x93\x70" + UID4 + check_byte(UID4) + b"\x00\x00"
        self.assertIsNone(self.card.receive(self.now_us, data, 72, True, None))

    def test_a_card_is_deaf_in_its_first_5_ms(self):
        self.power(ClassicCard(UID4))
        self.assertIsNone(self.card.receive(START_UP_US - 1, b"\x26", 7, True, None))


class TestClassic(CardTest):
    def authenticate(self, block, key=TRANSPORT_KEY, command=0x60):
        if self.frame(bytes((command, block))) is None:
            return False
        if self.card.receive(self.now_us, key + self.card.uid[-4:], 64, True, None) is None:
            return False
        self.session = self.card.session
        return True

    def card_with(self, access, key_a=b"AAAAAA", key_b=b"BBBBBB"):
        """Select a card whose sector 1 has these access bytes."""
        card = ClassicCard(UID4)
        card.memory[112:128] = key_a + access + key_b
        self.power(card)
        self.select()
        return card

    def test_transport_keys_read_and_write(self):
        self.power(ClassicCard(UID4))
        self.select()
        self.assertTrue(self.authenticate(4))
        self.assertEqual(self.frame(b"\xa0\x04"), (b"\x0a", 4, 0))
        self.assertEqual(self.frame(bytes(range(16)))[:2], (b"\x0a", 4))
        self.now_us += 10_000
        self.assertEqual(self.frame(b"\x30\x04")[0][:16], bytes(range(16)))

    def test_the_last_four_uid_bytes_authenticate(self):
        self.power(ClassicCard(UID7))
        self.select()
        self.frame(b"\x60\x04")
        self.assertIsNone(self.card.receive(self.now_us, TRANSPORT_KEY + UID7[:4], 64, True, None))
        self.select()
        self.assertTrue(self.authenticate(4))

    def test_other_sectors_stay_closed(self):
        self.power(ClassicCard(UID4))
        self.select()
        self.authenticate(4)
        self.assertEqual(self.frame(b"\x30\x08"), (b"\x04", 4, 0))
        self.assertEqual(self.card.state, IDLE)
        self.assertIsNone(self.frame(b"\x30\x04"))

    def test_without_authentication_there_is_no_answer(self):
        self.power(ClassicCard(UID4))
        self.select()
        self.assertIsNone(self.frame(b"\x30\x04"))
        self.assertEqual(self.card.state, IDLE)

    def test_access_bits_are_enforced(self):
        """Check section 8.7.2: condition 100 on data, 011 on the trailer, which are the access bytes 78 77 88."""
        self.card_with(b"\x78\x77\x88\x69")
        self.assertTrue(self.authenticate(4, b"AAAAAA"))
        self.assertEqual(len(self.frame(b"\x30\x04")[0]), 18)
        self.assertEqual(self.frame(b"\xa0\x04"), (b"\x04", 4, 0))
        self.select()
        self.assertTrue(self.authenticate(4, b"BBBBBB", 0x61))
        self.assertEqual(self.frame(b"\xa0\x04"), (b"\x0a", 4, 0))

    def test_keys_are_never_read_back(self):
        self.card_with(b"\x78\x77\x88\x69")
        self.authenticate(4, b"AAAAAA")
        self.assertEqual(self.frame(b"\x30\x07")[0][:16], bytes(6) + b"\x78\x77\x88\x69" + bytes(6))

    def test_a_readable_key_b_gives_no_access(self):
        self.card_with(b"\xff\x07\x80\x69")
        self.assertTrue(self.authenticate(4, b"BBBBBB", 0x61))
        self.assertEqual(self.frame(b"\x30\x04"), (b"\x04", 4, 0))

    def test_inconsistent_access_bytes_block_the_sector(self):
        self.card_with(b"\xff\x07\x81\x69")
        self.assertFalse(self.authenticate(4, b"AAAAAA"))

    def test_the_manufacturer_block_is_read_only(self):
        self.power(ClassicCard(UID4))
        self.select()
        self.authenticate(0)
        self.assertEqual(self.frame(b"\xa0\x00"), (b"\x04", 4, 0))

    def test_a_plain_frame_ends_the_session(self):
        self.power(ClassicCard(UID4))
        self.select()
        self.authenticate(4)
        self.session = None
        self.assertIsNone(self.frame(b"\x30\x04"))
        self.assertIsNone(self.card.session)

    def test_a_damaged_frame_is_refused_and_ends_the_session(self):
        self.power(ClassicCard(UID4))
        self.select()
        self.authenticate(4)
        self.assertEqual(self.frame(b"\x30\x04", intact=False), (b"\x01", 4, 0))
        self.assertEqual(self.card.state, IDLE)


class TestTornWrites(CardTest):
    def torn(self, seed):
        card = ClassicCard(UID4, seed=seed)
        card.memory[64:80] = b"o" * 16
        self.power(card)
        self.select()
        self.frame(b"\x60\x04")
        card.receive(self.now_us, TRANSPORT_KEY + UID4, 64, True, None)
        self.session = card.session
        self.frame(b"\xa0\x04")
        self.frame(b"n" * 16)
        card.power_off(self.now_us + 1000)
        return bytes(card.memory[64:80])

    def test_every_outcome_occurs_and_a_seed_names_one(self):
        outcomes = [self.torn(seed) for seed in range(40)]
        self.assertIn(b"o" * 16, outcomes)
        self.assertIn(b"n" * 16, outcomes)
        self.assertTrue(any(b"no" in cell for cell in outcomes))
        self.assertTrue(any(cell.strip(b"no") for cell in outcomes))
        self.assertEqual(outcomes[7], self.torn(7))

    def test_a_finished_write_stays(self):
        card = self.power(UltralightCard("ntag213", UID7))
        self.select()
        self.assertEqual(self.frame(b"\xa2\x04abcd"), (b"\x0a", 4, 4000))
        card.power_off(self.now_us + 4000)
        self.assertEqual(bytes(card.memory[16:20]), b"abcd")


class TestUltralight(CardTest):
    def test_versions_tell_the_sizes(self):
        for kind, size in (("ntag213", 0x0F), ("ntag215", 0x11), ("ntag216", 0x13)):
            self.power(UltralightCard(kind, UID7))
            self.select()
            self.assertEqual(self.frame(b"\x60")[0][:8], bytes((0, 4, 4, 2, 1, 0, size, 3)))

    def test_the_first_ultralight_knows_no_version(self):
        self.power(UltralightCard("ultralight", UID7))
        self.select()
        self.assertIsNone(self.frame(b"\x60"))
        self.assertEqual(self.card.state, IDLE)

    def test_reading_goes_on_at_page_0(self):
        card = self.power(UltralightCard("ntag213", UID7))
        self.select()
        data = self.frame(bytes((0x30, 43)))[0]
        self.assertEqual(data[8:16], bytes(card.memory[:8]))
        self.assertEqual(data[:8], bytes(8))  # password pages read as zeros
        self.assertEqual(self.frame(bytes((0x30, 45))), (b"\x00", 4, 0))

    def test_lock_bits_lock_and_only_grow(self):
        card = self.power(UltralightCard("ntag213", UID7))
        self.select()
        for data in (b"\x00\x00\x10\x00", b"\x00\x00\x00\x00"):  # page 4
            self.assertEqual(self.frame(b"\xa2\x02" + data)[0], b"\x0a")
            self.now_us += 10_000
        self.assertEqual(card.memory[10], 0x10)
        self.assertEqual(self.frame(b"\xa2\x05good")[0], b"\x0a")
        self.now_us += 10_000
        self.assertEqual(self.frame(b"\xa2\x04fail"), (b"\x00", 4, 0))

    def test_dynamic_lock_bits_lock_page_pairs(self):
        self.power(UltralightCard("ntag213", UID7))
        self.select()
        self.frame(bytes((0xA2, 40, 0x02, 0, 0, 0)))
        self.now_us += 10_000
        self.assertEqual(self.frame(b"\xa2\x11good")[0], b"\x0a")
        self.now_us += 10_000
        self.assertEqual(self.frame(b"\xa2\x12fail")[0], b"\x00")

    def test_the_capability_container_only_gains_bits(self):
        card = self.power(UltralightCard("ntag215", UID7))
        self.select()
        self.frame(b"\xa2\x03\x00\x00\x00\x0f")
        self.assertEqual(bytes(card.memory[12:16]), b"\xe1\x10\x3e\x0f")

    def test_a_card_is_deaf_while_it_programs(self):
        self.power(UltralightCard("ntag213", UID7))
        self.select()
        self.frame(b"\xa2\x04abcd")
        self.now_us += 3000
        self.assertIsNone(self.frame(b"\x30\x04"))


class TestImages(unittest.TestCase):
    def test_a_card_comes_back_from_its_image(self):
        for card in (ClassicCard(UID4), ClassicCard(UID7), UltralightCard("ntag216", UID7)):
            card.memory[70] = 0xA5
            copy = from_image(card.image())
            self.assertEqual(copy.image(), card.image())
            self.assertEqual(copy.sak, card.sak)

    def test_a_wrong_image_is_refused(self):
        with self.assertRaises(ValueError):
            from_image({"kind": "classic-1k", "uid": "11223344", "memory": "00"})
        with self.assertRaises(KeyError):
            from_image({"kind": "ntag999", "uid": UID7.hex(), "memory": ""})


if __name__ == "__main__":
    unittest.main()
