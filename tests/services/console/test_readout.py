"""The readout head at the console: the right to change it, the forms of address and password, and its events."""

import unittest

from tests.services.console.console_bench import Bench
from wattpurse.core.records import events


class TestReadoutCommands(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.bench.commission()

    def test_anyone_may_look_and_a_technician_alone_may_change(self):
        self.assertEqual(
            self.bench.facts("readout"),
            {"on": False, "address": "40123", "address_is_number": True, "password_set": False},
        )
        for line in ("readout on", "readout off", "readout address 7", "readout password geheim2026"):
            self.assertIn("needs a login", self.bench.say(line))
        self.assertFalse(self.bench.facts("readout")["on"])

    def test_changes_last_and_are_in_the_log(self):
        self.bench.log_in()
        self.assertIn("reboot", self.bench.say("readout on"))
        self.bench.say("readout address WEG7")
        self.bench.say("readout password geheim2026")
        numbers = [event.number for event in self.bench.meter.events.recent(3) if event.code == events.READOUT_SET]
        self.assertEqual(numbers, [4, 3, 1])
        told = [events.text(event) for event in self.bench.meter.events.recent(3)]
        self.assertEqual(told[0], "readout head set: password, by console")
        self.assertEqual(told[2], "readout head set: on, by console")
        self.bench.restart()
        facts = {"on": True, "address": "WEG7", "address_is_number": False, "password_set": True}
        self.assertEqual(self.bench.facts("readout"), facts)
        self.assertIn("WEG7", self.bench.say("readout"))
        self.bench.log_in()
        self.bench.say("readout off")
        self.bench.say("readout address number")
        self.assertEqual(self.bench.facts("readout")["address"], "40123")
        self.assertFalse(self.bench.facts("readout")["on"])

    def test_a_change_that_changes_nothing_is_no_event(self):
        self.bench.log_in()
        self.bench.say("readout on")
        before = len(self.bench.event_codes())
        self.assertIn("already", self.bench.say("readout on"))
        self.assertEqual(len(self.bench.event_codes()), before)

    def test_addresses_and_passwords_of_another_form_are_refused(self):
        self.bench.log_in()
        for line in ("readout address a/b", "readout address " + "1" * 33, "readout address", "readout address a b"):
            self.assertIn("refused", self.bench.say(line))
        for word in ("short77", "1" * 17, "geheim(2026)", "geheim2026!", ""):
            self.assertIn("refused", self.bench.say("readout password " + word))
        self.assertFalse(self.bench.facts("readout")["password_set"])

    def test_a_board_without_free_pins_says_so(self):
        self.bench.log_in()
        self.bench.meter.board.build_readout_port = lambda: None
        self.assertIn("no free pins", self.bench.say("readout on"))
        self.assertFalse(self.bench.facts("readout")["on"])

    def test_a_blank_meter_keeps_no_settings_of_the_head(self):
        blank = Bench()
        self.assertIn("login", blank.say("readout on"))

    def test_the_password_is_not_in_flash_in_clear(self):
        self.bench.log_in()
        self.bench.say("readout password geheim2026")
        self.assertFalse(b"geheim2026" in bytes(self.bench.hardware.flash.memory))


if __name__ == "__main__":
    unittest.main()
