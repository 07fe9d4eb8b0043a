"""The latching relay: pulses that move its contact, pulses that do not, and violations."""

import unittest

from boards.host.chips.pin import PUSH_PULL, Pin, Wire
from boards.host.chips.relay import RelayModel
from boards.host.world.clock import VirtualClock


class TestRelayModel(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        open_wire, close_wire = Wire(pull=0), Wire(pull=0)
        self.open_coil, self.close_coil = Pin(open_wire, PUSH_PULL), Pin(close_wire, PUSH_PULL)
        self.relay = RelayModel(self.clock, open_wire, close_wire)
        self.moves = []
        self.relay.listen(lambda closed: self.moves.append((self.clock.now_us, closed)))

    def _pulse(self, coil, duration_us):
        coil(1)
        self.clock.advance_us(duration_us)
        coil(0)

    def test_moves_after_50_ms_and_stays(self):
        self._pulse(self.open_coil, 120_000)
        self.clock.advance_us(1_000_000)
        self.assertEqual(self.moves, [(50_000, False)])
        self._pulse(self.close_coil, 50_000)
        self.assertEqual(self.moves[1:], [(1_170_000, True)])
        self.assertTrue(self.relay.contact_closed)
        self.assertEqual(self.relay.operations, 2)
        self.assertEqual(self.relay.violations, [])

    def test_a_short_pulse_and_two_of_them_do_nothing(self):
        self._pulse(self.open_coil, 49_999)
        self._pulse(self.open_coil, 49_999)
        self.clock.advance_us(1_000_000)
        self.assertTrue(self.relay.contact_closed)

    def test_both_coils_are_a_violation_and_move_nothing(self):
        self.open_coil(1)
        self.clock.advance_us(10_000)
        self._pulse(self.close_coil, 200_000)
        self.open_coil(0)
        self.assertEqual(self.relay.violations, ["both coils at once"])
        self.assertEqual(self.moves, [])

    def test_a_coil_left_on_overheats(self):
        self._pulse(self.open_coil, 1_000_000)
        self.assertEqual(self.relay.violations, [])
        self._pulse(self.open_coil, 1_000_001)
        self.assertEqual(self.relay.violations, ["coil energised for more than a second"])

    def test_a_welded_contact_stays(self):
        self.relay.welded = True
        self._pulse(self.open_coil, 120_000)
        self.assertTrue(self.relay.contact_closed)
        self.relay.welded = False
        self._pulse(self.open_coil, 120_000)
        self.assertFalse(self.relay.contact_closed)

    def test_a_welded_contact_that_is_open_does_not_close(self):
        self._pulse(self.open_coil, 120_000)
        self.relay.welded = True
        self._pulse(self.close_coil, 120_000)
        self.assertFalse(self.relay.contact_closed)

    def test_a_contact_that_only_sticks_is_torn_loose_by_pulses_against_it(self):
        self.relay.welded = True
        self.relay.breaks_loose_after = 3
        self._pulse(self.close_coil, 120_000)
        for expected in (True, True, False):
            self._pulse(self.open_coil, 49_999)
            self._pulse(self.open_coil, 120_000)
            self.assertEqual(self.relay.contact_closed, expected)
        self.assertFalse(self.relay.welded)
        self._pulse(self.close_coil, 120_000)
        self.assertTrue(self.relay.contact_closed)

    def test_a_broken_coil_moves_nothing(self):
        self.relay.open_coil_broken = True
        self._pulse(self.open_coil, 120_000)
        self.assertTrue(self.relay.contact_closed)
        self.relay.open_coil_broken = False
        self.relay.close_coil_broken = True
        self._pulse(self.open_coil, 120_000)
        self._pulse(self.close_coil, 120_000)
        self.assertFalse(self.relay.contact_closed)

    def test_a_pin_of_a_board_that_lost_power_lets_go(self):
        self.open_coil(1)
        self.clock.advance_us(20_000)
        self.open_coil.disconnect()
        self.clock.advance_us(2_000_000)
        self.assertTrue(self.relay.contact_closed)
        self.assertEqual(self.relay.violations, [])


if __name__ == "__main__":
    unittest.main()
