"""`wattpurse bill`: the charge for a load under a tariff, by the meter's own tariff engine, to the micro-unit."""

import argparse
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from wattpurse.core.money.account import DAY_FEE, DEMAND_FEE, MINIMUM_FEE, MONTH_FEE, WHOLE_TAX
from wattpurse.core.money.contract import CONTRACTS, PrepaidMoney, by_name
from wattpurse.core.tariffs.tariff import ALLOWANCE_BLOCK, Tariff
from wattpurse_tools import output_files
from wattpurse_tools.bills.comparison import Comparison, cheapest_of, compare
from wattpurse_tools.loads import formats
from wattpurse_tools.loads.block import END, START
from wattpurse_tools.loads.options import (
    DATE_CHOICES,
    GAP_CHOICES,
    VALUE_CHOICES,
    ReadOptions,
    TableOptions,
    ValueOptions,
)
from wattpurse_tools.loads.reading import LoadFile
from wattpurse_tools.loads.units import UNIT_NAMES
from wattpurse_tools.loads.zones import NamedZone, zone_of
from wattpurse_tools.tariffs import bill, tariff_file

LONGEST_INTERVAL_MINUTES = 1440

_MILLION = 1_000_000
# The fee in JSON, in the table, and its unit: one, and several.
_FEES = {
    DAY_FEE: ("day", "per day", "day", "days"),
    MONTH_FEE: ("month", "month", "month", "months"),
    DEMAND_FEE: ("demand", "demand", "kW", "kW"),
    MINIMUM_FEE: ("minimum", "minimum", "month", "months"),
}
_ROW = "{:>7}  {:7}  {:>5}  {:>14}  {:>18}  {:>20}"

# The version of the JSON document. A new key does not raise it; a key that changes or goes does.
DOCUMENT_VERSION = 1

_DESCRIPTION = """\
Run the meter's own tariff engine over a load file. Print energy and charge of each rate and block, the standing charge
and the total, for each month and for all months. Energy is exact to the mWh, money to the micro-unit. With --tax, the
prices are shown without tax, and the charges with it.
"""
_EPILOG = """\
The load is the file that a portal or a meter exports; docs/bills.md lists the formats. A plain load file is CSV: an ISO
time with its offset, a comma, and the energy of the interval that starts there: 2026-10-01T00:00:00+02:00,137.5. A
header names the unit; without a header it is Wh. Every local day that the load touches is charged in full.
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `bill`."""
    parser = subparsers.add_parser(
        "bill", help="compute the charge for a load under a tariff", description=_DESCRIPTION, epilog=_EPILOG
    )
    tariff = parser.add_mutually_exclusive_group(required=True)
    tariff.add_argument(
        "--tariff", type=Path, help="the tariff in force from the start: .toml, .json or a binary table"
    )
    tariff.add_argument(
        "--compare", type=Path, nargs="+", metavar="TARIFF", help="compare the bills under several tariffs, by month"
    )
    parser.add_argument(
        "--next",
        type=Path,
        action="append",
        default=[],
        metavar="TARIFF",
        help="a tariff that takes over at its activation; may be given several times",
    )
    _add_load_options(parser)
    names = [contract.name for contract in CONTRACTS]
    parser.add_argument(
        "--contract", choices=names, default=PrepaidMoney.name, help="the contract to bill by (default: %(default)s)"
    )
    parser.add_argument(
        "--tax",
        type=_permyriad,
        default=0,
        metavar="PERCENT",
        help="the tax on energy and standing charge, such as 19 or 7.25",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="draw load and cost by rate as an SVG picture")
    parser.add_argument("--xlsx", type=Path, metavar="FILE", help="write months and lines as an Excel workbook")
    output_files.add_force_option(parser)
    parser.set_defaults(run=run)


