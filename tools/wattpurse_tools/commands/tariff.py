"""`wattpurse tariff`: ask for a tariff, check it, encode it into the meter's binary table, and decode a table."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from wattpurse.core.tariffs.tariff import TABLE_LIMIT, Tariff
from wattpurse_tools import output_files
from wattpurse_tools.tariffs import succession, tariff_file
from wattpurse_tools.tariffs.document import instant_text
from wattpurse_tools.tariffs.fields import instant
from wattpurse_tools.tariffs.interview import Interview
from wattpurse_tools.tariffs.toml_text import toml_text

CHANGES_SHOWN = 8
DAYS_SEARCHED = 400


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `tariff new`, `tariff check`, `tariff encode` and `tariff decode`."""
    parser = subparsers.add_parser("tariff", help="write a tariff, check it, encode it for the meter, decode a table")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    new = actions.add_parser("new", help="ask the questions of a tariff and write it as TOML")
    new.add_argument("file", type=Path, help="the .toml file to write; it must not exist")
    new.set_defaults(run=run_new)

    check = actions.add_parser("check", help="print the prices of a tariff, its size and its next changes of rate")
    check.add_argument("file", type=Path, help="a tariff, .toml or .json, or a binary table")
    check.add_argument("--at", metavar="TIME", help="show the changes after this ISO time with offset (default: now)")
    check.add_argument(
        "--after",
        type=Path,
        action="append",
        default=[],
        metavar="OLD",
        help="print the fate of each register after this tariff; may be given several times, the oldest first",
    )
    check.add_argument("--json", action="store_true", help="for programs: the tariff, its size and its next changes")
    check.set_defaults(run=run_check)

    encode = actions.add_parser("encode", help="write the binary table of a tariff")
    encode.add_argument("file", type=Path, help="a tariff, .toml or .json")
    encode.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="the file to write")
    output_files.add_force_option(encode)
    encode.set_defaults(run=run_encode)

    decode = actions.add_parser("decode", help="print a binary table as a JSON tariff")
    decode.add_argument("file", type=Path, help="a binary table")
    decode.set_defaults(run=run_decode)


def run_new(arguments: argparse.Namespace) -> int:
    """Ask for a tariff and write it. Nothing is written before the last answer, and no file is replaced."""
    path = arguments.file
    if path.suffix != ".toml":
        raise ValueError(f"{path}: the tariff is written as TOML; name the file .toml")
    if path.exists():
        raise ValueError(f"{path}: is there already; name another file")
    try:
        document = Interview(input, print).document()
    except EOFError:
        raise ValueError("the answers ended early; nothing was written") from None
    with path.open("x", encoding="utf-8") as file:
        file.write(toml_text(document))
    print(f"{path}: written; try it with 'wattpurse tariff check {path}'")
    return 0


def run_check(arguments: argparse.Namespace) -> int:
    """Print the summary of a valid tariff, and the fate of the registers of the tariffs before it."""
    tariff = Tariff(tariff_file.load_table(arguments.file))
    at_s = int(time.time()) if arguments.at is None else instant(arguments.at, "--at")
    earlier = [Tariff(tariff_file.load_table(path)) for path in arguments.after]
    fate = succession.check(earlier, tariff) if earlier else []
    if arguments.json:
        print(json.dumps(_check_document(tariff, at_s, fate), indent=2))
        return 0
    print("\n".join([*summary(tariff, at_s), *fate]))
    return 0


def _check_document(tariff: Tariff, at_s: int, fate: list[str]) -> dict[str, Any]:
    """Return the tariff as a document: its fields, its size, and its next changes of rate."""
    start_s = max(at_s, tariff.activation_s)
    times = [start_s, *_rate_changes(tariff, start_s)]
    return {
        "tariff": tariff_file.decode(tariff.data),
        "bytes": len(tariff.data),
        "bytes_limit": TABLE_LIMIT,
        "rates": [
            {"from": instant_text(time_s, tariff.zone), "rate": tariff.rate_names[tariff.rate_at(time_s)]}
            for time_s in times
        ],
        "registers": fate,
    }


def run_encode(arguments: argparse.Namespace) -> int:
    """Write the table. Nothing is written if the tariff is not valid."""
    table = tariff_file.encode(tariff_file.load(arguments.file))
    output_files.write(arguments.output, table, _is_table, arguments.force, [arguments.file])
    print(f"{arguments.output}: {len(table):,} bytes")
    return 0


