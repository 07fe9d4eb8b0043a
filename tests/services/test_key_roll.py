"""The roll to new keys: the station's tokens open before, during and after it, through any power cut."""

import unittest

from boards.host.chips.power import PowerCut
from tests.services import helpers
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import token
from wattpurse.core.records import events
from wattpurse.core.seals.sealing import SealBroken
from wattpurse.services.key_roll import KeyRoll

OLD_KEY = helpers.METER_KEY
NEW_KEY = b"the second key 2"
THIRD_KEY = b"the third key 33"
SITE_KEY = b"site key 0000001"
NEW_SITE_KEY = b"site key 0000002"


def seal(sequence, kind, *fields, key=OLD_KEY, version=1):
    pair = helpers.keys.token_keys(helpers.aes, key)
    return token.seal_token(helpers.aes, pair, version, helpers.METER_NUMBER, sequence, *token.make(kind, *fields))


def credit(sequence, key=OLD_KEY, version=1):
    return seal(sequence, token.CREDIT_MONEY, 1 << sequence, key=key, version=version)


class RollBench(helpers.Bench):
    """A meter whose tokens go through the roll, and have its two effects or bring credit."""

    def deliver(self, data):
        """Redeem one token; its outcome."""
        try:
            opened = self.roll.open(data)
        except SealBroken:
            return outcome.UNREADABLE
        if self.ledger.account.token_is_used(opened.sequence):
            return outcome.USED
        if opened.kind == token.METER_KEY:
            return self.roll.take_meter_key(opened, carrier.CARD)
        if opened.kind == token.SITE_KEY:
            return self.roll.take_site_key(opened, carrier.CARD)
        self.ledger.credit(opened.sequence, 0, opened.fields()[0], carrier.CARD, self.timekeeper.now_s())
        return outcome.ACCEPTED

    def _start(self):
        super()._start()
        if self.settings.get("site_key") is None:
            self.settings.set_all((("site_key", SITE_KEY), ("key_version", 1), ("site_key_version", 1)))
        self.roll = KeyRoll(self.stores, self.timekeeper, helpers.aes)
        self.roll.take_keys()


