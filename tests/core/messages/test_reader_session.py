"""Sessions with a reader board: requests that come twice, late, out of step, and from before a restart."""

import unittest

from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.messages.reader_session import Answerer, Asker, SessionLost

KIND = frames.FIRST_BOARD_KIND


def parsed(data):
    reader = frames.FrameReader()
    reader.feed(data)
    return reader.take()


class TestSession(unittest.TestCase):
    def setUp(self):
        self.asker = Asker()
        self.answerer = Answerer(frames.DESK_READER, b"id")
        self.executed = []
        self.begin(0x01020304)

    def begin(self, nonce):
        self.hello = self.asker.begin(nonce)
        self.welcome = self.serve(self.hello)
        return self.asker.answer_in(parsed(self.welcome))

    def serve(self, data):
        request = parsed(data)
        reply = self.answerer.reply_to(request)
        if reply is None:
            self.executed.append(request.payload)
            return self.answerer.answer(request, frames.OK, 0, request.payload + b"!")
        return reply

    def status_of(self, data):
        return parsed(self.serve(data)).payload[0]

    def test_a_request_is_answered(self):
        reply = self.serve(self.asker.request(KIND, b"one"))
        self.assertEqual(self.asker.answer_in(parsed(reply)), b"\x00\x00one!")
        self.assertEqual(self.executed, [b"one"])

    def test_a_request_that_comes_again_gets_the_same_answer_and_is_executed_once(self):
        request = self.asker.request(KIND, b"one")
        self.assertEqual(self.serve(request), self.serve(request))
        self.assertEqual(self.executed, [b"one"])

    def test_a_hello_that_comes_again_keeps_the_session(self):
        request = self.asker.request(KIND, b"one")
        answer = self.serve(request)
        self.assertEqual(self.serve(self.hello), self.welcome)
        self.assertEqual(self.serve(request), answer)
        self.assertEqual((self.executed, self.answerer.sessions), ([b"one"], 1))

    def test_an_older_request_and_a_gap_are_out_of_step(self):
        first, second = self.asker.request(KIND, b"1"), self.asker.request(KIND, b"2")
        self.assertEqual(self.status_of(second), frames.OUT_OF_STEP)
        self.assertEqual((self.status_of(first), self.status_of(second)), (frames.OK, frames.OK))
        self.assertEqual(self.status_of(first), frames.OUT_OF_STEP)
        self.assertEqual(self.executed, [b"1", b"2"])

    def test_another_content_under_the_same_number_is_out_of_step(self):
        self.serve(self.asker.request(KIND, b"1"))
        self.assertEqual(self.status_of(frames.frame(KIND, 4, 1, b"2")), frames.OUT_OF_STEP)
        self.assertEqual(self.executed, [b"1"])

    def test_the_number_behind_a_hello_is_not_that_of_a_request(self):
        self.assertEqual(self.status_of(frames.frame(KIND, 4, 0, b"0")), frames.OUT_OF_STEP)

    def test_a_request_whose_execution_was_broken_off_is_not_executed_again(self):
        request = self.asker.request(KIND, b"one")
        self.assertIsNone(self.answerer.reply_to(parsed(request)))
        self.assertEqual(self.status_of(request), frames.OUT_OF_STEP)

    def test_numbers_go_round(self):
        for count in range(600):
            reply = self.serve(self.asker.request(KIND, b"%d" % count))
            self.assertEqual(self.asker.answer_in(parsed(reply)), b"\x00\x00%d!" % count)
        self.assertEqual(len(self.executed), 600)

    def test_requests_of_another_session_are_refused(self):
        request = self.asker.request(KIND, b"old")
        self.begin(0x01020305)
        self.assertEqual(self.status_of(request), frames.NO_SESSION)
        self.assertEqual((self.executed, self.answerer.sessions), ([], 2))

    def test_a_board_that_has_restarted_knows_no_session(self):
        self.answerer = Answerer(frames.DESK_READER, b"id")
        reply = self.serve(self.asker.request(KIND, b"one"))
        with self.assertRaises(SessionLost):
            self.asker.answer_in(parsed(reply))
        self.assertEqual(self.executed, [])

    def test_answers_to_other_requests_are_ignored(self):
        stale = self.serve(self.asker.request(KIND, b"one"))
        self.asker.request(KIND, b"two")
        ignored = (
            stale,
            self.welcome,
            frames.frame(KIND, 4, 2, b"\x00\x00"),
            frames.frame(KIND | frames.ANSWER, 5, 2, b"\x00\x00"),
            frames.frame(KIND + 1 | frames.ANSWER, 4, 2, b"\x00\x00"),
            frames.frame(KIND | frames.ANSWER, 4, 2, b"\x00"),
        )
        for data in ignored:
            self.assertIsNone(self.asker.answer_in(parsed(data)))
        answer = frames.frame(KIND | frames.ANSWER, 4, 2, b"\x00\x00")
        self.assertEqual(self.asker.answer_in(parsed(answer)), b"\x00\x00")
        self.assertIsNone(self.asker.answer_in(parsed(answer)))

    def test_a_welcome_from_before_is_ignored(self):
        stale = self.welcome
        self.asker.begin(0xFF020304)
        self.assertIsNone(self.asker.answer_in(parsed(stale)))

    def test_answers_and_malformed_hellos_get_no_answer(self):
        for data in (
            frames.frame(KIND | frames.ANSWER, 4, 1),
            frames.frame(frames.HELLO, 4, 0, b"\x01"),
            frames.frame(frames.HELLO, 4, 1, frames.hello(4)),
            frames.frame(frames.HELLO, 5, 0, frames.hello(4)),
        ):
            self.assertEqual(self.serve(data), b"")
        self.assertEqual(self.answerer.sessions, 1)

    def test_a_hello_of_another_version_is_answered_and_begins_nothing(self):
        other = frames.frame(frames.HELLO, 9, 0, b"\x02\x09\x00\x00\x00more")
        self.assertEqual(frames.read_welcome(parsed(self.serve(other)).payload[2:])[:2], (frames.VERSION, 9))
        self.assertEqual(self.answerer.sessions, 1)


if __name__ == "__main__":
    unittest.main()
