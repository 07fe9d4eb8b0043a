"""The board's contract: missing devices are named, and the simulated board has every device."""

import unittest

from boards.host.board import Hardware
from boards.host.world.clock import VirtualClock
from wattpurse import hal


class _Bare:
    """A board without anything."""


def _bare_board(*missing):
    board = _Bare()
    for name, _ in hal.DEVICES:
        if name not in missing:
            setattr(board, name, object())
    return board


class TestHal(unittest.TestCase):
    def test_a_board_with_every_device_passes(self):
        hal.check(_bare_board())

    def test_each_missing_device_is_named_with_what_it_must_offer(self):
        for name, contract in hal.DEVICES:
            with self.assertRaises(ValueError) as caught:
                hal.check(_bare_board(name))
            self.assertIn(name + ": " + contract, str(caught.exception))

    def test_all_that_are_missing_are_named_at_once(self):
        with self.assertRaises(ValueError) as caught:
            hal.check(_Bare())
        for name, _ in hal.DEVICES:
            self.assertIn(name + ": ", str(caught.exception))

    def test_the_simulated_board_has_every_device(self):
        hardware = Hardware(VirtualClock())
        hardware.power_up()
        hal.check(hardware.board)


if __name__ == "__main__":
    unittest.main()
