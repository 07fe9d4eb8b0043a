"""Wiring table, manifest and descriptor of every board in boards/: checks that need no chip and no toolchain."""

import ast
import importlib
import runpy
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.house.places import ROOT
from tests.house.room_rules import imported_names
from wattpurse_tools import boards
from wattpurse_tools.commands.pins import HEADINGS, table

SIGNALS = {
    "pulse": "in",
    "open_coil": "out",
    "close_coil": "out",
    "reader_miso": "in",
    "reader_select": "out",
    "reader_clock": "out",
    "reader_mosi": "out",
    "reader_reset": "out",
    "reader_irq": "in",
    "rtc_data": "both",
    "rtc_clock": "both",
    "display_clock": "both",
    "display_data": "both",
    "button": "in",
    "buzzer": "out",
    "cover": "in",
    "magnet": "in",
    "reverse_flow": "in",
    "power_fail": "in",
}


@pytest.fixture(params=boards.names())
def board(request):
    """Return the descriptor of a board, and fail if the board is not complete."""
    return boards.find(request.param)


def all_boards():
    """Return the descriptor of every board."""
    return [boards.find(name) for name in boards.names()]


def pins_of(board):
    return importlib.import_module(f"boards.{board.name}.pins")


def test_each_signal_has_a_pin_of_its_own(board):
    pins = pins_of(board)
    assert {row[0]: row[2] for row in pins.WIRING} == SIGNALS
    assert len(set(pins.GPIO.values())) == len(pins.WIRING)
    assert {row[0]: row[1] for row in pins.WIRING} == pins.GPIO


def test_pins_exist_and_are_free(board):
    free = set(board.pins.gpio) - board.pins.reserved
    for signal, gpio, direction, _, note in pins_of(board).WIRING:
        assert gpio in free, signal
        if gpio in board.pins.input_only:
            assert direction == "in", signal
            assert "pull-up" not in note, signal
            assert "needs 10 kOhm to 3.3 V" in note, signal


def test_a_loose_pulse_cable_reads_as_a_steady_level(board):
    row = next(row for row in pins_of(board).WIRING if row[0] == "pulse")
    assert row[1] not in board.pins.input_only
    assert "own pull-up" in row[4]


@pytest.mark.parametrize("name", [board.name for board in all_boards() if board.pins.header])
def test_pins_are_on_the_header_where_the_table_says(name):
    board = boards.find(name)
    header = dict(zip(board.pins.gpio, board.pins.header, strict=True))
    for signal, gpio, _, _, note in pins_of(board).WIRING:
        assert note.split(";")[0] == f"pin {header[gpio]}", signal


@pytest.mark.parametrize("name", [board.name for board in all_boards() if hasattr(pins_of(board), "METERING_GPIO")])
def test_a_metering_chip_has_pins_of_its_own_that_may_serve_it(name):
    board = boards.find(name)
    pins = pins_of(board)
    directions = {row[0]: row[2] for row in pins.METERING_CHIP_WIRING}
    assert directions == {
        "metering_clock": "out",
        "metering_mosi": "out",
        "metering_miso": "in",
        "metering_select": "out",
    }
    used = {row[1] for row in pins.METERING_CHIP_WIRING}
    assert len(used) == len(directions)
    assert used <= set(board.pins.gpio) - set(board.pins.input_only)
    assert not used & set(pins.GPIO.values())
    assert {row[0]: row[1] for row in pins.METERING_CHIP_WIRING} == pins.METERING_GPIO


def test_a_readout_head_has_pins_that_no_other_part_needs_at_once(board):
    pins = pins_of(board)
    assert {row[0]: row[2] for row in pins.READOUT_WIRING} == {"readout_send": "out", "readout_receive": "in"}
    used = {row[1] for row in pins.READOUT_WIRING}
    assert len(used) == 2 and used <= set(board.pins.gpio) - set(board.pins.input_only)
    assert not used & set(pins.GPIO.values())
    shared = used & set(getattr(pins, "METERING_GPIO", {}).values())
    notes = " ".join(row[4] for row in pins.READOUT_WIRING)
    assert ("not with a metering chip" in notes) == bool(shared)
    if board.pins.header:
        header = dict(zip(board.pins.gpio, board.pins.header, strict=True))
        for signal, gpio, _, _, note in pins.READOUT_WIRING:
            assert note.split(";")[0] == f"pin {header[gpio]}", signal


def test_pins_have_the_functions_they_need(board):
    gpio = pins_of(board).GPIO
    for signal, possible in board.pins.functions.items():
        assert gpio[signal] in possible, signal


def test_the_image_build_is_a_program(board):
    assert boards.builder(board.name).stat().st_mode & 0o111


@pytest.mark.parametrize("name", [board.name for board in all_boards() if board.deployment.layout is not None])
def test_the_flash_program_of_an_image_board_exists(name):
    board = boards.find(name)
    assert (ROOT / board.deployment.flash_program).is_file()


def test_the_printed_table_has_every_row(board):
    wiring = pins_of(board).WIRING
    lines = table(wiring).splitlines()
    assert lines[0].split() == list(HEADINGS)
    assert len(lines) == 1 + len(wiring)
    for line, row in zip(lines[1:], wiring, strict=True):
        assert line.split()[:3] == [row[0], str(row[1]), row[2]]
        assert row[3] in line and row[4] in line


class Manifest:
    """Runs manifests as MicroPython's build does. `modules` has the source of each module that they would freeze."""

    def __init__(self):
        self.modules = {}

    def run(self, file: Path, **options):
        words = self.within(file.parent)
        bound = {name: getattr(words, name) for name in ("include", "module", "package", "require")}
        runpy.run_path(str(file), init_globals=bound | {"options": _Options(**options)})

    def within(self, folder: Path):
        return _ManifestWords(self, folder)


