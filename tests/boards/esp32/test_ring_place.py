"""One place for the ledger's ring, and a ledger that another firmware left elsewhere."""

import unittest

from boards.esp32 import ring_place
from boards.micropython.block_flash import BlockFlash
from boards.micropython.shared_blocks import Window
from tests.boards import chip_fakes
from tests.boards.chip_fakes import SECTOR, Esp32Partition

KIB = 1024
VFS_OF_STOCK = 0x200000
FORMER_PLACES = (0x240000, 0x500000, 0x770000)


class Flash:
    """A whole flash that holds a ledger at some places: esp.flash_read."""

    def __init__(self, *ledgers):
        self.ledgers = ledgers
        self.reads = 0

    def read(self, address, buffer):
        self.reads += 1
        buffer[:] = b"WPJ1" if address in self.ledgers else b"\xff" * len(buffer)


class TestRingPlace(unittest.TestCase):
    def test_a_ledger_elsewhere_is_named_and_the_meter_does_not_start(self):
        for place in FORMER_PLACES:
            with self.assertRaises(OSError) as raised:
                ring_place.check(Flash(place).read, 8 * KIB * KIB)
            self.assertTrue(hex(place) in str(raised.exception))

    def test_a_ledger_at_its_place_is_taken_whatever_lies_elsewhere(self):
        flash = Flash(ring_place.RING_OFFSET + 40 * SECTOR, 0x240000)
        ring_place.check(flash.read, 8 * KIB * KIB)
        self.assertTrue(flash.reads <= 41)

    def test_a_blank_flash_holds_none(self):
        ring_place.check(Flash().read, 4 * KIB * KIB)

    def test_the_ring_of_a_stock_board_lies_at_that_place_on_any_flash(self):
        for flash_mib in (4, 8):
            storage = Esp32Partition((flash_mib * KIB * KIB - VFS_OF_STOCK) // SECTOR)
            chip_fakes.install("esp32", Partition=Esp32Partition)
            chip_fakes.install("vfs")
            from boards.esp32 import stock_storage

            stock_storage.Partition = Esp32Partition
            Esp32Partition.partitions = {"vfs": storage}
            flash = BlockFlash(stock_storage.ring_blocks())
            self.assertEqual(flash.sector_count, ring_place.RING_BYTES // SECTOR)
            flash.program(0, b"\x5a")
            flash.program(143 * SECTOR, b"\xa5")
            start = ring_place.RING_OFFSET - VFS_OF_STOCK
            self.assertEqual((storage.memory[start], storage.memory[start + 143 * SECTOR]), (0x5A, 0xA5))

    def test_a_window_ends_where_it_ends(self):
        window = Window(Esp32Partition(20), 4, 10)
        self.assertEqual(window.ioctl(4, 0), 10)
        self.assertRaises(ValueError, BlockFlash(window).erase, 10)


if __name__ == "__main__":
    unittest.main()
