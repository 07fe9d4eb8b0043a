"""Taps at the card desk with the real reader driver, teller and ledger: outcomes, credit and statements.

No card that is removed, garbled or foreign, and no reader that fails, loses or doubles credit or stops the desk.
"""

import asyncio
import unittest

from boards.host.cards.classic import ClassicCard
from boards.host.cards.images import from_image
from boards.host.cards.ultralight import UltralightCard
from boards.host.chips.aes import aes
from tests.samples import NEW_YEAR_S
from tests.services.desk_bench import (
    AMOUNT,
    CLASSIC_UID,
    METER,
    METER_KEY,
    PAGES_UID,
    SITE_KEY,
    DeskBench,
    Station,
    sealed,
)
from wattpurse.cards import data_card, purse
from wattpurse.core import outcome
from wattpurse.core.messages import statement
from wattpurse.core.messages.service_pass import make_pass
from wattpurse.core.money.account import TOKEN_WINDOW
from wattpurse.core.records import events
from wattpurse.core.seals import keys
from wattpurse.services.card_desk import FAILURES_BEFORE_ALARM, LONGEST_PAUSE_MS, PERIOD_MS
from wattpurse.services.teller import Teller


class DeskTest(DeskBench, unittest.TestCase):
    def setUp(self):
        self.station = Station()
        self.new_meter()


class TestTaps(DeskTest):
    def test_every_kind_of_card_brings_credit_and_takes_a_statement(self):
        for kind in purse.KINDS:
            self.new_meter()
            card = self.station.new_card(kind, sealed())
            self.assertEqual(self.tap(card), [outcome.ACCEPTED])
            self.assertEqual(self.balance, AMOUNT)
            self.assertEqual(self.model.violations, [])
            opened = self.station.statement(card)
            if kind == "ultralight":
                self.assertIsNone(opened)
            else:
                self.assertEqual((opened["balance"], opened["token_top"], opened["meter_number"]), (AMOUNT, 1, METER))

    def test_a_second_tap_for_the_statement_is_no_refusal(self):
        card = self.station.new_card("classic-1k", sealed(1) + sealed(2))
        self.tap(card)
        self.ledger.credit(9, 0, 123, 0, NEW_YEAR_S)
        self.assertEqual(self.tap(card), [outcome.NO_NEWS])
        self.assertEqual(self.station.statement(card)["balance"], 2 * AMOUNT + 123)

    def test_a_token_too_old_to_know_is_refused_as_used(self):
        card = self.station.new_card("ntag215", sealed(1))
        self.ledger.credit(1 + TOKEN_WINDOW, 0, 123, 0, NEW_YEAR_S)
        self.assertEqual(self.tap(card), [outcome.USED])
        self.assertEqual(self.balance, 123)

    def test_a_token_of_another_key_among_known_ones_is_not_told_as_nothing_new(self):
        card = self.station.new_card("ntag215", sealed(1))
        self.tap(card)
        self.station.write(card, sealed(1) + sealed(2)[:-1] + b"?")
        self.assertEqual(self.tap(card), [outcome.USED])

    def test_several_tokens_are_redeemed_in_one_tap(self):
        card = self.station.new_card("ntag216", sealed(1) + sealed(2) + sealed(5))
        self.assertEqual(self.tap(card), [outcome.ACCEPTED])
        self.assertEqual(self.balance, 3 * AMOUNT)
        self.station.write(card, sealed(5) + sealed(6))
        self.assertEqual(self.tap(card), [outcome.ACCEPTED])
        self.assertEqual(self.balance, 4 * AMOUNT)
        self.assertEqual(self.station.statement(card)["token_window"], 0b110011)

    def test_a_card_without_tokens_takes_the_newest_statement(self):
        card = self.station.new_card("ntag213")
        self.assertEqual(self.tap(card), [outcome.NO_NEWS])
        self.ledger.credit(9, 0, 123, 0, NEW_YEAR_S)
        self.assertEqual(self.tap(card), [outcome.NO_NEWS])
        self.assertEqual(self.station.statement(card)["balance"], 123)

    def test_a_copied_card_buys_nothing(self):
        card = self.station.new_card("ntag215", sealed())
        copy = from_image(card.image())
        self.tap(card)
        self.assertEqual(self.tap(copy), [outcome.NO_NEWS])
        self.assertEqual(self.balance, AMOUNT)

    def test_tokens_moved_to_another_card_are_still_redeemed_once(self):
        first = self.station.new_card("ntag215", sealed())
        second = self.station.new_card("classic-1k", sealed())
        self.tap(first)
        self.assertEqual(self.tap(second), [outcome.NO_NEWS])
        self.assertEqual(self.balance, AMOUNT)

    def test_a_card_for_another_meter_is_left_as_it_is(self):
        card = self.station.new_card("classic-1k", sealed(meter=METER + 1), meter=METER + 1)
        writes = card.writes
        self.assertEqual(self.tap(card), [outcome.NOT_THIS_METER])
        self.assertEqual((self.balance, card.writes), (0, writes))

    def test_tokens_for_another_meter_on_a_card_that_says_otherwise(self):
        card = self.station.new_card("classic-1k", sealed(meter=METER + 1))
        writes = card.writes
        self.assertEqual(self.tap(card), [outcome.NOT_THIS_METER])
        self.assertEqual((self.balance, card.writes), (0, writes))

    def test_a_forged_token_brings_nothing_and_hides_nothing(self):
        forged = sealed()[:-1] + b"\x00"
        card = self.station.new_card("classic-1k", forged)
        self.assertEqual(self.tap(card), [outcome.UNREADABLE])
        self.assertEqual(self.balance, 0)
        self.station.write(card, forged + sealed(2))
        self.assertEqual(self.tap(card), [outcome.ACCEPTED])
        self.assertEqual(self.balance, AMOUNT)

    def test_blank_cards_cannot_be_read_and_are_told_once(self):
        for card in (ClassicCard(CLASSIC_UID), UltralightCard("ntag213", PAGES_UID)):
            self.outcomes.clear()
            self.field.insert(card)
            self.look(5)
            self.field.remove(card)
            self.assertEqual(self.outcomes, [outcome.UNREADABLE])
            self.assertEqual(card.writes, 0)

    def test_a_uid_that_begins_like_a_longer_one_does_not_end_the_desk(self):
        card = ClassicCard(CLASSIC_UID)
        card._parts = [b"\x88\x22\x33\x44\xdd"]
        self.assertEqual(self.tap(card), [outcome.UNREADABLE])
        self.assertEqual(self.tap(self.station.new_card("classic-1k", sealed())), [outcome.ACCEPTED])

    def test_over_the_limit_credit_stays_on_the_card(self):
        self.ledger.change(lambda account: account.terms.set("credit_limit_microunits", 30_000_000))
        card = self.station.new_card("ntag215", sealed(1) + sealed(2))
        self.assertEqual(self.tap(card), [outcome.ACCEPTED])
        self.assertEqual(self.balance, AMOUNT)
        self.assertEqual(self.tap(card), [outcome.OVER_LIMIT])
        self.ledger.change(lambda account: account.money.spend(15_000_000))
        self.assertEqual(self.tap(card), [outcome.ACCEPTED])
        self.assertEqual(self.balance, 2 * AMOUNT - 15_000_000)

    def test_a_meter_without_a_ledger_takes_nothing(self):
        card = self.station.new_card("classic-1k", sealed())
        account, self.ledger.account = self.ledger.account, None
        self.assertEqual(self.tap(card), [outcome.LEDGER_FAILED])
        self.ledger.account = account
        self.assertEqual(self.tap(card), [outcome.ACCEPTED])


