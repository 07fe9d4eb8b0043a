"""The load profile: every mWh of the registers is in one half hour, through power cuts and changes of the clock."""

import unittest

from boards.host.chips.flash import FlashModel
from boards.host.chips.power import PowerCut
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from tests.samples import NEW_YEAR_S, day_and_night_tariff, new_account
from wattpurse.core.journal.ring import JournalBlank
from wattpurse.core.records.load_profile import CLOCK, OUTAGE, LoadProfile
from wattpurse.core.tariffs.calendar import DAY_S, HALF_HOUR_S, month_index

SECTORS = 16
START_S = NEW_YEAR_S + 10 * DAY_S


class Meter:
    """A profile and the account that it reads, on flash that can fail."""

    def __init__(self, seed=1, sectors=SECTORS, tariff=None, now_s=START_S):
        self.flash = FlashModel(VirtualClock(), 2 * sectors, RandomBits(seed))
        self.sectors = sectors
        self.account = new_account(tariff)
        self.now_s = now_s
        self.profile = LoadProfile(self.flash, 0, sectors)
        self.profile.create(self.account, now_s)

    def restart(self, after_s=1):
        """Cut power, and restore it after a time."""
        self.flash.faults.operations_to_cut = None
        self.now_s += after_s
        self.profile = LoadProfile(self.flash, 0, self.sectors)
        self.profile.open()
        self.step()

    def step(self):
        self.profile.step(self.account, self.now_s)

    def use(self, mwh):
        """Register and charge energy."""
        self.account.consume(mwh)

    def live(self, seconds, mwh_a_minute=0):
        """Let time pass, a minute at a time."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s = min(end_s, self.now_s + 60)
            self.use(mwh_a_minute)
            self.step()

    def half_hours(self):
        """Return (start, seconds, energy, charge, flags), oldest first."""
        every = [
            (one.start_s, one.seconds, one.energy_mwh, one.charge_microunits, one.flags)
            for one in self.profile.half_hours()
        ]
        return every[::-1]


class TestHalfHours(unittest.TestCase):
    def test_a_quiet_day_has_forty_eight(self):
        meter = Meter()
        meter.live(DAY_S, 1_000)
        expected = [(START_S + HALF_HOUR_S * place, HALF_HOUR_S, 30_000, 7_500, 0) for place in range(48)]
        expected[0] = (
            START_S,
            HALF_HOUR_S,
            29_000,
            7_250,
            0,
        )  # a step at a boundary belongs to the half hour that ends there
        found = meter.half_hours()
        self.assertEqual(len(found), 48)
        self.assertEqual([one[:2] for one in found], [one[:2] for one in expected])
        self.assertEqual([one[4] for one in found], [0] * 48)
        self.assertEqual(sum(one[2] for one in found), 48 * 30_000)
        self.assertEqual(sum(one[3] for one in found), 48 * 7_500)

    def test_half_hours_begin_at_whole_and_half_hours_utc(self):
        meter = Meter(now_s=START_S + 700)
        meter.live(2 * HALF_HOUR_S, 100)
        self.assertEqual([one[:2] for one in meter.half_hours()], [(START_S + 700, 1100), (START_S + 1800, 1800)])

    def test_thirty_days_and_a_bit_are_kept(self):
        meter = Meter()
        for _ in range(5_000):
            meter.now_s += HALF_HOUR_S
            meter.use(7)
            meter.profile._seen_s = meter.now_s - 1
            meter.step()
        found = meter.half_hours()
        self.assertTrue(1440 <= len(found) < 5_000)
        starts = [meter.now_s - HALF_HOUR_S * (len(found) - place) for place in range(len(found))]
        self.assertEqual([one[0] for one in found], starts)
        self.assertEqual({one[2] for one in found}, {7})

    def test_nothing_is_written_between(self):
        meter = Meter()
        meter.live(60)
        programs = meter.flash.programs
        meter.live(HALF_HOUR_S - 120, 500)
        self.assertEqual(meter.flash.programs, programs)

    def test_blank_flash_is_said_to_be_blank(self):
        with self.assertRaises(JournalBlank):
            LoadProfile(FlashModel(VirtualClock(), 8, RandomBits(1)), 0, 4).open()


class TestOutages(unittest.TestCase):
    def test_a_short_one_leaves_its_mark_in_the_half_hour(self):
        meter = Meter()
        meter.live(600, 1_000)
        meter.restart(300)
        meter.live(2 * HALF_HOUR_S, 1_000)
        found = meter.half_hours()
        self.assertEqual([one[4] for one in found], [OUTAGE, 0])
        self.assertEqual(found[0][:2], (START_S, HALF_HOUR_S))

    def test_one_of_days_ends_a_half_hour_and_begins_another(self):
        meter = Meter()
        meter.live(600, 1_000)
        meter.restart(3 * DAY_S + 700)
        meter.live(1_000, 1_000)
        found = meter.half_hours()
        self.assertEqual(found[0], (START_S, HALF_HOUR_S, 10_000, 2_500, OUTAGE))
        self.assertEqual(found[1][:2], (START_S + 3 * DAY_S + 1300, 500))
        self.assertEqual(sum(one[2] for one in found) + 17_000 - found[1][2], 27_000)

    def test_power_cuts_alone_write_nothing(self):
        meter = Meter()
        meter.live(600, 1_000)
        programs = meter.flash.programs
        for _ in range(200):
            meter.restart(1)
        self.assertEqual(meter.flash.programs, programs)

    def test_a_clock_chip_that_forgot(self):
        meter = Meter()
        meter.live(2 * HALF_HOUR_S + 600, 1_000)
        meter.restart(-HALF_HOUR_S)
        meter.live(HALF_HOUR_S, 1_000)
        found = meter.half_hours()
        self.assertEqual(found[2][4], OUTAGE | CLOCK)
        self.assertTrue(min(one[1] for one in found) >= 0)


class TestClock(unittest.TestCase):
    def _total(self, meter):
        return sum(one[2] for one in meter.half_hours())

    def test_set_ahead(self):
        meter = Meter()
        meter.live(600, 1_000)
        meter.now_s += 3 * HALF_HOUR_S
        meter.step()
        meter.live(1_200, 1_000)
        found = meter.half_hours()
        self.assertEqual(found[0], (START_S, 600, 10_000, 2_500, CLOCK))
        self.assertEqual(found[1][:2], (START_S + 600 + 3 * HALF_HOUR_S, 1_200))

    def test_set_back(self):
        meter = Meter()
        meter.live(2 * HALF_HOUR_S + 600, 1_000)
        meter.now_s -= HALF_HOUR_S
        meter.step()
        meter.live(1_200, 1_000)
        found = meter.half_hours()
        self.assertEqual(found[2][:2], (START_S + 2 * HALF_HOUR_S, 600))
        self.assertEqual(found[2][4], CLOCK)
        self.assertEqual(found[3][:2], (START_S + HALF_HOUR_S + 600, 1_200))
        self.assertEqual(self._total(meter), meter.account.registers.total_mwh)

    def test_set_within_the_half_hour(self):
        meter = Meter()
        meter.live(900, 1_000)
        meter.now_s -= 400
        meter.step()
        meter.live(HALF_HOUR_S, 1_000)
        self.assertEqual([one[4] for one in meter.half_hours()], [CLOCK])
        self.assertEqual(meter.profile.demands(), [])  # the length of the half hour is unknown


class TestDemand(unittest.TestCase):
    def test_each_month_has_its_own(self):
        meter = Meter(tariff=day_and_night_tariff())
        peaks = {}
        for hour in range(24 * 40):
            used = hour * 7_919 % 1_001 * 1_000
            start_s = meter.now_s
            for share in (used, 0):
                meter.use(share)
                meter.now_s += HALF_HOUR_S
                meter.profile._seen_s = meter.now_s - 1
                meter.step()
            month = month_index(meter.account.tariff.zone.day(start_s))
            if used > peaks.get(month, (0, 0))[0]:
                peaks[month] = used, start_s
        meter.restart()
        found = {one.month: (one.energy_mwh, one.start_s) for one in meter.profile.demands()}
        self.assertEqual(found, peaks)
        newest = meter.profile.demands()[0]
        self.assertEqual(newest.power_w, newest.energy_mwh * 2 // 1000)

    def test_twelve_closed_months(self):
        meter = Meter()
        for month in range(20):
            meter.use(1_000 + month)
            meter.now_s += 31 * DAY_S
            meter.profile._seen_s = meter.now_s - 1
            meter.live(HALF_HOUR_S, 1)
        months = [one.month for one in meter.profile.demands()]
        self.assertEqual(len(months), 13)
        self.assertEqual(months, sorted(months, reverse=True))

    def test_no_use_is_no_demand(self):
        meter = Meter()
        meter.live(DAY_S)
        self.assertEqual(meter.profile.demands(), [])


class TestDays(unittest.TestCase):
    def test_the_mean_of_the_last_seven_whole_days(self):
        meter = Meter()
        used = []
        for day in range(12):
            expected = used[1:][-7:]
            mean = sum(expected) // len(expected) if expected else None
            self.assertEqual(meter.profile.mean_daily_mwh(), mean)
            self.assertEqual(meter.profile.mean_daily_microunits(), None if mean is None else mean // 4)
            used.append((day * 37 % 11) * 48 * 40_000)
            for _ in range(48):
                meter.use(used[-1] // 48)
                meter.now_s += HALF_HOUR_S
                meter.profile._seen_s = meter.now_s - 1
                meter.step()
        meter.restart()
        self.assertEqual(meter.profile.mean_daily_mwh(), sum(used[-7:]) // 7)

    def test_days_without_use_are_known_and_days_to_come_are_not(self):
        meter = Meter()
        self.assertIsNone(meter.profile.mean_daily_mwh())
        meter.live(3 * DAY_S)
        self.assertEqual(meter.profile.mean_daily_mwh(), 0)

    def test_debt_payments_are_not_use(self):
        meter = Meter()
        meter.live(DAY_S)
        meter.account.standing.set("debt_recovered_microunits", 5_000_000)
        meter.account.money.charged += 5_000_000
        meter.live(3 * DAY_S)
        self.assertEqual(meter.profile.mean_daily_microunits(), 0)

    def test_a_clock_set_back_forgets_the_days_ahead(self):
        meter = Meter()
        meter.live(3 * DAY_S, 1_000)
        meter.now_s -= 30 * DAY_S
        meter.step()
        self.assertIsNone(meter.profile.mean_daily_mwh())
        meter.live(3 * DAY_S, 2_000)
        self.assertEqual(meter.profile.mean_daily_mwh(), 1440 * 2_000)


class TestFlash(unittest.TestCase):
    def test_a_profile_that_cannot_be_written_stops_nothing_and_tries_again_later(self):
        meter = Meter()
        meter.live(HALF_HOUR_S, 1_000)
        meter.flash.faults.bad_sectors.update(range(2 * SECTORS))
        meter.live(60, 1_000)
        erases = sum(meter.flash.erases)
        meter.live(HALF_HOUR_S - 60, 1_000)
        self.assertTrue(meter.profile.failed)
        tried = sum(meter.flash.erases) - erases
        meter.live(HALF_HOUR_S - 60, 1_000)
        self.assertEqual(sum(meter.flash.erases) - erases, tried)
        meter.flash.faults.bad_sectors.clear()
        meter.live(HALF_HOUR_S + 60, 1_000)
        self.assertEqual(sum(one[2] for one in meter.half_hours()), meter.account.registers.total_mwh)

    def test_no_cut_loses_or_doubles_anything(self):
        for operation in range(1, 60):
            meter = Meter(operation, 4)
            meter.flash.faults.plan_cut(operation, operation * 377 % 1001, ("none", "page")[operation % 2])
            cut = False
            for _ in range(150):
                meter.use(1_000 + operation)
                meter.now_s += HALF_HOUR_S
                meter.profile._seen_s = meter.now_s - 1
                try:
                    meter.step()
                except PowerCut:
                    self.assertFalse(cut)
                    cut = True
                    meter.restart(1)
            self.assertTrue(cut)
            found = meter.half_hours()
            kept = sum(one[2] for one in found)
            self.assertEqual(kept, len([one for one in found if one[2]]) * (1_000 + operation))
            self.assertEqual([one[0] for one in found], sorted({one[0] for one in found}))

    def test_another_ledger_makes_no_energy(self):
        meter = Meter()
        meter.live(HALF_HOUR_S, 5_000)
        meter.account = new_account()
        meter.live(HALF_HOUR_S, 10)
        self.assertEqual([one[2] >= 0 for one in meter.half_hours()], [True, True])


class TestLegs(unittest.TestCase):
    def setUp(self):
        self.meter = Meter()
        self.sums = [70_000, 65_000, 3]

    def half_hour(self, used_mwh, *added):
        self.sums = [wh + more for wh, more in zip(self.sums, added)]
        self.meter.live(HALF_HOUR_S - 60)
        self.meter.use(used_mwh)
        self.meter.live(60)

    def with_legs(self):
        self.meter.profile.read_legs = lambda: self.sums
        self.half_hour(0, 0, 0, 0)

    def legs(self):
        return [one.legs for one in self.meter.profile.half_hours()][::-1]

    def test_each_half_hour_has_the_energy_of_both_legs_in_both_directions(self):
        self.with_legs()
        self.half_hour(9_500, 4, 0, 0)
        self.half_hour(12_000_000, 700, 900, 13_000)
        self.assertEqual(self.legs()[1:], [((5, 0), (4, 0)), ((11_300, 900), (700, 13_000))])

    def test_a_lost_reading_leaves_its_energy_to_the_next_half_hour(self):
        self.with_legs()
        self.half_hour(9_000, 4, 0, 0)
        self.sums[0] += 1
        self.meter.use(3_000)
        self.meter.restart(HALF_HOUR_S)
        self.half_hour(0, 0, 0, 0)
        self.meter.profile.read_legs = lambda: self.sums
        self.half_hour(5_000, 2, 0, 0)
        self.assertEqual(self.legs()[1], ((5, 0), (4, 0)))
        self.assertIsNone(self.legs()[2])

    def test_sums_that_a_power_cut_took_back_are_no_energy(self):
        self.with_legs()
        self.half_hour(9_000, -1, -100, 5)
        self.assertEqual(self.legs()[1:], [((9, 0), (0, 5))])

    def test_a_meter_of_pulses_writes_what_it_wrote_before(self):
        self.half_hour(9_000, 4, 0, 0)
        self.assertEqual(self.legs(), [None])
        kinds = [(kind, len(payload.rstrip(b"\x00")) <= 21) for kind, payload in self.records()]
        self.assertEqual(set(kinds), {(1, True)})

    def test_the_ring_holds_as_many_half_hours_with_legs_as_without(self):
        self.with_legs()
        self.half_hour(9_000, 4, 0, 0)
        self.assertEqual([kind for kind, _ in self.records()], [1, 2, 2])

    def records(self):
        return [(kind, payload) for kind, payload in self.meter.profile._journal.newest_records() if kind < 90]


class TestSum(unittest.TestCase):
    """Random histories against a plain list of the use between two looks."""

    def test_everything_is_in_one_half_hour(self):
        for seed in range(1, 30):
            random = RandomBits(seed)
            meter = Meter(seed)
            for _ in range(60):
                kind = random.below(8)
                if kind == 0:
                    meter.restart(random.below(4 * HALF_HOUR_S))
                elif kind == 1:
                    meter.now_s += random.below(6 * HALF_HOUR_S)
                    meter.step()
                elif kind == 2:
                    meter.now_s -= random.below(3 * HALF_HOUR_S)
                    meter.step()
                else:
                    meter.live(random.below(3 * HALF_HOUR_S), random.below(2_000))
                meter.use(random.below(100))
            meter.live(2 * HALF_HOUR_S)
            found = meter.half_hours()
            self.assertEqual(sum(one[2] for one in found), meter.account.registers.total_mwh, seed)
            self.assertEqual(sum(one[3] for one in found), meter.account.money.charged, seed)
            self.assertTrue(min(one[1] for one in found) >= 0 and min(one[2] for one in found) >= 0)
            self.assertTrue(max(one[1] for one in found) <= HALF_HOUR_S)


if __name__ == "__main__":
    unittest.main()
