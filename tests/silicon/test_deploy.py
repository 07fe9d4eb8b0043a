"""`wattpurse deploy` by the real mpremote onto an emulated Pico, and the deployed meter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from boards.host.world.world import FIRST_S
from tests.silicon.meter_bench import FLASH_BYTES, account_in_flash, card_with, log_in, tap, write_flash
from wattpurse_tools import boards
from wattpurse_tools.deploy import scripts
from wattpurse_tools.deploy.image import build_image, layout_of, move_program
from wattpurse_tools.emulation.emulator import EmulatedPico
from wattpurse_tools.emulation.meter import EmulatedMeter
from wattpurse_tools.emulation.repl import RawRepl, RemoteError
from wattpurse_tools.emulation.terminal import SerialTerminal
from wattpurse_tools.places import ROOT

BOARD = boards.find("pico")
LAYOUT = layout_of(BOARD)
RING_OFFSET, RING_BYTES, STAGE_OFFSET = LAYOUT.ring_offset, LAYOUT.ring_bytes, LAYOUT.stage_offset
PICO_FLASH_PROGRAM = ROOT / BOARD.deployment.flash_program
SECTOR = 4096
OPERATIONS_OF_A_SECTOR = 1 + SECTOR // 256
OPERATIONS_BEFORE_SECTORS = 2
GREETING = b"'help' lists the commands"
TIMEOUT_S = 300
PACE = 5  # virtual seconds per real second: the board's watchdog must not be faster than mpremote
MOVING_MS = 20_000

DEPLOY_AND_LEAVE = """
import sys
from wattpurse_tools import boards
from wattpurse_tools.deploy import image
from wattpurse_tools.deploy.link import BoardLink
image.deploy(BoardLink(sys.argv[1]), boards.find("pico"), False)
"""
COPY_FILES = """
import sys, tempfile
from pathlib import Path
from wattpurse_tools.deploy import files, filesystem
from wattpurse_tools.deploy.link import BoardLink
with tempfile.TemporaryDirectory() as folder:
    files.stage("esp32", Path(folder))
    print(filesystem.copy(BoardLink(sys.argv[1]), Path(folder)), "files")
"""


def beside(pico, *program):
    """Run a program with the board's port in place of None among its words. Return the finished process."""
    with SerialTerminal(pico, pace=PACE) as terminal:
        command = [word or terminal.path for word in program]
        return terminal.serve_while(lambda: subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S))


def deploy(pico, *options):
    """Run `wattpurse deploy` on the board. Return the finished process."""
    return beside(pico, Path(sys.executable).with_name("wattpurse"), "deploy", "pico", None, *options)


def deploy_and_leave(pico):
    """Deploy without waiting for the meter. Return the finished process."""
    return beside(pico, sys.executable, "-c", DEPLOY_AND_LEAVE, None)


def deploy_until_the_supply_fails(pico):
    """Deploy until the supply fails, then kill the tool: on a real board the port disappears with the supply."""
    with SerialTerminal(pico, pace=PACE) as terminal:
        process = subprocess.Popen([sys.executable, "-c", DEPLOY_AND_LEAVE, terminal.path])
        terminal.serve(until=lambda: not pico.powered or process.poll() is not None)
        process.kill()
        process.wait()
    assert not pico.powered


def ring_of(pico):
    return pico.read_flash(RING_OFFSET, RING_BYTES)


def test_files_on_a_stock_board_are_lost_only_if_allowed(pico):
    RawRepl(pico).execute("with open('/kept', 'w') as file: file.write('x' * 5000)")
    before, resets = pico.read_flash(0, FLASH_BYTES), len(pico.resets)
    process = deploy(pico)
    assert process.returncode == 1
    assert "/kept" in process.stderr and "--format" in process.stderr
    assert pico.read_flash(0, FLASH_BYTES) == before
    pico.run_ms(1000)
    assert len(pico.resets) > resets  # the program of the board continues


