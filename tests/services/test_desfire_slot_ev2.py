"""Key cards on DESFire EV2 in the slots of meters: the tests of EV1, with every command torn and several meters."""

import unittest

from tests.cards.desfire_bench import Wire, ev2_key_card
from tests.services import test_desfire_slot as slot
from tests.services.desfire_meter import Meter
from tests.services.desk_bench import SITE_KEY, VENDING_KEY, key_content


def new_card(content=None):
    return Wire(ev2_key_card(content or key_content(), SITE_KEY, VENDING_KEY))


class TestPayingEv2(slot.TestPaying):
    def setUp(self):
        self._before, slot.new_card = slot.new_card, new_card
        self.meter, self.wire = Meter(1), new_card()

    def tearDown(self):
        slot.new_card = self._before

    def test_the_card_is_spoken_to_in_its_own_messaging(self):
        Meter(1).tap(self.wire)
        codes = [command[0] for command, _ in self.wire.log]
        self.assertEqual((codes.count(0x71), codes.count(0xAA)), (1, 0))


class TestTornEv2(slot.TestTorn):
    def setUp(self):
        self._before, slot.new_card = slot.new_card, new_card

    def tearDown(self):
        slot.new_card = self._before


if __name__ == "__main__":
    unittest.main()
