"""Key cards on DESFire EV2 and with random UIDs at the card desk, through reader driver, ISO-DEP and slot."""

import sys
import unittest

from boards.host.cards.foreign import Phone
from boards.host.cards.iso_dep import IsoDepCard
from tests.cards.desfire_bench import UID, content_of, ev2_key_card, key_card
from tests.services.desk_bench import AMOUNT, SITE_KEY, VENDING_KEY, key_content
from tests.services.test_secure_cards import PRICE, SecureDesk, secure_card
from wattpurse.core import outcome
from wattpurse.core.money.circumstances import USABLE

EV2_MODULE = "wattpurse.cards.desfire_ev2"


def card_of(model, uid):
    """Return a card with an application layer. Without `uid` it shows a random one."""
    model.has_random_uid = uid is None
    card = IsoDepCard(uid, model.answer)
    card.on_reset = model.power_off
    card.model = model
    return card


def ev2_card(uid=UID, site_key=SITE_KEY):
    return card_of(ev2_key_card(key_content(), site_key, VENDING_KEY), uid)


def ev1_card(uid=UID, site_key=SITE_KEY):
    return card_of(key_card(key_content(), site_key, VENDING_KEY, uid=UID), uid)


def codes(card):
    return [command[0] for command in card.executed]


class TestEv2(SecureDesk):
    def test_a_card_of_ev2_pays_with_its_own_messaging(self):
        card = ev2_card()
        self.assertEqual(self.lay_on(card), [outcome.ACCEPTED])
        self.use()
        self.look()
        content = content_of(card.model)
        self.assertEqual((content.spent, content.loaded), (PRICE, AMOUNT))
        self.assertEqual((self.ledger.account.money.charged, self.owed), (PRICE, 0))
        self.assertEqual((codes(card).count(0x60), codes(card).count(0x71), codes(card).count(0xAA)), (1, 2, 0))

    def test_a_card_of_ev1_does_not_bring_the_module(self):
        before = sys.modules.pop(EV2_MODULE, None)
        card = ev1_card()
        self.lay_on(card)
        self.use()
        self.look()
        self.assertEqual(content_of(card.model).spent, PRICE)
        self.assertFalse(EV2_MODULE in sys.modules)
        if before is not None:
            sys.modules[EV2_MODULE] = before

    def test_a_card_lifted_at_any_frame_has_paid_or_not_and_no_money_is_lost(self):
        for make in (ev2_card, lambda: ev2_card(None)):
            for frame in range(1, 200):
                self.setUp()
                card = make()
                self.lay_on(card)
                self.use()
                self.model.faults.lift(frame)
                self.look()
                was_lifted = card not in self.field.cards
                self.assertTrue(content_of(card.model).spent in (0, PRICE))
                if was_lifted:
                    self.look(3)
                    self.field.insert(card)
                self.look(2)
                spent, charged = content_of(card.model).spent, self.ledger.account.money.charged
                self.assertEqual((spent, charged, self.owed), (PRICE, PRICE, 0), frame)
                self.assertEqual(self.slot.card(), USABLE)
                if not was_lifted:
                    break
            self.assertTrue(frame > 20)


class TestRandomUid(SecureDesk):
    def test_a_card_with_a_random_uid_pays(self):
        for make in (ev1_card, ev2_card):
            self.setUp()
            card = make(None)
            self.assertEqual(self.lay_on(card), [outcome.ACCEPTED])
            self.use()
            self.look()
            self.assertEqual((content_of(card.model).spent, self.owed), (PRICE, 0))

    def test_it_is_only_identified_while_it_owes_nothing(self):
        for make in (ev1_card, ev2_card):
            self.setUp()
            card = make(None)
            self.lay_on(card)
            del card.executed[:]
            shown = set()
            for _ in range(5):
                self.look()
                shown.add(card.uid)
            self.assertEqual((len(shown), codes(card).count(0x51), codes(card).count(0xBD)), (5, 5, 0))
            self.assertEqual(self.slot.card(), USABLE)
            self.assertEqual(self.outcomes, [outcome.ACCEPTED])

    def test_a_card_of_ev1_after_one_of_ev2(self):
        first = ev2_card(None)
        self.lay_on(first)
        self.field.remove(first)
        self.look(3)
        second = ev1_card(None)
        self.lay_on(second)
        self.use()
        self.look()
        self.assertEqual(content_of(second.model).spent, PRICE)

    def test_it_is_the_same_card_under_another_number_and_at_its_own(self):
        card = ev2_card(None)
        self.lay_on(card)
        self.use()
        self.look()
        self.field.remove(card)
        self.look(3)
        self.field.insert(card)
        self.look(2)
        self.use()
        self.look()
        self.assertEqual((content_of(card.model).spent, self.owed), (2 * PRICE, 0))
        self.assertEqual(len(self.ledger.account.cards.known), 1)

    def test_one_of_another_site_and_a_phone_are_left_alone(self):
        for other in (ev2_card(None, b"another site key"), ev1_card(None, b"another site key"), Phone(3)):
            self.setUp()
            self.assertEqual(self.lay_on(other), [outcome.UNREADABLE])
            self.assertTrue(self.frames_of_look() < 12)
            self.field.remove(other)
            self.look(3)
            self.assertEqual(self.lay_on(secure_card()), [outcome.ACCEPTED])


if __name__ == "__main__":
    unittest.main()
