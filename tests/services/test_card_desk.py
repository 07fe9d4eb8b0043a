"""Taps at the card desk with the real reader driver, teller and ledger: outcomes, credit and statements.

No card that is removed, garbled or foreign, and no reader that fails, loses or doubles credit or stops the desk.
"""

import asyncio
import unittest

from boards.host.cards.classic import ClassicCard
from boards.host.cards.foreign import ForeignCard, Phone
from boards.host.cards.images import from_image
from boards.host.cards.ultralight import FAST_READ, GET_VERSION, PageClone, UltralightCard
from boards.host.chips import mfrc522_registers
from boards.host.chips.aes import aes
from tests.samples import NEW_YEAR_S
from tests.services.desk_bench import (
    AMOUNT,
    CLASSIC_UID,
    METER,
    METER_KEY,
    PAGES_UID,
    SITE_KEY,
    VENDING_KEY,
    DeskBench,
    Station,
    sealed,
)
from wattpurse.cards import data_card, purse
from wattpurse.cards.mfrc522_registers import CONFIGURATION
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import statement
from wattpurse.core.messages.service_pass import make_service_pass
from wattpurse.core.money.token_windows import WINDOW
from wattpurse.core.records import events
from wattpurse.core.seals import keys
from wattpurse.services.card_desk import FAILURES_BEFORE_ALARM, LONGEST_PAUSE_MS, PERIOD_MS, PRECEDENCE
from wattpurse.services.teller import Teller
from wattpurse.services.timekeeping import EARLIEST_S, TimeKeeper


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
                self.assertEqual(
                    (opened["balance"], opened["windows"][0][0], opened["meter_number"]), (AMOUNT, 1, METER)
                )

    def test_an_ntag_clone_with_fewer_commands_brings_credit_and_takes_a_statement(self):
        for kind in ("ntag213", "ntag215", "ntag216"):
            for unknown in ((FAST_READ,), (GET_VERSION, FAST_READ)):
                self.new_meter()
                card = PageClone(kind, PAGES_UID, unknown, is_silent=kind == "ntag215")
                self.station.write(card, sealed())
                self.assertEqual(self.tap(card), [outcome.ACCEPTED])
                self.assertEqual((self.balance, self.station.statement(card)["balance"]), (AMOUNT, AMOUNT))

    def test_a_second_tap_for_the_statement_is_no_refusal(self):
        card = self.station.new_card("classic-1k", sealed(1) + sealed(2))
        self.tap(card)
        self.ledger.credit(9, 0, 123, 0, NEW_YEAR_S)
        self.assertEqual(self.tap(card), [outcome.NO_NEWS])
        self.assertEqual(self.station.statement(card)["balance"], 2 * AMOUNT + 123)

    def test_a_token_too_old_to_know_is_refused_as_used(self):
        card = self.station.new_card("ntag215", sealed(1))
        self.ledger.credit(1 + WINDOW, 0, 123, 0, NEW_YEAR_S)
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
        self.assertEqual(self.station.statement(card)["windows"][0][1], 0b110011)

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
        self.assertEqual(self.outcomes, [outcome.ACCEPTED])
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


