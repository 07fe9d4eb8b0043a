"""The pages of the office and of the manager: their content, their refusals, and their questions to the record."""

import html
import io
import re

import openpyxl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.tools.office.desk_rows import MILLION, add_sale, add_token, make_street, now_s, this_month
from wattpurse_tools.office.site_days import month_text
from wattpurse_tools.record.models import (
    AuditEntry,
    Card,
    Customer,
    ManagedAccount,
    Meter,
    Premises,
    Tariff,
    TariffPlan,
    Tenancy,
    User,
)

LISTS = (
    "/office/customers/",
    "/office/premises/",
    "/office/meters/",
    "/office/tariffs/",
    "/office/tariffs/plans",
    "/office/cards/",
    "/office/passes",
    "/office/rounds",
)
OTHERS = (
    "/office/import",
    "/office/customers/new",
    "/office/customers/1",
    "/office/cards/new",
    "/manager/month",
    "/manager/month.xlsx",
    "/manager/reports/revenue",
    "/manager/reports/revenue.csv",
    "/manager/audit",
    "/manager/backups",
)
REPORTS = ("revenue", "energy", "rates", "losses", "unredeemed", "debts", "tamper", "unlike")


@pytest.fixture
def desk(pages):
    """Return a client of the pages, with a manager logged in."""
    pages.log_in("manager")
    return pages


def queries_of(client, address):
    """Return the number of questions to the record of one page."""
    with CaptureQueriesContext(connection) as asked:
        answer = client.get(address)
    assert answer.status_code == 200, address
    return len(asked)


def words_of(client, address):
    """Return the words of a page, each text of it on a line."""
    answer = client.get(address)
    assert answer.status_code == 200, address
    texts = re.findall(r">([^<>]+)<", answer.content.decode())
    return "\n".join(html.unescape(text).strip() for text in texts)


def test_a_cashier_and_a_stranger_see_no_page_of_the_office(office, pages):
    for address in (*LISTS, *OTHERS):
        answer = pages.get(address)
        assert answer.status_code == 302, address
        assert answer.headers["Location"].startswith("/login"), address
    pages.log_in("cashier")
    for address in (*LISTS, *OTHERS):
        assert pages.get(address).status_code == 403, address


def test_the_number_of_questions_of_a_list_does_not_grow_with_the_list(any_office, desk):
    make_street(2)
    few = {address: queries_of(desk, address) for address in LISTS}
    for place in range(3, 40):
        one = Customer.objects.create(number=place, name=f"Person {place}", created_s=now_s())
        meter = Meter.objects.create(number=2000 + place, currency="EUR", decimals=2, unit="money")
        there = Premises.objects.create(name=f"Flat {place}")
        Tenancy.objects.create(premises=there, customer=one, meter_number=meter.number, from_s=1)
    many = {address: queries_of(desk, address) for address in LISTS}
    assert many == few
    assert max(many.values()) <= 7


def test_the_pages_are_in_the_language_of_the_person(office, desk):
    make_street(1)
    add_token(1001, now_s(), 5 * MILLION, state="on card")
    Card.objects.create(uid="04aa", name="ada", meter_number=1001, role="customer", state="lost")
    User.objects.filter(username="manager").update(language="de")
    shown = {address: words_of(desk, address) for address in (*LISTS, *OTHERS) if "." not in address}
    assert {"Kunde", "verloren", "Zustand"} <= set(shown["/office/cards/"].split("\n"))
    assert "Energie" in shown["/manager/month"]
    assert "auf der Karte" in words_of(desk, "/office/meters/1001")
    assert "Guthaben laut letzter Meldung" in words_of(desk, "/office/meters/1001")
    User.objects.filter(username="manager").update(language="fr")
    assert {"client", "perdue", "État"} <= set(words_of(desk, "/office/cards/").split("\n"))


def test_the_second_page_of_a_list_begins_after_the_last_row_of_the_first(office, desk):
    Customer.objects.bulk_create(
        Customer(number=number, name=f"Person {number}", created_s=now_s()) for number in range(1, 121)
    )
    first = desk.get("/office/customers/?q=Person")
    assert first.content.decode().count("/office/customers/") >= 50
    assert "q=Person&amp;after=50" in first.content.decode()
    last = desk.get("/office/customers/?q=Person&after=100").content.decode()
    assert "Person 101<" in last
    assert "Person 100<" not in last
    assert 'rel="next"' not in last


