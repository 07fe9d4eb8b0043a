"""A tenant without any right tries for half an hour to push the events of the meter out of its log."""

import unittest

from boards.host.cards.images import from_image
from tests.stories.test_key_cards import FLAT_MATE, STUDENT, KeyCardStory
from wattpurse.core.messages import token
from wattpurse.core.records import events


class TestFloods(KeyCardStory):
    def test_whatever_a_person_without_rights_does_leaves_one_event_an_hour_of_each_kind(self):
        card = self.key_card(STUDENT)
        other = self.key_card(FLAT_MATE, user=2)
        image = from_image(card.image())
        self.put_in(card)
        self.quiet(20 * 60)
        self.pull_out(card)
        self.quiet(3_700)  # the start of the meter was more than an hour ago
        no_credit = self.new_card(self.seal(token.CREDIT_MONEY, 0))
        log = self.world.meter.events
        begin_s, place = self.world.now_s(), log.place
        for _ in range(4):
            self.put_in(other)
            self.pull_out(other)
            for shown in (image, no_credit):
                self.tap(shown)
            self.world.type_line("login 000000")
            self.world.hardware.cover.sense(True)
            self.world.run_for(1)
            self.world.hardware.cover.sense(False)
            self.outage(3)
        self.assertTrue(self.world.now_s() - begin_s < 3_000)
        log = self.world.meter.events
        new = [event for event in log.recent(500) if event.time_s >= begin_s]
        kinds = [(event.code, event.kind) for event in new]
        self.assertEqual(len(kinds), len(set(kinds)), [events.text(event) for event in new])
        codes = {code for code, _ in kinds}
        expected = {events.STARTED, events.SUPPLY, events.LOGIN_REFUSED, events.CARD_REFUSED, events.TOKEN_REFUSED}
        self.assertEqual(expected - codes, set())
        self.assertTrue(log.place - place < 20, log.place - place)


if __name__ == "__main__":
    unittest.main()
