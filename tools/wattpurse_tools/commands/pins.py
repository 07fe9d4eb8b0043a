"""`wattpurse pins`: print the wiring table of a board, from the data that the board's own code uses."""

import argparse
import importlib

from wattpurse_tools import boards

HEADINGS = ("signal", "GPIO", "direction", "part", "note")


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `pins`."""
    parser = subparsers.add_parser("pins", help="print the wiring table of a board")
    parser.add_argument("board", choices=boards.names(roles=boards.ROLES))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the wiring table under the notes on wiring. Raises ValueError if the board is not complete."""
    board = boards.find(arguments.board)
    pins = importlib.import_module(f"boards.{board.package}.pins")
    print(f"{(pins.__doc__ or '').strip()}\n\n{table(pins.WIRING)}")
    clamps = getattr(pins, "CLAMP_WIRING", ())
    if clamps:
        print(f"\nWith clamps (docs/ct.md), on an image for them:\n\n{table(clamps)}")
    chip = getattr(pins, "METERING_CHIP_WIRING", ())
    if chip:
        print(f"\nWith a metering chip (docs/ct.md), whose CF1 is the pulse input:\n\n{table(chip)}")
    readout = getattr(pins, "READOUT_WIRING", ())
    if readout:
        print(f"\nWith a readout head (docs/readout.md):\n\n{table(readout)}")
    modem = getattr(pins, "MODEM_WIRING", ())
    if modem:
        print(f"\nWith a modem (docs/network.md):\n\n{table(modem)}")
    room = getattr(pins, "ROOM_WIRING", ())
    if room:
        print(f"\nWith a line to a room reader (docs/room-reader.md), on an image for it:\n\n{table(room)}")
    return 0


def table(wiring: tuple) -> str:
    """Return the rows under their headings, in columns."""
    rows = [HEADINGS, *[tuple(map(str, row)) for row in wiring]]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(lines)
