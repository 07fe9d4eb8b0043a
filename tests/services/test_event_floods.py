"""Older images of key cards, shown in turns, push no more than one event an hour out of the log."""

import unittest

from boards.host.cards.images import from_image
from tests.services.desk_bench import DeskBench, key_content
from tests.services.test_key_slot import PULSES, SlotTest
from wattpurse.core import outcome
from wattpurse.core.records import events

HOUR_US = 3_600_000_000


class TestOlderImages(SlotTest):
    def images_of_a_used_card(self):
        """Return images of a card from before each of twelve payments."""
        card = self.station.new_key_card("ntag213", key_content())
        self.insert(card)
        images = []
        for _ in range(12):
            images.append(card.image())
            self.use(PULSES)
            self.look()
        self.field.remove(card)
        self.wait(1_000)
        return images

    def show(self, images):
        for image in images:
            old = from_image(image)
            self.outcomes.clear()
            self.insert(old)
            self.assertEqual(self.outcomes, [outcome.UNREADABLE])
            self.field.remove(old)
            self.wait(1_000)

    def refusals(self):
        """Return the number of events left out before each refusal, oldest first."""
        return [event.left_out for event in self.events.recent(2_000) if event.code == events.CARD_REFUSED][::-1]

    def test_ten_older_images_shown_in_turns_push_out_at_most_one_event_an_hour(self):
        images = self.images_of_a_used_card()[:10]
        place = self.events.place
        for _ in range(4):
            self.show(images)
        self.assertEqual((self.events.place, self.refusals()), (place + 1, [0]))
        self.clock.advance_us(HOUR_US)
        self.show(images)
        self.assertEqual((self.events.place, self.refusals()), (place + 2, [0, 39]))
        self.assertIn("39 more left out before it", events.text(self.events.recent(1)[0]))

    def test_a_restart_does_not_let_a_second_refusal_into_the_hour(self):
        images = self.images_of_a_used_card()[:2]
        for _ in range(3):
            DeskBench.restart(self)  # the event log starts anew too
            self.show(images)
        self.assertEqual(self.refusals(), [0])


if __name__ == "__main__":
    unittest.main()
