"""Figures of pulses and wear.

pulses_lost: the meter runs beside a task that collects garbage all the time. `PULSES` pulses come at 10 kHz while cards
are tapped, reports are typed and the journal erases. The figure is the number of edges given, less the pulses that the
ledger in flash has gained.
flash_life_years_1kw, flash_life_years_100a: the same run counts the sectors that the ledger erased and the steps that
it tallied between the first and the last roll. A kWh is at most `WORST_STEPS_PER_KWH` steps at any calibration. Each of
`RECORDS_PER_DAY` records takes a slot and ends a tally that may have been begun. The formula is printed with its
numbers. Settings, event log and top-up log wear less: they are written on events, not with the flow of energy. The load
profile is written every half hour; its life is in the notes.
flash_life_years_by_records_1kw, flash_life_years_by_records_100a: the same meter counts energy in records. It runs at
this power until the ledger has rolled `ROLLS` times, and the time of each sector is measured. The calibration has the
most steps per kWh, `WORST_STEPS_PER_KWH`, and each step that metering finds is a record. The records of a day's tokens
and changes are less than a thousandth of them, and are left out.
"""

from boards.pico.pins import GPIO
from wattpurse import stores
from wattpurse.core.journal import ring, slots
from wattpurse.core.records.settings import Settings
from wattpurse_tools.bench.meter import AMPS_100_W, BenchMeter, Measured, Workshop
from wattpurse_tools.emulation.ring import RING_OFFSET, read_ring, ring_flash

PULSES = 100_000
WORST_STEPS_PER_KWH = 7_999
RECORDS_PER_DAY = 20
ERASES_A_SECTOR_TAKES = 100_000
ROLLS = 3

_PERIOD_NS = 100_000
_LOOK_S = 0.1
_LOOK_US = 100_000
_DRAIN_S = 2
_SETTLE_S = 3
_LONGEST_SECTOR_S = 120
_HOURS_PER_YEAR = 8_766
_TAP_EVERY = 20
_REPORT_EVERY = 7
_COLLECTING = """
import asyncio, gc
from board import build_board
from wattpurse.app import Meter
async def collect():
    while True:
        gc.collect()
        await asyncio.sleep_ms(40)
async def main():
    asyncio.create_task(collect())
    await Meter(build_board()).run()
asyncio.run(main())
"""


def pulses_and_wear(workshop: Workshop) -> Measured:
    """Measure pulses_lost and both lives of the flash."""
    with workshop.meter("pulses") as meter:
        meter.start()
        meter.begin_probe(_COLLECTING)
        meter.run_for(_SETTLE_S)
        before, given = meter.account(), meter.pulses_given()
        meter.pico.pins[GPIO["pulse"]].drive(0)
        meter.pico.pins[GPIO["pulse"]].pulses(_PERIOD_NS, _PERIOD_NS / 2, PULSES)
        rolls = _disturb(meter, PULSES * _PERIOD_NS / 1e9 + _DRAIN_S)
        after = meter.account()
        given = meter.pulses_given() - given
        lost = given - (after.pulses_total - before.pulses_total)
    notes = [f"{given} pulses given, {meter.relay.operations} moves of the contact, {len(rolls)} rolls"]
    steps = (rolls[-1] - rolls[0]) / (len(rolls) - 1)
    slots_per_sector = steps / slots.TALLY_STEPS
    values: dict[str, float] = {"pulses_lost": lost}
    for name, power_w in (("flash_life_years_1kw", 1_000), ("flash_life_years_100a", AMPS_100_W)):
        values[name], formula = life_years(power_w, slots_per_sector)
        notes.append(f"{name} = {formula}")
    notes.append(f"life of the load profile: {profile_life_years():.0f} years")
    return values, notes


def wear_by_records(workshop: Workshop) -> Measured:
    """Measure both lives of a flash whose ledger counts energy in records."""
    values: dict[str, float] = {}
    notes = []
    for name, power_w in (("1kw", 1_000), ("100a", AMPS_100_W)):
        with workshop.meter(f"by records {name}", impulses=WORST_STEPS_PER_KWH) as meter:
            count_by_records(meter)
            meter.start()
            meter.source.set_load_w(power_w)
            sector_s = _seconds_of_a_sector(meter)
        figure = f"flash_life_years_by_records_{name}"
        values[figure], formula = life_years_by_records(sector_s)
        notes.append(f"{figure} = {formula}")
    return values, notes


