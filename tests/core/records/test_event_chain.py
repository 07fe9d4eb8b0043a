"""The chain through the event log: power cuts keep it whole, and writes without the key break it."""

import struct
import unittest
from binascii import crc32

from boards.host.chips.aes import aes
from boards.host.chips.flash import FlashModel
from boards.host.chips.power import PowerCut
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from wattpurse.core import carrier
from wattpurse.core.records import event_chain, events
from wattpurse.core.records.events import EventLog
from wattpurse.core.seals.cmac import cmac
from wattpurse.core.seals.keys import event_key

SECTORS = 4
KEY = bytes(range(16))
OTHER_KEY = bytes(range(1, 17))
FIRST_SLOT = 256
SLOT = 32


def new_flash(seed=1):
    return FlashModel(VirtualClock(), 2 * SECTORS, RandomBits(seed))


def opened(flash, key=KEY):
    log = EventLog(flash, 0, SECTORS)
    log.open()
    log.chain(aes, key)
    return log


def verdicts(log):
    """Return (time, verdict), newest first."""
    return [(event.time_s, verdict) for event, verdict in log.verdicts()]


def broken(log):
    return [one for one in verdicts(log) if one[1] not in event_chain.INTACT]


class TestChain(unittest.TestCase):
    def setUp(self):
        self.flash = new_flash()
        self.log = EventLog(self.flash, 0, SECTORS)
        self.log.create()
        self.log.chain(aes, KEY)

    def note(self, *times):
        for time_s in times:
            self.log.note(events.SETTING_CHANGED, carrier.METER, time_s, time_s, -time_s)

    def test_a_log_that_nobody_touched_holds(self):
        self.note(*range(1, 1_000))
        found = verdicts(self.log)
        self.assertTrue(len(found) > 300)
        self.assertEqual([time_s for time_s, _ in found], list(range(999, 999 - len(found), -1)))
        self.assertEqual({verdict for _, verdict in found[:-1]}, {event_chain.HELD})
        self.assertEqual(found[-1][1], event_chain.OLDEST)

    def test_it_goes_on_behind_a_restart(self):
        self.note(1, 2)
        log = opened(self.flash)
        self.assertEqual(log.link, self.log.link)
        log.note(events.TAMPER, carrier.METER, 3)
        self.assertEqual([one[1] for one in verdicts(log)], [event_chain.HELD] * 2 + [event_chain.FIRST])

    def test_events_before_there_was_a_key_are_not_chained(self):
        self.flash = new_flash()
        log = EventLog(self.flash, 0, SECTORS)
        log.create()
        log.note(events.SETTING_CHANGED, carrier.METER, 1)
        self.assertTrue(log.chain(aes, KEY))
        log.note(events.SETTING_CHANGED, carrier.METER, 2)
        log.note(events.SETTING_CHANGED, carrier.METER, 3)
        self.assertEqual(
            verdicts(opened(self.flash)),
            [(3, event_chain.HELD), (2, event_chain.FIRST), (1, event_chain.UNCHAINED)],
        )

    def test_a_start_looks_at_a_few_places_of_a_log_that_is_not_chained_yet(self):
        self.flash = new_flash()
        log = EventLog(self.flash, 0, SECTORS)
        log.create()
        for time_s in range(300):
            log.note(events.SETTING_CHANGED, carrier.METER, time_s)
        reads = []
        read = self.flash.read
        self.flash.read = lambda address, buffer: reads.append(address) or read(address, buffer)
        log.chain(aes, KEY)
        self.assertTrue(len(reads) < 50, len(reads))

    def test_another_key_begins_another_chain(self):
        self.note(1, 2, 3)
        log = EventLog(self.flash, 0, SECTORS)
        log.open()
        self.assertFalse(log.chain(aes, OTHER_KEY))
        log.note(events.KEYS_CHANGED, carrier.CONSOLE, 4)
        log.note(events.SETTING_CHANGED, carrier.METER, 5)
        found = verdicts(opened(self.flash, OTHER_KEY))
        self.assertEqual(found[:2], [(5, event_chain.HELD), (4, event_chain.HELD)])
        self.assertEqual({verdict for _, verdict in found[2:-1]}, {event_chain.ANOTHER_KEY})

    def test_an_event_added_without_a_key_is_seen(self):
        self.note(1, 2)
        log = EventLog(self.flash, 0, SECTORS)
        log.open()
        log.note(events.SETTING_CHANGED, carrier.METER, 3)
        self.assertEqual(verdicts(opened(self.flash))[0], (3, event_chain.ADDED))

    def test_the_place_grows_with_every_event_over_restarts(self):
        places = []
        for number in range(400):
            self.note(number)
            places.append(self.log.place)
            if number % 50 == 7:
                self.log = opened(self.flash)
        self.assertEqual(places, sorted(set(places)))

    def test_links_are_those_of_the_specification(self):
        self.note(77)
        body = struct.pack("<IBBqq", 77, events.SETTING_CHANGED, carrier.METER, 77, -77)
        expected = cmac(aes, event_key(aes, KEY), bytes(5) + body)[:5]
        self.assertEqual(self.log.recent(1)[0].link, expected)
        self.assertEqual(bytes(self.flash.memory[FIRST_SLOT + 1 : FIRST_SLOT + 28]), body + expected)