class TestPresence(DeskTest):
    def test_a_card_that_lies_there_is_served_once(self):
        card = self.station.new_card("classic-1k", sealed())
        self.field.insert(card)
        self.look(20)
        self.assertEqual(self.outcomes, [outcome.ACCEPTED])
        self.field.remove(card)
        self.look(2)
        self.field.insert(card)
        self.look(2)
        self.assertEqual(self.outcomes, [outcome.ACCEPTED, outcome.NO_NEWS])

    def test_two_cards_at_once_are_both_served(self):
        first = self.station.new_card("classic-1k", sealed(1))
        second = self.station.new_card("ntag215", sealed(2))
        self.field.insert(first)
        self.field.insert(second)
        self.look(3)
        self.assertEqual(self.outcomes, [outcome.ACCEPTED, outcome.ACCEPTED])
        self.assertEqual(self.balance, 2 * AMOUNT)

    def test_a_second_card_is_served_while_the_first_lies_there(self):
        self.field.insert(self.station.new_card("classic-1k", sealed(1)))
        self.look(2)
        self.field.insert(self.station.new_card("ntag215", sealed(2)))
        self.look(2)
        self.assertEqual(self.outcomes, [outcome.ACCEPTED, outcome.ACCEPTED])

    def test_between_looks_the_field_is_off(self):
        self.look()
        self.assertFalse(self.field.on)
        self.field.insert(self.station.new_card("classic-1k", sealed(1)))
        self.look()
        self.assertFalse(self.field.on)


