"""Changes by the console: in flash when they are confirmed, in the event log, and refused with a reason."""

import unittest

from tests import samples
from tests.services.console.console_bench import METER_KEY, METER_NUMBER, SITE_KEY, START_S, Bench
from wattpurse.core import carrier
from wattpurse.core.guards import tamper
from wattpurse.core.messages import statement, token
from wattpurse.core.money import contract
from wattpurse.core.money.ledger_records import STANDING
from wattpurse.core.records import events
from wattpurse.core.seals.keys import token_keys
from wattpurse.core.text import parse_time, time_text
from wattpurse.stores import LEDGER_RING


class TestChanges(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.bench.commission(samples.day_and_night_tariff())
        self.bench.log_in()

    @property
    def account(self):
        return self.bench.meter.ledger.account

    def _was_noted(self, code):
        self.assertEqual(self.bench.event_codes(1), [(code, carrier.CONSOLE)])

    def _count(self, pulses):
        """Let the house use that many pulses, not yet accounted for."""
        self.bench.meter.metering.step()
        self.bench.meter.board.counter.take = lambda: self._give(pulses)

    def _give(self, pulses):
        self.bench.meter.board.counter.take = lambda: 0
        return pulses

    def test_a_tariff_that_charges_demand_is_refused_with_words(self):
        table = samples.flat_tariff(version=7, demand_microunits_per_kw=1).hex()
        self.assertIn("the contract 'prepaid-money' cannot charge it", self.bench.say("tariff set " + table))
        self.bench.say("contract set account")
        self.assertIn("takes over now", self.bench.say("tariff set " + table))
        self.assertIn("the contract 'prepaid-money' cannot charge it", self.bench.say("contract set prepaid-money"))

    def test_a_tariff_that_would_lose_a_register_is_refused_with_words(self):
        rates = tuple((f"R{number}", (1,), ()) for number in range(8))
        answer = self.bench.say("tariff set " + samples.flat_tariff(version=7, rates=rates).hex())
        self.assertIn("there is room for 8 registers", answer)

    def test_a_tariff_waits_for_its_activation(self):
        later_s = START_S + 86_400
        answer = self.bench.say("tariff set " + samples.flat_tariff(version=7, activation_s=later_s).hex())
        self.assertEqual(answer, "tariff version 7 is pending until 2026-02-11T00:00:00+00:00")
        self._was_noted(events.TARIFF_SENT)
        self.assertEqual(self.account.tariff.version, 2)
        self.bench.restart()
        self.assertEqual(self.account.pending_tariff.version, 7)
        self.assertEqual(self.bench.facts("tariff")["pending"]["version"], 7)
        self.bench.wait(86_401)
        self.bench.meter.metering.step()
        self.assertEqual(self.account.tariff.version, 7)

    def test_a_tariff_whose_activation_is_past_takes_over_now(self):
        answer = self.bench.say("tariff set " + samples.flat_tariff(version=7).hex())
        self.assertIn("takes over now", answer)
        self.bench.wait(1)
        self.bench.meter.metering.step()
        self.assertEqual(self.account.tariff.version, 7)

    def test_a_tariff_must_be_newer_than_any_known(self):
        later_s = START_S + 86_400
        self.bench.say("tariff set " + samples.flat_tariff(version=7, activation_s=later_s).hex())
        for version in (1, 2, 7):
            answer = self.bench.say("tariff set " + samples.flat_tariff(version=version).hex())
            self.assertEqual(answer, f"refused: the table has version {version}; it must be higher than 7")

    def test_a_tariff_with_one_digit_wrong_is_refused(self):
        table = samples.flat_tariff(version=7).hex()
        self.assertIn("checksum", self.bench.say("tariff set " + table[:40] + "0f" + table[42:]))

    def test_a_change_of_contract_loses_nothing(self):
        self.bench.meter.ledger.credit(1, contract.MONEY, 5_000_000, carrier.CARD, START_S)
        self.bench.meter.ledger.credit(2, contract.ENERGY, 7_000_000, carrier.CARD, START_S)
        answer = self.bench.say("contract set prepaid-energy")
        self.assertIn("money 5.00 EUR, energy credit 7.000 kWh", answer)
        self._was_noted(events.CONTRACT_CHANGED)
        self.bench.restart()
        self.assertIs(self.account.contract, contract.PrepaidEnergy)
        self.assertEqual((self.account.money.balance, self.account.energy.balance), (5_000_000, 7_000_000))

    def test_a_contract_already_in_force_is_said_to_be(self):
        self.assertIn("already", self.bench.say("contract set prepaid-money"))

    def test_energy_counted_before_is_charged_as_it_was_used(self):
        self._count(3_200)
        self.bench.say("contract set prepaid-energy")
        self.assertEqual(self.account.registers.total_mwh, 1_000_000)
        self.assertEqual(self.account.energy.charged, 0)
        self._count(3_200)
        self.bench.say("calibrate 1600")
        self.assertEqual(self.account.registers.total_mwh, 2_000_000)

    def test_calibration_is_any_rational(self):
        self.assertEqual(self.bench.say("calibrate 3200/3"), "from now on 3200 impulses are 3 kWh")
        self._was_noted(events.CALIBRATED)
        self.bench.restart()
        self.assertEqual((self.account.impulses, self.account.impulses_per_kwh_divisor), (3200, 3))
        self._count(3_200)
        self.bench.meter.metering.step()
        self.assertEqual(self.account.registers.total_mwh, 3_000_000)

    def _lose_the_time(self):
        """Let the clock chip lose its time, and start again."""
        self.bench.hardware.rtc.stop_oscillator()
        self.bench.restart()
        self.bench.log_in()
        self.bench.meter.metering.step()

    def _is(self, utc_s):
        for now_s in (self.bench.meter.timekeeper.now_s(), self.account.time_s, self.bench.meter.board.rtc.read()):
            self.assertTrue(0 <= now_s - utc_s <= 1, now_s - utc_s)

    def test_a_clock_that_lost_its_time_is_set_ahead_by_any_time(self):
        self._lose_the_time()
        text = "2026-06-22T10:00:00+02:00"
        self.assertEqual(self.bench.say("clock set " + text + " sure"), "the clock is " + text)
        self._was_noted(events.CLOCK_SET)
        self._is(parse_time(text))
        self.bench.restart()
        self.assertTrue(self.bench.meter.timekeeper.trusted)
        self._is(parse_time(text))

    def test_the_pin_moves_a_trusted_clock_by_a_quarter_of_an_hour_a_day_and_no_further(self):
        zone = self.account.tariff.zone
        self.bench.wait(3_600)
        self.bench.log_in()
        now_s = self.bench.meter.timekeeper.now_s()
        for target_s in (now_s + 400, now_s, now_s + 90):
            self.assertIn("the clock is", self.bench.say("clock set " + time_text(target_s, zone)))
            self._is(target_s)
        self._was_noted(events.CLOCK_SET)
        self.bench.restart()
        self.bench.log_in()
        for target_s in (now_s + 120, now_s, now_s - 86_400, now_s + 86_400):
            answer = self.bench.say("clock set " + time_text(target_s, zone))
            self.assertIn("refused", answer)
            self.assertIn("wattpurse token METER clock", answer)
        self._is(now_s + 90)

    def test_the_pin_sets_no_clock_back_to_the_day_before(self):
        midnight_s = self.account.tariff.zone.day_start_s(self.account.day + 1)
        self.bench.wait(midnight_s + 60 - self.bench.meter.timekeeper.now_s())
        self.bench.meter.metering.step()
        self.bench.log_in()
        answer = self.bench.say("clock set " + time_text(midnight_s - 60, self.account.tariff.zone))
        self.assertIn("refused: the ledger has a record of a later time", answer)
        self.assertIn("wattpurse token METER clock", answer)

    def test_a_paid_term_keeps_its_rest_when_the_clock_is_set_right(self):
        now_s = self.bench.meter.timekeeper.now_s()
        self.bench.meter.ledger.set_number(STANDING, "term_until_s", now_s + 86_400, now_s)
        self._lose_the_time()
        left_s = self.account.standing["term_until_s"] - self.bench.meter.timekeeper.now_s()
        self.bench.say("clock set 2026-02-22T10:00:00Z sure")
        self.assertEqual(self.account.standing["term_until_s"] - parse_time("2026-02-22T10:00:00Z"), left_s)

    def test_a_leap_of_months_needs_to_be_meant(self):
        self._lose_the_time()
        self.assertIn("add 'sure'", self.bench.say("clock set 2026-12-22T10:00:00Z"))

    def test_an_absurd_time_leaves_the_clock_alone(self):
        self._lose_the_time()
        before_s = self.bench.meter.timekeeper.now_s()
        for text in ("1970-01-01T00:00:00Z", "2025-12-31T23:59:59Z", "2106-01-01T00:00:00Z", "2060-01-01T00:00:00Z",
                     "2105-12-31T23:59:59Z", "2242-03-16T12:56:31Z", "9999-12-31T23:59:59Z"):  # fmt: skip
            self.assertTrue(self.bench.say("clock set " + text + " sure").startswith("refused"), text)
        self.assertTrue(self.bench.meter.timekeeper.now_s() - before_s < 5)

    def test_a_clock_chip_that_does_not_answer_is_said(self):
        self._lose_the_time()
        self.bench.hardware.i2c.jammed = True
        self.assertIn("clock chip does not answer", self.bench.say("clock set 2026-06-22T10:00:00Z sure"))
        self.assertTrue(self.bench.meter.timekeeper.now_s() - parse_time("2026-06-22T10:00:00Z") <= 1)

    def test_a_dead_bus_that_takes_every_write_is_said_and_raises_the_alarm(self):
        for level in (0x00, 0xFF):
            self._lose_the_time()
            self.bench.hardware.i2c.stuck_at = level
            utc_s = self.bench.meter.timekeeper.now_s() + 3_600
            answer = self.bench.say("clock set " + time_text(utc_s, self.account.tariff.zone))
            self.assertIn("does not answer or does not keep it", answer)
            self.assertEqual(self.bench.meter.statements.alarms() & statement.ALARM_CLOCK, statement.ALARM_CLOCK)
            self.bench.hardware.i2c.stuck_at = None
            self.bench.restart()
            self.assertFalse(self.bench.meter.timekeeper.trusted)
            self.assertTrue(self.bench.meter.timekeeper.now_s() >= utc_s)

    def test_terms(self):
        self.assertEqual(self.bench.say("terms set credit_limit_mwh 90000000"), "credit_limit_mwh is 90000000")
        self._was_noted(events.TERM_CHANGED)
        self.bench.restart()
        self.assertEqual(self.bench.facts("terms")["terms"]["credit_limit_mwh"], 90_000_000)

    def test_a_technician_sets_no_key_and_forges_no_credit(self):
        aes = self.bench.meter.board.aes
        before = [self.bench.meter.settings.get(name) for name in ("meter_key", "site_key", "key_version")]
        programs = self.bench.hardware.flash.programs
        for line in ("meter " + bytes(16).hex(), "site " + bytes(16).hex(), "version 9", "", "meter 00"):
            answer = self.bench.say("keys set " + line)
            self.assertEqual(
                answer,
                "refused: keys change by a token of the station: 'wattpurse token NUMBER meter-key', or site-key",
            )
        self.assertEqual(
            [self.bench.meter.settings.get(name) for name in ("meter_key", "site_key", "key_version")], before
        )
        self.assertEqual(self.bench.hardware.flash.programs, programs)
        forged = token.seal_token(
            aes, token_keys(aes, bytes(16)), 0, METER_NUMBER, 1, *token.make(token.CREDIT_MONEY, 999_000_000)
        )
        self.assertIn("cannot be read", self.bench.say("token " + forged.hex()))
        self.assertEqual(self.account.money.balance, 0)

    def test_keys_are_shown_by_fingerprint_alone(self):
        self.bench.meter.settings.set("site_key", bytes(16))
        # as OpenSSL says: AES-128-CMAC of a block of zeros
        self.assertEqual(self.bench.facts("keys")["site_key"], "763c")
        for line in ("keys", "identity", "status", "events 100"):
            answer = self.bench.say(line)
            self.assertFalse(METER_KEY.hex() in answer or SITE_KEY.hex() in answer, line)

    def test_reset_tamper(self):
        self.assertEqual(self.bench.say("reset-tamper"), "no tamper is latched")
        self.bench.say("terms set tamper_magnet 2")
        self.bench.meter.guard.latch(tamper.MAGNET)
        self.assertEqual(self.bench.facts("status")["supply"], "tamper")
        self.assertEqual(self.bench.facts("status")["tamper"], ["magnet"])
        self.bench.say("reset-tamper")
        self._was_noted(events.TAMPER_CLEARED)
        self.assertEqual(self.bench.facts("status")["supply"], "no credit")
        self.assertEqual(self.bench.facts("status")["tamper"], [])

    def test_a_tamper_that_lasts_is_said_when_it_is_cleared(self):
        self.bench.say("terms set tamper_cover 1")
        meter = self.bench.meter
        for sensor in (self.bench.hardware.cover, self.bench.hardware.magnet):
            sensor.cut_wire()
        self.bench.wait(1)
        for _ in range(3):
            meter.guard.step()
        self.assertEqual(meter.guard.seen, tamper.COVER | tamper.MAGNET)
        answer = self.bench.say("reset-tamper")
        self.assertIn("because it lasts: cover opened", answer)
        self.assertFalse("magnet" in answer)

    def test_a_supply_test_keeps_supply_on_for_its_time(self):
        self.assertIn("from 0 to 60", self.bench.say("supply test 61"))
        self.assertFalse(self.bench.facts("status")["test_s"])
        self.assertIn("5 minutes", self.bench.say("supply test 5"))
        self._was_noted(events.SUPPLY_TEST)
        self.assertEqual(self.bench.facts("status")["test_s"], 300)
        self.assertIn("supply test for  300 s", self.bench.say("status"))
        self.assertEqual(self.bench.facts("status")["supply"], "on")
        self.bench.wait(299)
        self.bench.meter.supply_watch.step()
        self.assertEqual(self.bench.facts("status")["supply"], "on")
        self.bench.wait(1)
        self.bench.meter.supply_watch.step()
        self.assertEqual(self.bench.facts("status")["supply"], "no credit")
        self.bench.say("supply test 5")
        self.assertIn("decided as before", self.bench.say("supply test 0"))
        self.assertEqual(self.bench.facts("status")["supply"], "no credit")

    def test_the_relay_is_tested_and_supply_decided_as_before(self):
        self.bench.meter.ledger.credit(1, contract.MONEY, 5_000_000, carrier.CARD, START_S)
        self.bench.clock.run(self.bench.meter.switching.step())
        self.assertTrue(self.bench.hardware.relay.contact_closed)
        answer = self.bench.say("relay test")
        self.assertIn("opened and closed", answer)
        self._was_noted(events.RELAY_TEST)
        self.assertTrue(self.bench.hardware.relay.contact_closed)
        self.assertEqual(self.bench.hardware.violations(), [])

    def test_a_ledger_that_cannot_be_written_is_said_and_nothing_is_changed(self):
        first, sectors = LEDGER_RING
        self.bench.hardware.flash.faults.bad_sectors = set(range(first, first + 2 * sectors))
        self.assertIn("did not answer", self.bench.say("contract set prepaid-energy"))
        self.assertIs(self.account.contract, contract.PrepaidMoney)


if __name__ == "__main__":
    unittest.main()
