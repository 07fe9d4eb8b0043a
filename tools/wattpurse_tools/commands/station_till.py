"""`wattpurse station price`, `x`, `count`, `z` and `deposit`: prices, and the shift of the command line."""

import json
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Callable

from wattpurse_tools.commands.station_options import actor_of, add_selling_options, office_of, open_shop_of
from wattpurse_tools.office import counter, price_list, shifts
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.documents import report_document
from wattpurse_tools.office.office import Office
from wattpurse_tools.office.prices import PRICED
from wattpurse_tools.office.shifts import ShiftReport
from wattpurse_tools.record.models import Shift
from wattpurse_tools.station.amounts import parse_amount, parse_price
from wattpurse_tools.station.currencies import site_currency
from wattpurse_tools.station.order import MONEY
from wattpurse_tools.station.shop import Shop
from wattpurse_tools.utc_texts import rfc3339


def add_actions(actions: _SubParsersAction) -> None:
    """Add them to the actions of `wattpurse station`."""
    price = _add(actions, "price", "list the prices, or set one that holds from now on", run_price)
    price.add_argument(
        "what", nargs="?", choices=PRICED, help="a kWh, a day of a term, a day of a permit, a sale's fee"
    )
    price.add_argument("gross", nargs="?", metavar="MONEY", help="the price with tax, such as 0.30")
    price.add_argument("--customer-type", default="", metavar="NAME", help="for this type of customer alone")
    price.add_argument("--tax", default="", metavar="NAME", help="the tax that it contains")
    _add_shop(_add(actions, "x", "show the totals of your shift at the command line so far", run_x))
    count = _add(actions, "count", "enter the cash that you counted; the expected sum is shown after that", run_count)
    count.add_argument("counted", metavar="MONEY", help="such as 120.00")
    _add_shop(count)
    _add_shop(_add(actions, "z", "close your shift at the command line with its Z report", run_z))
    deposit = _add(actions, "deposit", "book money that the shop took to the bank", run_deposit)
    deposit.add_argument("amount", metavar="MONEY", help="such as 500.00")
    deposit.add_argument("reference", help="the bank's reference; a deposit is booked once by it")
    _add_shop(deposit)


def run_price(arguments: Namespace) -> int:
    """List the prices, or set one."""
    with open_shop_of(arguments) as shop:
        if (arguments.what is None) != (arguments.gross is None):
            raise ValueError("name both, such as: wattpurse station price kwh 0.30")
        if arguments.what is not None:
            gross = parse_price(arguments.gross, "MONEY")
            office = office_of(arguments, shop)
            price_list.set_price(office, actor_of(shop), arguments.what, gross, arguments.customer_type, arguments.tax)
        rows = [
            {
                "what": one.what,
                "customer_type": None if one.customer_type is None else one.customer_type.name,
                "currency": one.currency,
                "gross_microunits": one.gross_microunits,
                "tax": None if one.tax is None else one.tax.name,
                "from": rfc3339(one.from_s),
            }
            for one in price_list.price_list()
        ]
        money = site_currency()
    lines = [
        f"{row['what']}: {money.exact_text(row['gross_microunits'])} from {row['from']}"
        + (f", tax {row['tax']}" if row["tax"] else "")
        + (f", {row['customer_type']}" if row["customer_type"] else "")
        for row in rows
    ]
    print(json.dumps(rows, indent=2) if arguments.json else "\n".join(lines) or "no price is set")
    return 0


def run_x(arguments: Namespace) -> int:
    """Print the X report."""
    return _report(arguments, lambda office, actor, shift, _shop: shifts.x_report(office, actor, shift))


def run_count(arguments: Namespace) -> int:
    """Enter the cash count, and print the report with the expected sum."""

    def count(office: Office, actor: Actor, shift: Shift, shop: Shop) -> ShiftReport:
        counted = parse_amount(MONEY, arguments.counted, "MONEY", site_currency())
        return shifts.count_cash(office, actor, shift, counted)

    return _report(arguments, count)


def run_z(arguments: Namespace) -> int:
    """Close the shift, and print its Z report."""
    return _report(arguments, lambda office, actor, shift, _shop: shifts.close_shift(office, actor, shift))


def run_deposit(arguments: Namespace) -> int:
    """Book a deposit."""
    with open_shop_of(arguments) as shop:
        actor = actor_of(shop)
        currency = site_currency()
        amount = parse_amount(MONEY, arguments.amount, "MONEY", currency)
        till = counter.till_at_counter(actor, arguments.shop)
        office = office_of(arguments, shop)
        made = shifts.deposit(office, actor, till.shop, amount, arguments.reference)
        document = {"shop": till.shop.number, "amount_microunits": amount, "reference": made.reference}
        text = f"shop {till.shop.number}: {currency.exact_text(amount)} taken to the bank, {made.reference}"
    print(json.dumps(document, indent=2) if arguments.json else text)
    return 0


def _report(arguments: Namespace, action: Callable[[Office, Actor, Shift, Shop], ShiftReport]) -> int:
    with open_shop_of(arguments) as shop:
        actor = actor_of(shop)
        shift = shifts.open_shift_at(counter.till_at_counter(actor, arguments.shop))
        if shift is None:
            raise ValueError("you have no open shift at the command line; it opens with your first sale")
        office = office_of(arguments, shop)
        report = action(office, actor, shift, shop)
        money = site_currency()
    print(json.dumps(_document(report), indent=2) if arguments.json else "\n".join(_lines(report, money.exact_text)))
    return 0


def _document(report: ShiftReport) -> dict:
    shift = report.shift
    return {
        "shop": shift.till.shop.number,
        "till": shift.till.number,
        "operator": shift.operator,
        "opened": rfc3339(shift.opened_s),
        "closed": None if shift.closed_s is None else rfc3339(shift.closed_s),
        "z_number": shift.z_number,
        **report_document(report),
    }


def _lines(report: ShiftReport, money: Callable[[int], str]) -> list[str]:
    shift, cash = report.shift, report.cash
    name = "X report" if shift.z_number is None else f"Z report {shift.z_number}"
    lines = [f"{name}: shop {shift.till.shop.number}, till {shift.till.number}, operator {shift.operator}"]
    span = f"{report.first_receipt} to {report.last_receipt}" if report.last_receipt else "none"
    lines.append(f"receipts   {span}")
    for heading, rows in report.totals.items():
        lines += [f"{heading:10} {one.name}: {one.count}" + _sum(one.gross_microunits, cash, money) for one in rows]
    if cash.counted_microunits is None:
        return [*lines, "cash       not counted yet: wattpurse station count MONEY"]
    lines.append(f"counted    {money(cash.counted_microunits)}")
    lines.append(f"expected   {money(cash.expected_microunits or 0)}")
    return [*lines, f"difference {money(cash.difference_microunits or 0)}"]


def _sum(gross_microunits: int, cash: shifts.Cash, money: Callable[[int], str]) -> str:
    return "" if cash.counted_microunits is None else f", {money(gross_microunits)}"


def _add(actions: _SubParsersAction, name: str, text: str, run: Callable[[Namespace], int]) -> ArgumentParser:
    parser = actions.add_parser(name, help=text)
    add_selling_options(parser)
    parser.add_argument("--json", action="store_true", help="for programs; amounts in micro-units")
    parser.set_defaults(run=run)
    return parser


def _add_shop(parser: ArgumentParser) -> None:
    parser.add_argument("--shop", type=int, metavar="N", help="the shop; default: yours, or the first one")
