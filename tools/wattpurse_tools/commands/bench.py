"""`wattpurse bench`: measure every figure of the meter on its real image on the emulated RP2040, and print them."""

import argparse
import json
from pathlib import Path

from wattpurse_tools import output_files
from wattpurse_tools.bench.figures import FIGURES, measure, report
from wattpurse_tools.bench.metering_class import CLASS_FIGURES, measure_class
from wattpurse_tools.places import ROOT

DEFAULT_OUTPUT = ROOT / "build/bench.json"
CLASS = "class"
CLASS_OUTPUT = ROOT / "build/class.json"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `bench`."""
    parser = subparsers.add_parser("bench", help="measure the meter's image on the emulated RP2040")
    parser.add_argument("-o", "--output", type=Path, default=DEFAULT_OUTPUT, help="default: build/bench.json")
    parser.add_argument(
        "figures", nargs="*", metavar="FIGURE", help="measure only these and write no file; class: the clamps' figures"
    )
    output_files.add_force_option(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measure, print a line per figure and write all figures. Return 0 even if a bound is not met."""
    if arguments.figures == [CLASS]:
        return run_class()
    if not arguments.figures:
        output_files.check(arguments.output, _is_own, arguments.force)
    values = measure(set(arguments.figures), lambda line: print(line, flush=True))
    print("\n".join(report(values, FIGURES)))
    print("Emulated RP2040 at 125 MHz without flash cache misses: a real board is somewhat slower.")
    if not arguments.figures:
        output_files.write(arguments.output, (json.dumps(values, indent=2) + "\n").encode(), _is_own, arguments.force)
    return 0


def run_class() -> int:
    """Measure the accuracy of the clamps, print it and write it into build/class.json."""
    values = measure_class(lambda line: print(line, flush=True))
    print("\n".join(report(values, CLASS_FIGURES)))
    output_files.write(CLASS_OUTPUT, (json.dumps(values, indent=2) + "\n").encode(), lambda _: True, False)
    return 0


def _is_own(path: Path) -> bool:
    """Return True if a file has figures of the bench."""
    return any(output_files.contains(f'"{figure.name}": ')(path) for figure in FIGURES)
