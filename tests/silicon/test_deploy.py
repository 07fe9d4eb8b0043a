"""`wattpurse deploy` by the real mpremote onto an emulated board with stock MicroPython, and the meter it leaves."""

import subprocess
import sys
from pathlib import Path

import pytest

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
PACE = 5  # of virtual to real time: the board's watchdog must not be faster than mpremote


COPY = """
import sys, tempfile
from pathlib import Path
from wattpurse_tools import deploy_command, deploy_files
from wattpurse_tools.board_link import BoardLink
link = BoardLink(sys.argv[1])
with tempfile.TemporaryDirectory() as folder:
    deploy_files.stage("pico", Path(folder))
    deploy_command.take_over(link, "pico")
    facts = deploy_command.look(link, "pico")
    deploy_command.prepare(link, "pico", facts, "--format" in sys.argv)
    print(deploy_command.copy(link, Path(folder)), "files")
    link.reset()
"""


def deploy(pico, *options):
    """Run the command against the board; the finished process."""
    return _beside(pico, [Path(sys.executable).with_name("wattpurse"), "deploy", "pico"], *options)


def copy(pico, *options):
    """The same without asking whether the board has memory enough to run what is put onto it."""
    return _beside(pico, [sys.executable, "-c", COPY], *options)


def _beside(pico, program, *options):
    with SerialTerminal(pico, pace=PACE) as terminal:
        command = [*program, terminal.path, *options]
        return terminal.serve_while(
            lambda: subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
        )


def ring_of(pico):
    return pico.read_flash(RING_OFFSET, RING_BYTES)


def test_a_stock_board_without_room_for_the_firmware_is_left_alone(pico):
    repl = RawRepl(pico)
    repl.execute("with open('/kept', 'w') as file: file.write('x' * 5000)")
    before = pico.read_flash(0, FLASH_BYTES)
    process = deploy(pico, "--format")
    assert process.returncode == 1
    assert "make image BOARD=pico" in process.stderr
    assert pico.read_flash(0, FLASH_BYTES) == before


def test_files_are_not_put_where_a_ledger_is_to_be_unless_it_may_be_formatted(pico):
    before = pico.read_flash(0, FLASH_BYTES)
    process = copy(pico)
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
        process = copy(pico, "--format")
        assert process.returncode == 0, process.stderr
        assert process.stdout.endswith(" files\n")
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


def test_what_is_written_to_the_filesystem_stays_off_the_ring(board):
    board.run_ms(1500)
    repl = RawRepl(board)
    repl.execute("from machine import Timer, WDT\nwatchdog = WDT(timeout=8000)")
    repl.execute("feeder = Timer(period=1000, callback=lambda _: watchdog.feed())")
    assert "28" in repl.execute(FILL_FILESYSTEM, 300_000)  # ENOSPC
    assert ring_of(board) == b"\xff" * RING_BYTES


def test_deploying_again_keeps_the_ledger(board):
    board.run_ms(1500)
    RawRepl(board).execute("import os\nos.remove('/main.py')")  # it has filled the memory of this board
    board.reset()
    board.run_ms(1500)
    ledger = b"WPJ1" + bytes(range(200))
    board.write_flash(RING_OFFSET, ledger)
    process = copy(board)
    assert process.returncode == 0, process.stderr
    assert process.stdout.endswith(" files\n")
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
