"""The first act of a boot script: no current in a coil, and no pin touched on another chip."""

import unittest

from tests.boards import chip_fakes

GPIO = {"open_coil": 32, "close_coil": 33, "pulse": 4}


class Implementation:
    def __init__(self, machine):
        self._machine = machine


class System:
    """The module sys of a board."""

    def __init__(self, machine):
        self.implementation = Implementation(machine)


class TestRelease(unittest.TestCase):
    def setUp(self):
        self.levels = levels = {33: 1}  # a watchdog struck amid a closing pulse: the pin kept its level

        class Pin:
            OUT = 3

            def __init__(self, gpio, mode, value):
                levels[gpio] = value if mode == self.OUT else None

        chip_fakes.install("machine", Pin=Pin)
        from boards.micropython import coils

        coils.Pin = Pin
        self.coils = coils
        self.own_sys = coils.sys

    def tearDown(self):
        self.coils.sys = self.own_sys

    def release_on(self, machine):
        self.coils.sys = System(machine)
        self.coils.release(GPIO, "ESP32")

    def test_a_coil_that_was_driven_at_the_reset_has_no_current(self):
        for machine in ("Generic ESP32 module with ESP32", "Generic ESP32 module with SPIRAM with ESP32"):
            self.levels[33] = 1
            self.release_on(machine)
            self.assertEqual(self.levels, {32: 0, 33: 0})

    def test_another_chip_of_the_family_is_refused_before_any_pin_is_touched(self):
        for chip in ("ESP32S3", "ESP32C3", "ESP32S2", "RP2040"):
            self.assertRaises(ValueError, self.release_on, "Generic module with " + chip)
        self.assertEqual(self.levels, {33: 1})


if __name__ == "__main__":
    unittest.main()
