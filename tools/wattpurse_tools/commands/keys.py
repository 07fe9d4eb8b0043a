"""`wattpurse keys`: make the next version of a site's keys in the vault, and the key file of a vending point."""

import json
from argparse import Namespace, _SubParsersAction
from pathlib import Path

from wattpurse_tools import private_files
from wattpurse_tools.commands.station_options import (
    add_approval_options,
    add_station_options,
    open_station,
)
from wattpurse_tools.station.actions import keys

_ROLL = """\
Nothing changes at once. Send each meter its new keys with `wattpurse token METER meter-key` and `site-key`. A meter
accepts tokens under the old key and the new one until the first under the new one comes, and cards of either site key.
The station changes to the new keys when it has read cards that were tapped since. `wattpurse card rekey` writes the new
keys to the cards."""
_VENDING_POINT = """\
The key file lets another computer sell to some meters under an issuer number of its own. `wattpurse office init --from
FILE` makes the office there. Two vaults must not sell with copies of one key file: neither knows the numbers of
the other, and of two tokens with one number the meter redeems only one."""


def add_parser(subparsers: _SubParsersAction) -> None:
    """Add `keys roll` and `keys vending-point`."""
    parser = subparsers.add_parser("keys", help="make the next version of the keys, or those of a vending point")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    roll = actions.add_parser("roll", help="make the next version of the keys; older ones are kept", description=_ROLL)
    point = actions.add_parser(
        "vending-point",
        help="make the key file of a vending point, which seals as an issuer of its own",
        description=_VENDING_POINT,
    )
    point.add_argument("out", type=Path, help="the new key file; an existing file is not overwritten")
    point.add_argument("--issuer", type=int, required=True, help="number of the vending point, 1 to 15")
    point.add_argument("--meters", type=int, nargs="+", required=True, help="the meters that it sells to")
    for action, run in ((roll, run_roll), (point, run_vending_point)):
        add_station_options(action)
        action.add_argument(
            "--operator", metavar="CARD", help="the operator's card; without one the Unix user signs on"
        )
        add_approval_options(action)
        action.set_defaults(run=run)


def run_roll(arguments: Namespace) -> int:
    """Make the next version of the keys."""
    with open_station(arguments) as station:
        key_version = keys.roll(station, arguments.approval)
    print(f"the vault has keys of version {key_version} now; keep a copy of its folder in a safe place")
    return 0


def run_vending_point(arguments: Namespace) -> int:
    """Make the key file of a vending point."""
    issuer, meters = arguments.issuer, arguments.meters
    if arguments.out.exists():
        raise ValueError(f"{arguments.out} exists and is not overwritten; choose another name")
    with open_station(arguments) as station:
        document = keys.vending_point(station, issuer, meters, arguments.approval)
    private_files.create(arguments.out, json.dumps(document, indent=2).encode() + b"\n")
    print(f"{arguments.out}: keys of issuer {issuer} for {len(meters)} meters; destroy it when it has been taken over.")
    print(f"If it is lost, revoke the issuer at each meter with: wattpurse token METER revoke {issuer}")
    return 0
