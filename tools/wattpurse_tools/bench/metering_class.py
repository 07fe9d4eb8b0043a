"""Figures of the CT front end against class 1 of IEC 62053-21: `wattpurse bench class`.

The frozen driver runs on the emulated RP2040, behind its ADC and DMA, with models of mains, clamps and converter. Five
converters have different curves. Each is calibrated as a technician does it, by two loads of 40 A, from a gain of 5 %
and a phase of 3 degrees off. Two legs are measured at once, for whole periods of the dither: one, or four at 2 A and
less, where the noise of a single period would count.

worst_share_of_limit: the largest error of all points, as a share of the limit of class 1 for this current and power
factor. The standard has no limit below 1 A at other power factors than 1; 2.5 % is taken there.
calibration_error_percent: the largest error at the loads of the calibration.
take_ms and take_heap_bytes: mean time and heap of one `take` per 50 ms, at 200 A on one leg and 10 A on the other.
samples_lost: frames lost through erases of more than 300 ms and collections, and in the meter of idle_percent.
idle_percent: of the time asleep, the whole meter with clamps at 1 kW, display and card reader at work. Taps, console
reports and changes follow, for samples_lost. heap_free_kb: its free heap after the start.
start_40ma_error_percent, floor_ratio, creep_mwh_24h and burst_day_error_percent come from the same driver file on the
unix port of MicroPython, over samples of the same models: see `boards.host.clamp_days`.
"""

import ast
import concurrent.futures
import contextlib
import json
import os
import subprocess
import tempfile
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path

from boards.host.chips.clamps import DITHER_US
from boards.host.chips.converter import Converter
from boards.host.chips.waves import pulses, transfer, wave
from wattpurse import stores
from wattpurse.core.records.settings import CLAMPS, Settings
from wattpurse.drivers import ct_calibration
from wattpurse_tools.bench.figures import AT_LEAST, AT_MOST, Figure
from wattpurse_tools.bench.loop import awake_ms, free_heap
from wattpurse_tools.bench.meter import PIN, BenchMeter, Workshop
from wattpurse_tools.emulation.clamps import EmulatedClamps
from wattpurse_tools.emulation.emulator import EmulatedPico
from wattpurse_tools.emulation.image import PROGRAM, build_image
from wattpurse_tools.emulation.repl import RawRepl
from wattpurse_tools.emulation.ring import RING_BYTES, RING_OFFSET, ring_flash
from wattpurse_tools.places import ROOT

VOLTS = 120
CONVERTERS = (1, 2, 3, 4, 5)
CURRENTS = (0.5, 1, 2, 10, 40, 100, 200)
LAGS = ((1.0, 0.0), (0.5, 60.0), (0.8, -36.87))
CLASS_FIGURES = (
    Figure("worst_share_of_limit", "", AT_MOST, 0.75, "largest error of all points, of the limit of class 1"),
    Figure("start_40ma_error_percent", "%", AT_MOST, 2, "error at 40 mA over an hour"),
    Figure("creep_mwh_24h", "mWh", AT_MOST, 0, "counted in a day without a load, with pickup"),
    Figure("floor_ratio", "", AT_MOST, 1.2, "error to that of quantisation and noise alone"),
    Figure("calibration_error_percent", "%", AT_MOST, 0.05, "largest error at the loads of the calibration"),
    Figure("samples_lost", "frames", AT_MOST, 0, "through erases, collections, taps and console"),
    Figure("take_ms", "ms", AT_MOST, 0.7, "of one look per 50 ms"),
    Figure("take_heap_bytes", "bytes", AT_MOST, 0, "that one look allocates"),
    Figure("idle_percent", "%", AT_LEAST, 90, "of the time asleep, the whole meter with clamps"),
    Figure("heap_free_kb", "KiB", AT_LEAST, 100, "free heap after the start"),
    Figure("burst_day_error_percent", "%", AT_MOST, 0.1, "error of a day of bursts"),
)