def test_a_customer_is_added_and_changed_on_the_pages(office, desk):
    make_street(1)
    answer = desk.post("/office/customers/new", {"name": "Ada", "customer_type": "trade", "language": "de"})
    added = Customer.objects.get(name="Ada")
    assert answer.headers["Location"] == f"/office/customers/{added.number}"
    facts = {"name": "Ada", "customer_type": "", "language": "de", "phone": "no number", "is_active": "on"}
    assert b"no telephone number" in desk.post(f"/office/customers/{added.number}", facts).content
    answer = desk.post(f"/office/customers/{added.number}", facts | {"phone": "0170 123"})
    assert answer.status_code == 302
    assert Customer.objects.get(name="Ada").phone == "0170 123"
    entry = AuditEntry.objects.order_by("-id").first()
    assert (entry.action, entry.subject, entry.operator) == ("customer change", f"customer:{added.number}", 1)
    assert entry.address == "127.0.0.1"


def test_a_tenant_cannot_be_made_a_former_customer(office, desk):
    make_street(1)
    answer = desk.post("/office/customers/1", {"name": "Person 1", "language": "en"})
    assert b"move the customer out first" in answer.content
    assert Customer.objects.get(number=1).is_active


def test_the_page_of_a_meter_shows_its_history(office, desk):
    make_street(2, months=3)
    add_sale(1001, this_month())
    add_token(1001, now_s(), 5 * MILLION, state="issued")
    content = desk.get("/office/meters/1001").content.decode()
    for words in ("Person 1", "House 1", "100 kWh", "night 30 kWh", "prepaid-money", "issued", "20.00"):
        assert words in content.replace("\xa0", " "), words
    assert queries_of(desk, "/office/meters/1001") <= 20


def test_a_meter_with_an_account_shows_the_balance_of_the_account(office, desk):
    make_street(2)
    Meter.objects.update(balance=0, told_s=now_s(), days_left=1)
    ManagedAccount.objects.create(
        tenancy=Tenancy.objects.get(meter_number=1001), meter_id=1001, opened_s=1, balance_microunits=7_650_000
    )
    for address in ("/office/meters/?q=1001", "/office/meters/1001"):
        content = desk.get(address).content.decode().replace("\xa0", " ")
        assert "7.65 EUR" in content, address
        assert "0.00 EUR" not in content, address
        assert "as last told" not in content
    low = desk.get("/office/meters/?show=low").content.decode()
    assert "/office/meters/1002" in low
    assert "/office/meters/1001" not in low


def test_a_stopped_meter_says_why(office, desk):
    make_street(1)
    Meter.objects.filter(number=1001).update(is_stopped=True, stop_reason="its statement knows more tokens")
    assert b"its statement knows more tokens" in desk.get("/office/meters/1001").content
    assert b"1001" in desk.get("/office/meters/?show=stopped").content
    assert b"1001" not in desk.get("/office/meters/?show=alarms").content


def test_names_that_are_markup_are_shown_as_text(office, desk):
    make_street(1)
    Customer.objects.update(name="<script>alert(1)</script>")
    for address in ("/office/customers/", "/office/customers/1", "/office/meters/", "/office/meters/1001"):
        content = desk.get(address).content
        assert b"<script>alert" not in content
        assert b"&lt;script&gt;alert" in content


def test_the_month_of_a_manager_shows_charts_and_tables_without_style_or_script(office, desk):
    make_street(4, months=2)
    add_sale(1001, this_month(), tax=3_193_277)
    content = desk.get("/manager/month").content.decode()
    assert '<svg class="chart"' in content
    assert "style=" not in content
    assert "<script" not in content
    assert "16.806723" in content  # 20.00 less its tax
    assert "Losses" in content


def test_each_report_is_a_page_a_csv_and_a_workbook(any_office, desk):
    make_street(3, months=8)
    for month in range(this_month() - 7, this_month()):
        add_sale(1001, month)
    add_sale(1001, this_month(), gross=200 * MILLION)
    add_token(1002, now_s(), 7 * MILLION, state="issued")
    now = month_text(this_month())
    for name in REPORTS:
        address = f"/manager/reports/{name}"
        assert queries_of(desk, f"{address}?month={now}") <= 40, name
        assert queries_of(desk, f"{address}?month={now}") <= 20, name
        csv = desk.get(f"{address}.csv", {"month": now})
        assert csv.headers["Content-Disposition"] == f'attachment; filename="{name}-{now}.csv"'
        book = openpyxl.load_workbook(io.BytesIO(desk.get(f"{address}.xlsx", {"month": now}).content))
        lines = csv.content.decode("utf-8-sig").splitlines()
        assert lines[0].split(",") == [cell.value for cell in book[name][1]], name
    book = openpyxl.load_workbook(io.BytesIO(desk.get("/manager/month.xlsx").content))
    assert tuple(book.sheetnames) == REPORTS


