"""The rules that the circuit around a board must keep. Each rule returns a sentence for each breach.

The rules know circuits, and no reference of a part: they follow the nets from the board's signals. Limits and their
reasons are in docs/hardware/circuit.md.
"""

from collections.abc import Callable, Iterator

from wattpurse.drivers.load_switch import PULSE_MS
from wattpurse_tools.hardware import figures
from wattpurse_tools.hardware.netlist import BOARD_SUPPLY, GROUND, Circuit, Part, net_of

COILS = ("open_coil", "close_coil")
PULL_OHM = range(1_000, 100_001)
SUPPLIES = (GROUND, BOARD_SUPPLY)
LONGEST_COIL_MS = 200
PULSE_MARGIN_MS = 5
SUPERVISOR_MV = range(2_850, 3_001)
NOT_RATED = ("board", "computer")

Findings = Iterator[str]


def wiring_table(circuit: Circuit) -> Findings:
    """Yield each difference between the board's wiring table and the netlist."""
    table = {row[0]: row[1] for row in circuit.wiring}
    signals = circuit.board.signals
    for signal in sorted(table.keys() - signals.keys()):
        yield f"{signal}: is in pins.py, and the netlist's board lacks it"
    for signal in sorted(signals.keys() - table.keys()):
        yield f"{signal}: is a signal of the netlist's board, and pins.py lacks it"
    for signal in sorted(table.keys() & signals.keys()):
        if table[signal] != signals[signal]:
            yield f"{signal}: GPIO {table[signal]} in pins.py, GPIO {signals[signal]} in the netlist"
    for signal in signals:
        if not [part for part, _ in circuit.on(net_of(signal)) if part.ref != circuit.board.part]:
            yield f"{signal}: no part is on its net {net_of(signal)}"


def nets(circuit: Circuit) -> Findings:
    """Yield each net that is not declared, not used, or has a single pin."""
    declared = circuit.netlist.domain_of
    used = {net for part in circuit.parts.values() for net in part.pins.values()}
    for net in sorted(used - declared.keys()):
        yield f"{net}: is in no voltage domain"
    for net in declared:
        if len(circuit.on(net)) < 2:
            yield f"{net}: joins fewer than two pins"


def isolation(circuit: Circuit) -> Findings:
    """Yield each part that joins two voltage domains and is no isolator, and each isolator that isolates nothing."""
    domain_of = circuit.netlist.domain_of
    for ref, part in circuit.parts.items():
        domains = sorted({domain_of[net] for net in part.pins.values() if net in domain_of})
        if len(domains) > 1 and ref not in circuit.netlist.isolators:
            yield f"{ref}: joins {' and '.join(domains)}, and is not listed as an isolator"
    for ref, insulation in circuit.netlist.isolators.items():
        part = circuit.parts.get(ref)
        if part is None or len({domain_of.get(net) for net in part.pins.values()}) < 2:
            yield f"{ref}: is listed as an isolator, and joins no two domains"
        elif "kV" not in insulation and "type approval" not in insulation:
            yield f"{ref}: names no isolation voltage"
        elif "mains" in {domain_of.get(net) for net in part.pins.values()} and "reinforced" not in insulation:
            yield f"{ref}: isolates mains, which takes reinforced insulation"


def one_driver(circuit: Circuit) -> Findings:
    """Yield each net that two outputs drive, and each net with inputs of chips that nothing drives."""
    for net in circuit.netlist.domain_of:
        driving = [f"{part.ref}.{pin}" for part, pin in circuit.on(net) if pin in part.outputs]
        if len(driving) > 1:
            yield f"{net}: is driven by {' and '.join(driving)}"


def open_drains(circuit: Circuit) -> Findings:
    """Yield each net of open-drain pins without a resistor to a supply."""
    for net in circuit.netlist.domain_of:
        pins = [(part, pin) for part, pin in circuit.on(net) if pin in part.open_drain]
        if pins and not _is_pulled_up(circuit, net):
            yield f"{net}: {pins[0][0].ref}.{pins[0][1]} is open drain, and no resistor goes to a supply"


def coil_pins(circuit: Circuit) -> Findings:
    """Yield each coil on a pin that the chip uses for something else, or that cannot drive."""
    board = circuit.board
    uses = (
        ("a strapping pin", board.uses["strapping"]),
        ("a JTAG pin", board.uses["jtag"]),
        ("a pin of the flash", board.uses["flash"]),
        ("an input-only pin", circuit.input_only),
        ("a pin that the board uses itself", circuit.reserved),
    )
    for coil in COILS:
        gpio = board.signals.get(coil)
        for use, pins in uses:
            if gpio in pins:
                yield f"{coil}: GPIO {gpio} is {use}"


def coil_pull_downs(circuit: Circuit) -> Findings:
    """Yield each command line and each gate of a coil's transistor without a resistor to ground."""
    for coil in COILS:
        driver = figures.coil_driver(circuit, coil)
        for name, net in (("command", driver.command), ("gate", driver.gate)):
            if net is None:
                yield f"{coil}: no {name} was found"
            elif not _pulled_to(circuit, net, GROUND):
                yield f"{coil}: its {name} {net} has no resistor to ground"


