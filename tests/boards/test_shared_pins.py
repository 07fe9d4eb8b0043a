"""Pins that a metering chip and a readout head could both use belong to the one that was built first."""

import unittest

from boards.micropython.shared_pins import SharedPins


class TestSharedPins(unittest.TestCase):
    def test_a_device_keeps_its_pins_and_may_be_built_again(self):
        pins = SharedPins()
        self.assertTrue(pins.take("metering chip", [16, 17, 2, 0]))
        self.assertTrue(pins.take("metering chip", [16, 17, 2, 0]))

    def test_another_device_gets_none_of_them_and_takes_none_either(self):
        pins = SharedPins()
        pins.take("metering chip", [16, 2])
        self.assertFalse(pins.take("readout head", [17, 16]))
        self.assertTrue(pins.take("modem", [17]))

    def test_devices_with_pins_of_their_own_live_side_by_side(self):
        pins = SharedPins()
        self.assertTrue(pins.take("readout head", [0, 1]))
        self.assertTrue(pins.take("modem", [12, 13]))


if __name__ == "__main__":
    unittest.main()
