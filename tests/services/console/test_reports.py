"""The console's reports: the same facts as a table for people and as one line of JSON for programs."""

import unittest

from tests import samples
from tests.services.console.console_bench import REPORTS, START_S, Bench
from wattpurse.core import carrier
from wattpurse.core.money import contract
from wattpurse.core.tariffs.calendar import Zone
from wattpurse.core.tariffs.rules import PER_CENT, PER_KWH


class TestReports(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.bench.commission(samples.day_and_night_tariff())
        ledger = self.bench.meter.ledger
        ledger.credit(1, contract.MONEY, 20_000_000, carrier.CARD, START_S)
        now_s = self.bench.meter.timekeeper.now_s()
        for hour in range(24):
            ledger.advance(now_s + hour * 3600, 3200)
        self.bench.meter.timekeeper.set(now_s + 20 * 86_400)
        self.bench.meter.metering.step()
        self.account = ledger.account

    def test_every_report_is_one_line_of_json(self):
        for line in REPORTS:
            self.assertIsInstance(self.bench.facts(line), dict, line)

    def test_an_error_is_json_too(self):
        self.assertEqual(list(self.bench.facts("events none")), ["error"])

    def test_no_line_is_too_wide_or_ends_in_blanks(self):
        for line in REPORTS + ("help",):
            for shown in self.bench.say(line).split("\n"):
                self.assertEqual(shown, shown.rstrip(), line)
                self.assertTrue(len(shown) <= 100, shown)

    def test_status(self):
        facts = self.bench.facts("status")
        self.assertEqual(facts["money_microunits"]["balance"], self.account.money.balance)
        self.assertEqual(facts["supply"], "on")
        self.assertEqual(facts["rate"], self.account.tariff.rate_names[self.account.rate])
        shown = self.bench.say("status")
        self.assertIn("meter           40123\n", shown)
        self.assertIn("+01:00", shown)
        self.assertIn("total           24.000 kWh", shown)

    def test_identity_names_the_version_of_the_reader_chip_once_it_has_answered(self):
        self.assertIsNone(self.bench.facts("identity")["reader_version"])
        self.assertIn("card reader   has not answered", self.bench.say("identity"))
        self.bench.hardware.reader.version = 0x80
        self.bench.clock.run(self.bench.meter.card_desk.serve_one_look())
        self.assertEqual(self.bench.facts("identity")["reader_version"], "80")
        self.assertIn("card reader   version 80", self.bench.say("identity"))

    def test_registers_add_up(self):
        facts = self.bench.facts("registers")
        self.assertEqual(sum(rate["total_mwh"] for rate in facts["rates"]), 24_000_000)
        self.assertEqual(facts["pulses"], 24 * 3200)
        money = facts["money_microunits"]
        self.assertEqual(money["bought"], money["charged"] + money["balance"])
        self.assertIn("total  24.000", self.bench.say("registers"))

    def test_months_come_newest_first(self):
        facts = self.bench.facts("months")
        self.assertEqual([month["month"] for month in facts["months"]], ["2026-03", "2026-02"])
        self.assertEqual([month["closed"] for month in facts["months"]], [False, True])
        self.assertEqual(facts["months"][1]["total_mwh"], 24_000_000)
        lines = self.bench.say("months").split("\n")
        self.assertIn("DAY     kWh  charged EUR  kW at most", lines[0])
        self.assertEqual(lines[2].split()[0], "2026-02")
        self.assertEqual(lines[2].split()[-1], "closed")

    def test_energy_of_a_rate_that_the_tariff_no_longer_has_is_shown(self):
        self.bench.meter.console.grant(5)
        self.bench.say("tariff set " + samples.flat_tariff(version=9).hex())
        self.bench.wait(2)
        self.bench.meter.metering.step()
        facts = self.bench.facts("registers")
        self.assertEqual([rate["name"] for rate in facts["rates"]], ["ALL", "NIGHT", "DAY"])
        self.assertEqual(sum(rate["total_mwh"] for rate in facts["rates"]), facts["total_mwh"])
        self.assertEqual(self.bench.facts("months")["rates"], ["ALL", "NIGHT", "DAY"])

    def test_tariff(self):
        shown = self.bench.say("tariff")
        for said in (
            "rate DAY: 0.312517 up to 20.000 kWh, then 0.398003 per kWh",
            "day type 0: 00:00 NIGHT, 06:00 DAY, 22:00 NIGHT",
            "UTC+01:00, 60 minutes ahead in summer",
            "standing charge  0.330001 a day",
            "free allowance   3.000 kWh a month",
            "no table is pending",
        ):
            self.assertIn(said, shown)
        facts = self.bench.facts("tariff")
        self.assertEqual(facts["in_force"]["rates"][1]["block_limits_mwh"], [20_000_000])
        self.assertIsNone(facts["pending"])

    def test_levies_and_further_charges_are_shown(self):
        table = samples.flat_tariff(
            version=9,
            levies=(("EXCISE", PER_KWH, 20_500), ("VAT", PER_CENT, 1_900)),
            month_charge_microunits=4_990_000,
            blocks_by_day=True,
            zone=Zone(60, changes=(29_500_000, 0)),
        )
        self.bench.meter.console.grant(5)
        self.bench.say("tariff set " + table.hex())
        self.bench.wait(2)
        self.bench.meter.metering.step()
        self.account = self.bench.meter.ledger.account
        self.account.consume(10 * samples.KWH)
        levies = self.bench.facts("registers")["levies"]
        self.assertEqual([(one["name"], one["total_microunits"]) for one in levies], [
            ("EXCISE", 205_000),
            ("VAT", 513_950),
        ])  # fmt: skip
        self.assertIn("EXCISE  0.205000        0.205000", self.bench.say("registers"))
        shown = self.bench.say("tariff")
        for said in (
            "fixed charge     4.990000 a month",
            "blocks           of each rate by day",
            "levy EXCISE      0.020500 per kWh",
            "levy VAT         19.00 %",
            "and 1 changes by date",
        ):
            self.assertIn(said, shown)

    def test_events_say_who_and_when(self):
        facts = self.bench.facts("events 3")["events"]
        self.assertEqual(len(facts), 3)
        self.assertEqual(facts[0]["text"], "started, by meter")
        self.assertEqual(facts[1]["text"], "flash tested, JEDEC ID EF4015, by console")
        self.assertEqual(facts[2]["text"], "commissioned, by console")
        self.assertIn("2026-02-10T", self.bench.say("events"))

    def test_a_clock_not_to_be_trusted_is_said(self):
        self.assertFalse("trusted" in self.bench.say("clock"))
        self.bench.meter.timekeeper.trusted = False
        self.assertIn("not to be trusted", self.bench.say("clock"))
        self.assertFalse(self.bench.facts("clock")["trusted"])

    def test_help_names_every_command_once(self):
        lines = [line for line in self.bench.say("help").split("\n") if not line.startswith(" ")]
        changes = ("login", "logout", "commission", "relay test", "supply test", "reset-tamper", "calibrate", "help")
        for name in REPORTS + changes:
            self.assertTrue([line for line in lines if (line + " ").startswith(name + " ")], name)
        self.assertEqual(self.bench.say("help tariff").count("\n"), 2)
        self.assertTrue(self.bench.say("help me").startswith("refused"))


if __name__ == "__main__":
    unittest.main()