def count_by_records(meter: BenchMeter) -> None:
    """Make a meter whose supply is off count its energy in records, as `commission ... by-records` does."""
    flash = ring_flash(read_ring(meter.pico))
    settings = Settings(flash, *stores.SETTINGS_RING)
    settings.open()
    settings.set("flash_by_records", 1)
    meter.pico.write_flash(RING_OFFSET, bytes(flash.memory))


def life_years_by_records(sector_s: float) -> tuple[float, str]:
    """Return the years until every sector of the ledger's ring reaches its number of erases, and the formula."""
    sectors = stores.LEDGER_RING[1]
    formula = (
        f"{ERASES_A_SECTOR_TAKES} erases x {sectors} sectors x {sector_s:.1f} s for each (measured)"
        f" / (3600 s x {_HOURS_PER_YEAR} h)"
    )
    return ERASES_A_SECTOR_TAKES * sectors * sector_s / (3600 * _HOURS_PER_YEAR), formula


def _seconds_of_a_sector(meter: BenchMeter) -> float:
    """Return the seconds in which the running meter fills a sector of its ledger, as the mean of `ROLLS` sectors.

    Raise ValueError if the ledger does not roll.
    """
    rolled_us = []
    for _ in range(ROLLS + 1):
        erases = _ledger_erases(meter)
        if not meter.run_until(lambda erases=erases: _ledger_erases(meter) > erases, _LONGEST_SECTOR_S, _LOOK_US):
            raise ValueError(f"the ledger did not roll in {_LONGEST_SECTOR_S} s")
        rolled_us.append(meter.clock.now_us)
    return (rolled_us[-1] - rolled_us[0]) / ROLLS / 1_000_000


def profile_life_years() -> float:
    """Return the years until every sector of the load profile's ring reaches its number of erases.

    A half hour takes a slot. A snapshot takes at most the first two pages.
    """
    slots_per_sector = (ring.SECTOR_SIZE - 2 * ring.PAGE_SIZE) // slots.SLOT_SIZE
    return ERASES_A_SECTOR_TAKES * stores.LOAD_PROFILE_RING[1] * slots_per_sector / (2 * _HOURS_PER_YEAR)


def life_years(power_w: int, slots_per_sector: float) -> tuple[float, str]:
    """Return the years until every sector of the ledger's ring reaches its number of erases, and the formula."""
    sectors = stores.LEDGER_RING[1]
    tallies_per_hour = WORST_STEPS_PER_KWH * power_w / 1000 / slots.TALLY_STEPS
    records_per_hour = 2 * RECORDS_PER_DAY / 24
    slots_per_year = (tallies_per_hour + records_per_hour) * _HOURS_PER_YEAR
    formula = (
        f"{ERASES_A_SECTOR_TAKES} erases x {sectors} sectors x {slots_per_sector:.1f} slots in each (measured)"
        f" / (({WORST_STEPS_PER_KWH} steps x {power_w / 1000:g} kW / {slots.TALLY_STEPS} steps"
        f" + 2 x {RECORDS_PER_DAY} records / 24 h) x {_HOURS_PER_YEAR} h)"
    )
    return ERASES_A_SECTOR_TAKES * sectors * slots_per_sector / slots_per_year, formula


def _disturb(meter: BenchMeter, duration_s: float) -> list[int]:
    """Tap cards and type reports for `duration_s`. Return the number of pulses given at each roll of the ledger."""
    rolls = []
    erases = _ledger_erases(meter)
    card = None
    for look in range(round(duration_s / _LOOK_S)):
        if look % _TAP_EVERY == 0:
            card = meter.card(meter.token())
            meter.insert(card)
        elif look % _TAP_EVERY == _TAP_EVERY // 2:
            meter.remove(card)
        if look % _REPORT_EVERY == 0:
            meter.pico.serial_write(b"help\r")
        meter.run_for(_LOOK_S)
        if _ledger_erases(meter) > erases:
            erases = _ledger_erases(meter)
            rolls.append(meter.pulses_given())
    return rolls


def _ledger_erases(meter: BenchMeter) -> int:
    """Return the number of erases in the first copy of the ledger's ring."""
    first = RING_OFFSET // ring.SECTOR_SIZE + stores.LEDGER_RING[0]
    erases = meter.pico.statistics()["flash"]["erases_by_sector"]
    return sum(erases.get(str(sector), 0) for sector in range(first, first + stores.LEDGER_RING[1]))
