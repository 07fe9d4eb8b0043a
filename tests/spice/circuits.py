"""Filter, hold-up and coil of docs/hardware in ngspice, with values of the netlist at both ends of their tolerances.

`make test-spice` installs ngspice and runs this file. `make test` does not collect it. Without ngspice the tests fail.
"""

import re
import shutil
import subprocess

import pytest

from wattpurse_tools.hardware import decks, figures, netlist

LIMIT_S = 60
START_A = 0.84  # a module of 10 W at 12 V

TOLERANCES = pytest.mark.parametrize("spread", [-1, 0, 1], ids=["least", "middle", "most"])


@pytest.fixture
def circuit():
    """Return the circuit around the first board. The simulated parts are those of every board."""
    found = netlist.read()
    return netlist.circuit_of(found, next(iter(found.boards)))


@pytest.fixture
def simulate(tmp_path):
    """Return a function that runs a deck and returns its measurements."""
    if shutil.which("ngspice") is None:
        pytest.fail("ngspice is missing, so nothing was simulated; 'make test-spice' installs it")

    def run(deck):
        path = tmp_path / "deck.cir"
        path.write_text(deck)
        ran = subprocess.run(["ngspice", "-b", path], capture_output=True, text=True, timeout=LIMIT_S)
        assert ran.returncode == 0, ran.stderr
        found = re.findall(r"^(\w+)\s+=\s+(\S+)", ran.stdout, re.MULTILINE)
        return {name: float(value) for name, value in found if re.match(r"[-+\d]", value)}

    return run


@TOLERANCES
def test_the_filter_drops_bounce_of_5_ms_and_passes_pulses_of_30_ms(circuit, simulate, spread):
    measured = simulate(decks.pulse_filter(circuit, spread))
    edges = [measured[name] * 1000 for name in ("start_first", "start_last", "end_first", "end_last")]
    assert min(edges) > figures.BOUNCE_MS
    assert max(edges) < figures.SHORTEST_PULSE_MS
    assert measured["bounce_v"] > figures.FALLING[1] * figures.SUPPLY_V
    assert measured["train_low_v"] < figures.FALLING[0] * figures.SUPPLY_V
    assert measured["train_high_v"] > figures.RISING[1] * figures.SUPPLY_V


@TOLERANCES
def test_the_computed_limits_of_the_filter_hold_in_the_simulation(circuit, simulate, spread):
    found = figures.filter_of(circuit, "pulse")
    measured = simulate(decks.pulse_filter(circuit, spread))
    edges = [measured[name] * 1000 for name in ("start_first", "start_last", "end_first", "end_last")]
    assert found.fastest_ms < min(edges) + 0.1
    assert found.slowest_ms > max(edges) - 0.1


@TOLERANCES
def test_the_stored_energy_lasts_until_the_switch_is_open(circuit, simulate, spread):
    measured = simulate(decks.hold_up(circuit, spread))
    assert measured["least_ms"] > figures.hold_up_of(circuit).needed_ms
    assert measured["start_a"] < START_A


@TOLERANCES
def test_the_coil_moves_twice_and_the_second_time_without_mains(circuit, simulate, spread):
    measured = simulate(decks.coil(circuit, spread))
    assert measured["close_v"] > figures.COIL_OPERATES_V
    assert measured["open_v"] > figures.COIL_OPERATES_V


@TOLERANCES
def test_a_coil_that_stays_driven_gets_less_than_a_watt(circuit, simulate, spread):
    assert simulate(decks.coil(circuit, spread))["stuck_w"] < 1


def test_a_capacitor_that_is_too_small_is_found(circuit, simulate):
    held = figures.hold_up_of(circuit)
    deck = decks.hold_up(circuit)
    small = deck.replace(f"Cstore plate 0 {held.capacitor.amount:.6g}", "Cstore plate 0 0.01")
    assert small != deck
    assert simulate(small)["least_ms"] < held.needed_ms
