"""`wattpurse meter`: which meters the station serves, the keys that each is given, and what becomes of its tokens."""

import re

from wattpurse.core.currency import Currency, currency_of
from wattpurse.core.money.account import TOKEN_WINDOW
from wattpurse_tools.commands.desk_options import add_station_options, open_station
from wattpurse_tools.station import key_file
from wattpurse_tools.station.card_report import order_text
from wattpurse_tools.station.currencies import DEFAULT


def add_parser(subparsers) -> None:
    """Adds `meter add`, `meter list`, `meter keys`, `meter tokens`, `meter skip` and `meter forfeit`."""
    parser = subparsers.add_parser("meter", help="make meters known to the station, list them, show their keys")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    add = actions.add_parser("add", help="make a meter known")
    add.add_argument("number", type=int)
    add.add_argument("--currency", default=DEFAULT.code, help="three letters; default: %(default)s")
    add.add_argument("--decimals", type=int, choices=range(7), default=DEFAULT.decimals, help="default: %(default)s")
    add_station_options(add)
    add.set_defaults(run=run_add)

    listing = actions.add_parser("list", help="list the meters")
    add_station_options(listing)
    listing.set_defaults(run=run_list)

    keys = actions.add_parser("keys", help="show the keys to be given to a meter with its console command `keys`")
    keys.add_argument("number", type=int)
    add_station_options(keys)
    keys.set_defaults(run=run_keys)

    text = "go on behind all token numbers used with these keys, after an older record was put back"
    tokens = actions.add_parser("tokens", help="list the tokens of a meter that are not known to be redeemed")
    tokens.add_argument("number", type=int)
    tokens.add_argument("--hex", action="store_true", help="with each sealed token, to be entered once more")
    add_station_options(tokens)
    tokens.set_defaults(run=run_tokens)

    skip = actions.add_parser("skip", help=text)
    skip.add_argument("number", type=int)
    add_station_options(skip)
    skip.set_defaults(run=run_skip)

    forfeit = actions.add_parser("forfeit", help="give up tokens whose card is lost, so that selling can go on")
    forfeit.add_argument("number", type=int)
    forfeit.add_argument("sequences", type=int, nargs="+", metavar="SEQUENCE")
    add_station_options(forfeit)
    forfeit.set_defaults(run=run_forfeit)


def run_add(arguments) -> int:
    """Makes a meter known."""
    if not re.fullmatch(r"[A-Z]{3}", arguments.currency):
        raise ValueError(f"{arguments.currency!r} is no currency; write the three capital letters of ISO 4217")
    with open_station(arguments) as station:
        if not station.add_meter(arguments.number, Currency(arguments.currency, arguments.decimals)):
            raise ValueError(f"meter {arguments.number} is known already")
    print(f"meter {arguments.number}: added, sells in {arguments.currency}")
    return 0


def run_list(arguments) -> int:
    """Prints one line for each meter, with its keys where they are not the newest."""
    newest = key_file.load(arguments.keys).key_version
    with open_station(arguments) as station:
        for row in station.meters():
            unit = row["unit"] or "not known yet"
            told = f"meter {row['number']}  {row['currency']}  tokens {row['last_sequence']}  sells by {unit}"
            print(told + _versions_behind(station, row["number"], newest))
    return 0


def run_keys(arguments) -> int:
    """Prints the keys of a meter that is known."""
    site_keys = key_file.load(arguments.keys)
    with open_station(arguments) as station:
        known_meter(station, arguments.number)
        key_version = station.key_history.meter_version(arguments.number)
        site_version = station.key_history.site_version(arguments.number)
    print(f"meter number  {arguments.number}")
    print(f"key version   {key_version}")
    print(f"meter key     {site_keys.meter_key(arguments.number, key_version).hex()}")
    print(f"site key      {site_keys.version(site_version).site_key.hex()}")
    return 0


def run_tokens(arguments) -> int:
    """Prints a line for each outstanding token."""
    with open_station(arguments) as station:
        meter = known_meter(station, arguments.number)
        for row in station.outstanding_of_meter(arguments.number):
            said = order_text(row, currency_of(meter))
            sealed = f"  {row['sealed'].hex()}" if arguments.hex else ""
            print(f"token {row['sequence']}  {said}, {row['state']}{sealed}")
    return 0


def run_skip(arguments) -> int:
    """Raises the last number of a meter to the mark beside the keys."""
    with open_station(arguments) as station:
        known_meter(station, arguments.number)
        skipped = station.numbers.skip(arguments.number)
    if not skipped:
        print(f"meter {arguments.number}: nothing to skip")
        return 0
    print(
        f"meter {arguments.number}: goes on at token {skipped.stop}; {skipped.start} to {skipped.stop - 1} are not in"
        f" this record: have cards that carry them tapped before {TOKEN_WINDOW} more are sold"
    )
    return 0


def run_forfeit(arguments) -> int:
    """Gives tokens up."""
    with open_station(arguments) as station:
        meter = known_meter(station, arguments.number)
        rows = station.forfeit(arguments.number, arguments.sequences)
    for row in rows:
        said = order_text(row, currency_of(meter))
        print(f"meter {arguments.number}: token {row['sequence']}, {said}, is given up")
    return 0


def _versions_behind(station, number, newest):
    history = station.key_history
    versions = (("meter", history.meter_version(number)), ("site", history.site_version(number)))
    return "".join(f"  {which} key of version {version}" for which, version in versions if version < newest)


def known_meter(station, number: int):
    """The row of a meter. Raises ValueError, with the remedy, for one that this station does not serve."""
    meter = station.meter(number)
    if meter is None:
        raise ValueError(f"meter {number} is not known; make it known with: wattpurse meter add {number}")
    return meter
