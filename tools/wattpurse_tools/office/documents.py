"""Receipts and reports of shifts for programs: the parts that the command line and the API have in common.

Amounts are micro-units.
"""

from wattpurse_tools.office.sale_types import Line
from wattpurse_tools.office.shifts import ShiftReport


def line_document(line: Line) -> dict:
    """Return a line of a receipt."""
    return {
        "what": line.what,
        "text": line.text,
        "quantity": line.quantity,
        "unit": line.unit,
        "net_microunits": line.net_microunits,
        "tax_ppm": line.tax.ppm,
        "tax_microunits": line.tax_microunits,
        "gross_microunits": line.gross_microunits,
    }


def report_document(report: ShiftReport) -> dict:
    """Return the totals, the cash and the receipts of a shift."""
    return {
        "currency": report.currency,
        "totals": {
            heading: [{"name": one.name, "count": one.count, "gross_microunits": one.gross_microunits} for one in rows]
            for heading, rows in report.totals.items()
        },
        "counted_microunits": report.cash.counted_microunits,
        "expected_microunits": report.cash.expected_microunits,
        "difference_microunits": report.cash.difference_microunits,
        "first_receipt": report.first_receipt,
        "last_receipt": report.last_receipt,
    }
