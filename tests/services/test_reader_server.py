"""A reader board at a line: it finds, reads and writes cards as the driver does, and names each fault."""

import unittest

from boards.host.cards.classic import TRANSPORT_KEY, ClassicCard
from boards.host.cards.ultralight import UltralightCard
from tests.services.reader_bench import IDENTITY, ReaderBench
from wattpurse.cards.classic import ClassicKeys
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import ReaderError
from wattpurse.cards.reader_link import LinkLost
from wattpurse.core.messages import reader_frames as frames

UID4 = b"\x11\x22\x33\x44"
UID7 = b"\x04\x55\x66\x77\x88\x99\xaa"
KEYS = ClassicKeys(TRANSPORT_KEY, TRANSPORT_KEY, write_with_b=False)
CONTENT = bytes(range(256)) * 3


class BenchTest(unittest.TestCase):
    kinds = None

    def setUp(self):
        self.bench = ReaderBench(self.kinds)
        self.reader = self.bench.reader
        self.bench.run(self.reader.start())

    def put(self, card):
        self.bench.model.field.insert(card)
        self.bench.clock.advance_us(5000)
        return card

    def card(self):
        card = ClassicCard(UID4)
        card.memory[64:112] = CONTENT[:48]
        return self.put(card)

    async def memory(self, reader=None):
        reader = reader or self.reader
        identity = await reader.find_card()
        return await open_card(reader, identity, lambda uid: KEYS)

    async def copy(self, size, reader=None):
        memory = await self.memory(reader)
        buffer = bytearray(size)
        await memory.read(0, buffer)
        return bytes(buffer)


class TestStart(BenchTest):
    def test_the_board_tells_who_it_is(self):
        self.assertEqual(self.bench.link.role, frames.DESK_READER)
        self.assertEqual(self.bench.link.identity, IDENTITY)
        self.assertEqual(self.reader.version, self.bench.near.version)

    def test_an_empty_reader_finds_nothing_and_looks_as_long_as_asked(self):
        self.assertIsNone(self.bench.run(self.reader.find_card()))
        begun_us = self.bench.clock.now_us
        self.assertIsNone(self.bench.run(self.reader.find_card(look_ms=500)))
        self.assertTrue(500_000 <= self.bench.clock.now_us - begun_us < 560_000)

    def test_a_card_that_comes_while_the_board_looks_is_told_at_once(self):
        card = ClassicCard(UID4)
        at_us = self.bench.clock.now_us + 300_000
        self.bench.clock.call_at_us(at_us, lambda: self.bench.model.field.insert(card))
        prepared = []
        identity = self.bench.run(self.reader.find_card(False, prepared.append, look_ms=2000))
        self.assertEqual((identity.uid, identity.sak, prepared), (UID4, 8, [UID4]))
        self.assertTrue(self.bench.clock.now_us - at_us < 60_000)


class TestCards(BenchTest):
    def test_a_classic_is_read_and_written(self):
        card = self.card()
        self.assertEqual(self.bench.run(self.copy(48)), CONTENT[:48])

        async def write():
            await (await self.memory()).write(0, CONTENT[:96])

        self.bench.near.power_down()
        self.bench.run(self.reader.power_up())
        self.bench.run(write())
        self.assertEqual(bytes(card.memory[64:112] + card.memory[128:176]), CONTENT[:96])

    def test_a_sector_costs_one_round_trip(self):
        self.card()
        self.bench.run(self.memory())
        before = self.bench.server.answered
        self.bench.run(self.reader.power_down())
        self.bench.run(self.reader.power_up())
        self.assertEqual(self.bench.run(self.copy(96))[:48], CONTENT[:48])
        self.assertEqual(self.bench.server.answered - before, 2 + 1 + 2)

    def test_an_ntag_is_read_and_written(self):
        card = self.put(UltralightCard("ntag213", UID7))

        async def write_and_read():
            memory = await self.memory()
            await memory.write(0, CONTENT[:144])
            buffer = bytearray(144)
            await memory.read(0, buffer)
            return memory.kind, bytes(buffer)

        self.assertEqual(self.bench.run(write_and_read()), ("ntag213", CONTENT[:144]))
        self.assertEqual(bytes(card.memory[16:160]), CONTENT[:144])

    def test_a_card_that_is_asleep_is_selected_again(self):
        self.card()

        async def twice():
            identity = await self.reader.find_card()
            await self.reader.halt()
            asleep = await self.reader.find_card()
            await self.reader.select_again(identity)
            return asleep

        self.assertIsNone(self.bench.run(twice()))

    def test_a_wrong_key_is_refused_and_older_keys_are_tried(self):
        card = self.card()
        card.memory[112:118] = b"older!"
        older = ClassicKeys(b"older!", TRANSPORT_KEY)
        newer = ClassicKeys(b"newer!", TRANSPORT_KEY, older=lambda: older)

        async def read_with(keys):
            memory = await open_card(self.reader, await self.reader.find_card(True), lambda uid: keys)
            buffer = bytearray(48)
            await memory.read(0, buffer)
            return bytes(buffer)

        self.assertEqual(self.bench.run(read_with(newer)), CONTENT[:48])
        with self.assertRaises(CardError) as caught:
            self.bench.run(read_with(ClassicKeys(b"newer!", TRANSPORT_KEY)))
        self.assertEqual(caught.exception.reason, "refused")

    def test_a_block_that_is_torn_fails_at_its_own_read(self):
        self.card()
        memory = self.bench.run(self.memory())
        self.bench.model.field.plan(6, lambda field: {"silence": True})  # two frames authenticate, then READ 4, 5, 6
        self.bench.model.field.plan(5, lambda field: {"silence": True})

        async def read():
            first = bytearray(16)
            await memory.read(0, first)
            try:
                await memory.read(16, bytearray(32))
            except CardError as error:
                return bytes(first), error.reason
            return None

        self.assertEqual(self.bench.run(read())[1], "silent")

    def test_every_write_that_is_torn_raises_and_leaves_the_block_old_or_new_or_torn(self):
        for frame in range(1, 6):
            self.setUp()
            card = self.card()
            memory = self.bench.run(self.memory())
            self.bench.model.field.plan(frame, lambda field, card=card: field.remove(card))
            with self.assertRaises(CardError):
                self.bench.run(memory.write(0, CONTENT[64:80]))
                self.bench.run(memory.write(16, CONTENT[64:80]))


