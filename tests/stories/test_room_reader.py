"""A submeter sits at the panel, and its reader hangs in the room: daily life of a tenant, and a line that is lost."""

import unittest

from boards.host.chips.random_bits import RandomBits
from boards.host.chips.room_line import RoomLineModel
from boards.host.room import RoomHardware
from tests.stories.story import ContractStory
from wattpurse.core.messages import token
from wattpurse.core.money import key_card, supply
from wattpurse.core.records import events
from wattpurse.drivers.segments import render
from wattpurse.services.room_board import NO_METER, NOT_BELIEVED, UNPAIRED

STUDENT = b"\x11\x22\x33\x44"
PRICE = 300_000
GRACE_S = 5
CREDIT = 20_000_000


class RoomStory(ContractStory):
    """The technician pairs a new board in the room with the meter."""

    def setUp(self):
        super().setUp()
        world = self.world
        self.line = world.hardware.room_line = RoomLineModel(world.clock, RandomBits(5))
        self.room = RoomHardware(world.clock, self.line)
        world.companions.append(self.room.run)
        world.reset_board()
        world.run_for(5)
        self.assertTrue(self.room_shows(UNPAIRED))
        answer = self.technician("reader room")
        self.assertTrue(answer.startswith("paired with the room reader"), answer)
        world.run_for(2)

    def tearDown(self):
        self.assertEqual(self.room.violations(), [])
        super().tearDown()

    def room_shows(self, text, within_s=5) -> bool:
        """Return True if the display in the room comes to show `text`."""
        return self.world.run_until(lambda: self.room.display.segments() == bytes(render(text)), within_s)

    def put_in(self, card):
        self.room.reader.field.insert(card)

    def take_out(self, card):
        self.room.reader.field.remove(card)

    def tap(self, card):
        self.put_in(card)
        self.world.run_for(3)
        self.take_out(card)
        self.world.run_for(2)
        return self.station.statement(card)

    def seen(self, code) -> bool:
        return any([event.code == code for event in self.world.meter.events.recent(20)])


class TestATenantWithCredit(RoomStory):
    """Prepaid money: the card only brings credit, so supply does not depend on the line."""

    def test_a_tap_in_the_room_brings_credit_and_a_statement(self):
        self.assertTrue(self.room_shows("C  0.00"))
        statement = self.tap(self.new_card(self.seal(token.CREDIT_MONEY, CREDIT)))
        self.assertEqual(self.account.money.bought, CREDIT)
        self.assertTrue(statement is not None)
        self.assertTrue(self.is_lit())
        self.assertTrue(self.room_shows("C 20.00") or self.room_shows("C 19.99"))

    def test_the_button_and_the_buzzer_of_the_room_are_those_of_the_meter(self):
        sounds = []
        self.room.buzzer_wire.listen(sounds.append)
        self.tap(self.new_card(self.seal(token.CREDIT_MONEY, CREDIT)))
        self.assertEqual(sounds, [1, 0, 1, 0])
        self.room.button.press(1_500)
        self.assertTrue(self.room_shows("8.8.8.8.8.8.", 4))

    def test_a_cut_line_keeps_supply_and_the_room_says_that_no_meter_speaks(self):
        self.tap(self.new_card(self.seal(token.CREDIT_MONEY, CREDIT)))
        self.line.cut()
        self.assertTrue(self.room_shows(NO_METER, 6))
        self.world.run_for(60)
        self.assertTrue(self.is_lit())
        self.assertTrue(self.seen(events.READER_LOST))
        self.line.mend()
        self.assertTrue(self.world.run_until(self.room_is_served, 10))
        self.world.run_for(5)
        self.assertTrue(self.seen(events.READER_BACK))
        statement = self.tap(self.new_card(self.seal(token.CREDIT_MONEY, CREDIT)))
        self.assertEqual(self.account.money.bought, 2 * CREDIT)
        self.assertTrue(statement is not None)

    def room_is_served(self):
        return self.room.display.segments() != bytes(render(NO_METER))

    def test_a_line_that_is_cut_amid_a_tap_loses_and_doubles_nothing(self):
        card = self.new_card(self.seal(token.CREDIT_MONEY, CREDIT))
        self.put_in(card)
        self.assertTrue(self.world.run_until(lambda: self.account.money.bought == CREDIT, 5))
        self.line.cut()
        self.world.run_for(10)
        self.line.mend()
        self.world.run_for(10)
        self.assertTrue(self.station.statement(card) is not None)
        self.assertEqual(self.account.money.bought, CREDIT)

    def test_a_restart_of_the_meter_finds_the_room_again(self):
        self.world.reset_board()
        self.world.run_for(5)
        self.assertTrue(self.room_shows("C  0.00"))
        self.tap(self.new_card(self.seal(token.CREDIT_MONEY, CREDIT)))
        self.assertEqual(self.account.money.bought, CREDIT)

    def test_a_noisy_line_only_costs_time(self):
        self.line.noise = 60
        self.put_in(self.new_card(self.seal(token.CREDIT_MONEY, CREDIT)))
        self.assertTrue(self.world.run_until(lambda: self.account.money.bought == CREDIT, 30))
        self.world.run_for(10)
        self.assertEqual(self.account.money.bought, CREDIT)

    def test_the_console_tells_the_reader_and_gives_it_up(self):
        self.assertTrue("in the room" in self.type("reader"))
        self.technician("reader own")
        self.world.reset_board()
        self.world.run_for(5)
        self.assertTrue(self.is_shown("C  0.00"))
        card = self.new_card(self.seal(token.CREDIT_MONEY, CREDIT))
        self.world.insert(card)
        self.world.run_for(3)
        self.assertEqual(self.account.money.bought, CREDIT)


