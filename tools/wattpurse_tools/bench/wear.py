"""Figures of pulses and wear.

pulses_lost: the meter runs beside a task that collects garbage all the time. `PULSES` pulses come at 10 kHz while cards
are tapped, reports are typed and the journal erases. The figure is the number of edges given, less the pulses that the
ledger in flash has gained.
flash_life_years_1kw, flash_life_years_100a: the same run counts the sectors that the ledger erased and the steps that
it tallied between the first and the last roll. A kWh is at most `WORST_STEPS_PER_KWH` steps at any calibration. Each of
`RECORDS_PER_DAY` records takes a slot and ends a tally that may have been begun. The formula is printed with its
numbers. Settings, event log and top-up log wear less: they are written on events, not with the flow of energy. The load
profile is written every half hour; its life is in the notes.
"""

from boards.pico.pins import GPIO
from wattpurse import stores
from wattpurse.core.journal import ring, slots
from wattpurse_tools.bench.meter import AMPS_100_W, BenchMeter, Measured, Workshop
from wattpurse_tools.emulation.ring import RING_OFFSET

PULSES = 100_000
WORST_STEPS_PER_KWH = 7_999
RECORDS_PER_DAY = 20
ERASES_A_SECTOR_TAKES = 100_000

_PERIOD_NS = 100_000
_LOOK_S = 0.1
_DRAIN_S = 2
_SETTLE_S = 3
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
