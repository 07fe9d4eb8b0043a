"""Parts of the circuit as text for ngspice, with the values of the netlist: pulse filter, hold-up and coil.

Each deck ends with its measurements. `wattpurse_tools.hardware.figures` has the limits of the other parts.
tests/spice runs the decks, with values at both ends of their tolerances.
"""

from collections.abc import Callable
from itertools import pairwise

from wattpurse.drivers.load_switch import PULSE_MS, REST_MS
from wattpurse_tools.hardware import figures
from wattpurse_tools.hardware.netlist import Circuit, Part

_SCHOTTKY = ".model schottky d(is=1e-6 n=1.05 rs=0.05)"


def pulse_filter(circuit: Circuit, spread: int = 0) -> str:
    """Return the pulse filter: one pulse of 50 ms, bounce of 5 ms, then pulses of 30 ms after 30 ms of silence.

    spread: -1, 0 or 1 for values at the lower end, in the middle or at the upper end of their tolerances.
    """
    found = figures.filter_of(circuit, "pulse")
    if found is None:
        raise ValueError("the netlist has no filter in front of the pulse input")
    rising, falling = ([share * figures.SUPPLY_V for share in shares] for shares in (figures.RISING, figures.FALLING))
    bounce_ms, pulse_ms = figures.BOUNCE_MS, figures.SHORTEST_PULSE_MS
    points = [(0, 0), (100, 1), (150, 0), (250, 1), (250 + bounce_ms, 0)]
    points += [(400 + pulse_ms * edge, 1 - edge % 2) for edge in range(8)]
    return _deck(
        "pulse filter: seconds from the meter's output to the edges behind the Schmitt trigger",
        f"Vsupply supply 0 {figures.SUPPLY_V}",
        f"Voutput output 0 {_steps(points)}",
        f"Rpullup supply node {_value(found.pull_up, spread)}",
        "Soptocoupler node collector output 0 transistor",
        f"Vsaturated collector 0 {figures.SATURATED_V}",
        ".model transistor sw(vt=0.5 ron=1 roff=100meg)",
        f"Rseries node filter {_value(found.resistor, spread)}",
        f"Cfilter filter 0 {_value(found.capacitor, spread)}",
        ".tran 20u 700m",
        f".measure tran start_first trig v(output) val=0.5 rise=1 targ v(filter) val={falling[1]:.4f} fall=1",
        f".measure tran start_last trig v(output) val=0.5 rise=1 targ v(filter) val={falling[0]:.4f} fall=1",
        f".measure tran end_first trig v(output) val=0.5 fall=1 targ v(filter) val={rising[0]:.4f} rise=1",
        f".measure tran end_last trig v(output) val=0.5 fall=1 targ v(filter) val={rising[1]:.4f} rise=1",
        f".measure tran bounce_v min v(filter) from=250m to={300}m",
        f".measure tran train_low_v max v(filter) from={400 + 3 * pulse_ms - 0.1}m to={400 + 3 * pulse_ms}m",
        f".measure tran train_high_v min v(filter) from={400 + 4 * pulse_ms - 0.1}m to={400 + 4 * pulse_ms}m",
    )


def hold_up(circuit: Circuit, spread: int = 0) -> str:
    """Return the board's store of energy: it charges from empty, and mains fail after ten seconds."""
    found = figures.hold_up_of(circuit)
    if found is None:
        raise ValueError("the netlist has no store of energy behind the board's supply")
    load_w = figures.BOARD_W / figures.STEP_DOWN_EFFICIENCY
    stops_v = figures.STEP_DOWN_STOPS_V
    return _deck(
        "hold-up: time from the end of PS1's output until PS2 stops, and the current at the start",
        "Vmodule raw 0 pwl(0 0 20m 11.4 10 11.4 10.001 0)",
        "Drail raw rail schottky",
        f"Rcharge rail store {_value(found.resistor, spread)}",
        "Ddischarge store rail schottky",
        "Resr store plate 50m",
        f"Cstore plate 0 {_value(found.capacitor, spread)}",
        f"Bboard rail 0 i = {load_w:.4f} * v(rail)^3 / (v(rail)^4 + 20)",  # constant power, none at 0 V
        _SCHOTTKY,
        ".tran 1m 11.5 uic",
        ".measure tran start_a max par('-i(vmodule)') from=0 to=1",
        f".measure tran gone when v(rail)={stops_v} fall=1",
        ".measure tran least_ms param='(gone-10)*1000'",
    )


def coil(circuit: Circuit, spread: int = 0) -> str:
    """Return the coils' store: a pulse that closes, one second of rest, and a pulse that opens without mains."""
    store = figures.coil_store(circuit)
    if store is None:
        raise ValueError("the netlist has no store of energy for the coils")
    first_end_s = 10 + PULSE_MS / 1000
    second_s = first_end_s + REST_MS / 1000
    pulses = [(0, 0), (10_000, 1), (10_000 + PULSE_MS, 0), (second_s * 1000, 1), (second_s * 1000 + PULSE_MS, 0)]
    stuck = [(13_000, 1)]
    return _deck(
        "coil: voltage at the end of two pulses, the second without mains, and the power into a coil that stays driven",
        f"Vmodule raw 0 pwl(0 0 20m 11.4 {second_s:.3f} 11.4 {second_s + 0.001:.3f} 0 12 0 12.001 12.6)",
        "Dfeed raw feed schottky",
        f"Rfeed feed store {_value(store.resistor, spread)}",
        f"Cstore store 0 {_value(store.capacitor, spread)}",
        f"Rcoil store drain {figures.COIL_OHM}",
        f"Vcommand command 0 {_steps([*pulses, *stuck])}",
        "Sdriver drain 0 command 0 mosfet",
        ".model mosfet sw(vt=0.5 ron=0.1 roff=10meg)",
        _SCHOTTKY,
        ".tran 1m 20 uic",
        f".measure tran close_v find v(store) at={first_end_s - 0.001:.3f}",
        f".measure tran open_v find v(store) at={second_s + PULSE_MS / 1000 - 0.001:.3f}",
        f".measure tran stuck_w param='stuck_v*stuck_v/{figures.COIL_OHM}'",
        ".measure tran stuck_v find v(store) at=19.9",
    )


# The files that `wattpurse hardware make` writes.
DECKS: dict[str, Callable[[Circuit], str]] = {"filter.cir": pulse_filter, "holdup.cir": hold_up, "coil.cir": coil}


def _deck(title: str, *lines: str) -> str:
    return "\n".join((f"* Wattpurse, made of netlist.toml: {title}", *lines, ".end\n"))


def _value(part: Part, spread: int) -> str:
    """Return the value of a part at one end of its tolerance."""
    return f"{part.amount * (1 + spread * part.tolerance):.6g}"


def _steps(points: list[tuple[int, int]]) -> str:
    """Return a voltage that changes at the given milliseconds, as a list of points."""
    words = ["0 0"]
    for (_, before), (time_ms, level) in pairwise([(0, 0), *points]):
        if time_ms:
            words.append(f"{time_ms / 1000:.5f} {before} {time_ms / 1000 + 0.00001:.5f} {level}")
    return f"pwl({' '.join(words)})"
