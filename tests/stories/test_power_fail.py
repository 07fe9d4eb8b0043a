"""The mains fail while the supply of the meter holds for a moment: what the meter does with that moment."""

import unittest

from tests.stories.story import ContractStory
from wattpurse.core.messages import token
from wattpurse.core.money import supply
from wattpurse.core.records import events

HOLD_UP_S = 0.6
_MWH_OF_A_PULSE = 1_000


class PowerFailStory(ContractStory):
    """A household with supply and a load, on a meter with the power-fail input."""

    opens = 1

    def setUp(self):
        super().setUp()
        if self.opens:
            self.technician("terms set open_on_power_fail 1")
        self.tap(self.new_card(self.seal(token.CREDIT_MONEY, 50_000_000)))
        self.assertTrue(self.world.run_until(self.is_lit, 10))
        self.world.run_for(20)

    def events(self, code):
        return [event for event in self.world.meter.events.recent(20) if event.code == code]

    def outage(self, for_s=600):
        """Let the mains fail, the supply of the meter run out, and the mains return."""
        self.world.fail_mains(HOLD_UP_S)
        self.world.run_for(for_s)
        self.assertFalse(self.world.mains_on)
        self.world.restore_mains()


class TestAMeterThatSeesTheMainsFail(PowerFailStory):
    """The term is set: the switch opens on the rest of the supply."""

    def test_the_switch_is_open_before_the_supply_has_run_out(self):
        self.world.fail_mains(HOLD_UP_S)
        self.assertTrue(self.world.run_until(lambda: not self.is_lit(), HOLD_UP_S - 0.3))
        self.world.run_for(60)
        self.assertFalse(self.world.mains_on)
        self.assertFalse(self.is_lit())

    def test_no_house_is_fed_between_the_return_of_mains_and_the_start(self):
        self.outage()
        before = self.world.hardware.source.pulses_total
        self.assertTrue(self.world.run_until(lambda: self.world.meter is not None and self.account is not None, 10))
        self.assertFalse(self.is_lit())
        self.assertEqual(self.world.hardware.source.pulses_total, before)
        self.assertTrue(self.world.run_until(self.is_lit, 10))

    def test_the_energy_until_the_failure_is_charged(self):
        self.outage()
        self.world.run_until(lambda: self.world.meter is not None and self.account is not None, 10)
        self.world.run_for(2)
        self.assertEqual(self.account.pulses_total, self.world.hardware.source.pulses_total)

    def test_the_time_of_the_failure_is_noted(self):
        failed_s = self.world.meter.timekeeper.now_s()
        self.outage()
        self.world.run_until(lambda: self.world.meter is not None and self.account is not None, 10)
        self.world.run_for(2)
        noted = self.events(events.MAINS_FAILED)
        self.assertEqual(len(noted), 1)
        self.assertTrue(0 <= noted[0].time_s - failed_s <= 1)
        self.assertIn("mains failed", self.type("events 9"))

    def test_mains_that_return_in_time_close_the_switch_again_without_a_reset(self):
        starts = self.world.starts
        self.world.fail_mains(HOLD_UP_S)
        self.world.run_for(0.3)
        self.assertFalse(self.is_lit())
        self.assertEqual(self.world.meter.decide(), supply.MAINS_FAILED)
        self.world.return_mains()
        self.world.run_for(0.5)
        self.assertFalse(self.is_lit())
        self.assertTrue(self.world.run_until(self.is_lit, 10))
        self.assertEqual(self.world.starts, starts)
        self.assertEqual(len(self.events(events.MAINS_RETURNED)), 1)

    def test_mains_that_return_in_time_wait_for_the_delay_of_the_terms(self):
        self.technician("terms set restore_delay_s 30")
        self.world.fail_mains(HOLD_UP_S)
        self.world.run_for(0.3)
        self.world.return_mains()
        self.world.run_for(5)
        self.assertEqual(self.reason(), supply.RESTORING)
        self.assertFalse(self.is_lit())
        self.assertTrue(self.world.run_until(self.is_lit, 40))

    def test_a_dip_of_one_half_wave_switches_nothing(self):
        self.world.fail_mains(HOLD_UP_S)
        self.world.run_for(0.015)
        self.world.return_mains()
        self.world.run_for(5)
        self.assertTrue(self.is_lit())
        self.assertEqual(self.events(events.MAINS_FAILED), [])

    def test_mains_that_flicker_wear_no_switch(self):
        moves = self.world.hardware.relay.operations
        for _ in range(30):
            self.world.fail_mains(HOLD_UP_S)
            self.world.run_for(0.3)
            self.world.return_mains()
            self.world.run_for(5)
        self.assertTrue(self.world.hardware.relay.operations - moves < 30)
        self.assertEqual(self.reason(), supply.RESTING)

    def test_a_technicians_test_keeps_no_switch_closed(self):
        self.technician("supply test 5")
        self.world.fail_mains(HOLD_UP_S)
        self.world.run_for(0.3)
        self.assertFalse(self.is_lit())

    def test_a_start_on_the_rest_of_the_supply_leaves_the_switch_open(self):
        self.world.fail_mains(30)
        self.world.run_for(0.3)
        self.world.reset_board()
        self.world.run_for(10)
        self.assertFalse(self.is_lit())
        self.world.return_mains()
        self.assertTrue(self.world.run_until(self.is_lit, 10))


class TestAMeterWithoutTheTerm(PowerFailStory):
    """The failure is noted, and the switch stays closed."""

    opens = 0

    def test_the_switch_stays_closed_and_the_time_is_noted(self):
        self.outage(60)
        self.world.run_until(lambda: self.world.meter is not None and self.account is not None, 10)
        self.world.run_for(3)
        self.assertTrue(self.is_lit())
        self.assertEqual(len(self.events(events.MAINS_FAILED)), 1)

    def test_a_meter_whose_input_nobody_wired_works_on(self):
        self.technician("terms set restore_delay_s 30")
        self.world.hardware.power_fail.cut_wire()
        self.world.run_for(60)
        self.assertTrue(self.is_lit())
        self.assertFalse(self.world.meter.metering.saves_energy)
        self.tap(self.new_card(self.seal(token.CREDIT_MONEY, 1_000_000)))
        self.assertEqual(self.account.money.bought, 51_000_000)


if __name__ == "__main__":
    unittest.main()
