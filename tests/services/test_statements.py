"""Statements sealed for carriers of every sort: a card by its UID, a link that has none by its carrier's code."""

import unittest

from boards.host.chips.aes import aes
from tests.services import helpers
from wattpurse.core import carrier
from wattpurse.core.messages import statement, token
from wattpurse.core.seals import keys
from wattpurse.core.seals.sealing import SealBroken

CARD_UID = b"\x11\x22\x33\x44"
LINK = carrier.statement_identity(carrier.MQTT)
LARGE = 512


def opened_by_station(data, identity, meter_key=helpers.METER_KEY):
    """Return the statement as the station opens it, with nothing from the meter but the sealed bytes."""
    return statement.open_statement(aes, keys.statement_keys(aes, keys.statement_key(aes, meter_key), identity), data)


class TestStatements(unittest.TestCase):
    def setUp(self):
        self.bench = helpers.Bench()
        self.statements = self.bench.statements

    def _seal(self, identity, number=1, capacity=LARGE):
        return self.statements.seal(self.statements.keys(identity), number, capacity)

    def test_a_carrier_without_uid_gets_a_statement_that_the_station_opens(self):
        self.bench.teller.redeem(helpers.seal(1, token.CREDIT_MONEY, 5_000_000), carrier.MQTT)
        found = opened_by_station(self._seal(LINK, 65_537), LINK)
        self.assertEqual((found["number"], found["meter_number"]), (1, helpers.METER_NUMBER))
        self.assertEqual((found["balance"], found["windows"][0][0]), (5_000_000, 1))
        self.assertEqual(found["time_s"], self.bench.timekeeper.now_s())
        self.assertEqual(found["supply_reason"], self.bench.decide())

    def test_each_carrier_has_keys_of_its_own(self):
        others = [carrier.statement_identity(one) for one in (carrier.CONSOLE, carrier.BLE)] + [CARD_UID]
        for identity in others:
            self.assertEqual(opened_by_station(self._seal(identity), identity)["number"], 1)
            with self.assertRaises(SealBroken):
                opened_by_station(self._seal(LINK), identity)
            with self.assertRaises(SealBroken):
                opened_by_station(self._seal(identity), LINK)

    def test_another_meter_key_opens_nothing(self):
        with self.assertRaises(SealBroken):
            opened_by_station(self._seal(LINK), LINK, bytes(16))

    def test_no_identity_is_as_long_as_a_uid(self):
        for one in (carrier.METER, carrier.CARD, carrier.CONSOLE, carrier.MQTT, carrier.BLE):
            self.assertNotIn(len(carrier.statement_identity(one)), (4, 7, 10))

    def test_capacity_bounds_the_payload(self):
        for capacity in range(32, 200, 16):
            sealed = self._seal(LINK, 1, capacity)
            self.assertLessEqual(len(self.statements.compose(capacity)), capacity)
            self.assertLessEqual(len(sealed), statement.HEADER_SIZE + capacity + 8)
            self.assertEqual(opened_by_station(sealed, LINK)["alarms"], [])

    def test_a_new_meter_key_seals_from_then_on(self):
        new_key = bytes(range(50, 66))
        self.bench.settings.set("meter_key", new_key)
        self.assertEqual(opened_by_station(self._seal(LINK), LINK, new_key)["number"], 1)

    def test_alarms_show_in_the_statement(self):
        self.bench.settings.set("tamper", 1)
        self.statements.reader_failed = True
        self.assertEqual(opened_by_station(self._seal(LINK), LINK)["alarms"], ["tamper", "reader"])


if __name__ == "__main__":
    unittest.main()
