"""A technician at the USB port, and a program that hangs: the data that the meter keeps, its losses and its recovery.

Only someone with rights can interrupt the program. That ends metering until it starts anew: by a soft reset, or by the
watchdog, eight seconds after its last feeding. The load switch does not move. The counter runs on meanwhile and through
a soft reset, so such a visit costs only the pulses of an interrupted metering step. Any other reset clears the counter.
It loses the pulses since the interrupt of the program, and those before the boot script starts the counter again. The
ledger keeps every pulse.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from boards.pico.pins import GPIO
from tests.silicon.meter_bench import account_in_flash, card_with, log_in, tap
from wattpurse.core.records import events
from wattpurse.services.metering import PERIOD_MS
from wattpurse.supervisor import FAULT_HUNG
from wattpurse_tools.emulation.repl import RawRepl
from wattpurse_tools.emulation.ring import stores_of
from wattpurse_tools.emulation.terminal import SerialTerminal

INTERRUPT = b"\x03"
SOFT_RESET = b"\x04"
CREDIT = 20_000_000
LOAD_W = 23_000
WATCHDOG_S = 8
START_S = 2
COUNTER_STARTS_MS = 15
MPREMOTE_TIMEOUT_S = 60

# The endless loop sleeps, because a busy core is slow to emulate. No other task runs meanwhile.
HANG_AFTER_A_SECOND = """
import asyncio, time
from board import build_board
from wattpurse.app import Meter

meter = Meter(build_board())

async def hang():
    await asyncio.sleep_ms(1000)
    while True:
        time.sleep_ms(100)

