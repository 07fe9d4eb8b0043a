"""The load switch of a whole meter: heaters, magnets, welded contacts, dark streets, technicians."""

import unittest

from tests.stories.story import ContractStory
from tests.stories.whole_meter import copy_of
from wattpurse.core.guards import tamper
from wattpurse.core.messages import token
from wattpurse.core.money import supply
from wattpurse.core.records import events
from wattpurse.drivers.segments import render

AMOUNT = 50_000_000
CARD_KIND = "ntag215"


class SupplyStory(ContractStory):
    """A meter with credit in a house that draws `load_w`."""

    load_w = 500
    credit_microunits = AMOUNT

    def setUp(self):
        super().setUp()
        self.hardware = self.world.hardware
        self.opening_pulses = 0
        self.hardware.open_coil_wire.listen(self._coil)
        if self.credit_microunits:
            self.type_in(token.CREDIT_MONEY, self.credit_microunits)
            self.world.run_for(3)

    def _coil(self, level):
        self.opening_pulses += level

    def type_in(self, kind, *fields):
        """Redeem the station's next token, at the console."""
        self.type("token " + self.seal(kind, *fields).hex())

    def technician_sets(self, **terms):
        self.technician(*[f"terms set {name} {terms[name]}" for name in terms])

    def draw(self, load_w):
        self.world.household.constant_w = load_w
        self.world.household.update()

    def seconds_until(self, condition, limit_s):
        """Return after how many seconds it came, within one of them. Fails if it does not."""
        began_us = self.world.clock.now_us
        self.assertTrue(self.world.run_until(condition, limit_s))
        return (self.world.clock.now_us - began_us) // 1_000_000

    def seconds_shown(self, text, duration_s):
        """Count the coming half seconds in which the display shows `text`, as seconds."""
        shown = 0
        for _ in range(2 * duration_s):
            self.world.run_for(0.5)
            shown += self.hardware.display.segments() == bytes(render(text))
        return shown / 2

    def numbers_of(self, code):
        """Return the numbers of all events of one code, oldest first."""
        return [event.number for event in self.world.meter.events.recent(200)[::-1] if event.code == code]

    def assert_all_is_charged(self):
        """Check that all energy but an incomplete pulse is registered, and that all registered energy is charged."""
        self.world.run_for(1)
        missing_mwh = self.hardware.source.energy_mwh - self.account.registers.total_mwh
        self.assertTrue(0 <= missing_mwh <= 1_000 * (1 + self.world.power_cuts), missing_mwh)
        self.assertEqual(self.account.money.charged, self.account.registers.total_mwh // 4)


class TestTheTenantsHeater(SupplyStory):
    """The landlord allows 2,000 W; the tenant has a heater of 3,000 W."""

    def setUp(self):
        super().setUp()
        self.technician_sets(power_limit_w=2_000, power_reconnect_s=120, power_trips=3)

    def test_a_kettle_is_no_reason(self):
        for _ in range(5):
            self.draw(2_500)
            self.world.run_for(20)
            self.draw(500)
            self.world.run_for(60)
        self.assertEqual(self.numbers_of(events.SUPPLY), [supply.NO_CREDIT, supply.ON])

    def test_the_heater_trips_the_limit_and_two_minutes_later_the_light_is_back(self):
        self.draw(3_500)
        self.assertTrue(30 <= self.seconds_until(lambda: not self.is_lit(), 60) <= 55)
        self.draw(500)
        self.assertTrue(8 <= self.seconds_shown("E 30", 20) <= 12)
        self.assertTrue(self.seconds_until(self.is_lit, 110) >= 90)
        self.quiet(600)
        self.assertTrue(self.is_lit())
        self.assert_all_is_charged()

    def test_who_will_not_learn_has_to_get_up_and_press_the_button(self):
        moves = []
        self.world.hardware.relay.listen(moves.append)
        self.draw(3_500)
        self.quiet(1_200)
        self.assertFalse(self.is_lit())
        self.assertEqual(moves.count(False), 3)
        self.assertEqual(self.numbers_of(events.SUPPLY).count(supply.POWER_LIMIT), 1)
        self.outage(60)
        self.quiet(600)
        self.assertFalse(self.is_lit())
        self.draw(1_500)
        self.press()
        self.assertTrue(self.is_lit())
        self.quiet(900)
        self.assertTrue(self.is_lit())
        self.assert_all_is_charged()

    def test_pulling_the_fuse_brings_the_light_back_no_sooner(self):
        """Pull the fuse after each trip, for six minutes: the house may be lit until it trips, three times."""
        self.draw(4_000)
        lit_s = 0
        for _ in range(340):
            self.world.run_for(1)
            lit_s += self.is_lit()
            if not self.is_lit() and self.reason() == supply.POWER_LIMIT:
                self.outage(1)
        self.assertTrue(lit_s <= 3 * 50, lit_s)

    def test_pulling_the_fuse_does_not_begin_another_series(self):
        self.draw(4_000)
        for _ in range(3):
            self.seconds_until(lambda: not self.is_lit(), 60)
            self.world.run_for(2)
            self.outage(125)
        self.quiet(600)
        self.assertFalse(self.is_lit())
        self.draw(500)
        self.press()
        self.assertTrue(self.is_lit())

    def test_the_technician_sees_the_power(self):
        self.draw(1_800)
        self.world.run_for(60)
        watts = [int(line.split()[1]) for line in self.type("status").split("\n") if line.startswith("power ")]
        self.assertTrue(abs(watts[0] - 1_800) <= 18, watts)


class TestAMagnetOnTheMeter(SupplyStory):
    """Someone wants energy for nothing."""

    def setUp(self):
        super().setUp()
        self.technician_sets(tamper_cover=1, tamper_magnet=2, tamper_reverse=2)

    def test_supply_ends_and_only_the_technician_brings_it_back(self):
        self.hardware.magnet.sense(True)
        self.assertTrue(self.seconds_until(lambda: not self.is_lit(), 3) <= 2)
        self.world.run_for(1)
        self.assertEqual(self.reason(), supply.TAMPER)
        self.assertTrue(8 <= self.seconds_shown("E 13", 20) <= 12)
        self.hardware.magnet.sense(False)
        self.quiet(3_600)
        self.outage(60)
        self.world.run_for(60)
        self.assertFalse(self.is_lit())
        self.assertIn("tamper is cleared", self.technician("reset-tamper"))
        self.world.run_for(3)
        self.assertTrue(self.is_lit())
        self.assertEqual(self.numbers_of(events.TAMPER), [tamper.MAGNET])
        self.assertIn("tamper: magnet, by meter", self.type("events"))

    def test_a_magnet_that_is_still_there_is_found_again(self):
        self.hardware.magnet.sense(True)
        self.world.run_for(5)
        self.assertIn("because it lasts: magnet", self.technician("reset-tamper"))
        self.world.run_for(5)
        self.assertFalse(self.is_lit())
        self.assertEqual(self.numbers_of(events.TAMPER), [tamper.MAGNET] * 2)

    def test_a_cover_that_was_off_is_only_shown_and_told_to_the_station(self):
        card = self.new_card(self.seal(token.CREDIT_MONEY, 1_000_000), kind=CARD_KIND)
        self.hardware.cover.sense(True)
        self.world.run_for(5)
        self.hardware.cover.sense(False)
        self.world.run_for(60)
        self.assertTrue(self.is_lit())
        self.assertTrue(2 <= self.seconds_shown("E 13", 32) <= 6)
        self.assertIn("cover opened", self.type("status"))
        statement = self.tap(card)
        self.assertEqual((statement["alarms"], statement["tamper"]), (["tamper"], ["cover opened"]))
        self.technician("reset-tamper")
        self.world.run_for(5)
        self.assertEqual(self.seconds_shown("E 13", 32), 0)

    def test_a_cut_wire_and_energy_backwards_are_no_way_out(self):
        self.hardware.reverse_flow.cut_wire()
        self.assertTrue(self.seconds_until(lambda: not self.is_lit(), 5) <= 3)
        self.hardware.cover.cut_wire()
        self.world.run_for(5)
        self.assertEqual(self.world.meter.guard.latched, tamper.REVERSE | tamper.COVER)

    def test_sensors_that_nobody_asked_for_do_nothing(self):
        self.technician_sets(tamper_cover=0, tamper_magnet=0, tamper_reverse=0)
        for sensor in (self.hardware.cover, self.hardware.magnet, self.hardware.reverse_flow):
            sensor.cut_wire()
        self.world.run_for(60)
        self.assertTrue(self.is_lit())
        self.assertEqual(self.numbers_of(events.TAMPER), [])


class TestAWeldedContact(SupplyStory):
    """Credit for four watt-hours or so, and a load switch that will not open."""

    load_w = 2_000
    credit_microunits = 5_000

    def test_what_flows_is_charged_and_the_contact_is_pulled_at_until_it_lets_go(self):
        self.hardware.relay.welded = True
        self.opening_pulses = 0
        self.assertTrue(self.world.run_until(lambda: self.account.money.balance < 0, 120))
        self.world.run_for(120)
        self.assertTrue(self.is_lit())
        self.assertEqual(self.opening_pulses, 4)
        self.assertEqual(self.numbers_of(events.TAMPER), [tamper.OPEN_LOAD])
        self.assertIn("opened again", self.type("status"))
        self.quiet(3 * 3_600)
        self.assertEqual(self.opening_pulses, 4 + 3)
        self.assert_all_is_charged()
        self.assertTrue(self.account.money.balance < -1_000_000)
        self.hardware.relay.breaks_loose_after = 1
        self.quiet(3_700)
        self.assertFalse(self.is_lit())
        self.assert_all_is_charged()
        self.quiet(3 * 3_600)
        self.assertEqual(self.opening_pulses, 4 + 3 + 1)
        self.assertEqual(self.world.meter.guard.latched, tamper.OPEN_LOAD)
        self.assertIn("tamper is cleared", self.technician("reset-tamper"))
        self.quiet(3_600)
        self.assertEqual(self.world.meter.guard.latched, 0)

    def test_where_the_terms_say_so_a_top_up_is_not_enough_to_close_again(self):
        self.technician_sets(tamper_open_load=2)
        self.hardware.relay.welded = True
        self.hardware.relay.breaks_loose_after = 2
        self.assertTrue(self.world.run_until(lambda: not self.is_lit(), 300))
        self.type_in(token.CREDIT_MONEY, AMOUNT)
        self.world.run_for(60)
        self.assertFalse(self.is_lit())
        self.assertEqual(self.reason(), supply.TAMPER)
        self.technician("reset-tamper")
        self.world.run_for(3)
        self.assertTrue(self.is_lit())


class TestAContactThatSticksOpen(SupplyStory):
    """There is credit and the switch does not close at once."""

    credit_microunits = 0

    def test_the_third_pulse_brings_the_light_and_nobody_is_accused(self):
        self.hardware.relay.welded = True
        self.hardware.relay.breaks_loose_after = 3
        self.type_in(token.CREDIT_MONEY, AMOUNT)
        self.world.run_for(12)
        self.assertFalse(self.is_lit())
        self.assertIn("closed again", self.type("status"))
        self.world.run_for(12)
        self.assertTrue(self.is_lit())
        self.world.run_for(60)
        self.assertNotIn("closed again", self.type("status"))
        self.assertEqual(self.world.meter.guard.latched, 0)

    def test_a_tenant_in_the_dark_presses_the_button(self):
        self.hardware.relay.welded = True
        self.hardware.relay.breaks_loose_after = 5
        self.type_in(token.CREDIT_MONEY, AMOUNT)
        self.quiet(3_600)
        self.assertFalse(self.is_lit())
        self.press()
        self.assertTrue(self.is_lit())


class TestADarkStreet(SupplyStory):
    """The mains come back for all houses of a street at once."""

    def test_houses_come_back_one_after_the_other(self):
        self.technician_sets(restore_delay_s=30, restore_spread_s=60)
        waits = []
        for seed in range(12):
            house = copy_of(self.world, seed)
            house.run_for(2)
            self.assertFalse(house.hardware.relay.contact_closed)
            self.assertEqual(house.meter.switching.reason, supply.RESTORING)
            self.assertTrue(house.run_until(lambda house=house: house.hardware.relay.contact_closed, 120))
            waits.append(house.clock.now_us // 1_000_000)
            self.assertEqual(house.hardware.violations(), [])
            house.close()
        self.assertTrue(min(waits) >= 30, waits)
        self.assertTrue(max(waits) <= 30 + 60 + 4, waits)
        self.assertTrue(len(set(waits)) >= 9, waits)

    def test_another_outage_meanwhile_begins_another_wait(self):
        self.technician_sets(restore_delay_s=60)
        self.outage(10)
        self.world.run_for(50)
        self.outage(10)
        self.world.run_for(34)
        self.assertTrue(8 <= self.seconds_shown("E 31", 20) <= 12)
        self.assertFalse(self.is_lit())
        self.world.run_for(8)
        self.assertTrue(self.is_lit())

    def test_without_such_terms_the_light_is_back_at_once(self):
        self.outage(10)
        self.world.run_for(2)
        self.assertTrue(self.is_lit())
        self.assertEqual(self.numbers_of(events.SUPPLY)[-1], supply.ON)


class TestSomebodyCooksOnDeadPlates(SupplyStory):
    """Credit ended while the cooker was on; the landlord wants somebody to be there when supply returns."""

    load_w = 2_000
    credit_microunits = 5_000

    def setUp(self):
        super().setUp()
        self.technician_sets(confirm_closing=1)
        self.assertTrue(self.world.run_until(lambda: not self.is_lit(), 300))

    def test_a_top_up_closes_only_after_a_press(self):
        self.type_in(token.CREDIT_MONEY, AMOUNT)
        self.world.run_for(10)
        self.assertFalse(self.is_lit())
        self.assertTrue(8 <= self.seconds_shown("PrESS", 20) <= 12)
        self.outage(60)
        self.world.run_for(60)
        self.assertFalse(self.is_lit())
        self.press()
        self.assertTrue(self.is_lit())
        self.assert_all_is_charged()

    def test_a_press_before_the_top_up_confirms_nothing(self):
        self.world.press()
        self.world.run_for(5)
        self.type_in(token.CREDIT_MONEY, AMOUNT)
        self.world.run_for(10)
        self.assertEqual(self.reason(), supply.UNCONFIRMED)


class TestAShortage(SupplyStory):
    """There is too little for all; the doctor's house has priority 5, the others 1."""

    def _order(self, level):
        self.type_in(token.SHORTAGE, level, self.world.now_s() + 86_400)
        self.world.run_for(3)

    def test_the_doctor_keeps_supply_longest(self):
        self._order(2)
        self.assertFalse(self.is_lit())
        self.assertTrue(8 <= self.seconds_shown("E 19", 20) <= 12)
        self.technician_sets(shortage_priority=5)
        self.world.run_for(3)
        self.assertTrue(self.is_lit())
        self._order(6)
        self.assertFalse(self.is_lit())
        self.outage(60)
        self.world.run_for(5)
        self.assertFalse(self.is_lit())
        self._order(0)
        self.assertTrue(self.is_lit())
        self.assert_all_is_charged()

    def test_when_the_head_end_falls_silent_the_light_is_back_the_next_day(self):
        self._order(2)
        self.quiet(23 * 3_600)
        self.outage(600)
        self.assertFalse(self.is_lit())
        self.assertEqual(self.reason(), supply.SHORTAGE)
        self.quiet(3_600)
        self.assertTrue(self.is_lit())


class TestTheTechniciansTest(SupplyStory):
    """A meter without credit, and somebody who has to measure behind it."""

    load_w = 3_000
    credit_microunits = 0

    def test_supply_for_five_minutes_and_every_watt_hour_is_charged(self):
        self.assertFalse(self.is_lit())
        self.technician("supply test 5")
        self.world.run_for(290)
        self.assertTrue(self.is_lit())
        self.world.run_for(15)
        self.assertFalse(self.is_lit())
        self.assert_all_is_charged()
        self.assertTrue(self.account.money.balance < -50_000)
        self.assertEqual(self.numbers_of(events.SUPPLY_TEST), [5])

    def test_it_ends_when_told_and_when_power_fails(self):
        self.technician("supply test 60")
        self.world.run_for(3)
        self.assertTrue(self.is_lit())
        self.technician("supply test 0")
        self.world.run_for(3)
        self.assertFalse(self.is_lit())
        self.technician("supply test 60")
        self.outage(10)
        self.world.run_for(5)
        self.assertFalse(self.is_lit())

    def test_a_tenant_cannot(self):
        self.assertTrue(self.world.type_line("supply test 5")[0].startswith("refused"))
        self.world.run_for(3)
        self.assertFalse(self.is_lit())


if __name__ == "__main__":
    unittest.main()
