"""The dispensing unit sells within its credit, numbers its tokens once, and takes its sales home."""

import unittest

from boards.host.chips.aes import aes
from tests.dispenser import kiosk
from tests.dispenser.kiosk import Bench
from wattpurse.core.messages import token
from wattpurse.core.money.token_windows import number_of
from wattpurse.core.seals import keys
from wattpurse.dispenser import system_card
from wattpurse.dispenser.book import BookRefused


def opened(sealed, meter=kiosk.METER):
    """Return a token as its meter opens it, with the key that it derives itself."""
    key = keys.issuer_key(aes, keys.meter_key(aes, kiosk.VENDING_KEY, meter), kiosk.ISSUER)
    return token.open_token(aes, keys.token_keys(aes, key), sealed)


class UnitTest(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.system = self.bench.system_card()

    def refuses(self, reason, call, *arguments):
        with self.assertRaises(BookRefused) as caught:
            call(*arguments)
        self.assertEqual(caught.exception.reason, reason)


class TestSales(UnitTest):
    def test_a_closed_unit_sells_nothing(self):
        self.refuses("closed", self.bench.sell, self.bench.customer(), 2_000)

    def test_a_sale_is_a_token_that_the_meter_opens(self):
        self.bench.open_with(self.system)
        for kind in ("classic-1k", "ntag213", "ntag215", "ntag216"):
            card = self.bench.customer(kind)
            sale = self.bench.sell(card, 2_000)
            told = opened(self.bench.tokens_on(card)[0])
            self.assertEqual((told.kind, told.fields(), told.tenant), (token.CREDIT_MONEY, (20_000_000,), kiosk.TENANT))
            self.assertEqual(told.sequence, number_of(kiosk.ISSUER, sale.count))
        self.assertEqual(self.bench.book.left, kiosk.ALLOWED - 8_000)

    def test_energy_is_sold_at_the_price_of_the_system_card_rounded_down(self):
        self.bench.open_with(self.system)
        card = self.bench.customer(meter=kiosk.ENERGY_METER)
        self.bench.sell(card, 2_000)
        told = opened(self.bench.tokens_on(card)[0], kiosk.ENERGY_METER)
        self.assertEqual((told.kind, told.fields()), (token.CREDIT_ENERGY, (20_000_000 * 1_000_000 // kiosk.PRICE,)))

    def test_the_credit_of_the_unit_is_the_limit(self):
        self.bench.write_record(self.system, kiosk.record(allowed=5_000))
        self.bench.open_with(self.system)
        card = self.bench.customer("classic-1k")
        self.bench.sell(card, 3_000)
        self.refuses("no credit left", self.bench.sell, card, 2_001)
        self.bench.sell(card, 2_000)
        self.refuses("no credit left", self.bench.sell, card, 1)

    def test_a_full_card_is_refused_before_anything_is_sold(self):
        self.bench.open_with(self.system)
        card = self.bench.customer("ntag213")
        self.bench.sell(card, 2_000)
        self.refuses("card is full", self.bench.sell, card, 2_000)
        self.assertEqual((self.bench.book.last_sale, self.bench.book.sold), (1, 2_000))

    def test_the_sales_are_on_the_system_card_when_it_comes_back(self):
        self.bench.open_with(self.system)
        card = self.bench.customer("classic-1k")
        self.bench.sell(card, 2_000)
        self.bench.sell(card, 1_500)
        self.assertEqual(self.bench.sales_on(self.system), [])
        self.bench.open_with(self.system)
        code = system_card.time_code(kiosk.MADE_S)
        self.assertEqual(
            self.bench.sales_on(self.system),
            [(1, kiosk.METER, 1, 2_000, code, 1), (2, kiosk.METER, 2, 1_500, code, 1)],
        )


if __name__ == "__main__":
    unittest.main()
