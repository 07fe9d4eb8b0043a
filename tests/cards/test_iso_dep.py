"""ISO-DEP through the real reader driver, the model of its chip and the model of a card: each command is executed once.

Clauses and rules are those of ISO/IEC 14443-4:2008.
"""

import unittest

from boards.host.cards.iso14443a import HALT
from boards.host.cards.iso_dep import EV1_ATS, IsoDepCard
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from wattpurse.cards import iso_dep
from wattpurse.cards.iso14443 import CardError, CardIdentity
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


class TestActivation(IsoDepTest):
    def activated(self, ats, **parts):
        """Return the reason why a card with this ATS was not activated, or None."""
        self.put(IsoDepCard(UID, echoed, ats=ats, **parts))
        self.link = iso_dep.IsoDepCard(self.reader, self.identity, self.clock)
        return self.reason(self.link.activate())

    def test_every_combination_of_optional_bytes(self):
        for form in range(8):
            optional = b"".join([one for bit, one in enumerate((b"\x77", b"\x81", b"\x02")) if form >> bit & 1])
            for historical in (b"", b"\x80", b"\xc1\x05\x2f\x2f\x01\xbc\xd6"):
                ats = bytes((2 + len(optional) + len(historical), form << 4 | 5)) + optional + historical
                self.assertEqual(self.activated(ats), None)
                self.assertEqual(self.link.historical, historical)
                self.assertEqual(self.transceive(b"12"), b"21")

    def test_an_ats_of_its_length_alone_has_default_values(self):
        self.assertEqual(self.activated(b"\x01"), None)
        self.assertEqual(self.link.historical, b"")
        self.assertEqual(self.transceive(bytes(range(60))), echoed(bytes(range(60))))

    def test_an_ats_that_is_cut_off_is_refused(self):
        for ats in (b"\x02\x75", b"\x02\x15", b"\x02\x25", b"\x03\x35\x77", b"\x03\x65\x81", b"\x05\x75\x77\x81"):
            self.assertEqual(self.activated(ats), "garbled")
            self.assertEqual(self.reason(self.link.transceive(b"1")), "silent")

    def test_the_waiting_time_is_that_of_the_card(self):
        for waiting, fwt_ms in ((0, 4), (4, 8.5), (8, 81), (11, 624), (15, 8.5)):
            self.assertEqual(self.activated(bytes((3, 0x25, waiting << 4))), None)
            self.model.field.remove(self.card)
            elapsed_ms, reason = self.elapsed_ms(self.link.transceive(b"1"))
            self.assertEqual(reason, "silent")
            self.assertTrue(3 * fwt_ms - 2 < elapsed_ms < 3 * fwt_ms + 8, (waiting, elapsed_ms))

    def test_no_card_can_hold_the_reader_for_longer_than_an_exchange(self):
        self.assertEqual(self.activated(b"\x03\x25\xe0"), None)  # FWI 14: 5 s
        self.model.field.remove(self.card)
        elapsed_ms, reason = self.elapsed_ms(self.link.transceive(b"1"))
        self.assertEqual(reason, "silent")
        self.assertTrue(elapsed_ms < iso_dep.LONGEST_EXCHANGE_MS + 20)

    def test_the_guard_time_behind_the_ats_is_kept(self):
        for guard in (0, 1, 5, 10, 15):
            self.assertEqual(self.activated(bytes((3, 0x25, 0x80 | guard))), None)
            self.assertEqual(self.transceive(b"12"), b"21")
            self.clock.run(self.link.select_again())
            self.assertTrue(self.clock.run(self.link.is_present()))
            for _ in range(2):
                self.clock.run(self.link.select_again())
            self.assertEqual(self.card.unheard, 0)
        self.assertEqual(self.activated(b"\x03\x25\x8b"), "unknown")  # 0.7 s

    def test_rats_is_repeated_if_the_card_missed_it(self):
        for fault in ("lose", "flip_to_card"):
            self.put(IsoDepCard(UID, echoed))
            if fault == "lose":
                self.model.faults.lose(1)
                self.link = self.clock.run(iso_dep.activate(self.reader, self.identity, self.clock))
                self.assertEqual(self.transceive(b"12"), b"21")
            else:
                self.model.faults.flip_to_card(1, (3,))
                self.assertEqual(self.reason(iso_dep.activate(self.reader, self.identity, self.clock)), "silent")

    def test_a_card_whose_ats_was_lost_is_woken_again(self):
        self.put(IsoDepCard(UID, echoed))
        self.model.faults.silence(1)
        link = self.link = iso_dep.IsoDepCard(self.reader, self.identity, self.clock)
        self.assertEqual(self.reason(link.activate()), "silent")
        self.clock.run(link.select_again())
        self.assertEqual(self.transceive(b"12"), b"21")

    def test_a_random_uid_is_recognised_and_stays_while_the_field_is_on(self):
        self.put(IsoDepCard(None, echoed, atqa=b"\x04\x03"))
        self.assertTrue(self.identity.is_random)
        self.link = self.clock.run(iso_dep.activate(self.reader, self.identity, self.clock))
        self.clock.run(self.link.select_again())
        self.assertEqual(self.transceive(b"12"), b"21")
        self.reader.power_down()
        self.clock.run(self.reader.power_up())
        self.assertNotEqual(self.clock.run(self.reader.find_card()).uid, self.identity.uid)
        for uid, sak in ((UID, 0x20), (b"\x08\x01\x02\x03", 0x08), (b"\x09\x01\x02\x03", 0x20)):
            self.assertFalse(CardIdentity(uid, sak, b"").is_random)


