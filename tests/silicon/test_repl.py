"""Stock MicroPython on the emulated chip: it boots, computes and keeps time, and two runs are equal."""

import pytest

from wattpurse_tools.emulation.emulator import EmulatedPico
from wattpurse_tools.emulation.repl import RawRepl, RemoteError


def evaluate(repl, expression):
    return repl.execute(f"print({expression})").strip()


def test_boots_and_computes(pico):
    repl = RawRepl(pico)
    assert evaluate(repl, "6 * 7, 2**70, -7 // 2, -7 % 3") == "42 1180591620717411303424 -4 2"
    assert evaluate(repl, "1.5 * 2.25, 1 / 3, 7.5 - 10, 2**0.5, int(-7.9), -7.5 // 2") == (
        "3.375 0.3333333 -2.5 1.414214 -7 -4.0"
    )
    assert evaluate(repl, "1e38 * 10, float(2**40), 3.0 < 2.5, 0.1 + 0.2 == 0.3") == "inf 1.099512e+12 False True"
    assert repl.execute("import math\nprint(math.sin(1), math.exp(1), math.log(10))") == "0.841471 2.718282 2.302585\n"
    assert repl.execute("import sys\nprint(sys.platform, sys.implementation.version[:2])") == "rp2 (1, 25)\n"
    assert pico.faults == []


def test_an_error_on_the_board_is_an_error_here(pico):
    with pytest.raises(RemoteError, match="ZeroDivisionError"):
        RawRepl(pico).execute("1 // 0")


def test_sleep_takes_its_time_and_leaves_the_core_asleep(pico):
    repl = RawRepl(pico)
    begin_us, idle_ns = pico.now_us, pico.statistics()["idle_ns"]
    repl.execute("import time\ntime.sleep(20)", timeout_ms=30_000)
    assert 20_000_000 <= pico.now_us - begin_us < 20_100_000
    assert pico.statistics()["idle_ns"] - idle_ns > 19_900_000_000


def test_the_board_clock_is_the_virtual_clock(pico):
    repl = RawRepl(pico)
    repl.execute("import time")
    first = int(evaluate(repl, "time.ticks_us()"))
    begin_us = pico.now_us
    pico.run_ms(1234)
    second = int(evaluate(repl, "time.ticks_us()"))
    assert abs((second - first) - (pico.now_us - begin_us)) < 3000


def test_random_bytes_are_random(pico):
    repl = RawRepl(pico)
    drawn = {repl.execute("import os\nprint(os.urandom(8))") for _ in range(3)}
    assert len(drawn) == 3


def test_two_runs_are_the_same_to_the_nanosecond(tmp_path, stock_image):
    def life(name):
        with EmulatedPico(tmp_path / name, stock_image) as pico:
            pico.power_on()
            repl = RawRepl(pico)
            repl.execute("import os\nopen('x', 'w').write('y' * 5000)\nprint(os.urandom(4))")
            return pico.clock.now_ns, pico.statistics(), pico.read_flash(0, 2 * 1024 * 1024)

    assert life("one.bin") == life("two.bin")


def test_soft_reset(pico):
    repl = RawRepl(pico)
    repl.execute("x = 5")
    repl.leave()
    pico.serial_write(b"\x04")
    pico.serial_read_until(b"soft reboot")
    repl = RawRepl(pico)
    assert evaluate(repl, "'x' in globals()") == "False"
