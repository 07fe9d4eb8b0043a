"""The image of the meter: its own use of the flash, and the place of its storage."""

import pytest

from wattpurse_tools import boards
from wattpurse_tools.deploy.image import layout_of
from wattpurse_tools.emulation.emulator import EmulatedPico
from wattpurse_tools.emulation.image import PROGRAM, build_image
from wattpurse_tools.emulation.repl import RawRepl

STAGE_OFFSET = layout_of(boards.find("pico")).stage_offset
RING_OFFSET = 0x140000
RING_BYTES = 576 * 1024
FILESYSTEM_OFFSET = RING_OFFSET + RING_BYTES
FLASH_BYTES = 2 * 1024 * 1024
STORAGE = "from boards.pico import storage\n"
MEMORY_BEGIN = 0x20000000
TABLES_IN_FLASH = (
    ("wattpurse.core.money.standing", "TABLE"),
    ("wattpurse.core.money.terms", "TABLE"),
    ("wattpurse.core.records.events", "OTHER_TEXTS"),
    ("wattpurse.core.records.events", "UNLIMITED"),
    ("wattpurse.cards.mfrc522_registers", "CONFIGURATION"),
)


@pytest.fixture
def board(tmp_path, meter_image):
    with EmulatedPico(tmp_path / "flash.bin", meter_image) as board:
        board.power_on()
        yield board


def storage_bytes(board):
    return board.read_flash(RING_OFFSET, FLASH_BYTES - RING_OFFSET)


def test_the_program_leaves_the_storage_alone(meter_image):
    assert meter_image.stat().st_size < RING_OFFSET


def test_the_program_leaves_room_for_the_next_one_to_be_staged(meter_image, stock_image):
    """Check all images that `wattpurse deploy` puts on a board: stock, the meter's, and that with clamps."""
    clamps_image = build_image("--clamps") / PROGRAM
    for image in (meter_image, clamps_image, stock_image.with_suffix(".bin")):
        assert image.stat().st_size <= STAGE_OFFSET
        assert STAGE_OFFSET + image.stat().st_size <= RING_OFFSET


def test_a_board_without_filesystem_is_left_as_it_is(board):
    repl = RawRepl(board)
    assert repl.execute("import os\nprint(os.listdir('/'))") == "[]\n"
    assert storage_bytes(board) == b"\xff" * (FLASH_BYTES - RING_OFFSET)


def test_a_damaged_filesystem_is_left_as_it_is(board):
    board.cut_power()
    damage = bytes(range(256)) * 16
    board.write_flash(FILESYSTEM_OFFSET, damage * 2)
    board.power_on()
    RawRepl(board).execute("print()")
    assert board.read_flash(FILESYSTEM_OFFSET, 2 * len(damage)) == damage * 2


def test_formatting_leaves_the_ring_alone(board):
    board.write_flash(RING_OFFSET, b"\x5a" * RING_BYTES)
    repl = RawRepl(board)
    repl.execute(STORAGE + "storage.format_filesystem()\nopen('/kept', 'w').write('x' * 20000)", timeout_ms=60_000)
    assert board.read_flash(RING_OFFSET, RING_BYTES) == b"\x5a" * RING_BYTES
    board.reset()
    repl = RawRepl(board)
    assert repl.execute("import os\nprint(os.listdir('/'))") == "['kept']\n"


def test_the_ring_is_where_the_board_says(board):
    repl = RawRepl(board)
    repl.execute(STORAGE + "ring = storage.ring_blocks()\nring.writeblocks(0, bytearray(b'first' + bytes(251)), 0)")
    repl.execute("ring.writeblocks(storage.RING_BYTES // 4096 - 1, bytearray(bytes(251) + b'final'), 4096 - 256)")
    assert board.read_flash(RING_OFFSET, 5) == b"first"
    assert board.read_flash(FILESYSTEM_OFFSET - 5, 5) == b"final"
    printed = repl.execute("print(storage.STORAGE_OFFSET, storage.RING_BYTES, storage.FILESYSTEM_BYTES)")
    assert printed == f"{RING_OFFSET} {RING_BYTES} {FLASH_BYTES - FILESYSTEM_OFFSET}\n"
    filesystem_bytes = int(repl.execute("print(storage.filesystem_blocks().ioctl(4, 0) * 4096)"))
    assert filesystem_bytes == FLASH_BYTES - FILESYSTEM_OFFSET


def test_the_long_tables_stay_in_flash_and_take_no_memory(board):
    repl = RawRepl(board)
    for module, table in TABLES_IN_FLASH:
        place = repl.execute(f"import {module} as one\nprint(id(one.{table}))")
        assert int(place) < MEMORY_BEGIN, f"a name in {module}.{table} lacks `const`"
