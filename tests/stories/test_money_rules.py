"""Money in daily life: tenants in the dark, on Sundays, in debt; a landlord, a holiday flat, a new tenant."""

from tests.samples import flat_tariff
from tests.stories.story import ContractStory
from wattpurse.core.messages import token
from wattpurse.core.money import terms
from wattpurse.core.tariffs.calendar import days_from_civil
from wattpurse.services import pages

HOUR_S = 3_600
DAY_S = 86_400
UNIT = 1_000_000
CENT = 10_000
SUNDAY_S = days_from_civil(2026, 11, 8) * DAY_S
EIGHT_ON_MONDAY_S = SUNDAY_S + DAY_S + 8 * HOUR_S


class MoneyStory(ContractStory):
    """0.25 per kWh, so that a load of 2 kW uses a cent in 72 s."""

    def top_up(self, amount):
        """Load a card's credit, and return its statement."""
        return self.tap(self.new_card(self.seal(token.CREDIT_MONEY, amount)))

    def landlord_sets(self, **values):
        """Set terms of supply, by a card."""
        places = {name: place for place, name in enumerate(terms.names())}
        for name, value in values.items():
            self.tap(self.new_card(self.seal(token.TERM, places[name], value)))
            self.assertEqual(self.account.terms[name], value)

    def use_up(self, limit_s=900):
        """Let the house draw until it is dark."""
        self.assertTrue(self.world.run_until(lambda: not self.is_lit(), limit_s))

    def assert_money_adds_up(self, bought):
        """Check that every micro-unit was bought, and is charged or left."""
        money = self.account.money
        self.assertEqual(money.bought, bought)
        self.assertEqual(money.bought, money.charged + money.balance)
        paid_back = self.account.standing["debt_recovered_microunits"]
        self.assertEqual(money.charged - paid_back, self.account.registers.month.charge_microunits)


class TestTheTenantAtNight(MoneyStory):
    """Credit ends at night. The landlord lends five cents, once until they are repaid."""

    def setUp(self):
        super().setUp()
        self.landlord_sets(emergency_microunits=5 * CENT)
        self.top_up(CENT)
        self.use_up()

    def test_a_press_brings_the_light_back_and_what_was_lent_is_repaid_first(self):
        self.assertTrue(self.is_shown("EC 0.05"))
        self.assertFalse(self.is_lit())
        self.press()
        self.assertTrue(self.is_lit())
        self.world.run_for(60)
        self.outage(HOUR_S)
        self.assertTrue(self.is_lit())
        self.use_up()
        self.assertTrue(-6 * CENT < self.account.money.balance <= -5 * CENT)

        # It is used up: pressing again, and paying less than was lent, changes nothing.
        self.press()
        self.world.run_for(25)
        self.assertFalse(self.is_shown("EC 0.05"))
        self.top_up(3 * CENT)
        self.assertFalse(self.is_lit())
        self.top_up(4 * CENT)
        self.assertTrue(self.is_lit())
        self.assertTrue(0 < self.account.money.balance < 2 * CENT)
        self.use_up()
        self.assertTrue(self.is_shown("EC 0.05"))
        self.assert_money_adds_up(8 * CENT)
        self.assert_all_energy_is_registered()

    def test_in_a_shortage_those_who_have_paid_keep_supply(self):
        self.press()
        self.tap(self.new_card(self.seal(token.SHORTAGE, 1, self.world.now_s() + DAY_S)))
        self.assertFalse(self.is_lit())
        self.assertTrue(self.is_shown("E 19"))
        self.top_up(10 * CENT)
        self.assertTrue(self.is_lit())
        self.tap(self.new_card(self.seal(token.SHORTAGE, 2, self.world.now_s() + DAY_S)))
        self.assertFalse(self.is_lit())
        self.landlord_sets(shortage_priority=2)
        self.assertTrue(self.is_lit())

    def test_where_a_press_is_asked_after_a_top_up_one_press_is_enough_for_emergency_credit(self):
        self.landlord_sets(confirm_closing=1)
        self.press()
        self.assertTrue(self.is_lit())
        self.use_up()
        self.top_up(10 * CENT)
        self.assertFalse(self.is_lit())
        self.assertTrue(self.is_shown("PrESS"))
        self.press()
        self.assertTrue(self.is_lit())


