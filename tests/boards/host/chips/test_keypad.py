"""The models of keypad and expander behave as copper and data sheet do, also where a driver would be wrong."""

import unittest

from boards.host.chips.i2c import I2cBus
from boards.host.chips.keypad import DIRECTION, LATCH, PORT, PULL_UPS, KeyMatrix, Mcp23008Model
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock

ADDRESS = 0x20


class TestMatrix(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.matrix = KeyMatrix(self.clock)

    def test_a_key_joins_its_row_and_its_column(self):
        self.matrix.hold("6")
        self.assertEqual(self.matrix.low({1}), {1, 6})
        self.assertEqual(self.matrix.low({6}), {1, 6})
        self.assertEqual(self.matrix.low({0}), {0})

    def test_three_keys_of_a_rectangle_join_the_fourth_corner(self):
        for key in "124":
            self.matrix.hold(key)
        self.assertEqual(self.matrix.low({1}), {0, 1, 4, 5})

    def test_a_press_ends_by_itself(self):
        self.matrix.press("1", 50)
        self.clock.advance_us(49_000)
        self.assertEqual(self.matrix.low({0}), {0, 4})
        self.clock.advance_us(2_000)
        self.assertEqual(self.matrix.low({0}), {0})

    def test_bounces_are_over_within_four_milliseconds(self):
        for seed in range(1, 20):
            matrix = KeyMatrix(self.clock, RandomBits(seed))
            matrix.hold("1")
            self.clock.advance_us(4_000)
            self.assertEqual(matrix.low({0}), {0, 4})

    def test_a_pin_drives_and_reads_its_line(self):
        row, column = self.matrix.pin(0), self.matrix.pin(4)
        self.matrix.hold("1")
        row(0)
        self.assertEqual(column(), 0)
        row(1)
        self.assertEqual(column(), 1)


class TestExpander(unittest.TestCase):
    def setUp(self):
        self.matrix = KeyMatrix(VirtualClock())
        self.chip = Mcp23008Model(self.matrix)
        self.bus = I2cBus(VirtualClock())
        self.bus.attach(ADDRESS, self.chip)

    def write(self, register, *values):
        self.bus.writeto_mem(ADDRESS, register, bytes(values))

    def port(self):
        buffer = bytearray(1)
        self.bus.readfrom_mem_into(ADDRESS, PORT, buffer)
        return buffer[0]

    def test_an_input_without_a_pull_up_reads_as_zero(self):
        self.assertEqual(self.port(), 0)
        self.write(PULL_UPS, 0x70)
        self.assertEqual(self.port(), 0x70)

    def test_a_low_row_pulls_the_column_of_a_pressed_key(self):
        self.write(PULL_UPS, 0x70)
        self.write(DIRECTION, 0xFD)
        self.matrix.hold("5")
        self.assertEqual(self.port() & 0x70, 0x50)

    def test_a_burst_writes_one_register_after_the_other(self):
        self.write(DIRECTION, 0xF0, 0, 0, 0, 0, 0, 0x7F)
        self.assertEqual((self.chip.registers[DIRECTION], self.chip.registers[PULL_UPS]), (0xF0, 0x7F))

    def test_a_write_to_the_port_goes_into_the_latch(self):
        self.write(PORT, 0x0F)
        self.assertEqual(self.chip.registers[LATCH], 0x0F)

    def test_rows_that_drive_against_each_other_are_noted(self):
        self.matrix.hold("1")
        self.matrix.hold("4")
        self.write(LATCH, 0x01)
        self.write(DIRECTION, 0xFC)
        self.assertEqual(len(self.chip.violations), 1)

    def test_a_reset_makes_all_pins_inputs(self):
        self.write(DIRECTION, 0)
        self.chip.power_up()
        self.assertEqual(self.chip.registers[DIRECTION], 0xFF)
