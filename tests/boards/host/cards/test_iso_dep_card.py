"""The card's side of ISO/IEC 14443-4, frame by frame: the rules of the PICC (7.5.4.2, 7.5.5.3), RATS, PPS, DESELECT."""

import unittest

from boards.host.cards.iso14443a import HALT, IDLE, START_UP_US, WUPA, crc_a
from boards.host.cards.iso_dep import EV1_ATS, PROTOCOL, IsoDepCard

UID = b"\x04\x55\x66\x77\x88\x99\xaa"


class CardTest(unittest.TestCase):
    """Sends frames to `self.card` as a reader does, long after the last one."""

    def put(self, ats=EV1_ATS, answer=None):
        self.card = IsoDepCard(UID, answer or (lambda command: b"<" + command + b">"), ats)
        self.now_us = START_UP_US
        self.card.power_on(0)
        self.select()

    def select(self):
        self.card.receive(self.now_us, bytes((WUPA,)), 7, True, None)
        for level, part in ((0x93, b"\x88" + UID[:3]), (0x95, UID[3:])):
            check = part[0] ^ part[1] ^ part[2] ^ part[3]
            self.frame(bytes((level, 0x70)) + part + bytes((check,)))

    def frame(self, data, intact=True, later_us=100_000):
        """Return the answer without its CRC, or None."""
        self.now_us += later_us
        data = data + crc_a(data)
        answer = self.card.receive(self.now_us, data, len(data) * 8, intact, None)
        if answer is None:
            return None
        content, bits, _ = answer
        self.assertEqual((bits, crc_a(content[:-2])), (len(content) * 8, content[-2:]))
        return content[:-2]

    def open(self, **parts):
        self.put(**parts)
        self.assertEqual(self.frame(b"\xe0\x50"), self.card.ats)


class TestActivation(CardTest):
    def test_rats_is_answered_once(self):
        self.open()
        self.assertEqual(self.card.state, PROTOCOL)
        self.assertEqual(self.frame(b"\xe0\x50"), None)

    def test_rats_of_reserved_values_is_an_error(self):
        for rats in (b"\xe0\x5f", b"\xe0\x90", b"\xe0", b"\xe0\x50\x00", b"\x02\x60"):
            self.put()
            self.assertEqual(self.frame(rats), None)
            self.assertEqual(self.card.state, IDLE)

    def test_an_activated_card_hears_no_request(self):
        self.open()
        self.assertEqual(self.card.receive(self.now_us + 9_000, bytes((WUPA,)), 7, True, None), None)
        self.assertEqual(self.frame(b"\x50\x00"), None)
        self.assertEqual(self.frame(b"\x02a"), b"\x02<a>")

    def test_a_block_in_the_guard_time_is_not_heard(self):
        self.open(ats=b"\x03\x25\x8a")  # 0.31 s
        self.assertEqual(self.frame(b"\x02a", later_us=300_000), None)
        self.assertEqual(self.frame(b"\x02a"), b"\x02<a>")

    def test_pps_comes_first_or_not_at_all(self):
        self.open()
        self.assertEqual(self.frame(b"\xd0\x11\x00"), b"\xd0")
        self.assertEqual(self.frame(b"\x02a"), b"\x02<a>")
        self.assertEqual(self.frame(b"\xd0\x11\x00"), None)
        self.open()
        self.assertEqual(self.frame(b"\xd0\x01"), b"\xd0")

    def test_after_pps_to_another_rate_the_card_hears_this_reader_no_more(self):
        self.open()
        self.assertEqual(self.frame(b"\xd0\x11\x05"), b"\xd0")
        self.assertEqual(self.frame(b"\x02a"), None)
        self.open(ats=b"\x03\x15\x00")  # 106 kbit/s alone
        self.assertEqual(self.frame(b"\xd0\x11\x05"), None)
        self.open()
        self.assertEqual(self.frame(b"\xd1\x11\x00"), None)  # another CID

    def test_a_card_that_is_deselected_sleeps(self):
        self.open()
        self.assertEqual(self.frame(b"\xc2"), b"\xc2")
        self.assertEqual(self.card.state, HALT)
        self.assertEqual(self.frame(b"\x02a"), None)
        self.select()
        self.assertEqual(self.frame(b"\xe0\x50"), EV1_ATS)
        self.assertEqual(self.frame(b"\x02a"), b"\x02<a>")