class TestLoss(IsoDepTest):
    COMMAND = bytes(range(150))

    def open_long(self):
        """Open a card whose exchange chains both ways, and asks for time at the command, in it, and in the answer."""
        self.open()
        self.card.longest_piece = 40
        take_command, self.blocks = self.card._take_command, 0

        def with_extensions(block):
            self.blocks += 1
            if self.blocks in (2, 3):
                self.card.extensions = [1, 3]
            return take_command(block)

        self.card._take_command = with_extensions
        take_r_block = self.card._take_r_block

        def with_extension(head):
            self.card.extensions = [2] if head & 0x10 == 0 and head & 1 != self.card._number else []
            return take_r_block(head)

        self.card._take_r_block = with_extension

    def frames(self):
        """Return the number of frames of an exchange with chaining both ways."""
        self.open_long()
        before = self.model.field.frames
        self.assertEqual(self.transceive(self.COMMAND), echoed(self.COMMAND))
        return self.model.field.frames - before

    def faults(self, frame):
        """Yield functions that plan one fault each at a frame."""
        faults = self.model.faults
        yield lambda: faults.lose(frame)
        yield lambda: faults.silence(frame)
        yield lambda: faults.flip_to_card(frame, (9,))
        yield lambda: faults.flip_to_card(frame, (8, 9))
        yield lambda: faults.flip_from_card(frame, (1,))
        yield lambda: faults.flip_from_card(frame, (1, 2))
        yield lambda: faults.delay(frame, 60_000)
        yield lambda: faults.delay(frame, 300_000)

    def test_any_frame_lost_damaged_or_late_is_made_good(self):
        frames = self.frames()
        self.assertEqual(frames, 3 + 4 + 3 + 3)  # I-blocks, S(WTX) in them, R(ACK), S(WTX) behind them
        for frame in range(1, frames + 1):
            for number in range(8):
                self.open_long()
                list(self.faults(frame))[number]()
                self.assertEqual(self.transceive(self.COMMAND), echoed(self.COMMAND))
                self.assertEqual(self.transceive(b"next"), b"txen")
                self.assertEqual(self.card.executed, [self.COMMAND, b"next"])
                self.assertEqual(self.model.violations, [])

    def test_a_card_lifted_at_any_frame_has_executed_the_command_once_or_not_at_all(self):
        for frame in range(1, self.frames() + 1):
            self.open_long()
            self.model.faults.lift(frame)
            elapsed_ms, reason = self.elapsed_ms(self.link.transceive(self.COMMAND))
            self.assertEqual(reason, "silent")
            self.assertTrue(elapsed_ms < 700, elapsed_ms)
            self.assertTrue(self.card.executed in ([], [self.COMMAND]))
            self.assertEqual(self.reason(self.link.transceive(b"next")), "silent")

    def test_after_an_error_nothing_is_sent_until_the_card_is_selected_again(self):
        self.open()
        for frame in range(1, 4):
            self.model.faults.silence(frame)
        self.assertEqual(self.reason(self.link.transceive(b"once")), "silent")
        frames = self.model.field.frames
        self.assertEqual(self.reason(self.link.transceive(b"more")), "silent")
        self.assertEqual(self.model.field.frames, frames)
        self.clock.run(self.link.select_again())
        self.assertEqual(self.transceive(b"more"), b"erom")
        self.assertEqual(self.card.executed, [b"once", b"more"])

    def test_the_model_executes_a_command_twice_that_a_reader_repeats_by_itself(self):
        self.open()
        self.assertTrue(self.clock.run(self.link.is_present()))  # the guard time is over
        block = b"\x02pay"
        for _ in range(2):
            self.clock.run(self.reader.exchange_block(block, 80_000, None))
        self.assertEqual(self.card.executed, [b"pay", b"pay"])


