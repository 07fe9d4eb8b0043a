"""The adapter to aioble, against a strict fake of its documented behaviour."""

import asyncio
import unittest

from boards.host.world.clock import VirtualClock
from boards.micropython.ble import AiobleRadio
from tests.boards import aioble_fake
from tests.services import helpers
from wattpurse.core import outcome
from wattpurse.core.messages import frames, token
from wattpurse.core.messages.advertising import ANSWER_UUID, REQUEST_UUID
from wattpurse.services import bluetooth
from wattpurse.services.bluetooth import Bluetooth
from wattpurse.services.statement_numbers import StatementNumbers

DATA, RESPONSE = bytes(31), bytes(20)


class TestAiobleRadio(unittest.TestCase):
    def setUp(self):
        self.clock = VirtualClock()
        self.aioble = aioble_fake.install(self.clock)
        self.radio = AiobleRadio(self.clock)

    def tearDown(self):
        aioble_fake.remove()

    def _run(self, story):
        return self.clock.run(story())

    async def _connect(self, **traits):
        waiting = asyncio.create_task(self.radio.advertise(DATA, RESPONSE, 5_000))
        await self.clock.sleep_ms(5)
        connection = self.aioble.phone_connects(**traits)
        self.assertTrue(await waiting)
        return connection

    def _write(self, data):
        self.aioble.phone_writes(REQUEST_UUID, data)

    def test_nothing_is_imported_and_no_radio_turned_on_before_the_first_advertisement(self):
        self.assertFalse(self.aioble.is_on)

        async def story():
            return await self.radio.advertise(DATA, RESPONSE, 100)

        self.assertFalse(self._run(story))
        self.assertEqual((self.aioble.is_on, self.aioble.mtu, self.aioble.starts), (True, 247, 1))

    def test_a_write_longer_than_20_bytes_arrives_whole(self):
        async def story():
            await self._connect()
            self._write(bytes(range(200)))
            return await self.radio.read(1_000)

        self.assertEqual(self._run(story), bytes(range(200)))

    def test_writes_that_come_before_anybody_reads_are_all_there(self):
        async def story():
            await self._connect()
            self._write(b"one ")
            self._write(b"two ")
            self._write(b"three")
            return await self.radio.read(1_000), await self.radio.read(50)

        self.assertEqual(self._run(story), (b"one two three", b""))

    def test_the_signal_of_a_write_that_was_read_already_is_no_pause(self):
        async def story():
            await self._connect()
            self._write(b"one")
            first = await self.radio.read(1_000)

            async def later():
                await self.clock.sleep_ms(100)
                self._write(b"two")

            asyncio.create_task(later())
            return first, await self.radio.read(1_000)

        self.assertEqual(self._run(story), (b"one", b"two"))

    def test_a_silent_phone_ends_the_wait(self):
        async def story():
            await self._connect()
            begun_ms = self.clock.ticks_ms()
            return await self.radio.read(300), self.clock.ticks_ms() - begun_ms

        data, waited_ms = self._run(story)
        self.assertEqual(data, b"")
        self.assertTrue(300 <= waited_ms < 400)

    def test_a_phone_that_leaves_ends_reading_and_writing(self):
        async def story():
            await self._connect()

            async def leave():
                await self.clock.sleep_ms(100)
                self.aioble.phone_leaves()

            asyncio.create_task(leave())
            with self.assertRaises(OSError):
                await self.radio.read(10_000)
            with self.assertRaises(OSError):
                await self.radio.write(b"answer", 1_000)

        self._run(story)

    def test_answers_are_cut_to_the_mtu_also_before_it_is_known(self):
        async def story():
            sent = []
            for traits in ({"stack_mtu": 23, "knows_mtu": False}, {"stack_mtu": 100}):
                connection = await self._connect(**traits)
                await self.radio.write(bytes(range(150)), 1_000)
                sent.append(connection.notified)
                await self.radio.disconnect()
            return sent

        first, second = self._run(story)
        self.assertEqual([len(first), len(second)], [8, 2])
        self.assertEqual([b"".join(first), b"".join(second)], [bytes(range(150))] * 2)

    def test_a_full_queue_is_tried_again_until_the_time_is_over(self):
        async def story():
            connection = await self._connect()
            connection.queue_is_full = True

            async def make_room():
                await self.clock.sleep_ms(200)
                connection.queue_is_full = False

            asyncio.create_task(make_room())
            await self.radio.write(b"answer", 1_000)
            connection.queue_is_full = True
            with self.assertRaises(OSError):
                await self.radio.write(b"answer", 300)
            return connection.notified

        self.assertEqual(self._run(story), [b"answer"])

    def test_the_bytes_of_a_customer_who_left_are_not_those_of_the_next(self):
        async def story():
            await self._connect()
            self._write(b"left over")
            await self.radio.disconnect()
            await self._connect()
            return await self.radio.read(100)

        self.assertEqual(self._run(story), b"")

    def test_a_phone_that_does_not_confirm_the_end_is_forgotten(self):
        async def story():
            connection = await self._connect()
            connection.ignores_disconnect = True
            await self.radio.disconnect()
            return await self._connect()

        self.assertTrue(self._run(story) is not None)

    def test_turned_off_the_radio_is_off_and_comes_back_with_its_service(self):
        async def story():
            await self._connect()
            await self.radio.stop()
            was_on = self.aioble.is_on
            await self._connect()
            self._write(b"hello")
            return was_on, await self.radio.read(100)

        self.assertEqual(self._run(story), (False, b"hello"))
        self.assertEqual(self.aioble.starts, 2)

    def test_the_service_redeems_a_token_over_the_adapter(self):
        bench = helpers.Bench()
        aioble_fake.remove()
        self.aioble = aioble_fake.install(bench.clock)
        self.clock = bench.clock
        bench.settings.set(bluetooth.SETTING, 1)
        service = Bluetooth(
            port=AiobleRadio(bench.clock),
            stores=bench.stores,
            clock=bench.clock,
            teller=bench.teller,
            statements=bench.statements,
            numbers=StatementNumbers(bench.settings, "bluetooth_numbers"),
            show_outcome=lambda result: None,
        )
        sealed = helpers.seal(1, token.CREDIT_MONEY, 5_000_000)

        async def story():
            task = asyncio.create_task(service.run())
            await self.clock.sleep_ms(50)
            connection = self.aioble.phone_connects()
            asked = frames.frame(frames.BEGIN, 1, 0, frames.begin(frames.TOKEN, sealed))
            asked += frames.frame(frames.PART, 2, 0, sealed)
            for start in range(0, len(asked), 20):
                self._write(asked[start : start + 20])
                await self.clock.sleep_ms(7)
            await self.clock.sleep_ms(100)
            task.cancel()
            return b"".join(connection.notified)

        reader = frames.FrameReader()
        reader.feed(self._run(story))
        self.assertEqual(reader.take().kind, frames.HAVE)
        self.assertEqual(frames.read_result(reader.take().payload)[1], outcome.ACCEPTED)
        self.assertEqual(ANSWER_UUID[:8], "b3d50003")


if __name__ == "__main__":
    unittest.main()
