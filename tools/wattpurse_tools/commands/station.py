"""`wattpurse station`: what was sold and charged at which meter, by whom, and whether a card is needed to sell."""

import csv
import json
import sys

from wattpurse.core.money import contract as contracts
from wattpurse_tools.commands.desk_options import add_selling_options, add_station_options, desk_of, open_station
from wattpurse_tools.station.card_report import amount_text, order_text, time_text
from wattpurse_tools.station.currencies import currency_of_meter
from wattpurse_tools.station.order import ENERGY, MONEY


def add_parser(subparsers) -> None:
    """Adds `station report`, `station sales` and `station operators`."""
    parser = subparsers.add_parser("station", help="report on meters and sales; require operators' cards")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, text, run in (
        ("report", "each meter: sold, charged, balance, alarms, last seen, and what cannot be", run_report),
        ("sales", "each token that was made: for which meter, what, when, by whom, and what became of it", run_sales),
    ):
        report = actions.add_parser(name, help=text)
        form = report.add_mutually_exclusive_group()
        form.add_argument("--csv", action="store_true", help="for a spreadsheet; amounts in micro-units and mWh")
        form.add_argument("--json", action="store_true", help="for programs; the same amounts")
        add_station_options(report)
        report.set_defaults(run=run)

    text = "whether an operator's card is needed to sell; it takes one to say so"
    operators = actions.add_parser("operators", help=text)
    operators.add_argument("wanted", choices=("require", "release"))
    add_selling_options(operators)
    operators.set_defaults(run=run_operators)


def run_report(arguments) -> int:
    """Prints a line, or an object, for each meter. Exit status 1 where something cannot be."""
    with open_station(arguments) as station:
        rows = [_meter_row(station, meter) for meter in station.meters()]
        lines = [_meter_line(row, currency_of_meter(station, row["meter"])) for row in rows]
    _print(rows, lines, arguments)
    return 1 if any(row["findings"] for row in rows) else 0


def run_sales(arguments) -> int:
    """Prints a line, or an object, for each token."""
    with open_station(arguments) as station:
        tokens = station.tokens()
        lines = [_sale_line(row, currency_of_meter(station, row["meter"])) for row in tokens]
    names = ("meter", "sequence", "issued_s", "unit", "amount", "words", "state", "operator")
    _print([{name: row[name] for name in names} for row in tokens], lines, arguments)
    return 0


def run_operators(arguments) -> int:
    """Requires operators' cards, or no longer so."""
    with open_station(arguments) as station:
        desk_of(arguments, station)
        station.require_operators(arguments.wanted == "require")
    print("selling needs an operator's card" if arguments.wanted == "require" else "selling needs no card")
    return 0


def _meter_row(station, meter):
    """What the record and the last statements tell of a meter; None where they do not."""
    number = meter["number"]
    statements = station.statements.of_meter(number)
    last = statements[-1] if statements else None
    full = [one for one in statements if one["charged"] is not None]
    owed = station.receipts.owed(number)
    return {
        "meter": number,
        "sold_money": station.statements.sold(number, MONEY),
        "sold_energy": station.statements.sold(number, ENERGY),
        "outstanding": len(station.outstanding_of_meter(number)),
        "contract": None if last is None else contracts.by_code(last["contract"]).name,
        "unit": None if last is None else last["unit"],
        "charged": full[-1]["charged"] if full else None,
        "balance": None if last is None else last["balance"],
        "total_mwh": None if last is None else last["total_mwh"],
        "alarms": None if last is None else last["alarms"],
        "last_seen_s": None if last is None else last["time_s"],
        "owed_money": sum(row["money"] for row in owed),
        "owed_energy": sum(row["energy"] for row in owed),
        "findings": "; ".join(station.statements.findings(number)),
    }


def _meter_line(row, currency):
    amounts = [(unit, row[f"sold_{unit}"]) for unit in (MONEY, ENERGY)]
    sold = [amount_text(unit, amount, currency) for unit, amount in amounts if amount]
    parts = [f"meter {row['meter']}", f"sold {' and '.join(sold) or 'nothing'}"]
    if row["last_seen_s"] is None:
        parts.append("never seen")
    else:
        if row["charged"] is not None:
            parts.append(f"charged {amount_text(row['unit'], row['charged'], currency)}")
        parts.append(f"balance {amount_text(row['unit'], row['balance'], currency)}")
        parts.append(f"alarms {row['alarms'] or 'none'}")
        parts.append(f"seen {time_text(row['last_seen_s'])}")
    if row["findings"]:
        parts.append(f"LOOK INTO THIS: {row['findings']}")
    return "  ".join(parts)


def _sale_line(row, currency) -> str:
    by = "" if row["operator"] is None else f"  by operator {row['operator']}"
    said = order_text(row, currency)
    return f"{time_text(row['issued_s'])}  meter {row['meter']}  token {row['sequence']}  {said}  {row['state']}{by}"


def _print(rows, lines, arguments) -> None:
    if arguments.json:
        print(json.dumps(rows, indent=2))
    elif arguments.csv:
        if rows:
            writer = csv.DictWriter(sys.stdout, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    elif lines:
        print("\n".join(lines))
