"""Frames to a reader board: cut, joined, damaged, behind noise; their contents; and the steps at a card."""

import unittest

from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.messages import reader_steps as steps

ASKED = frames.frame(frames.STEPS, 7, 250, b"some bytes")


def taken(reader, is_quiet=False):
    found = []
    one = reader.take(is_quiet)
    while one is not None:
        found.append((one.kind, one.session, one.sequence, one.payload))
        one = reader.take(is_quiet)
    return found


class TestFrames(unittest.TestCase):
    def setUp(self):
        self.reader = frames.FrameReader()

    def test_the_bytes_of_a_frame_are_as_documented(self):
        # The CRC is that of zlib on a computer.
        self.assertEqual(frames.frame(frames.HALT, 0x12, 0x34), b"\x6d\x00\x12\x34\x06\xc0\xfe\xaf\x6c")

    def test_a_frame_arrives_in_pieces_of_any_size(self):
        for size in range(1, len(ASKED) + 1):
            found = []
            for start in range(0, len(ASKED), size):
                self.reader.feed(ASKED[start : start + size])
                found += taken(self.reader)
            self.assertEqual(found, [(frames.STEPS, 7, 250, b"some bytes")])
        self.assertEqual((self.reader.errors, self.reader.is_empty), (0, True))

    def test_each_changed_bit_spoils_the_frame_and_the_next_one_is_read(self):
        for bit in range(8 * len(ASKED)):
            damaged = bytearray(ASKED)
            damaged[bit // 8] ^= 1 << bit % 8
            self.reader.feed(damaged + ASKED)
            self.assertEqual(taken(self.reader, True), [(frames.STEPS, 7, 250, b"some bytes")])
            self.assertTrue(self.reader.errors > 0)

    def test_a_frame_behind_the_begin_of_another_is_found_once_the_line_is_quiet(self):
        for size in range(1, len(ASKED)):
            self.reader.feed(ASKED[:size])
            self.reader.feed(ASKED)
            found = taken(self.reader) + taken(self.reader, True)
            self.assertEqual(found, [(frames.STEPS, 7, 250, b"some bytes")])
            self.assertTrue(self.reader.is_empty)

    def test_more_bytes_than_the_buffer_holds_drop_the_oldest(self):
        self.reader.feed(bytes(2000))
        self.reader.feed(ASKED)
        self.assertEqual(len(taken(self.reader)), 1)

    def test_a_payload_longer_than_a_frame_is_refused(self):
        made = frames.frame(frames.STEPS, 0, 0, bytes(frames.PAYLOAD_LIMIT))
        self.assertEqual(len(made), frames.FRAME_LIMIT)
        with self.assertRaises(ValueError):
            frames.frame(frames.STEPS, 0, 0, bytes(frames.PAYLOAD_LIMIT + 1))

    def test_contents_are_read_as_they_were_made(self):
        self.assertEqual(frames.read_hello(frames.hello(0x12345678)), (frames.VERSION, 0x12345678))
        made = frames.welcome(5, frames.DESK_READER, b"board")
        self.assertEqual(frames.read_welcome(made), (frames.VERSION, 5, frames.DESK_READER, b"board"))
        self.assertEqual(frames.read_find(frames.find(True, 500)), (1, 500))
        for uid in (b"1234", b"1234567", b"1234567890"):
            self.assertEqual(frames.read_card(frames.card(uid, 8, b"\x04\x00")), (uid, 8, b"\x04\x00"))

    def test_malformed_contents_are_none(self):
        for read in (frames.read_hello, frames.read_welcome, frames.read_find, frames.read_card):
            for content in (b"", b"\x01"):
                self.assertIsNone(read(content))
        self.assertIsNone(frames.read_find(bytes(4)))
        self.assertIsNone(frames.read_card(bytes(8)))


class TestSteps(unittest.TestCase):
    def test_steps_are_read_as_they_were_made(self):
        request = steps.step(steps.AUTHENTICATE, bytes(12), 5000) + steps.step(
            steps.EXCHANGE, b"\x30\x04", 4_950, 16, 2
        )
        found = [(one.operation, one.frame, one.timeout_us, one.reply_length) for one in steps.read_steps(request)]
        read = [(steps.EXCHANGE, bytes((0x30, block)), 5000, 16) for block in (4, 5, 6)]
        self.assertEqual(found, [(steps.AUTHENTICATE, bytes(12), 5000, 0)] + read)
        self.assertEqual(steps.timeout_us_of(request), 20_000)

    def test_requests_beyond_a_limit_are_refused(self):
        good = steps.step(steps.ACKNOWLEDGED, b"\xa0\x04", 5000)
        refused = (
            b"",
            good[:-1],
            good + b"\x01",
            steps.step(steps.ACKNOWLEDGED, b"", 5000),
            steps.step(steps.ACKNOWLEDGED, bytes(65), 5000),
            steps.step(steps.ACKNOWLEDGED, b"\xa0\x04", 0),
            steps.step(steps.ACKNOWLEDGED, b"\xa0\x04", 3_000_100),
            steps.step(steps.ACKNOWLEDGED, b"\xa0\x04", 5000, 1),
            steps.step(steps.EXCHANGE, b"\xa0\x04", 5000, 0),
            steps.step(steps.EXCHANGE, b"\xa0\x04", 5000, 65),
            steps.step(steps.EXCHANGE, b"\xa0", 5000, 1, 1),
            steps.step(steps.EXCHANGE, b"\x30\x04", 5000, 16, 7),
            steps.step(steps.AUTHENTICATE, bytes(11), 5000),
            steps.step(steps.AUTHENTICATE, bytes(12), 5000, 0, 1),
            steps.step(steps.ACKNOWLEDGED, b"\xa0\x04", 2_600_000) * 2,
            steps.step(steps.ACKNOWLEDGED, b"\xa0\x04", 100, 0, 15) * 2,
            steps.step(5, b"\xa0\x04", 5000),
            steps.step(steps.BLOCK, b"\xa0\x04", 5000, 63),
            steps.step(steps.BLOCK, b"\xa0\x04", 5000, 0),
            steps.step(steps.BLOCK, b"\xa0\x04", 5000, 1, 1),
            steps.step(steps.BLOCK, b"\xa0\x04", 5000, 58) * 2,
        )
        self.assertEqual(len(steps.read_steps(good)), 1)
        for request in refused:
            self.assertIsNone(steps.read_steps(request))

    def test_a_block_has_a_reply_of_its_own_length(self):
        lengths = (steps.OWN_LENGTH, 2, steps.OWN_LENGTH)
        self.assertEqual(steps.read_replies(b"\x03\x03abcde\x00", lengths), [b"abc", b"de", b""])
        longest = b"\x01\x3e" + bytes(62)
        self.assertEqual(steps.read_replies(longest, (steps.OWN_LENGTH,)), [bytes(62)])
        for content in (b"\x01", b"\x01\x02a", b"\x01\x01ab", b"\x01\x3f" + bytes(63)):
            self.assertIsNone(steps.read_replies(content, lengths))

    def test_replies_are_cut_by_their_lengths(self):
        self.assertEqual(steps.read_replies(b"\x02" + bytes(16), (0, 16, 16)), [b"", bytes(16)])
        self.assertEqual(steps.read_replies(b"\x00", (16,)), [])
        for content in (b"", b"\x02\x00", b"\x01" + bytes(15), b"\x01" + bytes(17)):
            self.assertIsNone(steps.read_replies(content, (16,)))


if __name__ == "__main__":
    unittest.main()
