"""The fast way of statements against the station's own way: the same messages end with the same record."""

import json
import time

import pytest

from tests.tools.headend.network_meter import CAPACITY, NetworkMeter
from tests.tools.headend.test_ingest import top_up
from wattpurse.core.messages import statement
from wattpurse_tools.headend import ingest, plain_statements
from wattpurse_tools.record.models import (
    Contract,
    Meter,
    MeterReceipt,
    MonthlyReading,
    OtherIssuer,
    Statement,
    Token,
)
from wattpurse_tools.station.order import REDEEMED
from wattpurse_tools.station.statement_record import bought_in
from wattpurse_tools.station.station import Station

NOW_S = int(time.time())
DAY_S = 86_400
MODELS = (Meter, Statement, MonthlyReading, Contract, Token, MeterReceipt, OtherIssuer)


def record():
    """Return all rows that statements touch, without their own numbers, the time of reading and closed months."""
    return {model.__name__: sorted(_told(row) for row in model.objects.values()) for model in MODELS}


def _told(row):
    left_out = ("id", "read_s", "added_s", "from_s", "closed_months", "newest")
    row = {name: value for name, value in row.items() if name not in left_out}
    if "months" in row.get("content", ()):
        row["content"]["months"] = row["content"]["months"][:1]
    return json.dumps(row, sort_keys=True, default=str)


@pytest.fixture
def meters(any_office, manager):
    """Return three meters of the office; the second has a token that nobody has entered yet."""
    found = [NetworkMeter(any_office, manager, number) for number in (1001, 1002, 1003)]
    top_up(any_office, manager, found[1])
    return found


def batches(office, manager, meters):
    """Yield batches of two months of three meters: copies, delayed ones, a top-up, and a register that goes back."""
    for day in range(0, 60, 4):
        batch = []
        for meter in meters:
            meter.use(4 * DAY_S, 3_000_000 + 1000 * meter.number)
            batch.append(meter.statement(alarms=day % 3))
        meters[0].use(1800)
        delayed = meters[0].statement()
        meters[0].use(3600)
        batch += [meters[0].statement(), delayed, batch[0]]
        if day == 20:
            meters[1].answer(bytes(Token.objects.get(meter_id=1002).sealed))
        if day == 40:
            registers = meters[2].account.registers
            registers.rate_mwh[0] -= 20_000_000
        yield batch


def test_both_ways_end_with_the_same_record(any_office, manager, meters, monkeypatch):
    from django.db import transaction

    kept, learnt = [], []
    keep, learn = plain_statements.keep, Station.learn
    monkeypatch.setattr(
        plain_statements, "keep", lambda found, now_s: (kept.extend(found.plain), keep(found, now_s))[1]
    )
    monkeypatch.setattr(Station, "learn", lambda own, statement: (learnt.append(statement), learn(own, statement)))
    told = list(batches(any_office, manager, meters))
    with transaction.atomic():
        for batch in told:
            assert ingest.take(any_office, batch, NOW_S).set_aside == 0
        fast = record()
        counts = len(kept), len(learnt)
        transaction.set_rollback(True)
    monkeypatch.setattr(
        plain_statements, "split", lambda statements, _meters: plain_statements.Split([], statements, {})
    )
    for batch in told:
        ingest.take(any_office, batch, NOW_S)
    assert fast == record()
    assert len(Statement.objects.all()) == sum(len(set(batch)) for batch in told)
    assert counts[0] > counts[1] / 2 > 5
    assert Meter.objects.get(number=1003).is_stopped
    assert not Meter.objects.filter(number__in=(1001, 1002), is_stopped=True).exists()


def test_the_facts_in_the_row_of_a_meter_are_those_of_its_newest_statement(any_office, manager, meters):
    seen = set()
    for batch in batches(any_office, manager, meters):
        ingest.take(any_office, batch, NOW_S)
        for number, told_s, text in Meter.objects.values_list("number", "told_s", "newest"):
            newest = Statement.objects.filter(meter_id=number, time_s=told_s).order_by("id").last()
            seen.add((number, text is None))
            if text is not None:
                content = newest.content
                told = json.loads(text)
                facts = [told_s, newest.unit, newest.has_other_issuers, newest.total_mwh]
                assert told[:7] == [*facts, newest.bought, newest.charged, newest.taken]
                assert told[7] == [[int(issuer), *window] for issuer, window in content["windows"].items()]
                assert told[8] == bought_in(content)
    assert {(1001, False), (1002, False), (1002, True)} <= seen  # a token takes the own way, and the row forgets


