"""The documents of X and Z reports."""

from django.utils.translation import gettext as _

from wattpurse_tools.office.shifts import Cash, ShiftReport, Total
from wattpurse_tools.pages.amount_texts import money_text, time_text
from wattpurse_tools.pages.receipts.document import (
    RULE,
    TITLE,
    TOTAL,
    Document,
    Row,
    document,
    payment_text,
    thing_text,
)


def report_document(report: ShiftReport, decimals: int, is_copy: bool = False) -> Document:
    """Return the document of a report. Before the cash is counted it has counts and no sums."""
    shift = report.shift
    shop = shift.till.shop
    is_told = report.cash.counted_microunits is not None
    number = shift.z_number
    rows = [Row(_("COPY"), style=TITLE)] if is_copy else []
    rows += [
        Row(shop.name, style=TITLE),
        Row(_("X report") if number is None else _("Z report"), "" if number is None else str(number), TITLE),
        Row(_("Till"), str(shift.till.number)),
        Row(_("Cashier"), str(shift.operator)),
        Row(_("Opened"), time_text(shift.opened_s, shop.time_zone)),
    ]
    if shift.closed_s is not None:
        rows.append(Row(_("Closed"), time_text(shift.closed_s, shop.time_zone)))
    if report.first_receipt:
        rows.append(Row(_("Receipts"), f"{report.first_receipt} – {report.last_receipt}"))
    for heading, totals in report.totals.items():
        rows += _part(heading, totals, report.currency, decimals, is_told)
    return document([*rows, Row("", style=RULE), *_cash_rows(report.cash, report.currency, decimals)])


def _part(heading: str, totals: tuple[Total, ...], currency: str, decimals: int, is_told: bool) -> list[Row]:
    """Return the rows of a part of a report, or none if nothing was sold."""
    if not totals:
        return []
    titles = {
        "transaction": _("By kind"),
        "operator": _("By cashier"),
        "payment": _("By way to pay"),
        "resource": _("By what was sold"),
        "tax": _("Taxes in it"),
    }
    rows = [Row("", style=RULE), Row(titles.get(heading, heading), style=TITLE)]
    for one in totals:
        money = f" {money_text(one.gross_microunits, currency, decimals)}" if is_told else ""
        rows.append(Row(f"{_name(heading, one.name)} × {one.count}", money.strip()))
    return rows


def _name(heading: str, name: str) -> str:
    if heading == "payment":
        return payment_text(name)
    return thing_text(name) if heading in ("transaction", "resource") else name


def _cash_rows(cash: Cash, currency: str, decimals: int) -> list[Row]:
    def row(words: str, microunits: int, style: str = "plain") -> Row:
        return Row(words, money_text(microunits, currency, decimals), style)

    rows = [row(_("Float"), cash.float_microunits)]
    if cash.counted_microunits is None or cash.expected_microunits is None or cash.difference_microunits is None:
        return rows
    return [
        *rows,
        row(_("Cash expected"), cash.expected_microunits),
        row(_("Cash counted"), cash.counted_microunits),
        row(_("Difference"), cash.difference_microunits, TOTAL),
    ]
