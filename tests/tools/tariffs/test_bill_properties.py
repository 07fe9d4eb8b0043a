"""Bills of any tariff over any load: against the documents as written, the tz database and fractions; and against the
meter's own ledger, which counts the same energy as pulses.
"""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from math import floor
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from boards.host.chips.flash import FlashModel
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from tests.core.tariffs.test_tariff_properties import DAYS, ZONES, local_time, rate_by_document
from wattpurse.core.money.account import Account
from wattpurse.core.money.contract import PrepaidEnergy, PrepaidMoney
from wattpurse.core.money.ledger import Ledger
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools.loads import reading
from wattpurse_tools.tariffs import bill, tariff_file
from wattpurse_tools.tariffs.load_curve import LoadCurve

EXAMPLES = Path(__file__).parents[3] / "tools" / "examples"
KWH = 1_000_000
FREE = -1
LONGEST_LOAD_MINUTES = 3000
SECTORS = 5


def millionths_text(value):
    return f"{value // 1_000_000}.{value % 1_000_000:06}"


# Oracle


def in_force(documents, utc_s):
    """Return the document in force at an instant: the first, until another's activation."""
    newest = documents[0]
    for document in documents[1:]:
        if datetime.fromisoformat(document["activation"]).timestamp() <= utc_s:
            newest = document
    return newest


def pieces(documents, load):
    """Yield (second, mWh) of stretches without a change of rate or tariff, cut at whole minutes and activations.

    Each cut has the energy up to it rounded down.
    """
    activations = {int(datetime.fromisoformat(document["activation"]).timestamp()) for document in documents[1:]}
    for number, energy_mwh in enumerate(load.energies_mwh):
        start_s = load.start_s + number * load.interval_s
        end_s = start_s + load.interval_s
        minutes = range(start_s - start_s % 60 + 60, end_s, 60)
        cuts = sorted({start_s, end_s, *minutes, *(cut for cut in activations if start_s < cut < end_s)})
        for begin, end in pairwise(cuts):
            until_begin = floor(energy_mwh * Fraction(begin - start_s, load.interval_s))
            until_end = floor(energy_mwh * Fraction(end - start_s, load.interval_s))
            yield begin, until_end - until_begin


def blocks_of(document, rate, position_mwh, month_mwh, energy_mwh):
    """Yield (block, price per kWh, mWh) of the energy: the free allowance first, then block by block."""
    free_mwh = Fraction(document["free_kwh_per_month"]) * KWH
    free_now = min(max(free_mwh - month_mwh, 0), energy_mwh)
    yield FREE, Fraction(0), free_now
    begin, end = position_mwh + free_now, position_mwh + energy_mwh
    written = document["rates"][rate]
    limits = [Fraction(limit) * KWH for limit in written.get("block_limits_kwh", [])]
    for block, (price, low, high) in enumerate(
        zip(written["prices"], [0, *limits], [*limits, end + sum(limits)], strict=True)
    ):
        yield block, Fraction(price), max(Fraction(0), min(end, high) - max(begin, low))


class ExpectedMonth:
    """mWh and exact micro-units by (version, rate, block); days and micro-units by version."""

    def __init__(self):
        self.energy_mwh = {}
        self.exact = {}
        self.days = {}
        self.standing = {}
        self.rate_mwh = {}

    def take(self, document, rate, energy_mwh):
        month_mwh = sum(self.rate_mwh.values())
        position_mwh = self.rate_mwh.get(rate, 0)
        for block, price, part_mwh in blocks_of(document, rate, position_mwh, month_mwh, energy_mwh):
            if part_mwh:
                key = (document["version"], rate, block)
                self.energy_mwh[key] = self.energy_mwh.get(key, 0) + part_mwh
                self.exact[key] = self.exact.get(key, 0) + price * part_mwh
        self.rate_mwh[rate] = position_mwh + energy_mwh

    def begin_day(self, document):
        version = document["version"]
        self.days[version] = self.days.get(version, 0) + 1
        price = Fraction(document["standing_charge_per_day"]) * 1_000_000
        self.standing[version] = self.standing.get(version, 0) + price


def expected_months(documents, load):
    """Return the expected months by month index.

    A day costs its standing charge once, when it begins, by the tariff in force at that second. Where the wall goes
    back over midnight, the day that has begun goes on.
    """
    months, today = {}, None
    for utc_s, energy_mwh in pieces(documents, load):
        document = in_force(documents, utc_s)
        date = local_time(document, utc_s).date()
        if today is None or date > today:
            today = date
            months.setdefault(date.year * 12 + date.month - 1, ExpectedMonth()).begin_day(document)
        month = months[today.year * 12 + today.month - 1]
        month.take(document, rate_by_document(document, utc_s), energy_mwh)
    return months


