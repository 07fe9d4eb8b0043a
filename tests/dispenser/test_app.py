"""A whole dispensing unit: its keys, its display, its cards, and faults of each part."""

import unittest

from boards.host.cards.desfire_chip import KIND as DESFIRE
from boards.host.cards.ultralight import UltralightCard
from tests.dispenser import kiosk
from tests.dispenser.kiosk import Bench
from tests.dispenser.test_unit import opened
from tests.dispenser.whole_unit import WholeUnit
from tests.services.desk_bench import Station, key_content
from wattpurse.core.messages import token


class WholeUnitTest(unittest.TestCase):
    def setUp(self):
        self.office = Bench()  # writes and reads cards, as the office does
        self.system = self.office.system_card()
        self.unit = WholeUnit()
        self.unit.power_up()
        self.set_up()

    def tearDown(self):
        self.assertEqual(self.unit.lcd.violations, [])
        self.assertEqual(self.unit.expander.violations, [])
        self.unit.close()

    def set_up(self):
        self.assertTrue(self.unit.shows("Not set up"))
        self.assertIn("unit of issuer 3", self.unit.set_up())

    @property
    def book(self):
        return self.unit.dispenser.book

    def lay(self, card):
        self.unit.reader.field.insert(card)

    def lift(self, card):
        self.unit.reader.field.remove(card)
        self.unit.run_ms(1_000)

    def open_it(self):
        self.assertTrue(self.unit.shows("Closed", "Lay system card"))
        self.lay(self.system)
        self.assertTrue(self.unit.shows("Open"))
        self.lift(self.system)

    def sell(self, card, keys="2000#", meter="Meter 1002"):
        self.lay(card)
        self.assertTrue(self.unit.shows(meter, "Amount"))
        self.unit.type(keys)
        self.assertTrue(self.unit.shows("Pay", "#yes"))
        self.unit.type("#")

    def counts_on(self, card):
        self.unit.reader.field.remove(card)
        self.unit.close()
        return [opened(sealed).sequence & 0xFFF for sealed in self.office.tokens_on(card)]


class TestKiosk(WholeUnitTest):
    def test_a_sale_from_the_card_to_the_receipt(self):
        self.open_it()
        card = self.office.customer("classic-1k")
        self.assertTrue(self.unit.shows("Lay card", "Left 1000.00 EUR"))
        self.lay(card)
        self.assertTrue(self.unit.shows("Meter 1002", "Amount 0.00 EUR"))
        self.unit.type("2050")
        self.assertTrue(self.unit.shows("Meter 1002", "Amount 20.50 EUR"))
        self.unit.type("#")
        self.assertTrue(self.unit.shows("Pay 20.50 EUR", "#yes *no"))
        self.assertEqual(self.book.last_sale, 0)
        self.unit.type("#")
        self.assertTrue(self.unit.shows("Receipt 3/1", "Paid 20.50 EUR"))
        self.lift(card)
        self.assertTrue(self.unit.shows("Lay card", "Left 979.50 EUR"))
        self.unit.close()
        told = opened(self.office.tokens_on(card)[0])
        self.assertEqual((told.kind, told.fields()), (token.CREDIT_MONEY, (20_500_000,)))

    def test_energy_is_shown_before_it_is_confirmed(self):
        self.open_it()
        card = self.office.customer("ntag215", kiosk.ENERGY_METER)
        self.lay(card)
        self.assertTrue(self.unit.shows("Meter 1003"))
        self.unit.type("2000#")
        self.assertTrue(self.unit.shows("Pay 20.00 EUR", "#yes *no 57.14 kWh"[:16]))

    def test_the_star_goes_back_and_then_locks_the_unit(self):
        self.open_it()
        card = self.office.customer()
        self.lay(card)
        self.assertTrue(self.unit.shows("Meter 1002"))
        self.unit.type("50#")
        self.assertTrue(self.unit.shows("Pay 0.50 EUR"))
        self.unit.type("*")
        self.assertTrue(self.unit.shows("Meter 1002", "Amount 0.50 EUR"))
        self.unit.type("***")
        self.assertTrue(self.unit.shows("Lay card"))
        self.unit.type("*")
        self.assertTrue(self.unit.shows("Closed"))
        self.lift(card)
        self.lay(card)
        self.assertTrue(self.unit.shows("Refused", "closed"))
        self.assertEqual(self.book.last_sale, 0)

    def test_a_card_that_is_exchanged_before_the_confirmation_gets_nothing(self):
        self.open_it()
        card, other = self.office.customer(), self.office.customer("classic-1k")
        self.lay(card)
        self.assertTrue(self.unit.shows("Meter 1002"))
        self.unit.type("500#")
        self.assertTrue(self.unit.shows("Pay 5.00 EUR"))
        self.unit.reader.field.remove(card)
        self.lay(other)
        self.unit.type("#")
        self.assertEqual(self.book.last_sale, 0)

    def test_a_quiet_unit_locks_itself(self):
        self.open_it()
        self.unit.run_ms(590_000)
        self.assertTrue(self.unit.shows("Lay card"))
        self.unit.run_ms(12_000)
        self.assertTrue(self.unit.shows("Closed"))
        self.assertEqual(self.unit.starts, 1)

    def test_a_system_card_of_another_unit_opens_nothing(self):
        self.unit.run_ms(100)
        copied = UltralightCard("ntag216", kiosk.PAGES_UID)  # the content of one card on another one
        copied.memory[16:] = self.system.memory[16:]
        self.lay(copied)
        self.assertTrue(self.unit.shows("Refused", "other unit"))
        self.assertIsNone(self.unit.dispenser.unit.record)


