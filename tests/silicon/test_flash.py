"""The flash of the emulated board: NOR, slow, persistent, and torn if the supply fails within an operation."""

import pytest

from wattpurse_tools.emulation.emulator import EmulatedPico
from wattpurse_tools.emulation.repl import RawRepl

STORAGE_OFFSET = 0xA0000
SECTOR_BYTES = 4096
PAGE_BYTES = 256
TEST_BLOCK = 100
TEST_OFFSET = STORAGE_OFFSET + TEST_BLOCK * SECTOR_BYTES

PREPARE = f"""
import rp2, time
flash = rp2.Flash()
def erase(block={TEST_BLOCK}):
    begin = time.ticks_us()
    flash.ioctl(6, block)
    return time.ticks_diff(time.ticks_us(), begin)
def program(data, offset=0, block={TEST_BLOCK}):
    begin = time.ticks_us()
    flash.writeblocks(block, data, offset)
    return time.ticks_diff(time.ticks_us(), begin)
"""


@pytest.fixture
def repl(pico):
    repl = RawRepl(pico)
    repl.execute(PREPARE)
    return repl


def test_programming_only_clears_bits(pico, repl):
    repl.execute("erase()")
    assert pico.read_flash(TEST_OFFSET, SECTOR_BYTES) == b"\xff" * SECTOR_BYTES
    repl.execute("program(bytearray(b'\\xf0' * 256), 512)")
    repl.execute("program(bytearray(b'\\x3c' * 256), 512)")
    expected = b"\xff" * 512 + b"\x30" * 256 + b"\xff" * (SECTOR_BYTES - 768)
    assert pico.read_flash(TEST_OFFSET, SECTOR_BYTES) == expected
    repl.execute("erase()")
    assert pico.read_flash(TEST_OFFSET, SECTOR_BYTES) == b"\xff" * SECTOR_BYTES


def test_operations_take_the_time_of_the_data_sheet(repl):
    erase_us = int(repl.execute("print(erase())"))
    page_us = int(repl.execute("page = bytearray(256)\nprint(program(page))"))
    assert 45_000 <= erase_us < 45_500
    assert 400 <= page_us < 800


def test_operations_are_counted(pico, repl):
    before = pico.statistics()["flash"]
    repl.execute("erase()\nprogram(bytearray(1024))")
    after = pico.statistics()["flash"]
    assert after["sector_erases"] - before["sector_erases"] == 1
    assert after["page_programs"] - before["page_programs"] == 4
    sector = str(TEST_OFFSET // SECTOR_BYTES)
    assert after["erases_by_sector"][sector] == before["erases_by_sector"].get(sector, 0) + 1


def test_programming_out_of_flash_locks_the_chip_up(pico, repl):
    repl.start("program(b'frozen or not, a constant in RAM is fine' * 6 + b'0123456789abcdef')")
    repl.finish()
    assert pico.faults == []
    repl.start("program(memoryview(flash)[:256])")
    pico.run_ms(200)
    assert "not RAM" in pico.statistics()["locked_up"]


def test_contents_outlive_the_emulator(tmp_path, stock_image):
    path = tmp_path / "flash.bin"
    with EmulatedPico(path, stock_image) as pico:
        pico.power_on()
        RawRepl(pico).execute("with open('kept.txt', 'w') as file: file.write('credit')")
    with EmulatedPico(path) as pico:
        pico.power_on()
        assert RawRepl(pico).execute("print(open('kept.txt').read())") == "credit\n"


def test_the_last_write_of_a_programmer_is_in_the_file(tmp_path):
    path = tmp_path / "flash.bin"
    with EmulatedPico(path) as pico:
        pico.write_flash(TEST_OFFSET, b"credit")
    with EmulatedPico(path) as pico:
        assert pico.read_flash(TEST_OFFSET, 6) == b"credit"


@pytest.mark.parametrize("byte", [0, 1, 100, 255])
def test_power_cut_within_a_program(pico, repl, byte):
    repl.execute("erase()\npage = bytearray(256)")
    pico.plan_power_cut(flash_operations=0, fraction=byte / PAGE_BYTES)
    repl.start("program(page)")
    assert not pico.run_ms(100)
    page = pico.read_flash(TEST_OFFSET, PAGE_BYTES)
    assert page[:byte] == bytes(byte)
    assert page[byte + 1 :] == b"\xff" * (PAGE_BYTES - byte - 1)
    assert boots_again(pico)


@pytest.mark.parametrize("byte", [0, 2000, 4095])
def test_power_cut_within_an_erase(pico, repl, byte):
    repl.execute("erase()\nprogram(bytearray(4096))")
    pico.plan_power_cut(flash_operations=0, fraction=byte / SECTOR_BYTES)
    repl.start("erase()")
    assert not pico.run_ms(100)
    sector = pico.read_flash(TEST_OFFSET, SECTOR_BYTES)
    assert sector[:byte] == b"\xff" * byte
    assert sector[byte + 1 :] == bytes(SECTOR_BYTES - byte - 1)
    assert boots_again(pico)


def test_ragged_tear_leaves_some_of_every_kind(pico, repl):
    repl.execute("erase()\nprogram(bytearray(b'\\xf0' * 4096))")
    pico.plan_power_cut(flash_operations=0, tear="ragged")
    repl.start("erase()")
    assert not pico.run_ms(100)
    sector = pico.read_flash(TEST_OFFSET, SECTOR_BYTES)
    assert all(byte & 0xF0 == 0xF0 for byte in sector)
    assert len(set(sector)) == 16


def test_power_cut_at_a_moment_tears_the_running_operation(pico, repl):
    repl.execute("erase()\nprogram(bytearray(4096))")
    pico.plan_power_cut(time_us=pico.now_us + 20_000)
    repl.start("erase()")
    assert not pico.run_ms(20)
    sector = pico.read_flash(TEST_OFFSET, SECTOR_BYTES)
    erased = len(sector) - len(sector.lstrip(b"\xff"))
    assert 0.3 < erased / SECTOR_BYTES < 0.45
    assert boots_again(pico)


def boots_again(pico):
    pico.run_ms(50)
    pico.power_on()
    return RawRepl(pico).execute("print(6 * 7)") == "42\n" and pico.faults == []
