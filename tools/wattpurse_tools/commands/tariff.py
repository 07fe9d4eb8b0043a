"""`wattpurse tariff`: check a tariff, encode it into the meter's binary table, and decode a table."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

from wattpurse.core.tariffs.tariff import TABLE_LIMIT, Tariff
from wattpurse_tools import output_files
from wattpurse_tools.tariffs import tariff_file
from wattpurse_tools.tariffs.document import instant_text
from wattpurse_tools.tariffs.fields import instant

CHANGES_SHOWN = 8
DAYS_SEARCHED = 400


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `tariff check`, `tariff encode` and `tariff decode`."""
    parser = subparsers.add_parser("tariff", help="check a tariff, encode it for the meter, decode a table")
    actions = parser.add_subparsers(metavar="ACTION", required=True)

    check = actions.add_parser("check", help="print the prices of a tariff, its size and its next changes of rate")
    check.add_argument("file", type=Path, help="a tariff, .toml or .json, or a binary table")
    check.add_argument("--at", metavar="TIME", help="show the changes after this ISO time with offset (default: now)")
    check.set_defaults(run=run_check)

    encode = actions.add_parser("encode", help="write the binary table of a tariff")
    encode.add_argument("file", type=Path, help="a tariff, .toml or .json")
    encode.add_argument("-o", "--output", type=Path, required=True, metavar="OUT", help="the file to write")
    output_files.add_force_option(encode)
    encode.set_defaults(run=run_encode)

    decode = actions.add_parser("decode", help="print a binary table as a JSON tariff")
    decode.add_argument("file", type=Path, help="a binary table")
    decode.set_defaults(run=run_decode)


def run_check(arguments: argparse.Namespace) -> int:
    """Print the summary of a valid tariff."""
    tariff = Tariff(tariff_file.load_table(arguments.file))
    at_s = int(time.time()) if arguments.at is None else instant(arguments.at, "--at")
    print("\n".join(summary(tariff, at_s)))
    return 0


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
