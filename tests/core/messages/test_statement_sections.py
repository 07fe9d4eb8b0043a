"""The sections after a statement's months: as many as fit on the card. Unknown sections are skipped."""

import unittest

from tests import samples
from tests.core.messages.test_statement import busy_account
from tests.samples import NEW_YEAR_S
from wattpurse.core.messages import statement
from wattpurse.core.messages.statement_sections import DEMAND, EVENTS, MEAN, sections_of
from wattpurse.core.records.load_profile import Demand
from wattpurse.core.seals.sealing import SealBroken
from wattpurse.core.tariffs.calendar import days_from_civil
from wattpurse.core.tariffs.rules import PER_CENT, PER_KWH
from wattpurse.core.tariffs.tariff import Tariff

PLENTY = 4000
NOW_S = days_from_civil(2027, 3, 20) * 86_400 + 3_900
CLASSIC = 192
NTAG216 = 224


class Stores:
    """Stores of a meter with a history."""

    def __init__(self, account):
        self.events = self
        self.settings = {"tamper": 0}
        self.load_profile = self
        self.place = 1_234
        self.link = b"\x01\x02\x03\x04\x05"
        self.account = account
        self.mean_wh = 8_123

    def mean_daily_mwh(self):
        return None if self.mean_wh is None else self.mean_wh * 1000 + 999

    def mean_daily_microunits(self):
        return None if self.mean_wh is None else 2_030_000

    def demands(self):
        """Return demands of every second month, each a whole number of half hours ago."""
        newest = self.account.registers.month.index
        return [
            Demand(newest - age, (age + 1) * 500_000 + 999, (NOW_S // 1800 - age * 1_488) * 1800)
            for age in range(0, 13, 2)
        ]


def statement_in(capacity, stores=None, account=None):
    account = account or busy_account()
    stores = stores or Stores(account)
    sections = sections_of(stores, NOW_S, account.registers.month.index)
    payload = statement.compose(account, 0, NOW_S, capacity, sections)
    if len(payload) > capacity:
        raise ValueError("too long")
    return payload, statement.parse(payload)


class TestSections(unittest.TestCase):
    def test_everything_where_there_is_room(self):
        _, parsed = statement_in(PLENTY)
        self.assertEqual((parsed["event_place"], parsed["event_link"]), (1_234, "0102030405"))
        self.assertEqual((parsed["mean_daily_wh"], parsed["mean_daily_microunits"]), (8_123, 2_030_000))
        expected = [
            (((age + 1) * 500), (NOW_S // 1800 - age * 1_488) * 1800) if age % 2 == 0 else None for age in range(13)
        ]
        found = [
            (month["demand_wh"], month["demand_s"]) if "demand_wh" in month else None for month in parsed["months"]
        ]
        self.assertEqual(found, expected)

    def test_levies_and_the_names_of_all_registers_come_back(self):
        account = samples.new_account(samples.flat_tariff(levies=(("VAT", PER_CENT, 1_900),)))
        account.consume(40 * samples.KWH)
        following = samples.flat_tariff(version=2, rates=(("DEAR", (500_000,), ()),), levies=(("FUND", PER_KWH, 10),))
        account.pending_tariff = Tariff(following)
        account.pass_to(NEW_YEAR_S + 60)
        account.consume(10 * samples.KWH)
        parsed = statement.parse(statement.compose(account, 0, NEW_YEAR_S, PLENTY))
        self.assertEqual(parsed["rate_names"], ["DEAR", "ALL"])
        self.assertEqual(parsed["rate_mwh"], [10 * samples.KWH, 40 * samples.KWH])
        self.assertEqual(parsed["months"][0]["total_wh"], 50_000)
        self.assertEqual(
            parsed["levies"],
            [
                {"name": "FUND", "microunits": 100, "month_microunits": 100},
                {"name": "VAT", "microunits": 1_900_000, "month_microunits": 1_900_000},
            ],
        )

    def test_months_are_not_given_up_for_them(self):
        account = busy_account()
        for capacity in range(32, 400):
            with_sections = statement_in(capacity, account=account)[1]
            without = statement.parse(statement.compose(account, 0, NOW_S, capacity))
            for key, value in without.items():
                if key == "months":
                    kept = [{name: month[name] for name in one} for month, one in zip(with_sections[key], value)]
                    self.assertEqual(kept, value)
                else:
                    self.assertEqual(with_sections[key], value)

    def test_the_most_important_comes_first(self):
        seen = []
        for capacity in range(32, 400):
            parsed = statement_in(capacity)[1]
            months = len([month for month in parsed.get("months", ()) if "demand_wh" in month])
            seen.append(("event_link" in parsed, "mean_daily_wh" in parsed, months))
        self.assertEqual(seen[0], (False, False, 0))
        self.assertEqual(seen[-1], (True, True, 7))

    def test_the_larger_cards_tell_of_the_chain(self):
        for capacity in (CLASSIC, NTAG216):
            self.assertIn("event_link", statement_in(capacity)[1], capacity)

    def test_a_meter_without_use_says_nothing_of_it(self):
        account = busy_account()
        stores = Stores(account)
        stores.mean_wh = None
        self.assertFalse("mean_daily_wh" in statement_in(PLENTY, stores)[1])

    def test_older_statements_have_none(self):
        parsed = statement.parse(statement.compose(busy_account(), 0, NEW_YEAR_S, PLENTY) + bytes(15))
        self.assertFalse("event_link" in parsed)

    def test_a_section_that_is_not_known_is_skipped(self):
        account = busy_account()
        known = sections_of(Stores(account), NOW_S, account.registers.month.index)
        plain = statement.parse(statement.compose(account, 0, NOW_S, PLENTY, known))
        for place in range(4):
            sections = list(known)
            sections.insert(place, (200, [b"\xff" * 60]))
            self.assertEqual(statement.parse(statement.compose(account, 0, NOW_S, PLENTY, sections)), plain)

    def test_a_section_that_ends_early_is_refused(self):
        payload = statement.compose(busy_account(), 0, NOW_S, PLENTY)
        for tail in (bytes((EVENTS, 6, 1)), bytes((77, 2, 1)), bytes((EVENTS, 1, 1)), bytes((MEAN, 0)), bytes((9,))):
            self.assertRaises(SealBroken, statement.parse, payload + tail)
        self.assertRaises(SealBroken, statement.parse, payload + bytes((DEMAND, 1, 0x81)))


if __name__ == "__main__":
    unittest.main()
