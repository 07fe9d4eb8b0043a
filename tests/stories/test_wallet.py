"""A customer lays the whole wallet on the reader: the card of the meter, and a bank card or a phone beside it."""

import unittest

from boards.host.cards.foreign import ForeignCard, Phone
from tests.stories.story import ContractStory
from wattpurse.core.messages import token
from wattpurse.drivers.segments import render

SHORT_BEEP_MS = 80
LONG_BEEP_MS = 400


class TestTheWalletOnTheReader(ContractStory):
    """The credit is in the meter, and nothing that is seen or heard may say otherwise."""

    def setUp(self):
        super().setUp()
        self.edges = []
        self.world.hardware.buzzer_wire.listen(lambda level: self.edges.append((self.world.clock.now_us, level)))

    def lay_on(self, *cards):
        """Put the cards on the reader for some seconds. Return the beeps in ms, and all codes that were shown."""
        codes = set()
        for card in cards:
            self.world.insert(card)
        for _ in range(80):
            self.world.run_for(0.05)
            lit = bytes(self.world.hardware.display.segments())
            codes.update([code for code in ("E 22", "E 23") if bytes(render(code)) == lit])
        for card in cards:
            self.world.remove(card)
        self.world.run_for(2)
        edges, self.edges[:] = list(self.edges), []
        pairs = zip(edges, edges[1:])
        return [(end_us - begin_us) // 1000 for (begin_us, level), (end_us, _) in pairs if level], codes

    def test_a_bank_card_beside_the_card_of_the_meter(self):
        for sequence, uid in enumerate((b"\x00\x00\x00\x01", b"\xff\xff\xff\xff"), 1):
            card = self.new_card(self.seal(token.CREDIT_MONEY, 5_000_000))
            self.assertEqual(self.lay_on(card, ForeignCard(uid)), ([SHORT_BEEP_MS, SHORT_BEEP_MS], set()))
            self.assertEqual(self.account.money.bought, sequence * 5_000_000)

    def test_a_phone_beside_the_card_of_the_meter(self):
        card = self.new_card(self.seal(token.CREDIT_MONEY, 5_000_000), kind="ntag215")
        self.assertEqual(self.lay_on(Phone(), card), ([SHORT_BEEP_MS, SHORT_BEEP_MS], set()))

    def test_a_phone_alone_is_refused_once(self):
        self.assertEqual(self.lay_on(Phone()), ([LONG_BEEP_MS], {"E 23"}))


if __name__ == "__main__":
    unittest.main()
