"""Contracts in daily life: a camp-site guest, a camper, a dormitory, a trusted customer, a tenant moving."""

import unittest

from tests.samples import KWH, flat_tariff
from tests.stories.story import ContractStory
from tests.stories.whole_meter import OTHER_METER, commissioned_world, copy_of_card, sealed
from wattpurse.core import outcome
from wattpurse.core.messages import token
from wattpurse.core.money import contract
from wattpurse.core.records import events
from wattpurse.core.tariffs.calendar import days_from_civil
from wattpurse.drivers.segments import render
from wattpurse.services import pages

HOUR_S = 3_600
DAY_S = 86_400
MINUTE_S = 60
TWO_RATES = flat_tariff(
    rates=(("NIGHT", (200_000,), ()), ("DAY", (300_000,), ())), day_types=(((0, 0), (6 * 60, 1), (22 * 60, 0)),)
)


class TestTheCampSiteGuest(ContractStory):
    """He buys days at the reception. He draws as much as he likes, and it is registered."""

    contract = "term"
    tariff = TWO_RATES

    def test_three_days_and_one_more_end_to_the_second(self):
        self.assertFalse(self.is_lit())
        self.assertTrue(self.is_shown("E 14"))
        card = self.new_card(self.seal(token.DAYS, 3 * DAY_S))
        self.tap(card)
        self.assertTrue(self.is_lit())
        end_s = self.account.standing["term_until_s"]
        self.assertTrue(0 <= self.world.now_s() + 3 * DAY_S - end_s <= 6)
        self.assertTrue(self.is_shown("d    2"))
        self.quiet(HOUR_S)

        # A storm takes the mains for two days: the term goes on. Then he buys one more day before it ends.
        self.outage_until(end_s - 20 * HOUR_S)
        self.assertTrue(self.is_lit())
        self.assertIn("contract", self.type("status"))
        self.station.write(card, self.seal(token.DAYS, DAY_S))
        opened = self.tap(card)
        self.assertEqual(self.account.standing["term_until_s"], end_s + DAY_S)
        night_mwh, day_mwh = opened["rate_mwh"]
        self.assertTrue(2 * KWH < day_mwh <= self.account.registers.rate_mwh[1] < day_mwh + 10_000)
        self.assertEqual(night_mwh, 0)

        self.outage_until(end_s + DAY_S - MINUTE_S)
        self.assertTrue(self.is_lit())
        self.assertTrue(self.world.run_until(lambda: not self.is_lit(), 2 * MINUTE_S))
        self.assertEqual(self.world.now_s(), end_s + DAY_S)
        self.assertTrue(self.is_shown("E 14"))
        self.assertEqual(self.account.money.charged, 0)
        self.assert_all_energy_is_registered()

        # A guest that comes back later pays from now on, not for the days between.
        self.outage(DAY_S)
        self.station.write(card, self.seal(token.DAYS, DAY_S))
        self.tap(card)
        self.assertTrue(self.is_lit())
        self.assertTrue(0 <= self.world.now_s() + DAY_S - self.account.standing["term_until_s"] <= 6)

    def test_the_warning_blinks_and_beeps_before_the_term_ends(self):
        self.technician("terms set expiry_warning_days 1", "terms set quiet_from_minute 480")
        self.beeps = 0
        self.world.hardware.buzzer_wire.listen(self._count)
        self.tap(self.new_card(self.seal(token.DAYS, DAY_S + MINUTE_S)))
        self.world.run_for(10)
        self.beeps = 0
        self.world.run_for(2 * MINUTE_S)
        self.assertTrue(self.beeps > 0)
        self.assertTrue(self.is_shown("      ", 2))
        self.assertTrue(self.is_shown(pages.text(pages.CREDIT, self.account), 2))
        self.assertEqual(pages.text(pages.CREDIT, self.account)[:4], "d 23")

    def _count(self, level):
        self.beeps += level


