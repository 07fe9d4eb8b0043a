"""`wattpurse hardware`: check the netlist of the circuit around a board, and make the documents of it."""

from argparse import Namespace, _SubParsersAction
from pathlib import Path

from wattpurse_tools import output_files
from wattpurse_tools.hardware import documents, netlist, rules

_BROKEN = 1


def add_parser(subparsers: _SubParsersAction) -> None:
    """Add `hardware check` and `hardware make`."""
    parser = subparsers.add_parser("hardware", help="check the circuit around a board, and make its documents")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser("check", help="list each rule that the netlist breaks")
    make = actions.add_parser("make", help="write wiring pictures, bill of materials and texts for ngspice")
    for action, run in ((check, run_check), (make, run_make)):
        text = "the netlist (default: docs/hardware/netlist.toml)"
        action.add_argument("--netlist", type=Path, default=netlist.FILE, metavar="FILE", help=text)
        action.set_defaults(run=run)
    make.add_argument("--out", type=Path, metavar="DIR", help="the folder to write to (default: that of the netlist)")
    output_files.add_force_option(make)


def run_check(arguments: Namespace) -> int:
    """Print each breach of a rule, by board. Return 1 if there is one."""
    found = netlist.read(arguments.netlist)
    broken = 0
    for name in found.boards:
        breaches = rules.breaches(netlist.circuit_of(found, name))
        broken += len(breaches)
        print(f"{name}: {len(rules.RULES)} rules, {len(breaches)} breaches")
        for breach in breaches:
            print(f"  {breach}")
    return _BROKEN if broken else 0


def run_make(arguments: Namespace) -> int:
    """Write each document, and print its path."""
    folder = arguments.out or arguments.netlist.parent
    is_own = output_files.contains(*documents.MARKS)
    for name, text in documents.all_of(netlist.read(arguments.netlist)).items():
        output_files.write(folder / name, text.encode(), is_own, arguments.force, [arguments.netlist])
        print(folder / name)
    return 0