class TestCuts(unittest.TestCase):
    def test_no_cut_breaks_the_chain(self):
        """Cut histories off at any operation. Every readable event then holds, and holds when it is read again."""
        for operation in range(1, 90):
            self._cut_twice(operation, "none")

    def test_where_two_cuts_damage_both_copies_of_an_event_it_is_said_to_be_lost(self):
        for operation in range(1, 90):
            self._cut_twice(operation, "page")

    def _cut_twice(self, operation, damage):
        """Cut power once so that the page may be damaged, and once so that it is not."""
        flash = new_flash(operation)
        log = EventLog(flash, 0, SECTORS)
        log.create()
        log.chain(aes, KEY)
        time_s = 0
        for life in range(3):
            if life < 2:
                flash.faults.plan_cut(1 + operation % (41 + life), operation * 377 % 1001, (damage, "none")[life])
            try:
                for _ in range(40):
                    time_s += 1
                    log.note(events.SETTING_CHANGED, carrier.METER, time_s)
            except PowerCut:
                pass
            flash.faults.operations_to_cut = None
            log = opened(flash)
            for _ in range(3):
                found = [one for one in broken(log) if damage == "none" or one[1] != event_chain.LOST]
                self.assertEqual(found, [], operation)
        times = [one for one, _ in verdicts(log)]
        self.assertEqual(times, sorted(times, reverse=True))

    def test_starts_that_are_all_cut_off_in_their_first_event(self):
        for depth in range(0, 1001, 50):
            flash = new_flash(depth + 1)
            log = EventLog(flash, 0, SECTORS)
            log.create()
            log.chain(aes, KEY)
            log.note(events.COMMISSIONED, carrier.CONSOLE, 1)
            for start in range(6):
                log = opened(flash)
                flash.faults.plan_cut(1 + start % 2, depth, "none")
                self.assertRaises(PowerCut, log.note, events.SETTING_CHANGED, carrier.METER, 2 + start)
                flash.faults.operations_to_cut = None
            log = opened(flash)
            log.note(events.SETTING_CHANGED, carrier.METER, 100)
            log.note(events.SETTING_CHANGED, carrier.METER, 101)
            for _ in range(3):
                self.assertEqual(broken(log), [], depth)

    def test_an_event_that_one_copy_holds_is_written_again(self):
        """Cut power after the first copy: the next start writes the event again, and the log has it once."""
        for is_there in (True, False):
            flash = new_flash()
            log = EventLog(flash, 0, SECTORS)
            log.create()
            log.chain(aes, KEY)
            for time_s in (1, 2, 3):
                log.note(events.SETTING_CHANGED, carrier.METER, time_s)
            second_copy = (SECTORS * 4096) + FIRST_SLOT + 2 * SLOT
            flash.memory[second_copy : second_copy + SLOT] = b"\xff" * SLOT
            log = opened(flash)
            log.note(events.TAMPER, carrier.METER, 4)
            if not is_there:
                flash.memory[FIRST_SLOT + 2 * SLOT] &= 0x55
                flash.memory[FIRST_SLOT + 2 * SLOT + 9] = 0
            log = opened(flash)
            self.assertEqual(broken(log), [])
            self.assertEqual([time_s for time_s, _ in verdicts(log)], [4, 3, 2, 1])

    def test_starts_of_one_second_that_are_all_cut_off_are_one_event(self):
        """Start twenty times with a dead clock and a cut in the second copy: the chain must not look changed."""
        flash = new_flash()
        log = EventLog(flash, 0, SECTORS)
        log.create()
        log.chain(aes, KEY)
        log.note(events.TAMPER, carrier.METER, 1)
        for _ in range(20):
            log = EventLog(flash, 0, SECTORS)
            log.open()
            flash.faults.plan_cut(2, 500, "none")
            with self.assertRaises(PowerCut):
                log.chain(aes, KEY)
                log.note(events.SETTING_CHANGED, carrier.METER, 7)
        log = opened(flash)
        log.note(events.SETTING_CHANGED, carrier.METER, 7)
        self.assertEqual(broken(log), [])
        self.assertEqual([time_s for time_s, _ in verdicts(log)], [7, 7, 1])


