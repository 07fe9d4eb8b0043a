"""Bulk import: all rows or none, and every wrong line with its number and a remedy."""

import io

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.tools.office.desk_rows import make_street
from wattpurse_tools.office import bulk_import
from wattpurse_tools.office.actor import NotPermitted
from wattpurse_tools.office.import_tables import Faulty
from wattpurse_tools.record.models import (
    AuditEntry,
    Contract,
    Customer,
    CustomerType,
    Feeder,
    Installation,
    Meter,
    Premises,
    Tenancy,
)

GOOD = """customer,name,type,language,premises,feeder,meter,contract,register_kwh,since
17,Ada Lovelace,household,en,House 1,North,1001,prepaid-money,12.5,2026-01-31
,Bob,,de,House 2,North,1002,prepaid-energy,,2026-02-01
17,Ada Lovelace,household,en,House 3,,1003,term,0,
,,,,House 4,,1004,prepaid-money,,
,Cem,,fr,,,,,,
"""


@pytest.fixture
def kinds(request):
    """Return nothing; the office has a type of customer and a feeder."""
    request.getfixturevalue("any_office" if "any_office" in request.fixturenames else "office")
    CustomerType.objects.create(name="household")
    Feeder.objects.create(name="North")


def words_of(plan):
    """Return the faults of a plan as texts."""
    return [str(fault) for fault in plan.faults]


def test_a_good_file_becomes_customers_premises_meters_and_tenancies(any_office, manager, kinds):
    plan = bulk_import.book(any_office, manager, GOOD.encode())
    assert plan.counts() == {"rows": 5, "customers": 3, "premises": 4, "meters": 4, "tenancies": 3}
    assert list(Customer.objects.order_by("number").values_list("number", "name")) == [
        (17, "Ada Lovelace"),
        (18, "Bob"),
        (19, "Cem"),
    ]
    ada = Customer.objects.get(number=17)
    assert sorted(Tenancy.objects.filter(customer=ada).values_list("meter_number", flat=True)) == [1001, 1003]
    first = Installation.objects.get(meter_id=1001)
    assert (first.start_mwh, first.premises.name, first.premises.feeder.name) == (12_500_000, "House 1", "North")
    assert dict(Meter.objects.values_list("number", "unit")) == {
        1001: "money",
        1002: "energy",
        1003: "money",
        1004: "money",
    }
    assert Contract.objects.get(meter_id=1002).name == "prepaid-energy"
    assert not Tenancy.objects.filter(meter_number=1004).exists()
    codes = set(Tenancy.objects.values_list("page_code", flat=True))
    assert len(codes) == 3
    assert all(len(code) == 24 for code in codes)
    entry = AuditEntry.objects.order_by("-id").first()
    assert (entry.action, entry.detail["rows"]) == ("import", 5)


def test_one_wrong_line_of_many_leaves_everything_out(any_office, manager, kinds):
    wrong = GOOD + ",Dan,,en,House 5,,1005,prepaid-gold,,\n"
    with pytest.raises(ValueError, match="nothing was imported: line 7, contract: prepaid-gold is no contract"):
        bulk_import.book(any_office, manager, wrong.encode())
    assert not Customer.objects.exists()
    assert not Meter.objects.exists()
    assert not AuditEntry.objects.filter(action="import").exists()