class TestTheGuestOfTheNight(ContractStory):
    """His days end in the evening. From eight to eight nobody is cut off."""

    contract = "term"

    def setUp(self):
        super().setUp()
        self.technician(f"terms set friendly_from_minute {20 * 60}", f"terms set friendly_to_minute {8 * 60}")
        midnight_s = (self.world.now_s() // DAY_S + 1) * DAY_S
        self.tap(self.new_card(self.seal(token.DAYS, midnight_s - 2 * HOUR_S - self.world.now_s())))
        self.end_s = self.account.standing["term_until_s"]
        self.eight_s = midnight_s + 8 * HOUR_S

    def buy(self, duration_s):
        self.tap(self.new_card(self.seal(token.DAYS, duration_s)))

    def test_the_night_that_he_did_not_pay_is_deducted_from_the_next_days(self):
        self.outage_until(self.end_s - 5)
        self.world.run_for(30)
        self.assertTrue(self.is_lit())
        self.outage_until(self.eight_s - 10)
        self.assertTrue(self.is_lit())
        self.assertTrue(self.world.run_until(lambda: not self.is_lit(), 20))
        self.assertEqual(self.world.now_s(), self.eight_s)
        owed_s = self.eight_s - self.end_s
        self.outage(5 * HOUR_S)
        self.assertIn(f"{owed_s // HOUR_S} h", self.type("status"))
        self.buy(2 * DAY_S)
        self.assertTrue(self.is_lit())
        left_s = self.account.standing["term_until_s"] - self.world.now_s()
        self.assertTrue(0 <= 2 * DAY_S - owed_s - left_s <= 6, left_s)

    def test_a_purchase_below_what_he_owes_brings_no_light_and_is_not_lost(self):
        self.outage_until(self.end_s - 5)
        self.world.run_for(30)
        self.outage_until(self.eight_s + HOUR_S)
        owed_s = self.eight_s - self.end_s
        self.buy(owed_s - HOUR_S)
        self.assertFalse(self.is_lit())
        self.outage(60)
        self.buy(HOUR_S)
        self.assertFalse(self.is_lit())
        self.buy(DAY_S)
        left_s = self.account.standing["term_until_s"] - self.world.now_s()
        self.assertTrue(0 <= DAY_S - left_s <= 6, left_s)

    def test_whoever_renews_in_the_night_pays_from_the_end_of_his_term(self):
        self.outage_until(self.end_s - 5)
        self.world.run_for(HOUR_S)
        self.buy(DAY_S)
        self.buy(DAY_S)
        self.assertTrue(0 <= self.account.standing["term_until_s"] - self.end_s - 2 * DAY_S <= 1)

    def test_the_next_guest_owes_nothing(self):
        self.outage_until(self.end_s - 5)
        self.world.run_for(30)
        self.outage_until(self.eight_s + HOUR_S)
        self.tap(self.new_card(self.seal(token.TENANT, 7, 0)))
        self.buy(DAY_S)
        left_s = self.account.standing["term_until_s"] - self.world.now_s()
        self.assertTrue(0 <= DAY_S - left_s <= 6, left_s)


class TestTheCamper(ContractStory):
    """He has bought 20 kWh for a week, no more than 5 of them a day."""

    contract = "dispenser"
    load_w = 20_000

    def test_five_kwh_a_day_and_no_more(self):
        card = self.new_card(self.seal(token.DISPENSE, 20 * KWH, 5 * KWH, 7 * DAY_S))
        self.tap(card)
        self.assertTrue(self.is_lit())
        for day in (1, 2):
            self.quiet(10 * MINUTE_S)
            self.assertTrue(self.is_lit())
            self.assertTrue(self.world.run_until(lambda: not self.is_lit(), 6 * MINUTE_S))
            self.assertTrue(5 * KWH <= self.account.day_mwh <= 5 * KWH + 6_000)
            self.assertTrue(self.is_shown("E 15"))
            next_day_s = (self.world.now_s() // DAY_S + 1) * DAY_S
            self.outage_until(next_day_s - 10)
            self.assertFalse(self.is_lit())
            self.assertTrue(self.world.run_until(self.is_lit, 20))
            self.assertEqual(self.world.now_s(), next_day_s)
            self.assertTrue(0 <= 5 * KWH * day - self.account.energy.charged + 6_000 * day <= 6_000 * day)
        self.assert_all_energy_is_registered()

        # The unused kWh of one week remain when he buys another.
        self.outage_until(self.account.standing["dispenser_until_s"] - 2)
        self.world.run_for(5)
        self.assertFalse(self.is_lit())
        balance_mwh = self.account.energy.balance
        self.station.write(card, self.seal(token.DISPENSE, KWH, 0, DAY_S))
        self.tap(card)
        self.assertTrue(self.is_lit())
        self.assertTrue(balance_mwh + KWH - self.account.energy.balance <= 60_000)

    def test_his_pages_show_how_long_and_how_much_today(self):
        self.tap(self.new_card(self.seal(token.DISPENSE, 20 * KWH, 5 * KWH, 7 * DAY_S)))
        self.world.run_for(5)
        self.world.household.constant_w = 0
        self.world.household.update()
        shown = []
        for _ in range(7):
            self.world.press()
            self.world.run_for(1)
            shown.append(bytes(self.world.hardware.display.segments()))
        for page in (pages.UNTIL, pages.LEFT_TODAY):
            self.assertIn(bytes(render(pages.text(page, self.account))), shown)
        self.assertEqual(pages.text(pages.UNTIL, self.account), "d    6")


class TestTheDormitory(ContractStory):
    """The office keeps the rooms' accounts and rules their switches; a permit keeps the light on for a bought month."""

    contract = "managed"

    def test_off_and_on_by_order_and_off_for_good_when_the_office_is_silent(self):
        self.assertTrue(self.is_shown("E 14"))
        until_s = self.world.now_s() + 2 * DAY_S
        self.type("token " + self.seal(token.PERMIT, until_s).hex())
        self.world.run_for(2)
        self.assertTrue(self.is_lit())
        late = self.seal(token.SWITCH, 1)
        self._orders(1)
        self.assertFalse(self.is_lit())
        self.assertTrue(self.is_shown("E 18"))
        self.outage(MINUTE_S)
        self.assertFalse(self.is_lit())
        self._orders(0)
        self.assertTrue(self.is_lit())

        # An order that went astray and comes by card after all is older than the one that holds.
        self.tap(self.new_card(late))
        self.assertTrue(self.is_lit())
        self.assertEqual(self._voided(), [outcome.OUTDATED])

        self.outage_until(until_s - MINUTE_S)
        self.assertTrue(self.is_lit())
        self.type("token " + self.seal(token.PERMIT, until_s + MINUTE_S).hex())
        self.world.run_for(MINUTE_S + 5)
        self.assertTrue(self.is_lit())
        self.assertTrue(self.world.run_until(lambda: not self.is_lit(), 2 * MINUTE_S))
        self.assertEqual(self.world.now_s(), until_s + MINUTE_S)
        self._orders(0)
        self.assertFalse(self.is_lit())
        self.assertEqual((self.account.money.charged, self.account.energy.charged), (0, 0))
        self.assert_all_energy_is_registered()

    def test_no_technician_can_make_a_permit_or_days(self):
        self.type("login 135790")
        listed = self.type("help")
        for word in ("permit", "days", "credit", "term "):
            self.assertFalse(("\n" + word) in ("\n" + listed), word)
        for line in ("terms set permit_until_s 4000000000", "terms set term_until_s 4000000000"):
            self.assertTrue(self.world.type_line(line)[0].startswith("refused"), line)

    def _orders(self, is_open):
        self.type("token " + self.seal(token.SWITCH, is_open).hex())
        self.world.run_for(2)

    def _voided(self):
        return [one.number for one in self.world.meter.events.recent(50) if one.code == events.TOKEN_VOIDED]


class TestTheTrustedCustomer(ContractStory):
    """He pays afterwards, by the month in the statement on his card."""

    contract = "account"
    load_w = 20_000

    def setUp(self):
        super().setUp()
        self.technician("terms set account_limit_microunits 20000000")

    def test_the_statement_is_the_bill_and_supply_never_ends(self):
        card = self.new_card(self.seal(token.CREDIT_MONEY, 1_000_000))
        self.tap(card)
        self.assertTrue(self.is_lit())
        self.quiet(30 * MINUTE_S)
        month_begin_s = days_from_civil(2026, 12, 1) * DAY_S
        self.outage_until(month_begin_s - 10)
        self.world.run_for(20)
        november = self.account.registers.closed_months[0]
        opened = self.tap(card)
        self.assertEqual(opened["contract"], contract.SettledAccount.code)
        self.assertEqual(opened["months"][1]["charge_microunits"], november.charge_microunits)
        self.assertEqual(opened["months"][1]["rate_wh"], [november.total_mwh // 1_000])
        self.assertEqual(november.charge_microunits, november.total_mwh // 4)
        self.assertTrue(november.total_mwh >= 10 * KWH)
        self.assertEqual(opened["balance"], opened["bought"] - opened["charged"])
        self.assertEqual(opened["bought"], 1_000_000)
        self.assertTrue(opened["balance"] < 0)

        # Far over his limit he is warned, and supplied.
        self.assertTrue(self.is_steady())
        self.quiet(4 * HOUR_S)
        self.assertTrue(self.account.money.balance < -20_000_000)
        self.assertTrue(self.is_lit())
        self.assertFalse(self.is_steady())

        # He pays the bill, which is a token like any other.
        self.station.write(card, self.seal(token.CREDIT_MONEY, -self.account.money.balance))
        self.tap(card)
        self.assertTrue(self.is_steady())
        self.assert_all_energy_is_registered()

    def is_steady(self):
        """Return True if the display does not blink."""
        return not self.world.run_until(lambda: not any(self.world.hardware.display.segments()), 3)


class TestTheTenantWhoMoves(ContractStory):
    """He takes the rest of his kWh along on his card, and loads it at his next home, once."""

    contract = "prepaid-energy"

    def test_the_rest_goes_back_onto_the_card_and_is_loaded_elsewhere_once(self):
        card = self.new_card(self.seal(token.CREDIT_ENERGY, 30 * KWH))
        self.tap(card)
        self.quiet(30 * MINUTE_S)
        self.assertTrue(self.is_lit())
        self.station.write(card, self.seal(token.REFUND, contract.ENERGY, 0, 0))
        opened = self.tap(card)
        self.assertFalse(self.is_lit())
        taken_mwh = opened["receipt"]["energy"]
        self.assertTrue(28 * KWH < taken_mwh < 29 * KWH + 100_000)
        self.assertEqual(opened["receipt"]["sequence"], self.sequence)
        self.assertEqual(opened["balance"], 0)
        self.assertEqual(30 * KWH, taken_mwh + self.account.energy.charged)
        self.assertEqual(self.tap(card)["receipt"], opened["receipt"])
        self.assert_all_energy_is_registered()

        # The cashier settles a receipt once, from the tenant or from somebody with a copy of his card.
        settled = {}
        for brought in (card, copy_of_card(card, 1), card):
            receipt = self.station.statement(brought)["receipt"]
            settled.setdefault(receipt["sequence"], receipt["energy"])
        self.assertEqual(settled, {self.sequence: taken_mwh})
        self._load_elsewhere(taken_mwh)

    def _load_elsewhere(self, energy_mwh):
        home = commissioned_world("prepaid-energy", load_w=0, meter=OTHER_METER)
        tokens = sealed(1, token.CREDIT_ENERGY, energy_mwh, meter=OTHER_METER)
        card = self.station.customer_card("classic-1k", tokens, OTHER_METER)
        for one in (card, copy_of_card(card, 1), card):
            home.insert(one)
            home.run_for(3)
            home.remove(one)
            home.run_for(2)
        self.assertEqual(home.account.energy.balance, energy_mwh)
        self.assertTrue(home.hardware.relay.contact_closed)
        home.close()


if __name__ == "__main__":
    unittest.main()
