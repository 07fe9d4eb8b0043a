"""Partition table and image build of the ESP32: checks that need neither the chip nor ESP-IDF."""

import csv
import subprocess

from boards.esp32 import ring_place
from tests.house.places import ROOT
from wattpurse.stores import SECTORS

BOARD = ROOT / "boards/esp32"
KIB = 1024


def partitions():
    """Return (name, type, subtype, offset, size) of each partition."""
    lines = (BOARD / "image/partitions.csv").read_text().splitlines()
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
    assert 0x40 <= int(subtype, 0) <= 0xFE  # ESP-IDF knows no such type and leaves the partition alone
    assert size >= SECTORS * 4 * KIB


def test_the_ring_has_one_place_in_every_layout():
    source = (BOARD / "stock_storage.py").read_text()
    constants = dict(line.split(" = ") for line in source.splitlines() if line.startswith("RING_"))
    assert int(constants["RING_SECTORS"]) >= SECTORS
    of_image = next(row[3:] for row in partitions() if row[0] == "ring")
    of_stock = int(constants["RING_OFFSET"], 0), int(constants["RING_SECTORS"]) * 4 * KIB
    assert of_image == of_stock == (ring_place.RING_OFFSET, ring_place.RING_BYTES)


def test_the_image_has_no_bluetooth_which_takes_memory_unused():
    definition = BOARD / "image/ESP32_GENERIC"
    assert "boards/sdkconfig.ble\n" not in (definition / "mpconfigboard.cmake").read_text()
    assert "#define MICROPY_PY_BLUETOOTH (0)" in (definition / "mpconfigboard.h").read_text()


def test_the_image_build_lists_everything_that_is_missing(tmp_path):
    (tmp_path / "py").mkdir()
    (tmp_path / "ports/esp32").mkdir(parents=True)
    (tmp_path / "ports/esp32/CMakeLists.txt").touch()
    (tmp_path / "py/mpconfig.h").write_text("#define MICROPY_VERSION_MAJOR 1\n#define MICROPY_VERSION_MINOR 25\n")

    def missing(**variables):
        environment = {"PATH": "/usr/bin:/bin", **variables}
        process = subprocess.run([BOARD / "image/build"], env=environment, capture_output=True, text=True)
        assert process.returncode == 1
        return process.stderr

    nothing = missing()
    assert "IDF_PATH is not set" in nothing and "MPY_DIR is not set. Name a checkout, 1.26 or newer" in nothing
    wrong = missing(IDF_PATH=str(tmp_path), MPY_DIR=str(tmp_path / "py"))
    assert "is no ESP-IDF" in wrong and "is no checkout" in wrong
    assert "1.25; the pulse counter needs 1.26" in missing(MPY_DIR=str(tmp_path))
