"""The cards that a person can choose."""

import unittest

from boards.host.screen.card_list import CardList


class Folder:
    """Cards with the times at which their files were written."""

    def __init__(self, count):
        self.times = {f"card{number:02}": number for number in range(count)}

    def names(self):
        return sorted(self.times)

    def written_s(self, name):
        return self.times[name]


class TestCardList(unittest.TestCase):
    def setUp(self):
        self.folder = Folder(25)
        self.folder.times["tenant"] = -1
        self.cards = CardList(self.folder, "tenant")

    def _all(self):
        names = []
        for _ in range(self.cards.pages):
            names += self.cards.names()
            self.cards.turn(1)
        return names

    def test_every_card_of_many_is_reachable(self):
        self.assertEqual(self.cards.pages, 3)
        self.assertEqual(sorted(self._all()), self.folder.names())
        self.assertEqual(len(self.cards.names()), 9)
        self.cards.turn(-1)
        self.assertEqual(self.cards.names()[-1], "card00")

    def test_the_card_of_the_customer_is_first_however_old_it_is(self):
        self.assertEqual(self.cards.names()[0], "tenant")

    def test_the_newest_cards_come_next(self):
        self.assertEqual(self.cards.names()[1:4], ["card24", "card23", "card22"])

    def test_a_key_keeps_its_card_while_cards_are_written(self):
        before = self._all()
        self.folder.times["card05"] = 1_000
        self.cards.update()
        self.assertEqual(self._all(), before)

    def test_a_card_that_is_made_meanwhile_appears_in_front(self):
        self.folder.times["new"] = 1_000
        self.cards.update()
        self.assertEqual(self.cards.names()[:3], ["tenant", "new", "card24"])

    def test_cards_that_are_gone_leave_no_empty_page(self):
        self.cards.turn(-1)
        self.folder.times = {"tenant": 1}
        self.cards.update()
        self.assertEqual((self.cards.page, self.cards.names()), (0, ["tenant"]))
        self.folder.times = {}
        self.cards.update()
        self.assertEqual((self.cards.pages, self.cards.names()), (1, []))


if __name__ == "__main__":
    unittest.main()