class _Options(SimpleNamespace):
    def defaults(self, **values):
        self.__dict__.update(values | self.__dict__)


class _ManifestWords:
    def __init__(self, manifest, folder):
        self._manifest = manifest
        self._folder = folder

    def include(self, path, **options):
        if not path.startswith("$("):
            self._manifest.run((self._folder / path).resolve(), **options)

    def require(self, name):
        """Do nothing: the library of the tree has the package."""

    def module(self, name, base_path=".", opt=None):
        if not base_path.startswith("$("):
            self._add(self._folder / base_path, name)

    def package(self, name, files=None, base_path=".", opt=None):
        base = self._folder / base_path
        found = files or [file.relative_to(base / name).as_posix() for file in (base / name).rglob("*.py")]
        for file in found:
            self._add(base, f"{name}/{file}")

    def _add(self, base, path):
        source = (base / path).resolve()
        assert source.is_file(), source
        assert path not in self._manifest.modules, path
        self._manifest.modules[path] = source


# The driver of a reader board at a computer.
ON_COMPUTERS = ("wattpurse/cards/linked_reader.py",)


@pytest.fixture
def frozen(board):
    """Return the modules that the board's richest image freezes."""
    folder = ROOT / "boards" / board.name / "image"
    manifests = (folder / "manifest-bluetooth.py", folder / "manifest.py")
    return frozen_by(next(file for file in manifests if file.exists()))


def frozen_by(file):
    manifest = Manifest()
    manifest.run(file)
    return manifest.modules


@pytest.mark.parametrize(
    ("poorer", "richer", "examples"),
    [
        (
            "manifest.py",
            "manifest-network.py",
            {"umqtt/simple.py", "boards/micropython/modem.py", "wattpurse/services/mqtt/link.py"},
        ),
        (
            "manifest-network.py",
            "manifest-bluetooth.py",
            {"boards/micropython/ble.py", "wattpurse/services/bluetooth.py", "wattpurse/core/messages/frames.py"},
        ),
    ],
)
def test_an_image_of_a_pico_leaves_out_what_only_a_link_uses_that_it_lacks(poorer, richer, examples):
    image = ROOT / "boards/pico/image"
    plain, whole = frozen_by(image / poorer), frozen_by(image / richer)
    assert plain.items() <= whole.items()
    left_out = sorted(whole.keys() - plain.keys())
    assert examples <= set(left_out)
    for path, source in plain.items():
        for node in ast.parse(source.read_text()).body:
            at_start = isinstance(node, ast.Import | ast.ImportFrom)
            for _, name in imported_names(ast.Module([node], [])) if at_start else ():
                files = {f"{one.replace('.', '/')}.py" for one in (name, name.rpartition(".")[0])}
                assert not files & set(left_out), f"{path} imports {name}"


@pytest.mark.parametrize("name", [board.name for board in all_boards() if hasattr(pins_of(board), "MODEM_WIRING")])
def test_a_modem_has_pins_that_only_a_metering_chip_or_a_readout_head_uses(name):
    board = boards.find(name)
    pins = pins_of(board)
    assert {row[0]: row[2] for row in pins.MODEM_WIRING} == {"modem_tx": "out", "modem_rx": "in"}
    tx, rx = (row[1] for row in pins.MODEM_WIRING)
    assert tx != rx and {tx, rx} <= set(board.pins.gpio) and tx not in board.pins.input_only
    assert not {tx, rx} & (set(pins.GPIO.values()) | {row[1] for row in getattr(pins, "CLAMP_WIRING", ())})


def test_the_images_freeze_the_whole_firmware(frozen):
    firmware = ROOT / "firmware"
    elsewhere = frozen_elsewhere()
    for file in firmware.rglob("*.py"):
        path = file.relative_to(firmware).as_posix()
        if path not in ON_COMPUTERS:
            assert (frozen.get(path) or elsewhere[path]) == file


def frozen_elsewhere():
    """Return the modules of images that are not for every meter: that for a room reader, and those of other boards."""
    names = boards.names(roles=tuple(set(boards.ROLES) - {boards.METER}))
    files = [ROOT / "boards" / boards.folder_name(name) / "image/manifest.py" for name in names]
    files += (ROOT / "boards").glob("*/image/manifest-room.py")
    return {path: file for one in files for path, file in frozen_by(one).items()}


def test_a_meter_has_nothing_of_the_dispensing_unit(frozen):
    assert not [path for path, file in frozen.items() if is_of_dispenser(file)]


def is_of_dispenser(file):
    return file.parent.name == "dispenser" or file.name in ("dispenser_keys.py", "lcd_hd44780.py")


def test_every_module_of_ours_that_is_imported_is_frozen(frozen):
    elsewhere = modules_of(frozen_elsewhere())
    for path, source in frozen.items():
        tree = ast.parse(source.read_text())
        at_start = ast.Module([one for one in tree.body if isinstance(one, ast.Import | ast.ImportFrom)], [])
        refuse_missing(path, at_start, modules_of(frozen))
        refuse_missing(path, tree, modules_of(frozen) | elsewhere)


def modules_of(frozen):
    return {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in frozen}


def refuse_missing(path, tree, names):
    for _, name in imported_names(tree):
        if name.split(".")[0] in ("boards", "board", "wattpurse"):
            assert name in names or name.rpartition(".")[0] in names, f"{path} imports {name}"


def test_nothing_of_another_board_is_frozen(board, frozen):
    folders = {path.split("/")[1] for path in frozen if path.startswith("boards/") and path.count("/") > 1}
    assert folders == {board.name, "micropython"}
    assert not [path for path in frozen if "stock" in path]
