"""A reader board by itself: its watchdog, its LED, and requests that last."""

import unittest

from tests.services.reader_bench import IDENTITY, ReaderBench
from wattpurse.cards.mfrc522 import ReaderError
from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.messages import reader_steps as steps
from wattpurse.services.reader_board import ReaderBoard

WATCHDOG_US = 8_000_000


class Led:
    """A pin that keeps `(time_us, level)` of each change."""

    def __init__(self, clock):
        self.changes = [(clock.now_us, 0)]
        self._clock = clock

    def __call__(self, level):
        if level != self.changes[-1][1]:
            self.changes.append((self._clock.now_us, level))

    def lit_us(self, begin_us):
        """Return the time that the LED was lit since `begin_us`."""
        total, since_us, was = 0, begin_us, 0
        for time_us, level in self.changes + [(self._clock.now_us, 0)]:
            if time_us > begin_us:
                total += (time_us - since_us) * was
                since_us = time_us
            was = level
        return total


class TestReaderBoard(unittest.TestCase):
    def setUp(self):
        self.bench = bench = ReaderBench()
        self.led = Led(bench.clock)
        self.board = ReaderBoard(
            line=bench.asked,
            reader=bench.near,
            clock=bench.clock,
            watchdog=bench,
            led=self.led,
            role=frames.DESK_READER,
            identity=IDENTITY,
        )
        bench._serve = self.board.run

    def wait(self, duration_ms):
        begin_us = self.bench.clock.now_us
        self.bench.run(self.bench.clock.sleep_ms(duration_ms))
        return self.led.lit_us(begin_us) // 1000

    def test_a_board_that_waits_flashes_every_two_seconds(self):
        self.assertTrue(400 <= self.wait(10_000) <= 600)

    def test_a_board_with_a_session_is_lit_until_its_owner_is_silent_for_a_minute(self):
        self.bench.run(self.bench.reader.start())
        self.assertTrue(self.wait(10_000) > 9_500)
        self.wait(60_000)
        self.assertTrue(self.wait(10_000) <= 600)

    def test_a_board_without_its_chip_blinks(self):
        self.bench.model.faults.spi_dead = 0
        with self.assertRaises(ReaderError):
            self.bench.run(self.bench.reader.start())
        self.assertTrue(4_500 <= self.wait(10_000) <= 5_500)
        self.assertTrue(len(self.led.changes) > 40)

    def test_the_longest_requests_leave_the_watchdog_fed(self):
        self.bench.run(self.bench.reader.start())
        self.bench.run(self.bench.reader.find_card(look_ms=3_000))
        for timeout_us in (3_000_000, 300_000):
            request = steps.step(steps.EXCHANGE, b"\x30\x04", timeout_us, 1)
            status, _ = self.bench.run(self.bench.link.ask(frames.STEPS, request, 4_000))
            self.assertEqual(status, frames.FIRST_CARD_ERROR)
        self.assertTrue(self.bench.longest_hunger_us < WATCHDOG_US // 2)


if __name__ == "__main__":
    unittest.main()