class TestService(DeskTest):
    def pass_card(self, expires_s, uid=PAGES_UID):
        content = make_pass(aes, keys.service_pass_key(aes, SITE_KEY, uid), 7, expires_s)
        return self.station.new_card("ntag213", content, purse.SERVICE, 0)

    def test_a_service_card_is_known_and_noted(self):
        card = self.pass_card(NEW_YEAR_S + 86_400)
        writes = card.writes
        self.assertEqual(self.tap(card), [outcome.SERVICE])
        self.assertEqual(card.writes, writes)
        newest = self.events.recent(1)[0]
        self.assertEqual((newest.code, newest.number), (events.SERVICE_CARD, 7))

    def test_an_expired_one_is_refused_while_the_time_is_known(self):
        card = self.pass_card(NEW_YEAR_S + 3600)
        self.assertEqual(self.tap(card), [outcome.PASS_EXPIRED])
        self.timekeeper.trusted = False
        self.assertEqual(self.tap(card), [outcome.SERVICE])

    def test_a_pass_copied_to_another_card_is_none(self):
        card = self.pass_card(NEW_YEAR_S + 86_400, PAGES_UID[:6] + b"\x00")
        self.assertEqual(self.tap(card), [outcome.UNREADABLE])


class TestOldSiteKey(DeskTest):
    """Cards of the site key before the present one are served as they were."""

    def setUp(self):
        super().setUp()
        self.settings.set_all((("site_key", b"site key 0000002"), ("old_site_key", SITE_KEY)))

    def test_a_customers_card(self):
        card = self.station.new_card("classic-1k", sealed())
        self.assertEqual(self.tap(card), [outcome.ACCEPTED])
        self.assertEqual(self.station.statement(card)["balance"], AMOUNT)

    def test_a_technicians_card(self):
        content = make_pass(aes, keys.service_pass_key(aes, SITE_KEY, PAGES_UID), 7, NEW_YEAR_S + 86_400)
        self.assertEqual(self.tap(self.station.new_card("ntag213", content, purse.SERVICE, 0)), [outcome.SERVICE])

    def test_what_is_two_keys_old_is_refused(self):
        card = self.station.new_card("classic-1k", sealed())
        self.settings.set_all((("site_key", b"site key 0000003"), ("old_site_key", b"site key 0000002")))
        self.assertEqual(self.tap(card), [outcome.UNREADABLE])


class TestDataCards(DeskTest):
    """A data card brings this meter its tokens among those of others, and takes its statement along."""

    SIZE = data_card.SHORT_SLOT

    def data_card(self, kind, content):
        return self.station.new_card(kind, content, purse.DATA, self.SIZE)

    def statements_on(self, card):
        claims = self.station.on_card(card, lambda memory: data_card.read_claims(memory, self.SIZE))
        pair = keys.statement_keys(aes, METER_KEY, card.uid)
        authentic = [claim.data for claim in claims if statement.is_authentic(aes, pair, claim.data)]
        return [statement.open_statement(aes, pair, data) for data in authentic]

    def test_own_tokens_are_redeemed_and_a_statement_is_taken(self):
        for kind in data_card.KINDS:
            self.new_meter()
            card = self.data_card(kind, sealed(1, meter=METER + 1) + sealed(4) + sealed(5))
            self.assertEqual(self.tap(card), [outcome.ACCEPTED])
            self.assertEqual(self.balance, 2 * AMOUNT)
            self.assertEqual([opened["balance"] for opened in self.statements_on(card)], [2 * AMOUNT])
            self.assertEqual(self.tap(card), [outcome.NO_NEWS])
            self.assertEqual([opened["balance"] for opened in self.statements_on(card)], [2 * AMOUNT])

    def test_a_meter_for_which_it_brings_nothing_gives_its_statement(self):
        card = self.data_card("ntag216", sealed(1, meter=METER + 1))
        self.assertEqual(self.tap(card), [outcome.NO_NEWS])
        self.assertEqual([opened["token_top"] for opened in self.statements_on(card)], [0])

    def test_a_full_card_is_told_and_nothing_on_it_changes(self):
        card = self.data_card("ntag216", sealed())
        slots = data_card.slots_of("ntag216", self.SIZE)
        foreign = [statement.seal_statement(aes, keys.statement_keys(aes, SITE_KEY, PAGES_UID), 1, 1, bytes(32))]
        for offset in slots:
            card.memory[16 + offset : 16 + offset + self.SIZE] = foreign[0]
        writes = card.writes
        self.assertEqual(self.tap(card), [outcome.STATEMENT_NOT_WRITTEN])
        self.assertEqual((self.balance, card.writes), (AMOUNT, writes))

    def test_slots_of_no_size_take_nothing(self):
        card = self.station.new_card("ntag216", sealed(), purse.DATA, 5)
        self.assertEqual(self.tap(card), [outcome.STATEMENT_NOT_WRITTEN])
        self.assertEqual(self.balance, AMOUNT)

    def test_an_operators_card_is_nothing_to_a_meter(self):
        card = self.station.new_card("ntag216", bytes(16), purse.OPERATOR, METER)
        self.assertEqual(self.tap(card), [outcome.NOT_THIS_METER])

    def test_lifted_at_every_frame_the_credit_comes_once_and_the_next_tap_takes_the_statement(self):
        for kind in data_card.KINDS:
            self.new_meter()
            card = self.data_card(kind, sealed(1, meter=METER + 1) + sealed(2))
            self.look()
            before = self.model.statistics.frames
            self.field.insert(card)
            self.look()
            frames = self.model.statistics.frames - before
            for frame in range(1, frames + 1):
                self.new_meter()
                card = self.data_card(kind, sealed(1, meter=METER + 1) + sealed(2))
                self.look()
                self.model.faults.lift_during_write(frame, frame)
                self.model.faults.lift(frame + 1)
                self.tap(card)
                self.tap(card)
                self.assertEqual(self.balance, AMOUNT, frame)
                self.assertEqual([opened["balance"] for opened in self.statements_on(card)], [AMOUNT], frame)


