"""The charges of a tariff beside its energy, and the change of a tariff, in an account and in its ledger."""

import unittest

from boards.host.chips.flash import FlashModel
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from tests import samples
from wattpurse.core.money import account_image, credit_rules
from wattpurse.core.money.contract import PrepaidMoney, SettledAccount
from wattpurse.core.money.ledger import Ledger
from wattpurse.core.tariffs.calendar import DAY_S, days_from_civil
from wattpurse.core.tariffs.rules import PER_CENT, PER_KWH
from wattpurse.core.tariffs.tariff import Tariff

KWH = samples.KWH
DAY = ("DAY", (300_000, 500_000), (100 * KWH,))
NIGHT = ("NIGHT", (200_000,), ())
FEBRUARY_S = days_from_civil(2026, 2, 1) * DAY_S
MARCH_S = days_from_civil(2026, 3, 1) * DAY_S
HALF_HOUR_S = 1800
SECTORS = 5


def account_with(contract=PrepaidMoney, **changed):
    """Return an account of 2026 with the flat tariff, 0.25 per kWh, and its fields changed."""
    return samples.new_account(samples.flat_tariff(**changed), contract)


def activate(account, time_s, **changed):
    """Let another tariff take over at a time."""
    changed = dict(changed, version=account.tariff.version + 1, activation_s=time_s)
    tariff = Tariff(samples.flat_tariff(**changed))
    account.check_tariff(tariff)
    account.pending_tariff = tariff
    account.pass_to(time_s)


def in_flash(account):
    """Return the flash and a ledger with the account."""
    flash = FlashModel(VirtualClock(), 2 * SECTORS, RandomBits(1))
    ledger = Ledger(flash, 0, SECTORS)
    ledger.create(account)
    return flash, ledger


class TestRatesByName(unittest.TestCase):
    def setUp(self):
        self.account = account_with(rates=(DAY, NIGHT), day_types=(((0, 0),),))
        self.account.consume(120 * KWH)
        self.account.rate = 1
        self.account.consume(7 * KWH)

    def test_registers_and_block_positions_go_with_the_names_of_the_rates(self):
        self.account.registers.enter_month(self.account.registers.month.index + 1)
        self.account.rate = 0
        self.account.consume(110 * KWH)
        activate(self.account, samples.NEW_YEAR_S + 60, rates=(NIGHT, DAY), day_types=(((0, 1),),))
        registers = self.account.registers
        self.assertEqual(registers.rate_mwh[:3], [7 * KWH, 230 * KWH, 0])
        self.assertEqual(registers.closed_months[0].rate_mwh[:2], [7 * KWH, 120 * KWH])
        self.assertEqual(self.account.contract.price(self.account), (1, 500_000, None))
        self.assertEqual(account_image.pack(account_image.unpack(account_image.pack(self.account))),
                         account_image.pack(self.account))  # fmt: skip

    def test_the_last_rate_of_the_list_leaves_and_comes_back(self):
        activate(self.account, samples.NEW_YEAR_S + 60, rates=(DAY,), day_types=(((0, 0),),))
        self.assertEqual(self.account.registers.former_names, ["NIGHT"])
        activate(self.account, samples.NEW_YEAR_S + 120, rates=(DAY, NIGHT), day_types=(((0, 0),),))
        registers = self.account.registers
        self.assertEqual((registers.rate_mwh[:3], registers.former_names), ([120 * KWH, 7 * KWH, 0], []))

    def test_a_rate_that_leaves_keeps_its_register_and_gets_it_back(self):
        activate(self.account, samples.NEW_YEAR_S + 60, rates=(("FLAT", (250_000,), ()),))
        registers = self.account.registers
        self.assertEqual(registers.former_names, ["DAY", "NIGHT"])
        self.account.consume(3 * KWH)
        self.assertEqual(registers.rate_mwh[:4], [3 * KWH, 120 * KWH, 7 * KWH, 0])
        self.account = account_image.unpack(account_image.pack(self.account))
        activate(self.account, samples.NEW_YEAR_S + 120, rates=(NIGHT, DAY), day_types=(((0, 0),),))
        registers = self.account.registers
        self.assertEqual(registers.rate_mwh[:4], [7 * KWH, 120 * KWH, 3 * KWH, 0])
        self.assertEqual(registers.former_names, ["FLAT"])
        self.assertEqual(registers.total_mwh, 130 * KWH)

    def test_a_tariff_that_would_lose_a_register_is_refused(self):
        seven = tuple((f"R{number}", (1,), ()) for number in range(7))
        with self.assertRaises(ValueError) as refusal:
            self.account.check_tariff(Tariff(samples.flat_tariff(version=2, rates=seven)))
        self.assertIn("DAY, NIGHT", str(refusal.exception))
        self.account.check_tariff(Tariff(samples.flat_tariff(version=2, rates=seven[:5] + (DAY,))))


