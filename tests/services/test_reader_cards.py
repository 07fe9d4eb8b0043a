"""Orders of customers' cards through a reader board: torn at any frame, and with any answer lost on the line."""

import unittest

from boards.host.cards.classic import ClassicCard
from boards.host.cards.iso_dep import IsoDepCard
from boards.host.cards.ultralight import UltralightCard
from boards.host.chips.aes import aes
from tests.cards.formatted_card import format_card
from tests.services.reader_bench import ReaderBench
from wattpurse.cards import iso_dep, purse
from wattpurse.cards.classic import ClassicKeys
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.memory import open_card
from wattpurse.core.seals import keys

SITE_KEY = bytes(range(16))
UID4 = b"\x11\x22\x33\x44"
UID7 = b"\x04\x55\x66\x77\x88\x99\xaa"
METER = 10000001
OLD = bytes(range(48))
NEW = bytes(range(48, 112))


def keys_of(uid):
    return ClassicKeys(*keys.classic_keys(aes, SITE_KEY, uid))


async def opened(reader):
    identity = await reader.find_card(True)
    if identity is None:
        raise CardError("silent")
    return await open_card(reader, identity, keys_of)


async def write_orders(reader, content):
    await purse.write_orders(await opened(reader), purse.CUSTOMER, METER, content)


async def read_orders(reader):
    return bytes((await purse.read_orders(await opened(reader))).content)


def classic():
    card = ClassicCard(UID4)
    format_card(card, SITE_KEY)
    return card


def ntag():
    return UltralightCard("ntag215", UID7)


class TestOrders(unittest.TestCase):
    def setUp(self):
        self.bench = ReaderBench()
        self.bench.run(self.bench.reader.start())

    def put(self, card):
        self.bench.model.field.insert(card)
        self.bench.clock.advance_us(5000)
        return card

    def run_far(self, action, *arguments):
        return self.bench.run(action(self.bench.reader, *arguments))

    def run_near(self, action, *arguments):
        """Run at the driver itself, as a reader without a line does."""

        async def started():
            await self.bench.near.start()
            return await action(self.bench.near, *arguments)

        return self.bench.clock.run(started())

    def written(self, make):
        """Return a card with old orders, on the reader."""
        card = self.put(make())
        self.run_near(write_orders, OLD)
        self.run_far(write_orders, OLD)
        return card

    def check_torn_anywhere(self, make):
        frame, torn = 0, 0
        while True:
            frame += 1
            card = self.written(make)
            begun = self.bench.model.field.frames
            self.bench.model.faults.lift(frame)
            try:
                self.run_far(write_orders, NEW)
            except CardError:
                torn += 1
            if self.bench.model.field.frames - begun < frame:
                self.bench.model.field._plan.clear()
                self.assertEqual(self.run_near(read_orders), NEW)
                break
            if card not in self.bench.model.field.cards:
                self.put(card)
            self.assertTrue(self.run_near(read_orders) in (OLD, NEW))
            self.run_far(write_orders, NEW)
            self.assertEqual(self.run_near(read_orders), NEW)
            self.bench.model.field.remove(card)
        self.assertTrue(torn > 20)

    def test_a_classic_that_is_lifted_at_any_frame_keeps_its_orders_or_has_new_ones(self):
        self.check_torn_anywhere(classic)

    def test_an_ntag_that_is_lifted_at_any_frame_keeps_its_orders_or_has_new_ones(self):
        self.check_torn_anywhere(ntag)

    def test_any_answer_that_is_lost_or_damaged_costs_time_alone(self):
        self.written(classic)
        answered = self.bench.server.answered
        without_loss = [self.frames_of_a_write(), self.frames_of_a_write()]  # the two places of the orders
        answers = (self.bench.server.answered - answered) // 2
        damages = (lambda data: b"", lambda data: data[:-1], lambda data: data + data)
        for lost in range(answers):
            self.bench.asked.fault = _at(lost, damages[lost % 3])
            self.assertEqual(self.frames_of_a_write(), without_loss[lost % 2])
        self.assertTrue(answers > 8 and self.bench.link.repeats > 5)
        self.assertEqual(self.run_near(read_orders), OLD)

    def frames_of_a_write(self):
        begun = self.bench.model.field.frames
        self.run_far(write_orders, OLD)
        return self.bench.model.field.frames - begun

    def test_a_restart_of_the_board_at_any_request_leaves_orders_that_can_be_read(self):
        self.written(classic)
        requests = 0
        while True:
            requests += 1
            self.bench.asking.fault = self._restart_at(requests)
            try:
                self.run_far(write_orders, NEW)
                self.assertTrue(self.bench.asking.fault(b"") == b"" and requests > 5)
                break
            except OSError:
                self.bench.asking.fault = None
            self.bench.run(self.bench.reader.recover())
            self.assertTrue(self.run_far(read_orders) in (OLD, NEW))
            self.run_far(write_orders, OLD)

    def _restart_at(self, number):
        left = [number]

        def fault(data):
            left[0] -= 1
            if left[0] == 0:
                self.bench.restart()
            return data

        return fault


class TestIsoDep(unittest.TestCase):
    def setUp(self):
        self.bench = ReaderBench()
        self.bench.run(self.bench.reader.start())
        self.card = IsoDepCard(UID7, lambda command: bytes(reversed(command)))
        self.bench.model.field.insert(self.card)
        self.bench.clock.advance_us(5000)

    async def activated(self):
        return await iso_dep.activate(self.bench.reader, await self.bench.reader.find_card(), self.bench.clock)

    async def answers(self, commands):
        card = await self.activated()
        found = []
        for command in commands:
            found.append(await card.transceive(command))
        return found

    def test_commands_of_any_length_go_through_the_board(self):
        commands = [bytes([number & 0xFF for number in range(length)]) for length in (1, 61, 62, 200, 258)]
        self.assertEqual(self.bench.run(self.answers(commands)), [bytes(reversed(one)) for one in commands])
        self.assertEqual(self.card.executed, commands)
        self.assertEqual(self.bench.model.violations, [])

    def test_an_answer_that_is_lost_on_the_line_executes_no_command_twice(self):
        commands = [b"first", bytes(100), b"last"]
        for lost in range(6):
            self.setUp()
            self.bench.asked.fault = _at(lost, lambda data: b"")
            self.assertEqual(self.bench.run(self.answers(commands)), [bytes(reversed(one)) for one in commands])
            self.assertEqual(self.card.executed, commands)
            self.assertEqual(self.bench.link.repeats, 1)

    def test_a_card_that_is_lifted_is_silent(self):
        card = self.bench.run(self.activated())
        self.bench.model.field.remove(self.card)
        with self.assertRaises(CardError) as caught:
            self.bench.run(card.transceive(b"command"))
        self.assertEqual(caught.exception.reason, "silent")


def _at(number, damage):
    """Return a fault of the write with this number, counted from 0."""
    left = [number]

    def fault(data):
        left[0] -= 1
        return damage(data) if left[0] == -1 else data

    return fault


if __name__ == "__main__":
    unittest.main()
