"""The display service through the real drivers: lit segments, sounds and the effect of presses, to the moment."""

import asyncio
import unittest

from boards.host.chips.button import ButtonModel
from boards.host.chips.display import DisplayModel
from boards.host.chips.pin import INPUT, PUSH_PULL, Pin, Wire
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from tests import samples
from wattpurse.core import outcome as outcomes
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import supply, warning
from wattpurse.core.money.circumstances import Circumstances
from wattpurse.core.money.standing import EMERGENCY_USED
from wattpurse.drivers.button import Button
from wattpurse.drivers.buzzer import ACCEPTED, KEY, LOW_CREDIT, REFUSED, VERY_LOW_CREDIT, Buzzer
from wattpurse.drivers.led_display import LedDisplay
from wattpurse.drivers.segments import render
from wattpurse.services.display import FAILURES_BEFORE_ALARM, Display

DARK = bytes(6)
PAGES = ("C 20.00", "r1 0.25", "t  4.00", "u  4.00", "h 00.00")
LONGEST_SILENCE_IN_A_PATTERN_MS = 100
SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000


class Panel:
    """The devices of a board that the display service uses."""


class House:
    """A meter's face with everything real behind it but the meter."""

    def __init__(self, version="1.2.3"):
        self.clock = VirtualClock()
        clock_wire, data_wire, button_wire, buzzer_wire = Wire(), Wire(), Wire(), Wire(pull=0)
        self.chip = DisplayModel(clock_wire, data_wire)
        self._short = Pin(data_wire)
        self.finger = ButtonModel(self.clock, button_wire, RandomBits(5))
        self.sounds = []
        buzzer_wire.listen(self._hear)
        self.account = samples.new_account()
        self.account.money.bought = 21_000_000
        self.account.consume(4 * samples.KWH)
        self.account.terms.set("quiet_from_minute", 0)
        self.account.terms.set("quiet_to_minute", 0)
        self.reason = supply.ON
        self.days_left = None
        self.agreements = []
        self.asks = False
        self.has_alarm = False
        self.reports = []
        self.rest_s = 0
        board = Panel()
        board.clock = self.clock
        board.display = LedDisplay(Pin(clock_wire), Pin(data_wire), lambda _: None)
        board.button = Button(Pin(button_wire, INPUT), self.clock)
        board.buzzer = Buzzer(Pin(buzzer_wire, PUSH_PULL), self.clock)
        self.display = Display(
            board=board,
            read_state=self.read_state,
            agree=self.agree,
            raises_alarm=lambda: self.has_alarm,
            report_lost=self.reports.append,
            rest_s=lambda: self.rest_s,
            version=version,
        )

    def short_of_data_line(self, level):
        """Hold the data line low, or let it go."""
        self._short(level)

    def read_state(self):
        grade = warning.NONE
        if self.account is not None:
            grade = warning.grade(self.account, Circumstances(self.account.time_s))
        return self.account, self.reason, grade, self.days_left

    def agree(self):
        self.agreements.append(self.clock.now_us // 1000)
        return self.asks

    def _hear(self, level):
        self.sounds.append((self.clock.now_us // 1000, level))

    def live(self, duration_ms, *acts):
        """Run the service for a time; `acts` are `(ms from now, call)`."""
        start_ms = self.clock.now_us // 1000

        async def main():
            asyncio.create_task(self.display.run())
            for at_ms, act in acts:
                await self.clock.sleep_ms(start_ms + at_ms - self.clock.now_us // 1000)
                act()
            await self.clock.sleep_ms(start_ms + duration_ms - self.clock.now_us // 1000)

        self.clock.run(main())

    def shown_every(self, step_ms, duration_ms, *acts):
        """Run for `duration_ms`, and return the lit segments in the middle of each step."""
        shown = []
        for index in range(duration_ms // step_ms):
            moment_us = self.clock.now_us + (index * step_ms + step_ms // 2) * 1000
            self.clock.call_at_us(moment_us, lambda: shown.append(self.chip.segments()))
        self.live(duration_ms, *acts)
        return shown

    def times_heard(self, pattern):
        """Count how often the buzzer sounded this pattern, whole and with silence before and after."""
        edges = [0]
        for duration_ms in pattern:
            edges.append(edges[-1] + duration_ms)
        phrases = []
        for at_ms, level in self.sounds:
            if not phrases or (level and at_ms - phrases[-1][-1] > LONGEST_SILENCE_IN_A_PATTERN_MS):
                phrases.append([])
            phrases[-1].append(at_ms)
        return len([phrase for phrase in phrases if [at_ms - phrase[0] for at_ms in phrase] == edges])


class TestDisplay(unittest.TestCase):
    def setUp(self):
        self.house = House()

    def _assert_shows(self, text):
        self.assertEqual(self.house.chip.segments(), bytes(render(text)))

    def _press(self, duration_ms=100, then_ms=300):
        self.house.live(duration_ms + then_ms, (10, lambda: self.house.finger.press(duration_ms)))


class TestPages(TestDisplay):
    def test_short_presses_go_round(self):
        self.house.live(SECOND_MS)
        for text in PAGES[1:] + PAGES[:2]:
            self._press()
            self._assert_shows(text)

    def test_back_to_credit_after_twenty_seconds(self):
        self._press()
        self.house.live(19_500)
        self._assert_shows(PAGES[1])
        self.house.live(600)
        self._assert_shows(PAGES[0])
        self._press()
        self._assert_shows(PAGES[1])

    def test_each_press_starts_the_twenty_seconds_anew(self):
        self._press(then_ms=15_000)
        self._press(then_ms=15_000)
        self._assert_shows(PAGES[2])

    def test_a_touch_too_short_turns_no_page_wherever_it_falls_between_samples(self):
        for offset_ms in range(250):
            self.house.live(400, (100 + offset_ms, lambda: self.house.finger.press(15)))
            self._assert_shows(PAGES[0])

    def test_a_page_follows_the_account(self):
        self.house.live(SECOND_MS)
        self.house.account.consume(samples.KWH)
        self.house.live(300)
        self._assert_shows("C 19.75")

    def test_another_account_with_the_same_numbers_is_drawn_anew(self):
        self.house.live(SECOND_MS)
        account = samples.new_account(samples.flat_tariff(decimals=3))
        account.money.bought = 2_000_000
        account.terms.set("low_credit_microunits", 0)
        self.house.account = account
        self.house.live(300)
        self._assert_shows("C 2.000")

    def test_a_page_that_has_nothing_to_say_any_more_gives_way_to_credit(self):
        """Show credit after the page ends: the key card was pulled out, or a token brought another contract."""
        self.house.days_left = 12
        for _ in range(5):
            self._press()
        self._assert_shows("L   12")
        self.house.days_left = None
        self.house.live(SECOND_MS)
        self._assert_shows(PAGES[0])
        self.house.account = samples.new_account(contract=contracts.Dispenser)
        for _ in range(5):
            self._press()
        self._assert_shows("d 00.00")
        self.house.account = samples.new_account(contract=contracts.SettledAccount)
        self.house.account.money.bought = 20_000_000
        self.house.live(SECOND_MS)
        self._assert_shows(PAGES[0])

    def test_every_press_clicks(self):
        self._press()
        self.assertEqual(self.house.times_heard(KEY), 1)


class TestLongPress(TestDisplay):
    def test_lamp_test_then_version_then_credit(self):
        self._press(1_500, 200)
        self.assertEqual(self.house.chip.segments(), bytes([0xFF] * 6))
        self.house.live(2_000)
        self._assert_shows("1.2.3")
        self.house.live(2_000)
        self._assert_shows(PAGES[0])

    def test_without_a_version_credit_follows(self):
        self.house = House(version="")
        self._press(1_500, 2_200)
        self._assert_shows(PAGES[0])

    def test_a_press_ends_it(self):
        self._press(1_500, 200)
        self._press()
        self._assert_shows(PAGES[0])


class TestSupply(TestDisplay):
    def test_a_code_takes_turns_with_credit(self):
        self.house.reason = supply.TAMPER
        shown = self.house.shown_every(SECOND_MS, 8_000)
        turns = [bytes(render(text)) for text in ("E 13", PAGES[0])]
        self.assertEqual(shown, [turns[0], turns[0], turns[1], turns[1]] * 2)

    def test_a_code_leaves_the_blinking_to_itself(self):
        self.house.reason = supply.TAMPER
        self.house.account.money.charged = 20_000_000
        shown = self.house.shown_every(250, 8_000)
        self.assertEqual(set(shown), {bytes(render("E 13")), bytes(render("C  1.00"))})

    def test_an_alarm_that_leaves_supply_on_is_shown_now_and_then(self):
        self.house.has_alarm = True
        shown = self.house.shown_every(SECOND_MS, 64_000)
        self.assertEqual(shown.count(bytes(render("E 13"))), 8)
        self.assertEqual(shown.count(bytes(render(PAGES[0]))), 56)
        self.house.reason = supply.LEDGER_UNREADABLE
        self.assertFalse(bytes(render("E 13")) in self.house.shown_every(SECOND_MS, 32_000))

    def test_a_page_asked_for_is_shown_all_the_same(self):
        self.house.reason = supply.TAMPER
        self._press()
        shown = self.house.shown_every(SECOND_MS, 8_000)
        self.assertEqual(shown, [bytes(render(PAGES[1]))] * 8)

    def test_without_an_account_the_code_stands(self):
        self.house.account = None
        self.house.reason = supply.LEDGER_UNREADABLE
        shown = self.house.shown_every(250, 4_000)
        self.assertEqual(set(shown), {bytes(render("E 11"))})
        self._press()
        self._assert_shows("E 11")

    def test_spent_credit_blinks_and_is_silent(self):
        self.house.account.money.charged = 21_000_001
        self.house.reason = supply.NO_CREDIT
        shown = self.house.shown_every(500, 10_000)
        self.assertEqual(shown, [bytes(render("C -0.01")), DARK] * 10)
        self.assertEqual(self.house.sounds, [])

    def test_enough_credit_neither_blinks_nor_beeps(self):
        shown = self.house.shown_every(250, 10_000)
        self.assertEqual(set(shown), {bytes(render(PAGES[0]))})
        self.assertEqual(self.house.sounds, [])


class TestRest(TestDisplay):
    def test_the_seconds_until_supply_returns_are_shown_in_turns_with_credit(self):
        self.house.reason = supply.RESTING
        for seconds, text in ((9, "E32.  9"), (640, "E32.640"), (1_800, "E32.999")):
            self.house.rest_s = seconds
            shown = self.house.shown_every(SECOND_MS, 4_000)
            self.assertEqual(set(shown), {bytes(render(text)), bytes(render(PAGES[0]))})


class TestLowCredit(TestDisplay):
    def setUp(self):
        super().setUp()
        self.house.account.money.charged = 19_500_000

    def test_the_warning_is_silent_from_ten_in_the_evening_to_eight_and_blinks_on(self):
        self.house.account.terms.set("quiet_from_minute", 22 * 60)
        self.house.account.terms.set("quiet_to_minute", 8 * 60)
        for hour in (0, 7, 22, 23):
            self.house.account.time_s = samples.NEW_YEAR_S + hour * 3_600
            self.house.live(2 * MINUTE_MS)
            self.assertEqual(self.house.sounds, [], hour)
        self.assertEqual(self.house.shown_every(500, 2_000), [bytes(render("C  1.50")), DARK] * 2)
        for beeps, hour in ((2, 8), (4, 21)):
            self.house.account.time_s = samples.NEW_YEAR_S + hour * 3_600
            self.house.live(2 * MINUTE_MS)
            self.assertEqual(self.house.times_heard(LOW_CREDIT), beeps, hour)

    def test_a_key_clicks_in_quiet_hours_too(self):
        self.house.account.terms.set("quiet_to_minute", 8 * 60)
        self._press()
        self.assertEqual(self.house.times_heard(KEY), 1)

    def test_blinks_once_a_second(self):
        shown = self.house.shown_every(500, 10_000)
        self.assertEqual(shown, [bytes(render("C  1.50")), DARK] * 10)

    def test_beeps_once_a_minute(self):
        self.house.live(5 * MINUTE_MS - SECOND_MS)
        self.assertEqual(self.house.times_heard(LOW_CREDIT), 5)
        starts = [at_ms for at_ms, _ in self.house.sounds[:: len(LOW_CREDIT) + 1]]
        for earlier, later in zip(starts, starts[1:]):
            self.assertTrue(MINUTE_MS <= later - earlier <= MINUTE_MS + 300)

    def test_flapping_at_the_border_beeps_no_more_often(self):
        def flap():
            self.house.account.money.charged = 39_000_000 - self.house.account.money.charged

        self.house.live(MINUTE_MS - SECOND_MS, *[(SECOND_MS * index, flap) for index in range(1, 50)])
        self.assertEqual(self.house.times_heard(LOW_CREDIT), 1)

    def test_beeps_again_after_a_week_of_enough_credit(self):
        self.house.live(2 * SECOND_MS)
        self.house.account.money.charged = 0
        self.house.clock.lateness_limit_ms = HOUR_MS
        self.house.live(7 * 24 * HOUR_MS)
        self.house.clock.lateness_limit_ms = 0
        self.house.account.money.charged = 19_500_000
        self.house.live(2 * SECOND_MS)
        self.assertEqual(self.house.times_heard(LOW_CREDIT), 2)

    def test_a_press_mutes_it_for_an_hour(self):
        self.house.live(5 * SECOND_MS)
        self._press()
        self.house.live(HOUR_MS - SECOND_MS)
        self.assertEqual(self.house.times_heard(LOW_CREDIT), 1)
        self.house.live(2 * SECOND_MS)
        self.assertEqual(self.house.times_heard(LOW_CREDIT), 2)

    def test_a_press_before_credit_is_low_mutes_nothing(self):
        self.house.account.money.charged = 0
        self._press()
        self.house.account.money.charged = 19_500_000
        self.house.live(2 * SECOND_MS)
        self.assertEqual(self.house.times_heard(LOW_CREDIT), 1)

    def test_waits_until_the_outcome_of_a_tap_was_told(self):
        self.house.account.money.charged = 21_000_000

        def tap():
            self.house.account.money.bought += 1_500_000
            self.house.reason = supply.ON
            self.house.display.show_outcome(outcomes.ACCEPTED)

        self.house.reason = supply.NO_CREDIT
        self.house.live(4 * SECOND_MS, (SECOND_MS, tap))
        self.assertEqual(self.house.times_heard(ACCEPTED), 1)
        self.assertEqual(self.house.times_heard(LOW_CREDIT), 0)
        self.house.live(2 * SECOND_MS)
        self.assertEqual(self.house.times_heard(LOW_CREDIT), 1)

    def test_very_low_credit_sounds_twice_as_long_and_is_muted_alike(self):
        self.house.account.money.charged = 20_500_001
        self.house.live(2 * MINUTE_MS - SECOND_MS)
        self.assertEqual((self.house.times_heard(VERY_LOW_CREDIT), self.house.times_heard(LOW_CREDIT)), (2, 0))
        self._press()
        self.house.live(HOUR_MS - 5 * SECOND_MS)
        self.assertEqual(self.house.times_heard(VERY_LOW_CREDIT), 2)

    def test_credit_that_falls_further_is_heard(self):
        self.house.live(30 * SECOND_MS)
        self.house.account.money.charged = 20_900_000
        self.house.live(MINUTE_MS)
        self.assertEqual((self.house.times_heard(LOW_CREDIT), self.house.times_heard(VERY_LOW_CREDIT)), (1, 1))

    def test_another_page_does_not_blink(self):
        self._press()
        shown = self.house.shown_every(250, 4_000)
        self.assertEqual(set(shown), {bytes(render(PAGES[1]))})


class TestConsent(TestDisplay):
    """A press agrees to the offer that is shown, and to nothing else."""

    def setUp(self):
        super().setUp()
        self.house.account.terms.set("emergency_microunits", 5_000_000)
        self.house.account.money.charged = 21_000_001
        self.house.reason = supply.NO_CREDIT
        self.house.asks = True

    def test_emergency_credit_is_offered_in_turns_with_credit(self):
        shown = self.house.shown_every(SECOND_MS, 8_000)
        turns = [bytes(render(text)) for text in ("EC 4.99", "C -0.01")]
        self.assertEqual(shown, [turns[0], turns[0], turns[1], turns[1]] * 2)

    def test_the_offer_is_what_a_press_gives_after_energy_below_zero(self):
        self.house.account.money.charged = 21_000_000 + 3_200_000
        shown = self.house.shown_every(SECOND_MS, 4_000)
        self.assertIn(bytes(render("EC 1.80")), shown)

    def test_once_it_was_taken_it_is_offered_no_more(self):
        self.house.account.standing.set("emergency_money", EMERGENCY_USED)
        shown = self.house.shown_every(250, 8_000)
        self.assertEqual(set(shown), {bytes(render("C -0.01")), DARK})

    def test_a_press_agrees_and_turns_no_page(self):
        self.house.live(SECOND_MS)
        self._press()
        self.assertEqual(len(self.house.agreements), 1)
        self.house.reason = supply.ON
        self.house.live(SECOND_MS)
        self.assertIn(bytes(render("C -0.01")), self.house.shown_every(500, 2_000))

    def test_who_reads_another_page_agrees_to_nothing(self):
        self.house.asks = False
        self._press()
        self.house.asks = True
        self._press()
        self.assertEqual(len(self.house.agreements), 1)
        self._assert_shows(PAGES[2])
        self.house.live(21 * SECOND_MS)
        self._press()
        self.assertEqual(len(self.house.agreements), 2)

    def test_a_confirmation_is_asked_in_words(self):
        self.house.account.money.bought += 10_000_000
        self.house.reason = supply.UNCONFIRMED
        shown = self.house.shown_every(SECOND_MS, 4_000)
        self.assertEqual(shown, [bytes(render(text)) for text in ("PrESS", "PrESS", "C  9.99", "C  9.99")])


class TestDaysLeft(TestDisplay):
    def test_a_page_of_its_own_where_it_is_known(self):
        self.house.days_left = 14
        for _ in range(5):
            self._press()
        self._assert_shows("L   14")
        self.house.days_left = 13
        self.house.live(SECOND_MS)
        self._assert_shows("L   13")
        self._press()
        self._assert_shows(PAGES[0])


class TestOutcome(TestDisplay):
    def _tap(self, outcome, duration_ms=SECOND_MS):
        return self.house.shown_every(500, duration_ms, (0, lambda: self.house.display.show_outcome(outcome)))

    def test_accepted_shows_the_new_credit_steadily_and_at_once(self):
        self.house.account.money.charged = 21_000_001
        self.house.reason = supply.NO_CREDIT
        self._press()

        def tap():
            self.house.account.money.bought += 1_500_000
            self.house.reason = supply.ON
            self.house.display.show_outcome(outcomes.ACCEPTED)
            self._assert_shows("C  1.49")

        shown = self.house.shown_every(250, 4_000, (0, tap))
        self.assertEqual(set(shown), {bytes(render("C  1.49"))})
        self.assertEqual(self.house.times_heard(ACCEPTED), 1)
        self.assertIn(DARK, self.house.shown_every(250, 2_000))

    def test_credit_is_shown_even_while_a_code_waits_for_its_turn(self):
        self.house.reason = supply.TAMPER
        shown = self._tap(outcomes.ACCEPTED, 4_000)
        self.assertEqual(set(shown), {bytes(render(PAGES[0]))})

    def test_refusals_show_their_code_for_four_seconds(self):
        for outcome, (_, code) in enumerate(outcomes.all_outcomes()):
            if code.startswith("E") and outcome != outcomes.STATEMENT_NOT_WRITTEN:
                self.house = House()
                shown = self._tap(outcome, 5_000)
                self.assertEqual(shown, [bytes(render(code))] * 8 + [bytes(render(PAGES[0]))] * 2)
                self.assertEqual(self.house.times_heard(REFUSED), 1)

    def test_what_was_accepted_sounds_so_whatever_is_shown(self):
        for outcome, text in ((outcomes.STATEMENT_NOT_WRITTEN, "E 27"), (outcomes.SERVICE, "SErv")):
            self.house = House()
            self.assertEqual(self._tap(outcome), [bytes(render(text))] * 2)
            self.assertEqual(self.house.times_heard(ACCEPTED), 1)

    def test_nothing_new_clicks_and_shows_credit(self):
        self._press()
        self.assertEqual(self._tap(outcomes.NO_NEWS), [bytes(render(PAGES[0]))] * 2)
        self.assertEqual(self.house.times_heard(REFUSED), 0)

    def test_a_press_ends_the_message_and_turns_no_page(self):
        self._tap(outcomes.USED)
        self._assert_shows("E 21")
        self._press()
        self._assert_shows(PAGES[0])

    def test_without_an_account_an_outcome_still_shows(self):
        self.house.account = None
        self.house.reason = supply.NOT_COMMISSIONED
        self.assertEqual(self._tap(outcomes.UNREADABLE), [bytes(render("E 23"))] * 2)
        self.house.live(4_000)
        self.assertEqual(self._tap(outcomes.ACCEPTED), [bytes(render("E 10"))] * 2)

    def test_text_is_shown_as_long_as_asked(self):
        text = self.house.shown_every(500, 2_000, (0, lambda: self.house.display.show_text("tESt", 1_500)))
        self.assertEqual(text, [bytes(render("tESt"))] * 3 + [bytes(render(PAGES[0]))])


class TestFrame(TestDisplay):
    def test_is_the_same_object_until_what_is_shown_changes(self):
        self.house.account.consume(10)
        first = self.house.display.frame(0)
        self.house.account.consume(10)
        self.assertIs(self.house.display.frame(250), first)
        self.house.account.consume(samples.KWH)
        self.assertEqual(self.house.display.frame(500), render("C 19.74"))

    def test_the_wire_is_quiet_while_nothing_changes(self):
        self.house.live(SECOND_MS)
        transfers = self.house.chip.transfers
        self.house.live(30 * SECOND_MS)
        self.assertEqual(self.house.chip.transfers, transfers)

    def test_works_across_the_wrap_of_the_ticks(self):
        self.house.clock.now_us = ((1 << 30) - 5_000) * 1000
        self._press()
        self.house.live(15 * SECOND_MS)
        self._assert_shows(PAGES[1])
        self.house.live(6 * SECOND_MS)
        self._assert_shows(PAGES[0])

    def test_beats_several_times_a_second(self):
        beats = []
        self.house.display.beat = lambda: beats.append(self.house.clock.now_us)
        self.house.live(10 * SECOND_MS)
        self.assertTrue(35 <= len(beats) <= 50)


class TestChip(TestDisplay):
    def test_a_chip_that_does_not_answer_is_tried_until_it_does(self):
        self.house.live(SECOND_MS)
        self.assertFalse(self.house.display.failed)
        self.house.chip.connected = False
        self.house.account.consume(samples.KWH)
        self.house.live(2 * SECOND_MS)
        self.assertTrue(self.house.display.failed)
        self.assertTrue(5 <= self.house.display.failures <= 10)
        self.house.chip.connected = True
        self.house.live(300)
        self._assert_shows("C 19.75")
        self.assertFalse(self.house.display.failed)

    def test_a_chip_that_does_not_answer_is_reported_once_and_again_when_it_is_back(self):
        self.house.live(SECOND_MS)
        self.house.chip.connected = False
        self.house.live(2 * MINUTE_MS)
        self.assertEqual(self.house.reports, [True])
        self.house.chip.connected = True
        self.house.live(30 * SECOND_MS)
        self.assertEqual(self.house.reports, [True])
        self.house.live(MINUTE_MS)
        self.assertEqual(self.house.reports, [True, False])

    def test_a_loose_contact_is_reported_no_more_than_once_a_minute(self):
        for _ in range(20):
            self.house.chip.connected = False
            self.house.live(5 * SECOND_MS)
            self.house.chip.connected = True
            self.house.live(5 * SECOND_MS)
        self.assertEqual(self.house.reports, [True])

    def test_one_lost_answer_is_no_alarm(self):
        self.house.chip.connected = False
        self.house.live(300)
        self.house.chip.connected = True
        self.house.live(2 * MINUTE_MS)
        self.assertTrue(0 < self.house.display.failures < FAILURES_BEFORE_ALARM)
        self.assertEqual(self.house.reports, [])

    def test_a_data_line_that_is_held_at_either_level_is_reported(self):
        """Expect an error though a line that is held low seems to acknowledge every byte."""
        self.house.short_of_data_line(0)
        self.house.live(2 * MINUTE_MS)
        self.assertEqual(self.house.reports, [True])
        self.house.short_of_data_line(1)
        self.house.live(2 * MINUTE_MS)
        self.assertEqual(self.house.reports, [True, False])

    def test_the_button_and_the_warning_live_on_without_the_chip(self):
        self.house.chip.connected = False
        self.house.account.money.charged = 19_500_000
        self.house.live(2 * SECOND_MS)
        self.assertEqual(self.house.times_heard(LOW_CREDIT), 1)
        self._press()
        self.house.live(MINUTE_MS)
        self.assertEqual(self.house.times_heard(LOW_CREDIT), 1)

    def test_a_chip_that_lost_its_power_comes_back_within_a_minute(self):
        self.house.live(SECOND_MS)
        self.house.chip.power_lost()
        self.house.chip.power_up()
        self.house.live(MINUTE_MS + SECOND_MS)
        self._assert_shows(PAGES[0])

    def test_brightness(self):
        self.house.live(SECOND_MS, (100, lambda: self.house.display.set_brightness(2)))
        self.assertEqual(self.house.chip.brightness, 2)
        with self.assertRaises(ValueError):
            self.house.display.set_brightness(8)

    def test_brightness_reaches_a_chip_that_answers_late(self):
        self.house.live(SECOND_MS)
        self.house.chip.connected = False
        self.house.display.set_brightness(3)
        self.assertTrue(self.house.display.failed)
        self.house.chip.connected = True
        self.house.live(300)
        self.assertEqual(self.house.chip.brightness, 3)
        self.assertEqual(self.house.chip.violations, [])


if __name__ == "__main__":
    unittest.main()
