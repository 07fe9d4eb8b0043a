"""Two power cuts during a tap lose nothing and double nothing, wherever they come: in the radio, the flash or between.

Each trial is a meter of its own: a card with credit is put on the reader, the mains fail twice while the meter works on
it, and then the card is tapped once more as it would be by a customer who is not sure.
"""

import unittest

from boards.host.chips.random_bits import RandomBits
from tests.stories.whole_meter import Station, commissioned_world, copy_of, copy_of_card, sealed_credit

AMOUNT = 20_000_000
SECOND_AMOUNT = 1_500_000
TAP_MS = 600
FLASH_OPERATIONS = 24
UNRECORDED_LIMIT_MWH = 1_000


class TestCutsDuringATap(unittest.TestCase):
    def setUp(self):
        self.station = Station()
        self.origin = commissioned_world()
        self.random_bits = RandomBits(22)

    def tearDown(self):
        self.origin.close()

    def _card(self, kind):
        return self.station.customer_card(kind, sealed_credit(1, AMOUNT) + sealed_credit(2, SECOND_AMOUNT))

    def _world(self, seed):
        world = copy_of(self.origin, seed)
        world.hardware.flash.faults.damage = "page" if seed % 2 else "none"
        return world

    def _restore(self, world, card, lifted):
        """Bring the mains back after a while. The card is still on the reader unless it was `lifted`."""
        self.assertFalse(world.mains_on)
        if lifted:
            world.remove(card)
        world.run_for(self.random_bits.below(4))
        world.restore_mains()
        world.run_until(lambda: world.account is not None, 5)
        if lifted:
            world.insert(card)

    def _cut_after_ms(self, world, delay_us):
        world.cut_mains(world.clock.now_us + delay_us)
        self.assertTrue(world.run_until(lambda: not world.mains_on, 2))

    def _cut_in_flash(self, world, operation):
        """Cut in the `operation`-th flash operation from now on, or after a while if there are not so many."""
        faults = world.hardware.flash.faults
        faults.plan_cut(operation, self.random_bits.below(1001), faults.damage)
        if not world.run_until(lambda: not world.mains_on, 2):
            faults.operations_to_cut = None
            self._cut_after_ms(world, 0)

    def _tap_once_more(self, world, card):
        world.remove(card)
        world.run_for(2)
        world.insert(card)
        world.run_for(3)
        world.remove(card)
        world.run_for(2)

    def _assert_nothing_lost(self, world, card):
        money = world.account.money
        self.assertEqual(money.bought, AMOUNT + SECOND_AMOUNT)
        self.assertEqual(money.bought, money.charged + money.balance)
        self.assertEqual(money.charged, world.account.registers.total_mwh // 4)  # 0.25 per kWh
        self.assertTrue(world.hardware.relay.contact_closed)
        self.assertEqual(world.hardware.violations(), [])
        self.assertEqual(world.power_cuts, 2)
        statement = self.station.statement(card)
        self.assertEqual(statement["bought"], AMOUNT + SECOND_AMOUNT)
        self.assertEqual(statement["windows"][0][0], 2)
        missing_mwh = world.hardware.source.energy_mwh - (world.account.registers.total_mwh - self.total_before_mwh)
        self.assertTrue(0 <= missing_mwh <= 2 * UNRECORDED_LIMIT_MWH + 1_000)  # the last pulse is not complete
        world.reset_board()
        world.run_for(2)
        self.assertEqual(world.account.money.bought, AMOUNT + SECOND_AMOUNT)

    def _trial(self, master, seed, cut):
        card = copy_of_card(master, seed)
        world = self._world(seed)
        self.total_before_mwh = world.account.registers.total_mwh
        world.insert(card)
        for _ in range(2):
            cut(world)
            self._restore(world, card, lifted=self.random_bits(1))
        self._tap_once_more(world, card)
        self._assert_nothing_lost(world, card)
        world.close()

    def test_cut_at_any_moment(self):
        for kind in ("classic-1k", "ntag215"):
            master = self._card(kind)
            for trial in range(30):
                delay_us = TAP_MS * 1000 * trial // 30 + self.random_bits(13)
                self._trial(master, trial, lambda world, delay_us=delay_us: self._cut_after_ms(world, delay_us))

    def test_cut_in_any_flash_operation(self):
        for kind in ("classic-1k", "ntag215"):
            master = self._card(kind)
            for operation in range(1, FLASH_OPERATIONS + 1):
                self._trial(master, operation, lambda world, operation=operation: self._cut_in_flash(world, operation))


if __name__ == "__main__":
    unittest.main()
