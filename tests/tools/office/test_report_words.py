"""Reports on the manager's pages are in the language in force. Their files keep the names that programs read."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
from django.utils import translation

from tests.tools.office.desk_rows import add_sale, make_street, this_month
from wattpurse_tools.office import losses, reports
from wattpurse_tools.pages import report_words
from wattpurse_tools.record.models import Customer, User


def _headings():
    for module in (reports, losses):
        for node in ast.walk(ast.parse(Path(module.__file__).read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Column":
                yield node.args[0].value


def _tables():
    month = this_month()
    return [
        reports.revenue(month, month),
        reports.energy(month, month),
        reports.rates(month),
        losses.losses(month),
        reports.unredeemed(0),
        reports.debts(),
        reports.tamper(month),
        reports.unlike(month),
    ]


def test_each_heading_and_note_of_a_report_is_known_to_the_translators(office):
    assert set(_headings()) == set(report_words.HEADINGS)
    notes = {note for table in _tables() for note in table.notes}
    assert notes == {*report_words.NOTES, report_words.unlike_note()}


def test_a_report_in_english_is_as_the_office_made_it(office):
    make_street(1)
    add_sale(1001, this_month())
    for table in _tables():
        shown = report_words.in_words(table, table.title)
        assert (shown.columns, shown.notes) == (table.columns, table.notes)
        assert [tuple(row) for row in shown.rows] == [tuple(row) for row in table.rows]


@pytest.mark.parametrize(
    ("language", "heading", "nobody"), [("es", "tipo de cliente", "(ninguno)"), ("ar", "نوع الزبون", "(لا يوجد)")]
)
def test_a_manager_reads_a_report_in_the_own_language_and_the_file_keeps_its_names(
    office, pages, language, heading, nobody
):
    make_street(1)
    Customer.objects.update(customer_type=None)
    add_sale(1001, this_month())
    pages.log_in("manager")
    User.objects.filter(username="manager").update(language=language)
    content = pages.get("/manager/reports/revenue").content.decode()
    assert f">{heading}<" in content
    assert f">{nobody}<" in content
    assert "customer type" not in content
    assert b"customer type" in pages.get("/manager/reports/revenue.csv").content


def test_a_customer_type_with_the_name_of_a_state_keeps_its_name(office):
    table = reports.revenue(this_month(), this_month())
    row = (*("2026-01", "open", "EUR"), *range(6))
    with translation.override("es"):
        assert report_words.in_words(replace(table, rows=[row]), "").rows[0][1] == "open"
