"""The data card: its slots, the slot that a meter takes, and the statements after a torn write."""

import unittest

from boards.host.chips.aes import aes
from boards.host.world.clock import VirtualClock
from tests.cards.test_purse import CAPACITIES, METER, TORN_FORMS, UID, FakeMemory, tokens
from tests.samples import NEW_YEAR_S, new_account
from wattpurse.cards import data_card, purse
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.messages import statement
from wattpurse.core.seals import keys
from wattpurse.core.seals.sealing import SealBroken

SIZES = (data_card.SHORT_SLOT, data_card.FULL_SLOT)


def key_of(meter):
    return keys.meter_key(aes, b"vending key 0001", meter)


def pair_of(meter):
    return keys.statement_keys(aes, keys.statement_key(aes, key_of(meter)), UID)


class DataCardTest(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.account = new_account()

    def write(self, memory, meter, balance, size=data_card.SHORT_SLOT):
        self.account.money.bought = balance

        def seal(number, capacity):
            payload = statement.compose(self.account, 0, NEW_YEAR_S, capacity)
            return statement.seal_statement(aes, pair_of(meter), number, meter, payload)

        self.clock.run(data_card.write_statement(memory, meter, size, seal))

    def balances(self, memory, size=data_card.SHORT_SLOT):
        """Return the balances of the authentic statements on the card, as a list for each meter."""
        found = {}
        for claim in self.clock.run(data_card.read_claims(memory, size)):
            try:
                opened = statement.open_statement(aes, pair_of(claim.meter_number), claim.data)
            except SealBroken:
                continue
            found.setdefault(claim.meter_number, []).append(opened["balance"])
        return found


class TestLayout(DataCardTest):
    def test_slots_lie_behind_the_order_boxes_in_whole_units_and_apart(self):
        for kind in data_card.KINDS:
            capacity, unit = CAPACITIES[kind]
            layout = purse.layout_of(kind)
            for size in SIZES:
                end = max(layout.order_offsets) + layout.order_size
                for offset in data_card.slots_of(kind, size):
                    self.assertTrue(offset >= end and offset % unit == 0, kind)
                    end = offset + size
                self.assertLessEqual(end, capacity)
                self.assertGreater(end + size, capacity)

    def test_other_kinds_and_sizes_have_none(self):
        for kind in ("ultralight", "ntag213", "ntag215"):
            self.assertEqual(list(data_card.slots_of(kind, data_card.SHORT_SLOT)), [])
        for size in (0, 1, 47, 888, METER):
            self.assertEqual(list(data_card.slots_of("ntag216", size)), [])

    def test_a_slot_holds_the_head_at_least(self):
        self.assertEqual(data_card.capacity_of(data_card.SHORT_SLOT), statement.HEAD_SIZE)
        self.assertGreater(data_card.capacity_of(data_card.FULL_SLOT), statement.HEAD_SIZE)


class TestTokens(DataCardTest):
    def test_each_meter_finds_its_own(self):
        content = tokens(2) + b"\xff" * 8
        self.assertEqual(data_card.tokens_for(content, METER), [tokens(1), tokens(1, first=2)])
        self.assertEqual(data_card.tokens_for(content, METER + 1), [])
        self.assertEqual(data_card.tokens_for(b"", METER), [])


class TestSlots(DataCardTest):
    def test_as_many_meters_as_slots_and_then_it_is_full(self):
        for kind in data_card.KINDS:
            for size in SIZES:
                memory = FakeMemory(kind)
                count = len(data_card.slots_of(kind, size))
                for meter in range(1, count + 1):
                    self.write(memory, meter, meter * 100, size)
                before = bytes(memory.content)
                with self.assertRaises(CardError) as refused:
                    self.write(memory, count + 1, 1, size)
                self.assertEqual(refused.exception.reason, "full")
                self.assertEqual(bytes(memory.content), before)
                self.assertEqual(self.balances(memory, size), {n: [n * 100] for n in range(1, count + 1)})

    def test_a_meter_that_is_tapped_again_keeps_to_one_slot(self):
        memory = FakeMemory("ntag216")
        for balance in range(1, 30):
            self.write(memory, 1, balance)
            self.assertEqual(self.balances(memory), {1: [balance]})

    def test_on_a_full_card_a_meter_writes_over_its_own(self):
        memory = FakeMemory("classic-1k")
        count = len(data_card.slots_of("classic-1k", data_card.SHORT_SLOT))
        for meter in range(1, count + 1):
            self.write(memory, meter, meter)
        self.write(memory, 3, 77)
        self.assertEqual(self.balances(memory), {n: [77 if n == 3 else n] for n in range(1, count + 1)})

    def test_numbers_go_up_across_meters_and_go_round(self):
        memory = FakeMemory("ntag216")
        pair = pair_of(9)
        payload = statement.compose(self.account, 0, NEW_YEAR_S, statement.HEAD_SIZE)
        first = data_card.slots_of("ntag216", data_card.SHORT_SLOT)[0]
        sealed = statement.seal_statement(aes, pair, 0xFFFF, 9, payload)
        memory.content[first : first + len(sealed)] = sealed
        self.write(memory, 1, 5)
        self.write(memory, 2, 6)
        claims = self.clock.run(data_card.read_claims(memory, data_card.SHORT_SLOT))
        self.assertEqual([(claim.meter_number, claim.number) for claim in claims], [(9, 0xFFFF), (1, 0), (2, 1)])

    def test_blanked_slots_are_free(self):
        memory = FakeMemory("classic-1k")
        self.write(memory, 1, 1)
        self.write(memory, 2, 2)
        claims = self.clock.run(data_card.read_claims(memory, data_card.SHORT_SLOT))
        self.clock.run(data_card.blank(memory, [claim.slot for claim in claims]))
        self.assertEqual(self.balances(memory), {})


class TestTears(DataCardTest):
    def test_a_torn_write_harms_no_other_meter_and_leaves_the_old_or_the_new(self):
        for kind in data_card.KINDS:
            for full in (False, True):
                for form in range(TORN_FORMS):
                    self._tear_everywhere(kind, full, form)

    def _tear_everywhere(self, kind, full, form):
        start = FakeMemory(kind)
        others = len(data_card.slots_of(kind, data_card.SHORT_SLOT)) - 1 if full else 2
        for meter in range(1, others + 1):
            self.write(start, meter, meter)
        self.write(start, 50, 7)
        torn_write = 0
        while True:
            torn_write += 1
            memory = FakeMemory(kind, start.content)
            memory.tear(torn_write, form)
            try:
                self.write(memory, 50, 8)
                break
            except CardError:
                pass
            found = self.balances(memory)
            mine = found.pop(50, [])
            self.assertEqual(found, {n: [n] for n in range(1, others + 1)})
            self.assertIn(mine, ([7], [8], [7, 8], [8, 7]) + (([],) if full else ()))
            memory.torn_write = None
            self.write(memory, 50, 9)
            self.assertEqual(self.balances(memory)[50], [9])
            self.assertEqual(len(self.balances(memory)), others + 1)
        self.assertGreater(torn_write, 3)


if __name__ == "__main__":
    unittest.main()
