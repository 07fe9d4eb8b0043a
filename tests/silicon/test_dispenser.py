"""The image of the dispensing unit starts on the emulated RP2040, sells, and goes on after its power failed."""

import subprocess

import pytest

from tests.dispenser import kiosk
from tests.dispenser.kiosk import Bench
from tests.dispenser.test_unit import opened
from tests.silicon.dispenser_bench import EmulatedDispenser
from wattpurse_tools.emulation.image import PROGRAM, build_image

STORAGE_BEGIN = 0x140000


@pytest.fixture(scope="module")
def dispenser_image():
    """Return the image of MicroPython with the frozen program of a dispensing unit."""
    return build_image("--role", "dispenser") / PROGRAM


@pytest.fixture
def unit(tmp_path, dispenser_image):
    """Provide a unit that was set up at its console."""
    with EmulatedDispenser(tmp_path / "flash.bin", dispenser_image) as unit:
        unit.power_up()
        assert unit.shows("Not set up")
        unit.pico.serial_write(f"setup {kiosk.ISSUER} {kiosk.UNIT_KEY.hex()}\r".encode())
        unit.pico.serial_read_until(b"unit of issuer 3", 10_000)
        yield unit
        assert unit.lcd.violations == []
        assert list(unit.pico.faults) == []


def open_it(unit, system):
    assert unit.shows("Closed", "Lay system card")
    unit.lay(system)
    assert unit.shows("Open")
    unit.lift(system)


def test_the_image_leaves_the_storage_alone(dispenser_image):
    assert dispenser_image.stat().st_size < STORAGE_BEGIN


def test_the_unit_sells_on_the_chip_and_reports_after_a_power_cut(unit):
    office = Bench()
    system, card = office.system_card(), office.customer("classic-1k")
    open_it(unit, system)
    unit.lay(card)
    assert unit.shows("Meter 1002", "Amount 0.00 EUR")
    unit.type("2050#")
    assert unit.shows("Pay 20.50 EUR", "#yes *no")
    unit.type("#")
    assert unit.shows("Receipt 3/1", "Paid 20.50 EUR")
    unit.lift(card)
    assert opened(office.tokens_on(card)[0]).fields() == (20_500_000,)
    unit.cut_power()
    unit.power_up()
    open_it(unit, system)
    assert unit.shows("Lay card", "Left 979.50 EUR")
    assert [sale[:4] for sale in office.sales_on(system)] == [(1, kiosk.METER, 1, 2_050)]


def test_make_image_builds_it(dispenser_image):
    builder = "boards/dispenser/image/build"
    made = subprocess.run([builder], check=True, capture_output=True, text=True)
    assert made.stdout.strip() == str(dispenser_image.parent)
