"""`wattpurse meter`: which meters the station serves, and the keys that each of them is given."""

import re

from wattpurse_tools import key_file
from wattpurse_tools.desk_options import add_station_options, open_station

DEFAULT_CURRENCY = "EUR"
DEFAULT_DECIMALS = 2


def add_parser(subparsers):
    """Adds `meter add`, `meter list` and `meter keys`."""
    parser = subparsers.add_parser("meter", help="make a meter known to the station, list meters, show a meter's keys")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    add = actions.add_parser("add", help="make a meter known")
    add.add_argument("number", type=int)
    add.add_argument("--currency", default=DEFAULT_CURRENCY, help=f"three letters; default: {DEFAULT_CURRENCY}")
    add.add_argument("--decimals", type=int, choices=range(7), default=DEFAULT_DECIMALS, help="default: 2")
    add_station_options(add)
    add.set_defaults(run=run_add)

    listing = actions.add_parser("list", help="list the meters")
    add_station_options(listing)
    listing.set_defaults(run=run_list)

    keys = actions.add_parser("keys", help="show the keys to be given to a meter with its console command `keys`")
    keys.add_argument("number", type=int)
    add_station_options(keys)
    keys.set_defaults(run=run_keys)


def run_add(arguments) -> int:
    """Makes a meter known."""
    if not re.fullmatch(r"[A-Z]{3}", arguments.currency):
        raise ValueError(f"{arguments.currency!r} is no currency; write the three capital letters of ISO 4217")
    with open_station(arguments) as station:
        if not station.add_meter(arguments.number, arguments.currency, arguments.decimals):
            raise ValueError(f"meter {arguments.number} is known already")
    print(f"meter {arguments.number}: added, sells in {arguments.currency}")
    return 0


def run_list(arguments) -> int:
    """Prints one line for each meter."""
    with open_station(arguments) as station:
        for row in station.meters():
            unit = row["unit"] or "not known yet"
            print(f"meter {row['number']}  {row['currency']}  tokens {row['last_sequence']}  sells by {unit}")
    return 0


def run_keys(arguments) -> int:
    """Prints the keys of a meter that is known."""
    site_keys = key_file.load(arguments.keys)
    with open_station(arguments) as station:
        if station.meter(arguments.number) is None:
            raise ValueError(f"meter {arguments.number} is not known; wattpurse meter add {arguments.number}")
    print(f"meter number  {arguments.number}")
    print(f"key version   {site_keys.key_version}")
    print(f"meter key     {site_keys.meter_key(arguments.number).hex()}")
    print(f"site key      {site_keys.site_key.hex()}")
    return 0
