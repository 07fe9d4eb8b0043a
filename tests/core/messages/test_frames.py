"""Frames of a link: cut, joined, damaged and repeated; and contents that arrive in parts."""

import unittest
from binascii import crc32

from wattpurse.core.messages import frames

ASKED = frames.frame(frames.PART, 7, 300, b"some bytes")


def taken(reader):
    found = []
    one = reader.take()
    while one is not None:
        found.append((one.kind, one.sequence, one.offset, one.payload))
        one = reader.take()
    return found


class TestFrames(unittest.TestCase):
    def setUp(self):
        self.reader = frames.FrameReader()

    def test_a_frame_arrives_in_pieces_of_any_size(self):
        for size in range(1, len(ASKED) + 1):
            found = []
            for start in range(0, len(ASKED), size):
                self.reader.feed(ASKED[start : start + size])
                found += taken(self.reader)
            self.assertEqual(found, [(frames.PART, 7, 300, b"some bytes")])
        self.assertEqual(self.reader.errors, 0)

    def test_two_frames_in_one_write_are_two_frames(self):
        self.reader.feed(ASKED + frames.frame(frames.FETCH, 8))
        self.assertEqual([one[:2] for one in taken(self.reader)], [(frames.PART, 7), (frames.FETCH, 8)])

    def test_each_changed_bit_spoils_the_frame_and_the_next_one_is_read(self):
        for bit in range(8 * len(ASKED)):
            damaged = bytearray(ASKED)
            damaged[bit // 8] ^= 1 << bit % 8
            self.reader.feed(damaged)
            self.assertEqual(taken(self.reader), [])
            self.reader.clear()
            self.reader.feed(ASKED)
            self.assertEqual(len(taken(self.reader)), 1)

    def test_a_frame_of_another_version_is_an_error(self):
        self.reader.feed(ASKED[:1] + b"\x22" + ASKED[2:])
        self.assertEqual((taken(self.reader), self.reader.errors), ([], 1))

    def test_more_bytes_than_the_buffer_holds_are_dropped(self):
        self.reader.feed(ASKED[:5])
        self.reader.feed(bytes(frames.BUFFER_LIMIT))
        self.assertEqual((taken(self.reader), self.reader.errors), ([], 1))
        self.reader.feed(ASKED)
        self.assertEqual(len(taken(self.reader)), 1)

    def test_a_payload_longer_than_a_frame_is_refused(self):
        frames.frame(frames.DATA, 0, 0, bytes(frames.PAYLOAD_LIMIT))
        with self.assertRaises(ValueError):
            frames.frame(frames.DATA, 0, 0, bytes(frames.PAYLOAD_LIMIT + 1))

    def test_malformed_payloads_are_none(self):
        for payload in (b"", b"\x01", bytes(99)):
            for read in (frames.read_begin, frames.read_result, frames.read_fetch):
                self.assertIsNone(read(payload))
        with self.assertRaises(ValueError):
            frames.split_number(b"abc")

    def test_each_reason_has_words(self):
        for reason in range(frames.NOT_UNDERSTOOD, frames.NOT_NOW + 1):
            self.assertTrue("meter" in frames.reason_text(reason) or "content" in frames.reason_text(reason))
        self.assertTrue("99" in frames.reason_text(99))


class TestUpload(unittest.TestCase):
    CONTENT = bytes(range(100))

    def setUp(self):
        self.upload = frames.Upload()
        self.upload.begin(frames.TOKEN, 100, crc32(self.CONTENT))

    def test_parts_that_come_twice_or_too_early_change_nothing(self):
        self.upload.put(0, self.CONTENT[:40])
        self.upload.put(0, self.CONTENT[:40])
        self.upload.put(60, self.CONTENT[60:])
        self.assertEqual(self.upload.have, 40)
        self.upload.put(40, self.CONTENT[40:])
        self.assertTrue(self.upload.is_whole)
        self.assertEqual(self.upload.take(), self.CONTENT)
        self.assertEqual(self.upload.have, 0)

    def test_the_same_content_goes_on_and_another_begins_anew(self):
        self.upload.put(0, self.CONTENT[:40])
        self.upload.begin(frames.TOKEN, 100, crc32(self.CONTENT))
        self.assertEqual(self.upload.have, 40)
        self.upload.begin(frames.TOKEN, 100, 5)
        self.assertEqual(self.upload.have, 0)

    def test_a_part_that_goes_past_the_end_changes_nothing(self):
        self.upload.put(0, bytes(101))
        self.assertEqual(self.upload.have, 0)

    def test_a_content_with_a_wrong_checksum_is_none(self):
        self.upload.put(0, bytes(100))
        self.assertTrue(self.upload.is_whole)
        self.assertIsNone(self.upload.take())

    def test_a_content_without_bytes_or_longer_than_any_token_is_refused(self):
        for size in (0, frames.CONTENT_LIMIT + 1, 65_535):
            with self.assertRaises(ValueError):
                self.upload.begin(frames.TOKEN, size, 0)


if __name__ == "__main__":
    unittest.main()
