"""The desk reader on the emulated RP2040: cards through its USB serial port by the station's own code, and faults.

Cards are read for the comparison by the driver over another chip model, without the desk reader.
"""

import itertools
import subprocess
import sys
from pathlib import Path

import pytest

from boards.host.cards.classic import ClassicCard
from boards.host.cards.iso_dep import IsoDepCard
from boards.host.cards.ultralight import UltralightCard
from boards.host.chips.aes import aes
from boards.host.chips.mfrc522 import Mfrc522Model
from boards.host.world.clock import VirtualClock
from wattpurse.cards import iso_dep, purse
from wattpurse.cards.classic import ClassicKeys
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.linked_reader import LinkedReader
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import Mfrc522
from wattpurse.cards.reader_link import LinkLost, ReaderLink
from wattpurse.core.messages import reader_frames as frames
from wattpurse.core.messages import reader_steps as steps
from wattpurse.core.seals.keys import classic_keys
from wattpurse_tools import boards
from wattpurse_tools.blocking import run_driver
from wattpurse_tools.deploy.image import layout_of
from wattpurse_tools.emulation.desk_reader import EmulatedDeskReader
from wattpurse_tools.emulation.image import PROGRAM, build_image
from wattpurse_tools.emulation.repl import RawRepl
from wattpurse_tools.emulation.terminal import SerialTerminal
from wattpurse_tools.places import BOARDS
from wattpurse_tools.readers.desk_reader import driver_of
from wattpurse_tools.station.classic_cards import format_classic

UID = b"\x11\x22\x33\x44"
KEYS = ClassicKeys(*classic_keys(aes, bytes(range(16)), UID))
METER = 10000001
OLD, NEW = bytes(range(64)), bytes(range(64, 160))
COMMANDS = [b"\x5a\x00\x00\x01", bytes(range(130))]
SETTLING_MS = 10
WATCHDOG_MS = 8_000
PACE = 5  # virtual seconds per real second: the board's watchdog must not be faster than mpremote
DEPLOYMENT_S = 300
# Selection, first read, authentication and both halves of writes. tests/services/test_reader_cards.py tears at every
# frame, without the chip.
TORN_FRAMES = (2, 8, 19, 24, 27)


@pytest.fixture(scope="session")
def image():
    return build_image(builder=BOARDS / "desk_reader/image/build") / PROGRAM


@pytest.fixture
def desk(tmp_path, image):
    with EmulatedDeskReader(tmp_path / "flash.bin", image) as desk:
        desk.power_up()
        desk.far = LinkedReader(ReaderLink(desk.line, desk.clock, itertools.count(7).__next__))
        desk.run(desk.far.start())
        yield desk
        assert desk.violations() == []


def put(desk, card):
    desk.insert(card)
    desk.pico.run_ms(SETTLING_MS)
    return card


async def opened(reader):
    identity = await reader.find_card(True)
    if identity is None:
        raise CardError("silent")
    return await open_card(reader, identity, lambda uid: KEYS)


async def write_orders(reader, content):
    await purse.write_orders(await opened(reader), purse.CUSTOMER, METER, content)


async def read_orders(reader):
    box = await purse.read_orders(await opened(reader))
    return None if box is None else bytes(box.content)


def at_another_reader(card, action):
    """Return the result of `action(driver)` at a reader beside the desk reader, with the card on it."""
    clock = VirtualClock()
    model = Mfrc522Model(clock)
    driver = Mfrc522(model.spi, model.select, model.reset, model.irq, clock)
    clock.run(driver.start())
    model.field.insert(card)
    clock.advance_us(SETTLING_MS * 1000)
    try:
        return clock.run(action(driver))
    finally:
        model.field.remove(card)


def orders_by_another_reader(card):
    return at_another_reader(card, read_orders)


async def format_card(driver):
    await format_classic(driver, await driver.find_card(), KEYS)


def card_with_old_orders():
    """Return a card that was formatted and written at another reader."""
    card = ClassicCard(UID)
    at_another_reader(card, format_card)
    at_another_reader(card, lambda driver: write_orders(driver, OLD))
    return card


def test_a_customers_card_is_formatted_and_its_orders_are_written_and_read(desk):
    card = put(desk, ClassicCard(UID))
    desk.run(format_card(desk.far))
    desk.run(write_orders(desk.far, OLD))
    assert desk.run(read_orders(desk.far)) == OLD
    desk.remove(card)
    assert orders_by_another_reader(card) == OLD
    assert (desk.far.link.role, desk.far.version) == (frames.DESK_READER, 0x92)
    assert (desk.far.link.repeats, desk.far.link.errors) == (0, 0)


def test_an_ntag_gets_its_orders(desk):
    card = put(desk, UltralightCard("ntag215", b"\x04\x55\x66\x77\x88\x99\xaa"))
    desk.run(write_orders(desk.far, NEW))
    assert desk.run(read_orders(desk.far)) == NEW
    desk.remove(card)
    assert orders_by_another_reader(card) == NEW