class TestTheStudent(RoomStory):
    """Key card: supply lasts while the card is in the room."""

    contract = "key-card"

    def key_card(self):
        content = key_card.CardContent(1, 5_000_000, 0, PRICE, (0, key_card.DAY, 0, 0), 1)
        return self.station.key_card("classic-1k", STUDENT, content)

    def dark_after_s(self):
        began_us = self.world.clock.now_us
        self.assertTrue(self.world.run_until(lambda: not self.is_lit(), 60))
        return (self.world.clock.now_us - began_us) / 1_000_000

    def test_a_card_taken_out_in_the_room_opens_the_switch_at_the_panel(self):
        self.assertTrue(self.room_shows("E 16"))
        card = self.key_card()
        self.put_in(card)
        self.assertTrue(self.world.run_until(self.is_lit, 5))
        self.assertTrue(self.room_shows("C  5.00"))
        self.world.run_for(300)
        self.assertTrue(self.is_lit())
        self.take_out(card)
        dark_after_s = self.dark_after_s()
        self.assertTrue(GRACE_S - 1 < dark_after_s < GRACE_S + 1, dark_after_s)
        self.assertTrue(self.room_shows("E 16"))
        spent = 5_000_000 - self.station.on_key_card(card).balance
        self.assertTrue(spent > 0)

    def test_a_cut_line_is_a_card_that_cannot_be_read(self):
        card = self.key_card()
        self.put_in(card)
        self.assertTrue(self.world.run_until(self.is_lit, 5))
        self.line.cut()
        dark_after_s = self.dark_after_s()
        self.assertTrue(GRACE_S - 1 < dark_after_s < GRACE_S + 2, dark_after_s)
        self.assertEqual(self.reason(), supply.CARD_UNREADABLE)
        self.assertTrue(self.room_shows(NO_METER))
        self.line.mend()
        self.assertTrue(self.world.run_until(self.is_lit, 20))

    def test_a_second_board_on_the_line_ends_supply(self):
        self.put_in(self.key_card())
        self.assertTrue(self.world.run_until(self.is_lit, 5))
        other = RoomHardware(self.world.clock, self.line, b"room no. 2")
        other.pairing.key = self.room.pairing.key
        self.world.companions.append(other.run)
        self.world.reset_board()
        self.world.run_for(20)
        self.assertFalse(self.is_lit())
        self.assertTrue(self.reason() in (supply.CARD_UNREADABLE, supply.NO_CARD))

    def test_another_board_in_its_place_is_not_believed(self):
        self.put_in(self.key_card())
        self.assertTrue(self.world.run_until(self.is_lit, 5))
        self.room.pairing.key = b"of another meter"
        self.world.reset_board()
        self.world.run_for(20)
        self.assertFalse(self.is_lit())
        self.assertTrue("another meter" in self.type("reader"))
        self.assertTrue(self.room_shows(NO_METER) or self.room_shows(NOT_BELIEVED))


if __name__ == "__main__":
    unittest.main()