class TestBlocks(unittest.TestCase):
    RATES = (DAY, ("NIGHT", (200_000, 400_000), (100 * KWH,)))

    def test_blocks_of_all_rates_count_the_use_at_every_rate(self):
        account = account_with(rates=self.RATES, day_types=(((0, 0),),), blocks_of_total=True)
        account.consume(60 * KWH)
        account.rate = 1
        self.assertEqual(account.contract.price(account), (0, 200_000, 40 * KWH))
        account.consume(50 * KWH)
        self.assertEqual(account.money.charged, 60 * 300_000 + 40 * 200_000 + 10 * 400_000)

    def test_blocks_by_day_begin_again_with_each_day(self):
        account = account_with(rates=(("ALL", (100_000, 300_000), (5 * KWH,)),), blocks_by_day=True)
        account.consume(8 * KWH)
        account = account_image.unpack(account_image.pack(account))
        account.pass_to(samples.NEW_YEAR_S + DAY_S)
        account.consume(6 * KWH)
        self.assertEqual(account.money.charged, 10 * 100_000 + 4 * 300_000)

    def test_free_energy_counts_towards_the_first_block_only_if_the_tariff_says_so(self):
        for counts, charged in ((True, 40 * 100_000 + 10 * 300_000), (False, 50 * 100_000)):
            rates = (("ALL", (100_000, 300_000), (50 * KWH,)),)
            account = account_with(rates=rates, allowance_mwh=10 * KWH, free_in_blocks=counts)
            account.consume(60 * KWH)
            self.assertEqual(account.money.charged, charged)


class TestFees(unittest.TestCase):
    def test_the_fixed_charge_comes_with_the_first_day_of_each_month_and_once(self):
        account = account_with(month_charge_microunits=4_990_000)
        account.pass_to(FEBRUARY_S - 1)
        self.assertEqual(account.money.charged, 0)
        account.pass_to(MARCH_S)
        self.assertEqual(account.money.charged, 2 * 4_990_000)
        account.day -= 40  # the clock goes back
        account.pass_to(MARCH_S + DAY_S)
        self.assertEqual(account.money.charged, 2 * 4_990_000)

    def test_the_rest_up_to_the_minimum_is_charged_when_the_month_ends_but_not_in_the_first_month(self):
        account = account_with(minimum_microunits=10_000_000)
        account.pass_to(FEBRUARY_S)
        self.assertEqual(account.money.charged, 0)
        account.consume(12 * KWH)
        account.pass_to(MARCH_S)
        self.assertEqual(account.money.charged, 10_000_000)
        account.consume(44 * KWH)
        account.pass_to(MARCH_S + 31 * DAY_S)
        self.assertEqual(account.money.charged, 21_000_000)

    def test_the_minimum_is_before_tax_and_levies(self):
        account = account_with(minimum_microunits=10_000_000, levies=(("VAT", PER_CENT, 1_000),))
        account.terms.set("tax_permyriad", 2_000)
        account.pass_to(FEBRUARY_S)
        account.consume(12 * KWH)
        account.pass_to(MARCH_S)
        self.assertEqual(account.levies.sums[0].microunits, 1_000_000)
        self.assertEqual(account.money.charged, 12_000_000 + 1_000_000)

    def test_a_month_ends_by_the_tariff_that_was_in_force_in_it(self):
        account = account_with(minimum_microunits=10_000_000)
        account.pass_to(FEBRUARY_S)
        activate(account, MARCH_S, minimum_microunits=0, month_charge_microunits=3_000_000)
        self.assertEqual(account.registers.closed_months[0].charge_microunits, 10_000_000)
        self.assertEqual(account.registers.month.charge_microunits, 3_000_000)

    def test_a_customer_who_is_cut_off_is_spared_every_fee_if_the_terms_say_so(self):
        account = account_with(month_charge_microunits=4_990_000, minimum_microunits=10_000_000)
        account.terms.set("standing_charge_while_off", 0)
        account.standing.set("cut_off", 1)
        account.pass_to(MARCH_S)
        self.assertEqual(account.money.charged, 0)