_LOAD_A = 40.0
_LOOKS_LOAD_A = 10.0
_FRAMES = DITHER_US // 500  # one period of the dither
_CALIBRATION_FRAMES = 3 * _FRAMES
_SMALL_A = 2
_SMALL_PERIODS = 4
_SETTLE_LOOKS = 60
_ERRORS = ((1.05, 3.0), (0.95, 0.0))  # gain and phase of the clamps on both legs
_TIMEOUT_MS = 200_000
_RUNNER = ROOT / "tools/toolchain/unix-run"
_DAYS = "boards/host/clamp_days.py"
_LONG_RUNS = ("creep", "burst", "small")
_IDLE_S = 60
_SETTLE_S = 6
_HOUSE_W = 1_000
_REPORTS = ("status", "registers", "months", "events", "ct", "load-profile", "help")
_DRIVER = """
import gc, time
from machine import mem32
mem32[0x40058000 + 0x3000] = 1 << 30
from boards.pico.sampler import Sampler
from wattpurse.drivers import ct_calibration
from wattpurse.drivers.ct_front_end import CtFrontEnd
calibration = ct_calibration.default(2)
front_end = CtFrontEnd(Sampler(), calibration)
frames = 0
def live(looks):
    global frames
    for _ in range(looks):
        time.sleep_ms(50)
        before = front_end._taken
        front_end.take()
        frames += (front_end._taken - before & (1 << 28) - 1) // 4
def energy():
    return [(leg.import_mwh - leg.export_mwh) * leg.products_per_mwh + leg.pending for leg in front_end.legs]
def live_frames(count):
    global frames
    frames = 0
    while frames < count:
        live(1)
def point(settle, count):
    live(settle)
    before = energy()
    live_frames(count)
    units = [leg.products_per_mwh for leg in front_end.legs]
    return [now - then for now, then in zip(energy(), before)], units, frames
def measure(count):
    live(60)
    front_end.begin_measurement()
    live_frames(count)
    return front_end.end_measurement()
"""
_TIMED = """
live(60)
def timed():
    took = 0
    gc.collect()
    gc.disable()
    used = gc.mem_alloc()
    for _ in range(40):
        time.sleep_ms(50)
        begin = time.ticks_us()
        front_end.take()
        took += time.ticks_diff(time.ticks_us(), begin)
    used = gc.mem_alloc() - used
    gc.enable()
    return took, used
took, used = timed()
import rp2
flash = rp2.Flash()
for block in range(40, 48): flash.ioctl(6, block)
gc.collect()
live(20)
for _ in range(20): gc.collect(); live(1)
"""


class Bench:
    """The chip with two clamps of one converter."""

    def __init__(self, pico: EmulatedPico, seed: int) -> None:
        self.clamps = EmulatedClamps(pico, Converter(seed))
        for leg, (gain, phase) in zip(self.clamps.inputs.legs, _ERRORS, strict=True):
            leg.gain, leg.phase_degrees, leg.amps = gain, phase, _LOAD_A
        self.clamps.apply()
        pico.power_on()
        self._repl = RawRepl(pico)
        self.execute(_DRIVER)

    def execute(self, code: str) -> str:
        """Run code on the chip, which may take minutes of its time."""
        return self._repl.execute(code, _TIMEOUT_MS)

    def value(self, expression: str) -> object:
        """Return the value of an expression, which prints as a literal."""
        return ast.literal_eval(self.execute(f"print({expression})"))

    def load(self, amps: float, shape: array, millihertz: int = 60_000) -> None:
        """Connect the same load to both legs."""
        self.clamps.inputs.millihertz = millihertz
        for leg in self.clamps.inputs.legs:
            leg.amps, leg.amp_wave = amps, shape
        self.clamps.apply()

    def errors(self, periods: int = 1) -> list[float]:
        """Return the error of each leg at the load that is connected, in percent, over periods of the dither."""
        products, units, frames = self.value(f"point({_SETTLE_LOOKS}, {periods * _FRAMES})")  # pyright: ignore[reportGeneralTypeIssues]
        found = []
        for leg, one, unit in zip(self.clamps.inputs.legs, products, units, strict=True):
            true_w = leg.volts * leg.amps * transfer(leg.volt_wave, leg.amp_wave)
            found.append(100 * (one / unit * 3.6 / (frames / ct_calibration.FRAMES_A_SECOND) / true_w - 1))
        return found

    def calibrate(self) -> None:
        """Set the calibration by a load of power factor 1 and one of 0.5 lagging."""
        load_mw = round(VOLTS * _LOAD_A * 1000)
        self.load(_LOAD_A, wave())
        self.execute(f"resistive = measure({_CALIBRATION_FRAMES})")
        self.load(_LOAD_A, wave(60))
        self.execute(f"""
lagging = measure({_CALIBRATION_FRAMES})
calibration.legs = [
    ct_calibration.with_phase(leg, two, {load_mw // 2}, one, {load_mw})
    for leg, one, two in zip(calibration.legs, resistive, lagging)
]
front_end.set_calibration(calibration)
""")


