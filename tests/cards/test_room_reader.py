"""The reader in the room at its line: cards read and written, damage on the line, boards that are not the right one."""

import unittest

from boards.host.cards.classic import ClassicCard
from boards.host.cards.iso_dep import IsoDepCard
from boards.host.cards.ultralight import UltralightCard
from boards.host.chips.aes import aes
from boards.host.chips.random_bits import RandomBits
from boards.host.chips.room_line import RoomLineModel
from boards.host.room import RoomHardware
from boards.host.world.clock import VirtualClock
from tests.cards.formatted_card import format_card
from wattpurse.cards import iso_dep, purse
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import ReaderError
from wattpurse.cards.reader_link import LinkLost, ReaderLink
from wattpurse.cards.room_link import RoomLink, WrongBoard
from wattpurse.cards.room_reader import RoomReader
from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.messages import room

SITE_KEY = b"site key 0000001"
OLD_SITE_KEY = b"site key 0000000"
UID = b"\x11\x22\x33\x44"
PAGES_UID = b"\x04\x55\x66\x77\x11\x99\xaa"
PAIRING_KEY = b"pairing key 0001"


class Bench:
    """A meter's end of the line and a board in the room, in virtual time."""

    def __init__(self, identity=b"room no. 1"):
        self.clock = VirtualClock()
        self.bits = RandomBits(3)
        self.line = RoomLineModel(self.clock, self.bits)
        self.room = RoomHardware(self.clock, self.line, identity)
        self.room.pairing.key = PAIRING_KEY
        self.end = self.line.end()
        self.wire = ReaderLink(self.end, self.clock, lambda: self.bits(32))
        self.link = RoomLink(self.wire, self.clock, aes, self.random_bytes, b"room no. 1", PAIRING_KEY)
        self.reader = RoomReader(self.link)
        self.keys_of_uid = purse.classic_keys_of(aes, SITE_KEY, False)

    def random_bytes(self, count):
        return bytes([self.bits(8) for _ in range(count)])

    def run(self, coroutine):
        """Return the result of `coroutine`, with the board in the room running beside it."""
        import asyncio

        async def both():
            asyncio.create_task(self.room.run())
            await self.clock.sleep_ms(20)
            return await coroutine

        return self.clock.run(both())

    async def card(self):
        identity = await self.reader.find_card()
        return await open_card(self.reader, identity, self.keys_of_uid)


def classic_card(site_key=SITE_KEY):
    card = ClassicCard(UID)
    format_card(card, site_key)
    return card


