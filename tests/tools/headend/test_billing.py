"""The charges of a managed account, against fractions and against themselves with fewer statements."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tools.headend.managed_site import document
from wattpurse.core.messages import statement as statements
from wattpurse.core.money.account import Account
from wattpurse.core.money.contract import Managed
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools.headend import billing
from wattpurse_tools.headend.billing import Books, CannotCharge, reading_of
from wattpurse_tools.tariffs import tariff_file

KWH = 1_000_000
WH = 1000
HOUR_S = 3600
DAY_S = 24 * HOUR_S
BEGIN_S = 1_798_761_600  # 2027-01-01, local time of the tariffs
SIZE = 4096


def tariffs_of(*documents):
    made = [Tariff(tariff_file.encode(one)) for one in documents]
    return lambda row: made[row - 1]


class MeterOnPaper:
    """A managed meter without a record: readings of the firmware's statements."""

    def __init__(self, tariffs, begin_s=BEGIN_S):
        self.tariffs = tariffs
        self.account = Account(tariffs(1).data, 1000, 1, Managed, begin_s)

    def use(self, mwh, until_s):
        """Use energy at the rate in force, then let time pass."""
        self.account.consume(mwh)
        self.account.pass_to(until_s)

    def reading(self, size=SIZE):
        """Return the reading of a statement now."""
        content = statements.parse(statements.compose(self.account, 0, self.account.time_s, size))
        row = content.get("tariff_version", 1)
        return reading_of(content, row, self.tariffs(row))


def charged(readings, tariffs):
    """Return the micro-units charged by readings, one after the other, and the rest."""
    books, carried, total = Books.begun(readings[0], tariffs), 0, 0
    for one in readings[1:]:
        books = Books.of(books.document())
        amount, carried = billing.charged(carried, books.take(one, tariffs))
        total += amount
    return total, carried


prices = st.integers(0, 999_999).map(lambda price: f"0.{price:06}")


@st.composite
def any_document(draw, version=1):
    """Draw a tariff of two rates with blocks of their own, fees and levies."""
    rates = []
    for name in ("DAY", "NIGHT"):
        rate = {"name": name, "prices": [draw(prices)]}
        if draw(st.booleans()):
            rate["prices"].append(draw(prices))
            rate["block_limits_kwh"] = [str(draw(st.integers(1, 60)))]
        rates.append(rate)
    further = {"rates": rates, "standing_charge_per_day": draw(prices), "fixed_charge_per_month": draw(prices)}
    if draw(st.booleans()):
        further["minimum_charge_per_month"] = str(draw(st.integers(1, 30)))
    if draw(st.booleans()):
        further["levies"] = [{"name": "fund", "per_kwh": "0.0123"}, {"name": "tax", "percent": "7.5"}]
    if draw(st.booleans()):
        further["free_kwh_per_month"] = str(draw(st.integers(1, 20)))
    return document(version, **further)


uses = st.lists(st.tuples(st.integers(0, 30 * KWH), st.integers(1, 9 * DAY_S)), min_size=2, max_size=14)


@settings(max_examples=60, deadline=None)
@given(any_document(), uses, st.data())
def test_the_same_energy_costs_the_same_in_one_or_many_statements(written, used, data):
    tariffs = tariffs_of(written)
    meter = MeterOnPaper(tariffs, BEGIN_S + data.draw(st.integers(0, 40 * DAY_S)))
    meter.use(123_456_789, meter.account.time_s)
    readings = [meter.reading()]
    for mwh, seconds in used:
        meter.use(mwh, meter.account.time_s + seconds)
        readings.append(meter.reading())
    kept = [one for one in readings[1:-1] if data.draw(st.booleans())]
    assert charged(readings, tariffs) == charged([readings[0], *kept, readings[-1]], tariffs)


def exact_month(written, rate_mwh, days, begins, has_minimum):
    """Return the exact cost of a month in fractions of a micro-unit. Energy under an allowance is not in it."""
    levies = {one["name"]: one for one in written.get("levies", [])}
    total = main = Fraction(0)

    def charge(amount, energy):
        nonlocal total, main
        main += amount
        per_kwh = Fraction(levies["fund"]["per_kwh"]) * energy if levies else 0
        tax = (amount + per_kwh) * Fraction(levies["tax"]["percent"]) / 100 if levies else 0
        total += amount + per_kwh + tax

    for rate in written["rates"]:
        mwh, low = rate_mwh.get(rate["name"], 0), 0
        limits = [int(limit) * KWH for limit in rate.get("block_limits_kwh", [])]
        for price, high in zip(rate["prices"], [*limits, None], strict=True):
            part = max(0, (mwh if high is None else min(mwh, high)) - low)
            charge(Fraction(price) * part, part if Fraction(price) else 0)
            low = high or 0
    charge(Fraction(written["standing_charge_per_day"]) * 1_000_000 * days, 0)
    charge(Fraction(written["fixed_charge_per_month"]) * 1_000_000 * begins, 0)
    minimum = int(written.get("minimum_charge_per_month", 0)) * 1_000_000
    if has_minimum and minimum > main:
        charge(minimum - floor(main), 0)
    return total


