"""The purse: layouts, order boxes, statement boxes, and the state of all of them after a torn write."""

import unittest

from boards.host.chips.aes import aes
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from tests.samples import NEW_YEAR_S, new_account
from wattpurse.cards import purse
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.messages import statement, token
from wattpurse.core.seals import keys

METER = 1002
METER_KEY = b"the meter's key!"
UID = b"\x04\x55\x66\x77\x88\x99\xaa"
CAPACITIES = {
    "classic-1k": (720, 16),
    "ntag213": (144, 4),
    "ntag215": (504, 4),
    "ntag216": (888, 4),
    "ultralight": (48, 4),
}
TORN_FORMS = 4


class FakeMemory:
    """A card's linear memory, which can be torn out of the field while it is written."""

    def __init__(self, kind, content=None):
        self.kind = kind
        self.capacity, self.unit = CAPACITIES[kind]
        self.content = bytearray(content or bytes(self.capacity))
        self.units_written = 0
        self.bytes_read = 0
        self.torn_write = None
        self.torn_form = 0
        self.forgetful = False

    def tear(self, torn_write, form):
        """Let the card leave at the `torn_write`-th unit from now. `form` selects the content of that unit."""
        self.units_written = 0
        self.torn_write, self.torn_form = torn_write, form

    async def read(self, offset, buffer):
        if not 0 <= offset <= offset + len(buffer) <= self.capacity:
            raise ValueError("beyond the memory")
        buffer[:] = self.content[offset : offset + len(buffer)]
        self.bytes_read += len(buffer)

    async def write(self, offset, data):
        if offset % self.unit or len(data) % self.unit or offset + len(data) > self.capacity:
            raise ValueError("whole units only")
        for start in range(0, len(data), self.unit):
            self._write_unit(offset + start, data[start : start + self.unit])

    def _write_unit(self, offset, new):
        self.units_written += 1
        end = offset + self.unit
        if self.units_written == self.torn_write:
            old = bytes(self.content[offset:end])
            half = self.unit // 2
            noise = RandomBits(self.units_written)
            garbage = bytes([byte ^ noise(8) for byte in new])
            self.content[offset:end] = (old, new, new[:half] + old[half:], garbage)[self.torn_form]
            raise CardError("silent")
        if not self.forgetful:
            self.content[offset:end] = new


def tokens(count, first=1):
    pair = keys.token_keys(aes, METER_KEY)
    made = [
        token.seal_token(aes, pair, 1, METER, first + number, *token.make(token.CREDIT_MONEY, 20_000_000))
        for number in range(count)
    ]
    return b"".join(made)


