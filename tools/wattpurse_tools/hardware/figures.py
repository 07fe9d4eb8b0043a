"""Figures of the circuit, computed from the values of the netlist: currents, times and stored energy at their limits.

The functions follow the nets from the board's signals, and return None if they do not find the circuit. The limits of
parts are those of their data sheets: docs/hardware/circuit.md names the sources.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from wattpurse.drivers.load_switch import PULSE_MS
from wattpurse.drivers.mains_sensor import SAMPLE_MS, SAMPLES_OF_A_FAILURE
from wattpurse_tools.hardware.netlist import GROUND, Circuit, Part, net_of

# IEC 62053-31, class A: the output that is on carries 10 to 27 mA, and leaks at most 2 mA when it is off.
S0_ON_MA = 10
S0_MOST_MA = 27
S0_OFF_MA = 2
BOUNCE_MS = 5
SHORTEST_PULSE_MS = 30

LOOP_V = (11.4, 13.2)  # an isolated 1 W module between full load and its least load
LED_V = (1.0, 1.4)
OUTPUT_V = (0.1, 0.8)  # a meter's transistor output that is on
LED_DARK_V = 0.9

# 74HC14 at 3.3 V, between the limits at 2.0 V and 4.5 V of its data sheet, as shares of the supply.
RISING = (0.370, 0.715)
FALLING = (0.185, 0.446)
SUPPLY_V = 3.3
SATURATED_V = 0.2  # an optocoupler that is on

ONE_SHOT_FACTOR = 0.7
ONE_SHOT_SPREAD = 0.10

COIL_OPERATES_V = 8.4
COIL_OHM = 72
COIL_START_V = 11.0  # a 12 V module at its lower limit, less a Schottky diode

RAIL_V = 11.0
STEP_DOWN_STOPS_V = 6.5
STEP_DOWN_EFFICIENCY = 0.85
BOARD_W = 1.2  # display lit, reader's field on, no radio
SECTOR_ERASE_MS = 400  # the longest erase of a NOR flash: the write under way when mains fail
LOOKS_MS = SAMPLES_OF_A_FAILURE * SAMPLE_MS
WRITES_MS = 80  # energy and event, into both copies
ORDERLY_END_MS = SECTOR_ERASE_MS + LOOKS_MS + PULSE_MS + WRITES_MS
CAPACITY_LEFT = 0.8  # the lower limit of an electrolytic capacitor


@dataclass(frozen=True)
class CoilDriver:
    """The parts and nets between the command of a coil and its winding. None: not found."""

    command: str
    one_shot: Part | None = None
    and_gate: Part | None = None
    gate: str | None = None
    winding: str | None = None


@dataclass(frozen=True)
class CoilStore:
    """The store that feeds the coils: its capacitor, its resistor, and the voltage after one pulse."""

    capacitor: Part
    resistor: Part
    end_v: float


@dataclass(frozen=True)
class S0Loop:
    """The current through one output of the meter. `leak_v` is the LED's voltage while the output is off."""

    name: str
    on_least_ma: float
    on_most_ma: float
    leak_v: float


@dataclass(frozen=True)
class Filter:
    """A filter of resistors, capacitor and Schmitt trigger, with the times of its edges at all limits."""

    pull_up: Part
    resistor: Part
    capacitor: Part
    fastest_ms: float
    slowest_ms: float


@dataclass(frozen=True)
class HoldUp:
    """The store behind the board's supply: the least time that it lasts, and the time that is needed."""

    capacitor: Part
    resistor: Part
    least_ms: float
    detection_ms: float
    needed_ms: float


def coil_driver(circuit: Circuit, coil: str) -> CoilDriver:
    """Return the driver behind the command line of a coil, as far as it is found."""
    command = net_of(coil)
    one_shot = next((part for part, pin in circuit.on(command) if part.kind == "one_shot" and pin == "A"), None)
    and_gate = next((part for part, _ in circuit.on(command) if part.kind == "and_gate"), None)
    if and_gate is None and one_shot is not None:
        and_gate = next((part for part, _ in circuit.on(one_shot.pins.get("Q", "")) if part.kind == "and_gate"), None)
    if and_gate is None or "Y" not in and_gate.pins:
        return CoilDriver(command, one_shot, and_gate)
    gates = [and_gate.pins["Y"], *(other for _, other in circuit.resistors_from(and_gate.pins["Y"]))]
    for gate in gates:
        for part, pin in circuit.on(gate):
            if part.kind == "mosfet" and pin == "G":
                return CoilDriver(command, one_shot, and_gate, gate, part.pins["D"])
    return CoilDriver(command, one_shot, and_gate)


def one_shot_ms(circuit: Circuit, timer: Part) -> tuple[float, float]:
    """Return the shortest and the longest pulse of a one-shot. A timer without its parts lasts for ever."""
    net = timer.pins.get("RC", "")
    resistor = next((part for part, _ in circuit.on(net) if part.kind == "resistor"), None)
    capacitor = next(iter(circuit.between("capacitor", net, GROUND)), None)
    if resistor is None or capacitor is None:
        return 0, math.inf
    middle_ms = ONE_SHOT_FACTOR * resistor.amount * capacitor.amount * 1000
    spread = resistor.tolerance + capacitor.tolerance + ONE_SHOT_SPREAD
    return middle_ms * (1 - spread), middle_ms * (1 + spread)


