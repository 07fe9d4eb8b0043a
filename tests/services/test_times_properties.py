"""Times near the ends of 31, 32 and 33 bits, of the clock and of 2200 are stored or refused, and raise nothing."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import samples
from tests.services import helpers
from tests.services.console.console_bench import Bench as ConsoleBench
from tests.tools.station.test_token_orders import METER, History
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import token
from wattpurse.core.money import friendly, supply
from wattpurse.core.money.circumstances import Circumstances
from wattpurse.core.tariffs.calendar import DAY_S, LATEST_S, Zone
from wattpurse.core.text import time_text
from wattpurse.services.timekeeping import EARLIEST_S
from wattpurse_tools.station.token_orders import ORDERS, Context

YEAR_2200_S = 7_258_118_400
EDGES_S = (0, EARLIEST_S, 1 << 31, LATEST_S, 1 << 32, YEAR_2200_S, 1 << 33)
WORD = (1 << 32) - 1
TERMS = {"friendly_from_minute": 0, "friendly_to_minute": 1440, "friendly_weekdays": 127}

near_edges = st.builds(
    lambda edge_s, off_s: max(0, edge_s + off_s),
    st.sampled_from(EDGES_S),
    st.one_of(st.integers(-2, 2), st.integers(-20 * DAY_S, 20 * DAY_S)),
)
words = near_edges.filter(lambda time_s: time_s <= WORD)
orders = st.one_of(
    st.tuples(st.sampled_from((token.CLOCK, token.DAYS, token.PERMIT)), words).map(lambda pair: (pair[0], (pair[1],))),
    words.map(lambda duration_s: (token.DISPENSE, (5, 2, duration_s))),
)
clocks = near_edges.filter(lambda time_s: EARLIEST_S <= time_s <= LATEST_S)


def bench_at(time_s):
    """Return a bench whose meter was commissioned at that time, with friendly hours that never end."""
    bench = helpers.Bench()

    def begin(account):
        account.time_s = time_s
        account.day = account.charged_day = account.tariff.zone.day(time_s)
        account.enter_context()
        for name, value in TERMS.items():
            account.terms.set(name, value)

    bench.timekeeper.set(time_s)
    bench.ledger.change(begin)
    return bench


@settings(max_examples=80, deadline=None)
@given(clocks, st.lists(orders, max_size=6), st.lists(st.integers(0, 3 * DAY_S), max_size=3))
def test_no_token_and_no_clock_near_an_edge_raises(time_s, instructions, waits_s):
    bench = bench_at(time_s)
    for sequence, (kind, fields) in enumerate(instructions, 1):
        result = bench.teller.redeem(helpers.seal(sequence, kind, *fields), carrier.CARD)
        assert result in (outcome.ACCEPTED, outcome.NOT_SUPPORTED, outcome.OUTDATED)
    for wait_s in waits_s:
        bench.clock.advance_us(wait_s * 1_000_000)
        bench.timekeeper.follow_chip()
        bench.metering.step()
        account = bench.ledger.account
        for name, value in supply.latches(account, Circumstances(bench.timekeeper.now_s())):
            bench.ledger.set_number(1, name, value, bench.timekeeper.now_s())
        assert bench.statements.compose(400)
    bench.restart()
    account = bench.ledger.account
    assert account.time_s <= bench.timekeeper.now_s() <= LATEST_S
    assert all(account.standing[name] <= LATEST_S for name in ("term_until_s", "permit_until_s", "friendly_until_s"))


@settings(max_examples=200, deadline=None)
@given(clocks, st.integers(0, 1440), st.integers(0, 1440), st.integers(0, 127))
def test_friendly_hours_end_by_the_last_time_that_is_stored(time_s, first, end, weekdays):
    account = samples.new_account()
    for name, value in zip(TERMS, (first, end, weekdays)):
        account.terms.set(name, value)
    assert time_s <= friendly.ends_s(account, time_s) <= LATEST_S


@settings(max_examples=60, deadline=None)
@given(near_edges, st.sampled_from(("", " sure")))
def test_no_time_typed_at_the_console_raises(time_s, word):
    answer = CONSOLE.say("clock set " + time_text(time_s, Zone(0)) + word)
    assert answer.startswith(("the clock is", "refused"))
    assert CONSOLE.meter.timekeeper.now_s() <= LATEST_S
    CONSOLE.meter.metering.step()


def _console():
    bench = ConsoleBench()
    bench.commission()
    bench.hardware.rtc.stop_oscillator()
    bench.restart()
    bench.meter.console.grant(10_000)
    return bench


CONSOLE = _console()


@settings(max_examples=200, deadline=None)
@given(near_edges, st.sampled_from((token.CLOCK, token.PERMIT)))
def test_the_station_seals_every_time_that_a_meter_stores_and_refuses_others_with_words(time_s, kind):
    reader = next(row[3] for row in ORDERS if row[0] == kind)
    text = time_text(time_s, Zone(0))
    if 0 < time_s <= LATEST_S:
        order = reader([text], Context(METER, History(), 0))
        assert token.Token(1, kind, order.body).fields() == (time_s,)
    else:
        with pytest.raises(ValueError, match="between 1970 and 2105"):
            reader([text], Context(METER, History(), 0))


def test_the_station_refuses_the_first_and_the_last_year_with_words():
    reader = next(row[3] for row in ORDERS if row[0] == token.CLOCK)
    for text in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"):
        with pytest.raises(ValueError, match="between 1970 and 2105"):
            reader([text], Context(METER, History(), 0))
