"""Cards, passes, rounds, approvals, moves and backups, on the pages and behind them."""

import os
from datetime import UTC

import pytest

from tests.office_of_tests import MANAGER, PINS, SECOND
from tests.tools.office.desk_rows import make_street
from wattpurse_tools.office import cards, decisions, tariff_plans
from wattpurse_tools.office.actor import NotPermitted
from wattpurse_tools.office.decisions import Decider
from wattpurse_tools.office.site_days import today
from wattpurse_tools.record.models import (
    AuditEntry,
    Card,
    DataRound,
    Installation,
    Meter,
    MonthlyReading,
    Premises,
    Tariff,
    TariffPlan,
    Tenancy,
    Token,
)
from wattpurse_tools.station.monthly_readings import note_months


@pytest.fixture
def desk(request):
    """Return a client of the pages, with a manager logged in."""
    client = request.getfixturevalue("pages")
    client.log_in("manager")
    return client


@pytest.fixture
def card(office, manager):
    """Return the card of the customer of meter 1001."""
    make_street(2)
    Meter.objects.update(key_version=office.keys.newest_version, site_version=office.keys.newest_version)
    cards.new_customer_card(office, manager, "ada", "ntag215", 1001)
    return Card.objects.get(name="ada")


def test_a_card_is_reported_lost_and_found_again_with_reasons(office, desk, card):
    address = f"/office/cards/{card.uid}"
    assert b"write the reason" in desk.post(address, {"action": "lost", "reason": " "}).content
    assert desk.post(address, {"action": "lost", "reason": "call of Ada"}).status_code == 302
    assert Card.objects.get().state == "lost"
    assert b"is lost already" in desk.post(address, {"action": "block", "reason": "again"}).content
    assert desk.post(address, {"action": "free", "reason": "found"}).status_code == 302
    assert Card.objects.get().state == "active"
    noted = AuditEntry.objects.filter(subject=f"card:{card.uid}").order_by("id")
    assert [(one.action, one.detail.get("reason")) for one in noted] == [
        ("card new", None),
        ("card lost", "call of Ada"),
        ("card active", "found"),
    ]


def test_a_new_card_takes_the_place_of_a_lost_one_and_the_lost_one_stays_lost(office, manager, desk, card):
    cards.report_lost(office, manager, card.uid, "call")
    desk.post("/office/cards/new", {"name": "ada2", "kind": "ntag215", "meter": "1001"})
    answer = desk.post(f"/office/cards/{card.uid}", {"action": "replace", "name": "ada2"})
    assert answer.status_code == 302
    Card.objects.filter(name="ada2").update(issued_s=card.issued_s + 1)
    with pytest.raises(ValueError, match="is replaced by card ada2"):
        cards.free(office, manager, card.uid, "found")
    assert cards.find_cards("1001", "lost").rows == [Card.objects.get(pk=card.uid)]


def test_a_card_that_nobody_lost_is_not_replaced(office, manager, card):
    with pytest.raises(ValueError, match="report it lost before you replace it"):
        cards.replace(office, manager, card.uid, "other")


def test_a_cashier_blocks_no_card(office, cashier, card):
    with pytest.raises(NotPermitted):
        cards.block(office, cashier, card.uid, "spite")


def test_a_pass_of_an_operator_whose_card_the_vault_does_not_know_names_the_command(office, desk):
    form = {
        "make": "operator",
        "operator-name": "second",
        "operator-kind": "ntag215",
        "operator-person": "2",
        "operator-until": "2099-12-31",
        "operator-reason": "new in the shop",
    }
    assert b"wattpurse vault operator set --card" in desk.post("/office/passes", form).content
    assert not Card.objects.filter(role="operator").exists()


def test_a_technicians_pass_opens_the_meters_that_are_named(office, desk, card):
    form = {
        "make": "service",
        "service-name": "tina",
        "service-kind": "ntag215",
        "service-person": "7",
        "service-until": "2099-12-31",
        "service-meters": "1002",
    }
    assert desk.post("/office/passes", form).status_code == 302
    made = Card.objects.get(role="service")
    entry = AuditEntry.objects.get(subject=f"card:{made.uid}")
    assert (entry.detail["technician"], entry.detail["meters"]) == (7, 1)
    assert b"7777" in desk.post("/office/passes", form | {"service-name": "tom", "service-meters": "7777"}).content
    assert Card.objects.filter(role="service").count() == 1


