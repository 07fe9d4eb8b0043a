"""The hint about the next step follows the state of the meter."""

import unittest

from boards.host.world.commissioning import customer_of
from boards.host.world.guide import Guide
from boards.host.world.world import FIRST_S
from wattpurse.core.money import supply
from wattpurse.core.money.token_windows import TokenWindows


class Sensor:
    def __init__(self):
        self.senses = False


class Meter:
    """A meter in the state `reason`, and the world around it."""

    def __init__(self, reason, has_redeemed=True):
        self.reason = reason
        self.tokens = TokenWindows()
        if has_redeemed:
            self.tokens.mark(1)
        self.meter = self.account = self.hardware = self
        self.mains_on = True
        self.cover = Sensor()
        self.magnet = Sensor()
        self.reverse_flow = Sensor()

    def decide(self):
        return self.reason

    def now_s(self):
        return FIRST_S


class TestGuide(unittest.TestCase):
    def _hint(self, contract, meter, card=None):
        return Guide(customer_of(contract), "office-data/cards", "office-data").hint(meter, card)

    def test_a_managed_meter_whose_permit_is_over_is_offered_a_permit_and_no_order_to_open(self):
        hint = self._hint("managed", Meter(supply.EXPIRED))
        self.assertIn("token 10000016 permit 20", hint)
        self.assertFalse("switch" in hint)

    def test_a_managed_meter_that_is_on_can_be_ordered_off_and_then_on_again(self):
        self.assertIn("token 10000016 switch open --card room", self._hint("managed", Meter(supply.ON)))
        self.assertIn("token 10000016 switch close --card room", self._hint("managed", Meter(supply.ORDERED_OFF)))

    def test_before_the_first_tap_the_card_is_named(self):
        for contract in ("prepaid-money", "term", "managed"):
            hint = self._hint(contract, Meter(supply.NO_CREDIT, has_redeemed=False))
            self.assertIn(customer_of(contract).card + " brings the first", hint)

    def test_after_the_first_tap_more_can_be_sold(self):
        hint = self._hint("prepaid-money", Meter(supply.NO_CREDIT))
        self.assertEqual(hint, "Top up in another terminal: .venv/bin/wattpurse card topup tenant --amount 10")

    def test_a_card_on_the_reader_must_be_taken_away_for_the_station(self):
        self.assertTrue(self._hint("term", Meter(supply.ON), "guest").startswith("0 takes the card away."))
        self.assertFalse("0 takes" in self._hint("term", Meter(supply.ON), "another"))

    def test_without_mains_the_key_for_mains_is_named(self):
        meter = Meter(supply.ON)
        meter.mains_on = False
        meter.meter = None
        self.assertIn("m restores", self._hint("term", meter))

    def test_tamper_is_ended_first_and_reset_then(self):
        meter = Meter(supply.TAMPER)
        meter.magnet.senses = True
        self.assertIn("o, g and v end", self._hint("term", meter))
        meter.magnet.senses = False
        self.assertIn("reset-tamper", self._hint("term", meter))

    def test_a_meter_that_waits_for_its_button_says_so(self):
        self.assertIn("space", self._hint("prepaid-money", Meter(supply.UNCONFIRMED)))

    def test_each_reason_has_a_hint(self):
        for reason in range(len(supply.all_reasons())):
            self.assertTrue(len(self._hint("key-card", Meter(reason))) > 10)

    def test_folders_of_the_station_are_in_the_command(self):
        hint = Guide(customer_of("term"), "here", "there").hint(Meter(supply.ON), None)
        self.assertIn("--card guest --office there --cards here", hint)


if __name__ == "__main__":
    unittest.main()
