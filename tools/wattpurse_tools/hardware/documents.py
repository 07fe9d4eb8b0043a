"""The documents that are made of the netlist, by file name: wiring pictures, bill of materials, texts for ngspice."""

from wattpurse_tools.hardware import bill_of_materials, decks, rules, wiring
from wattpurse_tools.hardware.netlist import Netlist, circuit_of

# Every document has one of these texts near its start.
MARKS = ("<title>Wiring of the meter", ",".join(bill_of_materials.HEADING), "* Wattpurse, made of netlist.toml")


def all_of(netlist: Netlist) -> dict[str, str]:
    """Return the text of each document. Raise ValueError if the netlist breaks a rule."""
    circuits = {name: circuit_of(netlist, name) for name in netlist.boards}
    broken = [f"{name}: {breach}" for name, circuit in circuits.items() for breach in rules.breaches(circuit)]
    if broken:
        raise ValueError(f"the netlist breaks a rule: {broken[0]}; 'wattpurse hardware check' lists all {len(broken)}")
    documents = {f"wiring-{name}.svg": wiring.draw(circuit) for name, circuit in circuits.items()}
    documents["bom.csv"] = bill_of_materials.csv_of(netlist)
    first = next(iter(circuits.values()))  # the decks have no part that differs from board to board
    documents.update({name: make(first) for name, make in decks.DECKS.items()})
    return documents
