"""Power from pulses: exact for every constant of a meter, and it falls with the load."""

import unittest

from wattpurse.core.guards.power import WINDOW_MS, Power

SECOND_MS = 1_000
READ_EVERY_MS = 50


class House:
    """A load on a meter. `power` looks once a second; pulses are read every 50 ms, as metering does."""

    def __init__(self, impulses):
        self.power = Power()
        self._impulses = impulses
        self._now_ms = 0
        self._energy = 0  # in W x ms x impulses: 3,600,000,000 of them are a pulse
        self._unseen = 0
        self._newest_ms = 0

    def live(self, load_w, duration_s):
        """Return the power after each second."""
        seen = []
        for _ in range(duration_s):
            for _ in range(SECOND_MS // READ_EVERY_MS):
                self._now_ms += READ_EVERY_MS
                before = self._energy // 3_600_000_000
                self._energy += load_w * READ_EVERY_MS * self._impulses
                pulses = self._energy // 3_600_000_000 - before
                if pulses:
                    self._unseen += pulses
                    self._newest_ms = self._now_ms
            self.power.look(self._unseen, self._now_ms - self._newest_ms, SECOND_MS)
            self._unseen = 0
            seen.append(self.power.watts(self._impulses, 1))
        return seen


class TestPower(unittest.TestCase):
    def test_a_steady_load_is_known_to_half_a_percent_for_any_constant(self):
        for impulses in (10, 100, 1_000, 3_200, 10_000):
            for load_w in (230, 2_300, 23_000):
                pulse_s = 3_600_000 // (impulses * load_w)
                seen = House(impulses).live(load_w, 2 * pulse_s + 60)
                for power_w in seen[2 * pulse_s + 30 :]:
                    self.assertTrue(abs(power_w - load_w) * 200 <= load_w, (impulses, load_w, power_w))

    def test_it_is_never_more_than_the_load_by_more_than_half_a_percent(self):
        for impulses in (10, 100, 1_000, 10_000):
            house = House(impulses)
            highest_w = 0
            for load_w in (400, 3_000, 90, 1_500, 23_000, 5):
                highest_w = max(highest_w, load_w)
                for power_w in house.live(load_w, 300):
                    self.assertTrue(power_w * 200 <= highest_w * 201, (impulses, load_w, power_w))

    def test_before_two_pulses_nothing_is_claimed(self):
        self.assertEqual(max(House(1_000).live(230, 25)), 0)
        self.assertEqual(Power().watts(1_000, 1), 0)

    def test_a_load_that_is_switched_off_is_noticed_without_a_pulse(self):
        house = House(1_000)
        house.live(2_300, 60)
        seen = house.live(0, 60)
        self.assertTrue(seen[10] <= 360, seen)  # not even a pulse in ten seconds
        self.assertTrue(seen[-1] <= 60, seen)
        self.assertEqual(seen, sorted(seen, reverse=True))

    def test_a_larger_load_is_known_two_windows_later(self):
        house = House(1_000)
        house.live(500, 120)
        seen = house.live(4_000, 30)
        self.assertTrue(seen[2 * WINDOW_MS // SECOND_MS + 1] >= 3_980, seen)

    def test_kwh_for_several_impulses(self):
        power = Power()
        power.look(1, 0, 1_000)
        power.look(1, 0, 36_000)
        self.assertEqual(power.watts(1, 10), 1_000_000)
        self.assertEqual(power.watts(100, 1), 1_000)
        self.assertEqual(power.watts(3, 1), 33_333)

    def test_after_forget_power_is_measured_anew(self):
        house = House(1_000)
        house.live(2_300, 60)
        house.power.forget()
        self.assertEqual(house.power.watts(1_000, 1), 0)
        self.assertTrue(abs(house.live(1_000, 40)[-1] - 1_000) <= 5)

    def test_years_without_a_pulse(self):
        power = Power()
        power.look(1, 0, 1_000)
        for _ in range(100):
            power.look(0, 0, 400_000_000)
        power.look(1, 0, 1_000)
        self.assertEqual(power.watts(1_000, 1), 0)


if __name__ == "__main__":
    unittest.main()