@settings(max_examples=40, deadline=None)
@given(any_document(), st.lists(st.tuples(st.integers(0, 90_000), st.integers(0, 90_000)), min_size=3, max_size=3))
def test_three_months_cost_what_fractions_say(written, used):
    written.pop("free_kwh_per_month", None)
    tariffs = tariffs_of(written)
    meter = MeterOnPaper(tariffs)
    readings = [meter.reading()]
    for month, (day_wh, night_wh) in zip((31, 28, 31), used, strict=True):
        meter.use(night_wh * WH, meter.account.time_s + 12 * HOUR_S)  # from midnight
        meter.use(day_wh * WH, meter.account.time_s + month * DAY_S - 12 * HOUR_S)
        readings.append(meter.reading())
    rates = [{"DAY": day_wh * WH, "NIGHT": night_wh * WH} for day_wh, night_wh in used]
    expected = exact_month(written, rates[0], 30, 0, has_minimum=False)
    expected += exact_month(written, rates[1], 28, 1, has_minimum=True)
    expected += exact_month(written, rates[2], 31, 1, has_minimum=True)
    expected += exact_month(written, {}, 1, 1, has_minimum=False)  # the first day of the fourth month
    assert charged(readings, tariffs)[0] == floor(expected)
    assert charged([readings[0], readings[-1]], tariffs)[0] == floor(expected)


def test_a_change_of_tariff_between_two_statements_is_divided_by_time():
    change_s = BEGIN_S + 3 * DAY_S
    second = document(2, day="0.60", night="0.40", activation="2027-01-04T00:00:00+00:00")
    tariffs = tariffs_of(document(1), second)
    meter = MeterOnPaper(tariffs, BEGIN_S + DAY_S)
    readings = [meter.reading()]
    meter.account.pending_tariff = tariffs(2)
    meter.account.note_next_change()
    meter.use(8 * KWH, change_s + 2 * DAY_S)
    readings.append(meter.reading())
    assert readings[1].tariff == 2
    assert charged(readings, tariffs)[0] == 4 * 200_000 + 4 * 400_000


def test_a_rate_of_the_former_tariff_alone_is_charged_by_it():
    only = document(2, rates=[{"name": "NIGHT", "prices": ["0.40"]}], day_types={"all": {"00:00": "NIGHT"}})
    tariffs = tariffs_of(document(1), only | {"activation": "2027-01-02T00:00:00+00:00"})
    meter = MeterOnPaper(tariffs, BEGIN_S + 12 * HOUR_S)
    readings = [meter.reading()]
    meter.use(5 * KWH, BEGIN_S + 20 * HOUR_S)  # by day
    meter.account.pending_tariff = tariffs(2)
    meter.account.note_next_change()
    meter.account.pass_to(BEGIN_S + 36 * HOUR_S)
    readings.append(meter.reading())
    assert charged(readings, tariffs)[0] == 5 * 300_000


def test_the_months_of_a_statement_divide_the_energy_at_a_months_end():
    written = document(1, night="0.20", rates=[{"name": "ALL", "prices": ["0.10", "1.00"], "block_limits_kwh": ["10"]}])
    written["day_types"] = {"all": {"00:00": "ALL"}}
    tariffs = tariffs_of(written)
    meter = MeterOnPaper(tariffs, BEGIN_S + 20 * DAY_S)
    readings = [meter.reading()]
    meter.use(15 * KWH, BEGIN_S + 31 * DAY_S)
    meter.use(3 * KWH, BEGIN_S + 32 * DAY_S)
    readings.append(meter.reading())
    assert charged(readings, tariffs)[0] == 10 * 100_000 + 5 * 1_000_000 + 3 * 100_000


def test_without_months_the_energy_is_divided_by_time():
    written = document(1, rates=[{"name": "ALL", "prices": ["0.10", "1.00"], "block_limits_kwh": ["10"]}])
    written["day_types"] = {"all": {"00:00": "ALL"}}
    tariffs = tariffs_of(written)
    meter = MeterOnPaper(tariffs, BEGIN_S + 30 * DAY_S)
    first = meter.reading()
    meter.use(20 * KWH, BEGIN_S + 32 * DAY_S)
    told = meter.reading()
    bare = billing.Reading(told.time_s, told.tariff, told.registers)
    assert charged([first, bare], tariffs)[0] == 2 * 10 * 100_000


def test_a_register_that_goes_back_is_refused_and_changes_nothing():
    tariffs = tariffs_of(document(1))
    meter = MeterOnPaper(tariffs)
    meter.use(5 * KWH, BEGIN_S + HOUR_S)
    books = Books.begun(meter.reading(), tariffs)
    before = books.document()
    back = billing.Reading(BEGIN_S + DAY_S, 1, {"DAY": 0, "NIGHT": 4 * KWH})
    with pytest.raises(CannotCharge, match="register NIGHT"):
        books.take(back, tariffs)
    assert books.document() == before


def test_a_statement_of_the_head_alone_has_no_reading():
    meter = MeterOnPaper(tariffs_of(document(1)))
    assert meter.reading(32) is None


@pytest.mark.parametrize("further", [{"blocks": "rate", "block_period": "day"}, {"demand_charge_per_kw": "1"}])
def test_a_tariff_that_statements_do_not_tell_is_refused(further):
    rates = [{"name": "ALL", "prices": ["0.10", "1.00"], "block_limits_kwh": ["10"]}]
    written = document(1, rates=rates, day_types={"all": {"00:00": "ALL"}}, **further)
    with pytest.raises(CannotCharge):
        billing.usable(Tariff(tariff_file.encode(written)))
