"""`wattpurse keys`: make the key file of a site, and its next version."""

from pathlib import Path

from wattpurse_tools.station import key_file

_LIMITS = """\
Beside the key file the station keeps FILE.sequences: the highest token number used for each meter. Because of it a
record put back from a backup uses no number again; leave it out of such a backup. Two stations must not sell to one
meter with copies of one key file in two places: neither knows the other's numbers, and of two tokens with one number
the meter redeems only one."""


_ROLL = """\
Nothing changes at once. Send each meter its new keys with `wattpurse token METER meter-key` and `site-key`; a meter
takes tokens under the old key and the new one until the first under the new comes, and cards of either site key. When
cards have been read that were tapped since, the station goes over to the new keys by itself, and `wattpurse card rekey`
gives the cards their new ones."""


def add_parser(subparsers) -> None:
    """Adds `keys new` and `keys roll`."""
    parser = subparsers.add_parser("keys", help="make the key file of a site, or new keys in it", description=_LIMITS)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    new = actions.add_parser("new", help="make a key file with new keys; an existing one is never overwritten")
    new.add_argument("file", type=Path)
    new.add_argument("--key-version", type=int, default=1, metavar="N", help="number of this set of keys (default 1)")
    new.set_defaults(run=run_new)

    roll = actions.add_parser("roll", help="add the next version of the keys, and keep those before", description=_ROLL)
    roll.add_argument("file", type=Path)
    roll.set_defaults(run=run_roll)


def run_new(arguments) -> int:
    """Makes the key file."""
    key_file.make(arguments.file, arguments.key_version)
    print(f"{arguments.file}: new keys, version {arguments.key_version}. Keep a copy in a safe place.")
    return 0


def run_roll(arguments) -> int:
    """Adds the next version."""
    key_version = key_file.roll(arguments.file)
    print(f"{arguments.file}: has keys of version {key_version} now. Keep a copy in a safe place.")
    return 0
