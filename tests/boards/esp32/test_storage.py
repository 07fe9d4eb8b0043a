"""The ring's flash on an ESP32: the partition "ring", written as the port requires."""

import unittest

from boards.micropython.block_flash import BlockFlash
from tests.boards import chip_fakes
from tests.boards.chip_fakes import SECTOR, Esp32Partition
from tests.samples import NEW_YEAR_S, flat_tariff
from wattpurse.core.money.account import Account
from wattpurse.core.money.contract import PrepaidMoney
from wattpurse.core.money.ledger import Ledger
from wattpurse.stores import LEDGER_RING


class TestRing(unittest.TestCase):
    def setUp(self):
        chip_fakes.install("esp32", Partition=Esp32Partition)
        chip_fakes.install("vfs")
        from boards.esp32 import storage

        self.storage = storage
        self.ring = Esp32Partition(16)
        Esp32Partition.partitions = {"ring": self.ring, "vfs": Esp32Partition(4)}

    def test_the_ring_is_the_partition_of_that_name(self):
        flash = BlockFlash(self.storage.ring_blocks())
        self.assertEqual(flash.sector_count, 16)
        flash.program(15 * SECTOR + 9, b"\x5a")
        self.assertEqual(self.ring.memory[15 * SECTOR + 8 : 15 * SECTOR + 11], b"\xff\x5a\xff")

    def test_a_table_without_ring_is_an_error(self):
        Esp32Partition.partitions = {"vfs": Esp32Partition(4)}
        self.assertRaises(OSError, self.storage.ring_blocks)

    def test_programming_clears_bits_and_erasing_sets_them(self):
        flash = BlockFlash(self.ring)
        flash.program(100, b"\xf0")
        flash.program(100, b"\x3c")
        buffer = bytearray(1)
        flash.read(100, buffer)
        self.assertEqual(buffer, b"\x30")
        flash.erase(0)
        flash.read(100, buffer)
        self.assertEqual(buffer, b"\xff")

    def test_a_program_that_the_chip_loses_without_a_word_is_found_by_reading_back(self):
        ring = Esp32Partition(2 * LEDGER_RING[1])
        ledger = Ledger(BlockFlash(ring), 0, LEDGER_RING[1])
        ledger.create(Account(flat_tariff(), 1_000, 1, PrepaidMoney, NEW_YEAR_S))
        keep = ring._clear_bits
        lost = []

        def lose_once(start, data):
            if lost:
                keep(start, data)
            else:
                lost.append(start)

        ring._clear_bits = lose_once
        ledger.advance(NEW_YEAR_S + 1, 7)
        self.assertEqual(len(lost), 1)
        again = Ledger(BlockFlash(ring), 0, LEDGER_RING[1])
        again.open()
        self.assertEqual(again.account.pulses_total, 7)
        ring._clear_bits = lambda start, data: None
        self.assertRaises(OSError, ledger.advance, NEW_YEAR_S + 2, 1_000)

    def test_addresses_outside_are_refused(self):
        flash = BlockFlash(self.ring)
        self.assertRaises(ValueError, flash.program, 16 * SECTOR, b"\x00")
        self.assertRaises(ValueError, flash.program, 255, b"\x00\x00")
        self.assertRaises(ValueError, flash.erase, 16)
        self.assertRaises(ValueError, flash.read, 16 * SECTOR - 1, bytearray(2))


if __name__ == "__main__":
    unittest.main()
