"""Rounds of the engine with 10,000 accounts: bounded, fair, urgent work first, and a cost that no history raises."""

from collections import Counter

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.tools.headend.managed_site import ManagedMeter
from tests.tools.headend.test_engine import HOUR_S, account_of, opened
from tests.tools.headend.town import FIRST, SIZE, build_town, manage_town
from tests.tools.office.desk_rows import DAY_S, make_street
from tests.tools.office.selling_site import EUR
from wattpurse_tools.headend import accounts, charging, engine, shortages
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.office import checking
from wattpurse_tools.record.models import (
    AccountCharge,
    Command,
    ManagedAccount,
    Meter,
    MeterLink,
    Shortage,
    ShortageMeter,
    Tariff,
)

QUERIES_OF_AN_ACCOUNT = 32
FEW = 300


@pytest.fixture
def town(site, now_s):
    """Return an office of 10,000 managed meters, each with news."""
    build_town(now_s)
    manage_town(site, now_s)
    return site


@pytest.fixture
def small_town(site, now_s):
    """Return an office of 300 managed meters, each with news."""
    build_town(now_s, FEW)
    manage_town(site, now_s)
    return site


def pk_of(meter_number):
    return ManagedAccount.objects.get(meter_id=meter_number).pk


def test_a_round_of_10_000_accounts_is_bounded_and_nobody_starves(town, manager, now_s):
    assert len(engine.due(policy(), now_s)) == SIZE
    with CaptureQueriesContext(connection) as queries:
        outcome = engine.run_round(town, manager, now_s)
    assert outcome.charged == engine.LIMIT == AccountCharge.objects.count()
    assert outcome.troubles == 0
    assert len(queries) <= engine.LIMIT * QUERIES_OF_AN_ACCOUNT
    summed = [one["sql"] for one in queries if "ledger_transfers" in one["sql"] and "SUM(" in one["sql"].upper()]
    assert summed == [], "a balance is summed from its rows"

    looks = Counter()
    for step in range(-(-SIZE // engine.LIMIT) - 1):
        looks.update(engine.chosen(policy(), now_s + step))
    assert len(looks) == SIZE - engine.LIMIT, "each account that waits is chosen"
    assert set(looks.values()) == {1}


def test_the_cost_of_an_account_does_not_grow_with_its_history(any_office, manager, meter, now_s):
    meter.report()
    tenancy = opened(any_office, manager, meter, now_s)
    accounts.pay_in(any_office, manager, tenancy, 90 * EUR, "card", "first", now_s)
    asked = []
    for hour in range(1, 11):
        meter.pass_to(now_s + hour * HOUR_S)
        meter.use(1000)
        meter.report()
        with CaptureQueriesContext(connection) as queries:
            assert engine.run_round(any_office, manager, now_s + hour * HOUR_S).charged == 1
        asked.append(len(queries))
        assert not [one for one in queries if "SUM" in one["sql"] and "ledger_transfers" in one["sql"]]
    assert len(set(asked[1:])) == 1, "the first round has ordered a permit too"
    assert asked[1] <= QUERIES_OF_AN_ACCOUNT + 12, "with the questions of an empty round"
    assert list(checking.check(any_office, manager).findings) == []


def test_urgent_accounts_go_before_the_backlog(small_town, manager, now_s):
    ManagedAccount.objects.update(looked_s=now_s - DAY_S)
    newest = range(FIRST + FEW - 4, FIRST + FEW)  # those behind all others
    to_close, to_renew, low, late = (pk_of(number) for number in newest)
    ManagedAccount.objects.filter(pk__in=(to_close, to_renew, low, late)).update(looked_s=now_s - 1)
    ManagedAccount.objects.filter(pk=to_close).update(is_ordered_on=False)
    ManagedAccount.objects.filter(pk=to_renew).update(permit_until_s=now_s + HOUR_S)
    ManagedAccount.objects.filter(pk=low).update(limit_microunits=EUR)
    first = engine.chosen(policy(), now_s)
    assert len(first) == engine.LIMIT
    assert {to_close, to_renew, low} <= set(first)
    assert late not in first


def test_accounts_in_trouble_delay_no_other(small_town, manager, monkeypatch, now_s):
    monkeypatch.setattr(engine, "LIMIT", 60)
    monkeypatch.setattr(engine, "SHARES", (15, 23, 22))
    Meter.objects.filter(number__lt=FIRST + 30).update(is_retired=True)
    ManagedAccount.objects.filter(meter_id__lt=FIRST + 30).update(is_ordered_on=False, billed_s=now_s)
    payer = pk_of(FIRST + 40)
    for second in range(9):
        engine.run_round(small_town, manager, now_s + second)
    ManagedAccount.objects.filter(pk=payer).update(is_ordered_on=False)
    assert payer in engine.chosen(policy(), now_s + 9), "the last looks at those in trouble were later"
    assert AccountCharge.objects.count() == FEW - 30


def test_a_clock_that_was_put_back_starves_nobody(small_town, now_s):
    ahead = pk_of(FIRST)
    ManagedAccount.objects.filter(pk=ahead).update(looked_s=now_s + 900 * DAY_S)
    ManagedAccount.objects.exclude(pk=ahead).update(looked_s=now_s - 1)
    assert engine.chosen(policy(), now_s)[0] == ahead


def test_a_share_that_is_not_used_goes_to_the_others(small_town, now_s):
    assert len(engine.chosen(policy(), now_s)) == engine.LIMIT
    ManagedAccount.objects.update(is_ordered_on=False, looked_s=0)
    assert len(engine.chosen(policy(), now_s)) == engine.LIMIT


def test_an_account_that_somebody_works_on_is_left_to_the_next_round(any_office, manager, meter, now_s):
    meter.report()
    tenancy = opened(any_office, manager, meter, now_s)
    accounts.pay_in(any_office, manager, tenancy, EUR, "card", "first", now_s)
    assert engine.chosen(policy(), now_s) == [tenancy.pk]
    assert account_of(tenancy).looked_s == now_s
    with transaction.atomic():  # the same process may work on rows that it has locked
        assert accounts.locked(tenancy.pk).pk == tenancy.pk
        assert engine.chosen(policy(), now_s + 1) == [tenancy.pk]


def test_a_shortage_of_many_meters_takes_more_rounds(any_office, manager, monkeypatch, now_s):
    monkeypatch.setattr(shortages, "LIMIT", 4)
    make_street(10)
    for number in range(1001, 1011):
        MeterLink.objects.create(meter_id=number, changed_s=now_s)
    Meter.objects.update(key_version=1, site_version=1, seen_s=now_s)
    asked = shortages.Plan(None, 5, now_s, now_s + HOUR_S, "a line is down")
    made = shortages.plan(any_office, manager, asked, now_s - 1)
    assert [shortages.run(any_office, manager, now_s + step) for step in range(4)] == [4, 4, 2, 0]
    ordered = list(Command.objects.order_by("pk").values_list("meter", flat=True))
    chosen = list(ShortageMeter.objects.order_by("pk").values_list("meter", flat=True))
    assert ordered == chosen
    assert len(set(ordered)) == 10
    shortages.lift(any_office, manager, Shortage.objects.get(pk=made.pk), now_s + 10)
    assert [shortages.run(any_office, manager, now_s + 10 + step) for step in range(4)] == [4, 4, 2, 0]


def test_the_check_finds_a_balance_that_is_not_that_of_the_ledger(any_office, manager, meter, now_s):
    meter.report()
    tenancy = opened(any_office, manager, meter, now_s)
    accounts.pay_in(any_office, manager, tenancy, 2 * EUR, "card", "first", now_s)
    assert list(checking.check(any_office, manager).findings) == []
    ManagedAccount.objects.update(balance_microunits=1)
    words = str(checking.check(any_office, manager).findings)
    assert "1 in the record and 2,000,000 in the ledger" in words


def test_an_office_of_before_gets_its_balances_from_the_ledger(any_office, manager, meter, now_s):
    from django.core.management import call_command

    meter.report()
    tenancy = opened(any_office, manager, meter, now_s)
    accounts.pay_in(any_office, manager, tenancy, 9 * EUR, "card", "first", now_s)
    meter.pass_to(now_s + HOUR_S)
    meter.use(3_000_000)
    meter.report()
    engine.run_round(any_office, manager, now_s + HOUR_S)
    rest = 9 * EUR - 900_000
    call_command("migrate", "record", "0009", verbosity=0)
    with connection.cursor() as cursor:
        names = {one.name for one in connection.introspection.get_table_description(cursor, "managed_accounts")}
    assert "balance_microunits" not in names
    call_command("migrate", "record", verbosity=0)
    assert accounts.balance(tenancy) == rest
    assert list(checking.check(any_office, manager).findings) == []


def test_many_statements_of_a_meter_read_their_tariff_once(any_office, manager, meter, now_s):
    meter.report()
    tenancy = opened(any_office, manager, meter, now_s)
    for minute in range(1, 30):
        meter.pass_to(now_s + 60 * minute)
        meter.report()
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        charging.charge(accounts.locked(tenancy.pk), now_s + HOUR_S)
    table = Tariff._meta.db_table
    assert len([one for one in queries if f'FROM "{table}"' in one["sql"]]) <= 2
    assert isinstance(meter, ManagedMeter)
