"""`wattpurse deploy` by the real mpremote onto an emulated board with stock MicroPython, and the meter it leaves."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from boards.host.world import FIRST_S
from boards.pico.pins import GPIO
from tests.silicon.meter_bench import card_with, tap
from wattpurse_tools.emulated_meter import EmulatedMeter
from wattpurse_tools.emulator import EmulatedPico
from wattpurse_tools.emulator_repl import RawRepl
from wattpurse_tools.emulator_terminal import SerialTerminal

FLASH_BYTES = 2 * 1024 * 1024
RING_BYTES = 512 * 1024
RING_OFFSET = FLASH_BYTES - RING_BYTES
SECTOR = 4096
GREETING = b"'help' lists the commands"
TIMEOUT_S = 300
FILL_FILESYSTEM = """
try:
    with open("/large", "w") as file:
        while True:
            file.write("y" * 256)
except OSError as error:
    print(error)
"""
COUNTER_STARTS_MS = 70
PACE = 5  # of virtual to real time: the board's watchdog must not be faster than mpremote


def deploy(pico, *options):
    """Run the command against the board; the finished process."""
    program = Path(sys.executable).with_name("wattpurse")
    with SerialTerminal(pico, pace=PACE) as terminal:
        command = [program, "deploy", "pico", terminal.path, *options]
        return terminal.serve_while(
            lambda: subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
        )


def ring_of(pico):
    return pico.read_flash(RING_OFFSET, RING_BYTES)


def test_a_stock_board_is_left_alone_unless_it_may_be_formatted(pico):
    repl = RawRepl(pico)
    repl.execute("with open('/kept', 'w') as file: file.write('x' * 5000)")
    before = pico.read_flash(0, FLASH_BYTES)
    process = deploy(pico)
    assert process.returncode == 1
    assert "--format" in process.stderr
    assert pico.read_flash(0, FLASH_BYTES) == before


@pytest.fixture(scope="module")
def deployed(tmp_path_factory, stock_image):
    """The flash file of a stock board onto which the firmware was deployed, filesystem debris in the ring's place."""
    flash = tmp_path_factory.mktemp("deployed") / "flash.bin"
    with EmulatedPico(flash, stock_image) as pico:
        pico.power_on()
        pico.run_ms(1000)
        pico.write_flash(RING_OFFSET + 5 * SECTOR, b"\x5a" * SECTOR)
        process = deploy(pico, "--format")
        assert process.returncode == 0, process.stderr
        assert process.stdout.endswith("the meter is running\n")
        assert ring_of(pico) == b"\xff" * RING_BYTES
        assert pico.faults == []
    return flash


@pytest.fixture
def board(tmp_path, deployed):
    flash = tmp_path / "flash.bin"
    flash.write_bytes(deployed.read_bytes())
    with EmulatedPico(flash) as pico:
        pico.power_on()
        yield pico


def test_the_meter_starts_by_itself_and_is_not_commissioned(board):
    board.serial_read_until(GREETING, 5_000)
    board.serial_write(b"status\r")
    assert b"not commissioned" in board.serial_read_until(b"load switch", 3_000)


def test_the_deployed_meter_takes_a_card_and_meters(tmp_path, deployed, ring):
    flash = bytearray(deployed.read_bytes())
    flash[RING_OFFSET : RING_OFFSET + len(ring)] = ring
    (tmp_path / "flash.bin").write_bytes(flash)
    with EmulatedMeter(tmp_path / "flash.bin", utc_s=FIRST_S + 60) as meter:
        meter.power_up()
        meter.await_console()
        tap(meter, card_with(20_000_000))
        assert meter.run_until(lambda: meter.relay.contact_closed, 3)
        meter.source.set_load_w(2_000)
        meter.run_for(6)
        meter.source.set_load_w(0)
        meter.run_for(0.5)
        registers = json.loads(meter.type_line("registers --json")[0])
        assert registers["money_microunits"]["bought"] == 20_000_000
        assert registers["pulses"] == meter.source.pulses_total > 0
        assert meter.violations() == []


def test_the_deployed_meter_counts_from_its_boot_script_on(tmp_path, deployed, ring):
    flash = bytearray(deployed.read_bytes())
    flash[RING_OFFSET : RING_OFFSET + len(ring)] = ring
    (tmp_path / "flash.bin").write_bytes(flash)
    with EmulatedMeter(tmp_path / "flash.bin", utc_s=FIRST_S + 60) as meter:
        meter.power_up()
        meter.pico.pins[GPIO["pulse"]].drive(0)
        meter.pico.pins[GPIO["pulse"]].pulses(1_000_000, 500_000, 400)
        meter.await_console()
        meter.run_for(1)
        registers = json.loads(meter.type_line("registers --json")[0])
        assert 0 < 400 - registers["pulses"] <= COUNTER_STARTS_MS


def test_what_is_written_to_the_filesystem_stays_off_the_ring(board):
    board.run_ms(1500)
    repl = RawRepl(board)
    repl.execute("from machine import Timer, WDT\nwatchdog = WDT(timeout=8000)")
    repl.execute("feeder = Timer(period=1000, callback=lambda _: watchdog.feed())")
    assert "28" in repl.execute(FILL_FILESYSTEM, 300_000)  # ENOSPC
    assert ring_of(board) == b"\xff" * RING_BYTES


def test_deploying_again_keeps_ledger_and_running_meter(board):
    board.run_ms(1500)
    ledger = b"WPJ1" + bytes(range(200))
    board.write_flash(RING_OFFSET, ledger)
    process = deploy(board)
    assert process.returncode == 0, process.stderr
    assert process.stdout.endswith("the meter is running\n")
    assert ring_of(board) == ledger + b"\xff" * (RING_BYTES - len(ledger))


def test_the_meters_own_image_is_not_deployed_onto(tmp_path, meter_image):
    with EmulatedPico(tmp_path / "flash.bin", meter_image) as pico:
        pico.power_on()
        pico.run_ms(1500)
        process = deploy(pico, "--format")
        assert process.returncode == 1
        assert "flash a new image" in process.stderr
        del pico.serial_received[:]
        pico.serial_read_until(GREETING, 10_000)
