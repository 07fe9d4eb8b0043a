"""`wattpurse pins`: the wiring table of a board, from the data that the board's own code uses."""

import importlib

from wattpurse_tools.places import CHIP_BOARDS

HEADINGS = ("signal", "GPIO", "direction", "part", "note")


def add_parser(subparsers) -> None:
    """Adds `pins`."""
    parser = subparsers.add_parser("pins", help="print the wiring table of a board")
    parser.add_argument("board", choices=CHIP_BOARDS)
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Prints the table, and what the board's wiring has to heed."""
    pins = importlib.import_module(f"boards.{arguments.board}.pins")
    print(f"{pins.__doc__.strip()}\n\n{table(pins.WIRING)}")
    return 0


def table(wiring: tuple) -> str:
    """The rows under their headings, in columns."""
    rows = [HEADINGS, *[tuple(map(str, row)) for row in wiring]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)