class TestForgery(unittest.TestCase):
    """Attacks with a flash programmer: every checksum is right, but the key is missing."""

    def setUp(self):
        self.flash = new_flash()
        self.log = EventLog(self.flash, 0, SECTORS)
        self.log.create()
        self.log.chain(aes, KEY)
        for number in range(20):
            self.log.note(events.TAMPER, carrier.METER, 1_000 + number, number)

    def _slot(self, number):
        start = FIRST_SLOT + number * SLOT
        return bytes(self.flash.memory[start : start + 28])

    def _put(self, number, content):
        content += struct.pack("<I", crc32(content, crc32(struct.pack("<IB", 1, number))))
        for copy in range(2):
            start = copy * SECTORS * 4096 + FIRST_SLOT + number * SLOT
            self.flash.memory[start : start + SLOT] = content

    def _blank(self, number, value=b"\xff"):
        for copy in range(2):
            start = copy * SECTORS * 4096 + FIRST_SLOT + number * SLOT
            self.flash.memory[start : start + SLOT] = value * SLOT

    def _broken_times(self):
        return [time_s for time_s, _ in broken(opened(self.flash))]

    def test_untouched(self):
        self.assertEqual(self._broken_times(), [])

    def test_every_bit_changed_is_seen_where_it_is(self):
        for bit in range(8, 8 * 23, 13):
            self.setUp()
            content = bytearray(self._slot(7))
            content[bit // 8] ^= 1 << bit % 8
            self._put(7, bytes(content))
            found = broken(opened(self.flash))
            self.assertEqual(len(found), 1)
            self.assertEqual(found[0][1], event_chain.CHANGED)

    def test_a_link_changed_is_seen(self):
        content = bytearray(self._slot(7))
        content[25] ^= 1
        self._put(7, bytes(content))
        self.assertEqual(self._broken_times(), [1_008, 1_007])

    def test_an_event_dropped_is_seen(self):
        for filler in (b"\xff", b"\x00", b"\x55"):
            self.setUp()
            self._blank(7, filler)
            self.assertEqual(self._broken_times(), [1_008])
        self.assertEqual(broken(opened(self.flash))[0][1], event_chain.LOST)

    def test_an_event_dropped_and_the_others_moved_up_is_seen(self):
        for number in range(7, 19):
            self._put(number, self._slot(number + 1))
        self._blank(19)
        self.assertEqual(self._broken_times(), [1_008])

    def test_two_events_exchanged_are_seen(self):
        seventh, eighth = self._slot(7), self._slot(8)
        self._put(7, eighth)
        self._put(8, seventh)
        self.assertTrue(self._broken_times())

    def test_an_event_copied_to_the_place_behind_it_is_one_event(self):
        """Accept the copy: it adds no event, and a power cut leaves the same."""
        self._put(20, self._slot(19))
        self.assertEqual(self._broken_times(), [])

    def test_an_event_copied_elsewhere_is_seen(self):
        for place in range(20, 22):
            for source in range(18):
                self.setUp()
                self._put(20, self._slot(19))
                self._put(place, self._slot(source))
                self.assertTrue(self._broken_times(), (place, source))

    def test_a_copy_behind_the_next_event_hides_and_adds_none(self):
        """Accept the copy: the event between may be one that a start did not find (see `survey`)."""
        before = [event.body for event in opened(self.flash).survey()]
        self._put(20, self._slot(18))
        self.assertEqual(self._broken_times(), [])
        self.assertEqual([event.body for event in opened(self.flash).survey()], before)

    def test_the_first_event_of_all_copied_is_seen(self):
        self._put(1, self._slot(0))
        self.assertTrue(self._broken_times())

    def test_dropping_the_newest_is_detected_with_a_later_link(self):
        later_link, place = self.log.link, self.log.place
        self._blank(19)
        self._blank(18)
        log = opened(self.flash)
        self.assertFalse(later_link in [event.link for event in log.recent(100)])
        self.assertTrue(log.place < place)


if __name__ == "__main__":
    unittest.main()