class Talker(IsoDepCard):
    """A card that answers each block by `script(block)`: bytes of a frame without CRC, or None."""

    def __init__(self, script):
        super().__init__(UID, echoed)
        self.script = script

    def _take_block(self, block):
        reply = self.script(block)
        return None if reply is None else self.answer(reply)


class TestHostile(IsoDepTest):
    def hear(self, script, command=b"command"):
        """Return the reason with which an exchange ends, its time in ms, and its frames."""
        self.put(Talker(script))
        self.link = self.clock.run(iso_dep.activate(self.reader, self.identity, self.clock))
        before = self.model.field.frames
        elapsed_ms, reason = self.elapsed_ms(self.link.transceive(command))
        return reason, elapsed_ms, self.model.field.frames - before

    def test_a_card_that_asks_for_time_for_ever_is_given_up(self):
        for multiplier in (1, 59):
            reason, elapsed_ms, _ = self.hear(lambda block, m=multiplier: bytes((0xF2, m)))
            self.assertEqual(reason, "silent")
            self.assertTrue(elapsed_ms < iso_dep.LONGEST_EXCHANGE_MS + 20)

    def test_multipliers_out_of_range_are_errors(self):
        for multiplier in (0, 60, 63, 0x40, 0xFC):
            reason, _, frames = self.hear(lambda block, m=multiplier: bytes((0xF2, m)))
            self.assertEqual((reason, frames), ("garbled", 3))

    def test_power_levels_in_a_multiplier_are_not_returned(self):
        sent = []

        def script(block):
            sent.append(block)
            return b"\xf2\xc5" if len(sent) == 1 else b"\x02ok"

        self.assertEqual(self.hear(script)[0], None)
        self.assertEqual(sent[1], b"\xf2\x05")

    def test_a_block_is_repeated_a_few_times_only(self):
        reason, _, frames = self.hear(lambda block: b"\xa3")
        self.assertEqual((reason, frames), ("garbled", 3))

    def test_blocks_that_no_card_may_send_are_errors(self):
        for reply in (
            b"\x03",
            b"\xa2",
            b"\xb2",
            b"\xb3",
            b"\xc2",
            b"\x0a\x00",
            b"\x06\x00",
            b"\xf2",
            b"\xd0",
            b"\xe0\x00",
        ):
            reason, _, frames = self.hear(lambda block, reply=reply: reply)
            self.assertEqual((reason, frames), ("garbled", 3), reply)

    def test_an_answer_without_end_is_given_up(self):
        def endless(block, length):
            return bytes((0x12 | (block[0] & 1),)) + bytes(length)

        for length, most_frames in ((61, 6), (1, 260), (0, 1)):
            reason, elapsed_ms, frames = self.hear(lambda block, length=length: endless(block, length))
            self.assertEqual(reason, "garbled")
            self.assertTrue(frames <= most_frames)
            self.assertTrue(elapsed_ms < iso_dep.LONGEST_EXCHANGE_MS)

    def test_the_longest_answer_is_258_bytes(self):
        self.open(application=lambda command: bytes(int(command)))
        self.assertEqual(len(self.transceive(b"258")), 258)
        self.assertEqual(self.reason(self.link.transceive(b"259")), "garbled")

    def test_a_card_that_sends_without_end_is_no_fault_of_the_reader(self):
        for length in (300, 700, 60_000):
            reason, elapsed_ms, _ = self.hear(lambda block, length=length: b"\x02" + bytes(length))
            self.assertEqual(reason, "garbled")
            self.assertTrue(elapsed_ms < 450, elapsed_ms)
            self.model.field.remove(self.card)
            self.model.field.insert(IsoDepCard(UID, echoed))
            self.clock.advance_us(10_000)
            self.link.identity = self.clock.run(self.reader.find_card())
            self.clock.run(self.link.activate())
            self.assertEqual(self.transceive(b"12"), b"21")
        self.assertEqual(self.model.violations, [])

    def test_a_frame_that_overflows_the_fifo_is_an_error(self):
        for length in (62, 63, 80):
            reason, _, _ = self.hear(lambda block, length=length: b"\x02" + bytes(length))
            self.assertEqual(reason, "garbled")
        self.assertEqual(self.model.violations, [])