def test_a_card_of_iso_14443_4_answers_commands(desk):
    card = put(desk, IsoDepCard(b"\x04\x55\x66\x77\x88\x99\xaa", lambda command: bytes(reversed(command))))

    async def answers():
        opened_card = await iso_dep.activate(desk.far, await desk.far.find_card(), desk.clock)
        return [await opened_card.transceive(command) for command in COMMANDS]

    assert desk.run(answers()) == [bytes(reversed(command)) for command in COMMANDS]
    assert card.executed == COMMANDS


def test_a_card_that_is_lifted_at_a_frame_keeps_old_orders_or_has_new_ones(desk):
    for frame in TORN_FRAMES:
        card = put(desk, card_with_old_orders())
        desk.reader.faults.lift(frame)
        with pytest.raises(CardError):
            desk.run(write_orders(desk.far, NEW))
        assert orders_by_another_reader(card) == OLD
    put(desk, card)
    desk.run(write_orders(desk.far, NEW))
    desk.remove(card)
    assert orders_by_another_reader(card) == NEW


def test_bytes_lost_and_changed_on_the_way_cost_time_alone(desk):
    put(desk, card_with_old_orders())
    count = itertools.count()

    def damage(data):
        number = next(count)
        if number % 7 == 3:
            return b""
        return data[: len(data) // 2] + b"\x00" + data[len(data) // 2 + 1 :] if number % 7 == 5 else data

    desk.line.fault = damage
    desk.run(write_orders(desk.far, NEW))
    assert desk.run(read_orders(desk.far)) == NEW
    assert desk.far.link.repeats > 3


def test_a_request_that_comes_twice_is_executed_once(desk):
    put(desk, ClassicCard(UID))
    desk.run(desk.far.find_card())
    before = desk.reader.field.frames
    wire = desk.line.write

    async def twice(data):
        await wire(data + data)

    desk.line.write = twice
    request = steps.step(steps.EXCHANGE, b"\x30\x00", 5_000, 16)
    desk.run(desk.far.link.ask(frames.STEPS, request, 100))
    desk.pico.run_ms(300)
    assert desk.reader.field.frames == before + 1


def test_noise_and_a_restart_leave_a_board_that_serves_a_new_session(desk):
    card = put(desk, ClassicCard(UID))
    desk.pico.serial_write(bytes(range(256)) + b"m\x78" + b"\x6d" * 200)
    assert desk.run(desk.far.find_card(True)).uid == UID
    desk.pico.reset()
    desk.pico.run_until(lambda: desk.pico.statistics()["usb"], 3_000, 20_000)
    with pytest.raises(LinkLost):
        desk.run(desk.far.find_card())
    desk.run(desk.far.recover())
    assert desk.run(desk.far.find_card()).uid == UID
    desk.remove(card)


def test_a_board_without_its_reader_chip_says_so_and_recovers(desk):
    desk.reader.faults.spi_dead = 0xFF
    with pytest.raises(OSError, match="no reader chip"):
        desk.run(desk.far.recover())
    desk.reader.faults.spi_dead = None
    desk.run(desk.far.recover())


def test_a_tool_gets_the_prompt_and_a_board_that_stays_there_comes_back(desk):
    repl = RawRepl(desk.pico)
    assert "RP2040" in repl.execute("import sys\nprint(sys.implementation._machine)")
    repl.execute("try:\n    import wattpurse.app\nexcept ImportError:\n    pass\nelse:\n    raise ValueError")
    desk.pico.run_ms(WATCHDOG_MS + 1_000)
    assert desk.pico.resets
    desk.pico.run_until(lambda: desk.pico.statistics()["usb"], 3_000, 20_000)
    desk.run(desk.far.recover())


def test_the_led_is_lit_in_a_session(desk):
    desk.pico.run_ms(500)
    assert desk.led[-1][1] == 1
    begun = len(desk.led)
    desk.pico.run_ms(2_000)
    assert len(desk.led) == begun


def test_a_running_desk_reader_gets_its_image_anew(desk, image):
    program = image.read_bytes()
    stage_offset = layout_of(boards.find("desk-reader")).stage_offset
    assert desk.pico.read_flash(stage_offset, 256) == b"\xff" * 256
    with SerialTerminal(desk.pico, pace=PACE) as terminal:
        command = [Path(sys.executable).with_name("wattpurse"), "deploy", "desk-reader", terminal.path]
        done = terminal.serve_while(
            lambda: subprocess.run(command, capture_output=True, text=True, timeout=DEPLOYMENT_S)
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(f"the reader {desk.far.link.identity.hex()} is running\n")
    assert desk.pico.read_flash(stage_offset, len(program)) == program
    assert desk.pico.read_flash(0, len(program)) == program


def test_a_program_opens_the_serial_port_of_the_board(desk):
    put(desk, ClassicCard(UID))
    with SerialTerminal(desk.pico) as terminal:

        def look():
            driver = driver_of(terminal.path)
            try:
                run_driver(driver.start())
                return run_driver(driver.find_card()).uid
            finally:
                driver.close()

        assert terminal.serve_while(look) == UID
