"""The fleet: one state for each meter, filters by the database, silent meters whose permits end, and their figures."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from tests.tools.headend.fleet_rows import HOUR_S, connect, make_fleet, manage, queue_token
from tests.tools.office.desk_rows import DAY_S, make_street
from wattpurse_tools.headend import command_list, engine, figures, fleet, rounds
from wattpurse_tools.headend.command_list import CommandFilter
from wattpurse_tools.headend.fleet import FleetFilter, UnknownFilter
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.record.models import Command, Meter, MeterLink, SetAside, Statement

NOW_S = 1_800_000_000


def numbers(**words):
    """Return the numbers of the meters that a filter chooses."""
    return [row.meter.number for row in fleet.find_meters(FleetFilter(**words), NOW_S).rows]


def figure(name, **labels):
    """Return a figure as Prometheus' own parser reads it."""
    samples = [
        sample
        for family in text_string_to_metric_families(figures.text(NOW_S))
        for sample in family.samples
        if sample.name == name and sample.labels == labels
    ]
    assert len(samples) == 1, (name, labels, samples)
    return samples[0].value


def test_each_meter_has_the_worst_of_its_states(any_office):
    make_fleet(NOW_S)
    states = [row.state for row in fleet.find_meters(FleetFilter(), NOW_S).rows]
    assert states == list(fleet.STATES)
    MeterLink.objects.filter(meter=1006).update(alarms="clock")
    Meter.objects.filter(number=1006).update(seen_s=0)
    assert fleet.with_state(NOW_S).get(number=1006).state == fleet.ALARM
    Meter.objects.filter(number=1006).update(is_stopped=True)
    assert fleet.with_state(NOW_S).get(number=1006).state == fleet.STOPPED


def test_a_meter_is_silent_after_the_time_of_the_settings_and_not_before(any_office):
    make_fleet(NOW_S)
    Meter.objects.filter(number=1006).update(seen_s=NOW_S - DAY_S)
    assert fleet.with_state(NOW_S).get(number=1006).state == fleet.GOOD
    Meter.objects.filter(number=1006).update(seen_s=NOW_S - DAY_S - 1)
    assert fleet.with_state(NOW_S).get(number=1006).state == fleet.SILENT


def test_filters_choose_by_state_feeder_alarm_firmware_silence_and_permit(any_office):
    make_fleet(NOW_S)
    for place, state in enumerate(fleet.STATES):
        assert numbers(state=state) == [1001 + place]
    Meter.objects.create(number=5, currency="EUR", decimals=2)
    assert numbers(feeder="North") == list(range(1001, 1008))
    assert numbers(feeder="South") == []
    assert numbers(alarm="tamper") == [1002]
    assert numbers(alarm="clock") == []
    assert numbers(firmware="1.1.0") == [1005, 1006]
    assert numbers(is_silent=True) == [5, 1003, 1007]
    assert numbers(permit_days=1) == []
    assert numbers(permit_days=2) == [1005]
    assert numbers(text="House 3") == [1003]
    assert numbers(text="1004") == [1004]
    for wrong in ({"state": "asleep"}, {"alarm": "fire"}):
        with pytest.raises(UnknownFilter):
            numbers(**wrong)


def test_a_row_tells_alarms_of_statement_and_link_once_permit_and_open_commands(any_office):
    make_fleet(NOW_S)
    Meter.objects.filter(number=1002).update(alarms="tamper, clock")
    done = queue_token(1005, "recharge", "one", NOW_S)
    Command.objects.filter(pk=done.pk).update(state="done")
    queue_token(1005, "permit", "two", NOW_S)
    rows = {row.meter.number: row for row in fleet.find_meters(FleetFilter(), NOW_S).rows}
    assert rows[1002].alarms == "tamper, clock"
    assert (rows[1005].permit_until_s, rows[1005].waiting_commands) == (NOW_S + 2 * DAY_S, 1)
    assert (rows[1007].link, rows[1007].permit_until_s, rows[1007].premises) == (None, None, "House 7")


def test_silent_meters_whose_permits_end_come_in_the_order_of_their_ends(any_office):
    make_street(5)
    for number in range(1001, 1006):
        connect(number, NOW_S - 2 * DAY_S)
    manage(1001, NOW_S, NOW_S + 5 * HOUR_S)
    manage(1002, NOW_S, NOW_S + 2 * HOUR_S)
    manage(1003, NOW_S, NOW_S + 2 * DAY_S)  # later
    manage(1004, NOW_S, NOW_S - 1)  # ended already
    manage(1005, NOW_S, NOW_S + HOUR_S)
    Meter.objects.filter(number=1005).update(seen_s=NOW_S - 1)  # it is heard
    assert [meter.number for meter in fleet.silent_before_end(NOW_S)] == [1002, 1001]
    assert figure("wattpurse_silent_permits_ending") == 2


