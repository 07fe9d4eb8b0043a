"""The CT front end on the emulated chip: ADC, DMA and kernel of the real image, through erases and a soft reset."""

import ast
import json
import subprocess

import pytest

from boards.host.chips.converter import Converter
from boards.host.chips.waves import wave
from wattpurse_tools.deploy.scripts import LOOK_AT_BOARD
from wattpurse_tools.emulation.clamps import EmulatedClamps
from wattpurse_tools.emulation.emulator import EmulatedPico
from wattpurse_tools.emulation.image import PROGRAM, build_image
from wattpurse_tools.emulation.repl import RawRepl

RING_BEGIN, RING_END = 0x2003E000, 0x20040000
LONGEST_LOOK_US = 2_500  # at 200 A, at the end of a second and of a reading; `bench class` gives the mean
SOFT_RESET = b"\x04"

STOP_WATCHDOG = "from machine import mem32\nmem32[0x40058000 + 0x3000] = 1 << 30\n"
DRIVER = """
import gc, time
from boards.pico.sampler import Sampler
from wattpurse.drivers import ct_calibration
from wattpurse.drivers.ct_front_end import CtFrontEnd
front_end = CtFrontEnd(Sampler(), ct_calibration.default(2))
def live(looks):
    for _ in range(looks):
        time.sleep_ms(50)
        front_end.take()
def energy():
    return [leg.import_mwh - leg.export_mwh for leg in front_end.legs]
"""


@pytest.fixture(scope="session")
def clamps_image():
    """Return the image of the meter with memory for the samples of clamps."""
    return build_image("--clamps") / PROGRAM


@pytest.fixture
def chip(tmp_path, clamps_image):
    """Provide a chip with clamps at its inputs: 10 A on leg 1, 5 A lagging on leg 2, at the raw REPL."""
    with EmulatedPico(tmp_path / "flash.bin", clamps_image) as pico:
        clamps = EmulatedClamps(pico, Converter(4))
        clamps.inputs.legs[0].amps = 10
        clamps.inputs.legs[1].amps, clamps.inputs.legs[1].amp_wave = 5, wave(60)
        clamps.apply()
        pico.power_on()
        repl = RawRepl(pico)
        repl.execute(STOP_WATCHDOG)
        yield pico, clamps, repl
        assert pico.faults == []


def run(repl, code):
    """Run code after the driver was built; it may live for a minute."""
    repl.execute(DRIVER + code, 60_000)


def value(repl, expression):
    return ast.literal_eval(repl.execute(f"print({expression})"))


def near(measured, expected, percent):
    return abs(measured - expected) <= expected * percent / 100


def symbols_of(image):
    elf = image.with_name("firmware.elf")
    listing = subprocess.run(["arm-none-eabi-nm", elf], check=True, capture_output=True, text=True).stdout
    return {line.split()[-1]: int(line.split()[0], 16) for line in listing.splitlines() if len(line.split()) == 3}


def test_the_ring_is_behind_the_heap_and_below_the_stack(clamps_image):
    places = symbols_of(clamps_image)
    assert places["heap_end"] <= RING_BEGIN - 4
    assert places["__StackBottom"] >= RING_END


def test_the_image_without_clamps_has_no_converter_and_all_its_heap(meter_image):
    places = symbols_of(meter_image)
    assert "heap_end" not in places
    assert places["__GcHeapStart"] == places["__bss_end__"]


def test_energy_of_both_legs_and_readings(chip):
    pico, clamps, repl = chip
    run(repl, "live(40)\nbefore, begun = energy(), front_end._taken\nlive(100)")
    one, other = value(repl, "[now - then for now, then in zip(energy(), before)]")
    seconds = value(repl, "front_end._taken - begun") / 8_000
    assert near(one, 120 * 10 * seconds / 3.6, 1)
    assert near(other, 120 * 2.5 * seconds / 3.6, 2)
    volts, hertz, factor = value(
        repl,
        "(front_end.readings.millivolts(0), front_end.readings.millihertz(0), front_end.readings.factor_percent(1))",
    )
    assert near(volts, 120_000, 0.5) and near(hertz, 60_000, 0.1) and 47 <= factor <= 52
    assert value(repl, "front_end.samples_lost") == 0


