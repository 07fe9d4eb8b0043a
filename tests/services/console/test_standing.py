"""The customer's standing on the console: only the facts that the contract requires, and the terms with their units."""

import unittest

from tests import samples
from tests.services.console.console_bench import Bench
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import terms
from wattpurse.core.money.ledger_records import STANDING, TERMS
from wattpurse.core.money.standing import names
from wattpurse.core.text import time_text

DAY_S = 86_400
CALLED_FOR = ("until", "left today", "emergency credit", "debt", "tenant", "load switch order", "shortage level")


class ConsoleTest(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.bench.commission(samples.day_and_night_tariff())
        self.bench.log_in()

    @property
    def now_s(self):
        return self.bench.meter.timekeeper.now_s()

    def local(self, utc_s):
        return time_text(utc_s, self.bench.meter.ledger.account.tariff.zone)

    def set(self, name, value, holder=STANDING):
        self.bench.meter.ledger.set_number(holder, name, value, self.now_s)

    def become(self, name):
        if self.bench.meter.ledger.account.contract.name != name:
            self.assertIn(f"contract is {name}", self.bench.say("contract set " + name))

    def rows(self, line="status"):
        """Return the rows of a report by name."""
        shown = {}
        for row in self.bench.say(line).split("\n"):
            name, _, value = row.partition("  ")
            shown[name] = value.strip()
        return shown


class TestStanding(ConsoleTest):
    def test_nothing_is_shown_that_the_contract_does_not_call_for(self):
        for name in ("prepaid-money", "prepaid-energy", "account"):
            self.become(name)
            rows = self.rows()
            self.assertEqual([row for row in CALLED_FOR if row in rows], [], name)
            self.assertEqual(rows["contract"], name)

    def test_every_contract_can_be_set_and_says_until_when_where_it_ends(self):
        for contract in contracts.CONTRACTS:
            self.become(contract.name)
            account = self.bench.meter.ledger.account
            facts = self.bench.facts("contract")
            self.assertEqual(facts["contract"], contract.name)
            self.assertEqual(facts["until_s"], contract.until_s(account))

    def test_a_term_says_until_when(self):
        self.become("term")
        self.assertEqual(self.rows()["until"], "nothing bought")
        until_s = self.now_s + 30 * DAY_S
        self.set("term_until_s", until_s)
        for line in ("status", "contract"):
            rows = self.rows(line)
            self.assertEqual(rows["until"], self.local(until_s))
            self.assertEqual(rows["warning"], "none")
        self.set("term_until_s", self.now_s + DAY_S)
        self.assertEqual(self.rows()["warning"], "very low")

    def test_a_dispenser_says_what_is_left_today(self):
        self.become("dispenser")
        self.set("dispenser_until_s", self.now_s + 30 * DAY_S)
        self.assertFalse("left today" in self.rows())
        self.set("daily_limit_mwh", 5_000_000, TERMS)
        self.bench.meter.ledger.advance(self.now_s, 3_200)
        self.assertEqual(self.rows()["left today"], "4.000 kWh")
        self.assertEqual(self.bench.facts("status")["left_today_mwh"], 4_000_000)
        self.bench.meter.ledger.advance(self.now_s, 5 * 3_200)
        self.assertEqual(self.rows()["left today"], "0.000 kWh")
        self.become("prepaid-energy")
        self.assertFalse("left today" in self.rows())

    def test_orders_and_permits_of_a_head_end(self):
        self.become("managed")
        until_s = self.now_s + DAY_S
        self.set("permit_until_s", until_s)
        self.set("ordered_open", 1)
        self.set("shortage_level", 2)
        self.set("shortage_until_s", until_s)
        rows = self.rows()
        self.assertEqual((rows["load switch order"], rows["shortage level"]), ("open", "2"))
        self.assertEqual((rows["until"], rows["supply"]), (self.local(until_s), "ordered off"))

    def test_debt_tenant_emergency_and_what_was_taken_out(self):
        self.set("debt_microunits", 4_500_000)
        self.set("tenant", 17)
        self.set("emergency_microunits", 5_000_000, TERMS)
        self.set("receipt_sequence", 6)
        self.set("receipt_microunits", 12_340_000)
        self.set("receipt_debt_microunits", 1_000_000)
        self.set("receipt_term_s", 3 * DAY_S)
        rows = self.rows()
        self.assertEqual((rows["debt"], rows["tenant"]), ("4.50 EUR", "17"))
        self.assertEqual(rows["emergency credit"], "5.00 EUR, not taken")
        self.assertEqual(rows["last taken out"], "12.34 EUR and a debt of 1.00 EUR and 3 days of a term, by token 6")
        self.set("unconfirmed", 1)
        self.assertEqual(self.rows()["waits for"], "the button")


class TestTerms(ConsoleTest):
    def test_each_has_its_value_as_typed_and_what_it_means(self):
        for name, typed, meaning in (
            ("credit_limit_microunits", "0", "no limit"),
            ("credit_limit_mwh", "2500000", "2.500 kWh"),
            ("low_credit_microunits", "1500000", "1.50 EUR"),
            ("expiry_warning_days", "7", "7 days"),
            ("friendly_from_minute", "1320", "22:00"),
            ("friendly_weekdays", "96", "Sat Sun"),
            ("friendly_holidays", "1", "yes"),
            ("debt_share_percent", "20", "20 %"),
            ("tax_permyriad", "1905", "19.05 %"),
            ("power_limit_w", "3000", "3000 W"),
            ("restore_delay_s", "60", "60 s"),
            ("tamper_cover", "2", "alarm and supply off"),
            ("shortage_priority", "5", ""),
        ):
            self.assertEqual(self.bench.say(f"terms set {name} {typed}"), f"{name} is {typed}")
            line = [row.split() for row in self.bench.say("terms").split("\n") if row.startswith(name + " ")]
            self.assertEqual(line, [[name, typed] + meaning.split()])

    def test_all_of_them_are_there_and_only_them(self):
        shown = [row.split()[0] for row in self.bench.say("terms").split("\n")]
        self.assertEqual(shown, ["term"] + list(terms.names()))
        self.assertEqual(sorted(self.bench.facts("terms")["terms"]), sorted(terms.names()))

    def test_neither_credit_nor_days_nor_permits_are_terms(self):
        before = self._promised()
        for name in ("term_until_s", "permit_until_s", "dispenser_until_s", "ordered_open", "money", "debt_microunits"):
            self.assertIn("no term", self.bench.say(f"terms set {name} 1"))
        self.assertEqual(self._promised(), before)

    def _promised(self):
        """Return the standing numbers, apart from the clock's own."""
        standing = self.bench.meter.ledger.account.standing
        return [standing[name] for name in names() if not name.startswith("clock_")]


if __name__ == "__main__":
    unittest.main()
