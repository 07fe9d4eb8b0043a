"""Wiring table, manifest and descriptor of each board that is a reader and no meter."""

import ast
import importlib

import pytest

from tests.house.places import ROOT
from tests.house.room_rules import imported_names
from tests.house.test_boards import frozen_by
from wattpurse_tools import boards
from wattpurse_tools.cli import main

METER_MODULES = ("wattpurse/app.py", "wattpurse/hal.py", "wattpurse/supervisor.py", "wattpurse/stores.py")
METER_PACKAGES = tuple(f"wattpurse/core/{name}/" for name in ("money", "seals", "journal", "records"))
SPI_SIGNALS = ("reader_miso", "reader_clock", "reader_mosi")


@pytest.fixture(params=boards.names(roles=(boards.READER,)))
def board(request):
    return boards.find(request.param)


@pytest.fixture
def frozen(board):
    return frozen_by(ROOT / "boards" / board.package / "image/manifest.py")


def pins_of(board):
    return importlib.import_module(f"boards.{board.package}.pins")


def test_there_is_a_desk_reader():
    assert "desk-reader" in boards.names(roles=(boards.READER,))
    assert "desk-reader" not in boards.names()
    assert boards.find("desk-reader").deployment == boards.find("pico").deployment


def test_the_reader_chip_has_pins_of_its_own_where_a_meter_has_them(board):
    gpio = pins_of(board).GPIO
    meter = importlib.import_module("boards.pico.pins").GPIO
    readers = {signal: number for signal, number in meter.items() if signal.startswith("reader_")}
    assert readers.items() <= gpio.items()
    assert len(set(gpio.values())) == len(gpio)
    for signal in SPI_SIGNALS:
        assert gpio[signal] in board.pins.functions[signal]


def test_the_table_names_the_pins_of_the_header(board):
    header = dict(zip(board.pins.gpio, board.pins.header, strict=True))
    for signal, gpio, _, _, note in pins_of(board).WIRING:
        if gpio in header:
            assert note.split(";")[0] == f"pin {header[gpio]}", signal
        else:
            assert gpio in board.pins.reserved and note.startswith("on the board"), signal


def test_the_wiring_is_printed(board, capsys):
    assert main(["pins", board.name]) == 0
    printed = capsys.readouterr().out
    assert all(row[0] in printed and row[3] in printed for row in pins_of(board).WIRING)


def test_the_image_has_every_module_that_it_imports_and_nothing_of_another_board(board, frozen):
    names = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in frozen}
    for path, source in frozen.items():
        for _, name in imported_names(ast.parse(source.read_text())):
            if name.split(".")[0] in ("boards", "wattpurse"):
                assert name in names or name.rpartition(".")[0] in names, f"{path} imports {name}"
    folders = {path.split("/")[1] for path in frozen if path.startswith("boards/") and path.count("/") > 1}
    assert folders == {board.package, "micropython"}


def test_the_desk_reader_has_no_code_of_a_meter():
    frozen = frozen_by(ROOT / "boards/desk_reader/image/manifest.py")
    assert not [path for path in frozen if path in METER_MODULES or path.startswith(METER_PACKAGES)]


def test_the_image_build_is_a_program(board):
    assert boards.builder(board.name).stat().st_mode & 0o111


def copied(folder, *left_out):
    """Return a copy of the desk reader's folder, beside the Pico's, without some files."""
    (folder / "pico").symlink_to(ROOT / "boards/pico")
    copy = folder / "desk_reader"
    copy.mkdir()
    for entry in (ROOT / "boards/desk_reader").iterdir():
        if entry.name not in left_out:
            (copy / entry.name).symlink_to(entry)
    return copy


def test_a_role_that_does_not_exist_is_refused(tmp_path):
    copy = copied(tmp_path, "board.toml")
    text = (ROOT / "boards/desk_reader/board.toml").read_text()
    (copy / "board.toml").write_text(text.replace('"reader"', '"toaster"'))
    with pytest.raises(ValueError, match="role in board.toml must be one of: meter, reader, dispenser"):
        boards.find("desk-reader", tmp_path)


def test_a_reader_board_without_its_entry_point_is_refused(tmp_path):
    copied(tmp_path, "main.py")
    with pytest.raises(ValueError, match="the file main.py is missing"):
        boards.find("desk-reader", tmp_path)
