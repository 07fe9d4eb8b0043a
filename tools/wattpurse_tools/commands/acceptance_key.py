"""`wattpurse acceptance-key`: make the key with which a builder signs records of acceptance."""

from argparse import Namespace, _SubParsersAction
from pathlib import Path

from wattpurse_tools.acceptance import record


def add_parser(subparsers: _SubParsersAction) -> None:
    """Add `acceptance-key`."""
    parser = subparsers.add_parser("acceptance-key", help="make a builder's key for records of acceptance")
    parser.add_argument("file", type=Path, help="the key file; an existing file is not overwritten")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> int:
    """Make the key and print its public half."""
    public_key = record.make_key(arguments.file)
    print(f"{arguments.file}: new key. Keep it to yourself. Records are checked with its public key:")
    print(public_key)
    return 0
