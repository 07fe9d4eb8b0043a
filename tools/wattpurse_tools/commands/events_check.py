"""`wattpurse events-check`: check with the station's own keys that nobody changed an exported event log.

The meter's chain (wattpurse.core.records.event_chain) shows events that were dropped, added or changed by somebody
without the meter's key. The key is in the meter's flash. Somebody who reads it there can forge a whole log that holds.
He cannot change the links that statements carried to the station before. Therefore the log must contain these links.
"""

import argparse
from pathlib import Path

from boards.host.chips.aes import aes
from wattpurse.core.records import event_chain, events
from wattpurse.core.records.event_chain import EventChain
from wattpurse.core.records.events import Event
from wattpurse_tools.commands.station_options import add_statement_options, open_station, statement_of
from wattpurse_tools.meter_link import record_files

_CHANGED = 1
_PROVEN = (event_chain.HELD, event_chain.FIRST)
_MISSING = "link {} is missing: the events after it were cut off, or the event was overwritten since"
_CONTRADICTED = "events up to it were changed or removed, with the key of the meter"
_TOO_NEW = "the newest events were cut off, or the log was exported before; export it again"


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `events-check`."""
    parser = subparsers.add_parser("events-check", help="check an exported event log with the station's keys")
    parser.add_argument("file", type=Path, help="the log that 'wattpurse export PORT --events FILE' wrote")
    parser.add_argument("--meter", type=int, required=True, metavar="NUMBER", help="the meter that wrote the log")
    text = "a link that must be in the log, besides those of the statements in the station's record"
    parser.add_argument("--link", action="append", default=[], metavar="HEX", help=text)
    add_statement_options(parser, "a card of the meter: the link in its statement must be in the log")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print how many events hold, and every contradiction. Return 1 if the log was changed."""
    log = record_files.load_events(arguments.file)
    verdicts = verdicts_of(log, _event_keys(arguments))
    broken = [(event, verdict) for event, verdict in verdicts if verdict not in event_chain.INTACT]
    proven = {event.link.hex() for event, verdict in verdicts if verdict in _PROVEN and event.link is not None}
    held = sum(verdict in _PROVEN for _, verdict in verdicts)
    asked, kept = _asked_links(arguments), _kept_links(arguments)
    missing = _missing(log, proven, asked, kept)
    print(f"{arguments.file}: {len(log)} events, {held} hold, {len(broken)} do not")
    for event, verdict in reversed(broken):
        print(f"  {record_files.utc_text(event.time_s)}  {events.text(event)}: {verdict}")
    for line in missing:
        print(f"  {line}")
    if not held:
        print(f"  nothing holds: is it the log of meter {arguments.meter}, and are these its keys?")
    elif not missing:
        print(_proof_text(proven.intersection(asked + [link for _, link in kept])))
    return _CHANGED if broken or missing or not held else 0


class _KnownChain(EventChain):
    """A chain whose own key is known. The key of the meter stays in the vault."""

    def __init__(self, event_key: bytes) -> None:
        super().__init__(aes, event_key, events.KEY_CHANGES)
        self._key = event_key


def verdicts_of(log: list[Event], event_keys: list[bytes]) -> list[tuple[Event, str]]:
    """Return `(event, verdict)` of each event, newest first, under the version of the meter's key that most hold under.

    Events older than a change of keys are judged under the other versions.
    """
    tried: list[list[tuple[Event, str]]] = [list(_KnownChain(key).verdicts(log)) for key in event_keys]
    tried.sort(key=lambda verdicts: -sum(verdict == event_chain.HELD for _, verdict in verdicts))
    best, others = tried[0], tried[1:]
    for place, (event, verdict) in enumerate(best):
        if verdict == event_chain.ANOTHER_KEY:
            judged = [other[place][1] for other in others if other[place][1] in event_chain.INTACT]
            best[place] = event, (judged or [verdict])[0]
    return best


def _event_keys(arguments: argparse.Namespace) -> list[bytes]:
    """Return the keys of the meter's log from the vault."""
    with open_station(arguments) as station:
        station.require("keys")
        return station.keys.event_keys(station.ticket, arguments.meter)


def _missing(log: list[Event], proven: set[str], asked: list[str], kept: list[tuple[int, str]]) -> list[str]:
    """Return a sentence for each link that the log must contain and that holds nowhere in it.

    A kept link of a statement older than the log may be overwritten. The link of the oldest event proves nothing: no
    event before it holds it, so that a forger could place any event there.
    """
    oldest = log[-1] if log else None
    unproven = oldest.link.hex() if oldest is not None and oldest.link is not None else None
    sentences = [_MISSING.format(link) for link in asked if link not in proven]
    for time_s, link in kept:
        is_overwritten = oldest is not None and (time_s < oldest.time_s or link == unproven)
        if link not in proven and link not in asked and not is_overwritten:
            when = record_files.utc_text(time_s)
            reason = _TOO_NEW if not log or time_s > log[0].time_s else _CONTRADICTED
            sentences.append(f"link {link} of the statement of {when} is missing: {reason}")
    if kept and not sentences and proven.isdisjoint([*asked, *(link for _, link in kept)]):
        when = record_files.utc_text(kept[-1][0])
        sentences.append(
            f"no kept link is in the log: it begins after the newest statement, of {when}, and is unproven"
        )
    return sentences


def _proof_text(links: set[str]) -> str:
    """Return a line that says how far the log is proven."""
    if links:
        return f"  links of statements in the log: {len(links)}; nobody changed the events up to the newest of them"
    return "  no link of a statement was at hand: whoever read the meter's flash could have forged the whole log"


def _asked_links(arguments: argparse.Namespace) -> list[str]:
    """Return the links that the options name."""
    links = [link.lower() for link in arguments.link]
    if arguments.name is not None:
        statement = statement_of(arguments)
        if not statement or "event_link" not in statement:
            raise ValueError(f"card {arguments.name} has no link of the event log; tap it at its meter")
        if statement["meter_number"] != arguments.meter:
            raise ValueError(f"card {arguments.name} is of meter {statement['meter_number']}")
        links.append(statement["event_link"])
    return links


def _kept_links(arguments: argparse.Namespace) -> list[tuple[int, str]]:
    """Return `(time of the statement, link)` of the meter's statements in the station's record."""
    with open_station(arguments) as station:
        return station.statements.event_links(arguments.meter)