class TestFaults(BenchTest):
    def test_a_lost_answer_is_sent_again_and_the_write_is_done_once(self):
        card = self.card()
        memory = self.bench.run(self.memory())
        frames_before = self.bench.model.field.frames
        lost = [1]
        self.bench.asked.fault = lambda data: b"" if lost and not lost.clear() else data
        self.bench.run(memory.write(0, CONTENT[:16]))
        self.assertEqual(bytes(card.memory[64:80]), CONTENT[:16])
        self.assertEqual(self.bench.link.repeats, 1)
        # The frames on the air are those of a write without any loss.
        self.assertEqual(self.bench.model.field.frames - frames_before, self.frames_of_a_write())

    def frames_of_a_write(self):
        self.setUp()
        self.card()
        memory = self.bench.run(self.memory())
        before = self.bench.model.field.frames
        self.bench.run(memory.write(0, CONTENT[:16]))
        return self.bench.model.field.frames - before

    def test_a_board_that_restarts_refuses_until_recover(self):
        self.card()
        self.bench.restart()
        with self.assertRaises(LinkLost):
            self.bench.run(self.memory())
        with self.assertRaises(LinkLost):
            self.bench.run(self.memory())
        self.bench.run(self.reader.recover())
        self.assertEqual(self.bench.run(self.copy(48)), CONTENT[:48])

    def test_a_line_that_is_cut_ends_in_bounded_time(self):
        self.bench.asking.is_cut = True
        begun_us = self.bench.clock.now_us
        with self.assertRaises(LinkLost):
            self.bench.run(self.reader.find_card())
        self.assertTrue(self.bench.clock.now_us - begun_us < 2_500_000)
        self.bench.asking.is_cut = False
        self.bench.run(self.reader.recover())

    def test_a_line_that_is_gone_is_a_reader_error(self):
        self.bench.asking.is_gone = True
        with self.assertRaises(ReaderError) as caught:
            self.bench.run(self.reader.find_card())
        self.assertTrue("gone" in str(caught.exception))

    def test_a_chip_that_does_not_answer_is_told_with_its_reason(self):
        self.bench.model.faults.spi_dead = 0xFF
        with self.assertRaises(ReaderError) as caught:
            self.bench.run(self.reader.recover())
        self.assertTrue("chip" in str(caught.exception))

    def test_a_look_that_fails_for_a_garbled_card_is_a_card_error(self):
        self.card()
        self.bench.model.field.plan(2, lambda field: {"from_card": (3,)})
        with self.assertRaises(CardError):
            self.bench.run(self.reader.find_card())

    def test_a_board_of_another_version_is_named(self):
        self.bench.asked.fault = lambda data: _of_version(data, 2)
        with self.assertRaises(ReaderError) as caught:
            self.bench.run(self.reader.recover())
        self.assertTrue("version" in str(caught.exception))

    def test_unknown_kinds_and_malformed_contents_are_refused(self):
        for kind, content in (
            (0x1F, b""),
            (0x20, b"1"),
            (frames.FIND, b""),
            (frames.SELECT, b"1"),
            (frames.STEPS, b""),
        ):
            self.assertEqual(self.bench.run(self.bench.link.ask(kind, content))[0], frames.NOT_UNDERSTOOD)
        for content in (b"", b"\x02", b"\x01\x00"):
            self.assertEqual(self.bench.run(self.bench.link.ask(frames.POWER, content))[0], frames.NOT_UNDERSTOOD)
        endless = frames.find(False, 3001)
        self.assertEqual(self.bench.run(self.bench.link.ask(frames.FIND, endless))[0], frames.NOT_UNDERSTOOD)


class TestBoardKinds(BenchTest):
    async def _show(self, content):
        return frames.OK, content + b"!"

    def setUp(self):
        self.kinds = {frames.FIRST_BOARD_KIND: self._show}
        BenchTest.setUp(self)

    def test_a_board_adds_kinds_and_a_notice(self):
        self.assertEqual(self.bench.run(self.bench.link.ask(0x20, b"text")), (frames.OK, b"text!"))
        heard = []
        self.bench.link._on_notice = heard.append
        self.bench.server._notice = lambda: 5
        self.bench.run(self.reader.find_card())
        self.assertEqual(heard, [5])


def _of_version(data, version):
    reader = frames.FrameReader()
    reader.feed(data)
    one = reader.take()
    payload = one.payload[:2] + bytes((version,)) + one.payload[3:]
    return frames.frame(one.kind, one.session, one.sequence, payload)


if __name__ == "__main__":
    unittest.main()
