"""`wattpurse bill`: the charge for a load under a tariff, by the meter's own tariff engine, to the micro-unit."""

import argparse
import json
from argparse import ArgumentTypeError
from pathlib import Path
from typing import Any

from wattpurse.core.money.account import DAY_FEE, DEMAND_FEE, MINIMUM_FEE, MONTH_FEE, WHOLE_TAX
from wattpurse.core.money.contract import CONTRACTS, PrepaidMoney, by_name
from wattpurse.core.tariffs.tariff import ALLOWANCE_BLOCK, Tariff
from wattpurse_tools.tariffs import bill, load_curve, tariff_file

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

_DESCRIPTION = """\
Run the meter's own tariff engine over a load curve. Print energy and charge of each rate and block, the standing charge
and the total, for each month and for all months. Energy is exact to the mWh, money to the micro-unit. With --tax, the
prices are shown without tax, and the charges with it.
"""
_EPILOG = """\
The load is CSV: an ISO time with its offset, a comma, and the Wh of the interval that starts there, such as
2026-10-01T00:00:00+02:00,137.5. Every local day that the load touches is charged in full. With --json, block 0 is the
free allowance, energy is in mWh and money in micro-units.
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `bill`."""
    parser = subparsers.add_parser(
        "bill", help="compute the charge for a load under a tariff", description=_DESCRIPTION, epilog=_EPILOG
    )
    parser.add_argument(
        "--tariff", type=Path, required=True, help="the tariff in force from the start: .toml, .json or a binary table"
    )
    parser.add_argument(
        "--next",
        type=Path,
        action="append",
        default=[],
        metavar="TARIFF",
        help="a tariff that takes over at its activation; may be given several times",
    )
    parser.add_argument("--load", type=Path, required=True, metavar="CSV", help="the energy of each interval")
    parser.add_argument(
        "--interval", type=_interval_s, metavar="MINUTES", help="the length of every interval (default: from the times)"
    )
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
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the bill."""
    tariffs = [Tariff(tariff_file.load_table(path)) for path in (arguments.tariff, *arguments.next)]
    load = load_curve.load(arguments.load, arguments.interval)
    made = bill.calculate(tariffs, load, by_name(arguments.contract), arguments.tax)
    print(json.dumps(document(made), indent=2) if arguments.json else "\n".join(table(made)))
    return 0


def document(made: bill.Bill) -> dict[str, Any]:
    """Return the bill as plain values: mWh and micro-units. Blocks count from 1; block 0 is the free allowance."""
    return {
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


def _permyriad(text: str) -> int:
    whole, point, decimals = text.partition(".")
    digits = whole + decimals
    if not (digits.isascii() and digits.isdigit() and whole and len(decimals) <= 2 and bool(point) == bool(decimals)):
        raise ArgumentTypeError("write a percentage with two decimals at most, such as 19 or 7.25")
    permyriad = int(whole) * 100 + int(decimals.ljust(2, "0"))
    if permyriad > WHOLE_TAX:
        raise ArgumentTypeError("no meter takes a tax above 100")
    return permyriad