def check_against_oracle(documents, load, tax_permyriad=0):
    tariffs = [Tariff(tariff_file.encode(document)) for document in documents]
    made = bill.calculate(tariffs, load, tax_permyriad=tax_permyriad)
    expected = expected_months(documents, load)
    taxed = 1 + Fraction(tax_permyriad, 10_000)
    assert list(made.months) == list(expected)
    exact_so_far = Fraction(0)
    for index, month in made.months.items():
        wanted = expected[index]
        assert {key: line.energy_mwh for key, line in month.energy.items()} == wanted.energy_mwh
        assert {version: line.days for version, line in month.standing.items()} == wanted.days
        for version, line in month.standing.items():
            assert abs(line.charge_microunits - wanted.standing[version] * taxed) < 1
        for key, line in month.energy.items():
            assert abs(line.charge_microunits - wanted.exact[key] * taxed) < 1
        exact = (sum(wanted.exact.values()) + sum(wanted.standing.values())) * taxed
        assert month.charge_microunits == floor(exact_so_far + exact) - floor(exact_so_far)
        exact_so_far += exact
    check_total(made, load, floor(exact_so_far))


def check_total(made, load, charge_microunits):
    assert made.total.charge_microunits == charge_microunits
    assert made.total.energy_mwh == sum(load.energies_mwh)
    lines = [*made.total.energy.values(), *made.total.standing.values()]
    assert sum(line.charge_microunits for line in lines) == charge_microunits
    assert sum(month.charge_microunits for month in made.months.values()) == charge_microunits


# Strategies of the examples

amounts = st.integers(0, 3_000_000).map(millionths_text)
small_energies = st.one_of(st.just(0), st.integers(1, 60), st.integers(1, 60_000))
energies = st.one_of(small_energies, st.integers(1, 4 * KWH))
limits = st.one_of(st.integers(1, 100_000), st.integers(1, 20 * KWH))
clocks = st.one_of(
    st.integers(1, 1439).map(lambda minute: f"{minute // 60:02}:{minute % 60:02}"),
    st.sampled_from(["00:30", "01:00", "01:30", "02:00", "02:15", "02:30", "03:00", "23:30"]),
)
# Month ends, leap days and the turn of a year; daylight changes are found from the zone.
days_of_note = st.sampled_from(
    [(2028, 2, 29), (2028, 3, 1), (2026, 3, 1), (2027, 1, 1), (2026, 11, 1), (2026, 5, 1), (2100, 3, 1)]
)


@st.composite
def documents(draw, zone, names, version):
    rate = st.sampled_from(names)
    kinds = [f"kind {number}" for number in range(draw(st.integers(1, 3)))]
    kind = st.sampled_from(kinds)
    starts = draw(st.lists(st.sampled_from(["01-01", "02-29", "03-01", "07-01", "11-01"]), min_size=1, unique=True))
    return {
        "version": version,
        "activation": "2000-01-01T00:00:00+00:00",
        "currency": "EUR",
        "zone": zone,
        "standing_charge_per_day": draw(amounts),
        "free_kwh_per_month": millionths_text(draw(st.one_of(st.just(0), limits))),
        "rates": [draw(rates(name)) for name in names],
        "day_types": {name: {"00:00": draw(rate), **draw(st.dictionaries(clocks, rate, max_size=6))} for name in kinds},
        "seasons": [{"start": start, **{day: draw(kind) for day in DAYS}} for start in starts],
        "holidays": draw(
            st.lists(st.sampled_from(["01-01", "02-29", "2026-11-01", "12-31", "2028-03-01"]), unique=True)
        ),
    }


@st.composite
def rates(draw, name):
    ends = sorted(draw(st.sets(limits, max_size=3)))
    prices = draw(st.lists(amounts, min_size=len(ends) + 1, max_size=len(ends) + 1))
    return {"name": name, "prices": prices, "block_limits_kwh": [millionths_text(end) for end in ends]}


