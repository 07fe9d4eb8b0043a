"""The limit of events that anybody can cause: one an hour of each kind, over restarts and any clock."""

import unittest

from boards.host.chips.flash import FlashModel
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from wattpurse.core import carrier
from wattpurse.core.messages import token
from wattpurse.core.money import supply
from wattpurse.core.records import events
from wattpurse.core.records.event_limit import HOUR_S
from wattpurse.core.records.events import EventLog

NOON_S = 1_800_000_000


class TestLimit(unittest.TestCase):
    def setUp(self):
        self.flash = FlashModel(VirtualClock(), 8, RandomBits(1))
        self.log = EventLog(self.flash, 0, 4)
        self.log.create()

    def restart(self):
        self.log = EventLog(self.flash, 0, 4)
        self.log.open()

    def note(self, code, now_s, number=0, extra=0):
        self.log.note(code, carrier.METER, now_s, number, extra)

    def noted(self):
        """Return `(code, number, events left out before it)` of each event, oldest first."""
        return [(event.code, event.number, event.left_out) for event in self.log.recent(1_000)][::-1]

    def test_every_event_is_limited_or_has_somebody_with_a_right_behind_it(self):
        of_tokens = [token.event_code(row[0]) for row in token.KINDS]
        for code in [code for code, _ in events.OTHER_TEXTS] + of_tokens:
            places = (code in events.LIMITED) + (code in events.UNLIMITED) + (code in of_tokens)
            self.assertTrue(places >= 1, code)
            self.assertFalse(code in events.LIMITED and (code in events.UNLIMITED or code in of_tokens), code)

    def test_no_kind_that_anybody_can_cause_is_noted_twice_in_an_hour(self):
        for now_s in range(NOON_S, NOON_S + HOUR_S, 60):
            for code in sorted(events.LIMITED):
                for _ in range(3):
                    self.note(code, now_s)
        self.assertEqual(self.noted(), [(code, 0, 0) for code in sorted(events.LIMITED)])

    def test_the_next_one_says_how_many_were_left_out(self):
        for now_s in (NOON_S, NOON_S + 1, NOON_S + HOUR_S - 1, NOON_S + HOUR_S, NOON_S + 3 * HOUR_S):
            self.note(events.CARD_REFUSED, now_s, 7, 9)
        self.assertEqual([left_out for _, _, left_out in self.noted()], [0, 2, 0])
        text = events.text(self.log.recent(2)[1])
        self.assertTrue(text.endswith("by meter; 2 more left out before it"), text)

    def test_mains_that_come_and_go_all_day_push_out_one_event_an_hour_of_each_kind(self):
        self.note(events.TAMPER, NOON_S)
        for now_s in range(NOON_S, NOON_S + 86_400, 300):
            self.restart()
            self.note(events.STARTED, now_s)
            self.note(events.CLOCK_DOUBTED, now_s)
            self.note(events.SUPPLY, now_s, supply.ON)
        self.assertEqual(len(self.noted()), 1 + 3 * 24)

    def test_a_clock_that_stands_still_lets_one_event_of_a_kind_through(self):
        for _ in range(50):
            self.restart()
            self.note(events.STARTED, NOON_S)
        self.assertEqual(len(self.noted()), 1)

    def test_a_clock_that_falls_back_at_each_restart_does_not_let_more_through(self):
        for _ in range(20):
            self.restart()
            for now_s in range(NOON_S, NOON_S + 600, 100):
                self.note(events.STARTED, now_s)
        self.assertEqual(len(self.noted()), 1)

    def test_a_clock_that_was_set_back_by_a_day_does_not_silence_the_log(self):
        self.note(events.STARTED, NOON_S)
        self.note(events.STARTED, NOON_S - 86_400)
        self.restart()
        self.note(events.STARTED, NOON_S - 2 * 86_400)
        self.assertEqual(len(self.noted()), 3)

    def test_each_reason_of_supply_and_each_refused_token_is_a_kind_of_its_own(self):
        for _ in range(5):
            for reason in (supply.ON, supply.NO_CARD):
                self.note(events.SUPPLY, NOON_S, reason)
            for sequence in (8, 9):
                self.note(events.TOKEN_REFUSED, NOON_S, 3, sequence)
        self.assertEqual(len(self.noted()), 4)

    def test_supply_that_a_token_brings_back_is_noted_every_time(self):
        for turn in range(3):
            self.note(events.SUPPLY, NOON_S, supply.NO_CREDIT)
            self.note(token.event_code(token.CREDIT_MONEY), NOON_S, 5, turn)
            self.restart()
            self.note(events.SUPPLY, NOON_S, supply.ON)
        codes = [code for code, _, _ in self.noted()]
        self.assertEqual(codes.count(events.SUPPLY), 6)

    def test_what_a_person_with_a_right_does_is_noted_every_time(self):
        for code in events.UNLIMITED:
            for number in range(2):
                self.note(code, NOON_S, number)
        self.assertEqual(len(self.noted()), 2 * len(events.UNLIMITED))

    def test_an_event_that_could_not_be_written_is_tried_again(self):
        self.flash.faults.bad_sectors.update(range(8))
        self.note(events.STARTED, NOON_S)
        self.assertTrue(self.log.failed)
        self.flash.faults.bad_sectors.clear()
        self.note(events.STARTED, NOON_S)
        self.assertEqual(self.noted(), [(events.STARTED, 0, 0)])


if __name__ == "__main__":
    unittest.main()
