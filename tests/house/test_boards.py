"""Wiring tables, manifests and partition table of the boards: what can be checked without the chips and toolchains."""

import ast
import csv
import importlib
import re
import runpy
import subprocess
from pathlib import Path

import pytest

from tests.house.places import ROOT
from tests.house.room_rules import imported_names
from wattpurse.stores import SECTORS
from wattpurse_tools.commands.pins import HEADINGS, table
from wattpurse_tools.deploy import image

BOARDS = ("pico", "esp32")
PICOS = ("RPI_PICO", "RPI_PICO_W")
KIB = 1024

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
}

# The pins of the Pico's header by GPIO (Raspberry Pi Pico data sheet, figure 2).
PICO_HEADER = dict(zip(range(16), (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 19, 20), strict=True)) | dict(
    zip((16, 17, 18, 19, 20, 21, 22, 26, 27, 28), (21, 22, 24, 25, 26, 27, 29, 31, 32, 34), strict=True)
)
# Functions of RP2040 pins (data sheet, table 2): the bus, then the GPIOs that can be each of its lines.
PICO_SPI_0 = {"reader_miso": (0, 4, 16, 20), "reader_clock": (2, 6, 18, 22), "reader_mosi": (3, 7, 19, 23)}
PICO_I2C_0 = {"rtc_data": range(0, 29, 4), "rtc_clock": range(1, 30, 4)}

# What the radio of a Pico W is on (Pico W data sheet, table 1); on a Pico they are the LED and the supply.
PICO_OWN = {23, 24, 25, 29}

# ESP32 series data sheet, "Pin definitions" and "Strapping pins"; of these 5 only chooses timing of the SDIO slave.
ESP32_GPIO = {*range(20), 21, 22, 23, 25, 26, 27, *range(32, 40)}
ESP32_INPUT_ONLY = set(range(34, 40))
ESP32_TAKEN = {0, 2, 12, 15} | {1, 3} | set(range(6, 12)) | {16, 17}


def pins_of(board):
    return importlib.import_module(f"boards.{board}.pins")


@pytest.mark.parametrize("board", BOARDS)
def test_each_signal_has_a_pin_of_its_own(board):
    pins = pins_of(board)
    assert {row[0]: row[2] for row in pins.WIRING} == SIGNALS
    assert len(set(pins.GPIO.values())) == len(pins.WIRING)
    assert {row[0]: row[1] for row in pins.WIRING} == pins.GPIO


def test_pico_pins_are_on_the_header_where_the_table_says():
    for signal, gpio, _, _, note in pins_of("pico").WIRING:
        assert note.split(";")[0] == f"pin {PICO_HEADER[gpio]}", signal


def test_pico_pins_have_the_functions_they_need():
    gpio = pins_of("pico").GPIO
    for signal, possible in (PICO_SPI_0 | PICO_I2C_0).items():
        assert gpio[signal] in possible, signal
    assert gpio["pulse"] % 2 == 1
    assert f"PWM slice {gpio['pulse'] // 2 % 8}" in pins_of("pico").WIRING[0][4]


def test_pico_pins_leave_the_radio_of_a_pico_w_alone():
    assert not PICO_OWN & set(pins_of("pico").GPIO.values())


def test_esp32_pins_exist_and_are_free():
    for signal, gpio, direction, _, note in pins_of("esp32").WIRING:
        assert gpio in ESP32_GPIO - ESP32_TAKEN, signal
        if gpio in ESP32_INPUT_ONLY:
            assert direction == "in", signal
            assert "pull-up" not in note, signal


@pytest.mark.parametrize("board", BOARDS)
def test_the_table_printed_holds_every_row(board):
    wiring = pins_of(board).WIRING
    lines = table(wiring).splitlines()
    assert lines[0].split() == list(HEADINGS)
    assert len(lines) == 1 + len(wiring)
    for line, row in zip(lines[1:], wiring, strict=True):
        assert line.split()[:3] == [row[0], str(row[1]), row[2]]
        assert row[3] in line and row[4] in line


