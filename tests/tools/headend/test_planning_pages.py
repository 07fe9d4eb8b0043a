"""Pages of shortages, temporary supplies, trust proposals and payments: planned, lifted, ended, decided, refused."""

from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.tools.headend.fleet_rows import connect, make_fleet, manage
from tests.tools.office.desk_rows import make_street, now_s
from wattpurse_tools.headend import payments, shortages
from wattpurse_tools.office.site_days import site_zone
from wattpurse_tools.pages.local_times import local_text
from wattpurse_tools.record.models import (
    AuditEntry,
    Command,
    Feeder,
    ManagedAccount,
    Payment,
    Shop,
    Shortage,
    TemporarySupply,
    TrustProposal,
)

HOUR_S = 3600
PAGES = ("/headend/shortages", "/headend/supplies", "/headend/trust", "/headend/payments", "/headend/load")


@pytest.fixture
def desk(pages):
    """Return a client of the pages, with a manager logged in."""
    pages.log_in("manager")
    return pages


def shown(client, address):
    """Return the text of a page."""
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def typed(time_s):
    """Return a time as the form of a page has it."""
    return local_text(time_s, site_zone())


def shortage_form(**further):
    """Return the form of a shortage at North, from an hour on, of two hours."""
    begin_s = now_s() + HOUR_S
    return {
        "do": "plan",
        "feeder": "North",
        "level": "4",
        "share": "50",
        "from_time": typed(begin_s),
        "until_time": typed(begin_s + 2 * HOUR_S),
        "spares_paid": "on",
        "reason": "a transformer is repaired",
    } | further


def test_strangers_and_cashiers_see_none_of_these_pages(office, pages):
    for address in PAGES:
        assert pages.get(address).headers["Location"].startswith("/login"), address
    pages.log_in("cashier")
    for address in PAGES:
        assert pages.get(address).status_code == 403, address
        assert pages.post(address, shortage_form()).status_code == 403, address
    assert not Shortage.objects.exists()


def test_empty_pages_say_so(office, desk):
    for address, words in zip(
        PAGES,
        (
            "There has been no shortage.",
            "There has been no temporary supply.",
            "No proposal is here.",
            "No payment fits.",
            "No two statements",
        ),
        strict=True,
    ):
        assert words in shown(desk, address), address


def test_a_shortage_is_planned_and_lifted_with_entries_of_the_audit_trail(office, desk):
    make_street(2)
    assert desk.post("/headend/shortages", shortage_form()).status_code == 302
    planned = Shortage.objects.get()
    assert (planned.feeder.name, planned.level, planned.share_ppm, planned.state) == ("North", 4, 500_000, "planned")
    assert planned.until_s - planned.from_s == 2 * HOUR_S
    assert abs(planned.from_s - now_s() - HOUR_S) <= 90
    assert (planned.planned_by, planned.spares_paid) == (1, True)
    assert AuditEntry.objects.order_by("-id").first().action == "plan shortage"
    page = shown(desk, "/headend/shortages")
    assert "a transformer is repaired" in page
    assert "50\xa0%" in page
    assert desk.post("/headend/shortages", {"do": "lift", "shortage": str(planned.pk)}).status_code == 302
    planned.refresh_from_db()
    assert (planned.state, planned.lifted_by) == ("lifted", 1)
    assert AuditEntry.objects.order_by("-id").first().action == "lift shortage"
    assert 'value="lift"' not in shown(desk, "/headend/shortages")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"reason": ""}, "This field is required"),
        ({"reason": "  "}, "This field is required"),
        ({"level": "10"}, "Select a valid choice"),
        ({"share": "0"}, "greater than or equal to 1"),
        ({"feeder": "South"}, "Select a valid choice"),
        ({"until_time": "tomorrow"}, "Write day and time"),
        ({"until_time": "2020-01-01T00:00"}, "ends after its begin"),
    ],
)
def test_a_wrong_shortage_is_refused_in_words(office, desk, wrong, words):
    make_street(1)
    answer = desk.post("/headend/shortages", shortage_form(**wrong))
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not Shortage.objects.exists()


def test_a_second_shortage_of_the_same_time_is_refused_and_a_form_without_secret_too(office, desk):
    make_street(1)
    desk.post("/headend/shortages", shortage_form())
    assert b"another shortage of this feeder" in desk.post("/headend/shortages", shortage_form(feeder="")).content
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = desk.cookies
    lift = {"do": "lift", "shortage": str(Shortage.objects.get().pk)}
    assert strict.post("/headend/shortages", lift).status_code == 403
    assert Shortage.objects.get().state == "planned"
    assert desk.post("/headend/shortages", lift | {"shortage": "99"}).status_code == 200


def test_times_of_forms_are_those_of_the_site(office, desk):
    make_street(1)
    Shop.objects.update(time_zone="Africa/Nairobi")
    year = datetime.now(UTC).year + 1
    times = {"from_time": f"{year}-06-01T18:00", "until_time": f"{year}-06-01T20:00"}
    desk.post("/headend/shortages", shortage_form(**times))
    assert Shortage.objects.get().from_s == int(datetime(year, 6, 1, 15, tzinfo=UTC).timestamp())


