"""`wattpurse bench`: every figure of the meter, measured on its real image on the emulated RP2040.

Time is virtual, at 125 MHz, and the same in every run of the same image. The emulator counts instructions as if they
ran from RAM: a real board, whose flash cache misses now and then, is somewhat slower. How each figure is taken is told
where it is taken: `tap`, `loop`, `power`, `wear`. image_kb is the size of the meter's image
less that of stock MicroPython built likewise.
"""

import concurrent.futures
import json
import os
import subprocess
import tempfile
from pathlib import Path

from wattpurse_tools.bench import loop, power, tap, wear
from wattpurse_tools.bench.meter import Workshop
from wattpurse_tools.places import ROOT

AT_MOST = "at most"
AT_LEAST = "at least"
REPORTED = "reported"

# name, unit, how the value is judged, by what, what it is
FIGURES = (
    ("pulses_lost", "pulses", AT_MOST, 0, "of 100,000 at 10 kHz beside erases, taps, collections and console output"),
    ("tap_first_block_ms", "ms", REPORTED, None, "from REQA to the first 16 bytes of a Classic card"),
    ("tap_first_block_rf_ratio", "", AT_MOST, 1.5, "of that to the time on the air alone"),
    ("tap_credit_ms", "ms", REPORTED, None, "from REQA to credit in flash and the statement on the card, read back"),
    ("tap_credit_floor_ratio", "", AT_MOST, 1.6, "of that to the time on the air and of flash"),
    ("poll_empty_cpu_ms", "ms", AT_MOST, 3, "processor time of one look for a card when none is there"),
    ("loop_block_max_ms", "ms", AT_MOST, 10, "longest step of any task, erases taken off"),
    ("idle_percent", "%", AT_LEAST, 90, "of the time asleep, metering 1 kW, display and card reader at work"),
    ("idle_key_card_percent", "%", REPORTED, None, "the same with a key card in the slot that pays for it"),
    ("boot_counting_ms", "ms", REPORTED, None, "from supply to the counter that counts; what flows before is lost"),
    ("boot_metering_ms", "ms", AT_MOST, 700, "from supply to energy in a ledger recovered from a full ring"),
    ("cutoff_ms", "ms", AT_MOST, 300, "from credit crossing zero at 100 A to the opening coil"),
    ("heap_free_boot_kb", "KiB", AT_LEAST, 100, "free heap after the start"),
    ("heap_growth_day_bytes", "bytes", AT_MOST, 0, "of the heap in use over a day with taps"),
    ("unrecorded_wh_max", "Wh", AT_MOST, 1, "most energy that a power cut at 100 A loses"),
    ("flash_life_years_1kw", "years", AT_LEAST, 200, "until a sector has been erased 100,000 times, at 1 kW"),
    ("flash_life_years_100a", "years", AT_LEAST, 20, "the same at 100 A"),
    ("image_kb", "KiB", REPORTED, None, "that the firmware adds to stock MicroPython"),
)
# Each measurement, the longest first so that they share the processors well, and the figures it gives.
MEASUREMENTS = (
    (loop.heap_over_a_day, ("heap_growth_day_bytes",)),
    (loop.longest_steps, ("loop_block_max_ms",)),
    (power.unrecorded, ("unrecorded_wh_max",)),
    (wear.pulses_and_wear, ("pulses_lost", "flash_life_years_1kw", "flash_life_years_100a")),
    (power.cutoff, ("cutoff_ms",)),
    (
        tap.taps,
        ("tap_first_block_ms", "tap_first_block_rf_ratio", "tap_credit_ms", "tap_credit_floor_ratio"),
    ),
    (loop.idle, ("idle_percent",)),
    (loop.idle_with_key_card, ("idle_key_card_percent",)),
    (loop.look, ("poll_empty_cpu_ms",)),
    (loop.heap, ("heap_free_boot_kb",)),
    (power.boot, ("boot_counting_ms", "boot_metering_ms")),
)
DEFAULT_OUTPUT = ROOT / "build/bench.json"

_IMAGE = "firmware.bin"
_DECIMALS = 2


def add_parser(subparsers) -> None:
    """Adds `bench`."""
    parser = subparsers.add_parser("bench", help="measure the meter's image on the emulated RP2040")
    parser.add_argument("-o", "--output", type=Path, default=DEFAULT_OUTPUT, help="default: build/bench.json")
    parser.add_argument("figures", nargs="*", metavar="FIGURE", help="measure these alone and write no file")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Measures, prints a line per figure and writes them all; the exit status tells only that it could be measured."""
    values = measure(set(arguments.figures), lambda note: print(note, flush=True))
    print("\n".join(report(values)))
    print("Emulated RP2040 at 125 MHz without flash cache misses: a real board is somewhat slower.")
    if not arguments.figures:
        arguments.output.write_text(json.dumps(values, indent=2) + "\n")
    return 0


def measure(wanted: set, tell) -> dict:
    """The values of the figures in `wanted`, all of them if it is empty; `tell(line)` hears what else was found.

    Raises ValueError for a figure that is not known.
    """
    unknown = wanted - {figure[0] for figure in FIGURES}
    if unknown:
        raise ValueError(f"no figure {', '.join(sorted(unknown))}")
    meter_image, stock_image = _built(), _built("--stock")
    values = {"image_kb": (meter_image.stat().st_size - stock_image.stat().st_size) / 1024}
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder), meter_image)
        with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
            work = [pool.submit(one, workshop) for one, names in MEASUREMENTS if not wanted or wanted & set(names)]
            for done in concurrent.futures.as_completed(work):
                found, notes = done.result()
                values.update(found)
                for note in notes:
                    tell(note)
    return {name: round(values[name], _DECIMALS) for name, *_ in FIGURES if name in values}


def report(values: dict) -> list:
    """A line per figure: name, value, unit, what it is judged by, whether it is met, and what it is."""
    lines = []
    for name, unit, judged, bound, what in FIGURES:
        if name in values:
            target = judged if bound is None else f"{judged} {bound}"
            verdict = {True: "met", False: "NOT MET", None: ""}[is_met(values[name], judged, bound)]
            lines.append(f"{name:<26}{values[name]:>10g} {unit:<7}{target:<14}{verdict:<9}{what}")
    return lines


def is_met(value: float, judged: str, bound: float | None) -> bool | None:
    """Whether a value keeps its bound; None where it has none."""
    if judged == REPORTED:
        return None
    return value <= bound if judged == AT_MOST else value >= bound


def _built(*options):
    """The image, built if it has to be."""
    subprocess.run([ROOT / "tools/emulator/install"], check=True)
    command = [ROOT / "boards/pico/image/build", *options]
    return Path(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()) / _IMAGE