def test_every_wrong_cell_is_named_with_its_line(office):
    make_street(1)
    table = """customer,name,type,language,email,phone,premises,feeder,meter,contract,register_kwh,since
1,Somebody,,en,,,Flat 1,,,,,
x,Ada,,en,,,Flat 2,,2001,prepaid-money,,
,,,en,,,Flat 3,,2002,,,
,Ada,castle,xx,no mail,no phone,,,,,,
,Ada,,en,,,Flat 4,South,1001,prepaid-money,1.1.1,2999-01-01
,Ada,,en,,,House 1,,,,,2026-02-30
,Ada,,en,,,,,2003,prepaid-money,,
,Ada,,en,,,Flat 4,,2001,prepaid-money,,
,,,,,,,,,prepaid-money,,
"""
    said = words_of(bulk_import.read(table.encode()))
    for words in (
        "line 2, name: customer 1 is Person 1 in the record",
        "line 3, customer: x is wrong; write a whole number",
        "line 4, contract: empty is no contract",
        "line 5, language: xx is not one of",
        "line 5, type: castle is unknown; the types are",
        "line 6, feeder: South is unknown",
        "line 6, meter: 1001 is in the record already",
        "line 6, register_kwh: 1.1.1 is wrong",
        "line 6, since: 2999-01-01 lies ahead",
        "line 7, premises: House 1 is in the record already",
        "line 7, since: 2026-02-30: write year, month and day",
        "line 8, premises: is empty",
        "line 9, premises: Flat 4 is on line 6 too",
        "line 9, meter: 2001 is on line 3 too",
        "line 10, meter: is empty, and there is a contract",
        "line 10, customer: the row has no customer",
    ):
        assert any(one.startswith(words) for one in said), (words, said)
    assert [int(one.split(",")[0][5:]) for one in said] == sorted(int(one.split(",")[0][5:]) for one in said)


def test_one_customer_with_two_names_is_refused(office):
    table = "customer,name\n5,Ada\n5,Eve\n"
    assert words_of(bulk_import.read(table.encode())) == ["line 3, name: customer 5 is Ada on line 2; write one name"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "the file is empty"),
        (b"name,colour\nAda,red\n", "line 1: column colour is unknown"),
        (b"name,name\nAda,Ada\n", "line 1: column name is there twice"),
        (b"name\nAda\xff\n", "line 2: is not text in UTF-8"),
        (b"name,phone\nLovelace, Ada, 5\n", "line 2: has more cells than the heading"),
        (b'name\n"Ada\n', "line 2: cannot be read"),
        (b"PK\x03\x04nothing", "the file is no workbook"),
        (b"\x00\x01", "neither CSV nor XLSX"),
    ],
)
def test_a_file_that_is_no_table_says_where_and_what_to_do(office, data, words):
    with pytest.raises(Faulty, match=words):
        bulk_import.read(data)


def test_a_workbook_is_read_as_its_csv(any_office, manager, kinds):
    book = openpyxl.Workbook()
    for line in GOOD.splitlines():
        cells = [int(cell) if cell.isdecimal() else cell or None for cell in line.split(",")]
        book.active.append(cells)
    data = io.BytesIO()
    book.save(data)
    from_book, from_csv = bulk_import.read(data.getvalue()), bulk_import.read(GOOD.encode())
    assert not from_book.faults
    assert from_book.entries == from_csv.entries


def test_semicolons_a_byte_order_mark_and_quoted_line_ends_are_read(office):
    table = '\ufeffname;address\n"Ada";"Long Street 1"\n\n"Bob";x\n'
    plan = bulk_import.read(table.encode())
    assert [(entry.line, entry.facts.name) for entry in plan.entries] == [(2, "Ada"), (4, "Bob")]


def test_a_second_import_of_the_same_file_is_refused(office, manager, kinds):
    bulk_import.book(office, manager, GOOD.encode())
    with pytest.raises(ValueError, match="in the record already"):
        bulk_import.book(office, manager, GOOD.encode())
    assert Customer.objects.count() == 3


def test_a_cashier_imports_nothing(office, cashier):
    with pytest.raises(NotPermitted):
        bulk_import.book(office, cashier, b"name\nAda\n")


def test_the_number_of_questions_grows_by_batches_and_not_by_rows(office, manager):
    def questions(first, count):
        rows = "".join(f"Person {row},Place {row},{row},prepaid-money\n" for row in range(first, first + count))
        with CaptureQueriesContext(connection) as asked:
            bulk_import.book(office, manager, f"name,premises,meter,contract\n{rows}".encode())
        return len(asked)

    few = questions(1, 2)
    assert questions(100, 200) <= few + 10
    assert Tenancy.objects.count() == 202
    assert Premises.objects.count() == 202
