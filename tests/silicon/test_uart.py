"""MicroPython's `machine.UART` on the emulated chip, with a part at its pins."""

import pytest

from wattpurse_tools.emulation.repl import RawRepl

BYTE_US = 86.8
OPENED = (
    "from machine import UART, Pin\nimport time\nuart = UART(0, 115_200, tx=Pin(0), rx=Pin(1), txbuf=1024, rxbuf=1024)"
)


class Line:
    """The other end: it notes bytes and their times, and may answer."""

    def __init__(self, pico):
        self.pico = pico
        self.heard = bytearray()
        self.moments_us = []

    def receive(self, byte):
        self.heard.append(byte)
        self.moments_us.append(self.pico.now_us)


@pytest.fixture
def line(pico):
    line = Line(pico)
    pico.attach_uart(0, tx=0, rx=1, part=line)
    return line


@pytest.fixture
def repl(pico, line):
    repl = RawRepl(pico)
    repl.execute(OPENED)
    return repl


def test_a_write_goes_out_in_order_at_the_rate_of_the_line(pico, line, repl):
    data = bytes(range(256)) * 2
    repl.execute("begun = time.ticks_ms()\nn = uart.write(bytes(range(256)) * 2)")
    assert repl.execute("print(time.ticks_diff(time.ticks_ms(), begun) < 10)") == "True\n"
    pico.run_ms(50)
    assert bytes(line.heard) == data
    took_us = line.moments_us[-1] - line.moments_us[0]
    assert abs(took_us - 511 * BYTE_US) < 60
    assert repl.execute("print(n, uart.txdone())") == "512 True\n"


def test_the_core_sleeps_while_the_line_is_idle(pico, line, repl):
    idle_ns, now_us = pico.statistics()["idle_ns"], pico.now_us
    repl.execute("time.sleep_ms(500)")
    asleep_us = (pico.statistics()["idle_ns"] - idle_ns) / 1000
    assert asleep_us > 0.95 * (pico.now_us - now_us) - 10_000


def test_bytes_that_come_are_read_once_and_in_order(pico, line, repl):
    data = bytes(range(256)) * 3
    pico.uart_write(0, data)
    pico.run_ms(80)
    assert repl.execute("print(uart.any())") == "768\n"
    assert repl.execute("print(uart.read() == bytes(range(256)) * 3, uart.read())") == "True None\n"


def test_the_end_of_a_burst_calls_the_handler_of_an_idle_line(pico, line, repl):
    repl.execute("seen = []\nuart.irq(lambda u: seen.append(u.any()), UART.IRQ_RXIDLE)")
    pico.uart_write(0, b"x" * 100)
    pico.run_ms(20)
    pico.uart_write(0, b"y" * 3)
    pico.run_ms(20)
    assert repl.execute("print(seen[0], seen[-1], len(seen) < 8)") == "100 103 True\n"


def test_a_program_that_does_not_read_loses_what_its_buffer_cannot_take(pico, line, repl):
    pico.uart_write(0, b"z" * 1200)
    pico.run_ms(150)
    kept = int(repl.execute("print(len(uart.read()))"))
    assert 1024 <= kept <= 1024 + 33
    assert pico.faults == []


def test_a_new_program_starts_with_a_quiet_line(pico, line, repl):
    repl.execute("uart.write(b'a' * 900)")
    repl.leave()
    pico.serial_write(b"\x04")
    pico.run_ms(500)
    heard = len(line.heard)
    pico.run_ms(500)
    assert len(line.heard) == heard
    again = RawRepl(pico)
    again.execute(OPENED + "\nuart.write(b'b')")
    pico.run_ms(5)
    assert line.heard[-1:] == b"b"