def test_copies_that_come_after_a_newer_statement_cost_nothing(any_office, meters, monkeypatch):
    first, second = meters[0].statement(), (meters[0].use(), meters[0].statement())[1]
    delayed = (meters[0].use(), meters[0].statement())[1]
    newest = (meters[0].use(), meters[0].statement())[1]
    ingest.take(any_office, [first, second, newest], NOW_S)
    learnt = []
    learn = Station.learn
    monkeypatch.setattr(Station, "learn", lambda own, statement: (learnt.append(statement), learn(own, statement)))
    before = record()
    meters[0].use()
    assert ingest.take(any_office, [second, first, meters[0].statement()], NOW_S).statements == 3
    assert learnt == []
    assert len(record()["Statement"]) == len(before["Statement"]) + 1
    ingest.take(any_office, [delayed, first], NOW_S)
    assert [one["time_s"] for one in learnt] == [Statement.objects.order_by("time_s")[2].time_s]


def test_a_token_redeemed_in_the_second_of_a_statement_is_learnt_at_once(any_office, manager, meters):
    meters[1].use()
    before = meters[1].statement()
    meters[1].answer(bytes(Token.objects.get(meter_id=1002).sealed))
    after = meters[1].statement()
    ingest.take(any_office, [before], NOW_S)
    assert Token.objects.get(meter_id=1002).state != REDEEMED
    ingest.take(any_office, [after], NOW_S)
    assert Token.objects.get(meter_id=1002).state == REDEEMED


def test_a_token_is_learnt_from_a_statement_of_a_clock_that_was_put_back(any_office, manager, meters):
    meters[1].use()
    time_s = meters[1].time_s
    first = meters[1].statement()
    meters[1].use(energy_mwh=0)
    ingest.take(any_office, [first, meters[1].statement()], NOW_S)
    meters[1].answer(bytes(Token.objects.get(meter_id=1002).sealed))
    ingest.take(any_office, [meters[1].statement(time_s=time_s)], NOW_S)  # the same second and energy as the first one
    assert Token.objects.get(meter_id=1002).state == REDEEMED


def test_a_fault_of_the_fast_way_falls_back_to_the_own_way(any_office, meters, monkeypatch):
    def fail(_plain):
        raise KeyError("odd")

    monkeypatch.setattr(plain_statements, "keep", fail)
    for _ in range(2):
        assert ingest.take(any_office, [meter.statement() for meter in meters], NOW_S).statements == 3
        for meter in meters:
            meter.use()
    assert Statement.objects.count() == 6


def months_of(meter):
    payload = statement.compose(meter.account, 0, meter.time_s, CAPACITY)
    return statement.parse(payload)["months"]


def marks():
    return dict(Meter.objects.values_list("number", "closed_months"))


def test_closed_months_are_noted_once(any_office, meters, monkeypatch):
    written = []
    write = plain_statements.write_months
    monkeypatch.setattr(plain_statements, "write_months", lambda rows: (written.extend(rows), write(rows)))
    meter = meters[0]
    for days in (0, *(4,) * 20, 1, 1, 1, 4):
        meter.use(days * DAY_S or 60, 5_000_000)
        before = len(written)
        assert ingest.take(any_office, [meter.statement()], NOW_S + 120 * DAY_S).statements == 1
        told = {month["index"]: month["total_wh"] for month in months_of(meter)}
        assert dict(MonthlyReading.objects.filter(meter_id=1001).values_list("month", "total_wh")) == told
        if days == 1:
            assert len(written) == before + 1  # the current month alone


def test_a_closed_month_that_is_left_out_is_in_an_earlier_statement(any_office, meters):
    meter, told = meters[0], {}
    for days in (0, *(4,) * 20, 1, 1, 40, 4):
        meter.use(days * DAY_S or 60, 5_000_000)
        told[meter.time_s] = months_of(meter)
        assert ingest.take(any_office, [meter.statement()], NOW_S + 120 * DAY_S).statements == 1
    closed, lengths = [], []
    for time_s, content in Statement.objects.order_by("time_s").values_list("time_s", "content"):
        months = content["months"]
        closed = closed if len(months) == 1 else months[1:]
        assert [months[0], *closed] == told[time_s]
        lengths.append(len(months))
    assert lengths.count(1) > len(lengths) / 2
    assert max(lengths) == 3


def test_a_mark_from_a_backup_changes_no_month(any_office, meters):
    """Note the months again: a record from before the newest statements has an older mark."""
    meter = meters[0]
    for _ in range(12):
        meter.use(4 * DAY_S)
        ingest.take(any_office, [meter.statement()], NOW_S + 120 * DAY_S)
    months = list(MonthlyReading.objects.filter(meter_id=1001).order_by("month").values())
    assert marks()[1001] is not None
    Meter.objects.filter(number=1001).update(closed_months=12)
    meter.use(60, 0)
    ingest.take(any_office, [meter.statement()], NOW_S + 120 * DAY_S)
    assert list(MonthlyReading.objects.filter(meter_id=1001).order_by("month").values()) == months
    assert marks()[1001] != 12
