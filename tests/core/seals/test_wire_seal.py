"""Tags between a meter and its room reader: agreement of both ends, and refusals."""

import unittest

from boards.host.chips.aes import aes
from wattpurse.core.seals.wire_seal import ANSWER, REQUEST, TAG_SIZE, WireSeal

KEY = b"pairing key 0001"
METER_NONCE = b"meter001"
ROOM_NONCE = b"room0001"


def pair(key=KEY, meter_nonce=METER_NONCE, room_nonce=ROOM_NONCE):
    return WireSeal(aes, KEY, METER_NONCE, ROOM_NONCE), WireSeal(aes, key, meter_nonce, room_nonce)


class TestTags(unittest.TestCase):
    def test_both_ends_agree_on_requests_and_answers_of_any_length(self):
        meter, room = pair()
        for length in (0, 1, 7, 8, 9, 23, 24, 25, 100):
            content = bytes(range(length))
            for direction in (REQUEST, ANSWER):
                tag = meter.tag(direction, 0x31, content)
                self.assertEqual(len(tag), TAG_SIZE)
                self.assertTrue(room.is_authentic(direction, 0x31, content, tag))
            meter.count += 1
            room.count += 1

    def test_a_tag_does_not_depend_on_the_messages_before_it(self):
        meter, room = pair()
        for _ in range(5):
            meter.tag(REQUEST, 1, b"something else")
        self.assertEqual(meter.tag(REQUEST, 1, b"a"), room.tag(REQUEST, 1, b"a"))

    def test_every_part_of_a_message_is_under_its_tag(self):
        tags = set()
        for direction, kind, content, count in (
            (REQUEST, 1, b"abc", 0),
            (ANSWER, 1, b"abc", 0),
            (REQUEST, 2, b"abc", 0),
            (REQUEST, 1, b"abd", 0),
            (REQUEST, 1, b"abc\x00", 0),
            (REQUEST, 1, b"ab", 0),
            (REQUEST, 1, b"abc", 1),
            (REQUEST, 1, b"abc", 256),
        ):
            seal, _ = pair()
            seal.count = count
            tags.add(seal.tag(direction, kind, content))
        self.assertEqual(len(tags), 8)

    def test_another_key_or_session_refuses_the_tag(self):
        tag = pair()[0].tag(REQUEST, 1, b"abc")
        for other in (
            pair(key=b"pairing key 0002")[1],
            pair(meter_nonce=b"meter002")[1],
            pair(room_nonce=b"room0002")[1],
            pair(meter_nonce=ROOM_NONCE, room_nonce=METER_NONCE)[1],
        ):
            self.assertFalse(other.is_authentic(REQUEST, 1, b"abc", tag))

    def test_a_recorded_request_is_refused_at_its_next_turn(self):
        meter, room = pair()
        tag = meter.tag(REQUEST, 1, b"card present")
        self.assertTrue(room.is_authentic(REQUEST, 1, b"card present", tag))
        room.count += 1
        self.assertFalse(room.is_authentic(REQUEST, 1, b"card present", tag))

    def test_a_hidden_block_is_found_again_by_the_other_end_alone(self):
        meter, room = pair()
        hidden = meter.hide(b"keys of a card 1")
        self.assertFalse(hidden == b"keys of a card 1")
        self.assertEqual(room.reveal(hidden), b"keys of a card 1")
        self.assertFalse(pair(key=b"pairing key 0002")[1].reveal(hidden) == b"keys of a card 1")


if __name__ == "__main__":
    unittest.main()