class TestKeyCards(WholeUnitTest):
    """The office alone loads key cards: the unit refuses them, and leaves them and its book as they are."""

    def refused(self, card, reason):
        self.open_it()
        before = card.image()["memory"]
        self.lay(card)
        self.assertTrue(self.unit.shows("Refused", reason))
        self.unit.type("2000##")
        self.unit.run_ms(2_000)
        self.assertEqual((self.book.last_sale, self.book.owed), (0, []))
        self.assertEqual(card.image()["memory"], before)

    def test_a_key_card_on_a_memory_card_is_refused(self):
        self.refused(Station().new_key_card("ntag216", key_content()), "key card")

    def test_a_desfire_card_is_refused(self):
        self.refused(Station().new_key_card(DESFIRE, key_content()), "unknown card")


class TestFaults(WholeUnitTest):
    def test_a_power_cut_in_a_sale_is_finished_on_the_same_card(self):
        for operation in range(1, 12):
            with self.subTest(operation=operation):
                unit = self.unit
                self.open_it()
                uid = b"\x04\x55\x66\x77\x11\x99" + bytes((operation,))
                card = self.office.customer(uid=uid)
                sales, starts = self.book.last_sale, unit.starts
                unit.flash.faults.plan_cut(operation, 500, "page")
                self.sell(card, "100#")
                unit.run_ms(2_000)
                unit.flash.faults.operations_to_cut = None
                if unit.starts == starts:
                    self.assertTrue(unit.shows("Receipt"))
                    self.lift(card)
                    unit.type("*")
                    continue
                self.lift(card)
                self.open_it()
                if self.book.owed:
                    self.lay(card)
                    self.assertTrue(unit.shows(f"Receipt 3/{sales + 1}"))
                elif self.book.last_sale == sales:
                    self.sell(card, "100#")
                    self.assertTrue(unit.shows(f"Receipt 3/{sales + 1}"))
                self.assertEqual((self.book.last_sale, self.book.owed), (sales + 1, []))
                self.lift(card)
                unit.type("*")
        self.assertGreater(self.unit.starts, 4)

    def test_a_card_that_is_pulled_out_of_a_write_is_asked_for_again(self):
        self.open_it()
        card = self.office.customer("classic-1k")
        self.lay(card)
        self.assertTrue(self.unit.shows("Meter 1002"))
        self.unit.type("2000#")
        self.assertTrue(self.unit.shows("Pay"))
        self.unit.keys.press("#")
        self.assertTrue(self.unit.run_until(lambda: self.book.owed, step_ms=1))
        self.unit.reader.field.remove(card)
        self.assertTrue(self.unit.shows("Lay card again", "the sale is owed"))
        self.lay(card)
        self.assertTrue(self.unit.shows("Receipt 3/1", "Paid 20.00 EUR"))
        self.assertEqual(self.counts_on(card), [1])

    def test_a_unit_without_display_and_keypad_takes_cards_again_when_they_are_back(self):
        self.unit.bus.jammed = True
        self.unit.run_ms(5_000)
        self.unit.bus.jammed = False
        self.unit.lcd.power_up()
        self.unit.run_ms(2_000)
        self.open_it()
        self.assertEqual(self.unit.starts, 1)

    def test_a_book_that_cannot_be_read_is_not_overwritten(self):
        self.open_it()
        before = bytearray(self.unit.flash.memory)
        for start in range(0, len(before), 4096):
            before[start + 40 : start + 60] = bytes(20)
        self.unit.flash.memory[:] = before
        self.unit.power_up()
        self.assertTrue(self.unit.shows("Book unreadable"))
        self.assertEqual(self.unit.flash.memory, before)


class TestSetUp(unittest.TestCase):
    def test_a_unit_is_set_up_once(self):
        unit = WholeUnit()
        unit.power_up()
        for line, answer in (
            ("setup 3", "commands"),
            ("setup x 00", "number"),
            ("setup 16 " + kiosk.UNIT_KEY.hex(), "1 to 15"),
            ("setup 3 0011", "32"),
            ("status", "Not set up"),
            (f"setup 3 {kiosk.UNIT_KEY.hex()}", "issuer 3"),
            (f"setup 4 {kiosk.UNIT_KEY.hex()}", "already"),
            ("status", "issuer 3, issue 0, sales 0, left 0, owed to cards: none"),
        ):
            unit.console.type_line(line)
            unit.run_ms(200)
            self.assertIn(answer, unit.console.take_output())
        unit.close()

    def test_a_set_up_that_power_cut_off_is_done_again(self):
        for operation in range(1, 9):
            unit = WholeUnit(operation)
            unit.power_up()
            unit.run_ms(100)
            unit.flash.faults.plan_cut(operation, 500, "page")
            unit.set_up()
            unit.run_ms(200)
            if unit.dispenser.book.issuer != kiosk.ISSUER:
                self.assertIn("unit of issuer 3", unit.set_up())
            unit.flash.faults.operations_to_cut = None
            unit.power_up()
            unit.run_ms(100)
            self.assertEqual((unit.dispenser.book.issuer, unit.dispenser.book.key), (kiosk.ISSUER, kiosk.UNIT_KEY))
            unit.close()


if __name__ == "__main__":
    unittest.main()
