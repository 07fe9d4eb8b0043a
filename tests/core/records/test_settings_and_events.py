"""Settings and the event log: durable, all or nothing, and bounded."""

import struct
import unittest

from boards.host.chips.flash import FlashModel
from boards.host.chips.power import PowerCut
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from wattpurse.core import carrier, outcome
from wattpurse.core.journal.journal import Journal
from wattpurse.core.journal.ring import JournalBlank
from wattpurse.core.messages import token
from wattpurse.core.money import supply
from wattpurse.core.records import events
from wattpurse.core.records.events import EventLog
from wattpurse.core.records.settings import RING, Settings


def new_flash(seed=1):
    return FlashModel(VirtualClock(), 8, RandomBits(seed))


class TestSettings(unittest.TestCase):
    def setUp(self):
        self.flash = new_flash()
        self.settings = Settings(self.flash, 0, 4)
        self.settings.create()

    def _reopened(self):
        settings = Settings(self.flash, 0, 4)
        settings.open()
        return settings

    def test_numbers_and_bytes_come_back(self):
        self.settings.set("meter_number", 4_000_000_000)
        self.settings.set("meter_key", bytes(range(16)))
        self.settings.set("wrong_pins", 3)
        again = self._reopened()
        self.assertEqual(again.get("meter_number"), 4_000_000_000)
        self.assertEqual(again.get("meter_key"), bytes(range(16)))
        self.assertEqual(again.get("wrong_pins"), 3)
        self.assertIsNone(again.get("site_key"))
        self.assertEqual(again.get("brightness", 4), 4)

    def test_the_same_value_again_writes_nothing(self):
        self.settings.set("brightness", 2)
        programs = self.flash.programs
        self.settings.set("brightness", 2)
        self.assertEqual(self.flash.programs, programs)

    def test_an_unknown_name_is_an_error(self):
        with self.assertRaises(KeyError):
            self.settings.set("colour", 1)

    def test_many_changes_outlast_the_ring(self):
        for number in range(2_000):
            self.settings.set("wrong_pins", number)
        self.assertEqual(self._reopened().get("wrong_pins"), 1_999)

    def test_a_setting_that_only_another_version_knows_is_passed_over(self):
        self.settings.set("brightness", 5)
        self.settings._journal.append(1, struct.pack("<Bq", 250, 77))
        again = self._reopened()
        self.assertEqual(again.get("brightness"), 5)
        self._reopened()

    def test_settings_that_end_in_the_middle_of_one_are_refused(self):
        for damaged in (b"\x01", b"\x01\x08\x00", b"\x01\x02\x00\x00", b"\x05\x20abc"):
            self.flash = new_flash()
            journal = Journal(self.flash, 0, 4, RING, lambda damaged=damaged: damaged)
            journal.create()
            with self.assertRaises(ValueError):
                self._reopened()

    def test_several_at_once_are_all_or_none_under_any_cut(self):
        operation = 1
        while True:
            self.flash = new_flash(operation)
            settings = Settings(self.flash, 0, 4)
            settings.create()
            self.flash.faults.plan_cut(operation, operation * 170 % 1001)
            try:
                settings.set_all((("pin_salt", bytes(16)), ("pin_check", b"12345678")))
            except PowerCut:
                again = self._reopened()
                self.assertEqual(again.get("pin_salt") is None, again.get("pin_check") is None)
            else:
                break
            operation += 1
        self.assertTrue(operation > 4)

    def test_blank_flash_is_said_to_be_blank(self):
        with self.assertRaises(JournalBlank):
            Settings(new_flash(), 0, 4).open()


class TestEvents(unittest.TestCase):
    def setUp(self):
        self.flash = new_flash()
        self.log = EventLog(self.flash, 0, 4)
        self.log.create()

    def test_newest_first_and_over_a_restart(self):
        self.log.note(events.SETTING_CHANGED, carrier.METER, 100)
        self.log.note(token.event_code(token.CREDIT_MONEY), carrier.CARD, 200, 5_000_000, 7)
        again = EventLog(self.flash, 0, 4)
        again.open()
        again.note(events.SUPPLY, carrier.METER, 300, supply.NO_CREDIT)
        recent = again.recent(2)
        self.assertEqual([event.time_s for event in recent], [300, 200])
        self.assertEqual((recent[1].number, recent[1].extra), (5_000_000, 7))
        self.assertEqual(events.text(recent[0]), "supply no credit, by meter")

    def test_a_tamper_and_its_clearing_say_which(self):
        cover_and_magnet = events.Event(0, events.TAMPER_CLEARED, carrier.CONSOLE, 3, 0)
        self.assertEqual(events.text(cover_and_magnet), "tamper cleared: cover opened, magnet, by console")
        self.assertEqual(events.text(events.Event(0, events.TAMPER, carrier.METER, 8, 0)).count("open switch"), 1)
        by_token = events.Event(0, events.TAMPER_CLEARED, carrier.CARD, 0, 9)
        self.assertEqual(events.text(by_token), "tamper cleared, by card")

    def test_the_oldest_are_overwritten(self):
        for number in range(1_000):
            self.log.note(events.CLOCK_SET, carrier.CARD, number, outcome.USED)
        recent = self.log.recent(10_000)
        self.assertEqual(recent[0].time_s, 999)
        self.assertTrue(300 < len(recent) < 1_000)
        self.assertEqual([event.time_s for event in recent], list(range(999, 999 - len(recent), -1)))

    def test_power_cuts_do_not_wipe_it(self):
        self.log.note(events.TAMPER, carrier.METER, 1)
        for start in range(100):
            log = EventLog(self.flash, 0, 4)
            log.open()
            log.note(events.SETTING_CHANGED, carrier.METER, 2 + start)
        recent = log.recent(1_000)
        self.assertEqual((len(recent), recent[-1].code), (101, events.TAMPER))

    def test_noted_events_survive_a_cut_at_any_operation(self):
        for operation in range(1, 40):
            self.setUp()
            self.flash.faults.plan_cut(operation, operation * 377 % 1001, ("none", "page")[operation % 2])
            noted = 0
            try:
                for noted in range(200):
                    self.log.note(events.SETTING_CHANGED, carrier.METER, noted)
            except PowerCut:
                pass
            log = EventLog(self.flash, 0, 4)
            log.open()
            log.note(events.TAMPER, carrier.METER, 999)
            times = [event.time_s for event in log.recent(1_000)]
            self.assertIn(times, [[999] + list(range(last, -1, -1)) for last in (noted - 1, noted)])

    def test_nothing_is_noted_behind_a_sector_whose_making_was_cut_off(self):
        """Leave a sector whose header is in the first copy alone, and may be unreadable the next time."""
        self.log.note(events.SETTING_CHANGED, carrier.METER, 1)
        self.flash.memory[4 * 4096 : 4 * 4096 + 32] = b"\xff" * 32
        log = EventLog(self.flash, 0, 4)
        log.open()
        log.note(events.TAMPER, carrier.METER, 2)
        self.flash.memory[:32] = bytes(32)
        log = EventLog(self.flash, 0, 4)
        log.open()
        self.assertEqual([event.code for event in log.recent(10)], [events.TAMPER])

    def test_a_log_that_cannot_be_written_says_so_and_stops_nothing(self):
        self.flash.faults.bad_sectors.update(range(8))
        self.log.note(events.SETTING_CHANGED, carrier.METER, 1)
        self.assertTrue(self.log.failed)


if __name__ == "__main__":
    unittest.main()