class TestNobodyIsCutOffOnSunday(MoneyStory):
    """Friendly are Sundays, and nights from eight to eight."""

    def setUp(self):
        super().setUp()
        self.landlord_sets(friendly_weekdays=0b1000000, friendly_from_minute=20 * 60, friendly_to_minute=8 * 60)
        self.top_up(CENT)
        self.outage_until(SUNDAY_S + 9 * HOUR_S)
        self.world.run_for(120)
        self.assertTrue(self.account.money.balance < 0)
        self.assertTrue(self.is_lit())

    def test_and_on_monday_at_eight_the_debt_is_due(self):
        self.outage_until(SUNDAY_S + 23 * HOUR_S)
        self.assertTrue(self.is_lit())
        self.outage_until(EIGHT_ON_MONDAY_S - 10)
        self.world.run_for(5)
        self.assertTrue(self.is_lit())
        self.assertTrue(self.world.run_until(lambda: not self.is_lit(), 30))
        self.assertEqual(self.world.now_s(), EIGHT_ON_MONDAY_S)
        owed = -self.account.money.balance
        self.assertTrue(owed > 0)
        self.top_up(owed // 2)
        self.assertFalse(self.is_lit())
        self.top_up(owed)
        self.assertTrue(self.is_lit())
        self.assert_money_adds_up(CENT + owed // 2 + owed)

    def test_and_a_main_fuse_pulled_at_five_to_eight_does_not_make_it_sunday_again(self):
        self.outage_until(EIGHT_ON_MONDAY_S - 300)
        self.assertTrue(self.is_lit())
        self.outage_until(EIGHT_ON_MONDAY_S + 13 * HOUR_S)
        self.assertFalse(self.is_lit())
        self.world.run_for(60)
        self.assertFalse(self.is_lit())

    def test_and_who_was_cut_off_before_stays_so(self):
        self.outage_until(EIGHT_ON_MONDAY_S + 60)
        self.assertFalse(self.is_lit())
        self.outage_until(EIGHT_ON_MONDAY_S + 6 * DAY_S)
        self.assertFalse(self.is_lit())


class TestOldDebt(MoneyStory):
    """Two tenants owe ten from before the meter came."""

    def setUp(self):
        super().setUp()
        self.tap(self.new_card(self.seal(token.DEBT, 10 * UNIT)))

    def test_one_pays_it_as_thirty_percent_of_each_top_up(self):
        self.landlord_sets(debt_share_percent=30)
        opened = self.top_up(20 * UNIT)
        self.assertEqual(opened["standing"]["debt_microunits"], 4 * UNIT)
        self.assertTrue(13_900_000 < opened["balance"] <= 14 * UNIT)
        for _ in range(5):
            self.world.press()
            self.world.run_for(1)
        self.assertTrue(self.is_shown("o  4.00"))
        opened = self.top_up(20 * UNIT)
        self.assertEqual(opened["totals"]["debt_recovered_microunits"], 10 * UNIT)
        opened = self.top_up(20 * UNIT)
        self.assertFalse("debt_microunits" in opened["standing"])
        self.assert_money_adds_up(60 * UNIT)

    def test_the_other_in_weekly_parts_of_seven_whether_mains_are_there_or_not(self):
        self.landlord_sets(debt_weekly_microunits=7 * UNIT, debt_floor_microunits=10 * UNIT)
        self.top_up(50 * UNIT)
        friday_s = SUNDAY_S - 2 * DAY_S
        self.outage_until(friday_s - 5)
        self.world.run_for(10)
        self.assertEqual(self.account.standing["debt_microunits"], 9 * UNIT)
        self.outage_until(friday_s + 6 * DAY_S + HOUR_S)
        self.assertEqual(self.account.standing["debt_microunits"], 3 * UNIT)
        self.outage_until(friday_s + 30 * DAY_S)
        self.assertEqual(self.account.standing["debt_microunits"], 0)
        self.assertEqual(self.account.standing["debt_recovered_microunits"], 10 * UNIT)
        self.assertEqual(self.account.money.bought, self.account.money.charged + self.account.money.balance)


class TestTheLandlordRaisesTheTax(MoneyStory):
    def _use_for(self, duration_s):
        """Draw 20 kW for a while, and return the energy used."""
        before_mwh = self.account.registers.total_mwh
        self._draw(20_000)
        self.world.run_for(duration_s)
        self._draw(0)
        self.world.run_for(1)
        return self.account.registers.total_mwh - before_mwh

    def _draw(self, load_w):
        self.world.household.constant_w = load_w
        self.world.household.update()

    def test_what_was_used_before_is_taxed_as_it_was(self):
        self._draw(0)
        self.top_up(10 * UNIT)
        untaxed_mwh = self.account.registers.total_mwh
        self.landlord_sets(tax_permyriad=700)
        low_mwh = self._use_for(121)
        self.landlord_sets(tax_permyriad=1_900)
        high_mwh = self._use_for(121)
        self.assertTrue(low_mwh > 600_000 and high_mwh > 600_000)
        due = (untaxed_mwh * 100 + low_mwh * 107 + high_mwh * 119) // (4 * 100)
        self.assertEqual(self.account.money.charged, due)
        self.world.press()
        self.world.run_for(1)
        self.assertTrue(self.is_shown("r1.0.298"))


class TestTheHolidayFlat(MoneyStory):
    """Nobody is there in winter; a day costs 0.33 whether anything is used or not."""

    tariff = flat_tariff(standing_charge_microunits=330_001)

    def _winter(self):
        """Credit is used up, and the flat is dark for thirty days, of which the meter sees the ends."""
        self.top_up(CENT)
        self.use_up()
        before = self.account.money.charged
        self.outage(10 * DAY_S)
        self.quiet(300)
        self.outage(20 * DAY_S)
        self.assertFalse(self.is_lit())
        return self.account.money.charged - before

    def test_its_standing_charge_rests_while_it_is_off(self):
        self.landlord_sets(standing_charge_while_off=0)
        self.assertEqual(self._winter(), 0)
        self.top_up(UNIT)
        self.assertTrue(self.is_lit())
        before = self.account.registers.total_mwh // 4, self.account.money.charged
        self.outage(DAY_S)
        energy = self.account.registers.total_mwh // 4 - before[0]
        self.assertTrue(abs(self.account.money.charged - before[1] - energy - 330_001) <= 1)

    def test_the_neighbours_runs_on(self):
        self.assertEqual(self._winter(), 30 * 330_001)


class TestTheNextTenant(MoneyStory):
    def test_begins_with_nothing_and_owes_nothing(self):
        self.landlord_sets(emergency_microunits=5 * CENT, debt_share_percent=10)
        self.tap(self.new_card(self.seal(token.DEBT, 3 * UNIT)))
        self.top_up(CENT)
        self.use_up()
        self.press()
        self.world.run_for(60)
        owed = self.account.money.balance
        self.assertTrue(owed < 0)
        card = self.new_card(self.seal(token.TENANT, 12, 0))
        opened = self.tap(card)
        receipt = opened["receipt"]
        self.assertEqual(receipt["sequence"], self.sequence)
        self.assertTrue(owed - CENT < receipt["money"] <= owed)
        self.assertEqual(receipt["debt"], 3 * UNIT - CENT // 10)
        self.assertEqual(opened["standing"]["tenant"], 12)
        self.assertFalse(self.is_lit())
        self.assertEqual(self.account.money.balance, 0)
        self.assertEqual(self.account.standing["debt_microunits"], 0)
        self.assertTrue(self.is_shown("EC 0.05"))
        self.top_up(UNIT)
        self.assertTrue(self.is_lit())
        self.assertTrue(self.account.money.balance > UNIT - CENT)


class TestTheCreditLimit(MoneyStory):
    """The meter takes at most ten cents: a token above the limit stays on the card until there is room."""

    def test_a_top_up_over_the_limit_waits_on_the_card_and_counts_once(self):
        self.landlord_sets(credit_limit_microunits=10 * CENT)
        self.top_up(8 * CENT)
        card = self.new_card(self.seal(token.CREDIT_MONEY, 5 * CENT))
        self.world.insert(card)
        self.assertTrue(self.is_shown("E 24"))
        self.world.remove(card)
        self.assertEqual(self.account.money.bought, 8 * CENT)
        self.assertTrue(self.world.run_until(lambda: self.account.money.balance <= 5 * CENT, 900))
        self.tap(card)
        self.assertEqual(self.account.money.bought, 13 * CENT)
        self.tap(card)
        self.assert_money_adds_up(13 * CENT)


class TestTheFreeAllowance(MoneyStory):
    """The first twentieth of a kWh of each month is a gift of the house."""

    tariff = flat_tariff(allowance_mwh=50_000)

    def test_the_first_energy_of_a_month_is_free_and_the_next_is_not(self):
        self.top_up(CENT)
        self.assertTrue(self.world.run_until(lambda: self.account.registers.month.total_mwh == 50_000, 120))
        self.assertEqual(self.account.money.charged, 0)
        self.world.press()
        self.assertTrue(self.is_shown("r1 0.25"))
        self.use_up()
        over_mwh = self.account.registers.total_mwh - 50_000
        self.assertEqual(self.account.money.charged, over_mwh // 4)
        self.assert_money_adds_up(CENT)


class TestAnotherCustomerClass(MoneyStory):
    def test_the_card_brings_tariff_and_class_and_both_begin_on_their_day(self):
        self.top_up(10 * UNIT)
        data = flat_tariff(version=2, customer_class=3, activation_s=SUNDAY_S, rates=(("SHOP", (400_000,), ()),))
        self.tap(self.new_card(self.seal(token.TARIFF, data)))
        self.assertEqual(self.account.tariff.customer_class, 0)
        self.outage_until(SUNDAY_S - 5)
        self.assertEqual(self.account.tariff.customer_class, 0)
        self.world.run_for(10)
        self.assertEqual(self.account.tariff.customer_class, 3)
        self.assertIn("customer class   3", self.type("tariff"))
        self.assertTrue(self.is_shown(pages.text(pages.CREDIT, self.account)))
        self.world.press()
        self.world.run_for(1)
        self.assertTrue(self.is_shown("r1 0.40"))


class TestHowLongItLasts(MoneyStory):
    def test_the_display_says_for_how_many_days_and_warns_when_they_are_few(self):
        self.top_up(10 * UNIT)
        self.outage_until(SUNDAY_S - 2 * DAY_S + 9 * HOUR_S)
        self.quiet(2 * HOUR_S)
        self.outage_until(SUNDAY_S - DAY_S + HOUR_S)
        self.world.run_for(5)
        mean = self.world.meter.load_profile.mean_daily_microunits()
        days = self.account.money.balance // mean
        self.assertTrue(8 <= days <= 60, days)
        for _ in range(5):
            self.world.press()
            self.world.run_for(1)
        self.assertTrue(self.is_shown(f"L   {days}" if days > 9 else f"L    {days}"))
        self.assertIn(f"{days} days, if they are as the last seven", self.type("status"))
        self.assertIn("warning         none", self.type("status"))
        self.landlord_sets(low_credit_days=days)
        self.assertIn("warning         low", self.type("status"))
        self.landlord_sets(very_low_credit_days=days)
        self.assertIn("warning         very low", self.type("status"))