def limit_percent(amps: float, factor: float) -> float:
    """Return the limit of class 1 for direct connection with a basic current of 10 A (IEC 62053-21, table 6)."""
    if factor == 1:
        return 1.5 if amps < 1 else 1.0
    return 2.5 if amps < 1 else 1.5 if amps < 2 else 1.0


def points() -> Iterator[tuple[str, float, float, array, int]]:
    """Yield name, amperes, power factor, shape and frequency in mHz of each point."""
    for factor, lag in LAGS:
        for amps in CURRENTS:
            yield f"{amps:g} A, factor {factor}", amps, factor, wave(lag), 60_000
    for hertz in (45, 50, 65):
        yield f"10 A at {hertz} Hz", 10, 1, wave(), hertz * 1000
    yield "20 A with a fifth harmonic", 20, 1, wave(0, ((5, 0.4, 0.0),)), 60_000
    yield "40 A with a crest factor of 3", 40, 1, pulses(3), 60_000


def points_of(seed: int, image: Path) -> tuple[dict[str, list[float]], float]:
    """Return the errors of both legs at each point, and the largest error of the calibration, of one converter."""
    with tempfile.TemporaryDirectory() as folder, EmulatedPico(Path(folder) / "flash.bin", image) as pico:
        bench = Bench(pico, seed)
        bench.calibrate()
        calibration = [abs(error) for error in bench.errors(_SMALL_PERIODS)]
        bench.load(_LOAD_A, wave())
        calibration += [abs(error) for error in bench.errors(_SMALL_PERIODS)]
        found = {}
        for name, amps, _, shape, millihertz in points():
            bench.load(amps, shape, millihertz)
            found[name] = bench.errors(_SMALL_PERIODS if amps <= _SMALL_A else 1)
    return found, max(calibration)


def looks(image: Path) -> dict[str, float]:
    """Return take_ms, take_heap_bytes and samples_lost."""
    with tempfile.TemporaryDirectory() as folder, EmulatedPico(Path(folder) / "flash.bin", image) as pico:
        bench = Bench(pico, CONVERTERS[0])
        bench.clamps.inputs.legs[0].amps, bench.clamps.inputs.legs[1].amps = 200, _LOOKS_LOAD_A
        bench.clamps.apply()
        bench.execute(_TIMED)
        took, used, lost = bench.value("(took, used, front_end.samples_lost)")  # pyright: ignore[reportGeneralTypeIssues]
    return {"take_ms": took / 40_000, "take_heap_bytes": used / 40, "samples_lost": lost}