@st.composite
def loads(draw, zone, energy):
    minutes = draw(st.sampled_from([1, 5, 7, 15, 30, 60, 360, 1440]))
    count = draw(st.integers(1, max(1, min(40, LONGEST_LOAD_MINUTES // minutes))))
    note_s = instant_of_note(draw, zone)
    before_s = draw(st.integers(0, count * minutes)) * 60 + draw(st.sampled_from([0, 0, 0, 1, 17]))
    return LoadCurve(note_s - before_s, minutes * 60, tuple(draw(energy) for _ in range(count)))


def instant_of_note(draw, zone):
    """Draw the midnight of a notable day, or the instant of a daylight change."""
    name = next(name for name in ZONES if ZONES[name] == zone)
    midnight = datetime(*draw(days_of_note), tzinfo=ZoneInfo(name))
    if "daylight" not in zone or draw(st.booleans()):
        return int(midnight.timestamp())
    utc = midnight.astimezone(UTC)
    offset = utc.astimezone(ZoneInfo(name)).utcoffset()
    while utc.astimezone(ZoneInfo(name)).utcoffset() == offset:
        utc += timedelta(minutes=30)
    return int(utc.timestamp())


@st.composite
def cases(draw, energy=energies, most_following=2):
    """Draw documents that take over one after the other, and a load."""
    zone = ZONES[draw(st.sampled_from(sorted(ZONES)))]
    names = ["A", "B", "C"][: draw(st.integers(1, 3))]
    load = draw(loads(zone, energy))
    borders = st.integers(0, len(load.energies_mwh)).map(lambda number: load.start_s + number * load.interval_s)
    seconds = st.one_of(st.integers(load.start_s - 90, load.end_s + 90), borders, st.just(instant_of_note(draw, zone)))
    activations = sorted(draw(st.lists(seconds, max_size=most_following, unique=True)))
    succession = [draw(documents(zone, names, 1))]
    for number, activation_s in enumerate(activations):
        following = draw(documents(zone, names, number + 2))
        following["activation"] = datetime.fromtimestamp(activation_s, UTC).isoformat()
        succession.append(following)
    return succession, load


# Properties


@settings(max_examples=150, deadline=None)
@given(cases(), st.one_of(st.just(0), st.integers(0, 10_000)))
def test_bill_agrees_with_fractions(case, tax_permyriad):
    check_against_oracle(*case, tax_permyriad)


def test_example_agrees_with_fractions():
    household = tariff_file.load(EXAMPLES / "tariff-household.toml")
    for day_type in household["day_types"].values():
        assert "00:00" in day_type
    for season in household["seasons"]:
        season.update({day: season.get(day, season["days"]) for day in DAYS})
    check_against_oracle([household], reading.whole(EXAMPLES / "load-october.csv"))


@settings(max_examples=60, deadline=None)
@given(cases(energy=small_energies, most_following=1))
def test_bill_agrees_with_the_ledger_of_a_meter(case):
    succession, load = case
    tariffs = [Tariff(tariff_file.encode(document)) for document in succession]
    zone = tariffs[0].zone
    assume(all(tariff.activation_s > load.start_s for tariff in tariffs[1:]))
    assume(zone.day(load.end_s) == zone.day(load.end_s - 1))  # a meter would begin the next day, a bill does not
    account = metered(tariffs, load)
    first_day = tariffs[0].standing_charge_microunits  # the day it is installed is free in a meter
    made = bill.calculate(tariffs, load)
    assert made.total.charge_microunits == account.money.charged + first_day
    months = [*reversed(account.registers.closed_months), account.registers.month]
    months[0].charge_microunits += first_day
    assert list(made.months) == [month.index for month in months]
    for month in months:
        section = made.months[month.index]
        assert section.charge_microunits == month.charge_microunits
        for rate, energy_mwh in enumerate(month.rate_mwh):
            assert sum(line.energy_mwh for key, line in section.energy.items() if key[1] == rate) == energy_mwh


def metered(tariffs, load):
    """Return the account of a meter with one impulse per mWh that was read at the end of each interval."""
    account = Account(tariffs[0].data, 1_000_000, 1, PrepaidMoney, load.start_s)
    if len(tariffs) > 1:
        account.pending_tariff = tariffs[1]
        account.note_next_change()
    ledger = Ledger(FlashModel(VirtualClock(), 2 * SECTORS, RandomBits(1)), 0, SECTORS)
    ledger.create(account)
    for number, energy_mwh in enumerate(load.energies_mwh):
        ledger.prepare()
        ledger.advance(load.start_s + (number + 1) * load.interval_s, energy_mwh)
    ledger.redeem(1, 0, 0, load.end_s)  # any record takes up the pulses below one step
    return ledger.account


@settings(max_examples=30, deadline=None)
@given(cases())
def test_prepaid_energy_costs_no_money_and_has_the_same_energy(case):
    succession, load = case
    tariffs = [Tariff(tariff_file.encode(document)) for document in succession]
    by_energy = bill.calculate(tariffs, load, PrepaidEnergy).total
    by_money = bill.calculate(tariffs, load).total
    assert by_energy.charge_microunits == 0
    assert {key: line.energy_mwh for key, line in by_energy.energy.items()} == {
        key: line.energy_mwh for key, line in by_money.energy.items()
    }