def _add_load_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say how to read the load file."""
    group = parser.add_argument_group("load file")
    group.add_argument("--load", type=Path, required=True, metavar="FILE", help="the energy of each interval")
    group.add_argument(
        "--format",
        choices=formats.names(),
        metavar="FORMAT",
        help=f"one of {', '.join(formats.names())} (default: found)",
    )
    group.add_argument("--interval", type=_interval_s, metavar="MINUTES", help="the length of every interval")
    group.add_argument("--unit", choices=UNIT_NAMES, help="the unit of the values (default: from the header)")
    group.add_argument(
        "--values", choices=VALUE_CHOICES, help="energy of each interval, or readings of a counter (default: energy)"
    )
    group.add_argument("--stamps", choices=(START, END), help="the end of its interval that a time gives")
    group.add_argument("--gaps", choices=GAP_CHOICES, help="fill missing time with the energy behind it, or with zero")
    group.add_argument(
        "--zone", type=_zone, help="the zone of times without an offset, such as Europe/Berlin or +10:00"
    )
    group.add_argument("--dates", choices=DATE_CHOICES, help="the order of the numbers in dates with slashes")
    group.add_argument("--channel", metavar="NAME", help="the register, statistic or entity, if the file has several")
    group.add_argument("--time", metavar="COLUMN", help="the column of the time: its name or number; DATE+TIME for two")
    group.add_argument("--value", metavar="COLUMN", help="the column of the value: its name or number")
    group.add_argument("--decimal", choices=(".", ","), metavar="MARK", help="the mark of decimals: . or ,")
    group.add_argument("--delimiter", type=_delimiter, metavar="MARK", help="the mark between columns; tab for a tab")


def run(arguments: argparse.Namespace) -> int:
    """Print the bill, or the comparison, and write the files."""
    _check_outputs(arguments)
    if arguments.compare:
        return _run_comparison(arguments)
    tariffs = [Tariff(tariff_file.load_table(path)) for path in (arguments.tariff, *arguments.next)]
    load = _load_file(arguments, tariffs[0])
    made = bill.calculate(tariffs, load, by_name(arguments.contract), arguments.tax)
    if arguments.json:
        _print_json(document(made))
    else:
        print("\n".join(table(made)))
    if arguments.plot:
        from wattpurse_tools.bills import picture, profile  # these and the next only where they are needed

        data = picture.draw(made, profile.profile_of(tariffs, load)).encode()
        output_files.write(arguments.plot, data, *_target(arguments, "plot"))
    if arguments.xlsx:
        from wattpurse_tools.bills import workbook

        output_files.write(arguments.xlsx, workbook.workbook(document(made)), *_target(arguments, "xlsx"))
    return 0


def _run_comparison(arguments: argparse.Namespace) -> int:
    """Print the charges under each tariff, by month."""
    if arguments.next or arguments.plot or arguments.xlsx:
        raise ValueError("--compare takes neither --next nor --plot nor --xlsx; make the bill of one tariff for these")
    bills = []
    for path in arguments.compare:
        tariff = Tariff(tariff_file.load_table(path))
        load = _load_file(arguments, tariff)
        bills.append((str(path), bill.calculate([tariff], load, by_name(arguments.contract), arguments.tax)))
    made = compare(bills)
    if arguments.json:
        _print_json(comparison_document(made))
    else:
        print("\n".join(comparison_table(made)))
    return 0


def _load_file(arguments: argparse.Namespace, tariff: Tariff) -> LoadFile:
    options = ReadOptions(
        format=arguments.format,
        table=TableOptions(arguments.time, arguments.value, arguments.decimal, arguments.delimiter, arguments.dates),
        meaning=ValueOptions(arguments.unit, arguments.values, arguments.stamps, arguments.channel),
        zone=arguments.zone,
        day_zone=tariff.zone,
        interval_s=arguments.interval,
        gaps=arguments.gaps,
    )
    return LoadFile(arguments.load, options)


def _check_outputs(arguments: argparse.Namespace) -> None:
    """Raise ValueError if a file may not be written, before the bill is calculated."""
    for name in ("plot", "xlsx"):
        if getattr(arguments, name):
            output_files.check(getattr(arguments, name), *_target(arguments, name))
    if arguments.plot and arguments.xlsx and arguments.plot.absolute() == arguments.xlsx.absolute():
        raise ValueError(f"{arguments.plot}: cannot be the picture and the workbook; name two files")


def _target(arguments: argparse.Namespace, name: str) -> tuple[output_files.IsOwn, bool, list[Path]]:
    """Return the arguments of `output_files.write` for an output."""
    from wattpurse_tools.bills import picture, workbook

    is_own = workbook.is_own if name == "xlsx" else output_files.contains(picture.MARK)
    tariffs = arguments.compare or [arguments.tariff, *arguments.next]
    return is_own, arguments.force, [*tariffs, arguments.load]


def _print_json(value: dict[str, Any]) -> None:
    import json  # only here: most runs do without

    print(json.dumps(value, indent=2))


def comparison_document(made: Comparison) -> dict[str, Any]:
    """Return the comparison as plain values: micro-units."""
    return {
        "version": DOCUMENT_VERSION,
        "currency": made.currency.code,
        "tariffs": made.names,
        "months": [_compared(made, charges, month=_month_text(index)) for index, charges in made.months],
        "total": _compared(made, made.totals),
    }


def _compared(made: Comparison, charges: list[int], **facts: str) -> dict[str, Any]:
    return {**facts, "charge_microunits": charges, "cheapest": cheapest_of(made.names, charges)}


def comparison_table(made: Comparison) -> list[str]:
    """Return the comparison as lines: the charges of each month, the cheapest of each, and the totals."""
    lines = [f"{number}  {name}" for number, name in enumerate(made.names, 1)]
    lines += ["", _comparison_row("month", [f"{number} {made.currency.code}" for number in _numbers(made)], "cheapest")]
    rows = [(_month_text(index), charges) for index, charges in made.months]
    for title, charges in (*rows, ("total", made.totals)):
        cheapest = [number for number in _numbers(made) if charges[number - 1] == min(charges)]
        words = "all alike" if len(cheapest) == len(charges) else ", ".join(map(str, cheapest))
        lines.append(_comparison_row(title, [_millionths(charge) for charge in charges], words))
    dearest = max(made.totals)
    for name, total in zip(made.names, made.totals, strict=True):
        if name in made.cheapest and total < dearest:
            lines.append(f"{name} costs {_millionths(dearest - total)} {made.currency.code} less than the dearest")
    return lines


def _numbers(made: Comparison) -> range:
    return range(1, len(made.names) + 1)


def _comparison_row(title: str, cells: list[str], end: str) -> str:
    return f"{title:>7}" + "".join(f"{cell:>20}" for cell in cells) + f"  {end}"


def document(made: bill.Bill) -> dict[str, Any]:
    """Return the bill as plain values: mWh and micro-units. Blocks count from 1; block 0 is the free allowance.

    docs/bills.md documents every key.
    """
    return {
        "version": DOCUMENT_VERSION,
        "currency": made.currency.code,
        "tax_permyriad": made.tax_permyriad,
        "months": [{"month": _month_text(index), **_period(month)} for index, month in made.months.items()],
        "total": _period(made.total),
    }


def table(made: bill.Bill) -> list[str]:
    """Return the bill as lines: each month, and the sum if there are several."""
    periods = [(_month_text(index), month) for index, month in made.months.items()]
    if len(periods) > 1:
        periods.append(("all months", made.total))
    lines = []
    for title, charges in periods:
        lines += ["", *_period_table(title, charges, made.currency.code)]
        if made.tax_permyriad:
            taxed_microunits = charges.charge_microunits - charges.levy_microunits
            lines.append(_tax_row(taxed_microunits, made.tax_permyriad))
    return lines[1:]


def _tax_row(charge_microunits: int, tax_permyriad: int) -> str:
    """Return the row of the tax contained in a charge, rounded down."""
    contained = charge_microunits * tax_permyriad // (WHOLE_TAX + tax_permyriad)
    percent = f"{tax_permyriad // 100}.{tax_permyriad % 100:02}".rstrip("0").rstrip(".")
    return _ROW.format("in it", f"{percent} %", "", "", "tax", _millionths(contained))


def _period(charges: bill.Charges) -> dict[str, Any]:
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
            for (version, _, block), line in sorted(charges.energy.items())
        ],
        "standing": [
            {
                "tariff_version": version,
                "days": line.quantity_millionths // _MILLION,
                "price_microunits_per_day": line.price_microunits,
                "charge_microunits": line.charge_microunits,
            }
            for version, line in sorted(charges.standing.items())
        ],
        "fees": [
            {
                "tariff_version": version,
                "fee": _FEES[fee][0],
                "quantity_millionths": line.quantity_millionths,
                "price_microunits": line.price_microunits,
                "charge_microunits": line.charge_microunits,
            }
            for (version, fee), line in sorted(charges.fees.items())
            if fee != DAY_FEE
        ],
        "levies": [
            {"tariff_version": version, "levy": name, "charge_microunits": microunits}
            for (version, name), microunits in charges.levies.items()
        ],
        "energy_mwh": charges.energy_mwh,
        "charge_microunits": charges.charge_microunits,
    }


def _period_table(title: str, charges: bill.Charges, code: str) -> list[str]:
    lines = [title, _ROW.format("tariff", "rate", "block", f"{code} per kWh", "kWh", code)]
    for (version, _, block), line in sorted(charges.energy.items()):
        name = "free" if block == ALLOWANCE_BLOCK else block - ALLOWANCE_BLOCK
        price, charge = _millionths(line.price_microunits_per_kwh), _millionths(line.charge_microunits)
        lines.append(_ROW.format(version, line.rate_name, name, price, _millionths(line.energy_mwh), charge))
    for (version, fee), line in sorted(charges.fees.items()):
        _, name, unit, units = _FEES[fee]
        quantity = _quantity(line.quantity_millionths) + f" {unit if line.quantity_millionths == _MILLION else units}"
        price, charge = _millionths(line.price_microunits), _millionths(line.charge_microunits)
        lines.append(_ROW.format(version, name, "", price, quantity, charge))
    for (version, name), microunits in charges.levies.items():
        lines.append(_ROW.format(version, name, "", "", "levy", _millionths(microunits)))
    energy, charge = _millionths(charges.energy_mwh), _millionths(charges.charge_microunits)
    lines.append(_ROW.format("total", "", "", "", energy, charge))
    return [line.rstrip() for line in lines]


def _quantity(millionths: int) -> str:
    """Return a whole number without decimals, any other with three."""
    return str(millionths // _MILLION) if millionths % _MILLION == 0 else f"{millionths / _MILLION:,.3f}"


def _month_text(index: int) -> str:
    return f"{index // 12:04}-{index % 12 + 1:02}"


def _millionths(value: int) -> str:
    """Return mWh as kWh, or micro-units as units of the currency, with commas between the thousands."""
    return f"{value // _MILLION:,}.{value % _MILLION:06}"


def _interval_s(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= LONGEST_INTERVAL_MINUTES):
        raise ArgumentTypeError(f"write whole minutes, from 1 to {LONGEST_INTERVAL_MINUTES}")
    return int(text) * 60


def _zone(text: str) -> NamedZone:
    try:
        return zone_of(text)
    except ValueError as error:
        raise ArgumentTypeError(str(error)) from error


def _delimiter(text: str) -> str:
    if text in ("tab", "\\t"):
        return "\t"
    if len(text) != 1:
        raise ArgumentTypeError("write one character, or tab")
    return text


def _permyriad(text: str) -> int:
    whole, point, decimals = text.partition(".")
    digits = whole + decimals
    if not (digits.isascii() and digits.isdigit() and whole and len(decimals) <= 2 and bool(point) == bool(decimals)):
        raise ArgumentTypeError("write a percentage with two decimals at most, such as 19 or 7.25")
    permyriad = int(whole) * 100 + int(decimals.ljust(2, "0"))
    if permyriad > WHOLE_TAX:
        raise ArgumentTypeError("no meter takes a tax above 100")
    return permyriad