def coil_clamps(circuit: Circuit) -> Findings:
    """Yield each coil's transistor without a clamp from drain to ground."""
    for coil in COILS:
        driver = figures.coil_driver(circuit, coil)
        if driver.winding is None or not circuit.between("clamp", driver.winding, GROUND):
            yield f"{coil}: no clamp from its winding to ground"


def coil_interlock(circuit: Circuit) -> Findings:
    """Yield each coil that the other command does not lock, or that the other one-shot locks for longer than that."""
    for coil, other in (COILS, COILS[::-1]):
        gate, timer = figures.coil_driver(circuit, coil).and_gate, figures.coil_driver(circuit, other).one_shot
        inverters = [part for part, pin in circuit.on(net_of(other)) if part.kind == "schmitt" and pin == "A"]
        if gate is None or not any(part.pins.get("Y") in _inputs(gate) for part in inverters):
            yield f"{coil}: is not locked while {other} is commanded"
        elif timer is not None and timer.pins.get("QN") in _inputs(gate):
            yield f"{coil}: stays locked after {other}, until its one-shot has ended: an opening at once would be lost"


def coil_one_shots(circuit: Circuit) -> Findings:
    """Yield each coil without a one-shot that ends its pulse between the driver's pulse and 200 ms."""
    for coil in COILS:
        driver = figures.coil_driver(circuit, coil)
        timer, gate = driver.one_shot, driver.and_gate
        if timer is None or gate is None or timer.pins.get("Q") not in _inputs(gate):
            yield f"{coil}: no one-shot ends its pulse"
            continue
        if driver.command not in _inputs(gate):
            yield f"{coil}: its current does not end with the command"
        if timer.pins.get("B") != timer.pins.get("QN"):
            yield f"{coil}: a second edge lengthens the pulse: join B and QN of {timer.ref}"
        if timer.pins.get("CD") not in circuit.board.supplies.values():
            yield f"{coil}: a reset of the board does not end the pulse"
        shortest_ms, longest_ms = figures.one_shot_ms(circuit, timer)
        if shortest_ms < PULSE_MS + PULSE_MARGIN_MS:
            yield f"{coil}: the one-shot may end after {shortest_ms:.0f} ms, and a pulse takes {PULSE_MS} ms"
        if longest_ms > LONGEST_COIL_MS:
            yield f"{coil}: the one-shot may last {longest_ms:.0f} ms, more than {LONGEST_COIL_MS} ms"


def coil_energy(circuit: Circuit) -> Findings:
    """Yield a sentence if the coils have no store behind a resistor, or if the store cannot move the contact."""
    store = figures.coil_store(circuit)
    if store is None:
        yield "the coils have no store of energy behind a resistor"
    elif store.end_v < figures.COIL_OPERATES_V:
        yield f"the coil has {store.end_v:.1f} V at the end of its pulse, and needs {figures.COIL_OPERATES_V} V"


def input_only_pins(circuit: Circuit) -> Findings:
    """Yield each input on a pin without a resistor of the chip that has none outside either."""
    for signal, gpio in circuit.board.signals.items():
        if gpio in circuit.input_only and not any(_pulled_to(circuit, net_of(signal), net) for net in SUPPLIES):
            yield f"{signal}: GPIO {gpio} has no resistor of the chip, and its net none to 3.3 V or ground"


def board_levels(circuit: Circuit) -> Findings:
    """Yield each signal of the board that a part pulls or drives above 3.3 V."""
    for signal in circuit.board.signals:
        net = net_of(signal)
        for resistor, other in circuit.resistors_from(net):
            if other in ("5V", "VSYS", "12V", "12V_RAW"):
                yield f"{signal}: {resistor.ref} pulls it to {other}; the board takes 3.3 V"
        for part, pin in circuit.on(net):
            drives = pin in part.outputs or pin in part.open_drain or pin in part.has_pull_up
            supply = _supply_of(circuit, part)
            if drives and supply not in (None, BOARD_SUPPLY):
                yield f"{signal}: {part.ref}.{pin} has its supply from {supply}; the board takes 3.3 V"


def pulse_loop(circuit: Circuit) -> Findings:
    """Yield a sentence if the pulse output gets other currents than an S0 output needs."""
    for loop in figures.s0_loops(circuit):
        if loop.on_least_ma < figures.S0_ON_MA:
            yield f"{loop.name}: {loop.on_least_ma:.1f} mA may flow, and an S0 output needs {figures.S0_ON_MA} mA"
        if loop.on_most_ma > figures.S0_MOST_MA:
            yield f"{loop.name}: {loop.on_most_ma:.1f} mA may flow, more than {figures.S0_MOST_MA} mA"
        if loop.leak_v > figures.LED_DARK_V:
            yield f"{loop.name}: a leak of {figures.S0_OFF_MA} mA may light the LED"
    if len(list(figures.s0_loops(circuit))) != 2:
        yield "the outputs for pulses and for reverse flow need a loop each"


