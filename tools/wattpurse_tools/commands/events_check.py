"""`wattpurse events-check`: whether anybody touched an exported event log, by the station's own keys.

The meter's chain (wattpurse.core.records.event_chain) shows what was dropped, added or changed in the middle. What was
cut off at the end it shows by a link that is known to have been there: each statement on a card tells one.
"""

from pathlib import Path

from boards.host.chips.aes import aes
from wattpurse.core.records import event_chain, events
from wattpurse.core.records.event_chain import EventChain
from wattpurse_tools.commands.desk_options import add_statement_options, statement_of
from wattpurse_tools.meter_link import record_files
from wattpurse_tools.station import key_file

_TOUCHED = 1


def add_parser(subparsers) -> None:
    """Adds `events-check`."""
    parser = subparsers.add_parser("events-check", help="check an exported event log with the station's keys")
    parser.add_argument("file", type=Path, help="what 'wattpurse export PORT --events FILE' wrote")
    parser.add_argument("--meter", type=int, required=True, metavar="NUMBER", help="the meter that it is of")
    parser.add_argument("--link", action="append", default=[], metavar="HEX", help="a link that must be in it")
    add_statement_options(parser, "a card whose statement tells such a link")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Prints what holds and every event that does not; the exit status is 1 if anything was touched."""
    log = record_files.load_events(arguments.file)
    verdicts = verdicts_of(log, [key for _, key in key_file.load(arguments.keys).meter_keys(arguments.meter)])
    broken = [(event, verdict) for event, verdict in verdicts if verdict not in event_chain.INTACT]
    links = {event.link.hex() for event in log if event.link is not None}
    missing = [link for link in _links_told(arguments) if link not in links]
    held = sum(verdict in (event_chain.HELD, event_chain.FIRST) for _, verdict in verdicts)
    print(f"{arguments.file}: {len(log)} events, {held} hold, {len(broken)} do not")
    for event, verdict in reversed(broken):
        print(f"  {record_files.utc_text(event.time_s)}  {events.text(event)}: {verdict}")
    for link in missing:
        print(f"  link {link} is not there: events were cut off behind it, or overwritten since")
    if not held:
        print(f"  nothing holds: is it the log of meter {arguments.meter}, and are these its keys?")
    return _TOUCHED if broken or missing or not held else 0


def verdicts_of(log: list, meter_keys: list) -> list:
    """`(event, verdict)` of each event, newest first, under whichever version of the meter's key most of them hold.

    What is older than a change of keys is judged under the other versions.
    """
    tried = [list(EventChain(aes, key, events.KEY_CHANGES).verdicts(log)) for key in meter_keys]
    tried.sort(key=lambda verdicts: -sum(verdict == event_chain.HELD for _, verdict in verdicts))
    best, others = tried[0], tried[1:]
    for place, (event, verdict) in enumerate(best):
        if verdict == event_chain.ANOTHER_KEY:
            judged = [other[place][1] for other in others if other[place][1] in event_chain.INTACT]
            best[place] = event, (judged or [verdict])[0]
    return best


def _links_told(arguments):
    links = [link.lower() for link in arguments.link]
    if arguments.name is not None:
        told = statement_of(arguments)
        if not told or "event_link" not in told:
            raise ValueError(f"card {arguments.name} tells no link of the event log; tap it at its meter")
        if told["meter_number"] != arguments.meter:
            raise ValueError(f"card {arguments.name} is of meter {told['meter_number']}")
        links.append(told["event_link"])
    return links
