"""Flash layout, counter pin and MicroPython's board definitions of the Pico: checks that need no chip."""

import re
import subprocess

import pytest

from boards.pico import pins
from tests.house.places import ROOT
from wattpurse.stores import SECTORS
from wattpurse_tools import boards
from wattpurse_tools.cli import main
from wattpurse_tools.deploy.image import layout_of

BOARD = ROOT / "boards/pico"
DESCRIPTOR = boards.find("pico")
KIB = 1024


def test_the_table_names_the_slice_that_counts():
    row = next(row for row in pins.WIRING if row[0] == "pulse")
    assert f"PWM slice {row[1] // 2 % 8}" in row[4]


def settings_of(text):
    """Return the settings of a board definition, for C and for cmake, without blanks and brackets."""
    found = re.findall(r"^#define +(\w+(?:\(\w+\))?) +(.+?) *$|^set\((\w+) (.+)\)$", text, re.MULTILINE)
    return {name or variable: (value or setting).strip("()") for name, value, variable, setting in found}


def definition(folder):
    files = (folder / "mpconfigboard.h", folder / "mpconfigboard.cmake")
    return settings_of("\n".join(file.read_text() for file in files))


def test_the_clamps_are_on_the_inputs_of_the_converter_in_its_order():
    assert [row[1] for row in pins.CLAMP_WIRING] == [26, 27, 28, 29]
    assert [row[0] for row in pins.CLAMP_WIRING] == ["current_1", "voltage_1", "current_2", "voltage_2"]
    header = dict(zip(DESCRIPTOR.pins.gpio, DESCRIPTOR.pins.header, strict=True))
    for _, gpio, _, _, note in pins.CLAMP_WIRING:
        assert note.startswith(f"pin {header[gpio]};" if gpio in header else "not on a Pico;")


def test_make_pins_prints_the_clamps_too(capsys):
    assert main(["pins", "pico"]) == 0
    assert "current_2" in capsys.readouterr().out


@pytest.mark.parametrize("name", DESCRIPTOR.definitions)
def test_the_definition_is_micropythons_but_for_name_storage_and_manifest(name):
    sources = [ROOT / "tools/toolchain/debian-sources", ROOT / "build/debian", "src:micropython"]
    subprocess.run(sources, check=True)
    stock = definition(ROOT / "build/debian/micropython/ports/rp2/boards" / name)
    ours = definition(BOARD / "image" / name)
    stock_name = stock.pop("MICROPY_HW_BOARD_NAME").strip('"')
    assert ours.pop("MICROPY_HW_BOARD_NAME").strip('"') == f"Wattpurse on {stock_name}"
    if name == "RPI_PICO_W":
        assert ours.pop("MICROPY_PY_NETWORK_HOSTNAME_DEFAULT") != stock.pop("MICROPY_PY_NETWORK_HOSTNAME_DEFAULT")
    stock.setdefault("PICO_PLATFORM", '"rp2040"')  # the default of the SDK
    for setting in ("MICROPY_HW_FLASH_STORAGE_BYTES", "MICROPY_FROZEN_MANIFEST"):
        stock.pop(setting, None)
    assert ours == stock


@pytest.mark.parametrize("name", DESCRIPTOR.definitions)
def test_every_definition_has_the_same_flash_layout(name):
    assert '#include "../storage.h"' in (BOARD / "image" / name / "mpconfigboard.h").read_text()


def test_the_flash_layout_is_the_same_in_python_in_c_and_in_the_descriptor():
    storage = constants_of(BOARD / "storage.py")
    storage_bytes = storage["RING_BYTES"] + storage["FILESYSTEM_BYTES"]
    assert settings_of((BOARD / "image/storage.h").read_text()) == {
        "MICROPY_HW_FLASH_STORAGE_BYTES": f"{storage_bytes // KIB} * {KIB}"
    }
    layout = layout_of(DESCRIPTOR)
    assert storage["STORAGE_OFFSET"] + storage_bytes == layout.flash_bytes
    assert storage["RING_BYTES"] >= SECTORS * 4 * KIB
    assert (storage["STORAGE_OFFSET"], storage["RING_BYTES"]) == (layout.ring_offset, layout.ring_bytes)
    assert layout.meter_storage_sectors == storage_bytes // (4 * KIB)


def constants_of(file):
    """Return the constants of a module that only a chip can import."""
    lines = [line for line in file.read_text().splitlines() if re.match("[A-Z_]+ = ", line)]
    return {name: eval(value, {}) for name, value in (line.split(" = ") for line in lines)}


def test_the_image_build_names_the_drivers_that_a_pico_w_needs(tmp_path):
    command = [BOARD / "image/build", "--board", "RPI_PICO_W"]
    process = subprocess.run(
        command, env={"PATH": "/usr/bin:/bin", "MPY_DIR": str(tmp_path)}, capture_output=True, text=True
    )
    assert process.returncode == 1
    assert "RPI_PICO_W needs MPY_DIR" in process.stderr and "cyw43-driver" in process.stderr
