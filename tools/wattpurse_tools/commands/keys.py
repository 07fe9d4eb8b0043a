"""`wattpurse keys`: make the key file of a site, and its next version."""

from argparse import Namespace, _SubParsersAction
from pathlib import Path

from wattpurse_tools.station import key_file

_LIMITS = """\
Beside the key file the station keeps FILE.sequences: the highest token number used for each meter. With it, a record
that is restored from a backup uses no number again. Leave it out of such a backup. Two stations must not sell with
copies of one key file in two places: neither knows the numbers of the other, and of two tokens with one number the
meter redeems only one. Give each of them a key file of its own with `wattpurse keys vending-point`."""


_ROLL = """\
Nothing changes at once. Send each meter its new keys with `wattpurse token METER meter-key` and `site-key`. A meter
accepts tokens under the old key and the new one until the first under the new one comes, and cards of either site key.
The station changes to the new keys when it has read cards that were tapped since. `wattpurse card rekey` writes the new
keys to the cards."""


def add_parser(subparsers: _SubParsersAction) -> None:
    """Add `keys new`, `keys roll` and `keys vending-point`."""
    parser = subparsers.add_parser("keys", help="make the key file of a site, or new keys in it", description=_LIMITS)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    new = actions.add_parser("new", help="make a key file with new keys; an existing file is not overwritten")
    new.add_argument("file", type=Path, help="the key file")
    new.add_argument("--key-version", type=int, default=1, metavar="N", help="number of this set of keys (default 1)")
    new.set_defaults(run=run_new)

    roll = actions.add_parser("roll", help="add the next version of the keys; older ones are kept", description=_ROLL)
    roll.add_argument("file", type=Path, help="the key file")
    roll.set_defaults(run=run_roll)

    point = actions.add_parser(
        "vending-point", help="make the key file of a vending point, which seals as an issuer of its own"
    )
    point.add_argument("file", type=Path, help="the key file of the office")
    point.add_argument("out", type=Path, help="the new key file; an existing file is not overwritten")
    point.add_argument("--issuer", type=int, required=True, help="number of the vending point, 1 to 15")
    point.add_argument("--meters", type=int, nargs="+", required=True, help="the meters that it sells to")
    point.set_defaults(run=run_vending_point)


def run_vending_point(arguments: Namespace) -> int:
    """Make the key file of a vending point."""
    key_file.make_vending_point(arguments.file, arguments.out, arguments.issuer, arguments.meters)
    print(f"{arguments.out}: keys of issuer {arguments.issuer} for {len(arguments.meters)} meters.")
    print(f"If it is lost, revoke the issuer at each meter with: wattpurse token METER revoke {arguments.issuer}")
    return 0


def run_new(arguments: Namespace) -> int:
    """Make the key file."""
    key_file.make(arguments.file, arguments.key_version)
    print(f"{arguments.file}: new keys, version {arguments.key_version}. Keep a copy in a safe place.")
    return 0


def run_roll(arguments: Namespace) -> int:
    """Add the next version."""
    key_version = key_file.roll(arguments.file)
    print(f"{arguments.file}: has keys of version {key_version} now. Keep a copy in a safe place.")
    return 0
