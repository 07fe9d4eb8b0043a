"""`wattpurse keys`: make the key file of a site."""

from pathlib import Path

from wattpurse_tools import key_file

_LIMITS = """\
Beside the key file the station keeps FILE.sequences: the highest token number used for each meter. Because of it a
record put back from a backup uses no number again; leave it out of such a backup. Two stations must not sell to one
meter with copies of one key file in two places: neither knows the other's numbers, and of two tokens with one number
the meter redeems only one."""


def add_parser(subparsers):
    """Adds `keys new`."""
    parser = subparsers.add_parser("keys", help="make the key file of a site", description=_LIMITS)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    new = actions.add_parser("new", help="make a key file with new keys; an existing one is never overwritten")
    new.add_argument("file", type=Path)
    new.add_argument("--key-version", type=int, default=1, metavar="N", help="number of this set of keys (default 1)")
    new.set_defaults(run=run_new)


def run_new(arguments) -> int:
    """Makes the key file."""
    key_file.make(arguments.file, arguments.key_version)
    print(f"{arguments.file}: new keys, version {arguments.key_version}. Keep a copy in a safe place.")
    return 0
