"""The account's rules: pulses to energy to money, days, months, tokens; packing loses nothing."""

import unittest

from tests import samples
from wattpurse.core.money import account_image
from wattpurse.core.money import contract as contracts
from wattpurse.core.tariffs.calendar import days_from_civil, month_index


class TestEnergy(unittest.TestCase):
    def test_three_thousand_two_hundred_impulses_are_exactly_one_kwh(self):
        account = samples.new_account()
        for _ in range(3200):
            account.count_pulses(1)
        self.assertEqual(account.registers.total_mwh, 1_000_000)

    def test_any_rational_is_exact_in_the_long_run(self):
        account = samples.new_account()
        account.calibrate(7, 3)
        for _ in range(70):
            account.count_pulses(1)
        self.assertEqual(account.registers.total_mwh, 30_000_000)

    def test_calibration_out_of_range_is_refused(self):
        account = samples.new_account()
        for impulses, per_kwh in ((0, 1), (1, 0), (-1, 1), (10**9 + 1, 1), (1, 3200), (1, 10**9)):
            with self.assertRaises(ValueError):
                account.calibrate(impulses, per_kwh)

    def test_a_year_of_single_pulses_costs_the_same_as_the_year_at_once(self):
        tariff = samples.flat_tariff(rates=(("ALL", (333_333,), ()),))
        single, whole = samples.new_account(tariff), samples.new_account(tariff)
        for _ in range(20_000):
            single.count_pulses(1)
        whole.count_pulses(20_000)
        self.assertEqual(single.money.charged, whole.money.charged)
        self.assertEqual(whole.money.charged, 6_250_000 * 333_333 // 1_000_000)

    def test_a_block_border_inside_a_step_is_charged_on_both_sides(self):
        tariff = samples.flat_tariff(rates=(("ALL", (100_000, 500_000), (samples.KWH,)),))
        account = samples.new_account(tariff)
        account.consume(3 * samples.KWH)
        self.assertEqual(account.money.charged, 100_000 + 2 * 500_000)

    def test_the_allowance_is_free_and_the_rest_is_not(self):
        account = samples.new_account(samples.flat_tariff(allowance_mwh=2 * samples.KWH))
        account.consume(5 * samples.KWH)
        self.assertEqual(account.money.charged, 3 * 250_000)
        account.enter_day(days_from_civil(2026, 2, 1))
        account.consume(2 * samples.KWH)
        self.assertEqual(account.money.charged, 3 * 250_000)


class TestDaysAndMonths(unittest.TestCase):
    def test_each_day_costs_its_standing_charge_in_its_month(self):
        account = samples.new_account(samples.flat_tariff(standing_charge_microunits=1_000))
        account.enter_day(days_from_civil(2026, 3, 2))
        self.assertEqual(account.money.charged, 60 * 1_000)
        self.assertEqual([month.charge_microunits for month in account.registers.closed_months], [28_000, 30_000])
        self.assertEqual(account.registers.month.charge_microunits, 2_000)

    def test_twelve_closed_months_are_kept(self):
        account = samples.new_account()
        account.enter_day(days_from_civil(2028, 1, 1))
        indices = [month.index for month in account.registers.closed_months]
        newest = month_index(days_from_civil(2027, 12, 1))
        self.assertEqual(indices, list(range(newest, newest - 12, -1)))

    def test_a_day_is_never_charged_twice(self):
        account = samples.new_account(samples.flat_tariff(standing_charge_microunits=1_000))
        account.enter_day(account.day + 10)
        account.day -= 5
        account.enter_day(account.day + 6)
        self.assertEqual(account.money.charged, 11_000)

    def test_energy_contract_charges_energy_and_no_days(self):
        tariff = samples.flat_tariff(standing_charge_microunits=1_000)
        account = samples.new_account(tariff, contracts.PrepaidEnergy)
        account.energy.bought = 5 * samples.KWH
        account.enter_day(account.day + 3)
        account.count_pulses(3200)
        self.assertEqual((account.energy.balance, account.money.charged), (4 * samples.KWH, 0))


class TestTokens(unittest.TestCase):
    def setUp(self):
        self.account = samples.new_account()

    def test_out_of_order_within_the_window_is_fine_and_twice_is_not(self):
        for sequence in (100, 37, 99, 101, 38):
            self.assertFalse(self.account.token_is_used(sequence))
            self.account.mark_token(sequence)
            self.assertTrue(self.account.token_is_used(sequence))
            with self.assertRaises(ValueError):
                self.account.mark_token(sequence)

    def test_the_window_is_sixty_four_wide_to_the_token(self):
        self.account.mark_token(100)
        self.assertFalse(self.account.token_is_used(37))
        self.assertTrue(self.account.token_is_used(36))

    def test_against_a_plain_set(self):
        used = set()
        state = 1
        for _ in range(3000):
            state = state * 1103515245 + 12345 & 0x7FFFFFFF
            sequence = max(1, self.account.tokens.top() + (state >> 8) % 140 - 100)
            expected = sequence in used or sequence <= self.account.tokens.top() - 64
            self.assertEqual(self.account.token_is_used(sequence), expected)
            if not expected:
                used.add(sequence)
                self.account.mark_token(sequence)

    def test_a_far_leap_empties_the_window_behind_it(self):
        self.account.mark_token(5)
        self.account.mark_token(200_000_000)
        self.assertTrue(self.account.token_is_used(6))
        self.assertFalse(self.account.token_is_used(199_999_999))


class TestPacking(unittest.TestCase):
    def test_unpack_gives_the_same_account(self):
        account = samples.new_account(samples.day_and_night_tariff())
        account.calibrate(1000, 3)
        account.count_pulses(12_345)
        account.money.bought = 7_000_000
        account.enter_day(account.day + 100)
        account.mark_token(77)
        account.terms.set("credit_limit_mwh", 99)
        again = account_image.unpack(account_image.pack(account))
        self.assertEqual(account_image.pack(again), account_image.pack(account))
        again.count_pulses(1)
        account.count_pulses(1)
        self.assertEqual(account_image.pack(again), account_image.pack(account))
        self.assertEqual(again.terms["credit_limit_mwh"], 99)

    def test_another_format_is_refused(self):
        data = bytearray(account_image.pack(samples.new_account()))
        data[0] = 99
        with self.assertRaises(ValueError):
            account_image.unpack(bytes(data))

    def test_unreachable_states_are_refused(self):
        for name, value in (
            ("rate", 1),
            ("rate", 255),
            ("day", 0),
            ("charged_day", 0),
            ("pulses_total", 1 << 63),
            ("energy_remainder", 3200),
            ("charge_remainder", 10**10),
        ):
            account = samples.new_account()
            setattr(account, name, value)
            with self.assertRaises(ValueError):
                account_image.unpack(account_image.pack(account))
        account = samples.new_account()
        account.registers.month.rate_mwh[0] = (1 << 48) - 1
        with self.assertRaises(ValueError):
            account_image.unpack(account_image.pack(account))


if __name__ == "__main__":
    unittest.main()