class TestWallet(DeskTest):
    """Several cards come to the reader at once; the person with them gets one answer."""

    def test_every_outcome_has_a_place_in_the_precedence(self):
        of_digits = (outcome.MISTYPED, outcome.TOO_SOON, outcome.OVER_SHORT_LIMIT)
        self.assertEqual(sorted(PRECEDENCE + of_digits), list(range(len(outcome.all_outcomes()))))

    def lay_on(self, *cards):
        for card in cards:
            self.field.insert(card)
        self.look(8)
        for card in cards:
            self.field.remove(card)
        self.look(3)
        shown = list(self.outcomes)
        self.outcomes.clear()
        return shown

    def test_a_bank_card_hides_no_acceptance_in_whichever_order_the_cards_are_found(self):
        for kind in ("classic-1k", "ntag215"):
            for uid in (b"\x08\x01\x02\x03", b"\x08\xfe\xfe\xfe", b"\x00\x00\x00\x01", b"\xff\xff\xff\xff"):
                self.new_meter()
                card = self.station.new_card(kind, sealed())
                self.assertEqual(self.lay_on(card, ForeignCard(uid)), [outcome.ACCEPTED])
                self.assertEqual(self.balance, AMOUNT)

    def test_a_phone_hides_no_acceptance(self):
        self.assertEqual(self.lay_on(Phone(), self.station.new_card("classic-1k", sealed())), [outcome.ACCEPTED])

    def test_a_bank_card_or_a_phone_alone_is_refused_once(self):
        self.assertEqual(self.lay_on(ForeignCard(b"\x00\x00\x00\x01")), [outcome.UNREADABLE])
        self.assertEqual(self.lay_on(Phone()), [outcome.UNREADABLE])

    def test_a_bank_card_that_is_found_at_a_later_look_than_the_customers_card(self):
        bank_card = ForeignCard(b"\x00\x00\x00\x01")
        self.field.insert(self.station.new_card("classic-1k", sealed()))
        for looks in (1, 1, 30, 3):
            self.look(looks)
            self.field.insert(bank_card)
            self.look(3)
            self.field.remove(bank_card)
            self.look(3)
        self.assertEqual(self.outcomes, [outcome.ACCEPTED])

    def test_a_bank_card_that_leaves_the_field_last(self):
        card, bank_card = self.station.new_card("classic-1k", sealed()), ForeignCard(b"\xff\xff\xff\xff")
        self.field.insert(card)
        self.field.insert(bank_card)
        self.look(2)
        self.field.remove(card)
        self.look(8)
        self.assertEqual(self.outcomes, [outcome.ACCEPTED])

    def test_a_neighbours_card_beside_it(self):
        card = self.station.new_card("classic-1k", sealed())
        other = self.station.new_card("ntag215", sealed(2, meter=METER + 1), meter=METER + 1)
        self.assertEqual(self.lay_on(other, card), [outcome.ACCEPTED])

    def test_another_persons_card_is_answered_though_a_card_lies_there(self):
        self.field.insert(self.station.new_card("classic-1k", sealed()))
        self.look(20)
        other = self.station.new_card("ntag215", sealed(2, meter=METER + 1), meter=METER + 1)
        self.assertEqual(self.lay_on(other), [outcome.ACCEPTED, outcome.NOT_THIS_METER])

    def test_a_service_card_beside_a_customers_card_still_opens_the_console(self):
        content = make_service_pass(aes, PAGES_UID, 7, NEW_YEAR_S + 86_400, ((METER, METER_KEY),))
        service_card = self.station.new_card("ntag213", content, purse.SERVICE, 0)
        card = self.station.new_card("classic-1k", sealed())
        self.assertEqual(self.lay_on(card, service_card), [outcome.SERVICE])
        self.assertEqual(self.balance, AMOUNT)

    def test_a_reader_that_fails_behind_a_tap_does_not_hide_its_outcome(self):
        frames = self._frames_of_a_tap()
        told = []
        for frame in range(frames - 3, frames + 2):
            self.new_meter()
            card = self.station.new_card("ntag213", sealed())
            self.field.plan(frame, lambda field: self.model.faults.hang())
            self.field.insert(card)
            self.look()
            if self.station.statement(card) is not None:
                told.append(list(self.outcomes))
        self.assertTrue(len(told) > 1)
        self.assertEqual(told, [[outcome.ACCEPTED]] * len(told))

    def _frames_of_a_tap(self):
        self.field.insert(self.station.new_card("ntag213", sealed()))
        before = self.field.frames
        self.look()
        return self.field.frames - before


class TestService(DeskTest):
    EXPIRES_S = NEW_YEAR_S + 86_400
    NEXT_KEY = b"next meter key 1"

    def pass_card(self, expires_s=EXPIRES_S, uid=PAGES_UID, meters=((METER, METER_KEY),)):
        return self.station.new_card("ntag215", make_service_pass(aes, uid, 7, expires_s, meters), purse.SERVICE, 0)

    def test_a_service_card_is_known_and_noted(self):
        others = tuple((number, keys.meter_key(aes, VENDING_KEY, number)) for number in (METER - 1, METER + 1))
        card = self.pass_card(meters=(others[0], (METER, METER_KEY), others[1]))
        writes = card.writes
        self.assertEqual(self.tap(card), [outcome.SERVICE])
        self.assertEqual(card.writes, writes)
        newest = self.events.recent(1)[0]
        self.assertEqual((newest.code, newest.number), (events.SERVICE_CARD, 7))

    def test_a_service_card_of_another_meter_opens_nothing(self):
        other = METER + 1, keys.meter_key(aes, VENDING_KEY, METER + 1)
        self.assertEqual(self.tap(self.pass_card(meters=(other,))), [outcome.NOT_THIS_METER])
        self.assertEqual(self.tap(self.pass_card(meters=((METER, other[1]),))), [outcome.UNREADABLE])
        self.assertEqual(self.events.recent(1), [])

    def test_a_pass_made_with_the_site_key_opens_nothing(self):
        self.assertEqual(self.tap(self.pass_card(meters=((METER, SITE_KEY),))), [outcome.UNREADABLE])

    def test_a_pass_under_the_key_in_force_or_the_next_one_opens_the_meter(self):
        under_next = self.pass_card(meters=((METER, self.NEXT_KEY),))
        self.assertEqual(self.tap(under_next), [outcome.UNREADABLE])
        self.settings.set_all((("next_meter_key", self.NEXT_KEY), ("next_key_version", 1)))
        self.assertEqual(self.tap(under_next), [outcome.SERVICE])
        self.assertEqual(self.tap(self.pass_card()), [outcome.SERVICE])
        self.settings.set_all((("meter_key", self.NEXT_KEY), ("next_meter_key", b""), ("next_key_version", 0)))
        self.assertEqual(self.tap(under_next), [outcome.SERVICE])
        self.assertEqual(self.tap(self.pass_card()), [outcome.UNREADABLE])

    def test_an_expired_pass_opens_nothing_after_the_clock_battery_died(self):
        card = self.pass_card(NEW_YEAR_S + 7200)
        self.ledger.change(lambda account: setattr(account, "time_s", NEW_YEAR_S + 7100))
        self.lose_the_time()
        self.assertEqual(self.tap(card), [outcome.SERVICE])
        self.ledger.change(lambda account: setattr(account, "time_s", NEW_YEAR_S + 7200))
        self.lose_the_time()
        self.assertFalse(self.timekeeper.trusted)
        self.assertEqual(self.tap(card), [outcome.PASS_EXPIRED])

    def test_an_event_newer_than_the_ledger_bounds_the_time_of_a_lost_clock(self):
        card = self.pass_card(NEW_YEAR_S + 7200)
        self.events.note(events.STARTED, carrier.METER, NEW_YEAR_S + 7200)
        self.lose_the_time()
        self.assertEqual(self.tap(card), [outcome.PASS_EXPIRED])

    def lose_the_time(self):
        """Cut mains and battery: the meter starts with the newest time of the ledger alone."""
        self.restart()
        self.timekeeper = TimeKeeper(LostTime(), self.clock)
        self.timekeeper.start(self.ledger.account.time_s, NEW_YEAR_S + 10**8)
        self.new_desk(self.desk._reader)

    def test_without_a_ledger_the_newest_event_bounds_the_time(self):
        self.events.note(events.STARTED, carrier.METER, NEW_YEAR_S + 86_400)
        self.ledger.close()
        self.timekeeper = TimeKeeper(LostTime(), self.clock)
        self.timekeeper.start(EARLIEST_S, NEW_YEAR_S + 10**8)
        self.new_desk(self.desk._reader)
        self.assertEqual(self.tap(self.pass_card(NEW_YEAR_S + 86_400)), [outcome.PASS_EXPIRED])
        self.assertEqual(self.tap(self.pass_card(NEW_YEAR_S + 86_401)), [outcome.SERVICE])

    def test_a_pass_copied_to_another_card_is_none(self):
        card = self.pass_card(uid=PAGES_UID[:6] + b"\x00")
        self.assertEqual(self.tap(card), [outcome.UNREADABLE])


