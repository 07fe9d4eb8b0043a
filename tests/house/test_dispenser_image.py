"""The image of the dispensing unit freezes each module that its program imports, and its pins are those of a Pico."""

import ast

from boards.dispenser.pins import GPIO, WIRING
from tests.house.places import ROOT
from tests.house.room_rules import imported_names
from tests.house.test_boards import frozen_by
from wattpurse_tools import boards
from wattpurse_tools.cli import main

MANIFEST = ROOT / "boards/dispenser/image/manifest.py"
FUNCTIONS = {"reader_miso": "reader_miso", "reader_clock": "reader_clock", "reader_mosi": "reader_mosi"} | {
    "lcd_data": "rtc_data",
    "lcd_clock": "rtc_clock",
}


def test_every_module_of_ours_that_is_imported_is_frozen():
    frozen = frozen_by(MANIFEST)
    names = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in frozen}
    for path, source in frozen.items():
        if path == "wattpurse/hal.py":
            continue
        for _, name in imported_names(ast.parse(source.read_text())):
            if name.split(".")[0] in ("boards", "wattpurse"):
                assert name in names or name.rpartition(".")[0] in names, f"{path} imports {name}"


def test_the_program_is_frozen():
    frozen = frozen_by(MANIFEST)
    assert {"main.py", "_boot.py", "boards/dispenser/board.py", "wattpurse/dispenser/app.py"} <= set(frozen)


def test_each_signal_has_a_pin_of_a_pico_that_can_do_its_work():
    pins = boards.find("pico").pins
    assert len(set(GPIO.values())) == len(WIRING)
    for signal, gpio, _, _, note in WIRING:
        assert gpio in pins.gpio
        assert note.partition(";")[0] == f"pin {pins.header[pins.gpio.index(gpio)]}"
        if signal in FUNCTIONS:
            assert gpio in pins.functions[FUNCTIONS[signal]]


def test_the_wiring_is_printed(capsys):
    assert main(["pins", "dispenser"]) == 0
    printed = capsys.readouterr().out
    assert all(row[0] in printed and row[3] in printed for row in WIRING)


def test_it_is_a_board_of_a_role_of_its_own_with_a_meters_chip():
    assert boards.names(roles=(boards.DISPENSER,)) == ["dispenser"]
    assert boards.find("dispenser").pins == boards.find("pico").pins
