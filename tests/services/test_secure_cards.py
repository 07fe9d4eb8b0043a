"""Key cards on DESFire at the card desk, through reader driver, ISO-DEP and slot: paying, lifting, and other cards."""

import unittest

from boards.host.cards.foreign import ForeignCard, Phone
from boards.host.cards.iso_dep import IsoDepCard
from tests.cards.desfire_bench import UID, content_of, key_card
from tests.services.desk_bench import AMOUNT, SITE_KEY, VENDING_KEY, DeskBench, Station, key_content
from wattpurse.core import outcome
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.circumstances import USABLE

PRICE = 300_000
PULSES = 3_200  # a kWh
OTHER_UID = b"\x04\x78\x2e\x21\x80\x1d\x81"


def secure_card(content=None, site_key=SITE_KEY, uid=UID):
    """Return a key card on DESFire."""
    model = key_card(content or key_content(), site_key, VENDING_KEY, uid=uid)
    card = IsoDepCard(uid, model.answer)
    card.on_reset = model.power_off
    card.model = model
    return card


class SecureDesk(DeskBench, unittest.TestCase):
    def setUp(self):
        self.new_meter()
        self.ledger.change(lambda account: setattr(account, "contract", contracts.KeyCard))

    def use(self, pulses=PULSES):
        self.ledger.advance(self.timekeeper.now_s(), pulses)

    def lay_on(self, *cards):
        """Put the cards on the reader for one look, and return the outcomes shown."""
        self.outcomes.clear()
        for card in cards:
            self.field.insert(card)
        self.look()
        return list(self.outcomes)

    def frames_of_look(self):
        before = self.field.frames
        self.look()
        return self.field.frames - before

    @property
    def owed(self):
        """The money that no card has paid yet, as far as the meter knows."""
        cards = self.ledger.account.cards
        return cards.left + sum([card.owed for card in cards.known])


class TestPaying(SecureDesk):
    def test_a_card_in_the_slot_pays_for_energy(self):
        card = secure_card()
        self.assertEqual(self.lay_on(card), [outcome.ACCEPTED])
        self.assertEqual(self.slot.card(), USABLE)
        self.use()
        self.look()
        content = content_of(card.model)
        self.assertEqual((content.spent, content.loaded), (PRICE, AMOUNT))
        self.assertEqual((self.ledger.account.money.charged, self.owed), (PRICE, 0))
        self.assertEqual(self.model.violations, [])

    def test_a_card_that_owes_nothing_is_only_looked_at(self):
        card = secure_card()
        self.lay_on(card)
        executed = len(card.executed)
        for _ in range(5):
            self.assertTrue(self.frames_of_look() < 12)
        self.assertEqual(len(card.executed), executed)
        self.assertEqual(self.slot.card(), USABLE)

    def test_the_card_sleeps_after_each_look(self):
        card = secure_card()
        self.lay_on(card)
        self.assertEqual((card.unheard, self.desk.pause_ms), (0, 250))

    def test_a_card_lifted_at_any_frame_has_paid_or_not_and_no_money_is_lost(self):
        for frame in range(1, 200):
            self.setUp()
            card = secure_card()
            self.lay_on(card)
            self.use()
            before = self.field.frames
            self.model.faults.lift(frame)
            self.look()
            was_lifted = card not in self.field.cards
            content = content_of(card.model)
            self.assertTrue(content.spent in (0, PRICE))
            if was_lifted:
                self.look(3)
                self.field.insert(card)
            self.look(2)
            content = content_of(card.model)
            self.assertEqual((content.spent, self.ledger.account.money.charged, self.owed), (PRICE, PRICE, 0), frame)
            self.assertEqual(self.slot.card(), USABLE)
            if not was_lifted:
                break
        self.assertTrue(frame > 20)
        self.assertTrue(self.field.frames - before < 100)

    def test_a_frame_lost_or_damaged_changes_nothing(self):
        for frame in range(1, 60, 3):
            for fault in ("lose", "silence", "delay"):
                self.setUp()
                card = secure_card()
                self.lay_on(card)
                self.use()
                if fault == "delay":
                    self.model.faults.delay(frame, 90_000)
                else:
                    getattr(self.model.faults, fault)(frame)
                self.look(3)
                content = content_of(card.model)
                charged = self.ledger.account.money.charged
                self.assertEqual((content.spent, charged, self.owed), (PRICE, PRICE, 0), (frame, fault))

    def test_under_another_contract_the_card_is_not_activated(self):
        self.ledger.change(lambda account: setattr(account, "contract", contracts.PrepaidMoney))
        card = secure_card()
        self.assertEqual(self.lay_on(card), [outcome.UNREADABLE])
        self.assertEqual((card.executed, self.desk._secure_cards), ([], None))


class TestOtherCards(SecureDesk):
    def test_a_bank_card_and_a_phone_are_asked_once(self):
        for other in (ForeignCard(b"\x00\x00\x00\x01"), Phone(3), IsoDepCard(OTHER_UID, lambda command: b"\x6d\x00")):
            self.setUp()
            self.assertEqual(self.lay_on(other), [outcome.UNREADABLE])
            if not isinstance(other, ForeignCard):
                self.assertTrue(self.frames_of_look() < 12)
            self.field.remove(other)
            self.look(3)
            self.assertEqual(self.lay_on(secure_card()), [outcome.ACCEPTED])

    def test_a_key_card_of_another_site_is_refused(self):
        card = secure_card(site_key=b"another site key")
        self.assertEqual(self.lay_on(card), [outcome.UNREADABLE])
        self.assertTrue(self.frames_of_look() < 12)
        self.assertEqual(content_of(card.model).spent, 0)

    def test_a_key_card_pays_beside_a_bank_card(self):
        for uid in (b"\x00\x00\x00\x01", b"\xff\xff\xff\xff"):
            self.setUp()
            card = secure_card()
            self.lay_on(card, ForeignCard(uid))
            self.use()
            self.look(2)
            self.assertEqual(content_of(card.model).spent, PRICE)
            self.assertEqual(self.slot.card(), USABLE)

    def test_a_key_card_pays_beside_a_memory_card(self):
        card, other = secure_card(), Station().new_card("ntag215")
        self.lay_on(card, other)
        self.use()
        self.look(2)
        self.assertEqual(content_of(card.model).spent, PRICE)

    def test_two_key_cards_do_not_hear_each_other(self):
        first, second = secure_card(), secure_card(uid=OTHER_UID)
        self.lay_on(first, second)
        self.use()
        self.look(2)
        spent = [content_of(card.model).spent for card in (first, second)]
        self.assertEqual(sorted(spent), [0, PRICE])
        self.assertEqual((first.unheard, second.unheard), (0, 0))
