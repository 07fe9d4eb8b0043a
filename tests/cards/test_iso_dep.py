"""ISO-DEP through the real reader driver, the model of its chip and the model of a card: each command is executed once.

Clauses and rules are those of ISO/IEC 14443-4:2008.
"""

import unittest

from boards.host.cards.iso14443a import HALT
from boards.host.cards.iso_dep import EV1_ATS, IsoDepCard
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from wattpurse.cards import iso_dep
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.mfrc522 import Mfrc522

UID = b"\x04\x55\x66\x77\x88\x99\xaa"


def echoed(command):
    """Answer with the command, turned round."""
    return bytes(reversed(command))


class IsoDepTest(unittest.TestCase):
    def put(self, card):
        """Start a fresh reader with this card before it, and select the card."""
        self.clock = VirtualClock()
        self.model = Mfrc522Model(self.clock)
        self.reader = Mfrc522(self.model.spi, self.model.select, self.model.reset, self.model.irq, self.clock)
        self.card = card
        self.model.field.insert(card)
        self.clock.run(self.reader.start())
        self.identity = self.clock.run(self.reader.find_card())

    def open(self, **parts):
        self.put(IsoDepCard(UID, parts.pop("application", echoed), **parts))
        self.link = self.clock.run(iso_dep.activate(self.reader, self.identity, self.clock))
        return self.link

    def transceive(self, command):
        return self.clock.run(self.link.transceive(command))

    def reason(self, coroutine):
        """Return the reason why `coroutine` failed."""
        try:
            self.clock.run(coroutine)
        except CardError as error:
            return error.reason
        return None

    def elapsed_ms(self, coroutine):
        """Return the virtual time that `coroutine` took, and its reason."""
        begun_us = self.clock.now_us
        reason = self.reason(coroutine)
        return (self.clock.now_us - begun_us) / 1000, reason


class TestExchange(IsoDepTest):
    def test_a_command_and_its_answer(self):
        self.open()
        self.assertEqual(self.link.historical, EV1_ATS[-1:])
        for command in (b"\x60", b"12345", bytes(range(61)), b"", memoryview(b"\x01\x02\x03")[1:]):
            self.assertEqual(self.transceive(command), echoed(command))
        self.assertEqual(self.card.executed[0], b"\x60")
        self.assertEqual(len(self.card.executed), 5)
        self.assertEqual(self.model.violations, [])

    def test_long_commands_and_answers_are_chained(self):
        self.open()
        for length in (61, 62, 122, 123, 200, 258):
            command = bytes([n & 0xFF for n in range(length)])
            self.assertEqual(self.transceive(command), echoed(command))
        self.assertEqual(self.model.violations, [])

    def test_no_frame_is_longer_than_the_card_takes(self):
        for size, longest in ((0, 16), (1, 24), (2, 32), (3, 40), (4, 48), (5, 64), (6, 64), (8, 64), (12, 64)):
            self.open(ats=bytes((6, 0x70 | size)) + EV1_ATS[2:])
            seen = []
            transmit = self.model.field.transmit

            def watch(data, bits, session, transmit=transmit, seen=seen):
                seen.append(len(data))
                return transmit(data, bits, session)

            self.model.field.transmit = watch
            command = bytes(range(200))
            self.assertEqual(self.transceive(command), echoed(command))
            self.assertEqual(max(seen), longest)

    def test_a_card_that_asks_for_time_gets_it(self):
        self.open()
        self.card.work_us = 300_000
        elapsed_ms, reason = self.elapsed_ms(self.link.transceive(b"slow"))
        self.assertEqual(reason, None)
        self.assertTrue(300 < elapsed_ms < 310)
        self.assertEqual(self.card.executed, [b"slow"])

    def test_the_card_sleeps_after_deselect_and_can_be_woken(self):
        self.open()
        self.assertTrue(self.clock.run(self.link.deselect()))
        self.assertEqual(self.card.state, HALT)
        self.assertEqual(self.reason(self.link.transceive(b"1")), "silent")
        self.clock.run(self.link.select_again())
        self.assertEqual(self.transceive(b"12"), b"21")

    def test_the_presence_of_a_card_is_checked_without_a_command(self):
        self.open()
        self.transceive(b"1")
        for _ in range(3):
            self.assertTrue(self.clock.run(self.link.is_present()))
        self.assertEqual(self.transceive(b"2"), b"2")
        self.model.field.remove(self.card)
        self.assertFalse(self.clock.run(self.link.is_present()))
        self.assertEqual(self.card.executed, [b"1", b"2"])


class TestLoss(IsoDepTest):
    COMMAND = bytes(range(150))

    def frames(self):
        """Return the number of frames of an exchange with chaining both ways."""
        self.open()
        before = self.model.field.frames
        self.transceive(self.COMMAND)
        return self.model.field.frames - before

    def test_any_frame_lost_damaged_or_late_is_made_good(self):
        frames = self.frames()
        self.assertEqual(frames, 5)
        faults = (
            lambda frame: self.model.faults.lose(frame),
            lambda frame: self.model.faults.silence(frame),
            lambda frame: self.model.faults.flip_to_card(frame, (9,)),
            lambda frame: self.model.faults.flip_to_card(frame, (8, 9)),
            lambda frame: self.model.faults.flip_from_card(frame, (1,)),
            lambda frame: self.model.faults.flip_from_card(frame, (1, 2)),
            lambda frame: self.model.faults.delay(frame, 60_000),
            lambda frame: self.model.faults.delay(frame, 90_000),
        )
        for frame in range(1, frames + 1):
            for fault in faults:
                self.open()
                fault(frame)
                self.assertEqual(self.transceive(self.COMMAND), echoed(self.COMMAND))
                self.assertEqual(self.transceive(b"next"), b"txen")
                self.assertEqual(self.card.executed, [self.COMMAND, b"next"])
                self.assertEqual(self.model.violations, [])
