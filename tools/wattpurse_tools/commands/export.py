"""`wattpurse export`: the records of a meter as CSV files, from its console on a port, or from a card tapped at it.

From a card there are the months alone, as far as it has room for them. With --events the chain through the event log
is checked by the meter first; `wattpurse events-check` checks the file with the station's own keys.
"""

import sys

from wattpurse.services.console.records import MOST, PROFILE_DAYS_MOST
from wattpurse_tools.commands.desk_options import add_statement_options, statement_of
from wattpurse_tools.meter_link import record_files
from wattpurse_tools.meter_link.line import MeterLine

_FILES = ("profile", "events", "topups", "months")


def add_parser(subparsers) -> None:
    """Adds `export`."""
    parser = subparsers.add_parser("export", help="write the records of a meter into CSV files")
    parser.add_argument("port", nargs="?", help="serial port of the meter, for instance /dev/ttyACM0")
    parser.add_argument("--profile", metavar="FILE", help="energy and charge by half hour")
    parser.add_argument("--days", type=int, metavar="DAYS", help="so many days of the profile; default: all there are")
    parser.add_argument("--events", metavar="FILE", help="the event log")
    parser.add_argument("--topups", metavar="FILE", help="tokens redeemed")
    parser.add_argument("--months", metavar="FILE", help="energy per rate, charge and maximum demand of the months")
    add_statement_options(parser, "a card that was tapped at the meter, instead of a port")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Writes the files asked for, and says what is in them."""
    wanted = [name for name in _FILES if getattr(arguments, name)]
    if not wanted:
        raise ValueError("say what to export: " + ", ".join(f"--{name} FILE" for name in _FILES))
    if (arguments.port is None) == (arguments.name is None):
        raise ValueError("name either the port that the meter is at, or --card NAME")
    if arguments.name is not None:
        _export_card(arguments, wanted)
        return 0
    with MeterLine(arguments.port) as line:
        for name in wanted:
            _EXPORTS[name](line, arguments)
    return 0


def _export_profile(line, arguments) -> None:
    days = PROFILE_DAYS_MOST if arguments.days is None else arguments.days
    rows = record_files.profile_rows(line.ask(f"profile {days}"))
    record_files.write(arguments.profile, record_files.PROFILE, rows)
    _say(arguments.profile, f"{len(rows)} half hours")


def _export_events(line, arguments) -> None:
    verified = line.ask("events verify")
    rows = record_files.event_rows(line.ask(f"events {MOST}"))
    record_files.write(arguments.events, record_files.EVENTS, rows)
    _say(arguments.events, f"{len(rows)} events; the meter finds {verified['broken']} that do not hold")
    for one in verified["breaks"]:
        print(f"  {one['time']}  {one['text']}: {one['why']}", file=sys.stderr)


def _export_top_ups(line, arguments) -> None:
    rows = record_files.top_up_rows(line.ask(f"topups {MOST}"))
    record_files.write(arguments.topups, record_files.TOPUPS, rows)
    _say(arguments.topups, f"{len(rows)} tokens")


def _export_months(line, arguments) -> None:
    heading, rows = record_files.month_table(line.ask("months"))
    record_files.write(arguments.months, heading, rows)
    _say(arguments.months, f"{len(rows)} months")


_EXPORTS = {
    "profile": _export_profile,
    "events": _export_events,
    "topups": _export_top_ups,
    "months": _export_months,
}


def _export_card(arguments, wanted) -> None:
    if wanted != ["months"]:
        raise ValueError("a card holds months alone: use --months, and a port for the rest")
    told = statement_of(arguments)
    if not told or not told.get("months"):
        raise ValueError(f"card {arguments.name} holds no months; tap it at its meter, or take a card with more room")
    heading, rows = record_files.month_table_of_statement(told)
    record_files.write(arguments.months, heading, rows)
    _say(arguments.months, f"{len(rows)} months, of {told['time']}")


def _say(path, what) -> None:
    print(f"{path}: {what}")
