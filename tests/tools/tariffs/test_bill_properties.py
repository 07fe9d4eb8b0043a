"""Bills of any tariff over any load: against the documents as written, the tz database and fractions; and against the
meter's own ledger, which counts the same energy as pulses.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from boards.host.chips.flash import FlashModel
from boards.host.chips.random_bits import RandomBits
from boards.host.world.clock import VirtualClock
from tests.core.tariffs.test_tariff_properties import DAYS, ZONES
from tests.tools.tariffs import fraction_bill
from wattpurse.core.money.account import DEMAND_FEE, MINIMUM_FEE, Account
from wattpurse.core.money.contract import PrepaidEnergy, SettledAccount
from wattpurse.core.money.ledger import Ledger
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse_tools.loads import reading
from wattpurse_tools.tariffs import bill, tariff_file
from wattpurse_tools.tariffs.load_curve import LoadCurve

EXAMPLES = Path(__file__).parents[3] / "tools" / "examples"
KWH = 1_000_000
LONGEST_LOAD_MINUTES = 3000
SECTORS = 5


def millionths_text(value):
    return f"{value // 1_000_000}.{value % 1_000_000:06}"


def check_against_fractions(documents, load, tax_permyriad=0):
    tariffs = [Tariff(tariff_file.encode(document)) for document in documents]
    made = bill.calculate(tariffs, load, SettledAccount, tax_permyriad)
    fraction_bill.check(made, documents, load, tax_permyriad)


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


percents = st.integers(1, 10_000).map(lambda permyriad: f"{permyriad // 100}.{permyriad % 100:02}")
levy_lines = st.one_of(
    st.fixed_dictionaries({"percent": percents}),
    st.fixed_dictionaries({"per_kwh": st.integers(1, 200_000).map(millionths_text)}),
)
no_or_amounts = st.one_of(st.just("0"), amounts)


@st.composite
def further_charges(draw):
    """Draw the charges beside energy and days, and the energy that counts towards the blocks."""
    names = draw(st.lists(st.sampled_from(["VAT", "EXCISE", "FUND"]), max_size=3, unique=True))
    return {
        "fixed_charge_per_month": draw(no_or_amounts),
        "minimum_charge_per_month": draw(no_or_amounts),
        "demand_charge_per_kw": draw(no_or_amounts),
        "levies": [{"name": name, **draw(levy_lines)} for name in names],
        "blocks": draw(st.sampled_from(["rate", "total"])),
        "block_period": draw(st.sampled_from(["month", "day"])),
        "free_kwh_in_blocks": draw(st.booleans()),
    }


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
        **draw(further_charges()),
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
    names = st.permutations(["A", "B", "C", "D"]).flatmap(
        lambda order: st.integers(1, 3).map(lambda count: order[:count])
    )
    load = draw(loads(zone, energy))
    borders = st.integers(0, len(load.energies_mwh)).map(lambda number: load.start_s + number * load.interval_s)
    seconds = st.one_of(st.integers(load.start_s - 90, load.end_s + 90), borders, st.just(instant_of_note(draw, zone)))
    activations = sorted(draw(st.lists(seconds, max_size=most_following, unique=True)))
    succession = [draw(documents(zone, draw(names), 1))]
    for number, activation_s in enumerate(activations):
        following = draw(documents(zone, draw(names), number + 2))
        following["activation"] = datetime.fromtimestamp(activation_s, UTC).isoformat()
        succession.append(following)
    return succession, load


# Properties


@settings(max_examples=150, deadline=None)
@given(cases(), st.one_of(st.just(0), st.integers(0, 10_000)))
def test_bill_with_every_kind_of_charge_agrees_with_fractions(case, tax_permyriad):
    check_against_fractions(*case, tax_permyriad)


def test_example_agrees_with_fractions():
    household = tariff_file.load(EXAMPLES / "tariff-household.toml")
    for day_type in household["day_types"].values():
        assert "00:00" in day_type
    for season in household["seasons"]:
        season.update({day: season.get(day, season["days"]) for day in DAYS})
    check_against_fractions([household], reading.whole(EXAMPLES / "load-october.csv"))


@settings(max_examples=60, deadline=None)
@given(cases(energy=small_energies, most_following=1))
def test_bill_agrees_with_the_ledger_of_a_meter(case):
    succession, load = case
    # A meter charges no fees of the day on which it is installed, and no minimum of that month.
    succession[0].update(standing_charge_per_day="0", fixed_charge_per_month="0", minimum_charge_per_month="0")
    tariffs = [Tariff(tariff_file.encode(document)) for document in succession]
    zone = tariffs[0].zone
    assume(all(tariff.activation_s > load.start_s for tariff in tariffs[1:]))
    assume(zone.day(load.end_s) == zone.day(load.end_s - 1))  # a meter would begin the next day, a bill does not
    account = metered(tariffs, load)
    made = bill.calculate(tariffs, load, SettledAccount)
    months = [*reversed(account.registers.closed_months), account.registers.month]
    assume(len(months) == 1 or not tariffs[-1].minimum_microunits)  # a meter charges none in the first month
    assert list(made.months) == [month.index for month in months]
    not_yet = end_of_month(made.months[months[-1].index])
    levies_not_yet = made.total.levy_microunits - sum(one.microunits for one in account.levies.sums)
    assert levies_not_yet >= 0 if not_yet else levies_not_yet == 0
    assert made.total.charge_microunits - not_yet - levies_not_yet == account.money.charged
    for month in months:
        section = made.months[month.index]
        names = [*account.tariff.rate_names, *account.registers.former_names]
        for name, energy_mwh in zip(names, month.rate_mwh, strict=False):
            assert sum(line.energy_mwh for line in section.energy.values() if line.rate_name == name) == energy_mwh
        if month is not months[-1]:
            assert section.charge_microunits == month.charge_microunits


def end_of_month(charges):
    """Return the charges of the last month that a meter takes when the month ends."""
    return sum(line.charge_microunits for (_, fee), line in charges.fees.items() if fee in (DEMAND_FEE, MINIMUM_FEE))


def metered(tariffs, load):
    """Return the account of a meter with one impulse per mWh that was read at the end of each interval."""
    account = Account(tariffs[0].data, 1_000_000, 1, SettledAccount, load.start_s)
    if len(tariffs) > 1:
        account.check_tariff(tariffs[1])
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
    for document in succession:
        document["demand_charge_per_kw"] = "0"
    tariffs = [Tariff(tariff_file.encode(document)) for document in succession]
    by_energy = bill.calculate(tariffs, load, PrepaidEnergy).total
    by_money = bill.calculate(tariffs, load).total
    assert by_energy.charge_microunits == 0
    assert {key: line.energy_mwh for key, line in by_energy.energy.items()} == {
        key: line.energy_mwh for key, line in by_money.energy.items()
    }
