"""`wattpurse station`: reports on meters and sales, prices, and the shift of the command line."""

import csv
import json
import sys
from argparse import Namespace, _SubParsersAction

from wattpurse.core.currency import Currency
from wattpurse.core.money.token_windows import number_text
from wattpurse_tools.commands import station_till
from wattpurse_tools.commands.station_options import (
    add_station_options,
    open_station,
)
from wattpurse_tools.station.actions import reports
from wattpurse_tools.station.actions.tokens import IssuedToken
from wattpurse_tools.station.card_report import amount_text
from wattpurse_tools.station.currencies import currency_of_meter
from wattpurse_tools.station.order import ENERGY, MONEY, duration_text
from wattpurse_tools.utc_texts import rfc3339, time_text

_SALE_COLUMNS = ("meter", "sequence", "issued_s", "unit", "amount", "words", "state", "operator")


def add_parser(subparsers: _SubParsersAction) -> None:
    """Add `station` and its actions."""
    parser = subparsers.add_parser("station", help="report on meters and sales; prices; your shift")
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    for name, text, run in (
        ("report", "each meter: sold, charged, balance, alarms, last seen, contradictions", run_report),
        ("sales", "each token: its meter, content, time, operator and state", run_sales),
    ):
        report = actions.add_parser(name, help=text)
        form = report.add_mutually_exclusive_group()
        form.add_argument("--csv", action="store_true", help="for a spreadsheet; amounts in micro-units and mWh")
        form.add_argument("--json", action="store_true", help="for programs; the same amounts")
        add_station_options(report)
        report.set_defaults(run=run)
    station_till.add_actions(actions)


def run_report(arguments: Namespace) -> int:
    """Print a line, or an object, for each meter. The exit status is 1 if there are contradictions."""
    with open_station(arguments) as station:
        rows = reports.meter_report(station)
        lines = [_meter_line(row, currency_of_meter(station, row["meter"])) for row in rows]
    _print(rows, lines, arguments)
    return 1 if any(row["findings"] for row in rows) else 0


def run_sales(arguments: Namespace) -> int:
    """Print a line, or an object, for each token."""
    with open_station(arguments) as station:
        sales = reports.sales(station)
    rows = [{name: sale[name] for name in _SALE_COLUMNS} | {"issued": rfc3339(sale["issued_s"])} for sale in sales]
    _print(rows, [_sale_line(sale) for sale in sales], arguments)
    return 0


def _meter_line(row: dict, currency: Currency) -> str:
    amounts = [(unit, row[f"sold_{unit}"]) for unit in (MONEY, ENERGY)]
    sold = [amount_text(unit, amount, currency) for unit, amount in amounts if amount]
    sold += [duration_text(row["sold_time_s"])] if row["sold_time_s"] else []
    parts = [f"meter {row['meter']}", f"sold {' and '.join(sold) or 'nothing'}"]
    if row["last_seen_s"] is None:
        parts.append("never seen")
    else:
        for name, words in (("bought", "bought"), ("given_back", "given back"), ("charged", "charged")):
            if row[name] is not None and (row[name] or name == "charged"):
                parts.append(f"{words} {amount_text(row['unit'], row[name], currency)}")
        parts.append(f"balance {amount_text(row['unit'], row['balance'], currency)}")
        parts.append(f"alarms {row['alarms'] or 'none'}")
        parts.append(f"seen {time_text(row['last_seen_s'])}")
    if row["findings"]:
        parts.append(f"LOOK INTO THIS: {row['findings']}")
    return "  ".join(parts)


def _sale_line(sale: IssuedToken) -> str:
    by = "" if sale["operator"] is None else f"  by operator {sale['operator']}"
    place = f"meter {sale['meter']}  token {number_text(sale['sequence'])}"
    return f"{time_text(sale['issued_s'])}  {place}  {sale['text']}  {sale['state']}{by}"


def _print(rows: list[dict], lines: list[str], arguments: Namespace) -> None:
    if arguments.json:
        print(json.dumps(rows, indent=2))
    elif arguments.csv:
        if rows:
            writer = csv.DictWriter(sys.stdout, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif lines:
        print("\n".join(lines))