class LostTime:
    """A clock chip whose battery is dead."""

    def read(self):
        return None


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
        content = make_service_pass(aes, PAGES_UID, 7, NEW_YEAR_S + 86_400, ((METER, METER_KEY),))
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
        pair = keys.statement_keys(aes, keys.statement_key(aes, METER_KEY), card.uid)
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
        self.assertEqual([opened["windows"][0][0] for opened in self.statements_on(card)], [0])

    def test_a_full_card_is_told_and_nothing_on_it_changes(self):
        card = self.data_card("ntag216", sealed())
        slots = data_card.slots_of("ntag216", self.SIZE)
        foreign = [
            statement.seal_statement(
                aes, keys.statement_keys(aes, keys.statement_key(aes, SITE_KEY), PAGES_UID), 1, 1, bytes(32)
            )
        ]
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

    def test_after_any_flipped_bit_of_the_setup_a_card_is_served_within_two_looks(self):
        card = self.station.new_card("ntag213")
        self.look()
        for register in [row[0] for row in CONFIGURATION]:
            for bit in range(8):
                self.model.faults.flip(register, bit)
                self.field.insert(card)
                self.look(2)
                self.field.remove(card)
                self.assertEqual((register, bit, self.outcomes), (register, bit, [outcome.NO_NEWS]))
                self.outcomes.clear()
                self.look(2)
        self.assertFalse(self.statements.reader_failed)

    def test_a_register_that_cannot_be_set_any_more_raises_the_alarm(self):
        self.look()
        self.model.faults.stick(mfrc522_registers.TX_ASK, 6, 0)
        self.model.faults.brown_out()
        self.look(1 + FAILURES_BEFORE_ALARM)
        self.assertTrue(self.statements.reader_failed)
        self.assertEqual([event.code for event in self.events.recent(20)], [events.READER_LOST])

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
        self.assertEqual(self.rests, [True] + [False] * 3)  # the start has left garbage

    def test_the_garbage_of_a_tap_is_collected_behind_it(self):
        self.clock.run(self.desk._tidy_up())  # that of the start
        self.rests.clear()
        self.field.insert(self.station.new_card("classic-1k", sealed()))
        self.clock.run(self._run_for(1500))
        self.assertEqual(self.outcomes, [outcome.ACCEPTED])
        self.assertEqual(self.rests[0], True)
        self.assertFalse(any(self.rests[1:]))

    def test_a_board_that_has_more_to_tidy_up_is_asked_again_before_the_next_look(self):
        self.desk._rest = lambda has_littered: self.rests.append(has_littered) or len(self.rests) == 1
        self.field.insert(self.station.new_card("classic-1k", sealed()))
        self.clock.run(self._run_for(200))
        self.assertEqual(self.outcomes, [outcome.ACCEPTED])
        self.assertEqual(self.rests, [True, False])

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
