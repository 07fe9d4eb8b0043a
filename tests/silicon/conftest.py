"""Emulated boards for the tests: with stock MicroPython, and with the image of the meter."""

from pathlib import Path

import pytest

from boards.host.world.world import FIRST_S
from tests.silicon.meter_bench import commissioned_ring, unforgiven, write_flash
from wattpurse_tools.emulation.emulator import EmulatedPico
from wattpurse_tools.emulation.image import PROGRAM, build_image
from wattpurse_tools.emulation.meter import EmulatedMeter

BOOT_MS = 1000


@pytest.fixture(scope="session")
def stock_image() -> Path:
    """Return the UF2 file of stock MicroPython."""
    return build_image("--stock") / "firmware.uf2"


@pytest.fixture(scope="session")
def meter_image() -> Path:
    """Return the image of MicroPython with the frozen firmware of the meter."""
    return build_image() / PROGRAM


@pytest.fixture
def pico(tmp_path, stock_image):
    """Provide a board with stock MicroPython that has booted, made its filesystem and waits at the prompt."""
    with EmulatedPico(tmp_path / "flash.bin", stock_image) as board:
        board.power_on()
        board.run_ms(BOOT_MS)
        yield board


@pytest.fixture(scope="session")
def ring() -> bytes:
    """Return the ledger's ring of a commissioned meter without credit."""
    return commissioned_ring()


@pytest.fixture
def meter(tmp_path, meter_image, ring):
    """Provide a commissioned meter on the emulated chip that has just started. The house behind it draws 2 kW."""
    with EmulatedMeter(write_flash(tmp_path / "flash.bin", meter_image, ring), utc_s=FIRST_S + 60) as meter:
        meter.source.set_load_w(2_000)
        meter.power_up()
        meter.await_console()
        yield meter
        assert unforgiven(meter) == []