def test_a_month_that_is_none_has_no_page(office, desk):
    assert desk.get("/manager/month?month=2026-13").status_code == 404
    assert desk.get("/manager/reports/passwords").status_code == 404


def test_the_audit_trail_is_filtered_and_its_chain_checked(office, desk):
    desk.post("/office/premises/new", {"name": "House 9", "address": "", "feeder": ""})
    desk.post("/office/customers/new", {"name": "Ada", "customer_type": "", "language": "en"})
    content = desk.get("/manager/audit?action=premises&operator=1&check=1").content.decode()
    assert "premises:House 9" in content
    assert "customer add" not in content
    assert "The chain is whole" in content
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER audit_entries_no_update")
        cursor.execute("UPDATE audit_entries SET subject = 'premises:House 8' WHERE subject = 'premises:House 9'")
    assert "does not fit" in desk.get("/manager/audit?check=1").content.decode()


def test_a_file_is_looked_at_before_it_is_imported(office, desk):
    table = b"name,premises,meter,contract\nAda,House 1,1001,prepaid-money\nBob,House 2,1002,prepaid-money\n"
    answer = desk.post("/office/import", {"file": io.BytesIO(table)})
    assert Customer.objects.count() == 0
    content = answer.content.decode()
    confirm = content.partition('name="confirm" value="')[2].partition('"')[0]
    kept = office.folder.path / "uploads" / confirm
    assert kept.read_bytes() == table
    assert kept.stat().st_mode & 0o777 == 0o600
    assert desk.post("/office/import", {"confirm": confirm}).status_code == 302
    assert Tenancy.objects.count() == 2
    assert not kept.exists()


def test_a_confirmation_names_no_file_elsewhere(office, desk):
    (office.folder.path / "secret2").write_text("name\nAda\n")
    for name in ("../secret2", "secret2", "0" * 64, ""):
        assert desk.post("/office/import", {"confirm": name}).status_code == 302
    assert Customer.objects.count() == 0


def test_wrong_lines_of_a_file_are_listed_and_cannot_be_confirmed(office, desk):
    table = b"name,premises,meter,contract\nAda,House 1,1001,prepaid-cash\n,House 2,x,prepaid-money\n"
    content = desk.post("/office/import", {"file": io.BytesIO(table)}).content.decode()
    assert "prepaid-cash is no contract" in content
    assert "x is wrong; write a whole number" in content
    assert "confirm" not in content


def test_a_tariff_is_tried_added_billed_and_planned_on_the_pages(office, desk):
    make_street(3)
    document = tariff_text(1)
    tried = desk.post("/office/tariffs/new", {"name": "household", "document": document, "try": "1"})
    assert b"A meter would take it" in tried.content
    assert not Tariff.objects.exists()
    added = desk.post("/office/tariffs/new", {"name": "household", "document": document})
    key = Tariff.objects.get().pk
    assert added.headers["Location"] == f"/office/tariffs/{key}"
    made, managed = (
        desk.post(f"/office/tariffs/{key}", {"kwh": "100", "contract": contract}).content.decode()
        for contract in ("prepaid-money", "managed")
    )
    assert re.findall("<tbody>.*</tbody>", managed, re.DOTALL) == re.findall("<tbody>.*</tbody>", made, re.DOTALL)
    assert "30.00" in made.replace("\xa0", " ")  # 100 kWh at 0.30
    planned = desk.post(
        f"/office/tariffs/{key}/plan",
        {"customer_type": "household", "feeder": "", "numbers": "", "since": "2026-01-01"},
    )
    assert b"2 meters wait" in planned.content
    assert sorted(TariffPlan.objects.values_list("meter_id", flat=True)) == [1001, 1003]
    assert desk.get("/office/tariffs/plans").content.count(b"/office/meters/") >= 2
    desk.post("/office/tariffs/plans", {"numbers": "1001"})
    assert list(TariffPlan.objects.values_list("meter_id", flat=True)) == [1003]


def tariff_text(version, currency="EUR", price="0.30"):
    """Return a tariff with one rate."""
    return f"""
version = {version}
activation = "2025-01-01T00:00:00+00:00"
currency = "{currency}"

[zone]
offset = "+00:00"

[[rates]]
name = "ALL"
prices = ["{price}"]
"""
