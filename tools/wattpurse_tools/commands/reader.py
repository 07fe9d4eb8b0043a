"""`wattpurse reader`: list the card readers of this computer, and try one with a card on it."""

import json
from argparse import ArgumentParser, Namespace, _SubParsersAction

from wattpurse_tools.readers.pcsc import Service
from wattpurse_tools.readers.troubles import NO_READERS, trouble_of
from wattpurse_tools.station import reader_trial

_FAILED = 1


def add_parser(subparsers: "_SubParsersAction[ArgumentParser]") -> None:
    """Add `reader list` and `reader test`."""
    parser = subparsers.add_parser("reader", help="list the card readers of this computer, and try one")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    listing = actions.add_parser("list", help="list the PC/SC readers, and the card on each")
    listing.add_argument("--json", action="store_true", help="for programs")
    listing.set_defaults(run=run_list)

    trial = actions.add_parser("test", help="try a reader with a card on it; nothing is written to the card")
    text = "a part of the reader's name; default: the only reader"
    trial.add_argument("reader", nargs="?", default="", metavar="READER", help=text)
    trial.add_argument("--json", action="store_true", help="for programs")
    trial.set_defaults(run=run_test)


def run_list(arguments: Namespace) -> int:
    """Print a line for each reader."""
    with Service() as service:
        names = service.readers()
    if not names:
        raise trouble_of(NO_READERS)
    seen = [reader_trial.look(name) for name in names]
    if arguments.json:
        print(json.dumps([one.document for one in seen], indent=2))
        return 0
    for one in seen:
        print(one.line)
    return 0


def run_test(arguments: Namespace) -> int:
    """Print the steps of a trial. The status is 1 if one of them failed."""
    trial = reader_trial.try_reader(arguments.reader)
    print(json.dumps(trial.document, indent=2) if arguments.json else trial.text)
    return 0 if trial.is_good else _FAILED