def test_nothing_is_lost_while_flash_is_erased_and_garbage_collected(chip):
    pico, clamps, repl = chip
    run(repl, "live(40)\nbefore, begun = energy(), front_end._taken")
    repl.execute(
        """
import rp2
flash = rp2.Flash()
began = time.ticks_us()
for block in range(40, 48): flash.ioctl(6, block)
stalled_us = time.ticks_diff(time.ticks_us(), began)
gc.collect()
front_end.take()
live(100)
frames = (front_end._taken - begun) // 4
""",
        60_000,
    )
    stalled_us, lost, frames = value(repl, "(stalled_us, front_end.samples_lost, frames)")
    assert stalled_us >= 300_000
    assert lost == 0
    assert frames >= 2 * (5_000 + stalled_us // 1000)
    one, _ = value(repl, "[now - then for now, then in zip(energy(), before)]")
    assert near(one, 120 * 10 * frames / 2_000 / 3.6, 1.5)


def test_a_stall_beyond_the_ring_is_counted(chip):
    pico, clamps, repl = chip
    run(repl, "live(40)\ntime.sleep_ms(3000)\nlive(20)")
    assert 4_000 < value(repl, "front_end.samples_lost") < 6_500


def test_a_soft_reset_in_the_middle_of_sampling_corrupts_nothing_and_loses_nothing(chip):
    pico, clamps, repl = chip
    run(repl, "live(40)\nbegun = front_end._taken")
    begun = value(repl, "begun")
    pico.serial_write(SOFT_RESET)
    pico.serial_read_until(b"raw REPL; CTRL-B to exit\r\n>")
    repl = RawRepl(pico)
    checks = """
blocks = [bytearray(512) for _ in range(150)]
for number, block in enumerate(blocks):
    for place in range(512): block[place] = number
"""
    run(repl, checks + "front_end.take()\nlive(20)")
    assert value(repl, "all(set(block) == {number} for number, block in enumerate(blocks))") is True
    lost, taken = value(repl, "(front_end.samples_lost, front_end._taken)")
    assert taken > begun and taken % 4 == 0
    readings = value(repl, "(front_end.legs[0].amp_mean, front_end.legs[0].volt_mean)")
    assert near(readings[0], 2_270, 6) and near(readings[1], 2_068, 2), "the channels kept their places"


def test_a_look_is_quick_and_takes_no_heap(chip):
    pico, clamps, repl = chip
    clamps.inputs.legs[0].amps = 200
    clamps.apply()
    run(
        repl,
        """
live(60)
longest = begin = took = used = 0  # no name is new while the heap is watched
gc.disable()
used = gc.mem_alloc()
for _ in range(40):
    time.sleep_ms(50)
    begin = time.ticks_us()
    front_end.take()
    took = time.ticks_diff(time.ticks_us(), begin)
    if took > longest: longest = took
used = gc.mem_alloc() - used
gc.enable()
""",
    )
    longest, used = value(repl, "(longest, used)")
    assert used == 0
    assert longest <= LONGEST_LOOK_US


def test_channels_go_on_in_turn_after_the_count_is_used_up(chip):
    pico, clamps, repl = chip
    run(
        repl,
        """
mem32 = __import__("machine").mem32
live(20)
mem32[0x50000290] = mem32[0x50000290]  # the control register of DMA channel 10
""",
    )
    repl.execute("live(20)")
    assert value(repl, "front_end.samples_lost") == 0


def test_sums_in_assembler_are_those_of_their_twin_word_by_word(chip):
    pico, clamps, repl = chip
    repl.execute(
        """
import random
from array import array
from boards.pico import clamp_sums
from wattpurse.drivers import ct_kernel
random.seed(5)
LENGTH, W = 1024, ct_kernel.WORDS
below = lambda most: random.getrandbits(28) % most
ring = array("H", [below(4096) if below(4) else 512 * below(8) for _ in range(LENGTH)])
table = ct_kernel.step_table()
def words():
    state = array("i", [0] * 2 * W)
    state[0] = 1 + below(2)
    for leg in (0, W):
        state[leg + 1] = LENGTH - 1
        for word, most in ((4, 4200), (5, 4200 << 8), (6, 1 << 17), (7, 1 << 25), (8, 256), (9, 16384), (10, 4096)):
            state[leg + word] = below(most)
        state[leg + 13] = (1 << 29) - (1 << 27) + below(1 << 28)
        state[leg + 14] = 1 << 29
        state[leg + 15] = below(1 << 27)
    return state
def differing(cases):
    found = []
    for case in range(cases):
        one = words()
        other = array("i", one)
        frames = 1 + below(1 if case % 8 == 0 else 200)
        place = 4 * (LENGTH // 4 - frames if case % 5 == 0 else below(LENGTH // 4 + 1 - frames))
        run = place | frames << 16
        results = ct_kernel.add_products(ring, table, one, run), clamp_sums.add_products(ring, table, other, run)
        if results[0] != results[1] or one != other: found.append((case, run, list(one), list(other), results))
    return found
""",
        60_000,
    )
    assert value(repl, "differing(200)") == []


def test_deploy_sees_that_the_image_is_for_clamps(chip):
    pico, clamps, repl = chip
    facts = json.loads(repl.execute(LOOK_AT_BOARD.format(board="pico")))
    assert facts["has_clamps"] is True