class TestTornTaps(DeskTest):
    """Failures at every frame: credit comes once and is never lost, and the next whole tap gets its statement."""

    KINDS = ("classic-1k", "ntag213")

    def prepare(self, kind):
        self.image = self.station.new_card(kind, sealed(1) + (sealed(2) if kind == "classic-1k" else b"")).image()
        self.credit = AMOUNT * (2 if kind == "classic-1k" else 1)
        self.new_meter()
        self.look()
        before = self.model.statistics.frames
        self.assertEqual(self.tap(from_image(self.image)), [outcome.ACCEPTED])
        return self.model.statistics.frames - before

    def each_frame(self, plan):
        """Let `plan(frame)` bring about a fault at each frame of a tap, then check, tap again and check."""
        for kind in self.KINDS:
            for frame in range(1, self.prepare(kind) + 1):
                self.new_meter()
                self.look()
                card = from_image(self.image)
                self.field.insert(card)
                plan(frame)
                self.look(4)
                self.assertIn(self.balance, (0, self.credit))
                redeemed = self.balance != 0
                self.field.remove(card)
                self.look(2)
                self.check_statement(card, redeemed)
                expected = outcome.NO_NEWS if redeemed else outcome.ACCEPTED
                self.assertEqual(self.tap(card), [expected])
                self.assertEqual(self.balance, self.credit)
                self.assertEqual(self.station.statement(card)["balance"], self.credit)

    def check_statement(self, card, redeemed):
        """Check that a statement is missing or right, and that a card shows no credit that the ledger lacks."""
        opened = self.station.statement(card)
        if opened is not None:
            self.assertTrue(redeemed)
            self.assertEqual(opened["balance"], self.balance)
        elif redeemed:
            self.assertEqual(self.outcomes[-1], outcome.STATEMENT_NOT_WRITTEN)
        else:
            self.assertFalse(outcome.ACCEPTED in self.outcomes)

    def test_the_card_is_lifted(self):
        self.each_frame(lambda frame: self.model.faults.lift(frame))

    def test_the_card_is_lifted_while_it_writes(self):
        self.each_frame(lambda frame: self.model.faults.lift_during_write(frame, frame))

    def test_the_chip_hangs(self):
        self.each_frame(lambda frame: self.field.plan(frame, lambda _: self.model.faults.hang()))

    def test_an_answer_is_lost_or_garbled_and_the_tap_succeeds_while_the_card_lies_there(self):
        for kind in self.KINDS:
            frames = self.prepare(kind)
            for frame in range(1, frames + 1):
                for fault in (self._silence, self._flip_from_card, self._flip_to_card):
                    self.new_meter()
                    self.look()
                    self.field.insert(from_image(self.image))
                    fault(frame)
                    self.look(4)
                    self.assertEqual(self.balance, self.credit)
                    self.assertEqual(self.outcomes[-1], outcome.ACCEPTED)

    def _silence(self, frame):
        self.model.faults.silence(frame)

    def _flip_from_card(self, frame):
        self.model.faults.flip_from_card(frame, (3,))

    def _flip_to_card(self, frame):
        self.model.faults.flip_to_card(frame, (9, 10))


