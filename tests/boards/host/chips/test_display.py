"""The TM1637 model against correct and incorrect transfers, edge by edge."""

import unittest

from boards.host.chips.display import SHORTEST_EDGE_US, DisplayModel
from boards.host.chips.pin import PUSH_PULL, Pin, Wire
from boards.host.world.clock import VirtualClock


class TestDisplayModel(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        clock_wire, self.data_wire = Wire(), Wire()
        self.display = DisplayModel(clock_wire, self.data_wire, self.clock, (0, 1, 2, 3, 4, 5), SHORTEST_EDGE_US)
        self.clk = Pin(clock_wire, clock=self.clock, call_us=2)
        self.dio = Pin(self.data_wire, clock=self.clock, call_us=2)

    def _bits(self, byte, count=8):
        for index in range(count):
            self.clk(0)
            self.dio(byte >> index & 1)
            self.clk(1)

    def _acknowledge(self):
        self.clk(0)
        self.dio(1)
        self.clk(1)
        answered = self.dio() == 0
        self.clk(0)
        return answered

    def _stop(self):
        self.clk(0)
        self.dio(0)
        self.clk(1)
        self.dio(1)

    def _transfer(self, *transferred):
        self.dio(0)
        answers = []
        for byte in transferred:
            self._bits(byte)
            answers.append(self._acknowledge())
        self._stop()
        return all(answers)

    def test_writes_with_the_address_counting_up(self):
        self.assertTrue(self._transfer(0x40))
        self.assertTrue(self._transfer(0xC1, 0x06, 0x5B, 0x4F))
        self.assertTrue(self._transfer(0x8A))
        self.assertEqual(self.display.segments()[1:4], b"\x06\x5b\x4f")
        self.assertEqual(self.display.brightness, 2)
        self.assertEqual(self.display.transfers, 3)
        self.assertEqual(self.display.violations, [])

    def test_writes_with_a_fixed_address(self):
        self._transfer(0x44)
        self.assertTrue(self._transfer(0xC5, 0x71))
        self.assertEqual(self.display.memory[5], 0x71)
        self.assertFalse(self._transfer(0xC5, 0x71, 0x71))
        self.assertEqual(self.display.violations, ["data after a command that takes none"])

    def test_is_dark_until_the_command_to_light(self):
        self._transfer(0x40)
        self._transfer(0xC0, 0x7F)
        self.assertEqual(self.display.segments(), bytes(6))
        self._transfer(0x88)
        self.assertEqual(self.display.segments()[0], 0x7F)
        self._transfer(0x80)
        self.assertEqual(self.display.segments(), bytes(6))

    def test_refuses_an_unknown_command(self):
        for command in (0x00, 0x3F, 0x42, 0x48, 0xB8, 0xC6):
            with self.subTest(command=command):
                count = len(self.display.violations)
                self.assertFalse(self._transfer(command))
                self.assertEqual(len(self.display.violations), count + 1)

    def test_refuses_a_seventh_digit(self):
        self._transfer(0x40)
        self.assertFalse(self._transfer(0xC0, 1, 2, 3, 4, 5, 6, 7))
        self.assertEqual(self.display.violations, ["data past the last digit"])
        self.assertNotEqual(bytes(self.display.memory), b"\x01\x02\x03\x04\x05\x06")

    def test_refuses_data_that_falls_while_the_clock_is_high(self):
        self.dio(0)
        self._bits(0x07, 3)
        self.dio(0)
        self.assertEqual(self.display.violations, ["data fell while the clock was high inside a transfer"])

    def test_a_stop_inside_a_byte_is_noted_and_the_byte_dropped(self):
        before = bytes(self.display.memory)
        self.dio(0)
        self._bits(0x40, 5)
        self._stop()
        self.assertEqual(self.display.violations, ["data rose while the clock was high inside a byte"])
        self.assertEqual(bytes(self.display.memory), before)
        self.assertTrue(self._transfer(0x40))

    def test_a_clock_above_250_khz_garbles(self):
        for pin in (self.clk, self.dio):
            pin._call_us = 1
        before = bytes(self.display.memory)
        self.assertFalse(self._transfer(0x40))
        self.assertEqual(self.display.violations, ["an edge of the clock within 2 us of the last"])
        self.assertNotEqual(bytes(self.display.memory), before)

    def test_a_module_with_capacitors_refuses_faster_edges(self):
        self.display.edge_us = 10
        self.assertFalse(self._transfer(0x40))
        self.assertEqual(self.display.violations, ["an edge of the clock within 10 us of the last"])

    def test_a_driver_that_holds_the_line_high_fights_with_the_answer(self):
        self.dio.disconnect()
        self.dio = Pin(self.data_wire, PUSH_PULL, self.clock, 2)
        self.dio(1)
        self._transfer(0x40)
        self.assertTrue(self.data_wire.contentions > 0)

    def test_a_chip_without_power_or_joints_does_not_answer(self):
        self.display.power_lost()
        self.assertFalse(self._transfer(0x40))
        self.display.power_up()
        self.assertTrue(self._transfer(0x40))
        self.display.connected = False
        self.assertFalse(self._transfer(0x40))

    def test_picture(self):
        self._transfer(0x40)
        self._transfer(0xC0, 0x06, 0x5B, 0xCF, 0x40, 0x00, 0x7F)
        self._transfer(0x88)
        self.assertEqual(
            self.display.picture().split("\n"),
            [
                "     _   _           _  ",
                "  |  _|  _|  _      |_| ",
                "  | |_   _|.        |_| ",
            ],
        )


if __name__ == "__main__":
    unittest.main()
