"""Permits: they bound silence, end in hours for switching off, and only move forward."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.headend.managed_site import DAY_S, KWH
from tests.tools.headend.test_engine import account_of, opened
from tests.tools.office.selling_site import EUR
from wattpurse_tools.headend import accounts, engine, hours, permits
from wattpurse_tools.record.models import Command, HeadendPolicy

DAYS = 12


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1_780_000_000, 1_840_000_000),
    st.integers(0, 1439),
    st.integers(0, 1440),
    st.integers(0, 127),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"]),
)
def test_the_next_hours_are_the_first_that_the_settings_permit(time_s, begin, end, weekdays, zone):
    rules = HeadendPolicy(
        friendly_from_minute=begin, friendly_until_minute=end, friendly_weekdays=weekdays, time_zone=zone
    )
    found = hours.next_off_s(rules, time_s)
    assert time_s <= found
    if hours.may_switch_off(rules, found):
        step, moment = timedelta(minutes=17), datetime.fromtimestamp(time_s, UTC)
        while moment.timestamp() < found:
            local = moment.astimezone(ZoneInfo(zone))
            minute = local.hour * 60 + local.minute
            assert not (weekdays >> local.weekday() & 1 and begin <= minute < end)
            moment += step
    else:
        assert found == time_s


def test_a_silent_meter_ends_with_its_permit_and_is_ordered_no_more(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    accounts.pay_in(office, manager, tenancy, 50 * EUR, "card", "pay", now_s)
    for day in range(DAYS):
        engine.run_round(office, manager, now_s + day * DAY_S)
    until_s = account_of(tenancy).permit_until_s
    rules = permits.HeadendPolicy()
    assert until_s <= now_s + 2 * rules.permit_s + 3 * DAY_S, "the last renewal, and a weekend"
    assert hours.may_switch_off(rules, until_s)
    meter.obey()
    meter.pass_to(until_s - 1)
    assert meter.is_on()
    meter.pass_to(until_s)
    assert not meter.is_on()


def test_a_meter_that_reports_and_has_credit_is_never_dark(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    accounts.pay_in(office, manager, tenancy, 50 * EUR, "card", "pay", now_s)
    ends = []
    for hour in range(0, DAYS * 24, 6):
        time_s = now_s + hour * 3600
        meter.pass_to(time_s)
        meter.use(KWH // 100)
        meter.report()
        engine.run_round(office, manager, time_s)
        meter.obey()
        assert meter.is_on()
        ends.append(meter.account.standing["permit_until_s"])
    assert ends == sorted(ends)
    assert all(hours.may_switch_off(HeadendPolicy(), end_s) for end_s in ends)
    assert Command.objects.filter(wish="permit").count() <= DAYS // 2


@pytest.mark.parametrize("limit", [0, 3 * EUR])
def test_a_limit_is_credit(office, manager, meter, now_s, limit):
    meter.report()
    tenancy = opened(office, manager, meter, now_s, limit_microunits=limit)
    engine.run_round(office, manager, now_s)
    assert (account_of(tenancy).permit_until_s > 0) == (limit > 0)
