"""The console on a board's byte streams: typing, echo, long answers, and a line without a reader."""

import asyncio
import io
import time
import unittest

import micropython

from boards.micropython.console import ConsoleStream

POLL = 3
READABLE = 1
WRITABLE = 4
GREETING = "the meter says a lot\n"


class Typed(io.IOBase):
    """Standard input of a terminal with `data` typed."""

    def __init__(self):
        self.data = b""

    def ioctl(self, request, flags):
        if request != POLL:
            return -1
        return flags & READABLE if self.data else 0

    def read(self, size):
        taken = self.data[:size]
        self.data = self.data[size:]
        return taken


class Shown(io.IOBase):
    """Standard output that takes bytes while `room` lasts. On a board a write without room would hang."""

    def __init__(self):
        self.data = b""
        self.room = 1_000_000
        self.longest_write = 0
        self.blocks_ms = 0

    def ioctl(self, request, flags):
        if request != POLL:
            return -1
        return flags & WRITABLE if self.room else 0

    def write(self, data):
        if not self.room:
            raise AssertionError("written to a line that is full")
        self.longest_write = max(self.longest_write, len(data))
        time.sleep_ms(self.blocks_ms)
        taken = bytes(data)[: self.room]
        self.room -= len(taken)
        self.data += taken
        return len(taken)


class Interrupts:
    """The module micropython of a board."""

    def __init__(self, asked):
        self.kbd_intr = asked.append


class TestConsoleStream(unittest.TestCase):
    def setUp(self):
        asyncio.new_event_loop()
        self.typed = Typed()
        self.shown = Shown()
        self.stream = ConsoleStream(self.typed, self.shown)

    def run_with(self, coroutine, meanwhile=None, for_ms=30):
        async def run():
            task = asyncio.create_task(coroutine) if coroutine else None
            if meanwhile:
                await asyncio.sleep_ms(1)
                meanwhile()
            await asyncio.sleep_ms(for_ms)
            return await task if task else None

        return asyncio.run(run())

    def type(self, data):
        self.typed.data += data

    def test_a_line_is_read_and_echoed(self):
        self.type(b"status\r")
        self.assertEqual(self.run_with(self.stream.read_line(100)), "status")
        self.assertEqual(self.shown.data, b"status\r\n")

    def test_lines_typed_at_once_come_one_by_one(self):
        self.type(b"one\rtwo\r")
        self.assertEqual(self.run_with(self.stream.read_line(100)), "one")
        self.assertEqual(self.run_with(self.stream.read_line(100)), "two")

    def test_a_line_begun_before_is_finished(self):
        self.type(b"sta")
        self.assertEqual(self.run_with(self.stream.read_line(100), lambda: self.type(b"tus\n")), "status")

    def test_a_line_that_is_too_long_is_none(self):
        self.type(b"x" * 101 + b"\rok\r")
        self.assertIsNone(self.run_with(self.stream.read_line(100)))
        self.assertEqual(self.run_with(self.stream.read_line(100)), "ok")

    def test_text_is_written_whole_in_small_parts(self):
        text = GREETING.replace("\n", "\r\n").encode() * 50

        async def answer():
            for _ in range(50):
                self.stream.write(GREETING)
            for _ in range(1_000):
                if len(self.shown.data) == len(text):
                    break
                await asyncio.sleep_ms(1)

        self.run_with(answer(), for_ms=0)
        self.assertEqual(self.shown.data, text)
        self.assertTrue(self.shown.longest_write <= 32)

    def test_other_tasks_have_their_turns_while_text_goes_out(self):
        turns = []

        async def count():
            for _ in range(20):
                turns.append(len(self.shown.data))
                await asyncio.sleep_ms(0)

        async def answer():
            self.stream.write(GREETING * 40)
            await count()

        self.run_with(answer())
        self.assertTrue(len(set(turns)) > 15)

    def test_a_line_that_takes_nothing_is_not_waited_for(self):
        self.shown.room = 0

        async def answer():
            self.stream.write(GREETING)

        self.run_with(answer(), lambda: None)
        self.assertEqual(self.shown.data, b"")
        self.shown.room = 1_000
        self.run_with(answer())
        self.assertEqual(self.shown.data[: len(GREETING) + 1], GREETING.replace("\n", "\r\n").encode())

    def test_output_that_nobody_takes_is_dropped_in_the_end(self):
        self.shown.room = 0

        async def answer():
            for _ in range(1_000):
                self.stream.write(GREETING)

        self.run_with(answer())
        self.shown.room = 1_000_000
        self.stream.flush()
        self.assertTrue(0 < len(self.shown.data) <= 4096)
        self.assertEqual(len(self.shown.data) % (len(GREETING) + 1), 0)

    def test_a_line_that_claims_to_be_free_and_then_waits_is_given_up_after_a_bounded_time(self):
        self.shown.blocks_ms = 15

        async def answer():
            for _ in range(1_000):
                self.stream.write(GREETING)

        self.run_with(answer(), for_ms=600)
        taken = len(self.shown.data)
        self.assertTrue(0 < taken <= 8 * 32)
        self.run_with(answer(), for_ms=200)
        self.assertEqual(len(self.shown.data), taken)
        self.assertRaises(OSError, asyncio.run, self.stream.make_room())
        self.shown.blocks_ms = 0
        self.type(b"status\r")
        self.assertEqual(self.run_with(self.stream.read_line(100)), "status")
        self.assertEqual(self.shown.data[taken:], b"status\r\n")

    def test_last_words_before_a_reset_take_half_a_second_at_most(self):
        self.shown.blocks_ms = 7
        self.stream._waiting = b"x" * 4096
        begun_ms = time.ticks_ms()
        self.stream.flush()
        self.assertTrue(time.ticks_diff(time.ticks_ms(), begun_ms) < 700)

    def test_a_control_c_is_a_character_unless_it_is_allowed(self):
        asked = []
        real = micropython.kbd_intr
        from boards.micropython import console

        console.micropython = Interrupts(asked)
        try:
            stream = ConsoleStream(self.typed, self.shown)
            stream.allow_interrupt(True)
        finally:
            console.micropython = micropython
            real(3)
        self.assertEqual(asked, [-1, 3])

    def test_flush_stops_where_the_line_does(self):
        self.shown.room = 40

        async def last_words():
            self.stream.write(GREETING * 4)
            self.stream.flush()

        self.run_with(last_words(), for_ms=0)
        self.assertEqual(len(self.shown.data), 40)

    def test_a_writer_that_waits_for_room_loses_nothing(self):
        async def say_a_lot():
            for number in range(400):
                self.stream.write(f"line {number}\n" * 10)
                await self.stream.make_room()
            while self.stream._waiting:
                await asyncio.sleep_ms(1)

        asyncio.run(say_a_lot())
        said = "".join(f"line {number}\r\n" * 10 for number in range(400))
        self.assertEqual(self.shown.data, said.encode())

    def test_waiting_ends_if_nobody_listens(self):
        self.shown.room = 0

        async def say_a_lot():
            for _ in range(400):
                self.stream.write("nobody is there\n" * 10)
                await self.stream.make_room()

        self.assertRaises(OSError, asyncio.run, say_a_lot())


if __name__ == "__main__":
    unittest.main()
