"""Pulses counted by a PWM slice of the emulated chip, at any work of its core."""

import pytest

from wattpurse_tools.emulation.repl import RawRepl

PULSE_PIN = 9
SLICE = 4

COUNT_EDGES = f"""
from machine import mem32, Pin
import rp2, time
SLICE = 0x40050000 + {SLICE} * 0x14
Pin({PULSE_PIN}, Pin.IN, Pin.PULL_DOWN)
mem32[0x4001C004 + {PULSE_PIN} * 4] = 0x56  # pad: input on, pull-down
mem32[0x40014004 + {PULSE_PIN} * 8] = 4  # function: PWM
mem32[SLICE + 0x04] = 1 << 4  # divide by one
mem32[SLICE + 0x10] = 0xFFFF
mem32[SLICE + 0x08] = 0
mem32[SLICE] = 2 << 4 | 1  # count rising edges on B, enabled
flash = rp2.Flash()
"""
READ_COUNT = "print(mem32[SLICE + 0x08])"


@pytest.fixture
def repl(pico):
    repl = RawRepl(pico)
    repl.execute(COUNT_EDGES)
    return repl


def test_no_edge_is_lost_while_flash_is_rewritten(pico, repl):
    pico.pins[PULSE_PIN].pulses(period_ns=40_000, high_ns=20_000, count=4000)
    repl.start("for block in range(100, 105): flash.writeblocks(block, bytearray(4096))")
    pico.run_ms(200)
    repl.finish()
    assert int(repl.execute(READ_COUNT)) == 4000
    statistics = pico.statistics()
    assert statistics["rising_edges"][str(PULSE_PIN)] == 4000
    assert statistics["flash"]["busy_ns"] > 5 * 45_000_000


def test_the_counter_wraps_at_sixteen_bits(pico, repl):
    pico.pins[PULSE_PIN].pulses(period_ns=2000, high_ns=1000, count=65_536 + 123)
    pico.run_ms(200)
    assert int(repl.execute(READ_COUNT)) == 123


def test_pulses_go_on_while_the_board_is_off(pico, repl):
    pico.pins[PULSE_PIN].pulses(period_ns=1_000_000, high_ns=500_000)
    pico.run_ms(100)
    pico.cut_power()
    pico.run_ms(500)
    pico.power_on()
    repl = RawRepl(pico)
    repl.execute(COUNT_EDGES)
    begin = int(repl.execute(READ_COUNT))
    pico.run_ms(100)
    assert 100 <= int(repl.execute(READ_COUNT)) - begin <= 110


def test_pulses_stop(pico, repl):
    pin = pico.pins[PULSE_PIN]
    pin.pulses(period_ns=1_000_000, high_ns=500_000)
    pico.run_ms(50)
    pin.stop_pulses()
    count = int(repl.execute(READ_COUNT))
    assert 50 <= count <= 55
    pico.run_ms(50)
    assert int(repl.execute(READ_COUNT)) == count