class TestReader(DeskTest):
    def test_a_dead_reader_is_tried_more_and_more_rarely_and_told_once(self):
        self.model.faults.kill_spi()
        pauses = []
        for _ in range(12):
            self.look()
            pauses.append(self.desk.pause_ms)
        self.assertEqual(pauses, sorted(pauses))
        self.assertEqual((pauses[0], pauses[-1]), (2 * PERIOD_MS, LONGEST_PAUSE_MS))
        self.assertTrue(self.statements.reader_failed)
        codes = [event.code for event in self.events.recent(20)]
        self.assertEqual(codes, [events.READER_LOST])

    def test_it_is_no_alarm_at_once(self):
        self.model.faults.kill_spi(0xFF)
        self.look(FAILURES_BEFORE_ALARM - 1)
        self.assertFalse(self.statements.reader_failed)
        self.look()
        self.assertTrue(self.statements.reader_failed)

    def test_a_reader_that_comes_back_serves_again(self):
        self.model.faults.kill_spi()
        self.look(5)
        self.model.faults.heal_spi()
        self.assertEqual(self.tap(self.station.new_card("classic-1k", sealed())), [outcome.ACCEPTED])
        self.assertFalse(self.statements.reader_failed)
        self.assertEqual(self.desk.pause_ms, PERIOD_MS)
        self.assertIn(events.READER_BACK, [event.code for event in self.events.recent(20)])

    def test_a_loose_interrupt_wire_and_a_brown_out_are_recovered_from(self):
        self.look()
        card = self.station.new_card("classic-1k", sealed())
        self.field.insert(card)
        self.model.faults.cut_irq()
        self.look()
        self.model.faults.cut_irq(False)
        self.look(2)
        self.assertEqual(self.outcomes, [outcome.ACCEPTED])
        self.model.faults.brown_out()
        self.look(3)
        self.assertFalse(self.statements.reader_failed)
        self.assertEqual(self.outcomes, [outcome.ACCEPTED])

    def test_the_loop_looks_four_times_a_second(self):
        looks = []
        self.desk.serve_one_look = lambda: self._counted(looks)
        self.clock.run(self._run_for(1000))
        self.assertEqual([look - looks[0] for look in looks], [0, 250, 500, 750])
        self.assertEqual(self.rests, [False] * 4)

    async def _counted(self, looks):
        looks.append(self.clock.ticks_ms())

    async def _run_for(self, duration_ms):
        task = asyncio.create_task(self.desk.run())
        await self.clock.sleep_ms(duration_ms - 1)
        task.cancel()


class TestCost(DeskTest):
    """The cost of a tap: a guard against a driver or a layout that got slower.

    The meter is a year old, the card has been in use, and carries one new token. The costs are the frames of the whole
    tap, its milliseconds without the teller's, and the milliseconds from the start of the look until the teller gets
    the token. Statements are as long as those of a whole meter: they end with the place of the newest event.
    """

    COSTS = {
        "classic-1k": (87, 159, 20),
        "ntag213": (26, 91, 16),
        "ntag215": (51, 208, 18),
        "ntag216": (63, 273, 18),
    }

    def grow_old(self, account):
        for _ in range(13):
            account.consume(345_678_901)
            account.registers.add_charge(98_765_432)
            account.registers.enter_month(account.registers.month.index + 1)

    def redeem(self, data, by):
        self.arrived_us = self.clock.now_us
        result = Teller.redeem(self.teller, data, by)
        self.redeemed_us = self.clock.now_us
        return result

    def test_frames_and_milliseconds_of_a_tap(self):
        for kind in sorted(self.COSTS):
            self.new_meter()
            self.ledger.change(self.grow_old)
            card = self.station.new_card(kind, sealed(1))
            self.tap(card)
            self.station.write(card, sealed(2))
            self.field.insert(card)
            self.teller.redeem = self.redeem
            frames, start_us = self.model.statistics.frames, self.clock.now_us
            self.clock.run(self.desk.serve_one_look())
            self.assertEqual(self.outcomes[-1], outcome.ACCEPTED)
            cost = (
                self.model.statistics.frames - frames,
                (self.clock.now_us - self.redeemed_us + self.arrived_us - start_us) // 1000,
                (self.arrived_us - start_us) // 1000,
            )
            for measured, limit in zip(cost, self.COSTS[kind]):
                self.assertLessEqual(measured, limit, kind)


if __name__ == "__main__":
    unittest.main()