class TestMeterKey(unittest.TestCase):
    def setUp(self):
        self.bench = RollBench()
        self.roll = seal(1, token.METER_KEY, 2, NEW_KEY)

    def test_both_keys_work_until_the_station_uses_the_new_one(self):
        self.assertEqual(self.bench.deliver(credit(9, NEW_KEY, 2)), outcome.UNREADABLE)
        self.assertEqual(self.bench.deliver(self.roll), outcome.ACCEPTED)
        self.assertEqual(self.bench.deliver(credit(2)), outcome.ACCEPTED)
        self.bench.restart()
        self.assertEqual(self.bench.deliver(credit(3)), outcome.ACCEPTED)
        self.assertEqual(self.bench.settings.get("meter_key"), OLD_KEY)
        self.assertEqual(self.bench.deliver(credit(4, NEW_KEY, 2)), outcome.ACCEPTED)
        self.assertEqual(self.bench.settings.get("meter_key"), NEW_KEY)
        for _ in range(2):
            self.assertEqual(self.bench.deliver(credit(5)), outcome.UNREADABLE)
            self.assertEqual(self.bench.deliver(credit(4, NEW_KEY, 2)), outcome.USED)
            self.bench.restart()
        self.assertEqual(self.bench.deliver(credit(5, NEW_KEY, 2)), outcome.ACCEPTED)
        self.assertEqual(self.bench.ledger.account.money.bought, 4 + 8 + 16 + 32)
        self.assertEqual(self.bench.events_of(events.KEYS_CHANGED), [2, 2])

    def test_a_forged_token_that_names_the_new_key_ends_nothing(self):
        self.bench.deliver(self.roll)
        self.assertEqual(self.bench.deliver(credit(2, OLD_KEY, 2)), outcome.UNREADABLE)
        self.assertEqual(self.bench.deliver(credit(2, THIRD_KEY, 2)), outcome.UNREADABLE)
        self.assertEqual(self.bench.deliver(credit(2)), outcome.ACCEPTED)

    def test_a_third_key_waits_until_the_second_is_in_use(self):
        third = seal(2, token.METER_KEY, 3, THIRD_KEY)
        self.bench.deliver(self.roll)
        self.assertEqual(self.bench.deliver(third), outcome.OUTDATED)
        self.assertEqual(self.bench.deliver(credit(3, NEW_KEY, 2)), outcome.ACCEPTED)
        again = seal(4, token.METER_KEY, 3, THIRD_KEY, key=NEW_KEY, version=2)
        self.assertEqual(self.bench.deliver(again), outcome.ACCEPTED)
        self.assertEqual(self.bench.deliver(credit(5, THIRD_KEY, 3)), outcome.ACCEPTED)
        self.assertEqual(self.bench.settings.get("key_version"), 3)

    def test_a_third_key_under_the_second_is_taken_at_once(self):
        self.bench.deliver(self.roll)
        third = seal(2, token.METER_KEY, 3, THIRD_KEY, key=NEW_KEY, version=2)
        self.assertEqual(self.bench.deliver(third), outcome.ACCEPTED)
        self.assertEqual(self.bench.settings.get("meter_key"), NEW_KEY)
        self.assertEqual(self.bench.deliver(credit(3, THIRD_KEY, 3)), outcome.ACCEPTED)

    def test_an_older_version_is_outdated(self):
        for version in (0, 1):
            self.assertEqual(self.bench.deliver(seal(2, token.METER_KEY, version, NEW_KEY)), outcome.OUTDATED)
        self.assertFalse(self.bench.ledger.account.token_is_used(2))

    def test_power_fails_at_every_flash_operation_and_the_stations_key_works(self):
        image = bytes(self.bench.flash.memory)
        operation = 1
        while self._cut_at(image, operation):
            operation += 1
        self.assertGreater(operation, 10)

    def _cut_at(self, image, operation):
        """Redeem the roll, credit under the old key, credit under the new one. A token that was cut off is delivered
        again.
        """
        bench = RollBench(image, seed=operation)
        bench.flash.faults.plan_cut(operation, operation * 331 % 1001, ("none", "page")[operation % 2])
        cuts = 0
        for data in (self.roll, credit(2), credit(3, NEW_KEY, 2), credit(4, NEW_KEY, 2)):
            try:
                self.assertEqual(bench.deliver(data), outcome.ACCEPTED, operation)
            except PowerCut:
                cuts += 1
                bench.restart()
                self.assertIn(bench.deliver(data), (outcome.ACCEPTED, outcome.USED), operation)
        self.assertEqual(bench.ledger.account.money.bought, 4 + 8 + 16, operation)
        bench.restart()
        self.assertEqual(bench.settings.get("meter_key"), NEW_KEY)
        self.assertEqual(bench.deliver(credit(5)), outcome.UNREADABLE)
        return cuts


class TestSiteKey(unittest.TestCase):
    def test_the_new_key_and_the_one_before_it_whatever_is_cut(self):
        image = bytes(RollBench().flash.memory)
        operation, cuts = 1, 1
        while cuts:
            bench = RollBench(image, seed=operation)
            sealed = seal(1, token.SITE_KEY, 2, NEW_SITE_KEY)
            bench.flash.faults.plan_cut(operation, operation * 331 % 1001, ("none", "page")[operation % 2])
            cuts = 0
            try:
                bench.deliver(sealed)
            except PowerCut:
                cuts = 1
                bench.restart()
                self.assertIn(bench.settings.get("site_key"), (SITE_KEY, NEW_SITE_KEY))
                self.assertIn(bench.deliver(sealed), (outcome.ACCEPTED, outcome.USED))
            bench.restart()
            self.assertEqual(bench.settings.get("site_key"), NEW_SITE_KEY)
            self.assertEqual(bench.settings.get("old_site_key"), SITE_KEY)
            operation += 1
        self.assertGreater(operation, 4)

    def test_an_older_version_is_outdated(self):
        bench = RollBench()
        self.assertEqual(bench.deliver(seal(1, token.SITE_KEY, 1, NEW_SITE_KEY)), outcome.OUTDATED)
        self.assertEqual(bench.settings.get("site_key"), SITE_KEY)


if __name__ == "__main__":
    unittest.main()