class Manifest:
    """Runs manifests as MicroPython's build does, and keeps what they would freeze: module name to source."""

    def __init__(self):
        self.modules = {}

    def run(self, file: Path):
        words = {"include": "include", "module": "module", "package": "package"}
        bound = {word: getattr(self.within(file.parent), name) for word, name in words.items()}
        runpy.run_path(str(file), init_globals=bound)

    def within(self, folder: Path):
        return _ManifestWords(self, folder)


class _ManifestWords:
    def __init__(self, manifest, folder):
        self._manifest = manifest
        self._folder = folder

    def include(self, path):
        if not path.startswith("$("):
            self._manifest.run((self._folder / path).resolve())

    def module(self, name, base_path="."):
        if not base_path.startswith("$("):
            self._add(self._folder / base_path, name)

    def package(self, name, files=None, base_path="."):
        base = self._folder / base_path
        found = files or [file.relative_to(base / name).as_posix() for file in (base / name).rglob("*.py")]
        for file in found:
            self._add(base, f"{name}/{file}")

    def _add(self, base, path):
        source = (base / path).resolve()
        assert source.is_file(), source
        assert path not in self._manifest.modules, path
        self._manifest.modules[path] = source


@pytest.fixture(params=BOARDS)
def frozen(request):
    manifest = Manifest()
    manifest.run(ROOT / "boards" / request.param / "image/manifest.py")
    return manifest.modules


def test_the_manifest_freezes_the_whole_firmware(frozen):
    firmware = ROOT / "firmware"
    for file in [*firmware.rglob("*.py")]:
        assert frozen[file.relative_to(firmware).as_posix()] == file


def test_every_module_of_ours_that_is_imported_is_frozen(frozen):
    names = {path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in frozen}
    for path, source in frozen.items():
        for _, name in imported_names(ast.parse(source.read_text())):
            if name.split(".")[0] in ("boards", "board", "wattpurse"):
                assert name in names or name.rpartition(".")[0] in names, f"{path} imports {name}"


def test_nothing_of_another_board_is_frozen(frozen):
    folders = {path.split("/")[1] for path in frozen if path.startswith("boards/") and path.count("/") > 1}
    assert folders in ({"pico", "micropython"}, {"esp32", "micropython"})
    assert not [path for path in frozen if "stock" in path]


def settings_of(text):
    """What a board's definition sets, for C and for cmake, as name to value; blanks and brackets do not count."""
    found = re.findall(r"^#define +(\w+(?:\(\w+\))?) +(.+?) *$|^set\((\w+) (.+)\)$", text, re.MULTILINE)
    return {name or variable: (value or setting).strip("()") for name, value, variable, setting in found}


def definition(folder):
    files = (folder / "mpconfigboard.h", folder / "mpconfigboard.cmake")
    return settings_of("\n".join(file.read_text() for file in files))


@pytest.mark.parametrize("board", PICOS)
def test_a_pico_is_defined_as_micropython_defines_it_but_for_name_storage_and_manifest(board):
    sources = [ROOT / "tools/toolchain/debian-sources", ROOT / "build/debian", "src:micropython"]
    subprocess.run(sources, check=True)
    stock = definition(ROOT / "build/debian/micropython/ports/rp2/boards" / board)
    ours = definition(ROOT / "boards/pico/image" / board)
    assert ours.pop("MICROPY_HW_BOARD_NAME").strip('"') == "Wattpurse on " + stock.pop("MICROPY_HW_BOARD_NAME").strip(
        '"'
    )
    if board == "RPI_PICO_W":
        assert ours.pop("MICROPY_PY_NETWORK_HOSTNAME_DEFAULT") != stock.pop("MICROPY_PY_NETWORK_HOSTNAME_DEFAULT")
    stock.setdefault("PICO_PLATFORM", '"rp2040"')  # as the SDK has it where nothing is said
    for name in ("MICROPY_HW_FLASH_STORAGE_BYTES", "MICROPY_FROZEN_MANIFEST"):
        stock.pop(name, None)
    assert ours == stock


