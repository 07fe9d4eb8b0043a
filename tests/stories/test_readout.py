"""A reader at the readout head of a whole meter, beside all its other tasks, from the first start to a power cut."""

import unittest

from boards.host.world.world import World
from tests.services.console.console_bench import COMMISSION, PIN
from tests.services.readout_bench import registers_in
from wattpurse.app import Meter


class TestReadoutHead(unittest.TestCase):
    def setUp(self):
        self.world = World(Meter)
        self.world.run_for(3)
        self.world.meter.stores.test_flash = lambda by_records: ()
        self.technician(COMMISSION)
        self.world.reset_board()
        self.world.run_for(3)
        self.line = self.world.hardware.readout_line

    def technician(self, *lines):
        return [self.world.type_line(line)[0] for line in lines]

    def readout(self):
        """Return what a reader hears: the identification, and the registers if there was one."""
        line = self.line
        line.reader_baud = 300
        line.take_heard()
        line.send(b"/?!\r\n")
        self.world.run_for(1.3)
        identification = line.take_heard()
        if not identification:
            return identification, {}
        line.send(b"\x06050\r\n")
        self.world.run_for(0.5)
        line.reader_baud = 9_600
        self.world.run_for(4)
        return identification, registers_in(line.take_heard())

    def test_a_meter_whose_head_was_never_switched_on_has_no_task_for_it(self):
        self.assertEqual(self.readout(), (b"", {}))
        tasks = [name for name, _ in self.world.meter.supervisor._others]
        self.assertNotIn("readout head", tasks)

    def test_a_reader_is_served_from_the_next_start_on_and_after_a_power_cut(self):
        answers = self.technician("login " + PIN, "readout on")
        self.assertIn("reboot", answers[-1])
        for _ in range(2):
            self.world.cut_mains()
            self.world.run_for(2)
            self.world.restore_mains()
            self.world.run_for(5)
            identification, found = self.readout()
            self.assertEqual(identification, b"/WPS5\\@WATTPURSE\r\n")
            self.assertEqual(found["C.1.0"], ["40123"])
        self.assertEqual(self.world.hardware.violations(), [])

    def test_a_head_that_is_switched_off_is_silent_at_once(self):
        self.technician("login " + PIN, "readout on")
        self.world.reset_board()
        self.world.run_for(5)
        self.assertTrue(self.readout()[1])
        self.technician("login " + PIN, "readout off")
        self.assertEqual(self.readout(), (b"", {}))


if __name__ == "__main__":
    unittest.main()
