"""`wattpurse acceptance-check`: check the signature of a record of acceptance, and print its steps."""

from argparse import Namespace, _SubParsersAction
from pathlib import Path

from wattpurse_tools.acceptance import record

_REFUSED = 1


def add_parser(subparsers: _SubParsersAction) -> None:
    """Add `acceptance-check`."""
    parser = subparsers.add_parser("acceptance-check", help="check a signed record of acceptance")
    parser.add_argument("file", type=Path, help="the record that 'wattpurse acceptance' wrote")
    text = "the builder's public key, from a source that you trust"
    parser.add_argument("--public", required=True, metavar="HEX", help=text)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Print the record if its signature holds. Return 1 if the meter was not accepted."""
    facts = record.load(arguments.file, arguments.public)
    meter = facts["meter"]
    print(f"meter {meter['meter_number']}, {meter['board']} {meter['unique_id']}, firmware {meter['version']}")
    print(f"stage {facts['stage']}, {facts['started']} to {facts['ended']}, by {facts['builder']}")
    for step in facts["steps"]:
        print(f"  {'passed' if step['passed'] else 'FAILED'}  {step['step']}: {step['result']}")
    print(f"the signature holds; the meter is {'accepted' if facts['accepted'] else 'NOT accepted'}")
    return 0 if facts["accepted"] else _REFUSED
