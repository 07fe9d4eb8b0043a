"""Commissioning a blank meter at the console, and giving up a ledger that cannot be read."""

import unittest

from boards.host.chips.power import PowerCut
from tests import samples
from tests.services.console.console_bench import COMMISSION, METER_KEY, METER_NUMBER, PIN, SITE_KEY, Bench
from wattpurse import stores
from wattpurse.core import carrier
from wattpurse.core.messages.release import make_release
from wattpurse.core.money import contract, supply
from wattpurse.core.records import events

NEXT_KEY = b"next meter key 1"
RECORDS_AT = stores.LOAD_PROFILE_RING[0] * 4096


class TestCommissioning(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()

    def test_a_blank_meter_becomes_one_that_works(self):
        self.assertEqual(self.bench.facts("status")["supply"], "not commissioned")
        answer = self.bench.say(COMMISSION)
        self.assertIn("commissioned as meter 40123, prepaid-money", answer)
        self.assertIn("0.25 EUR per kWh", answer)
        self.bench.restart()
        self.assertEqual(self.bench.meter.fault, supply.ON)
        self.assertEqual(self.bench.meter.settings.get("meter_key"), METER_KEY)
        self.assertEqual(self.bench.facts("identity")["meter_number"], METER_NUMBER)
        self.assertIn((events.COMMISSIONED, carrier.CONSOLE), self.bench.event_codes())
        self.bench.log_in()

    def test_contract_calibration_and_tariff_can_be_chosen(self):
        line = COMMISSION.replace("3200 prepaid-money", "1000/3 prepaid-energy")
        self.bench.say(line + " " + samples.day_and_night_tariff().hex())
        self.bench.restart()
        account = self.bench.meter.ledger.account
        self.assertIs(account.contract, contract.PrepaidEnergy)
        self.assertEqual((account.impulses, account.impulses_per_kwh_divisor), (1000, 3))
        self.assertEqual(account.tariff.rate_names, ("NIGHT", "DAY"))

    def test_any_table_is_newer_than_the_one_it_starts_with(self):
        self.bench.commission()
        self.bench.log_in()
        self.assertIn("takes over", self.bench.say("tariff set " + samples.flat_tariff(version=1).hex()))

    def test_what_is_missing_is_said(self):
        words = COMMISSION.split()
        self.assertIn("missing: NUMBER METERKEY SITEKEY IMPULSES[/KWH]|ct|chip CONTRACT PIN;", self.bench.say(words[0]))
        self.assertIn("missing: CONTRACT PIN;", self.bench.say(" ".join(words[:5])))

    def test_what_is_wrong_is_said_and_the_meter_stays_blank(self):
        memory = bytes(self.bench.hardware.flash.memory)
        for place, wrong, said in (
            (1, "0", "NUMBER must be"),
            (1, "4294967296", "NUMBER must be"),
            (2, "00", "METERKEY must be"),
            (3, "zz" * 16, "SITEKEY must be"),
            (4, "0", "impulses must be"),
            (5, "rent", "prepaid-energy"),
            (6, "12", "4 to 8 digits"),
            (6, PIN + " 00", "not a tariff table"),
        ):
            words = COMMISSION.split()
            words[place] = wrong
            self.assertIn(said, self.bench.say(" ".join(words)))
        self.assertEqual(bytes(self.bench.hardware.flash.memory), memory)

    def test_flash_that_sets_bits_back_is_refused_and_may_count_by_records(self):
        flash = self.bench.hardware.flash
        flash.faults.sets_bits_back = True
        memory = bytes(flash.memory)
        said = self.bench.say(COMMISSION)
        self.assertIn("the flash does not keep bits", said)
        self.assertIn("'by-records'", said)
        self.assertEqual(self.bench.meter.fault, supply.NOT_COMMISSIONED)
        self.assertEqual(memory[:RECORDS_AT], bytes(flash.memory)[:RECORDS_AT])
        self.assertIn("commissioned as meter", self.bench.say(COMMISSION + " by-records"))
        for lived in range(1, 4):
            self.bench.restart()
            meter = self.bench.meter
            self.assertEqual(meter.ledger.account.pulses_total, 50 * (lived - 1))
            for _ in range(25):
                meter.ledger.advance(meter.timekeeper.now_s(), 2)

    def test_flash_that_keeps_nothing_is_refused_either_way(self):
        self.bench.hardware.flash.faults.bad_sectors.update(range(128))
        for line in (COMMISSION, COMMISSION + " by-records"):
            self.assertIn("the flash does not keep", self.bench.say(line))

    def test_the_flash_chip_is_named(self):
        self.assertEqual(self.bench.facts("status")["flash_chip"], "EF4015")
        self.bench.commission()
        self.assertIn("flash tested, JEDEC ID EF4015", self.bench.say("events"))

    def test_only_once(self):
        self.bench.say(COMMISSION)
        self.assertIn("needs a login", self.bench.say(COMMISSION))
        self.bench.log_in()
        self.assertIn("commissioned already", self.bench.say(COMMISSION))
        self.bench.restart()
        self.bench.log_in()
        self.assertIn("only a blank meter", self.bench.say(COMMISSION))

    def test_a_tariff_that_charges_demand_needs_the_account_contract(self):
        table = samples.flat_tariff(demand_microunits_per_kw=1).hex()
        self.assertIn("the contract 'prepaid-money' cannot charge it", self.bench.say(f"{COMMISSION} {table}"))
        self.assertEqual(self.bench.meter.fault, supply.NOT_COMMISSIONED)

    def test_the_clock_comes_first(self):
        self.bench = Bench(clock_is_set=False)
        self.assertIn("the clock is not set", self.bench.say(COMMISSION))
        self.assertIn("the clock is", self.bench.say("clock set 2026-03-01T12:00:00+01:00"))
        self.assertIn("commissioned as", self.bench.say(COMMISSION))

    def test_a_blank_meter_says_what_it_can(self):
        for line in ("help", "status", "clock", "identity", "version", "keys", "events"):
            self.assertFalse(self.bench.say(line).startswith("refused"), line)
        for line in ("registers", "months", "tariff", "contract", "terms", "token 00"):
            self.assertIn("not commissioned", self.bench.say(line), line)
        for line in ("calibrate 1", "pin 1234", "reset-tamper"):
            self.assertIn("needs a login", self.bench.say(line), line)


class TestUnreadableLedger(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.bench.commission()
        self._damage()
        self.bench.restart()

    def _damage(self):
        """Clear bits in the snapshot and the header of every ledger sector, in both copies."""
        memory = self.bench.hardware.flash.memory
        for sector in range(24, 72):
            memory[sector * 4096 : sector * 4096 + 64] = bytes(64)

    def test_it_is_reported_and_never_erased_by_itself(self):
        self.assertEqual(self.bench.facts("status")["supply"], "ledger cannot be read")
        self.assertIn("needs a login", self.bench.say(COMMISSION))
        self.assertIn("needs a login", self.bench.say(f"erase-ledger {METER_NUMBER}"))
        self.assertIn("ledger cannot be read", self.bench.say("registers"))

    def test_it_is_erased_by_who_types_the_meters_number(self):
        self.bench.log_in()
        self.assertIn("loses all credit", self.bench.say("erase-ledger 1"))
        self.assertIn("is erased", self.bench.say(f"erase-ledger {METER_NUMBER}"))
        self.assertEqual(self.bench.event_codes(1), [(events.LEDGER_ERASED, carrier.CONSOLE)])
        self.bench.restart()
        self.assertEqual(self.bench.meter.fault, supply.NOT_COMMISSIONED)


class TestAnotherLife(unittest.TestCase):
    """A meter whose ledger was erased takes another number and other keys with a release of the station alone."""

    NUMBER = METER_NUMBER + 1
    NEW_KEY = b"new meter key 01"

    def setUp(self):
        self.bench = Bench()
        self.bench.commission()
        self.bench.meter.stores.settings.set_all((("next_meter_key", NEXT_KEY), ("next_key_version", 1)))
        memory = self.bench.hardware.flash.memory
        for sector in range(24, 72):
            memory[sector * 4096 : sector * 4096 + 64] = bytes(64)
        self.bench.restart()
        self.bench.log_in()
        self.bench.say(f"erase-ledger {METER_NUMBER}")
        self.bench.restart()
        self.bench.log_in()
        self.bench.meter.stores.test_flash = lambda by_records: ()

    def commission(self, number=NUMBER, key=NEW_KEY, site_key=SITE_KEY, release=b""):
        line = f"commission {number} {key.hex()} {site_key.hex()} 3200 prepaid-money {PIN}"
        return self.bench.say(line + (" release " + release.hex() if release else ""))

    def release(self, key=METER_KEY, number=NUMBER, new_key=NEW_KEY, site_key=SITE_KEY):
        return make_release(self.bench.meter.board.aes, key, number, new_key, site_key)

    def test_erase_ledger_and_the_pin_give_no_keys_of_ones_own(self):
        memory = bytes(self.bench.hardware.flash.memory)
        for number in (METER_NUMBER, self.NUMBER):
            said = self.commission(number, bytes(16), bytes(16))
            self.assertIn(f"this meter has the keys of meter {METER_NUMBER}: add the release", said)
            self.assertIn(f"wattpurse meter keys {number} --replaces {METER_NUMBER}", said)
        self.assertIn("number was retired", self.commission(METER_NUMBER, METER_KEY))
        self.assertEqual(bytes(self.bench.hardware.flash.memory), memory)

    def test_a_release_for_other_keys_or_of_another_meter_releases_nothing(self):
        for release in (
            self.release(key=bytes(16)),
            self.release(number=self.NUMBER + 1),
            self.release(new_key=bytes(16)),
            self.release(site_key=bytes(16)),
            self.release()[:7],
            bytes(8),
        ):
            self.assertIn("add the release", self.commission(release=release))

    def test_a_release_of_the_station_lets_it_go_on_under_another_number(self):
        self.assertTrue(self.commission(release=self.release()).startswith("commissioned as"))
        self.bench.restart()
        self.assertEqual(self.bench.meter.settings.get("meter_key"), self.NEW_KEY)
        self.assertEqual(self.bench.meter.fault, supply.ON)

    def test_a_release_under_the_next_key_is_one_too(self):
        self.assertTrue(self.commission(release=self.release(key=NEXT_KEY)).startswith("commissioned as"))

    def test_after_a_power_cut_anywhere_the_same_line_goes_on_and_no_other_does(self):
        release = self.release()
        flash = self.bench.hardware.flash
        memory = bytes(flash.memory)
        operation = 1
        while self._cut_at(operation, memory, release):
            operation += 1
        self.assertTrue(operation > 8, operation)

    def _cut_at(self, operation, memory, release):
        flash = self.bench.hardware.flash
        flash.memory[:] = memory
        flash._unstable.clear()
        self._start()
        flash.faults.plan_cut(operation, operation * 331 % 1001, ("none", "page")[operation % 2])
        try:
            self.commission(release=release)
        except PowerCut:
            self._start()
        else:
            return False
        if self.bench.meter.fault == supply.NOT_COMMISSIONED:
            self.assertIn("add the release", self.commission(key=bytes(16)), operation)
            self.assertTrue(self.commission(release=release).startswith("commissioned as"), operation)
            self.bench.restart()
        self.assertEqual(self.bench.meter.fault, supply.ON, operation)
        self.assertEqual(self.bench.meter.settings.get("meter_key"), self.NEW_KEY, operation)
        return True

    def _start(self):
        self.bench.restart()
        self.bench.log_in()
        self.bench.meter.stores.test_flash = lambda by_records: ()


if __name__ == "__main__":
    unittest.main()
