"""Reference data in the admin: managers alone, nothing of money, every change in the audit trail, nothing deleted."""

import pytest

from wattpurse_tools.record.models import AuditEntry, CustomerType, Feeder, Meter, Shop, TaxRate

TABLES = ("customertype", "taxrate", "shop", "till", "feeder")


@pytest.fixture
def admin(office, pages):
    """Return a client with a manager logged in."""
    pages.log_in("manager")
    return pages


def test_the_admin_has_reference_data_and_nothing_else(admin):
    content = admin.get("/admin/").content.decode()
    for table in TABLES:
        assert f"/admin/record/{table}/" in content
        assert admin.get(f"/admin/record/{table}/").status_code == 200
        assert admin.get(f"/admin/record/{table}/add/").status_code == 200
    for table in ("sale", "token", "meter", "price", "user", "customer"):
        assert f"/admin/record/{table}/" not in content
        assert admin.get(f"/admin/record/{table}/").status_code == 404


def test_a_cashier_and_a_stranger_are_not_let_in(office, pages):
    assert pages.get("/admin/record/shop/").status_code == 302
    pages.log_in("cashier")
    assert pages.get("/admin/record/shop/").status_code in (302, 403)
    assert pages.post("/admin/record/customertype/add/", {"name": "mine"}).status_code in (302, 403)
    assert not CustomerType.objects.exists()


def test_a_change_is_in_the_audit_trail_with_the_person(admin):
    assert admin.post("/admin/record/customertype/add/", {"name": "household"}).status_code == 302
    key = CustomerType.objects.get().pk
    admin.post(f"/admin/record/customertype/{key}/change/", {"name": "home"})
    entries = AuditEntry.objects.filter(subject=f"customertype:{key}").order_by("id")
    assert [(one.action, one.detail, one.operator) for one in entries] == [
        ("customertype add", {"name": "household"}, 1),
        ("customertype change", {"name": "home"}, 1),
    ]


def test_nothing_is_deleted_and_no_tax_rate_is_changed(admin):
    kind = CustomerType.objects.create(name="household")
    rate = TaxRate.objects.create(name="VAT", rate_ppm=190_000, from_day="2026-01-01")
    assert admin.post(f"/admin/record/customertype/{kind.pk}/delete/", {"post": "yes"}).status_code == 403
    form = {"name": "VAT", "rate_ppm": "0", "from_day": "2026-01-01"}
    assert admin.post(f"/admin/record/taxrate/{rate.pk}/change/", form).status_code == 403
    rate.refresh_from_db()
    assert rate.rate_ppm == 190_000


def test_a_receipt_number_cannot_be_typed(admin):
    shop = Shop.objects.get()
    assert b"last_receipt" not in admin.get(f"/admin/record/shop/{shop.pk}/change/").content


def test_a_feeder_names_its_meter_by_number(admin):
    Meter.objects.create(number=900, currency="EUR", decimals=2)
    assert admin.post("/admin/record/feeder/add/", {"name": "North", "meter": "900"}).status_code == 302
    assert Feeder.objects.get().meter.number == 900
