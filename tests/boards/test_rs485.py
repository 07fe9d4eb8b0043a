"""The line of RS-485 on the UART of a chip: its driver is on while the UART sends, and a frame arrives whole."""

import asyncio
import unittest

from tests.boards.chip_fakes import install


class FakePin:
    """A pin that notes the levels that it drives."""

    def __init__(self):
        self.levels = []
        self.handler = "of somebody before"

    def __call__(self, level):
        self.levels.append(level)

    def irq(self, handler):
        self.handler = handler


class FakeUart:
    """A UART that takes three looks until it has sent. `arriving` are pieces, one for each look at `any`."""

    newest = None

    def __init__(self, number, **options):
        self.number = number
        self.options = options
        self.sent = b""
        self.looks = 0
        self.received = b""
        self.arriving = []
        FakeUart.newest = self

    def write(self, data):
        self.sent += bytes(data)
        self.looks = 3

    def txdone(self):
        self.looks -= 1
        return self.looks <= 0

    def any(self):
        if self.arriving:
            self.received += self.arriving.pop(0)
        return len(self.received)

    def read(self, count=None):
        count = len(self.received) if count is None else count
        data, self.received = self.received[:count], self.received[count:]
        return data or None


class FakeTimer:
    """A timer that a test ends by hand."""

    ONE_SHOT = 0
    newest = None

    def __init__(self, _number):
        self.started = None
        FakeTimer.newest = self

    def init(self, **options):
        self.started = options


class FakeTime:
    """MicroPython's time, which passes by a microsecond at each look. `early_us`: a sleep may end so early."""

    newest = None
    early_us = 0

    def __init__(self):
        self.us = 0
        FakeTime.newest = self

    def ticks_us(self):
        self.us += 1
        return self.us

    def ticks_diff(self, later, earlier):
        return later - earlier

    def sleep_ms(self, duration_ms):
        self.us += max(0, duration_ms * 1000 - self.early_us)


class TimedUart(FakeUart):
    """A UART that needs its time for each byte."""

    def write(self, data):
        self.sent += bytes(data)
        self.ends_us = FakeTime.newest.us + len(data) * 10_000_000 // 115_200 + 1

    def txdone(self):
        return FakeTime.newest.us >= self.ends_us


class FakeAsyncio:
    """MicroPython's asyncio, as far as the line uses it."""

    def StreamReader(self, stream):  # noqa: N802 the name of the class in the module
        return stream

    async def sleep_ms(self, _duration_ms):
        return None


def new_line(uart=FakeUart):
    install("machine", UART=uart, Timer=FakeTimer)
    from boards.micropython import rs485

    rs485.UART, rs485.Timer, rs485.time, rs485.asyncio = uart, FakeTimer, FakeTime(), FakeAsyncio()
    send, receive, drive = FakePin(), FakePin(), FakePin()
    line = rs485.Rs485Line(1, send, receive, drive)
    line._arrived = no_wait(line)
    return line, receive, drive


def no_wait(line):
    """Return a wait that looks a hundred times in place of the event loop."""

    async def arrived(count, _timeout_ms):
        return any([line._uart.any() >= count for _ in range(100)])

    return arrived


class TestSending(unittest.TestCase):
    def test_the_driver_is_on_until_a_short_frame_is_sent(self):
        line, receive, drive = new_line()
        self.assertIsNone(receive.handler)
        self.assertEqual(drive.levels, [0])
        asyncio.run(line.write(b"0123456789"))
        self.assertEqual(FakeUart.newest.sent, b"0123456789")
        self.assertEqual(drive.levels, [0, 1, 0])
        self.assertTrue(FakeUart.newest.looks <= 0)
        self.assertEqual((FakeUart.newest.number, FakeUart.newest.options["baudrate"]), (1, 115_200))

    def test_no_byte_is_cut_off_by_a_sleep_that_ends_early(self):
        for early_us in (0, 500, 999):
            for length in range(1, 41):
                line, _, drive = new_line(TimedUart)
                FakeTime.newest.early_us = early_us
                asyncio.run(line.write(bytes(length)))
                self.assertEqual(drive.levels, [0, 1, 0])
                self.assertTrue(FakeUart.newest.txdone(), (early_us, length))

    def test_a_uart_that_never_ends_does_not_hold_the_line(self):
        line, _, drive = new_line(TimedUart)
        FakeUart.newest.txdone = lambda: False
        asyncio.run(line.write(bytes(10)))
        self.assertEqual(drive.levels, [0, 1, 0])
        self.assertTrue(FakeTime.newest.us <= 10_000)

    def test_a_timer_ends_a_long_frame_when_its_last_bit_is_due(self):
        line, _, drive = new_line()
        asyncio.run(line.write(bytes(100)))
        self.assertEqual(drive.levels, [0, 1])
        timer = FakeTimer.newest
        self.assertEqual(timer.started["tick_hz"], 1_000_000)
        self.assertTrue(100 * 10_000_000 // 115_200 <= timer.started["period"] <= 8_800)
        timer.started["callback"](timer)
        self.assertEqual(drive.levels, [0, 1, 0])


class TestReceiving(unittest.TestCase):
    def test_a_frame_that_comes_in_pieces_is_read_whole(self):
        from wattpurse.core.messages import reader_frames as frames

        line, _, _ = new_line()
        one = frames.frame(frames.HELLO, 7, 0, bytes(40))
        other = frames.frame(frames.HELLO, 7, 1, bytes(3))
        FakeUart.newest.arriving = [one[:4], b"", one[4:20], one[20:] + other]
        self.assertEqual(asyncio.run(line.read(50)), one)
        self.assertEqual(asyncio.run(line.read(50)), other)

    def test_noise_is_read_as_it_came(self):
        line, _, _ = new_line()
        FakeUart.newest.arriving = [b"\x00\x01\x02"]
        self.assertEqual(asyncio.run(line.read(50)), b"\x00\x01\x02")
        self.assertEqual(asyncio.run(line.read(50)), b"")


if __name__ == "__main__":
    unittest.main()
