"""The manager's pages: a month at a glance, and each report as a page, CSV or XLSX."""

import time
from collections.abc import Callable
from dataclasses import replace

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from wattpurse_tools.office import backup_state, losses, reports
from wattpurse_tools.office.report_tables import ReportTable, csv_of, xlsx_of
from wattpurse_tools.office.site_days import month_of, month_text, parse_month, site_zone, today
from wattpurse_tools.pages import charts
from wattpurse_tools.pages.access import OfficeRequest, page
from wattpurse_tools.pages.report_words import in_words
from wattpurse_tools.record.models import Meter

_YEAR = 12
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
# Reports by name. Each takes the first and the last month.
_REPORTS: dict[str, Callable[[int, int], ReportTable]] = {
    "revenue": reports.revenue,
    "energy": reports.energy,
    "rates": lambda _first, last: reports.rates(last),
    "losses": lambda _first, last: losses.losses(last),
    "unredeemed": lambda _first, _last: reports.unredeemed(int(time.time())),
    "debts": lambda _first, _last: reports.debts(),
    "tamper": lambda _first, last: reports.tamper(last),
    "unlike": lambda _first, last: reports.unlike(last),
}
_SUMMED_BY_MONTH = ("revenue", "energy")
_OF_THIS_MOMENT = ("unredeemed", "debts")


@page("manage")
def month(request: OfficeRequest) -> HttpResponse:
    """Show a month: revenue and energy of the year before, losses, unredeemed credit, and meters to look at."""
    last = _month(request)
    first = last - _YEAR + 1
    names = _names()
    revenue = in_words(reports.revenue(first, last), names["revenue"])
    content = {
        **_choice(request, last),
        "revenue_now": replace(revenue, rows=[row for row in revenue.rows if row[0] == month_text(last)]),
        "revenue_charts": _revenue_charts(revenue, first, last),
        "energy_chart": _use_chart(first, last),
        "energy": in_words(reports.energy(last, last), names["energy"]),
        "losses": in_words(losses.losses(last), names["losses"]),
        "unredeemed": in_words(reports.unredeemed(int(time.time())), names["unredeemed"]),
        "alarms": Meter.objects.filter(is_retired=False).exclude(alarms="").count(),
        "backup": backup_state.state(request.office.folder, int(time.time())),
        "stopped": Meter.objects.filter(is_retired=False, is_stopped=True).count(),
    }
    return render(request, "pages/manager/month.html", content)


@page("manage")
def report(request: OfficeRequest, name: str, form: str = "") -> HttpResponse:
    """Show a report, or send it as CSV or XLSX."""
    if name not in _REPORTS:
        raise Http404(name)
    last = _month(request)
    first = last - _YEAR + 1 if name in _SUMMED_BY_MONTH else last
    table = _REPORTS[name](first, last)
    if form == "csv":
        return _file(csv_of(table), "text/csv; charset=utf-8", f"{name}-{month_text(last)}.csv")
    if form == "xlsx":
        return _file(xlsx_of([table]), _XLSX, f"{name}-{month_text(last)}.xlsx")
    title = _names()[name]
    table = in_words(table, title if name in _OF_THIS_MOMENT else f"{title}, {_span(first, last)}")
    drawn = []
    if name == "revenue":
        drawn = _revenue_charts(table, first, last)
    elif name == "energy":
        drawn = [_energy_chart(table, first, last)]
    content = {**_choice(request, last), "table": table, "charts": drawn, "name": name}
    return render(request, "pages/manager/report.html", content)


@page("manage")
def workbook(request: OfficeRequest) -> HttpResponse:
    """Send all reports of a month as one workbook."""
    last = _month(request)
    tables = [make(last - _YEAR + 1 if name in _SUMMED_BY_MONTH else last, last) for name, make in _REPORTS.items()]
    return _file(xlsx_of(tables), _XLSX, f"month-{month_text(last)}.xlsx")


def _month(request: OfficeRequest) -> int:
    """Return the month that the address names, or the running one."""
    text = request.GET.get("month", "")
    if not text:
        return month_of(today(site_zone()))
    try:
        return parse_month(text)
    except ValueError as error:
        raise Http404(str(error)) from None


def _choice(request: OfficeRequest, last: int) -> dict[str, object]:
    names = _names()
    return {
        "month": last,
        "month_text": month_text(last),
        "before": month_text(last - 1),
        "following": month_text(last + 1),
        "reports": [(name, names[name]) for name in _REPORTS],
    }


def _names() -> dict[str, str]:
    """Return the title of each report."""
    return {
        "revenue": _("Revenue"),
        "energy": _("Energy"),
        "rates": _("Rates"),
        "losses": _("Losses"),
        "unredeemed": _("Unredeemed credit"),
        "debts": _("Debts"),
        "tamper": _("Tamper"),
        "unlike": _("Unlike purchases"),
    }


def _span(first: int, last: int) -> str:
    return month_text(last) if first == last else f"{month_text(first)} – {month_text(last)}"


def _revenue_charts(table: ReportTable, first: int, last: int) -> list[str]:
    """Return a chart of the gross revenue by type of customer for each currency."""
    labels = [month_text(one) for one in range(first, last + 1)]
    drawn = []
    for currency in sorted({str(row[2]) for row in table.rows}):
        sums = {(str(row[0]), str(row[1])): int(row[6] or 0) for row in table.rows if row[2] == currency}
        title = _("Revenue by month, in %(currency)s") % {"currency": currency}
        drawn.append(charts.bars(title, currency, labels, _series(sums, labels)))
    return drawn


def _use_chart(first: int, last: int) -> str:
    """Return a chart of the energy used in each month."""
    used = reports.used_by_month(first, last)
    labels = [month_text(one) for one in range(first, last + 1)]
    series = charts.Series(_("all customers"), [used.get(one, 0) for one in range(first, last + 1)])
    return charts.bars(_("Energy used by month, in kWh"), "kWh", labels, [series])


def _energy_chart(table: ReportTable, first: int, last: int) -> str:
    labels = [month_text(one) for one in range(first, last + 1)]
    sums = {(str(row[0]), str(row[1])): int(row[3] or 0) for row in table.rows}
    return charts.bars(_("Energy used by month, in kWh"), "kWh", labels, _series(sums, labels))


def _series(sums: dict[tuple[str, str], int], labels: list[str]) -> list[charts.Series]:
    names = sorted({name for _month, name in sums})
    return [charts.Series(name, [sums.get((label, name), 0) for label in labels]) for name in names]


def _file(data: bytes, kind: str, name: str) -> HttpResponse:
    return HttpResponse(data, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})
