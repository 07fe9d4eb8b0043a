"""`wattpurse export`: the records of a meter as CSV files, from its console on a port, or from a card tapped at it.

A card has the months only, as many as it has room for.
With --events the meter checks the chain of its event log first; `wattpurse events-check` checks the file with the
station's own keys.
"""

import argparse
import sys
from pathlib import Path

from wattpurse.services.console.records import MOST, PROFILE_DAYS_MOST
from wattpurse_tools import output_files
from wattpurse_tools.commands.station_options import add_statement_options, statement_of
from wattpurse_tools.meter_link import record_files
from wattpurse_tools.meter_link.line import MeterLine

_HEADINGS = {
    "profile": record_files.PROFILE,
    "events": record_files.EVENTS,
    "topups": record_files.TOPUPS,
    "months": record_files.MONTHS,
}
_FILES = tuple(_HEADINGS)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `export`."""
    parser = subparsers.add_parser("export", help="write the records of a meter into CSV files")
    parser.add_argument("port", nargs="?", help="the serial port of the meter, such as /dev/ttyACM0")
    parser.add_argument(
        "--profile", type=Path, metavar="FILE", help="write energy and charge of each half hour, and energy by leg"
    )
    parser.add_argument("--days", type=int, metavar="DAYS", help="the number of days of the profile (default: all)")
    parser.add_argument("--events", type=Path, metavar="FILE", help="write the event log")
    parser.add_argument("--topups", type=Path, metavar="FILE", help="write the redeemed tokens")
    parser.add_argument("--months", type=Path, metavar="FILE", help="write rates, charge and demand of each month")
    output_files.add_force_option(parser)
    add_statement_options(parser, "a card that was tapped at the meter, instead of a port")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the requested files, and print the number of records in each."""
    wanted = [name for name in _FILES if getattr(arguments, name)]
    if not wanted:
        raise ValueError("name the records to export: " + ", ".join(f"--{name} FILE" for name in _FILES))
    if (arguments.port is None) == (arguments.name is None):
        raise ValueError("name either the port of the meter, or --card NAME")
    for name in wanted:
        output_files.check(getattr(arguments, name), _is_own(name), arguments.force)
    if arguments.name is not None:
        _export_card(arguments, wanted)
        return 0
    with MeterLine(arguments.port) as line:
        for name in wanted:
            _EXPORTS[name](line, arguments)
    return 0


def _export_profile(line: MeterLine, arguments: argparse.Namespace) -> None:
    days = PROFILE_DAYS_MOST if arguments.days is None else arguments.days
    rows = record_files.profile_rows(line.ask(f"profile {days}"))
    _write(arguments, "profile", record_files.PROFILE, rows)
    _report(arguments.profile, f"{len(rows)} half hours")


def _export_events(line: MeterLine, arguments: argparse.Namespace) -> None:
    verified = line.ask("events verify")
    rows = record_files.event_rows(line.ask(f"events {MOST}"))
    _write(arguments, "events", record_files.EVENTS, rows)
    _report(arguments.events, f"{len(rows)} events; the meter finds {verified['broken']} that do not hold")
    for one in verified["breaks"]:
        print(f"  {one['time']}  {one['text']}: {one['why']}", file=sys.stderr)


def _export_top_ups(line: MeterLine, arguments: argparse.Namespace) -> None:
    rows = record_files.top_up_rows(line.ask(f"topups {MOST}"))
    _write(arguments, "topups", record_files.TOPUPS, rows)
    _report(arguments.topups, f"{len(rows)} tokens")


def _export_months(line: MeterLine, arguments: argparse.Namespace) -> None:
    heading, rows = record_files.month_table(line.ask("months"))
    _write(arguments, "months", heading, rows)
    _report(arguments.months, f"{len(rows)} months")


_EXPORTS = {
    "profile": _export_profile,
    "events": _export_events,
    "topups": _export_top_ups,
    "months": _export_months,
}


def _export_card(arguments: argparse.Namespace, wanted: list[str]) -> None:
    if wanted != ["months"]:
        raise ValueError("a card has the months only: use --months, and a port for the rest")
    statement = statement_of(arguments)
    if not statement or not statement.get("months"):
        raise ValueError(f"card {arguments.name} has no months; tap it at its meter, or use a card with more room")
    heading, rows = record_files.month_table_of_statement(statement)
    _write(arguments, "months", heading, rows)
    _report(arguments.months, f"{len(rows)} months, of {statement['time']}")


def _write(arguments: argparse.Namespace, name: str, heading: tuple[str, ...], rows: list[record_files.Row]) -> None:
    """Write the file of that name."""
    data = record_files.csv_bytes(heading, rows)
    output_files.write(getattr(arguments, name), data, _is_own(name), arguments.force)


def _is_own(name: str) -> output_files.IsOwn:
    """Return a test whether a file is an earlier export of that name."""
    return output_files.begins_with(",".join(_HEADINGS[name]))


def _report(path: Path, records: str) -> None:
    print(f"{path}: {records}")