class TestLevies(unittest.TestCase):
    LEVIES = (("EXCISE", PER_KWH, 20_500), ("VAT", PER_CENT, 1_900))

    def test_each_levy_has_its_own_sum_and_a_percentage_is_charged_on_the_lines_before_it(self):
        account = account_with(levies=self.LEVIES, standing_charge_microunits=500_000)
        account.consume(10 * KWH)
        account.pass_to(samples.NEW_YEAR_S + DAY_S)
        excise, vat = account.levies.sums
        self.assertEqual(excise.microunits, 205_000)
        self.assertEqual(vat.microunits, (2_500_000 + 205_000 + 500_000) * 19 // 100)
        self.assertEqual(account.money.charged, 3_000_000 + excise.microunits + vat.microunits)
        self.assertEqual(account.registers.month.charge_microunits, account.money.charged)
        account.pass_to(FEBRUARY_S)
        self.assertEqual((excise.month_microunits, excise.microunits), (0, 205_000))

    def test_a_year_of_single_mwh_is_levied_to_the_micro_unit(self):
        account = account_with(levies=self.LEVIES)
        for _ in range(1_000):
            account.consume(7)
        self.assertEqual(account.levies.sums[0].microunits, 7_000 * 20_500 // 10**6)
        self.assertEqual(account.levies.sums[1].microunits, 7_000 * 270_500 * 19 // 10**8)

    def test_free_energy_bears_no_levy(self):
        account = account_with(levies=self.LEVIES, allowance_mwh=10 * KWH)
        account.consume(10 * KWH)
        self.assertEqual(account.money.charged, 0)

    def test_the_price_shown_has_tax_and_levies_in_it(self):
        account = account_with(levies=self.LEVIES)
        account.terms.set("tax_permyriad", 1_000)
        self.assertEqual(account.taxed_price(), 275_000 + 20_500 + (250_000 + 20_500) * 19 // 100)

    def test_a_levy_keeps_its_sum_in_the_next_tariff_by_its_name(self):
        account = account_with(levies=self.LEVIES)
        account.consume(10 * KWH)
        excise, vat = (one.microunits for one in account.levies.sums)
        activate(account, samples.NEW_YEAR_S + 60, levies=(("FUND", PER_KWH, 1), ("VAT", PER_CENT, 2_000)))
        account = account_image.unpack(account_image.pack(account))
        self.assertEqual(account.levy_names(), ["FUND", "VAT", "EXCISE"])
        self.assertEqual([one.microunits for one in account.levies.sums], [0, vat, excise])

    def test_a_tariff_whose_levies_have_no_room_for_their_sums_is_refused(self):
        account = account_with(levies=tuple((f"OLD {number}", PER_KWH, 1) for number in range(4)))
        levies = tuple((f"NEW {number}", PER_KWH, 1) for number in range(3))
        with self.assertRaises(ValueError) as refusal:
            account.check_tariff(Tariff(samples.flat_tariff(version=2, levies=levies)))
        self.assertIn("7 levies", str(refusal.exception))


class TestMaximumDemand(unittest.TestCase):
    PRICE = 7_000_000

    def setUp(self):
        account = account_with(SettledAccount, demand_microunits_per_kw=self.PRICE)
        self.flash, self.ledger = in_flash(account)
        self.now_s = samples.NEW_YEAR_S

    def run_for(self, half_hours, pulses):
        for _ in range(half_hours):
            self.now_s += HALF_HOUR_S
            self.ledger.prepare()
            self.ledger.advance(self.now_s, pulses)

    def restart(self):
        self.ledger = Ledger(self.flash, 0, SECTORS)
        self.ledger.open()

    def test_the_half_hour_with_the_most_is_charged_when_the_month_ends(self):
        self.run_for(10, 320)
        self.run_for(1, 1_600)  # half a kWh in half an hour: 1 kW
        self.restart()
        self.assertEqual(self.ledger.account.standing["demand_mwh"], 500_000)
        self.run_for(1, 800)
        self.now_s = FEBRUARY_S - HALF_HOUR_S
        self.ledger.advance(self.now_s, 0)
        self.run_for(1, 3_200)  # the last half hour of the month: 2 kW
        closed = self.ledger.account.registers.closed_months[0]
        energy_microunits = closed.total_mwh // 4
        self.assertEqual(closed.charge_microunits, energy_microunits + 2 * self.PRICE)
        self.assertEqual(self.ledger.account.standing["demand_mwh"], 0)
        before = account_image.pack(self.ledger.account)
        self.restart()
        self.assertEqual(account_image.pack(self.ledger.account), before)

    def test_pulses_that_wait_belong_to_their_half_hour(self):
        for _ in range(3):
            self.now_s += HALF_HOUR_S // 3
            self.ledger.advance(self.now_s, 533)
        self.assertEqual(self.ledger.account.standing["demand_mwh"], 1_599 * KWH // 3_200)

    def test_a_half_hour_that_is_not_the_most_writes_nothing_more(self):
        self.run_for(1, 1_600)
        recorded_s = self.ledger.recorded_s
        self.run_for(4, 800)
        self.assertEqual(self.ledger.recorded_s, recorded_s)

    def test_the_next_tenant_does_not_pay_for_the_demand_of_the_one_before(self):
        self.run_for(1, 1_600)
        self.ledger.change(lambda account: credit_rules.clear(account, 1, 0))
        self.assertEqual(self.ledger.account.standing["demand_mwh"], 0)

    def test_no_other_contract_takes_a_tariff_that_charges_demand(self):
        tariff = Tariff(samples.flat_tariff(version=2, demand_microunits_per_kw=self.PRICE))
        for refused in (
            lambda: samples.new_account().check_tariff(tariff),
            lambda: self.ledger.account.check_contract(PrepaidMoney),
        ):
            with self.assertRaises(ValueError) as refusal:
                refused()
            self.assertIn("the contract 'prepaid-money' cannot charge it; use 'account'", str(refusal.exception))
        self.ledger.account.check_tariff(tariff)


if __name__ == "__main__":
    unittest.main()
