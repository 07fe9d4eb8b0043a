"""The standing of a meter with its customer: empty at first, then kept; only the newest order has effect."""

import unittest

from wattpurse.core.money import standing
from wattpurse.core.money.standing import Standing
from wattpurse.core.tariffs.calendar import LATEST_S


class TestStanding(unittest.TestCase):
    def test_a_new_meter_has_neither_debt_nor_permit(self):
        new = Standing()
        self.assertEqual([new[name] for name in standing.names()], [0] * len(standing.names()))
        self.assertEqual(new.pack(), b"\x00")

    def test_every_number_comes_back(self):
        full = Standing()
        for name in standing.names():
            full.set(name, 1)
        again, position = Standing.unpack(b"x" + full.pack(), 1)
        self.assertEqual(position, 1 + len(full.pack()))
        self.assertEqual(again.changed(), full.changed())

    def test_none_is_negative_but_the_amounts_of_a_receipt(self):
        for name in standing.names():
            numbers = Standing()
            try:
                numbers.set(name, -1)
            except ValueError:
                continue
            self.assertIn(name, ("receipt_microunits", "receipt_mwh"))

    def test_ends_may_be_as_late_as_the_calendar_goes(self):
        late = Standing()
        late.set("term_until_s", LATEST_S)
        with self.assertRaises(ValueError):
            late.set("term_until_s", LATEST_S + 1)

    def test_places_are_those_that_flash_and_cards_know(self):
        """Compare the places with those in flash and on cards. A name may change, its place never."""
        places = {
            "term_until_s": 0,
            "dispenser_until_s": 1,
            "permit_until_s": 2,
            "ordered_open": 3,
            "emergency_money": 4,
            "debt_microunits": 9,
            "tenant": 15,
            "receipt_sequence": 16,
        }
        self.assertEqual({name: Standing().place(name) for name in places}, places)

    def test_each_kind_of_order_has_its_own_newest(self):
        numbers = Standing()
        numbers.note_order(numbers.place("ordered_open"), 7)
        numbers.note_order(numbers.place("shortage_level"), 9)
        numbers.note_order(numbers.place("tenant"), 11)
        self.assertEqual((numbers.newest_order("ordered_open"), numbers.newest_order("shortage_level")), (7, 9))

    def test_bytes_that_no_standing_gave_are_refused(self):
        last = len(standing.names())
        for data in (b"", b"\x01", bytes((1, last, 0)), bytes((1, 3, 4)), bytes((1, 0, 0x80))):
            with self.assertRaises(ValueError):
                Standing.unpack(data, 0)


if __name__ == "__main__":
    unittest.main()