def test_the_second_person_decides_with_a_pin_and_nobody_decides_an_own_request(office, manager, desk):
    number = office.keys.propose(manager.ticket, "void", {"sale": 1}, "typed twice")
    address, form = "/manager/approvals", {"request": number, "operator": SECOND, "pin": PINS[SECOND]}
    own = desk.post(address, {**form, "operator": MANAGER, "pin": PINS[MANAGER], "approve": "1"})
    assert b"another operator has to approve" in own.content
    assert b"write the reason of the denial" in desk.post(address, {**form, "deny": "1"}).content
    assert desk.post(address, {**form, "approve": "1"}).status_code == 302
    _, decided = decisions.waiting(office, manager)
    assert [(one.number, one.state, one.decider) for one in decided] == [(number, "approved", SECOND)]
    entry = AuditEntry.objects.order_by("-id").first()
    assert (entry.action, entry.operator, entry.address) == ("approved", SECOND, "127.0.0.1")


def test_a_wrong_pin_decides_nothing(office, manager):
    number = office.keys.propose(manager.ticket, "void", {"sale": 1}, "typed twice")
    with pytest.raises(ValueError, match="PIN"):
        decisions.decide(office, manager, Decider(SECOND, "000000"), number, True)
    assert decisions.waiting(office, manager)[0][0].number == number


def test_a_backup_is_late_until_one_is_made(office, desk):
    assert b"There is no backup" in desk.get("/manager/backups").content
    assert desk.post("/manager/backups").status_code == 302
    content = desk.get("/manager/backups").content.decode()
    assert "office-" in content
    assert "There is no backup" not in content
    (file,) = office.folder.backups.iterdir()
    old = file.read_bytes()
    file.write_bytes(b"nothing" + old[7:])
    content = desk.get("/manager/backups").content.decode()
    assert "There is no backup" in content


def test_a_data_card_goes_out_and_comes_home(office, desk, card):
    desk.post("/office/rounds", {"do": "new", "name": "round", "kind": "ntag216", "statements": "short"})
    answer = desk.post("/office/rounds", {"do": "load", "card": "round", "feeder": "", "numbers": "1001 1002"})
    assert answer.status_code == 302
    went = DataRound.objects.get()
    assert (went.meters, went.read_s) == ([1001, 1002], None)
    home = desk.post("/office/rounds", {"do": "read", "card": "round"}).content.decode()
    assert home.count("told nothing") == 2
    went.refresh_from_db()
    assert went.read_s is not None
    assert went.statements == 0
    assert b"write the numbers" in desk.post("/office/rounds", {"do": "load", "card": "round"}, follow=True).content


def test_a_customer_moves_out_and_a_meter_is_replaced_on_the_pages(office, desk):
    make_street(2)
    place = Premises.objects.get(name="House 1")
    desk.post("/office/meters/new", {"number": "1500", "contract": "prepaid-money"})
    desk.post(f"/office/premises/{place.pk}/meter", {"meter": "1500", "start": "1.5", "end": "777.25"})
    old, new = Installation.objects.get(meter_id=1001), Installation.objects.get(meter_id=1500)
    assert (old.end_mwh, new.start_mwh, new.premises) == (777_250_000, 1_500_000, place)
    assert Meter.objects.get(number=1001).is_retired
    tenancy = Tenancy.objects.get(premises=place, until_s=None)
    assert tenancy.meter_number == 1500
    desk.post(f"/office/tenancies/{tenancy.pk}/move-out", {"day": "2026-01-01"})
    assert Tenancy.objects.get(pk=tenancy.pk).until_s is not None


def test_the_first_tenant_of_a_new_meter_moves_in_without_a_second_person(office, desk):
    make_street(1)
    place = Premises.objects.create(name="House 9")
    desk.post("/office/meters/new", {"number": "1500", "contract": "prepaid-money"})
    desk.post(f"/office/premises/{place.pk}/meter", {"meter": "1500", "start": "0"})
    answer = desk.post(f"/office/premises/{place.pk}/move-in", {"customer": "1", "day": "2026-11-01"})
    assert answer.status_code == 302
    made = Tenancy.objects.get(premises=place)
    assert (made.meter_number, made.tenant, len(made.page_code)) == (1500, 0, 24)
    again = desk.post(f"/office/premises/{place.pk}/move-in", {"customer": "1", "day": "2026-11-02"})
    assert b"enter the move-out first" in again.content


