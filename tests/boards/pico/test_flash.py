"""The ring's flash on an RP2040: every write is a whole page from RAM."""

import unittest

from boards.host.chips.flash import FlashModel
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from boards.pico.flash import PicoFlash
from tests.boards.chip_fakes import PAGE, SECTOR, Rp2Flash
from wattpurse.core.records.settings import Settings


class TestPicoFlash(unittest.TestCase):
    def setUp(self):
        self.device = Rp2Flash(8)
        self.asked = 0
        self.answer = 0xEF4015
        self.flash = PicoFlash(self.device, self.read_identification)

    def read_identification(self):
        self.asked += 1
        return self.answer

    def read(self, address, length):
        buffer = bytearray(length)
        self.flash.read(address, buffer)
        return bytes(buffer)

    def test_the_chip_is_asked_for_its_name_once_and_not_before_it_is_needed(self):
        self.assertEqual(self.asked, 0)
        self.assertEqual([self.flash.identification for _ in range(3)], [0xEF4015] * 3)
        self.assertEqual(self.asked, 1)

    def test_a_chip_that_does_not_answer_has_no_name(self):
        for self.answer in (0x000000, 0xFFFFFF):
            flash = PicoFlash(self.device, self.read_identification)
            self.assertEqual(flash.identification, None)

    def test_it_has_the_sectors_of_the_device(self):
        self.assertEqual(self.flash.sector_count, 8)

    def test_a_constant_is_programmed_at_any_place_of_a_page(self):
        self.flash.program(SECTOR + PAGE + 7, b"credit")
        self.assertEqual(self.read(SECTOR + PAGE + 6, 8), b"\xffcredit\xff")
        self.assertEqual(self.device.memory.count(b"\xff"), 8 * SECTOR - 6)

    def test_earlier_data_in_the_page_stays(self):
        self.flash.program(0, b"\x0f")
        self.flash.program(1, memoryview(b"\x12\x34"))
        self.flash.program(0, b"\xfe")
        self.assertEqual(self.read(0, 4), b"\x0e\x12\x34\xff")

    def test_the_page_in_ram_keeps_nothing(self):
        self.flash.program(10, b"\x00" * 100)
        self.flash.program(PAGE + 200, b"\x00")
        self.assertEqual(self.read(PAGE, PAGE), b"\xff" * 200 + b"\x00" + b"\xff" * 55)

    def test_the_last_byte_of_a_page_and_of_the_ring(self):
        self.flash.program(PAGE - 1, b"\x01")
        self.flash.program(8 * SECTOR - PAGE, bytes(PAGE))
        self.assertEqual(self.read(PAGE - 1, 2), b"\x01\xff")
        self.assertEqual(self.read(8 * SECTOR - PAGE, PAGE), bytes(PAGE))

    def test_erase_takes_one_sector(self):
        self.flash.program(SECTOR - 1, b"\x00")
        self.flash.program(SECTOR, b"\x00")
        self.flash.program(2 * SECTOR, b"\x00")
        self.flash.erase(1)
        self.assertEqual(self.read(SECTOR - 1, 2), b"\x00\xff")
        self.assertEqual(self.read(2 * SECTOR, 1), b"\x00")

    def test_nothing_outside_is_touched(self):
        for address, data in ((-1, b"\x00"), (8 * SECTOR, b"\x00"), (PAGE - 1, b"\x00\x00"), (0, b"")):
            self.assertRaises(ValueError, self.flash.program, address, data)
        self.assertRaises(ValueError, self.flash.erase, 8)
        self.assertRaises(ValueError, self.flash.erase, -1)
        self.assertRaises(ValueError, self.flash.read, 8 * SECTOR - 1, bytearray(2))
        self.assertRaises(ValueError, self.flash.read, -1, bytearray(1))
        self.assertEqual(bytes(self.device.memory), b"\xff" * (8 * SECTOR))

    def test_the_journal_leaves_the_same_as_on_the_simulated_board(self):
        clock = VirtualClock()
        simulated = FlashModel(clock, 8, RandomBits(1))
        for flash in (self.flash, simulated):
            settings = Settings(flash, 0, 4)
            settings.create()
            for number in range(200):
                settings.set("wrong_pins", number)
        self.assertEqual(bytes(self.device.memory), bytes(simulated.memory))


if __name__ == "__main__":
    unittest.main()
