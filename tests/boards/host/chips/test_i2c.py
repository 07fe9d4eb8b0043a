"""The I2C bus: addresses, time on the bus, and faults."""

import unittest

from boards.host.chips.i2c import BYTE_US, I2cBus
from boards.host.chips.power import PowerCut
from boards.host.world.clock import VirtualClock


class _Memory:
    """A device with sixteen registers."""

    def __init__(self):
        self.registers = bytearray(16)
        self.pointer = 0

    def answers(self):
        return True

    def select(self, register):
        self.pointer = register

    def read_byte(self):
        self.pointer += 1
        return self.registers[self.pointer - 1]

    def write_byte(self, value):
        self.registers[self.pointer] = value
        self.pointer += 1


class TestI2cBus(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.bus = I2cBus(self.clock)
        self.device = _Memory()
        self.bus.attach(0x20, self.device)

    def test_writes_and_reads_registers_and_charges_for_the_bytes(self):
        self.bus.writeto_mem(0x20, 3, b"\x11\x22")
        self.assertEqual(self.clock.now_us, 4 * BYTE_US)
        buffer = bytearray(2)
        self.bus.readfrom_mem_into(0x20, 3, buffer)
        self.assertEqual(buffer, b"\x11\x22")
        self.assertEqual(self.clock.now_us, 9 * BYTE_US)

    def test_no_device_at_the_address(self):
        with self.assertRaises(OSError):
            self.bus.writeto_mem(0x21, 0, b"\x00")
        self.bus.detach(0x20)
        with self.assertRaises(OSError):
            self.bus.readfrom_mem_into(0x20, 0, bytearray(1))

    def test_a_jammed_bus(self):
        self.bus.jammed = True
        with self.assertRaises(OSError):
            self.bus.writeto_mem(0x20, 0, b"\x00")

    def test_a_power_cut_leaves_the_bytes_before_it(self):
        self.bus.plan_cut(2)
        with self.assertRaises(PowerCut):
            self.bus.writeto_mem(0x20, 0, b"\x01\x02\x03")
        self.assertEqual(self.device.registers[:4], b"\x01\x02\x00\x00")
        self.bus.writeto_mem(0x20, 0, b"\x01\x02\x03")
        self.assertEqual(self.device.registers[:4], b"\x01\x02\x03\x00")


if __name__ == "__main__":
    unittest.main()
