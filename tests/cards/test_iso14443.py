"""Finding one card among several, through the real reader driver and the model of its chip."""

import unittest

from boards.host.cards.classic import ClassicCard
from boards.host.cards.iso14443a import ACTIVE, HALT, Card
from boards.host.cards.ultralight import UltralightCard
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.mfrc522 import Mfrc522

UID4 = b"\x11\x22\x33\x44"
UID7 = b"\x04\x55\x66\x77\x88\x99\xaa"
UID10 = b"\x04\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd"


class EndlessCard(Card):
    """A card that tells of a further cascade level which its UID has not announced."""

    def _selected(self):
        return self.answer(b"\x04")


class BadCheckByte(Card):
    """A card whose check byte is its seed."""

    def __init__(self, kind, uid, atqa, sak, memory, seed):
        super().__init__(kind, uid, atqa, sak, memory, seed)
        self._parts = [uid + bytes((seed,))]


class FindTest(unittest.TestCase):
    def put(self, *cards):
        """Start a fresh reader with these cards before it."""
        self.clock = VirtualClock()
        self.model = Mfrc522Model(self.clock)
        self.reader = Mfrc522(self.model.spi, self.model.select, self.model.reset, self.model.irq, self.clock)
        for card in cards:
            self.model.field.insert(card)
        self.clock.run(self.reader.start())

    def find(self, wake=False):
        return self.clock.run(self.reader.find_card(wake))

    def reason(self, coroutine):
        """Return the reason why `coroutine` failed."""
        try:
            self.clock.run(coroutine)
        except CardError as error:
            return error.reason
        return None

    def find_and_prepare(self):
        """Return the UIDs that `prepare` got, each with the time since then, in us, when the card was found."""
        prepared = []
        identity = self.clock.run(self.reader.find_card(False, lambda uid: prepared.append((uid, self.clock.now_us))))
        return identity.uid, [(uid, self.clock.now_us - prepared_us) for uid, prepared_us in prepared]

    def find_all(self):
        """Return the UIDs of all cards, each put to sleep when it was found."""
        found = []
        identity = self.find()
        while identity is not None:
            found.append(identity.uid)
            self.clock.run(self.reader.halt())
            identity = self.find()
        return found


class TestOneCard(FindTest):
    def test_uids_of_all_lengths(self):
        for uid, atqa, sak in ((UID4, b"\x04\x00", 0x08), (UID7, b"\x44\x00", 0x00), (UID10, b"\x84\x00", 0x20)):
            card = Card("plain", uid, atqa, sak, bytearray(4))
            self.put(card)
            identity = self.find()
            self.assertEqual((identity.uid, identity.sak, identity.atqa), (uid, sak, atqa))
            self.assertEqual(card.state, ACTIVE)
            self.assertEqual(self.model.violations, [])

    def test_the_uid_is_told_while_the_card_answers_its_selection(self):
        for uid in (UID4, UID7, UID10):
            self.put(Card("plain", uid, b"\x04\x00", 0x08, bytearray(4)))
            found, prepared = self.find_and_prepare()
            self.assertEqual((found, [one for one, _ in prepared]), (uid, [uid]))
            self.assertTrue(prepared[0][1] > 1_000)  # 9 bytes to the card and 3 back at 106 kbit/s

    def test_a_uid_that_begins_like_a_longer_one_is_told_by_its_selection_alone(self):
        card = Card("plain", UID4, b"\x04\x00", 0x08, bytearray(4))
        card._parts = [b"\x88\x22\x33\x44\xdd"]
        self.put(card)
        self.assertEqual(self.find_and_prepare(), (b"\x88\x22\x33\x44", []))

    def test_an_empty_field_holds_no_card(self):
        self.put()
        self.assertIsNone(self.find())
        self.assertIsNone(self.find(wake=True))

    def test_only_waking_finds_a_card_that_sleeps(self):
        card = ClassicCard(UID4)
        self.put(card)
        self.find()
        self.clock.run(self.reader.halt())
        self.assertEqual(card.state, HALT)
        self.assertIsNone(self.find())
        self.assertEqual(self.find(wake=True).uid, UID4)

    def test_waking_reaches_a_card_that_is_still_active(self):
        self.put(ClassicCard(UID4))
        self.find()
        self.assertEqual(self.find(wake=True).uid, UID4)

    def test_a_card_lifted_at_any_frame_raises_or_is_not_there(self):
        for frame in range(1, 6):
            self.put(UltralightCard("ntag213", UID7))
            self.model.faults.lift(frame)
            if frame == 1:
                self.assertIsNone(self.find())
            else:
                self.assertEqual(self.reason(self.reader.find_card()), "silent")
            self.assertIsNone(self.find())

    def test_any_flipped_bit_in_any_answer_is_noticed(self):
        """Flip bits: one breaks parity, two in a byte break check byte or CRC, two below each other pass the check
        byte.
        """
        for frame, bits in ((2, 40), (3, 24), (4, 40), (5, 24)):
            for bit in range(bits - 1):
                for flips in ((bit,), (bit, bit + 1), (bit, (bit + 8) % bits)):
                    self.put(UltralightCard("ntag213", UID7))
                    self.model.faults.flip_from_card(frame, flips)
                    self.assertEqual(self.reason(self.reader.find_card()), "garbled")

    def test_a_flipped_bit_on_the_way_to_the_card_selects_nothing(self):
        for frame in range(2, 6):
            for flips in ((3,), (12,), (8, 9)):
                self.put(UltralightCard("ntag213", UID7))
                self.model.faults.flip_to_card(frame, flips)
                self.assertEqual(self.reason(self.reader.find_card()), "silent")

    def test_a_cascade_that_does_not_continue(self):
        self.put(EndlessCard("plain", UID4, b"\x04\x00", 0x20, bytearray(4)))
        self.assertEqual(self.reason(self.reader.find_card()), "garbled")

    def test_a_card_that_did_not_understand_to_sleep(self):
        self.put(UltralightCard("ntag213", UID7))
        self.find()
        self.model.faults.flip_to_card(1, (5,))
        self.assertEqual(self.reason(self.reader.halt()), "refused")


