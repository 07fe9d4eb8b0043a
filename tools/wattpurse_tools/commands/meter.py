"""`wattpurse meter`: the meters of the station, their keys, and their outstanding tokens."""

import json
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable

from wattpurse.core.messages import short_token
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.token_windows import number_text, parse_number
from wattpurse_tools.commands.station_options import (
    add_approval_options,
    add_operator_option,
    add_station_options,
    open_station,
)
from wattpurse_tools.station.actions import meters, tokens
from wattpurse_tools.station.actions.meters import MeterSummary
from wattpurse_tools.utc_texts import rfc3339


def add_parser(subparsers: _SubParsersAction) -> None:
    """Add `meter` and its actions."""
    parser = subparsers.add_parser("meter", help="add meters to the station, list them, show their keys and tokens")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    add = _add_action(actions, "add", "add a meter", run_add)
    names = [one.name for one in contracts.CONTRACTS]
    text = "the contract of supply, which decides what is sold; default: %(default)s"
    add.add_argument("--contract", choices=names, default=contracts.PrepaidMoney.name, help=text)

    listing = actions.add_parser("list", help="list the meters")
    listing.add_argument("--json", action="store_true", help="for programs")
    add_station_options(listing)
    listing.set_defaults(run=run_list)

    keys = _add_action(actions, "keys", "show the keys to commission the meter with", run_keys)
    text = "the number that the meter had until its ledger was erased; shows the release that it needs"
    keys.add_argument("--replaces", type=int, metavar="OLD", help=text)

    listed = _add_action(actions, "tokens", "list the tokens of a meter that are not known to be redeemed", run_tokens)
    listed.add_argument("--hex", action="store_true", help="with each sealed token, to be entered once more")

    digits = _add_action(actions, "digits", "print the twenty digits of a token once more", run_digits)
    digits.add_argument("sequence", type=parse_number, metavar="SEQUENCE", help="the number of the token")

    text = "show what one token of twenty digits may credit at a meter, or note it as its terms have it"
    limit = _add_action(actions, "digits-limit", text, run_digits_limit)
    limit.add_argument("--amount", metavar="MONEY", help="its term short_token_limit_microunits, such as 20.00")
    limit.add_argument("--kwh", metavar="KWH", help="its term short_token_limit_mwh, such as 50")
    limit.add_argument("--days", metavar="DAYS", help="its term short_token_limit_days, such as 31")

    _add_action(actions, "remove", "remove a meter that was added by mistake and has no history", run_remove)

    text = "sell to a meter again whose statement and the record disagreed, after somebody has looked into it"
    _add_action(actions, "resume", text, run_resume)

    forfeit = _add_action(
        actions, "forfeit", "forfeit tokens of a lost card, so that selling can continue", run_forfeit
    )
    forfeit.add_argument(
        "sequences", type=parse_number, nargs="+", metavar="SEQUENCE", help="the numbers of the tokens"
    )


def run_add(arguments: Namespace) -> int:
    """Add a meter."""
    with open_station(arguments) as station:
        currency = meters.add(station, arguments.number, arguments.contract)
    print(f"meter {arguments.number}: added, sells in {currency.code}")
    return 0


def run_list(arguments: Namespace) -> int:
    """Print one line for each meter, with the versions of its keys if they are not the newest."""
    with open_station(arguments) as station:
        newest = station.keys.newest_version
        summaries = meters.summaries(station)
    if arguments.json:
        print(json.dumps([_summary_document(one) for one in summaries], indent=2))
        return 0
    for one in summaries:
        unit = one.supplied.unit or "not known yet"
        versions = (("meter", one.versions.meter), ("site", one.versions.site))
        behind = "".join(f"  {which} key of version {version}" for which, version in versions if version < newest)
        facts = f"meter {one.number}  {one.currency.code}  tokens {one.last_count}  sells by {unit}"
        print(f"{facts}{behind}{_stopped_text(one)}")
    return 0