@pytest.fixture(scope="module")
def deployed(tmp_path_factory, stock_image):
    """Return the flash file after a deployment. The stock board had debris of a filesystem at the place of the ring."""
    flash = tmp_path_factory.mktemp("deployed") / "flash.bin"
    with EmulatedPico(flash, stock_image) as pico:
        pico.power_on()
        pico.run_ms(1000)
        RawRepl(pico).execute("with open('/lost', 'w') as file: file.write('x')")
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


def test_the_deployed_program_is_the_image(board):
    image = build_image(BOARD)
    assert board.read_flash(0, len(image)) == image


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


def test_a_running_meter_is_deployed_onto_and_keeps_its_account(meter):
    tap(meter, card_with(20_000_000))
    meter.source.set_load_w(0)
    meter.run_for(0.5)
    bought = account_in_flash(meter).money.bought
    log_in(meter)
    process = deploy(meter.pico)
    assert process.returncode == 0, process.stderr
    assert account_in_flash(meter).money.bought == bought == 20_000_000
    meter.run_for(1)  # it still answers the tool that waited for it
    assert json.loads(meter.type_line("status --json")[0])["supply"] == "on"


@pytest.fixture
def former_meter(tmp_path, stock_image, ring):
    """Provide a board with stock MicroPython that was a meter once and still has its ledger."""
    flash = write_flash(tmp_path / "flash.bin", stock_image.with_suffix(".bin"), ring)
    with EmulatedPico(flash) as pico:
        pico.power_on()
        pico.run_ms(1500)
        yield pico


def test_a_ledger_on_a_stock_board_is_kept(former_meter, ring):
    process = deploy_and_leave(former_meter)
    assert process.returncode == 0, process.stderr
    assert "the ledger that was found is kept" in process.stdout
    assert ring_of(former_meter) == ring


@pytest.fixture
def staged_meter(former_meter, meter_image):
    """Provide that board when deploying has staged the image: nothing is left to do but the move."""
    image = meter_image.read_bytes()
    former_meter.write_flash(STAGE_OFFSET, image + b"\xff" * (-len(image) % SECTOR))
    return former_meter