class TestSeveralCards(FindTest):
    def test_any_pair_is_told_apart(self):
        """Try every first difference, with a second one behind it, in frames that begin within a byte and at its
        border.
        """
        for first in range(32):
            for second in (first, (first + 1) % 32, (first + 8) % 32, 31):
                if (first | second) >= 3:  # the lowest byte stays away from the cascade tag
                    self._check_pair(first, second)

    def _check_pair(self, first, second):
        value = int.from_bytes(UID4, "little")
        other = (value ^ (1 << first) ^ ((1 << second) if second != first else 0)).to_bytes(4, "little")
        self.put(ClassicCard(UID4), ClassicCard(other))
        self.assertEqual(sorted(self.find_all()), sorted([UID4, other]))
        self.assertEqual(self.model.violations, [])

    def test_a_handful_of_all_lengths(self):
        uids = [UID4, b"\x11\x22\x33\x45", b"\x91\x22\x33\x44", UID7, b"\x04\x55\x66\x77\x88\x99\xab", UID10]
        self.put(*[Card("plain", uid, b"\x04\x00", 0x20, bytearray(4)) for uid in uids])
        self.assertEqual(sorted(self.find_all()), sorted(uids))

    def test_collisions_in_every_cascade_level(self):
        uids = [bytes((4, 5, 6, 7, 8, 9, last, 11, 12, third)) for last in (0x10, 0x90) for third in (1, 2, 3)]
        uids += [bytes((4, 5, 0x86, 7, 8, 9, 10, 11, 12, 13))]
        self.put(*[Card("plain", uid, b"\x84\x00", 0x20, bytearray(4)) for uid in uids])
        self.assertEqual(sorted(self.find_all()), sorted(uids))

    def test_different_answers_to_the_request_do_not_hide_the_cards(self):
        self.put(ClassicCard(UID4), UltralightCard("ntag216", UID7))
        self.assertEqual(sorted(self.find_all()), sorted([UID4, UID7]))

    def test_cards_that_differ_only_in_the_check_byte_are_not_told_apart(self):
        self.put(*[BadCheckByte("plain", UID4, b"\x04\x00", 0x20, bytearray(4), seed) for seed in (1, 2)])
        frames = self.model.field.frames
        self.assertEqual(self.reason(self.reader.find_card()), "garbled")
        self.assertEqual(self.model.field.frames - frames, 2)

    def test_a_known_card_is_selected_among_others(self):
        first, second = ClassicCard(UID4), ClassicCard(b"\x11\x22\x33\x45")
        self.put(first, second)
        found = [self.find()]
        self.clock.run(self.reader.halt())
        found.append(self.find())
        for identity in found:
            self.clock.run(self.reader.select_again(identity))
            active = [card.uid for card in (first, second) if card.state == ACTIVE]
            self.assertEqual(active, [identity.uid])


class TestSelectAgain(FindTest):
    def test_every_length_and_state(self):
        for uid in (UID4, UID7, UID10):
            card = Card("plain", uid, b"\x04\x00", 0x20, bytearray(4))
            self.put(card)
            identity = self.find()
            self.clock.run(self.reader.select_again(identity))
            self.assertEqual(card.state, ACTIVE)
            self.clock.run(self.reader.halt())
            self.clock.run(self.reader.select_again(identity))
            self.assertEqual(card.state, ACTIVE)

    def test_a_card_that_left_or_was_exchanged(self):
        card = ClassicCard(UID4)
        self.put(card)
        identity = self.find()
        self.model.field.remove(card)
        self.assertEqual(self.reason(self.reader.select_again(identity)), "silent")
        self.model.field.insert(ClassicCard(b"\x99\x22\x33\x44"))
        self.clock.advance_us(5000)
        self.assertEqual(self.reason(self.reader.select_again(identity)), "silent")
        self.model.field.insert(Card("plain", UID4, b"\x04\x00", 0x20, bytearray(4)))
        self.clock.advance_us(5000)
        self.assertEqual(self.reason(self.reader.select_again(identity)), "changed")


if __name__ == "__main__":
    unittest.main()
