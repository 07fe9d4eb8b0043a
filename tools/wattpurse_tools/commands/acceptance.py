"""`wattpurse acceptance`: walk a builder through the tests of a new meter, and write the signed record of it."""

import argparse
import getpass
import sys
from pathlib import Path

from wattpurse_tools.acceptance import record
from wattpurse_tools.acceptance.steps import BENCH, STAGES
from wattpurse_tools.acceptance.talk import Talk
from wattpurse_tools.acceptance.walk import is_same_board, walk
from wattpurse_tools.meter_link.line import MeterLine

_REFUSED = 1
_DESCRIPTION = """\
The stage `bench` is done without mains. The stage `mains` is work for an electrician. It needs the accepted record of
the bench, of the same board, in the same folder. docs/hardware/testing.md explains each step."""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `acceptance`."""
    text = "test a new meter step by step, and sign the record"
    parser = subparsers.add_parser("acceptance", help=text, description=_DESCRIPTION)
    parser.add_argument("port", help="the serial port of the meter, such as /dev/ttyACM0")
    parser.add_argument("--stage", choices=STAGES, default=BENCH, help="the steps to do (default: %(default)s)")
    parser.add_argument("--key", type=Path, required=True, metavar="FILE", help="the builder's key, which signs")
    text = "the folder of the records (default: this one)"
    parser.add_argument("--folder", type=Path, default=Path(), metavar="DIR", help=text)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do the steps and write the record. Return 1 if the meter is not accepted."""
    key = record.load_key(arguments.key)
    with MeterLine(arguments.port) as line:
        number = line.ask("identity")["meter_number"]
        if number is None:
            raise ValueError("the meter has no number yet: commission it first, see docs/installation.md")
        path = arguments.folder / _name_of(number, arguments.stage)
        if path.exists():
            raise ValueError(f"{path} exists; a record is kept: move it away, or name another folder")
        bench = None
        if arguments.stage != BENCH:
            bench = record.load(arguments.folder / _name_of(number, BENCH), record.public_of(key))
            if not bench["accepted"]:
                raise ValueError("the meter failed on the bench; repeat that stage before mains are connected")
        facts = walk(Talk(line, _ask, _ask_secret), arguments.stage, print)
    if bench is not None:
        if not is_same_board(bench, facts):
            raise ValueError("the record of the bench is of another board; repeat that stage with this one")
        facts["bench_signature"] = bench["signature"]
    record.save(path, record.sign(facts, key))
    print(f"{path}: meter {number} is {'accepted' if facts['accepted'] else 'NOT accepted'}")
    return 0 if facts["accepted"] else _REFUSED


def _name_of(number: int, stage: str) -> str:
    return f"acceptance-{number}-{stage}.json"


def _ask(question: str) -> str:
    """Return a line of the builder. Raise OSError at the end of the input."""
    try:
        return input(question)
    except EOFError:
        raise OSError("the answers ended before the last step; nothing was recorded") from None


def _ask_secret(question: str) -> str:
    return getpass.getpass(question) if sys.stdin.isatty() else _ask(question)