def whole_meter(image: Path) -> tuple[dict[str, float], list[str]]:
    """Return idle_percent, heap_free_kb and samples_lost of the whole meter with clamps, and lines of details."""
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder), image)
        with _metering_with_clamps(workshop, "idle") as meter:
            idle = 100 - awake_ms(meter, _IDLE_S) / (_IDLE_S * 10)
            lost, counted_w = _busy_minute(meter)
        with _metering_with_clamps(workshop, "heap") as meter:
            heap = free_heap(meter) / 1024
    line = f"The whole meter counted {counted_w:.0f} W of {_HOUSE_W} W in a minute with taps, reports and changes."
    return {"idle_percent": idle, "heap_free_kb": heap, "samples_lost": lost}, [line]


@contextlib.contextmanager
def _metering_with_clamps(workshop: Workshop, name: str) -> Iterator[BenchMeter]:
    """Provide a running meter that was set to clamps, in a house of `_HOUSE_W`."""
    with workshop.meter(name) as meter:
        flash = ring_flash(meter.pico.read_flash(RING_OFFSET, RING_BYTES))
        settings = Settings(flash, *stores.SETTINGS_RING)
        settings.open()
        settings.set_all((("clamps", ct_calibration.default(2).pack()), ("front_end", CLAMPS)))
        meter.pico.write_flash(RING_OFFSET, bytes(flash.memory))
        clamps = EmulatedClamps(meter.pico, Converter(CONVERTERS[0]))
        for leg in clamps.inputs.legs:
            leg.amps = _HOUSE_W / 2 / VOLTS
        clamps.apply()
        meter.start()
        meter.run_for(_SETTLE_S)
        yield meter


def _busy_minute(meter: BenchMeter) -> tuple[int, float]:
    """Return the samples lost up to the end of a minute of taps, reports and changes, and the power counted in it."""
    meter.type_line("login " + PIN)
    begun_us, before = meter.clock.now_us, meter.account().registers.total_mwh
    for tap in range(2):
        meter.insert(meter.card(meter.token(), meter.token()))
        for report in _REPORTS:
            meter.type_line(report)
        meter.type_line(f"terms set low_credit_microunits {3_000_000 + tap}")
        meter.remove()
        meter.run_for(60 - (meter.clock.now_us - begun_us) / 1e6 if tap else 1)
    counted_mwh = meter.account().registers.total_mwh - before
    facts = json.loads(meter.type_line("ct --json")[0])
    return facts["samples_lost"], counted_mwh * 3.6e6 / (meter.clock.now_us - begun_us)


def long_run(name: str) -> tuple[dict[str, float], list[str]]:
    """Return the figures of one measurement of `boards.host.clamp_days`, and its lines."""
    done = subprocess.run([_RUNNER, _DAYS, name], check=True, stdout=subprocess.PIPE, text=True)
    *lines, figures = done.stdout.splitlines()
    return json.loads(figures), lines


def measure_class(note: Callable[[str], object]) -> dict[str, float]:
    """Return the values of all figures, by their names. `note(line)` takes the errors of each point."""
    image = build_image("--clamps") / PROGRAM
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
        long_runs = [pool.submit(long_run, name) for name in _LONG_RUNS]
        tables = [pool.submit(points_of, seed, image) for seed in CONVERTERS]
        others = [pool.submit(looks, image), pool.submit(whole_meter, image)]
        found = [table.result() for table in tables]
        values: dict[str, float] = others[0].result()
        lost = values["samples_lost"]
        for one in (*long_runs, others[1]):
            figures, lines = one.result()
            values.update(figures)
            for line in lines:
                note(line)
    values["samples_lost"] += lost
    worst = 0.0
    note("Errors in percent of both legs, one and the other, for each converter; the share is that of class 1's limit:")
    for name, amps, factor, _, _ in points():
        errors = [error for table, _ in found for error in table[name]]
        share = max(abs(error) for error in errors) / limit_percent(amps, factor)
        worst = max(worst, share)
        note(f"{name:<32}{share:5.2f}  " + " ".join(f"{error:6.2f}" for error in errors))
    values["worst_share_of_limit"] = worst
    values["calibration_error_percent"] = max(calibration for _, calibration in found)
    return {figure.name: round(values[figure.name], 4) for figure in CLASS_FIGURES}