def coil_store(circuit: Circuit) -> CoilStore | None:
    """Return the store of energy of the relay's coils."""
    relay = next((part for part in circuit.parts.values() if part.kind == "latching_relay"), None)
    net = relay.pins.get("COM", "") if relay is not None else ""
    capacitor = next(iter(circuit.between("electrolytic", net, GROUND)), None)
    resistor = next((part for part, other in circuit.resistors_from(net) if other != GROUND), None)
    if capacitor is None or resistor is None:
        return None
    seconds = COIL_OHM * capacitor.amount * CAPACITY_LEFT
    return CoilStore(capacitor, resistor, COIL_START_V * math.exp(-PULSE_MS / 1000 / seconds))


def s0_loops(circuit: Circuit) -> Iterator[S0Loop]:
    """Yield the loop of each output of the meter that goes through an optocoupler."""
    for part in circuit.parts.values():
        if part.kind != "optocoupler":
            continue
        led, back = part.pins["A"], part.pins["K"]
        shunt = next(iter(circuit.between("resistor", led, back)), None)
        series = _series_resistor(circuit, led)
        if series is None:
            continue
        least = (LOOP_V[0] - LED_V[1] - OUTPUT_V[1]) / series.amount / (1 + series.tolerance)
        most = (LOOP_V[1] - LED_V[0] - OUTPUT_V[0]) / series.amount / (1 - series.tolerance)
        leak_v = S0_OFF_MA / 1000 * shunt.amount * (1 + shunt.tolerance) if shunt is not None else math.inf
        yield S0Loop(part.ref, least * 1000, most * 1000, leak_v)


def filter_of(circuit: Circuit, signal: str) -> Filter | None:
    """Return the filter in front of a signal."""
    schmitt = next((part for part, pin in circuit.on(net_of(signal)) if part.kind == "schmitt" and pin == "Y"), None)
    if schmitt is None:
        return None
    net = schmitt.pins["A"]
    capacitor = next(iter(circuit.between("capacitor", net, GROUND)), None)
    found = next(iter(circuit.resistors_from(net)), None)
    if capacitor is None or found is None:
        return None
    resistor, node = found
    pull_up = next((part for part, other in circuit.resistors_from(node) if other != net), None)
    if pull_up is None:
        return None
    charge_s = (pull_up.amount + resistor.amount) * capacitor.amount
    discharge_s = resistor.amount * capacitor.amount
    spread = resistor.tolerance + capacitor.tolerance
    swing_v = SUPPLY_V - SATURATED_V
    edges_s = [charge_s * math.log(swing_v / (SUPPLY_V * (1 - share))) for share in RISING]
    edges_s += [discharge_s * math.log(swing_v / (SUPPLY_V * share - SATURATED_V)) for share in FALLING]
    return Filter(pull_up, resistor, capacitor, min(edges_s) * 1000 * (1 - spread), max(edges_s) * 1000 * (1 + spread))


def detection_ms(circuit: Circuit) -> float:
    """Return the longest time after which the mains watch reports that mains have failed; infinite without one."""
    for part in circuit.parts.values():
        if part.kind == "ac_optocoupler":
            net = part.pins["C"]
            pull_up = next((one for one, _ in circuit.resistors_from(net)), None)
            capacitor = next(iter(circuit.between("capacitor", net, GROUND)), None)
            if pull_up is not None and capacitor is not None:
                spread = 1 + pull_up.tolerance + capacitor.tolerance
                return -pull_up.amount * capacitor.amount * math.log(1 - RISING[1]) * 1000 * spread
    return math.inf


def hold_up_of(circuit: Circuit) -> HoldUp | None:
    """Return the store behind the rail that feeds the step-down module of the board."""
    for part in circuit.parts.values():
        if part.kind != "electrolytic" or part.block != "supply":
            continue
        net = next(other for other in part.pins.values() if other != GROUND)
        resistor = next((one for one, other in circuit.resistors_from(net) if other != GROUND), None)
        if resistor is None:
            continue
        farads = part.amount * (1 - part.tolerance)
        joules = farads * (RAIL_V**2 - STEP_DOWN_STOPS_V**2) / 2
        least_ms = joules / (BOARD_W / STEP_DOWN_EFFICIENCY) * 1000
        detected_ms = detection_ms(circuit)
        return HoldUp(part, resistor, least_ms, detected_ms, detected_ms + ORDERLY_END_MS)
    return None


def millivolts_of(value: str) -> int | None:
    """Return the voltage that a value such as `reset chip 2.93 V` names, in mV, or None."""
    found = re.search(r"(\d+\.\d+) V", value)
    return round(float(found[1]) * 1000) if found else None


def _series_resistor(circuit: Circuit, led: str) -> Part | None:
    """Return the resistor between the isolated supply and the output of the meter that ends at `led`."""
    for meter in circuit.parts.values():
        if meter.kind == "energy_meter":
            for pin, net in meter.pins.items():
                if net == led and pin.endswith("-"):
                    plus = meter.pins.get(pin[:-1] + "+", "")
                    return next((part for part, _ in circuit.resistors_from(plus)), None)
    return None
