"""The table of all figures of the meter, and their measurement on its real image on the emulated RP2040.

Time is virtual, at 125 MHz, and the same in every run of the same image. The emulator counts instructions as if they
ran from RAM: a real board, with a flash cache miss now and then, is somewhat slower. The modules that measure describe
their method: `desfire`, `iso_dep`, `loop`, `network`, `power`, `room`, `tap`, `wear`. The figures of `network` alone
depend on real time too.
image_kb is the size of the meter's image less the size of stock MicroPython from the same build.
"""

import concurrent.futures
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from wattpurse_tools.bench import desfire, iso_dep, loop, network, power, room, tap, wear
from wattpurse_tools.bench.meter import Measured, Workshop
from wattpurse_tools.emulation.image import PROGRAM, build_image

AT_MOST = "at most"
AT_LEAST = "at least"
REPORTED = "reported"

_DECIMALS = 2


class Figure(NamedTuple):
    """One figure: its bound is an upper one (AT_MOST), a lower one (AT_LEAST), or there is none (REPORTED)."""

    name: str
    unit: str
    judged: str
    bound: float | None
    meaning: str

    def is_met(self, value: float) -> bool | None:
        """Return True if the value keeps the bound, or None if the figure has no bound."""
        if self.bound is None:
            return None
        return value <= self.bound if self.judged == AT_MOST else value >= self.bound


FIGURES = (
    Figure("pulses_lost", "pulses", AT_MOST, 0, "of 100,000 at 10 kHz beside erases, taps, collections and output"),
    Figure("tap_first_block_ms", "ms", REPORTED, None, "from REQA to the first 16 bytes of a Classic card"),
    Figure("tap_first_block_rf_ratio", "", AT_MOST, 1.5, "of that to the time on the air alone"),
    Figure("tap_credit_ms", "ms", REPORTED, None, "from REQA to credit in flash and a statement read back"),
    Figure("tap_credit_floor_ratio", "", AT_MOST, 1.6, "of that to the time on the air and of flash"),
    Figure(
        "iso_dep_first_ms", "ms", REPORTED, None, "from REQA through RATS to the answer to a first command of 16 bytes"
    ),
    Figure("iso_dep_first_rf_ratio", "", REPORTED, None, "of that to the time on the air and the card's guard time"),
    Figure("iso_dep_16_ms", "ms", REPORTED, None, "one more command of 16 bytes, answered by 16"),
    Figure("iso_dep_16_rf_ratio", "", AT_MOST, 1.5, "of that to the time on the air"),
    Figure("iso_dep_60_ms", "ms", REPORTED, None, "one more command of 60 bytes, answered by 60"),
    Figure("iso_dep_60_rf_ratio", "", AT_MOST, 1.5, "of that to the time on the air"),
    Figure("iso_dep_heap_bytes", "bytes", REPORTED, None, "of the heap, once a card of ISO/IEC 14443-4 was met"),
    Figure("room_tap_ms", "ms", REPORTED, None, "the same tap at a room reader, on two emulated chips"),
    Figure("room_tap_ratio", "", AT_MOST, 1.3, "of that to the tap at the meter, at 115,200 baud"),
    Figure("idle_room_percent", "%", REPORTED, None, "of the time asleep, with a room reader at work"),
    Figure("desfire_debit_ms", "ms", REPORTED, None, "from REQA to the commit of a payment from a DESFire key card"),
    Figure("desfire_debit_ratio", "", AT_MOST, 1.5, "of that to the time on the air, of AES and of flash"),
    Figure("desfire_ev2_debit_ms", "ms", REPORTED, None, "the same payment with a card of EV2, by its messaging"),
    Figure("desfire_ev2_debit_ratio", "", AT_MOST, 1.5, "of that to the time on the air, of AES and of flash"),
    Figure("desfire_loop_block_max_ms", "ms", AT_MOST, 10, "longest step of any task while such a card pays"),
    Figure("desfire_heap_bytes", "bytes", REPORTED, None, "of the heap, once such a card has paid"),
    Figure("poll_empty_cpu_ms", "ms", AT_MOST, 3, "processor time of one look for a card without a card"),
    Figure("loop_block_max_ms", "ms", AT_MOST, 10, "longest step of any task, without its erases"),
    Figure("idle_percent", "%", AT_LEAST, 90, "of the time asleep, metering 1 kW, display and card reader at work"),
    Figure("idle_key_card_percent", "%", REPORTED, None, "the same, paid from a key card in the slot"),
    Figure("boot_counting_ms", "ms", REPORTED, None, "from supply to a running counter; energy before it is lost"),
    Figure("boot_metering_ms", "ms", AT_MOST, 700, "from supply to energy in a ledger recovered from a full ring"),
    Figure("cutoff_ms", "ms", AT_MOST, 300, "from credit crossing zero at 100 A to the opening coil"),
    Figure("heap_free_boot_kb", "KiB", AT_LEAST, 100, "free heap after the start"),
    Figure("heap_growth_day_bytes", "bytes", AT_MOST, 0, "of the heap in use over a day with taps"),
    Figure("unrecorded_wh_max", "Wh", AT_MOST, 1, "most energy that a power cut at 100 A loses"),
    Figure("flash_life_years_1kw", "years", AT_LEAST, 200, "until a sector has been erased 100,000 times, at 1 kW"),
    Figure("flash_life_years_100a", "years", AT_LEAST, 20, "the same at 100 A"),
    Figure("flash_life_years_by_records_1kw", "years", REPORTED, None, "at 1 kW, if energy is counted in records"),
    Figure("flash_life_years_by_records_100a", "years", REPORTED, None, "the same at 100 A"),
    Figure("image_kb", "KiB", REPORTED, None, "that the firmware adds to stock MicroPython"),
    Figure("recharge_to_coil_ms", "ms", AT_MOST, 1_000, "from a token at the broker to the closing coil, over a modem"),
    Figure("heap_free_mqtt_kb", "KiB", AT_LEAST, 80, "free heap, connected to the broker through the modem"),
    Figure("idle_mqtt_percent", "%", AT_LEAST, 88, "of the time asleep, connected likewise, metering 1 kW"),
    Figure("image_network_kb", "KiB", REPORTED, None, "that TCP/IP, PPP and MQTT add to the meter's image"),
)
# Each measurement with the figures that it gives. The longest comes first, so that they share the processors well.
MEASUREMENTS: tuple[tuple[Callable[[Workshop], Measured], tuple[str, ...]], ...] = (
    (loop.heap_over_a_day, ("heap_growth_day_bytes",)),
    (loop.longest_steps, ("loop_block_max_ms",)),
    (power.unrecorded, ("unrecorded_wh_max",)),
    (wear.pulses_and_wear, ("pulses_lost", "flash_life_years_1kw", "flash_life_years_100a")),
    (wear.wear_by_records, ("flash_life_years_by_records_1kw", "flash_life_years_by_records_100a")),
    (power.cutoff, ("cutoff_ms",)),
    (
        tap.taps,
        ("tap_first_block_ms", "tap_first_block_rf_ratio", "tap_credit_ms", "tap_credit_floor_ratio"),
    ),
    (
        iso_dep.visits,
        (
            "iso_dep_first_ms",
            "iso_dep_first_rf_ratio",
            "iso_dep_16_ms",
            "iso_dep_16_rf_ratio",
            "iso_dep_60_ms",
            "iso_dep_60_rf_ratio",
            "iso_dep_heap_bytes",
        ),
    ),
    (room.room_taps, ("room_tap_ms", "room_tap_ratio", "idle_room_percent")),
    (desfire.payments, ("desfire_debit_ms", "desfire_debit_ratio")),
    (desfire.payments_ev2, ("desfire_ev2_debit_ms", "desfire_ev2_debit_ratio")),
    (desfire.steps, ("desfire_loop_block_max_ms",)),
    (desfire.heap, ("desfire_heap_bytes",)),
    (loop.idle, ("idle_percent",)),
    (loop.idle_with_key_card, ("idle_key_card_percent",)),
    (loop.look, ("poll_empty_cpu_ms",)),
    (loop.heap, ("heap_free_boot_kb",)),
    (power.boot, ("boot_counting_ms", "boot_metering_ms")),
)


