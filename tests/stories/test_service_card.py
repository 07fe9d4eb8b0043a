"""A technician at the meter: his card opens the console for changes, without the PIN, for ten minutes."""

import unittest

from tests.stories.story import ContractStory
from tests.stories.whole_meter import METER

MINUTE_S = 60


class TestTheTechnicianWithACard(ContractStory):
    """He was sent without the PIN of this house, and no house's PIN goes with him when he leaves."""

    def test_the_console_is_open_for_ten_minutes_and_says_who_was_there(self):
        change = "terms set low_credit_mwh 1000000"
        self.assertTrue(self.world.type_line(change)[0].startswith("refused"))
        card = self.station.service_card(7, self.world.now_s() + 86_400)
        self.world.insert(card)
        self.assertTrue(self.is_shown("SErv"))
        self.world.remove(card)
        self.type(change)
        self.assertEqual(self.account.terms["low_credit_mwh"], 1_000_000)
        self.assertIn("service card, by card [7]", self.type("events 3"))
        self.quiet(10 * MINUTE_S)
        self.assertTrue(self.world.type_line(change)[0].startswith("refused"))

    def test_a_card_that_has_expired_opens_nothing(self):
        card = self.station.service_card(7, self.world.now_s() + MINUTE_S)
        self.world.insert(card)
        self.assertTrue(self.is_shown("SErv"))
        self.world.remove(card)
        self.quiet(11 * MINUTE_S)
        self.world.insert(card)
        self.assertTrue(self.is_shown("E 28"))
        self.assertTrue(self.world.type_line("terms set low_credit_mwh 5")[0].startswith("refused"))

    def test_a_card_for_other_houses_opens_nothing(self):
        card = self.station.service_card(7, self.world.now_s() + 86_400, (METER + 1, METER + 2))
        self.world.insert(card)
        self.assertTrue(self.is_shown("E 22"))
        self.assertTrue(self.world.type_line("terms set low_credit_mwh 5")[0].startswith("refused"))


if __name__ == "__main__":
    unittest.main()
