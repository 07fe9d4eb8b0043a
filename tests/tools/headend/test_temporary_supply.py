"""Temporary supply: connected and ended by the engine, and by its permit if the network is gone."""

import pytest
from django.core.management import call_command

from tests.tools.headend.managed_site import DAY_S
from tests.tools.headend.test_engine import HOUR_S, account_of, tenancy_of
from tests.tools.office.selling_site import EUR
from wattpurse_tools.headend import accounts, engine, temporary_supply
from wattpurse_tools.office import checking
from wattpurse_tools.record.models import Command, TemporarySupply, Token
from wattpurse_tools.refusals import Refusal

NIGHT_S = 11 * HOUR_S  # from noon to 23:00


def planned(office, actor, meter, now_s, days=20):
    """Plan a supply from tomorrow on, which ends at 23:00, and pay for it."""
    tenancy = tenancy_of(meter)
    supply = temporary_supply.plan(
        office, actor, tenancy, now_s + DAY_S, now_s + days * DAY_S + NIGHT_S, "building site", now_s
    )
    accounts.pay_in(office, actor, tenancy, 90 * EUR, "card", "pay", now_s)
    return tenancy, supply


def follow(office, actor, meter, time_s):
    meter.pass_to(time_s)
    meter.report()
    engine.run_round(office, actor, time_s)
    meter.obey()


def test_a_site_is_connected_and_ended_by_itself(office, manager, meter, now_s):
    meter.report()
    tenancy, supply = planned(office, manager, meter, now_s)
    lit = []
    for hour in range(0, 22 * 24, 12):
        follow(office, manager, meter, now_s + hour * HOUR_S)
        lit.append(meter.is_on())
    assert lit == [supply.from_s <= now_s + hour * HOUR_S < supply.until_s for hour in range(0, 22 * 24, 12)]
    assert TemporarySupply.objects.get().state == "ended"
    assert not account_of(tenancy).is_ordered_on
    assert checking.check(office, manager).findings == ()


def test_without_a_network_the_permit_ends_with_the_supply(office, manager, meter, now_s):
    meter.report()
    tenancy, supply = planned(office, manager, meter, now_s, days=2)
    follow(office, manager, meter, now_s + DAY_S)
    assert account_of(tenancy).permit_until_s == supply.until_s
    meter.pass_to(supply.until_s - 1)
    assert meter.is_on()
    meter.pass_to(supply.until_s)
    assert not meter.is_on()


def test_it_ends_at_night_as_agreed_and_before_its_time_if_a_person_says_so(office, manager, meter, now_s):
    meter.report()
    _, supply = planned(office, manager, meter, now_s)
    follow(office, manager, meter, now_s + 2 * DAY_S)
    assert meter.is_on()
    temporary_supply.end(office, manager, supply, now_s + 2 * DAY_S + NIGHT_S)
    follow(office, manager, meter, now_s + 2 * DAY_S + NIGHT_S)
    assert not meter.is_on()


def test_two_at_a_time_and_times_that_pass_are_refused(office, manager, meter, now_s):
    tenancy, _ = planned(office, manager, meter, now_s)
    with pytest.raises(Refusal, match="temporary supply already"):
        temporary_supply.plan(office, manager, tenancy, now_s, now_s + DAY_S, "again", now_s)
    with pytest.raises(Refusal, match="ends after its begin"):
        temporary_supply.plan(office, manager, tenancy, now_s, now_s - 1, "past", now_s)


def findings(office, actor):
    return [one.words for one in checking.check(office, actor).findings]


def test_a_permit_that_was_right_stays_right_when_its_supply_is_ended_early(any_office, manager, meter, now_s):
    meter.report()
    _, supply = planned(any_office, manager, meter, now_s)
    follow(any_office, manager, meter, now_s + 2 * DAY_S)
    temporary_supply.end(any_office, manager, supply, now_s + 2 * DAY_S + HOUR_S)
    follow(any_office, manager, meter, now_s + 2 * DAY_S + HOUR_S)
    permit = Token.objects.get(command__wish="permit")
    assert permit.amount > TemporarySupply.objects.get().until_s
    assert findings(any_office, manager) == []
    call_command("migrate", "record", "0015", verbosity=0)
    call_command("migrate", "record", verbosity=0)
    assert findings(any_office, manager) == [], "an existing database has the end of the plan in its audit trail"


def test_a_permit_beyond_its_supply_is_found_also_after_an_early_end(any_office, manager, meter, now_s):
    meter.report()
    _, supply = planned(any_office, manager, meter, now_s)
    follow(any_office, manager, meter, now_s + 2 * DAY_S)
    temporary_supply.end(any_office, manager, supply, now_s + 2 * DAY_S + HOUR_S)
    Token.objects.filter(command__wish="permit").update(amount=supply.until_s - 1)
    assert any("beyond its temporary supply" in one for one in findings(any_office, manager))


def test_a_permit_from_before_the_plan_may_outlast_the_supply(any_office, manager, meter, now_s):
    meter.report()
    tenancy = tenancy_of(meter)
    accounts.open_account(any_office, manager, tenancy, now_s)
    accounts.pay_in(any_office, manager, tenancy, 90 * EUR, "card", "pay", now_s)
    follow(any_office, manager, meter, now_s)
    temporary_supply.plan(any_office, manager, tenancy, now_s, now_s + DAY_S, "market stall", now_s)
    follow(any_office, manager, meter, now_s + HOUR_S)
    assert Command.objects.get(wish="permit").token.amount > now_s + DAY_S
    assert findings(any_office, manager) == []


def test_an_early_end_does_not_hide_a_permit_that_was_wrong_before(office, manager, meter, now_s):
    meter.report()
    _, supply = planned(office, manager, meter, now_s)
    follow(office, manager, meter, now_s + 2 * DAY_S)
    Token.objects.filter(command__wish="permit").update(amount=supply.until_s + 1)
    temporary_supply.end(office, manager, supply, now_s + 2 * DAY_S + HOUR_S)
    assert any("beyond its temporary supply" in one for one in findings(office, manager))
