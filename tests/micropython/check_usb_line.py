"""The USB serial port of a reader board: bytes in pieces, silence, and the request of a tool for the prompt."""

import asyncio
import io
import time
import unittest

from boards.micropython.usb_line import UsbLine

POLL = 3
READABLE = 1


class Typed(io.IOBase):
    """Standard input with `data` from the computer. A read beyond it would hang on a board."""

    def __init__(self):
        self.data = b""

    def ioctl(self, request, flags):
        if request != POLL:
            return -1
        return flags & READABLE if self.data else 0

    def read(self, size):
        if size > len(self.data):
            raise AssertionError("this read would wait for ever")
        taken = self.data[:size]
        self.data = self.data[size:]
        return taken


class TestUsbLine(unittest.TestCase):
    def setUp(self):
        self.typed = Typed()
        self.shown = io.BytesIO()
        self.line = UsbLine(self.typed, self.shown)

    def read(self, timeout_ms=40):
        return asyncio.run(self.line.read(timeout_ms))

    def test_silence_ends_with_the_timeout(self):
        begun_ms = time.ticks_ms()
        self.assertEqual(self.read(60), b"")
        self.assertTrue(50 <= time.ticks_diff(time.ticks_ms(), begun_ms) < 1_000)

    def test_all_bytes_that_are_there_are_read(self):
        self.typed.data = b"m\x00\x03\r\x03 some bytes"
        self.assertEqual(self.read(), b"m\x00\x03\r\x03 some bytes")
        self.assertEqual(self.read(), b"")

    def test_a_flood_is_read_in_pieces(self):
        self.typed.data = bytes(1_000)
        sizes = []
        while self.typed.data:
            sizes.append(len(self.read()))
        self.assertEqual(sum(sizes), 1_000)
        self.assertTrue(max(sizes) <= 160)

    def test_a_tool_that_asks_for_the_prompt_interrupts_and_its_next_bytes_are_left_for_the_prompt(self):
        for asked, left in ((b"\r\x03", b""), (b"\r\x03\x03", b"\x03"), (b"\r\x03\r\x01", b"\r\x01")):
            self.typed.data = asked
            with self.assertRaises(KeyboardInterrupt):
                self.read()
            self.assertEqual(self.typed.data, left)

    def test_bytes_are_written_as_they_are(self):
        asyncio.run(self.line.write(b"m\n\r\x00"))
        self.assertEqual(self.shown.getvalue(), b"m\n\r\x00")


if __name__ == "__main__":
    unittest.main()