meter.supervisor.add("planted", hang)
asyncio.run(meter.run())
"""


@pytest.fixture
def supplied(meter):
    """Return the meter with credit, supply and 6.4 pulses a second."""
    tap(meter, card_with(CREDIT))
    assert meter.run_until(lambda: meter.relay.contact_closed, 3)
    meter.source.set_load_w(LOAD_W)
    meter.run_for(1)
    return meter


def missing_pulses(meter):
    return meter.source.pulses_total - account_in_flash(meter).pulses_total


def pulses_in(seconds):
    return int(seconds * LOAD_W / 3600) + 1


def missing_at_a_kilohertz(meter, visit):
    """Give a thousand pulses a second during `visit()`. Return the number of those that are not in the ledger."""
    meter.source.set_load_w(0)
    meter.run_for(0.5)
    before, given = account_in_flash(meter).pulses_total, rising_edges(meter)
    meter.pico.pins[GPIO["pulse"]].pulses(1_000_000, 500_000)
    # The visit begins between two steps. One that interrupts a step loses the pulses of it (docs/installation.md).
    meter.run_for(0.52)
    visit()
    meter.run_for(0.5)
    meter.pico.pins[GPIO["pulse"]].stop_pulses()
    meter.run_for(0.5)
    return rising_edges(meter) - given - (account_in_flash(meter).pulses_total - before)


def rising_edges(meter):
    return meter.pico.statistics()["rising_edges"][str(GPIO["pulse"])]


def faults(meter):
    return [event.number for event in stores_of(meter.pico).events.recent(50) if event.code == events.FAULT]


def visited(meter, begun_us, before):
    """Check the meter after a visit that began at `begun_us`, when the flash held the account `before`."""
    meter.await_console(WATCHDOG_S + START_S)
    after = account_in_flash(meter)
    assert after.pulses_total >= before.pulses_total
    assert after.money.bought == CREDIT
    assert after.token_is_used(1)
    missing = missing_pulses(meter)
    # The pulse before the visit may not have been taken when it began.
    assert missing <= 1 + pulses_in((meter.clock.now_us - begun_us) / 1e6)
    meter.run_for(5)
    # The newest pulse may not be recorded yet, at either count.
    assert missing_pulses(meter) <= missing + 1
    assert meter.relay.contact_closed


def test_an_interrupt_takes_the_current_off_the_coil(supplied):
    log_in(supplied)
    supplied.pico.serial_write(b"relay test\r")
    assert supplied.run_until(lambda: supplied.open_coil_wire.level, 3, step_us=1000)
    supplied.pico.serial_write(INTERRUPT)
    assert supplied.run_until(lambda: not supplied.open_coil_wire.level, 0.05)
    supplied.run_for(3)
    assert b">>> " in supplied.pico.serial_received


def test_an_interrupt_without_a_login_stops_no_meter(supplied):
    before = account_in_flash(supplied).pulses_total
    supplied.pico.serial_received.clear()
    supplied.pico.serial_write(INTERRUPT * 5)
    supplied.run_for(WATCHDOG_S + START_S)
    assert b">>> " not in supplied.pico.serial_received
    assert supplied.pico.resets == []
    assert account_in_flash(supplied).pulses_total >= before + (WATCHDOG_S + START_S - 1) * LOAD_W // 3600


def test_a_visit_that_ends_in_a_soft_reset_costs_no_pulse(supplied):
    def visit():
        log_in(supplied)
        supplied.pico.serial_write(INTERRUPT)
        supplied.pico.serial_read_until(b">>> ")
        supplied.run_for(3)
        supplied.pico.serial_write(SOFT_RESET)
        supplied.await_console()

    assert missing_at_a_kilohertz(supplied, visit) == 0
    assert supplied.pico.resets == []


def test_any_other_reset_costs_the_pulses_not_taken_and_those_before_the_boot_script(supplied):
    def visit():
        supplied.reset_board()
        supplied.await_console()

    assert 0 < missing_at_a_kilohertz(supplied, visit) <= PERIOD_MS + COUNTER_STARTS_MS


def test_a_soft_reset_leaves_the_meter_as_it_was(supplied):
    log_in(supplied)
    before = account_in_flash(supplied)
    begun_us = supplied.clock.now_us
    supplied.pico.serial_write(INTERRUPT)
    supplied.pico.serial_read_until(b">>> ")
    supplied.pico.serial_write(SOFT_RESET)
    visited(supplied, begun_us, before)
    assert supplied.clock.now_us - begun_us < (START_S + 5) * 1_000_000
    assert supplied.pico.resets == []
    assert faults(supplied) == []


def test_mpremote_looks_at_the_files_and_the_watchdog_starts_the_meter_again(supplied):
    program = shutil.which("mpremote", path=Path(sys.executable).parent) or shutil.which("mpremote")
    log_in(supplied)
    before = account_in_flash(supplied)
    begun_us = supplied.clock.now_us
    supplied.pico.serial_received.clear()
    with SerialTerminal(supplied.pico, pace=2) as terminal:
        command = [program, "connect", terminal.path, "fs", "ls"]
        listed = terminal.serve_while(
            lambda: subprocess.run(command, check=True, capture_output=True, text=True, timeout=MPREMOTE_TIMEOUT_S)
        )
    assert listed.stdout.splitlines()[0] == "ls :"
    visited(supplied, begun_us, before)
    assert supplied.pico.resets == ["watchdog"]
    assert faults(supplied) == [FAULT_HUNG]


def test_a_task_that_hangs_ends_in_a_reset_and_in_the_log(supplied):
    log_in(supplied)
    RawRepl(supplied.pico).start(HANG_AFTER_A_SECOND)
    supplied.pico.serial_read_until(b"'help' lists", 3000)
    before = account_in_flash(supplied)
    begun_us = supplied.clock.now_us
    moves = supplied.relay.operations
    assert supplied.run_until(lambda: supplied.pico.resets == ["watchdog"], WATCHDOG_S + 2)
    assert not supplied.open_coil_wire.level and not supplied.close_coil_wire.level
    visited(supplied, begun_us, before)
    assert faults(supplied) == [FAULT_HUNG]
    assert supplied.relay.operations == moves
