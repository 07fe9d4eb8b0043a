"""The meter's records on the console: half hours, demand, top-ups, events and their chain."""

import unittest

from boards.host.chips.flash import SECTOR_SIZE
from boards.host.chips.power import PowerCut
from tests import samples
from tests.services.console.console_bench import METER_KEY, METER_NUMBER, START_S, Bench
from wattpurse.core.messages import token
from wattpurse.core.seals import keys
from wattpurse.core.tariffs.calendar import DAY_S
from wattpurse.stores import EVENTS_RING

HALF_HOUR_S = 1800
WIDEST = 100


def credit(bench, sequence, amount, kind=token.CREDIT_MONEY):
    return sealed(bench, sequence, token.make(kind, amount))


def sealed(bench, sequence, made, key=METER_KEY, key_version=0):
    aes = bench.meter.board.aes
    return token.seal_token(aes, keys.token_keys(aes, key), key_version, METER_NUMBER, sequence, *made).hex()


class TestRecords(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.bench.commission(samples.day_and_night_tariff())
        self.bench.say("token " + credit(self.bench, 1, 20_000_000))
        self.bench.say("token " + credit(self.bench, 2, 5_000_000, token.CREDIT_ENERGY))
        self.live(3 * DAY_S)

    def live(self, seconds):
        """Draw half a kWh every two hours, with two looks per half hour."""
        meter = self.bench.meter
        for step in range(seconds // 200):
            self.bench.wait(200)
            meter.metering.step()
            if step % 36 == 0:
                meter.ledger.advance(meter.timekeeper.now_s(), 1_600)

    def test_profile(self):
        facts = self.bench.facts("profile 2")["profile"]
        self.assertTrue(95 <= len(facts) <= 96)
        self.assertEqual(facts[0]["start_s"] - facts[1]["start_s"], HALF_HOUR_S)
        self.assertEqual({row["energy_mwh"] for row in facts}, {0, 500_000})
        whole = self.bench.facts("profile 60")["profile"]
        total_mwh = self.bench.meter.ledger.account.registers.total_mwh
        self.assertEqual(sum(row["energy_mwh"] for row in whole), total_mwh)
        lines = self.bench.say("profile").split("\n")
        self.assertTrue(47 <= len(lines) <= 48)
        self.assertIn("0.500 kWh", "".join(lines))

    def test_demand(self):
        facts = self.bench.facts("demand")
        self.assertEqual([one["power_w"] for one in facts["months"]], [1_000])
        self.assertEqual(facts["mean_daily_mwh"], 6_000_000)
        balance = self.bench.meter.ledger.account.money.balance
        self.assertEqual(facts["days_left"], max(0, balance // facts["mean_daily_microunits"]))
        shown = self.bench.say("demand")
        self.assertIn("1.000 kW in the half hour from 2026-02-", shown)
        self.assertIn("mean of a day  6.000 kWh", shown)

    def test_months_tell_the_demand(self):
        month = self.bench.facts("months")["months"][0]
        self.assertEqual(month["demand"]["energy_mwh"], 500_000)
        self.assertIn("1.000  2026-02-", self.bench.say("months"))

    def test_topups(self):
        facts = self.bench.facts("topups")["topups"]
        self.assertEqual(
            [(row["sequence"], row["unit"], row["amount"]) for row in facts[::-1]],
            [(1, "money", 20_000_000), (2, "energy", 5_000_000)],
        )
        self.assertEqual([row["balance"] for row in facts[::-1]], [20_000_000, 5_000_000])
        lines = self.bench.say("topups").split("\n")
        self.assertIn("token 2: 5.000 kWh made the credit 5.000 kWh, by console", lines[0])
        self.assertIn("token 1: 20.000000 made the credit 20.000000, by console", lines[1])
        self.assertEqual(len(self.bench.facts("topups 1")["topups"]), 1)

    def test_a_refused_token_is_no_top_up(self):
        self.bench.say("token " + credit(self.bench, 1, 20_000_000))
        self.bench.say("token " + credit(self.bench, 3, -1))
        self.assertEqual(len(self.bench.facts("topups")["topups"]), 2)

    def test_events_hold(self):
        facts = self.bench.facts("events verify")
        self.assertEqual((facts["broken"], facts["not_chained"], facts["breaks"]), (0, 0, []))
        newest = self.bench.facts("events 1")["events"][0]
        self.assertEqual(newest["link"], facts["newest_link"])
        self.assertIn("events hold", self.bench.say("events verify"))

    def test_a_new_meter_key_goes_on_with_the_chain(self):
        new_key = b"\x7f" * 16
        self.bench.say("token " + sealed(self.bench, 4, token.make(token.METER_KEY, 1, new_key)))
        before = self.bench.facts("events verify")["held"]
        credit_under_new_key = sealed(self.bench, 5, token.make(token.CREDIT_MONEY, 1_000_000), new_key, 1)
        self.assertTrue(self.bench.say("token " + credit_under_new_key).startswith("accepted"))
        self.bench.restart()
        facts = self.bench.facts("events verify")
        self.assertEqual(facts["held"], 3)
        self.assertEqual((facts["broken"], facts["unproven"]), (before - 1, 1))
        self.assertEqual(self.bench.facts("events 3")["events"][2]["text"], "keys changed, by meter")

    def test_someone_with_a_flash_programmer_is_found_out(self):
        memory = self.bench.hardware.flash.memory
        first, sectors = EVENTS_RING
        place = SECTOR_SIZE * first + 256 + 3 * 32
        for copy in range(2):
            start = place + copy * sectors * SECTOR_SIZE
            memory[start : start + 32] = b"\xff" * 32
        self.assertEqual(self.bench.facts("events verify")["broken"], 1)
        self.assertIn("changed, or what was before it is", self.bench.say("events verify"))

    def test_a_key_written_by_a_cut_off_command_is_told_at_the_next_start(self):
        self.bench.meter.settings.set("meter_key", bytes(16))
        self.bench.restart()
        texts = [row["text"] for row in self.bench.facts("events 2")["events"]]
        self.assertEqual(texts, ["started, by meter", "keys changed, by meter"])

    def test_every_list_is_one_line_of_json_and_no_line_is_too_wide(self):
        for line in ("profile", "topups", "events", "demand", "events verify"):
            self.assertIsInstance(self.bench.facts(line), dict, line)
            for shown in self.bench.say(line).split("\n"):
                self.assertEqual(shown, shown.rstrip(), line)
                self.assertTrue(len(shown) <= WIDEST, shown)

    def test_a_long_list_is_given_piece_by_piece(self):
        held_us = []
        console = self.bench.meter.console
        clock = self.bench.clock

        async def main():
            pieces = []
            await console._answer("profile 60 --json", pieces.append, lambda: clock.sleep_ms(0))
            held_us.append(len(pieces))

        clock.run(main())
        self.assertTrue(held_us[0] >= 144)

    def test_arguments_are_read_strictly(self):
        for line in ("profile 0", "profile 61", "profile 1 2", "topups none", "events 0", "demand 1"):
            self.assertTrue(self.bench.say(line).startswith("refused: "), line)

    def test_a_blank_meter_has_events_alone(self):
        bench = Bench()
        self.assertEqual(bench.say("events"), "none")
        self.assertEqual(bench.facts("events"), {"events": []})
        for line in ("profile", "topups", "demand"):
            self.assertIn("no account", bench.say(line), line)
        self.assertTrue(START_S > 0)


class TestFlashOfEarlierFirmware(unittest.TestCase):
    """Load profile and top-up log are made by the first start of firmware that has them."""

    RECORDS_AT = 88 * SECTOR_SIZE

    def setUp(self):
        self.bench = Bench()
        self.bench.commission()
        self.flash = self.bench.hardware.flash
        self.flash.memory[self.RECORDS_AT :] = b"\xff" * (len(self.flash.memory) - self.RECORDS_AT)

    def test_they_are_made_and_nothing_else_changes(self):
        self.bench.restart()
        self.bench.say("token " + credit(self.bench, 1, 20_000_000))
        self.assertFalse(self.bench.meter.stores.records_failed)
        self.assertEqual(self.bench.meter.ledger.account.money.bought, 20_000_000)
        self.bench.say("token " + credit(self.bench, 2, 1_000_000))
        self.assertEqual([row["sequence"] for row in self.bench.facts("topups")["topups"]], [2, 1])
        self.bench.wait(2 * HALF_HOUR_S)
        self.bench.meter.metering.step()
        self.bench.restart()
        self.assertEqual([row["sequence"] for row in self.bench.facts("topups")["topups"]], [2, 1])
        self.assertTrue(self.bench.meter.load_profile.opened)

    def test_a_cut_while_they_are_made_is_made_good(self):
        image = bytes(self.flash.memory)
        operation = 1
        while True:
            self.flash.memory[:] = image
            self.flash._unstable.clear()
            self.flash.faults.plan_cut(operation, operation * 377 % 1001, ("none", "page")[operation % 2])
            try:
                self.bench.restart()
            except PowerCut:
                self.bench.restart()
                self.assertFalse(self.bench.meter.load_profile.failed, operation)
                self.assertFalse(self.bench.meter.top_ups.failed, operation)
                self.assertFalse(self.bench.meter.events.failed, operation)
                self.assertTrue(self.bench.meter.load_profile.opened)
                self.assertTrue(self.bench.meter.top_ups.opened)
            else:
                break
            operation += 1
        self.assertTrue(operation > 15)

    def test_what_is_there_and_cannot_be_read_is_left_alone(self):
        self.flash.memory[self.RECORDS_AT : self.RECORDS_AT + 5_000] = b"\x5a" * 5_000
        self.bench.restart()
        self.assertEqual(bytes(self.flash.memory[self.RECORDS_AT : self.RECORDS_AT + 5_000]), b"\x5a" * 5_000)
        self.assertTrue(self.bench.meter.load_profile.failed)
        self.assertIn("flash", self.bench.facts("status")["alarms"])
        self.bench.say("token " + credit(self.bench, 2, 1_000_000))
        self.assertEqual([row["sequence"] for row in self.bench.facts("topups")["topups"]], [2])
        self.assertEqual(self.bench.say("profile"), "none")


if __name__ == "__main__":
    unittest.main()