def _stopped_text(one: MeterSummary) -> str:
    """Return why sales to a meter are stopped, and the command that continues, or an empty text."""
    if not one.stop_reason:
        return ""
    return f"  STOPPED: {one.stop_reason}; continue with: wattpurse meter resume {one.number}"


def _summary_document(one: MeterSummary) -> dict:
    return {
        "meter": one.number,
        "currency": one.currency.code,
        "decimals": one.currency.decimals,
        "tokens": one.last_count,
        "unit": one.supplied.unit,
        "contract": one.supplied.contract,
        "tenant": one.supplied.tenant,
        "last_seen": rfc3339(one.told_s) if one.told_s else None,
        "stopped": one.stop_reason or None,
        "meter_key_version": one.versions.meter,
        "site_key_version": one.versions.site,
    }


def run_keys(arguments: Namespace) -> int:
    """Print the keys of a meter."""
    with open_station(arguments) as station:
        keys = meters.keys(station, arguments.number, arguments.replaces, arguments.approval)
    print(f"meter number  {keys.number}")
    print(f"key version   {keys.key_version}")
    print(f"meter key     {keys.meter_key.hex()}")
    print(f"site key      {keys.site_key.hex()}")
    if keys.used_tokens:
        after = ",".join(number_text(number) for number in keys.used_tokens)
        print(f"used tokens   after={after}")
        print(
            "Tokens were sealed for this meter number. A meter that replaces the former one is commissioned with the"
            " words of the last line as well; otherwise old tokens would count again."
        )
    if keys.release is not None:
        print(f"release       {keys.release.hex()}")
    return 0


def run_tokens(arguments: Namespace) -> int:
    """Print a line for each outstanding token."""
    with open_station(arguments) as station:
        outstanding = tokens.outstanding(station, arguments.number)
    for one in outstanding:
        sealed = f"  {one['sealed'].hex()}" if arguments.hex else ""
        print(f"token {number_text(one['sequence'])}  {one['text']}, {one['state']}{sealed}")
    return 0


def run_digits(arguments: Namespace) -> int:
    """Print the digits of a token, in groups of four."""
    with open_station(arguments) as station:
        print(short_token.grouped(tokens.digits_of(station, arguments.number, arguments.sequence)))
    return 0


def run_digits_limit(arguments: Namespace) -> int:
    """Note the limits that are given, and print all."""
    with open_station(arguments) as station:
        limits = tokens.digit_limits(station, arguments.number, arguments.amount, arguments.kwh, arguments.days)
    print(f"meter {arguments.number}: twenty digits credit at most {limits[0]}, {limits[1]} or {limits[2]}")
    return 0


def run_remove(arguments: Namespace) -> int:
    """Remove a meter without history."""
    with open_station(arguments) as station:
        meters.remove(station, arguments.number)
    print(f"meter {arguments.number}: removed")
    return 0


def run_resume(arguments: Namespace) -> int:
    """Sell to a meter again."""
    with open_station(arguments) as station:
        reason = meters.resume(station, arguments.number)
    print(f"meter {arguments.number}: is sold to again; it was stopped because: {reason}")
    return 0


def run_forfeit(arguments: Namespace) -> int:
    """Forfeit tokens."""
    with open_station(arguments) as station:
        forfeited = tokens.forfeit(station, arguments.number, arguments.sequences)
    for one in forfeited:
        print(f"meter {arguments.number}: token {number_text(one['sequence'])}, {one['text']}, is forfeited")
    return 0


def _add_action(
    actions: _SubParsersAction,
    name: str,
    text: str,
    run: Callable[[Namespace], int],
) -> ArgumentParser:
    parser = actions.add_parser(name, help=text)
    parser.add_argument("number", type=int, help="the number of the meter")
    add_station_options(parser)
    add_operator_option(parser)
    add_approval_options(parser)
    parser.set_defaults(run=run)
    return parser