class PurseTest(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.pair = keys.statement_keys(aes, keys.statement_key(aes, METER_KEY), UID)
        self.account = new_account()

    def write_orders(self, memory, content, kind=purse.CUSTOMER):
        self.clock.run(purse.write_orders(memory, kind, METER, content))

    def read_orders(self, memory):
        return self.clock.run(purse.read_orders(memory))

    def content(self, memory):
        box = self.read_orders(memory)
        return None if box is None else box.content

    def write_statement(self, memory, balance=0):
        self.account.money.bought = balance

        def seal(number, capacity):
            payload = statement.compose(self.account, 0, NEW_YEAR_S, capacity)
            return statement.seal_statement(aes, self.pair, number, METER, payload)

        self.clock.run(purse.write_statement(memory, aes, self.pair, seal))

    def balance(self, memory):
        opened = self.clock.run(purse.read_statement(memory, aes, self.pair))
        return None if opened is None else opened["balance"]


class TestLayouts(PurseTest):
    def test_boxes_lie_inside_the_card_in_whole_units_and_apart(self):
        self.assertEqual(sorted(purse.KINDS), sorted(CAPACITIES))
        for kind in purse.KINDS:
            layout = purse.layout_of(kind)
            capacity, unit = CAPACITIES[kind]
            boxes = [(offset, layout.order_size) for offset in layout.order_offsets]
            boxes += [(offset, layout.statement_size) for offset in layout.statement_offsets]
            end = 0
            for offset, size in sorted(boxes):
                self.assertTrue(offset >= end and offset % unit == 0, kind)
                end = offset + size
            self.assertLessEqual(end, capacity)

    def test_rooms_for_credit_tokens(self):
        rooms = [purse.layout_of(kind).content_size // token.CREDIT_TOKEN_SIZE for kind in purse.KINDS]
        self.assertEqual(rooms, [3, 1, 3, 5, 1])


class TestStatementCopies(PurseTest):
    def copies(self, memory):
        return self.clock.run(purse.read_statement_copies(memory))

    def test_both_copies_are_read_the_newest_first(self):
        memory = FakeMemory("classic-1k")
        self.assertEqual(self.copies(memory), [])
        for balance in (1, 2):
            self.write_statement(memory, balance)
        opened = [statement.open_statement(aes, self.pair, data)["balance"] for data in self.copies(memory)]
        self.assertEqual(opened, [2, 1])


class TestOrders(PurseTest):
    def test_a_blank_card_has_none(self):
        for kind in purse.KINDS:
            capacity = CAPACITIES[kind][0]
            self.assertIsNone(self.read_orders(FakeMemory(kind)))
            self.assertIsNone(self.read_orders(FakeMemory(kind, b"\xff" * capacity)))
            self.assertIsNone(self.read_orders(FakeMemory(kind, b"\x4f\x01" * (capacity // 2))))

    def test_what_is_written_is_read(self):
        for kind in purse.KINDS:
            memory = FakeMemory(kind)
            for count in range(purse.layout_of(kind).content_size // token.CREDIT_TOKEN_SIZE + 1):
                self.write_orders(memory, tokens(count))
                box = self.read_orders(memory)
                self.assertEqual((box.kind, box.meter_number, box.content), (purse.CUSTOMER, METER, tokens(count)))

    def test_the_newest_counts_through_all_versions(self):
        memory = FakeMemory("classic-1k")
        for number in range(1, 600):
            content = bytes((number & 0xFF, number >> 8, 0, 0))
            self.write_orders(memory, content)
            self.assertEqual(self.content(memory), content)

    def test_what_has_no_room_is_refused_and_nothing_written(self):
        for kind in purse.KINDS:
            memory = FakeMemory(kind)
            room = purse.layout_of(kind).content_size
            self.assertRaises(ValueError, self.write_orders, memory, bytes(room // 4 * 4 + 4))
            self.assertRaises(ValueError, self.write_orders, memory, bytes(3))
            self.assertEqual(memory.units_written, 0)

    def test_any_flipped_bit_makes_a_box_broken(self):
        memory = FakeMemory("ntag213")
        self.write_orders(memory, tokens(1))
        for bit in range(48 * 8):
            memory.content[bit // 8] ^= 1 << bit % 8
            self.assertIsNone(self.read_orders(memory))
            memory.content[bit // 8] ^= 1 << bit % 8
        self.assertEqual(self.content(memory), tokens(1))

    def test_the_older_box_counts_while_the_newer_is_broken(self):
        memory = FakeMemory("ntag215")
        self.write_orders(memory, tokens(1))
        self.write_orders(memory, tokens(2))
        memory.content[120 + 20] ^= 1
        self.assertEqual(self.content(memory), tokens(1))
        self.write_orders(memory, tokens(3))
        self.assertEqual(self.content(memory), tokens(3))

    def test_a_card_that_keeps_something_else_is_noticed(self):
        memory = FakeMemory("ntag216")
        memory.forgetful = True
        self.assertRaises(CardError, self.write_orders, memory, tokens(1))

    def test_a_torn_write_leaves_old_or_new(self):
        for kind in ("classic-1k", "ntag215", "ntag216"):
            units = (purse.HEAD_SIZE + len(tokens(3))) // CAPACITIES[kind][1]
            for form in range(TORN_FORMS):
                for torn_write in range(1, units + 1):
                    self._tear(kind, torn_write, form)

    def _tear(self, kind, torn_write, form):
        memory = FakeMemory(kind)
        self.write_orders(memory, tokens(1))
        self.write_orders(memory, tokens(2))
        memory.tear(torn_write, form)
        self.assertRaises(CardError, self.write_orders, memory, tokens(3))
        self.assertIn(self.content(memory), (tokens(2), tokens(3)))
        self.write_orders(memory, tokens(3))
        self.assertEqual(self.content(memory), tokens(3))

    def test_one_box_alone_is_old_new_or_broken_and_can_be_written_again(self):
        for form in range(TORN_FORMS):
            for torn_write in range(1, 13):
                memory = FakeMemory("ntag213")
                self.write_orders(memory, tokens(1))
                memory.tear(torn_write, form)
                self.assertRaises(CardError, self.write_orders, memory, tokens(1, first=2))
                self.assertIn(self.content(memory), (None, tokens(1), tokens(1, first=2)))
                self.write_orders(memory, tokens(1, first=2))
                self.assertEqual(self.content(memory), tokens(1, first=2))

    def test_no_more_is_read_than_the_newest_box_needs(self):
        memory = FakeMemory("classic-1k")
        self.write_orders(memory, tokens(1))
        self.write_orders(memory, tokens(1))
        memory.bytes_read = 0
        self.read_orders(memory)
        self.assertEqual(memory.bytes_read, 2 * 16 + 12 + 36 - 16)


class TestSplitting(PurseTest):
    def test_tokens_come_one_by_one(self):
        self.assertEqual(purse.split_tokens(b""), [])
        self.assertEqual(purse.split_tokens(tokens(3)), [tokens(1, first) for first in (1, 2, 3)])

    def test_what_is_no_token_is_the_last_piece(self):
        self.assertEqual(purse.split_tokens(tokens(1) + bytes(8)), [tokens(1), bytes(8)])
        self.assertEqual(purse.split_tokens(tokens(1) + tokens(1)[:20]), [tokens(1), tokens(1)[:20]])
        self.assertEqual(purse.split_tokens(b"\xff" * 8), [b"\xff" * 8])


class TestStatements(PurseTest):
    def test_what_is_written_is_read(self):
        for kind in purse.KINDS:
            memory = FakeMemory(kind)
            self.assertIsNone(self.balance(memory))
            for balance in (5, 6, 7):
                self.write_statement(memory, balance)
                self.assertEqual(self.balance(memory), None if kind == "ultralight" else balance)

    def test_orders_and_statements_leave_each_other_alone(self):
        for kind in ("classic-1k", "ntag213", "ntag215", "ntag216"):
            memory = FakeMemory(kind)
            for round_ in range(3):
                self.write_orders(memory, tokens(1, first=1 + round_))
                self.write_statement(memory, round_)
                self.assertEqual(self.content(memory), tokens(1, first=1 + round_))
                self.assertEqual(self.balance(memory), round_)

    def test_the_newest_counts_through_all_numbers(self):
        memory = FakeMemory("ntag213")
        for number in (1, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x10000):
            payload = statement.compose(self.account, 0, NEW_YEAR_S, 32)
            memory.content[48:96] = statement.seal_statement(aes, self.pair, number, METER, payload)
            for balance in (1, 2, 3):
                self.write_statement(memory, balance)
                self.assertEqual(self.balance(memory), balance)

    def test_a_torn_write_leaves_old_or_new_however_often(self):
        for kind in ("classic-1k", "ntag213", "ntag215", "ntag216"):
            memory = FakeMemory(kind)
            self.write_statement(memory, 1)
            units = memory.units_written
            self.assertGreater(units, 3)
            for form in range(TORN_FORMS):
                for torn_write in range(1, units + 1):
                    self._tear_twice(kind, torn_write, form)

    def _tear_twice(self, kind, torn_write, form):
        memory = FakeMemory(kind)
        self.write_statement(memory, 1)
        self.write_statement(memory, 2)
        for _ in range(2):
            memory.tear(torn_write, form)
            self.assertRaises(CardError, self.write_statement, memory, 3)
            self.assertIn(self.balance(memory), (2, 3))
        self.write_statement(memory, 4)
        self.assertEqual(self.balance(memory), 4)

    def test_a_statement_of_a_contract_not_known_here_is_kept_as_the_older_one(self):
        memory = FakeMemory("ntag213")
        payload = bytearray(statement.compose(self.account, 0, NEW_YEAR_S, 32))
        payload[30] = 15  # contract and detail, see core.statement
        unknown = statement.seal_statement(aes, self.pair, 1, METER, bytes(payload))
        memory.content[48:96] = unknown + bytes(48 - len(unknown))
        self.write_statement(memory, 5)
        self.assertEqual(self.balance(memory), 5)
        self.assertEqual(bytes(memory.content[48 : 48 + len(unknown)]), unknown)

    def test_another_cards_statement_is_none(self):
        memory = FakeMemory("ntag213")
        self.write_statement(memory, 5)
        self.pair = keys.statement_keys(aes, keys.statement_key(aes, METER_KEY), UID[:6] + b"\x00")
        self.assertIsNone(self.balance(memory))

    def test_a_card_that_keeps_something_else_is_noticed(self):
        memory = FakeMemory("ntag216")
        memory.forgetful = True
        self.assertRaises(CardError, self.write_statement, memory)


if __name__ == "__main__":
    unittest.main()