def test_the_number_of_questions_of_the_list_does_not_grow(any_office):
    make_fleet(NOW_S)
    asked = []
    policy()
    for first in (2000, 3000):
        with CaptureQueriesContext(connection) as queries:
            fleet.find_meters(FleetFilter(), NOW_S)
        asked.append(len(queries))
        for number in range(first, first + 60):
            Meter.objects.create(number=number, currency="EUR", decimals=2)
            connect(number, NOW_S)
    assert asked[0] == asked[1] <= 5


def test_the_list_is_paged_by_the_number_of_the_meter(any_office):
    Meter.objects.bulk_create(Meter(number=number, currency="EUR", decimals=2) for number in range(1, 121))
    first = fleet.find_meters(FleetFilter(), NOW_S)
    last = fleet.find_meters(FleetFilter(), NOW_S, 100)
    assert (len(first.rows), first.following) == (50, 50)
    assert [row.meter.number for row in last.rows] == list(range(101, 121))
    assert last.following is None


def test_commands_are_found_by_state_purpose_and_meter(any_office):
    make_street(2)
    first = queue_token(1001, "recharge", "one", NOW_S)
    second = queue_token(1002, "permit", "two", NOW_S + 1)
    Command.objects.filter(pk=first.pk).update(state="done", outcome="redeemed")

    def keys(**words):
        return [row.pk for row in command_list.find_commands(CommandFilter(**words)).rows]

    assert keys() == [second.pk, first.pk]
    assert keys(state="done") == [first.pk]
    assert keys(wish="permit") == [second.pk]
    assert keys(meter=1001) == [first.pk]
    assert dict(command_list.counts()) == {"waiting": 1, "sent": 0, "done": 1, "refused": 0, "given up": 0}
    with pytest.raises(UnknownFilter):
        keys(state="lost")


def test_figures_are_counted_from_the_record(any_office):
    make_fleet(NOW_S)
    first = queue_token(1001, "recharge", "one", NOW_S - 500)
    queue_token(1002, "permit", "two", NOW_S - 40)
    assert figure("wattpurse_command_oldest_seconds") == 500
    Command.objects.filter(pk=first.pk).update(state="refused", outcome='no "room"\\\n')
    SetAside.objects.create(digest="a", source="mqtt", topic="t", payload=b"x", reason="r", first_s=NOW_S)
    SetAside.objects.create(
        digest="b", source="mqtt", topic="t", payload=b"y", reason="r", first_s=NOW_S, is_closed=True
    )
    for number, age_s in enumerate((10, 3599, 3600, -1)):
        Statement.objects.create(
            meter_id=1001, time_s=NOW_S - age_s, number=number, unit="money", contract=1, balance=0, total_mwh=number
        )
    for state in fleet.STATES:
        assert figure("wattpurse_meters", state=state) == 1
    assert figure("wattpurse_meters_seen", within="5m") == 4
    assert figure("wattpurse_meters_seen", within="1d") == 5
    assert figure("wattpurse_meters_firmware", version="1.1.0") == 2
    assert figure("wattpurse_commands", state="refused", outcome='no "room"\\\n') == 1
    assert figure("wattpurse_commands", state="waiting", outcome="") == 1
    assert figure("wattpurse_command_oldest_seconds") == 40
    assert figure("wattpurse_set_aside_open") == 1
    assert figure("wattpurse_statements_last_hour") == 2
    assert figure("wattpurse_payments", state="suspense") == 0
    assert figure("wattpurse_messages", state="unknown") == 0


def test_the_last_round_of_a_work_is_told_by_its_age(any_office):
    rounds.ended(rounds.ENGINE, NOW_S - 100)
    rounds.ended(rounds.ENGINE, NOW_S - 30)
    rounds.ended(rounds.ENGINE, NOW_S - 27)  # too soon to write again
    rounds.ended(rounds.ENGINE, NOW_S - 300)  # a process with a slow clock
    assert figure("wattpurse_round_age_seconds", work="engine") == 30
    assert rounds.last() == {"engine": NOW_S - 30}


def test_the_engine_tells_the_end_of_its_rounds(office, manager):
    engine.run_round(office, manager, NOW_S - 7)
    assert figure("wattpurse_round_age_seconds", work="engine") == 7


def test_each_figure_has_one_explanation_and_the_type_of_a_gauge(any_office):
    families = list(text_string_to_metric_families(figures.text(NOW_S)))
    names = [family.name for family in families]
    assert len(names) == len(set(names)) == len(figures.families(NOW_S))
    assert all(family.type == "gauge" and family.documentation for family in families)
