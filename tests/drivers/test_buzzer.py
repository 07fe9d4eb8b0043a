"""The buzzer: patterns to the millisecond, and the newest wins."""

import unittest

from boards.host.chips.pin import PUSH_PULL, Pin, Wire
from boards.host.world.clock import VirtualClock
from wattpurse.drivers.buzzer import ACCEPTED, REFUSED, Buzzer


class TestBuzzer(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.wire = Wire(pull=0)
        self.edges = []
        self.wire.listen(lambda level: self.edges.append((self.clock.now_us // 1000, level)))
        self.buzzer = Buzzer(Pin(self.wire, PUSH_PULL), self.clock)

    def _run(self, *steps):
        async def main():
            for step, wait_ms in steps:
                step()
                await self.clock.sleep_ms(wait_ms)

        self.clock.run(main())

    def test_plays_without_being_waited_for(self):
        self._run((lambda: self.buzzer.play(ACCEPTED), 1_000))
        self.assertEqual(self.edges, [(0, 1), (80, 0), (140, 1), (220, 0)])

    def test_a_new_pattern_ends_the_old_one(self):
        self._run((lambda: self.buzzer.play(REFUSED), 100), (lambda: self.buzzer.play(ACCEPTED), 1_000))
        self.assertEqual(self.edges, [(0, 1), (100, 0), (100, 1), (180, 0), (240, 1), (320, 0)])

    def test_the_last_of_two_patterns_at_once_plays(self):
        def both():
            self.buzzer.play(REFUSED)
            self.buzzer.play((10,))

        self._run((both, 1_000))
        self.assertEqual(self.edges, [(0, 1), (10, 0)])

    def test_stop(self):
        self._run((lambda: self.buzzer.play(ACCEPTED), 50), (self.buzzer.stop, 1_000), (self.buzzer.stop, 10))
        self.assertEqual(self.edges, [(0, 1), (50, 0)])

    def test_is_silent_from_the_start(self):
        pin = Pin(self.wire, PUSH_PULL)
        pin(1)
        Buzzer(pin, self.clock)
        self.assertEqual(pin.drives, 0)


if __name__ == "__main__":
    unittest.main()