def test_the_meters_of_a_shortage_are_counted_without_a_question_for_each(office, desk, manager):
    make_fleet(now_s())
    asked = []
    for number in range(2):
        begin_s = now_s() + number * 10 * HOUR_S
        plan = shortages.Plan(Feeder.objects.get(), 9, begin_s, begin_s + HOUR_S, "dry")
        made = shortages.plan(office, manager, plan, now_s())
        made.meters.create(meter_id=1001)
        made.meters.create(meter_id=1002, is_off=False)
        with CaptureQueriesContext(connection) as queries:
            page = shown(desk, "/headend/shortages")
        asked.append(len(queries))
    assert asked[0] == asked[1]
    assert page.count('<td class="number">2</td><td class="number">0</td><td class="number">0</td>') == 2


def test_a_temporary_supply_is_planned_for_a_tenant_at_a_managed_meter_and_ended(site, pages):
    pages.log_in("manager")
    begin_s = now_s() + HOUR_S
    form = {
        "do": "plan",
        "meter": "4",
        "from_time": typed(begin_s),
        "until_time": typed(begin_s + 24 * HOUR_S),
        "reason": "the market of May",
    }
    assert b"no tenant at this meter" in pages.post("/headend/supplies", form | {"meter": "3"}).content
    assert pages.post("/headend/supplies", form | {"meter": "1"}).status_code == 200  # it is not managed
    assert not TemporarySupply.objects.exists()
    assert pages.post("/headend/supplies", form).status_code == 302
    made = TemporarySupply.objects.get()
    assert (made.meter_id, made.state, made.reason) == (4, "planned", "the market of May")
    assert ManagedAccount.objects.filter(pk=made.tenancy_id).exists()
    assert "the market of May" in shown(pages, "/headend/supplies")
    assert pages.post("/headend/supplies", {"do": "end", "supply": str(made.pk)}).status_code == 302
    made.refresh_from_db()
    assert made.until_s <= now_s()
    assert AuditEntry.objects.order_by("-id").first().action == "end supply"


def test_a_person_decides_on_a_trust_proposal_once(office, desk):
    make_street(2)
    for number in (1001, 1002):
        account = manage(number, now_s())
        TrustProposal.objects.create(
            tenancy=account.tenancy,
            what="limit",
            amount_microunits=12_000_000,
            facts={"months": 7, "mean_month_microunits": 24_000_000},
            proposed_s=now_s(),
        )
    page = shown(desk, "/headend/trust")
    assert "12.00\xa0EUR" in page
    assert "mean payment of a month" in page
    assert "24.00\xa0EUR" in page
    first, second = TrustProposal.objects.order_by("pk")
    desk.post("/headend/trust", {"proposal": str(first.pk), "do": "accept"})
    desk.post("/headend/trust", {"proposal": str(second.pk), "do": "deny"})
    desk.post("/headend/trust", {"proposal": str(second.pk), "do": "accept"})  # too late
    desk.post("/headend/trust", {"proposal": "x", "do": "accept"})
    assert list(TrustProposal.objects.order_by("pk").values_list("state", flat=True)) == ["accepted", "denied"]
    limits = ManagedAccount.objects.order_by("pk").values_list("limit_microunits", flat=True)
    assert list(limits) == [12_000_000, 0]
    assert AuditEntry.objects.filter(action="trust").count() == 2
    assert "No proposal is here." in shown(desk, "/headend/trust")
    assert "Person 2" in shown(desk, "/headend/trust?decided=1")


def test_payments_are_shown_by_state(office, desk):
    notice = payments.record(
        "stripe", "pi_1", payments.PAID, 9_990_000, "EUR", "<b>77</b>", "Ada", now_s(), "{}", now_s()
    )
    Payment.objects.create(notice=notice, state="suspense", reason="no meter")
    page = shown(desk, "/headend/payments?state=suspense")
    assert "9.99\xa0EUR" in page
    assert "&lt;b&gt;77" in page
    assert "No payment fits." in shown(desk, "/headend/payments?state=sold")
    assert desk.get("/headend/payments?state=lost").status_code == 404


def test_the_load_is_shown_live(office, desk):
    make_street(1)
    connect(1001, now_s())
    from tests.tools.headend.test_load import SLOT_S
    from wattpurse_tools.record.models import Statement

    end_s = now_s() // SLOT_S * SLOT_S
    for number in range(9):
        Statement.objects.create(
            meter_id=1001,
            time_s=end_s - number * SLOT_S,
            number=9 - number,
            unit="money",
            contract=1,
            balance=0,
            total_mwh=(9 - number) * 500_000,
        )
    page = shown(desk, "/headend/load?hours=3")
    assert "2\xa0kW" in page
    assert "<polyline" in page
    assert 'hx-get="/headend/load?hours=3&amp;part=load"' in page
    assert "<h1>" not in shown(desk, "/headend/load?hours=3&part=load")
    for wrong in ("5", "x", ""):
        assert desk.get(f"/headend/load?hours={wrong}").status_code == 404


def test_no_command_is_queued_by_looking(office, desk):
    make_fleet(now_s())
    for address in PAGES:
        shown(desk, address)
    assert not Command.objects.exists()
