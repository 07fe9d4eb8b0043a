"""The numbers of a link's statements: none comes twice, and few of them cost a write."""

import unittest

from boards.host.chips.power import PowerCut
from tests.services import helpers
from wattpurse.core import carrier
from wattpurse.services.statement_numbers import BLOCK, StatementNumbers

SETTING = "bluetooth_numbers"


class TestStatementNumbers(unittest.TestCase):
    def setUp(self):
        self.bench = helpers.Bench()

    def _numbers(self):
        return StatementNumbers(self.bench.settings, SETTING)

    def test_no_number_comes_twice_over_many_restarts(self):
        taken = []
        for count in (1, 3, BLOCK, BLOCK + 1, 200):
            numbers = self._numbers()
            taken += [numbers.take() for _ in range(count)]
            self.bench.restart()
        self.assertEqual(taken, sorted(set(taken)))

    def test_a_block_of_numbers_costs_one_write(self):
        numbers = self._numbers()
        numbers.take()
        programs = self.bench.flash.programs
        for _ in range(BLOCK - 1):
            numbers.take()
        self.assertEqual(self.bench.flash.programs, programs)
        numbers.take()
        self.assertTrue(self.bench.flash.programs > programs)

    def test_no_number_comes_twice_after_a_power_cut_in_the_write(self):
        taken = []
        for operations in range(6):
            numbers = self._numbers()
            self.bench.flash.faults.plan_cut(operations + 1, 500, "page")
            try:
                for _ in range(3 * BLOCK):
                    taken.append(numbers.take())
            except PowerCut:
                pass
            self.bench.restart()
        self.assertEqual(taken, sorted(set(taken)))

    def test_a_link_that_counts_round_gets_other_keys(self):
        identities = [carrier.statement_identity(carrier.BLE, number) for number in (0, 65_535, 65_536, 131_072)]
        self.assertEqual(identities[0], identities[1])
        self.assertEqual(len(set(identities)), 3)
        self.assertTrue(all(len(one) not in (4, 7, 10) for one in identities))


if __name__ == "__main__":
    unittest.main()