def _is_table(path: Path) -> bool:
    """Return True if a file is the table of a tariff."""
    if path.stat().st_size > TABLE_LIMIT:
        return False
    try:
        Tariff(path.read_bytes())
    except ValueError:
        return False
    return True


def run_decode(arguments: argparse.Namespace) -> int:
    """Print the document as JSON."""
    print(json.dumps(tariff_file.decode(arguments.file.read_bytes()), indent=2))
    return 0


def summary(tariff: Tariff, at_s: int) -> list[str]:
    """Return the tariff as lines: its prices, and the changes of rate after at_s or after its activation, the later."""
    document = tariff_file.decode(tariff.data)
    currency = tariff.currency.code
    lines = [
        f"version {tariff.version}, customer class {tariff.customer_class}, in force from {document['activation']}",
        f"size: {len(tariff.data):,} of {TABLE_LIMIT:,} bytes",
        f"standing charge: {document['standing_charge_per_day']} {currency} per day",
        f"free energy: {document['free_kwh_per_month']} kWh per month",
        *_further_lines(tariff, document),
        f"prices in {currency} per kWh:",
    ]
    for rate in range(tariff.rate_count):
        lines.append(f"  {tariff.rate_names[rate]:6}  {_blocks(document['rates'][rate])}")
    unused = sorted(set(tariff.rate_names) - {name for day in document["day_types"].values() for name in day.values()})
    if unused:
        lines.append(f"note: no day type uses {', '.join(unused)}")
    start_s = max(at_s, tariff.activation_s)
    zone = tariff.zone
    lines.append("rate at " + _rate_line(tariff, start_s))
    changes = _rate_changes(tariff, start_s)
    lines.append("next changes of rate:" if changes else "next changes of rate: none")
    lines.extend("  " + _rate_line(tariff, change_s) for change_s in changes)
    shift_s = zone.next_shift_s(start_s)
    if shift_s is not None:
        lines.append(f"next daylight change: {instant_text(shift_s, zone)}")
    return lines


def _further_lines(tariff: Tariff, document: dict[str, Any]) -> list[str]:
    """Return a line for each further charge of the tariff, and for blocks that do not count each rate by month."""
    currency = tariff.currency.code
    rows = (
        ("fixed charge", "fixed_charge_per_month", "per month"),
        ("minimum charge", "minimum_charge_per_month", "per month"),
        ("maximum demand", "demand_charge_per_kw", "per kW and month, for the contract 'account' alone"),
    )
    lines = [f"{name}: {document[key]} {currency} {unit}" for name, key, unit in rows if document[key] != "0"]
    if tariff.blocks_of_total or tariff.blocks_by_day:
        of = "all rates together" if tariff.blocks_of_total else "each rate"
        lines.append(f"blocks: of {of}, by {document['block_period']}")
    if tariff.allowance_mwh and not tariff.free_in_blocks:
        lines.append("free energy does not count towards the blocks")
    for levy in document["levies"]:
        value = f"{levy['percent']} %" if "percent" in levy else f"{levy['per_kwh']} {currency} per kWh"
        lines.append(f"levy {levy['name']}: {value}")
    return lines


def _blocks(rate: dict[str, Any]) -> str:
    limits = rate.get("block_limits_kwh", [])
    blocks = [f"{price} up to {limit} kWh" for price, limit in zip(rate["prices"], limits, strict=False)]
    return ", ".join([*blocks, f"{rate['prices'][-1]} above" if limits else rate["prices"][0]])


def _rate_line(tariff: Tariff, utc_s: int) -> str:
    return f"{instant_text(utc_s, tariff.zone)}  {tariff.rate_names[tariff.rate_at(utc_s)]}"


def _rate_changes(tariff: Tariff, start_s: int) -> list[int]:
    changes = []
    rate, at_s = tariff.rate_at(start_s), start_s
    while len(changes) < CHANGES_SHOWN and at_s < start_s + DAYS_SEARCHED * 86400:
        at_s = tariff.next_change_s(at_s)
        if tariff.rate_at(at_s) != rate:
            rate = tariff.rate_at(at_s)
            changes.append(at_s)
    return changes