def measure(wanted: set[str], note: Callable[[str], object]) -> dict[str, float]:
    """Return the values of the figures in `wanted`, or of all figures if it is empty, by their names.

    `note(line)` takes the details that a measurement reports beside its figures. Raise ValueError for an unknown name.
    """
    unknown = wanted - {figure.name for figure in FIGURES}
    if unknown:
        raise ValueError(f"no figure {', '.join(sorted(unknown))}")
    meter_image, stock_image = build_image() / PROGRAM, build_image("--stock") / PROGRAM
    values: dict[str, float] = {"image_kb": (meter_image.stat().st_size - stock_image.stat().st_size) / 1024}
    with tempfile.TemporaryDirectory() as folder:
        workshop = Workshop(Path(folder), meter_image)
        with concurrent.futures.ProcessPoolExecutor(os.cpu_count()) as pool:
            work = [pool.submit(one, workshop) for one, names in MEASUREMENTS if not wanted or wanted & set(names)]
            for done in concurrent.futures.as_completed(work):
                found, notes = done.result()
                values.update(found)
                for line in notes:
                    note(line)
    if not wanted or wanted & network.NAMES:  # alone: they need a processor for real time
        for found, notes in network.measure(wanted, meter_image):
            values.update(found)
            for line in notes:
                note(line)
    return {figure.name: round(values[figure.name], _DECIMALS) for figure in FIGURES if figure.name in values}


def report(values: dict[str, float], figures: Iterable[Figure]) -> list[str]:
    """Return a line per figure: name, value, unit, bound, verdict and meaning."""
    lines = []
    for figure in figures:
        if figure.name in values:
            value = values[figure.name]
            target = figure.judged if figure.bound is None else f"{figure.judged} {figure.bound}"
            verdict = {True: "met", False: "NOT MET", None: ""}[figure.is_met(value)]
            lines.append(f"{figure.name:<33}{value:>10g} {figure.unit:<7}{target:<14}{verdict:<9}{figure.meaning}")
    return lines