def pulse_filter(circuit: Circuit) -> Findings:
    """Yield a sentence if the filter passes bounce of an S0 output, or drops a pulse of it."""
    found = figures.filter_of(circuit, "pulse")
    if found is None:
        yield "pulse: no filter of resistor, capacitor and Schmitt trigger"
        return
    if found.fastest_ms < figures.BOUNCE_MS:
        yield f"pulse: the filter may pass {found.fastest_ms:.1f} ms, and bounce lasts up to {figures.BOUNCE_MS} ms"
    if found.slowest_ms > figures.SHORTEST_PULSE_MS:
        yield f"pulse: the filter may take {found.slowest_ms:.1f} ms, and a pulse {figures.SHORTEST_PULSE_MS} ms"


def hold_up(circuit: Circuit) -> Findings:
    """Yield a sentence if the stored energy ends before the last write and the opening of the switch."""
    held = figures.hold_up_of(circuit)
    if held is None:
        yield "no store of energy behind the board's supply"
    elif held.least_ms < held.needed_ms:
        yield f"the stored energy lasts {held.least_ms:.0f} ms, and {held.needed_ms:.0f} ms are needed"


def supervisor(circuit: Circuit) -> Findings:
    """Yield a sentence unless a supervisor at 2.9 V resets the board."""
    reset = [net for pin, net in circuit.board.supplies.items() if pin.startswith(("RUN", "EN"))]
    found = [part for net in reset for part, pin in circuit.on(net) if part.kind == "supervisor" and pin == "RST"]
    if not found:
        yield "no supervisor resets the board"
    for part in found:
        if figures.millivolts_of(part.value) not in SUPERVISOR_MV:
            yield f"{part.ref}: resets at another voltage than 2.9 V"
        if "RST" not in part.open_drain:
            yield f"{part.ref}: must be open drain, because the board drives the line too"


def clock_battery(circuit: Circuit) -> Findings:
    """Yield a sentence if a clock module can charge its battery."""
    for part in circuit.parts.values():
        if part.kind == "module" and "ZS-042" in part.value and not any("charge" in one for one in part.goods.removed):
            yield f"{part.ref}: its charge resistor must be removed; a CR2032 may burst"


def ratings(circuit: Circuit) -> Findings:
    """Yield each part that is bought without a rating, or that a builder cannot identify."""
    for part in circuit.parts.values():
        if not part.value or (not part.rating and not part.package and part.kind not in NOT_RATED):
            yield f"{part.ref}: has no value or no rating"
        if part.package and part.package not in circuit.parts:
            yield f"{part.ref}: is a unit of {part.package}, which is no part"


def pin_numbers(circuit: Circuit) -> Findings:
    """Yield each pin of a chip without a number, and each number that two pins of a chip have."""
    taken: dict[tuple[str, int], str] = {}
    for part in circuit.parts.values():
        if part.package and part.pins.keys() != part.numbers.keys():
            yield f"{part.ref}: its pins and their numbers differ"
        for pin, number in part.numbers.items():
            place = part.package or part.ref, number
            if place in taken:
                yield f"{part.ref}.{pin}: is pin {number}, and so is {taken[place]}"
            taken[place] = f"{part.ref}.{pin}"


RULES: tuple[Callable[[Circuit], Findings], ...] = (
    wiring_table,
    nets,
    isolation,
    one_driver,
    open_drains,
    coil_pins,
    coil_pull_downs,
    coil_clamps,
    coil_interlock,
    coil_one_shots,
    coil_energy,
    input_only_pins,
    board_levels,
    pulse_loop,
    pulse_filter,
    hold_up,
    supervisor,
    clock_battery,
    ratings,
    pin_numbers,
)


def breaches(circuit: Circuit) -> list[str]:
    """Return a line for each breach of a rule, with the name of the rule."""
    return [f"{rule.__name__}: {sentence}" for rule in RULES for sentence in rule(circuit)]


def _pulled_to(circuit: Circuit, net: str, supply: str) -> bool:
    """Return True if a resistor of a usual size goes from the net to the supply."""
    return any(int(part.amount) in PULL_OHM for part in circuit.between("resistor", net, supply))


def _is_pulled_up(circuit: Circuit, net: str) -> bool:
    """Return True if a resistor, or a part with one inside, pulls the net up."""
    domain = circuit.netlist.domain_of[net]
    for _, other in circuit.resistors_from(net):
        if other != GROUND and any(pin in part.outputs for part, pin in circuit.on(other)):
            return True
    inside = [part for part, pin in circuit.on(net) if pin in part.has_pull_up or part.kind == "level_shifter"]
    return bool(inside) and domain == "elv"


def _supply_of(circuit: Circuit, part: Part) -> str | None:
    """Return the net that a part, or the chip that it is a unit of, has its supply from. None: it has none."""
    whole = circuit.parts.get(part.package, part)
    return whole.pins.get("VCC")


def _inputs(gate: Part) -> list[str]:
    return [net for pin, net in gate.pins.items() if pin not in gate.outputs]