def test_the_second_tenant_moves_in_after_a_second_person_has_approved(office, manager, desk):
    make_street(2)
    place = Premises.objects.create(name="House 9")
    desk.post("/office/meters/new", {"number": "1500", "contract": "prepaid-money"})
    desk.post(f"/office/premises/{place.pk}/meter", {"meter": "1500", "start": "0"})
    day = str(today(UTC))
    address = f"/office/premises/{place.pk}/move-in"
    desk.post(address, {"customer": "1", "day": day})
    desk.post(f"/office/tenancies/{Tenancy.objects.get(premises=place).pk}/move-out", {"day": day})
    form = {"customer": "2", "day": day, "reason": "the flat is let again"}
    assert b"waits for a second person" in desk.post(address, form).content
    assert Tenancy.objects.filter(premises=place).count() == 1
    (request,) = decisions.waiting(office, manager)[0]
    assert request.reason == "the flat is let again"
    assert b"the flat is let again" in desk.get("/manager/approvals").content
    decision = {"request": request.number, "operator": SECOND, "pin": PINS[SECOND], "approve": "1"}
    assert desk.post("/manager/approvals", decision).status_code == 302
    assert desk.post(address, form | {"approval": request.number}).status_code == 302
    assert Tenancy.objects.get(premises=place, until_s=None).tenant == 1


def test_meters_that_would_refuse_a_tariff_are_left_out_of_its_plan_with_the_reason(any_office, manager):
    from tests.tools.office.test_desk_pages import tariff_text

    make_street(3)
    Meter.objects.filter(number=1002).update(currency="GBP")
    Meter.objects.filter(number=1003).update(is_retired=True)
    tariff = tariff_plans.add_version(any_office, manager, "household", tariff_text(5))
    planned = tariff_plans.plan(any_office, manager, tariff, [1001, 1002, 1003, 77], 100)
    assert planned.count == 1
    assert dict(planned.left_out) == {
        1002: "has credit in GBP, and the tariff is in EUR",
        1003: "is retired",
        77: "is not in the record",
    }


def test_a_later_plan_takes_the_place_of_one_that_waits_and_leaves_one_that_is_carried(any_office, manager):
    from tests.tools.office.test_desk_pages import tariff_text

    make_street(1)
    first = tariff_plans.add_version(any_office, manager, "household", tariff_text(5))
    second = tariff_plans.add_version(any_office, manager, "household", tariff_text(6))
    tariff_plans.plan(any_office, manager, first, [1001], 100)
    carried = TariffPlan.objects.get()
    carried.token = Token.objects.create(meter_id=1001, sequence=1, kind=5, issued_s=1, sealed=b"", state="issued")
    carried.save()
    tariff_plans.plan(any_office, manager, first, [1001], 200)
    tariff_plans.plan(any_office, manager, second, [1001], 300)
    rows = list(TariffPlan.objects.order_by("from_s").values_list("tariff__version", "from_s"))
    assert rows == [(5, 100), (6, 300)]
    assert tariff_plans.cancel(any_office, manager, [1001]) == 1


def test_a_version_of_a_tariff_is_used_once_and_follows_the_one_before(any_office, manager):
    from tests.tools.office.test_desk_pages import tariff_text

    tariff_plans.add_version(any_office, manager, "household", tariff_text(5))
    for text, words in (
        (tariff_text(5), "5 does not follow 5"),
        (tariff_text(6, "GBP"), "GBP does not follow EUR"),
        ("version = [", "is neither TOML nor JSON"),
        ("{}", "rates"),
    ):
        with pytest.raises(ValueError, match=words):
            tariff_plans.add_version(any_office, manager, "household", text)
    assert list(Tariff.objects.values_list("version", flat=True)) == [5]


def test_later_statements_complete_a_month_and_an_older_one_changes_nothing(any_office):
    make_street(1)

    def tell(total, *rates, index=24_320, closed=()):
        months = [{"index": index, "total_wh": total}]
        if rates:
            months[0] |= {"rate_wh": list(rates), "charge_microunits": total * 300}
        months += [{"index": index - age, "total_wh": wh} for age, wh in enumerate(closed, 1)]
        return note_months(1001, {"months": months, "rate_names": ["day", "night"]})

    assert tell(100, 70, 30) == 1
    assert tell(150, 100, 50) == 1
    assert tell(120, 80, 40) == 0
    row = MonthlyReading.objects.get()
    assert (row.total_wh, row.rate_wh, row.is_closed) == (150, {"day": 100, "night": 50}, False)
    assert tell(5, index=24_321, closed=(150,)) == 2  # a card with room for the totals alone
    row.refresh_from_db()
    assert (row.total_wh, row.rate_wh, row.is_closed) == (150, {"day": 100, "night": 50}, True)
    assert tell(900, 500, 400) == 0  # a closed month does not grow


def test_an_upload_is_not_written_through_a_planted_link(office, desk, tmp_path):
    import hashlib
    import io

    table = b"name\nAda\n"
    folder = office.folder.path / "uploads"
    folder.mkdir(0o700)
    victim = tmp_path / "victim"
    victim.write_text("mine")
    os.symlink(victim, folder / hashlib.sha256(table).hexdigest())
    desk.post("/office/import", {"file": io.BytesIO(table)})
    assert victim.read_text() == "mine"