@pytest.mark.parametrize("board", PICOS)
def test_every_pico_shares_out_its_flash_alike(board):
    folder = ROOT / "boards/pico/image"
    assert '#include "../storage.h"' in (folder / board / "mpconfigboard.h").read_text()
    storage = constants_of(ROOT / "boards/pico/storage.py")
    storage_bytes = storage["RING_BYTES"] + storage["FILESYSTEM_BYTES"]
    assert settings_of((folder / "storage.h").read_text()) == {
        "MICROPY_HW_FLASH_STORAGE_BYTES": f"{storage_bytes // KIB} * {KIB}"
    }
    assert storage["STORAGE_OFFSET"] + storage_bytes == 2048 * KIB
    assert storage["RING_BYTES"] >= SECTORS * 4 * KIB
    assert (storage["STORAGE_OFFSET"], storage["RING_BYTES"]) == (image.RING_OFFSET, image.RING_BYTES)


def constants_of(file):
    """The constants of a module that only a chip can import."""
    lines = [line for line in file.read_text().splitlines() if re.match("[A-Z_]+ = ", line)]
    return {name: eval(value, {}) for name, value in (line.split(" = ") for line in lines)}


def test_what_the_image_of_a_pico_w_needs_is_named(tmp_path):
    script = ROOT / "tools/toolchain/pico-image"
    command = [script, "--board", "RPI_PICO_W"]
    process = subprocess.run(
        command, env={"PATH": "/usr/bin:/bin", "MPY_DIR": str(tmp_path)}, capture_output=True, text=True
    )
    assert process.returncode == 1
    assert "RPI_PICO_W needs MPY_DIR" in process.stderr and "cyw43-driver" in process.stderr


def partitions():
    """(name, type, subtype, offset, size) of each partition of the ESP32."""
    lines = (ROOT / "boards/esp32/image/partitions.csv").read_text().splitlines()
    rows = csv.reader(line for line in lines if not line.startswith("#"))
    return [(*[cell.strip() for cell in row[:3]], int(row[3], 0), int(row[4], 0)) for row in rows]


def test_the_partitions_add_up():
    end = 0x9000  # bootloader and partition table
    for name, kind, _, offset, size in partitions():
        assert offset >= end, name
        assert offset % (64 * KIB if kind == "app" else 4 * KIB) == 0, name
        assert size > 0 and size % (4 * KIB) == 0, name
        end = offset + size
    assert end == 4096 * KIB


def test_the_ring_is_a_partition_of_its_own_and_large_enough():
    rings = [row for row in partitions() if row[0] == "ring"]
    assert len(rings) == 1
    _, kind, subtype, _, size = rings[0]
    assert kind == "data"
    assert 0x40 <= int(subtype, 0) <= 0xFE  # of no meaning to ESP-IDF, which then leaves it alone
    assert size >= SECTORS * 4 * KIB


def test_the_ring_of_a_stock_board_is_large_enough():
    source = (ROOT / "boards/esp32/stock_storage.py").read_text()
    constants = dict(line.split(" = ") for line in source.splitlines() if line.startswith("RING_SECTORS"))
    assert int(constants["RING_SECTORS"]) >= SECTORS


def test_what_the_esp32_image_needs_is_named(tmp_path):
    (tmp_path / "py").mkdir()
    (tmp_path / "ports/esp32").mkdir(parents=True)
    (tmp_path / "ports/esp32/CMakeLists.txt").touch()
    (tmp_path / "py/mpconfig.h").write_text("#define MICROPY_VERSION_MAJOR 1\n#define MICROPY_VERSION_MINOR 25\n")
    script = ROOT / "tools/toolchain/esp32-image"

    def said(**variables):
        environment = {"PATH": "/usr/bin:/bin", **variables}
        process = subprocess.run([script], env=environment, capture_output=True, text=True)
        assert process.returncode == 1
        return process.stderr

    nothing = said()
    assert "IDF_PATH is not set" in nothing and "MPY_DIR is not set" in nothing
    wrong = said(IDF_PATH=str(tmp_path), MPY_DIR=str(tmp_path / "py"))
    assert "is no ESP-IDF" in wrong and "is no checkout" in wrong
    assert "1.25; the pulse counter needs 1.26" in said(MPY_DIR=str(tmp_path))
