"""`wattpurse bill`: what a load costs under a tariff, by the meter's own tariff engine, to the micro-unit."""

import json
from argparse import ArgumentTypeError
from pathlib import Path

from wattpurse.core.money.account import WHOLE_TAX
from wattpurse.core.money.contract import CONTRACTS, PrepaidMoney, by_name
from wattpurse.core.tariffs.tariff import ALLOWANCE_BLOCK, Tariff
from wattpurse_tools.tariffs import bill, file, load_curve

LONGEST_INTERVAL_MINUTES = 1440

_MILLION = 1_000_000
_ROW = "{:>7}  {:7}  {:>5}  {:>14}  {:>18}  {:>20}"

_DESCRIPTION = """\
Runs the meter's own tariff engine over a load profile and prints energy and charge per rate and block, the standing
charge and the total, for each month and for the sum. Nothing is rounded: energy is to the mWh, money to the micro-unit.
With --tax, prices are shown without it and charges with it.
"""
_EPILOG = """\
The load is CSV: an ISO time with its offset, a comma, and the Wh of the interval that starts there, such as
2026-10-01T00:00:00+02:00,137.5. Local days that the load touches are charged in full. Block 0 in --json is the free
allowance; energy there is in mWh, money in micro-units.
"""


def add_parser(subparsers) -> None:
    """Adds `bill`."""
    parser = subparsers.add_parser(
        "bill", help="try a tariff: what a load profile costs under it", description=_DESCRIPTION, epilog=_EPILOG
    )
    parser.add_argument(
        "--tariff", type=Path, required=True, help="in force from the start: .toml or .json, or a binary table"
    )
    parser.add_argument(
        "--next",
        type=Path,
        action="append",
        default=[],
        metavar="TARIFF",
        help="takes over at its own activation; may be given again",
    )
    parser.add_argument("--load", type=Path, required=True, metavar="CSV", help="energy per interval")
    parser.add_argument(
        "--interval", type=_interval_s, metavar="MINUTES", help="length of every interval (default: from the times)"
    )
    names = [contract.name for contract in CONTRACTS]
    parser.add_argument("--contract", choices=names, default=PrepaidMoney.name, help="default: %(default)s")
    parser.add_argument(
        "--tax", type=_permyriad, default=0, metavar="PERCENT", help="on energy and days, such as 19 or 7.25"
    )
    parser.add_argument("--json", action="store_true", help="print the bill for a program to read")
    parser.set_defaults(run=run)


def run(arguments) -> int:
    """Prints the bill."""
    tariffs = [_tariff(path) for path in (arguments.tariff, *arguments.next)]
    load = load_curve.load(arguments.load, arguments.interval)
    made = bill.calculate(tariffs, load, by_name(arguments.contract), arguments.tax)
    print(json.dumps(document(made), indent=2) if arguments.json else "\n".join(table(made)))
    return 0


def document(made: bill.Bill) -> dict:
    """The bill as plain values: mWh and micro-units, blocks from 1 on, 0 the free allowance."""
    return {
        "currency": made.currency.code,
        "tax_permyriad": made.tax_permyriad,
        "months": [{"month": _month_text(index), **_section(month)} for index, month in made.months.items()],
        "total": _section(made.total),
    }


def table(made: bill.Bill) -> list:
    """The bill as lines for people: each month, and their sum if there are several."""
    sections = [(_month_text(index), month) for index, month in made.months.items()]
    if len(sections) > 1:
        sections.append(("all months", made.total))
    lines = []
    for title, section in sections:
        lines += ["", *_section_table(title, section, made.currency.code)]
        if made.tax_permyriad:
            lines.append(_tax_row(section.charge_microunits, made.tax_permyriad))
    return lines[1:]


def _tax_row(charge_microunits, tax_permyriad):
    """The tax in a charge, rounded down."""
    contained = charge_microunits * tax_permyriad // (WHOLE_TAX + tax_permyriad)
    percent = f"{tax_permyriad // 100}.{tax_permyriad % 100:02}".rstrip("0").rstrip(".")
    return _ROW.format("in it", f"{percent} %", "", "", "tax", _millionths(contained))


def _section(section):
    return {
        "energy": [
            {
                "tariff_version": version,
                "rate": line.rate_name,
                "block": block - ALLOWANCE_BLOCK,
                "price_microunits_per_kwh": line.price_microunits_per_kwh,
                "energy_mwh": line.energy_mwh,
                "charge_microunits": line.charge_microunits,
            }
            for (version, _, block), line in sorted(section.energy.items())
        ],
        "standing": [
            {
                "tariff_version": version,
                "days": line.days,
                "price_microunits_per_day": line.price_microunits_per_day,
                "charge_microunits": line.charge_microunits,
            }
            for version, line in sorted(section.standing.items())
        ],
        "energy_mwh": section.energy_mwh,
        "charge_microunits": section.charge_microunits,
    }


def _section_table(title, section, currency):
    lines = [title, _ROW.format("tariff", "rate", "block", f"{currency} per kWh", "kWh", currency)]
    for (version, _, block), line in sorted(section.energy.items()):
        name = "free" if block == ALLOWANCE_BLOCK else block - ALLOWANCE_BLOCK
        price, charge = _millionths(line.price_microunits_per_kwh), _millionths(line.charge_microunits)
        lines.append(_ROW.format(version, line.rate_name, name, price, _millionths(line.energy_mwh), charge))
    for version, line in sorted(section.standing.items()):
        days = f"{line.days} {'day' if line.days == 1 else 'days'}"
        price, charge = _millionths(line.price_microunits_per_day), _millionths(line.charge_microunits)
        lines.append(_ROW.format(version, "per day", "", price, days, charge))
    energy, charge = _millionths(section.energy_mwh), _millionths(section.charge_microunits)
    lines.append(_ROW.format("total", "", "", "", energy, charge))
    return [line.rstrip() for line in lines]


def _month_text(index) -> str:
    return f"{index // 12:04}-{index % 12 + 1:02}"


def _millionths(value) -> str:
    """mWh as kWh, micro-units as units of the currency."""
    return f"{value // _MILLION:,}.{value % _MILLION:06}"


def _tariff(path):
    if path.suffix in (".toml", ".json"):
        return Tariff(file.encode(file.load(path)))
    return Tariff(path.read_bytes())


def _interval_s(text):
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= LONGEST_INTERVAL_MINUTES):
        raise ArgumentTypeError(f"write whole minutes, from 1 to {LONGEST_INTERVAL_MINUTES}")
    return int(text) * 60


def _permyriad(text):
    whole, point, decimals = text.partition(".")
    digits = whole + decimals
    if not (digits.isascii() and digits.isdigit() and whole and len(decimals) <= 2 and bool(point) == bool(decimals)):
        raise ArgumentTypeError("write a percentage with two decimals at most, such as 19 or 7.25")
    permyriad = int(whole) * 100 + int(decimals.ljust(2, "0"))
    if permyriad > WHOLE_TAX:
        raise ArgumentTypeError("no meter takes a tax above 100")
    return permyriad
