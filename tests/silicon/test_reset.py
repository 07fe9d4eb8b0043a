"""Resets of the emulated chip: watchdog, RUN pin, supply."""

import pytest

from wattpurse_tools.emulation.repl import RawRepl

RESET_CAUSE = "import machine\nprint(machine.reset_cause())"
POWER_ON = "1\n"
WATCHDOG = "3\n"
PLAIN_RAM = 0x20040000


def test_a_hung_program_is_reset_by_the_watchdog(pico):
    repl = RawRepl(pico)
    assert repl.execute(RESET_CAUSE) == POWER_ON
    repl.execute("from machine import WDT\nwatchdog = WDT(timeout=2000)")
    begin_us = pico.now_us
    repl.start("while True: pass")
    assert pico.run_until(lambda: pico.resets == ["watchdog"], 5000)
    assert 1_990_000 < pico.now_us - begin_us < 2_010_000
    assert RawRepl(pico).execute(RESET_CAUSE) == WATCHDOG


def test_a_fed_watchdog_stays_quiet(pico):
    repl = RawRepl(pico)
    repl.execute("from machine import WDT\nimport time\nwatchdog = WDT(timeout=500)")
    repl.execute("for _ in range(20):\n    time.sleep_ms(400)\n    watchdog.feed()", timeout_ms=9000)
    assert pico.resets == []


def test_machine_reset_boots_again(pico):
    RawRepl(pico).start("import machine\nmachine.reset()")
    pico.run_ms(500)
    assert pico.resets == ["watchdog"]
    assert RawRepl(pico).execute(RESET_CAUSE) == WATCHDOG


def test_the_run_pin_forgets_the_cause_of_the_last_reset(pico):
    RawRepl(pico).start("import machine\nmachine.reset()")
    pico.run_ms(500)
    pico.reset()
    pico.run_ms(500)
    assert pico.resets == ["watchdog", "reset"]
    assert RawRepl(pico).execute(RESET_CAUSE) == POWER_ON


@pytest.mark.parametrize("supply_fails", [False, True])
def test_memory_outlives_a_reset_but_not_the_supply(pico, supply_fails):
    # The last bytes of the stack of the idle second core.
    repl = RawRepl(pico)
    repl.execute(f"from machine import mem32\nmem32[{PLAIN_RAM}] = 0x12345678")
    if supply_fails:
        pico.cut_power()
        assert not pico.powered
        pico.power_on()
    else:
        pico.reset()
    pico.run_ms(500)
    value = RawRepl(pico).execute(f"from machine import mem32\nprint(mem32[{PLAIN_RAM}])")
    assert (value == f"{0x12345678}\n") is not supply_fails


def test_a_chip_with_nothing_in_its_flash_waits_for_a_program(pico):
    pico.cut_power()
    pico.write_flash(0, b"\xff" * 256)
    pico.power_on()
    pico.run_ms(100)
    assert "no valid second stage" in pico.statistics()["locked_up"]
