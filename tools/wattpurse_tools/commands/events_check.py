"""`wattpurse events-check`: check with the station's own keys that nobody changed an exported event log.

The meter's chain (wattpurse.core.records.event_chain) shows events that were dropped, added or changed in the middle.
Events that were cut off at the end show by a missing link: each statement on a card has the newest link of its time.
"""

import argparse
from pathlib import Path

from boards.host.chips.aes import aes
from wattpurse.core.records import event_chain, events
from wattpurse.core.records.event_chain import EventChain
from wattpurse.core.records.events import Event
from wattpurse_tools.commands.desk_options import add_statement_options, statement_of
from wattpurse_tools.meter_link import record_files
from wattpurse_tools.station import key_file

_CHANGED = 1


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `events-check`."""
    parser = subparsers.add_parser("events-check", help="check an exported event log with the station's keys")
    parser.add_argument("file", type=Path, help="the log that 'wattpurse export PORT --events FILE' wrote")
    parser.add_argument("--meter", type=int, required=True, metavar="NUMBER", help="the meter that wrote the log")
    parser.add_argument("--link", action="append", default=[], metavar="HEX", help="a link that must be in the log")
    add_statement_options(parser, "a card of the meter: the link in its statement must be in the log")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print how many events hold, and every event that does not. Return 1 if the log was changed."""
    log = record_files.load_events(arguments.file)
    verdicts = verdicts_of(log, [key for _, key in key_file.load(arguments.keys).meter_keys(arguments.meter)])
    broken = [(event, verdict) for event, verdict in verdicts if verdict not in event_chain.INTACT]
    links = {event.link.hex() for event in log if event.link is not None}
    missing = [link for link in _required_links(arguments) if link not in links]
    held = sum(verdict in (event_chain.HELD, event_chain.FIRST) for _, verdict in verdicts)
    print(f"{arguments.file}: {len(log)} events, {held} hold, {len(broken)} do not")
    for event, verdict in reversed(broken):
        print(f"  {record_files.utc_text(event.time_s)}  {events.text(event)}: {verdict}")
    for link in missing:
        print(f"  link {link} is missing: the events after it were cut off, or the event was overwritten since")
    if not held:
        print(f"  nothing holds: is it the log of meter {arguments.meter}, and are these its keys?")
    return _CHANGED if broken or missing or not held else 0


def verdicts_of(log: list[Event], meter_keys: list[bytes]) -> list[tuple[Event, str]]:
    """Return `(event, verdict)` of each event, newest first, under the version of the meter's key that most hold under.

    Events older than a change of keys are judged under the other versions.
    """
    tried: list[list[tuple[Event, str]]] = [
        list(EventChain(aes, key, events.KEY_CHANGES).verdicts(log)) for key in meter_keys
    ]
    tried.sort(key=lambda verdicts: -sum(verdict == event_chain.HELD for _, verdict in verdicts))
    best, others = tried[0], tried[1:]
    for place, (event, verdict) in enumerate(best):
        if verdict == event_chain.ANOTHER_KEY:
            judged = [other[place][1] for other in others if other[place][1] in event_chain.INTACT]
            best[place] = event, (judged or [verdict])[0]
    return best


def _required_links(arguments: argparse.Namespace) -> list[str]:
    links = [link.lower() for link in arguments.link]
    if arguments.name is not None:
        statement = statement_of(arguments)
        if not statement or "event_link" not in statement:
            raise ValueError(f"card {arguments.name} has no link of the event log; tap it at its meter")
        if statement["meter_number"] != arguments.meter:
            raise ValueError(f"card {arguments.name} is of meter {statement['meter_number']}")
        links.append(statement["event_link"])
    return links
