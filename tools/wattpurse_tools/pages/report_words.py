"""The headings, notes and fixed cells of a report in the language in force. Files keep the names that programs read."""

from dataclasses import replace

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from wattpurse_tools.office.report_tables import Cell, ReportTable
from wattpurse_tools.office.reports import NEEDED_MONTHS, UNLIKE_FACTOR, USUAL_MONTHS

HEADINGS = (
    _("age"),
    _("currency"),
    _("customer"),
    _("customer type"),
    _("debt collected"),
    _("energy"),
    _("fed"),
    _("feeder"),
    _("gross"),
    _("lost"),
    _("lost share"),
    _("meter"),
    _("meters"),
    _("meters that told it"),
    _("money"),
    _("month"),
    _("name"),
    _("net"),
    _("not told"),
    _("of usual"),
    _("owed"),
    _("paid back"),
    _("premises"),
    _("rate"),
    _("receipts"),
    _("sold as kWh"),
    _("statements"),
    _("tax"),
    _("tenancy"),
    _("tokens"),
    _("used"),
    _("usual energy"),
    _("usual money"),
    _("what the meter saw"),
)
NOTES = (
    _(
        "By the business day of the shop. A void counts below zero on its own day. Debt that a sale collects and credit"
        " that is paid back are no revenue, and stand apart."
    ),
    _("Sold: credit of meters that count in kWh. Credit of money is in the revenue."),
    _(
        "Used: the months that the meters' statements tell, without the feeders' own meters. The newest month grows"
        " until it is closed."
    ),
    _("A card without room for the rates tells the total alone."),
    _("A token counts until a statement of its meter comes home and shows it as redeemed."),
    _("By the ledger. A meter's own debt counter may be ahead of it until its statement comes home."),
    _("A loss is unknown until the feeder's meter and every meter behind it have told the closed month."),
)
# Cells by the name of their column. Any other cell is a name or an amount.
_CELLS = {
    "customer type": (_("(none)"),),
    "rate": (_("(rate not told)"),),
    "tenancy": (_("open"), _("ended")),
    "age": (_("up to 30 days"), _("30 to 90 days"), _("more than 90 days")),
}


def in_words(table: ReportTable, title: str) -> ReportTable:
    """Return a report as its page shows it, under a title in the language in force."""
    fixed = [_CELLS.get(column.name, ()) for column in table.columns]
    return replace(
        table,
        title=title,
        columns=tuple(replace(column, name=gettext(column.name)) for column in table.columns),
        rows=[[_cell(cell, known) for cell, known in zip(row, fixed, strict=True)] for row in table.rows],
        notes=(unlike_note(),) if table.name == "unlike" else tuple(map(gettext, table.notes)),
    )


def unlike_note() -> str:
    """Return the note of the report on unlike purchases."""
    words = gettext(
        "Unlike: less than a third, or more than %(factor)s times, of the usual purchase. The usual purchase is the"
        " median of the %(usual)s months before, for meters that bought in at least %(needed)s of them. Voided and"
        " forfeited tokens do not count. The running month is low until it ends."
    )
    return words % {"factor": UNLIKE_FACTOR, "usual": USUAL_MONTHS, "needed": NEEDED_MONTHS}


def _cell(cell: Cell, known: tuple[str, ...]) -> Cell:
    return gettext(cell) if isinstance(cell, str) and cell in known else cell
