"""The demo: a whole year of a site, whose books are sound, and whose people may log in."""

import pytest
from django.db import connections

from tests.office_of_tests import PASSPHRASE
from wattpurse.core.money import contract as contracts
from wattpurse_tools.office import checking, demo, losses, setting_up, shop_day
from wattpurse_tools.office.actor import Actor
from wattpurse_tools.office.office import open_office
from wattpurse_tools.record.models import (
    Card,
    Contract,
    Customer,
    Feeder,
    Meter,
    MonthlyReading,
    Sale,
    Shop,
    Statement,
    Tenancy,
    Till,
    Token,
    User,
)
from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.vault import setup
from wattpurse_tools.vault.engine import Vault


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return a demo with the people that it printed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("DATABASE_URL", raising=False)
        folder = OfficeFolder(tmp_path_factory.mktemp("demo") / "office")
        plan = setting_up.Plan(managers=("manager", "second"))
        people = setting_up.set_up(folder, PASSPHRASE, plan, setup.create_for_tests)
        with Vault.open(folder.vault, PASSPHRASE) as vault, open_office(folder, vault) as office:
            people += demo.build(office, people)
            yield office, people
        connections.close_all()


@pytest.fixture
def office(site):
    return site[0]


def test_books_of_the_demo_are_sound(office):
    checked = checking.check(office, Actor(1, "", frozenset({"manage"})))
    assert checked.findings == ()
    assert checked.rows["sales"] > 1000


def test_there_are_three_shops_and_sixty_meters_of_all_contracts(office):
    assert (Shop.objects.count(), Till.objects.count(), Meter.objects.count()) == (3, 6, 60)
    assert set(Contract.objects.values_list("name", flat=True)) == {one.name for one in contracts.CONTRACTS}
    assert {shop.language for shop in Shop.objects.all()} == {"en", "de", "fr"}
    assert Sale.objects.values("shop").distinct().count() == 3


def test_customers_have_several_languages_and_histories(office):
    assert set(Customer.objects.values_list("language", flat=True)) == {"en", "de", "fr", "es", "ar"}
    assert Tenancy.objects.exclude(until_s=None).count() == Meter.objects.filter(is_retired=True).count() == 2


def test_a_year_of_statements_and_months_is_there(office):
    first, last = (Statement.objects.order_by(order)[0].time_s for order in ("time_s", "-time_s"))
    assert last - first > 330 * 86_400
    assert MonthlyReading.objects.values("month").distinct().count() >= 12
    assert Meter.objects.exclude(alarms="").count() == 2
    assert Token.objects.exclude(state="redeemed").exists()


def test_feeders_lose_energy(office):
    assert Feeder.objects.count() == 2
    month = MonthlyReading.objects.filter(is_closed=True).order_by("-month")[0].month
    assert len(losses.feeder_months(month)) == 2
    told = MonthlyReading.objects.filter(month=month - 1)
    for feeder in Feeder.objects.select_related("meter"):
        fed = told.get(meter=feeder.meter).total_wh
        used = sum(
            told.filter(meter__installations__premises__feeder=feeder)
            .exclude(meter=feeder.meter)
            .values_list("total_wh", flat=True)
        )
        assert fed > used > 0


def test_people_of_all_roles_may_sign_on(site):
    office, people = site
    assert {User.objects.get(username=one.username).role for one in people} == {"manager", "clerk", "cashier"}
    for one in people:
        assert User.objects.get(username=one.username).check_password(one.password)
        assert office.keys.sign_on(one.operator, one.pin).operator == one.operator


def test_cards_in_the_folder_are_those_of_customers(office):
    for name, _, meter_number in demo.CARDS:
        assert (office.folder.cards / f"{name}.json").exists()
        assert Card.objects.get(name=name).tenancy == Tenancy.objects.get(meter_number=meter_number)
    assert not Token.objects.filter(meter_id=demo.NEW_METER).exists()
    assert office.keys.last_count(demo.NEW_METER) == 0


def test_reports_of_a_shop_reconcile(office):
    told = shop_day.reconcile(office, Actor(1, "", frozenset({"manage"})))
    assert told