class TestBlocks(CardTest):
    def test_damaged_and_long_frames_are_not_answered(self):
        self.open()
        self.assertEqual(self.frame(b"\x02a", intact=False), None)
        self.assertEqual(self.card.receive(self.now_us + 9_000, b"\x02a\x00\x00", 32, True, None), None)
        self.assertEqual(self.frame(b"\x02" + bytes(62)), None)
        self.assertEqual(len(self.frame(b"\x02" + bytes(61))), 1 + 61)
        self.assertEqual(self.card.unheard, 3)

    def test_blocks_with_cid_or_nad_are_not_answered(self):
        self.open()
        for block in (b"\x0a\x00a", b"\x06\x00a", b"\xba\x00", b"\xca\x00", b"\x00", b"\x22", b"\xf2"):
            self.assertEqual(self.frame(block), None)
        self.assertEqual(self.card.executed, [])

    def test_the_number_toggles_at_each_command_whatever_its_own(self):  # rules C and D
        self.open()
        self.assertEqual(self.frame(b"\x02a"), b"\x02<a>")
        self.assertEqual(self.frame(b"\x02a"), b"\x03<a>")
        self.assertEqual(self.card.executed, [b"a", b"a"])

    def test_the_last_block_is_repeated_for_an_r_block_of_its_number(self):  # rule 11
        self.open()
        self.frame(b"\x02a")
        self.assertEqual(self.frame(b"\xb2"), b"\x02<a>")
        self.assertEqual(self.frame(b"\xa2"), b"\x02<a>")
        self.assertEqual(self.card.executed, [b"a"])

    def test_nak_of_the_other_number_is_acknowledged(self):  # rule 12
        self.open()
        self.assertEqual(self.frame(b"\xb2"), b"\xa3")
        self.frame(b"\x02a")
        self.assertEqual(self.frame(b"\xb3"), b"\xa2")

    def test_ack_of_the_other_number_continues_a_chain(self):  # rules E and 13
        self.open(answer=lambda command: bytes(range(130)))
        self.assertEqual(self.frame(b"\x02"), b"\x12" + bytes(range(61)))
        self.assertEqual(self.frame(b"\xa3"), b"\x13" + bytes(range(61, 122)))
        self.assertEqual(self.frame(b"\xa3"), b"\x13" + bytes(range(61, 122)))
        self.assertEqual(self.frame(b"\xa2"), b"\x02" + bytes(range(122, 130)))
        self.assertEqual(self.frame(b"\xa3"), None)

    def test_chained_commands_are_acknowledged(self):  # rule 2
        self.open()
        self.assertEqual(self.frame(b"\x12a"), b"\xa2")
        self.assertEqual(self.frame(b"\x13b"), b"\xa3")
        self.assertEqual(self.frame(b"\x02c"), b"\x02<abc>")
        self.assertEqual(self.card.executed, [b"abc"])

    def test_the_frames_of_the_card_fit_the_reader(self):
        self.put(answer=lambda command: bytes(40))
        self.frame(b"\xe0\x00")
        self.assertEqual(self.frame(b"\x02"), b"\x12" + bytes(13))

    def test_time_is_asked_for_and_granted(self):  # rules 3 and 9
        self.open()
        self.card.work_us = 200_000
        self.assertEqual(self.frame(b"\x02a"), b"\xf2\x03")
        self.assertEqual(self.frame(b"\xb2"), b"\xf2\x03")
        self.assertEqual(self.card.executed, [])
        self.assertEqual(self.frame(b"\xf2\x02"), None)
        self.assertEqual(self.frame(b"\xf2\x03"), b"\x02<a>")
        self.assertEqual(self.frame(b"\xf2\x03"), None)
        self.assertEqual(self.card.executed, [b"a"])
