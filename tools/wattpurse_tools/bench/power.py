"""Figures of power: the start, the cut-off, and the energy lost in a power cut.

boot_counting_ms: the supply begins during a train of `COUNTED_PULSES` at 10 kHz, which ends before the ledger is
recovered. The figure is the duration of the pulses that are never in the ledger.
boot_metering_ms: the supply begins during a train of a thousand pulses a second. The figure is the time until a
programmed page makes the ledger in flash prove energy of this life, checked each millisecond. The rings are full, see
`meter`.
cutoff_ms: at 100 A, from the edge of the pulse that takes the balance to zero (checked each millisecond; the check
before it counts) to the edge of the opening coil. The figure is the longest of `CUTOFFS` at different phases.
unrecorded_wh_max: at 100 A the supply fails in one flash operation after another that follow a change of the terms:
tallies, the roll with its snapshots, the erases after it. The loss is the energy that the measuring element gave in
this life of the meter, less the energy that the ledger in flash proves. The figure is the largest loss over the
calibrations in `CALIBRATIONS`. Part of a pulse is no loss: the measuring element keeps it. Energy that flows between
the return of the supply and the start of the counter belongs to boot_counting_ms, which is also reported in Wh.
"""

from boards.pico.pins import GPIO
from wattpurse.core.messages import token
from wattpurse.core.money.account import Account
from wattpurse_tools.bench.meter import AMPS_100_W, BenchMeter, Measured, Workshop

COUNTED_PULSES = 3_000
CUTOFFS = 6  # the load switch rests after more openings within three hours
CALIBRATIONS = (1_000, 10_000)
CUTS = 22

_COUNTED_PERIOD_NS = 100_000
_BOOT_PERIOD_NS = 1_000_000
_BOOT_LIMIT_S = 3
_SETTLE_S = 3
_LIMIT_S = 10
_STEP_US = 1000
_CUTOFF_MICROUNITS = 5_000  # lasts longer than a second, the pause of the load switch between operations
_PHASE_S = 0.013
_LOW_CREDIT = 2  # place of the term low_credit_microunits
_OPERATIONS_APART = 2
_CUT_FRACTION = 0.99
_WS_PER_WH = 3_600


def boot(workshop: Workshop) -> Measured:
    """Measure boot_counting_ms and boot_metering_ms."""
    counting_ms = _counting_ms(workshop)
    with workshop.meter("boot") as meter:
        before = meter.account().pulses_total
        gpio = meter.pico.pins[GPIO["pulse"]]
        meter.power_up()
        gpio.drive(0)
        gpio.pulses(_BOOT_PERIOD_NS, _BOOT_PERIOD_NS / 2)
        begin_us = meter.clock.now_us
        operations = 0
        while meter.account().pulses_total == before:
            meter.run_until(lambda: _operations(meter) > operations, _BOOT_LIMIT_S, _STEP_US)  # noqa: B023
            operations = _operations(meter)
        metering_ms = (meter.clock.now_us - begin_us) / 1000
    uncounted_wh = counting_ms / 1000 * AMPS_100_W / _WS_PER_WH
    note = f"Counting begins {counting_ms:.1f} ms after the supply: at 100 A, {uncounted_wh:.3f} Wh flow before."
    return {"boot_counting_ms": counting_ms, "boot_metering_ms": metering_ms}, [note]


def _counting_ms(workshop: Workshop) -> float:
    with workshop.meter("counting") as meter:
        before = meter.account().pulses_total
        meter.power_up()
        meter.pico.pins[GPIO["pulse"]].drive(0)
        meter.pico.pins[GPIO["pulse"]].pulses(_COUNTED_PERIOD_NS, _COUNTED_PERIOD_NS / 2, COUNTED_PULSES)
        meter.run_for(_BOOT_LIMIT_S)
        counted = meter.account().pulses_total - before
        return (meter.pulses_given() - counted) * _COUNTED_PERIOD_NS / 1e6


def cutoff(workshop: Workshop) -> Measured:
    """Measure cutoff_ms."""
    with workshop.meter("cutoff", balance_microunits=_CUTOFF_MICROUNITS) as meter:
        coil_edges_us: list[int] = []
        meter.open_coil_wire.listen(lambda level: coil_edges_us.append(meter.clock.now_us) if level else None)
        meter.source.set_load_w(AMPS_100_W)
        meter.start()
        meter.run_until(lambda: not meter.relay.contact_closed, _LIMIT_S)
        took_ms = []
        for number in range(CUTOFFS):
            meter.run_for(_SETTLE_S + number * _PHASE_S)
            account = meter.account()
            credit_microunits = _CUTOFF_MICROUNITS - account.money.balance
            last_pulse = meter.pulses_given() + pulses_left(account, credit_microunits)
            meter.credit(credit_microunits)
            coil_edges_us.clear()
            meter.run_until(lambda: meter.pulses_given() >= last_pulse, _LIMIT_S, _STEP_US)  # noqa: B023
            crossed_us = meter.clock.now_us - _STEP_US
            meter.run_until(lambda: coil_edges_us, _LIMIT_S, _STEP_US)
            took_ms.append((coil_edges_us[0] - crossed_us) / 1000)
    return {"cutoff_ms": max(took_ms)}, ["Cut-offs, ms: " + " ".join(f"{one:.0f}" for one in took_ms)]


def unrecorded(workshop: Workshop) -> Measured:
    """Measure unrecorded_wh_max."""
    notes = []
    most_wh = 0.0
    for impulses in CALIBRATIONS:
        lost = _lost_in_cuts(workshop, impulses)
        most_wh = max(most_wh, max(lost) * 1000 / impulses)
        notes.append(f"Pulses lost by cuts, {impulses} impulses per kWh: " + " ".join(map(str, lost)))
    return {"unrecorded_wh_max": most_wh}, notes


def _lost_in_cuts(workshop: Workshop, impulses: int) -> list[int]:
    """Return the number of pulses lost in each of `CUTS` power cuts."""
    lost = []
    with workshop.meter(f"cuts-{impulses}", impulses) as meter:
        for cut in range(CUTS):
            proven, given = meter.account().pulses_total, meter.pulses_given()
            meter.start()
            meter.run_for(_SETTLE_S)
            meter.source.set_load_w(AMPS_100_W)
            meter.run_for(0.5)
            change = meter.token_of(token.TERM, _LOW_CREDIT, 1_000_000 + cut)
            meter.pico.serial_write(b"token " + change.hex().encode() + b"\r")
            meter.pico.plan_power_cut(flash_operations=cut * _OPERATIONS_APART, fraction=_CUT_FRACTION)
            meter.run_for(_LIMIT_S)
            meter.source.set_load_w(0)
            lost.append(meter.pulses_given() - given - (meter.account().pulses_total - proven))
    return lost


def pulses_left(account: Account, credit_microunits: int) -> int:
    """Return the number of pulses until the balance of `account` is spent, with this credit added."""
    account.money.bought += credit_microunits
    pulses = 0
    while account.money.balance > 0:
        account.count_pulses(1)
        pulses += 1
    return pulses


def _operations(meter: BenchMeter) -> int:
    return meter.pico.statistics()["flash"]["operations"]