class TestCards(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()

    def tearDown(self):
        self.assertEqual(self.bench.room.violations(), [])

    def test_no_card_is_found_where_none_is(self):
        self.assertIsNone(self.bench.run(self.bench.reader.find_card()))

    def test_a_classic_card_is_read_and_written_through_the_line(self):
        card = classic_card()
        self.bench.room.reader.field.insert(card)
        data = bytes(range(96))

        async def work():
            memory = await self.bench.card()
            self.assertEqual((memory.kind, memory.capacity, memory.unit), ("classic-1k", 720, 16))
            before = bytearray(208)
            await memory.read(288, before)
            await memory.write_and_verify(288, data + bytes(112))
            after = bytearray(208)
            await memory.read(288, after)
            return bytes(before), bytes(after)

        before, after = self.bench.run(work())
        self.assertEqual(before, bytes(208))
        self.assertEqual(after, data + bytes(112))

    def test_a_card_of_pages_is_read_and_written_through_the_line(self):
        card = UltralightCard("ntag216", PAGES_UID)
        self.bench.room.reader.field.insert(card)
        data = bytes(range(200))

        async def work():
            memory = await self.bench.card()
            await memory.write_and_verify(384, data)
            after = bytearray(248)
            await memory.read(384, after)
            return memory.kind, bytes(after)

        self.assertEqual(self.bench.run(work()), ("ntag216", data + bytes(48)))

    def test_an_order_box_comes_as_the_station_wrote_it(self):
        from tests.stories.whole_meter import METER, Station

        content = bytes(range(128))
        card = Station().customer_card("classic-1k", content)
        self.bench.room.reader.field.insert(card)

        async def work():
            memory = await self.bench.card()
            box = await purse.read_orders(memory)
            return (box.place, box.kind, box.meter_number, box.content), await purse.statement_claims(memory)

        box, claims = self.bench.run(work())
        self.assertEqual(box, (0, purse.CUSTOMER, METER, content))
        self.assertEqual(claims, [])

    def test_a_card_of_the_old_site_key_opens_with_it(self):
        self.bench.room.reader.field.insert(classic_card(OLD_SITE_KEY))
        old = purse.classic_keys_of(aes, OLD_SITE_KEY, False)
        self.bench.keys_of_uid = purse.classic_keys_of(aes, SITE_KEY, False, old)

        async def work():
            data = bytearray(16)
            memory = await self.bench.card()
            try:
                await memory.read(0, data)
            except CardError:
                await memory.select_again()
                await memory.read(0, data)
            return bytes(data)

        self.assertEqual(self.bench.run(work()), bytes(16))

    def test_a_card_that_leaves_amid_a_write_is_a_card_error(self):
        card = classic_card()
        field = self.bench.room.reader.field
        field.insert(card)

        async def work():
            memory = await self.bench.card()
            await memory.read(288, bytearray(16))
            clock = self.bench.clock
            clock.call_at_us(clock.now_us + 30_000, lambda: field.remove(card))
            await memory.write_and_verify(288, b"\x55" * 208)

        with self.assertRaises(CardError):
            self.bench.run(work())

    def test_a_write_waits_for_the_look_ahead_at_the_claims(self):
        """Write right after the orders, without asking for the claims: one task alone uses the chip at a time."""
        from tests.stories.whole_meter import Station

        self.bench.room.reader.field.insert(Station().customer_card("classic-1k", bytes(16)))

        async def work():
            memory = await self.bench.card()
            self.assertTrue(await purse.read_orders(memory) is not None)
            chip = self.bench.room.program._reader
            for name in ("receive", "authenticate"):
                setattr(chip, name, watched(getattr(chip, name)))
            await memory.write_and_verify(480, b"\x55" * 96)

        waiting, most = [], []

        def watched(method):
            async def call(*arguments):
                waiting.append(True)
                most.append(len(waiting))
                try:
                    return await method(*arguments)
                finally:
                    waiting.pop()

            return call

        self.bench.run(work())
        self.assertEqual(max(most), 1)
        self.assertEqual(self.bench.room.reader.violations, [])

    def test_a_changed_display_is_sent_once(self):
        sendings = []
        take = self.bench.room.display._set_address
        self.bench.room.display._set_address = lambda byte: (sendings.append(byte), take(byte))

        async def show(digits, level, half_period_us):
            del sendings[:]
            content = bytes((room.SEGMENTS,)) + digits + bytes((level, half_period_us))
            status, _ = await self.bench.link.ask(room.PANEL, content, 100)
            return status, len(sendings)

        async def work():
            return [
                await show(b"\x01" * 6, 4, 10),
                await show(b"\x02" * 6, 4, 10),
                await show(b"\x03" * 6, 5, 10),
                await show(b"\x03" * 6, 5, 10),
                await show(b"\x07" * 6, 6, 20),
            ]

        self.assertEqual(self.bench.run(work()), [(frames.OK, 1)] * 5)
        self.assertEqual(self.bench.room.display.segments(), b"\x07" * 6)

    def test_a_read_beyond_the_card_is_refused_before_it_is_asked_for(self):
        self.bench.room.reader.field.insert(classic_card())

        async def work():
            memory = await self.bench.card()
            await memory.read(710, bytearray(16))

        with self.assertRaises(ValueError):
            self.bench.run(work())

    def test_a_single_frame_goes_through_the_line(self):
        self.bench.room.reader.field.insert(UltralightCard("ntag213", PAGES_UID))

        async def work():
            await self.bench.reader.find_card()
            version = await self.bench.reader.exchange(b"\x60", 8, 2_000)
            await self.bench.reader.acknowledged(b"\xa2\x04abcd", 10_000)
            return version, (await self.bench.reader.exchange(b"\x30\x04", 16, 5_000))[:4]

        version, page = self.bench.run(work())
        self.assertEqual((version[2], version[6]), (0x04, 0x0F))
        self.assertEqual(page, b"abcd")

    def test_a_card_of_iso_14443_4_answers_through_the_line(self):
        self.bench.room.reader.field.insert(IsoDepCard(PAGES_UID, lambda command: bytes(command) * 3))

        async def work():
            identity = await self.bench.reader.find_card()
            card = await iso_dep.activate(self.bench.reader, identity, self.bench.clock)
            return bytes(await card.transceive(bytes(range(60))))

        self.assertEqual(self.bench.run(work()), bytes(range(60)) * 3)

    def test_keys_of_cards_are_not_readable_on_the_line(self):
        heard = bytearray()
        send = self.bench.line.send

        def listen(end, data):
            heard.extend(data)
            send(end, data)

        self.bench.line.send = listen
        self.bench.room.reader.field.insert(classic_card())

        async def work():
            await (await self.bench.card()).read(0, bytearray(16))

        self.bench.run(work())
        key = self.bench.keys_of_uid(UID).key_a
        self.assertTrue(len(heard) > 100)
        self.assertFalse(key in bytes(heard))

    def test_a_chip_that_is_silent_is_a_reader_error(self):
        async def work():
            await self.bench.reader.find_card()
            self.bench.room.reader.faults.hang()
            self.bench.room.reader.field.insert(classic_card())
            await self.bench.reader.power_up()
            await self.bench.reader.find_card()

        with self.assertRaises(ReaderError):
            self.bench.run(work())


class TestTheLine(unittest.TestCase):
    def setUp(self):
        self.bench = Bench()
        self.bench.room.reader.field.insert(classic_card())

    def read_often(self, count):
        async def work():
            read = 0
            for _ in range(count):
                data = bytearray(208)
                try:
                    memory = await self.bench.card()
                    await memory.read(288, data)
                    self.assertEqual(bytes(data), bytes(208))
                    read += 1
                except (CardError, ReaderError):
                    await self.bench.clock.sleep_ms(1_100)
                await self.bench.reader.power_up()
            return read

        return self.bench.run(work())

    def test_noise_costs_time_and_no_byte(self):
        self.bench.line.noise = 100
        self.assertTrue(self.read_often(40) >= 35)
        self.assertTrue(self.bench.wire.repeats > 0)

    def test_the_sender_may_hear_itself(self):
        self.bench.line.has_echo = True
        self.assertEqual(self.read_often(3), 3)

    def test_a_cut_line_is_lost_and_found_again(self):
        async def work():
            await self.bench.card()
            self.bench.line.cut()
            try:
                await self.bench.reader.find_card()
                return "found"
            except LinkLost:
                pass
            self.bench.line.mend()
            await self.bench.clock.sleep_ms(1_100)
            await self.bench.reader.recover()
            return (await self.bench.reader.find_card()).uid

        self.assertEqual(self.bench.run(work()), UID)

    def test_two_boards_spoil_each_other(self):
        other = RoomHardware(self.bench.clock, self.bench.line, b"room no. 2")
        other.pairing.key = PAIRING_KEY

        async def work():
            import asyncio

            asyncio.create_task(other.run())
            await self.bench.clock.sleep_ms(5)
            await self.bench.reader.find_card()

        with self.assertRaises(ReaderError):
            self.bench.run(work())
        self.assertTrue(self.bench.line.collisions > 0)


class TestTheRightBoard(unittest.TestCase):
    def test_another_board_is_refused(self):
        bench = Bench(b"room no. 2")
        with self.assertRaises(WrongBoard):
            bench.run(bench.reader.find_card())

    def test_a_board_with_another_key_is_refused(self):
        bench = Bench()
        bench.room.pairing.key = b"pairing key 0002"
        with self.assertRaises(WrongBoard):
            bench.run(bench.reader.find_card())
        self.assertTrue("another meter" in bench.link.trouble)

    def test_a_board_that_has_a_key_takes_no_other(self):
        bench = Bench()
        with self.assertRaises(ReaderError):
            bench.run(bench.link.pair(b"pairing key 0003"))
        self.assertEqual(bench.room.pairing.key, PAIRING_KEY)

    def test_a_board_without_a_key_takes_one(self):
        bench = Bench()
        bench.room.pairing.key = None

        async def work():
            identity = await bench.link.pair(b"pairing key 0003")
            await bench.reader.find_card()
            return identity

        self.assertEqual(bench.run(work()), b"room no. 1")
        self.assertEqual(bench.room.pairing.key, b"pairing key 0003")

    def test_a_board_whose_button_is_held_takes_another_key(self):
        bench = Bench()
        bench.room.button.hold()
        bench.run(bench.link.pair(b"pairing key 0003"))
        self.assertEqual(bench.room.pairing.key, b"pairing key 0003")


if __name__ == "__main__":
    unittest.main()