def sectors_of_the_image():
    return -(-len(build_image(BOARD)) // SECTOR)


def operation_of_the_move(sector, operation):
    """Return the number of an operation, counted from the begin of the move.

    Sectors are written from the last (0) to the first (-1). None stands for the operations before them.
    """
    if sector is None:
        return operation
    return OPERATIONS_BEFORE_SECTORS + sector % sectors_of_the_image() * OPERATIONS_OF_A_SECTOR + operation


def move_in(pico):
    """Begin the move as deploying does. The board's program ends with it."""
    RawRepl(pico).start(move_program(BOARD, build_image(BOARD)))


def assert_asks_for_an_image(pico, meter_image, ring):
    """Check a board whose supply failed amid the move: it waits for an image, and has its ledger."""
    assert not pico.powered
    pico.power_on()
    pico.run_ms(100)
    assert any("waits for a program over USB" in fault for fault in pico.faults)
    assert ring_of(pico) == ring
    pico.cut_power()
    pico.write_flash(0, meter_image.read_bytes())  # as a copy of the .uf2 to the drive does
    pico.power_on()
    pico.serial_read_until(GREETING, 5_000)


def test_a_cut_amid_the_move_of_a_deployment(former_meter, meter_image, ring):
    staging = sectors_of_the_image() * OPERATIONS_OF_A_SECTOR
    former_meter.plan_power_cut(flash_operations=staging + operation_of_the_move(60, 5), tear="ragged")
    assert deploy_and_leave(former_meter).returncode == 0
    former_meter.run_ms(MOVING_MS)
    assert_asks_for_an_image(former_meter, meter_image, ring)


@pytest.mark.parametrize(
    ("sector", "operation", "tear"),
    [
        (None, 0, "ordered"),  # the first page is made invalid
        (None, 1, "ragged"),  # the first sector is erased
        (0, 0, "ordered"),
        (-1, 0, "ordered"),
        (-1, 1, "ragged"),
        (-1, 15, "ordered"),
        (-1, 16, "ordered"),  # the first page is the last to be written
    ],
)
def test_a_cut_amid_the_move_leaves_a_board_that_asks_for_an_image(
    staged_meter, meter_image, ring, sector, operation, tear
):
    staged_meter.plan_power_cut(flash_operations=operation_of_the_move(sector, operation), tear=tear)
    move_in(staged_meter)
    staged_meter.run_ms(MOVING_MS)
    assert_asks_for_an_image(staged_meter, meter_image, ring)


@pytest.mark.parametrize(("sector", "operation"), [(60, 5), (-1, 16)])
def test_a_defective_operation_is_written_again(staged_meter, meter_image, sector, operation):
    staged_meter.plan_flash_defect(operation_of_the_move(sector, operation))
    move_in(staged_meter)
    staged_meter.serial_read_until(GREETING, MOVING_MS)
    image = meter_image.read_bytes()
    assert staged_meter.read_flash(0, len(image)) == image


@pytest.mark.parametrize("sectors_staged", [0, 64])
def test_a_cut_before_that_leaves_the_program_as_it_was(pico, sectors_staged):
    program = pico.read_flash(0, STAGE_OFFSET)
    pico.plan_power_cut(flash_operations=sectors_staged * OPERATIONS_OF_A_SECTOR)
    deploy_until_the_supply_fails(pico)
    assert pico.read_flash(0, STAGE_OFFSET) == program
    pico.power_on()
    pico.run_ms(1500)
    assert deploy(pico).returncode == 0


def test_a_cut_while_a_meter_is_sent_its_next_image_leaves_it_at_work(meter):
    tap(meter, card_with(20_000_000))
    log_in(meter)
    meter.pico.plan_power_cut(flash_operations=20 * OPERATIONS_OF_A_SECTOR)
    deploy_until_the_supply_fails(meter.pico)
    meter.power_up()
    meter.await_console()
    assert account_in_flash(meter).money.bought == 20_000_000


def test_a_visit_without_end_is_ended_by_the_watchdog(meter):
    tap(meter, card_with(20_000_000))
    log_in(meter)
    repl = RawRepl(meter.pico)
    repl.execute(scripts.FEED_WATCHDOG.format(timer=-1, longest_visit_s=20))
    meter.run_for(20)
    assert repl.execute("print(1)") == "1\n"
    meter.pico.serial_received.clear()
    meter.await_console()
    assert account_in_flash(meter).money.bought == 20_000_000


def test_a_commissioned_meter_is_not_deployed_onto_without_a_login(meter):
    tap(meter, card_with(20_000_000))
    process = deploy(meter.pico)
    assert process.returncode == 1
    assert "log in at its console" in process.stderr
    assert meter.pico.resets == []
    assert account_in_flash(meter).money.bought == 20_000_000


def test_a_board_of_another_port_is_named_and_goes_on(pico):
    resets = len(pico.resets)
    process = beside(pico, Path(sys.executable).with_name("wattpurse"), "deploy", "esp32", None)
    assert process.returncode == 1
    assert "this is no esp32: its MicroPython is for rp2" in process.stderr
    pico.run_ms(1000)
    assert len(pico.resets) > resets


def test_an_image_that_differs_from_the_sent_one_is_not_moved_in(pico):
    before = pico.read_flash(0, STAGE_OFFSET)
    repl = RawRepl(pico)
    with pytest.raises(RemoteError, match="deploy again"):
        repl.execute(PICO_FLASH_PROGRAM.read_text() + f"\nmove_in({STAGE_OFFSET}, 500_000, '{'0' * 64}')", 20_000)
    assert pico.read_flash(0, STAGE_OFFSET) == before


def test_files_are_copied_checked_and_copied_again(pico):
    RawRepl(pico).execute("open('/board.py', 'w').close()")
    for _ in range(2):
        process = beside(pico, sys.executable, "-c", COPY_FILES, None)
        assert process.returncode == 0, process.stderr
        assert process.stdout.endswith(" files\n")
        found = RawRepl(pico).execute("import os\nprint(os.listdir('/'))")
        assert "board.mpy" in found and "board.py'" not in found
        assert pico.faults == []
