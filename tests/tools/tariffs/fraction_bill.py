"""An independent bill in exact fractions: from the documents as written, the tz database and a load.

It follows the sentences of docs/tariffs.md step by step, and shares no code with the meter's tariff engine. Energy
is mWh, money micro-units.
"""

from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from math import floor

from tests.core.tariffs.test_tariff_properties import local_time, rate_by_document

KWH = 1_000_000
FREE = -1
HALF_HOUR_S = 1800
DAY, MONTH, DEMAND, MINIMUM = range(4)  # fees


def micro(document, key):
    """Return an amount of the document in micro-units; 0 if it has none."""
    return Fraction(document.get(key, "0")) * 1_000_000


def in_force(documents, utc_s):
    """Return the document in force at an instant: the first, until another's activation."""
    newest = documents[0]
    for document in documents[1:]:
        if datetime.fromisoformat(document["activation"]).timestamp() <= utc_s:
            newest = document
    return newest


def pieces(documents, load, step_s):
    """Yield (second, mWh) of stretches without a change of rate or tariff, cut at activations and at whole steps.

    Each cut has the energy up to it rounded down.
    """
    activations = {int(datetime.fromisoformat(document["activation"]).timestamp()) for document in documents[1:]}
    for number, energy_mwh in enumerate(load.energies_mwh):
        start_s = load.start_s + number * load.interval_s
        end_s = start_s + load.interval_s
        steps = range(start_s - start_s % step_s + step_s, end_s, step_s)
        cuts = sorted({start_s, end_s, *steps, *(cut for cut in activations if start_s < cut < end_s)})
        for begin, end in pairwise(cuts):
            until_begin = floor(energy_mwh * Fraction(begin - start_s, load.interval_s))
            until_end = floor(energy_mwh * Fraction(end - start_s, load.interval_s))
            yield begin, until_end - until_begin


class ExpectedMonth:
    """mWh and exact micro-units by (version, rate, block) and by (version, fee); levies by (version, name).

    Nothing here has the tax. `main_microunits` are whole micro-units with the tax, as the meter charges them.
    """

    def __init__(self):
        self.energy_mwh = {}
        self.exact = {}
        self.quantities = {}
        self.fees = {}
        self.levies = {}
        self.rate_mwh = {}
        self.demand_mwh = 0
        self.main_microunits = 0


class FractionBill:
    """The expected months by index, of the documents over a load with a tax.

    Rates change at whole steps of `step_s` seconds alone: at minutes, or at half hours for a longer load.
    """

    def __init__(self, documents, load, tax_permyriad=0, step_s=60):
        self.documents = documents
        self.taxed = 1 + Fraction(tax_permyriad, 10_000)
        self.months = {}
        self.main = Fraction(0)  # all charges but levies, with tax
        self.document = None
        self.today = None
        self.counted_mwh = {}  # towards the blocks, by name of the rate
        self.half_hour = None
        self.half_hour_mwh = 0
        for utc_s, energy_mwh in pieces(documents, load, step_s):
            self.reach(utc_s)
            self.take(utc_s, energy_mwh)
        self.end_half_hour(load.end_s)
        self.close_month()

    @property
    def month(self):
        return self.months[self.today.year * 12 + self.today.month - 1]

    def reach(self, utc_s):
        """Enter an instant: end a half hour, then a month; take the tariff; begin the month and the day."""
        document = in_force(self.documents, utc_s)
        date = local_time(document, utc_s).date()
        self.end_half_hour(utc_s)
        begins_day = self.today is None or date > self.today
        begins_month = begins_day and (self.today is None or date.month != self.today.month)
        if begins_month and self.today is not None:
            self.close_month()
        if begins_month:
            self.months[date.year * 12 + date.month - 1] = ExpectedMonth()
            if self.document is not None and self.document.get("block_period") != "day":
                self.counted_mwh = {}
        if begins_day:
            self.today = date
        if document is not self.document:
            self.enter_tariff(document, utc_s)
        if begins_day and document.get("block_period") == "day":
            self.counted_mwh = {}
        if begins_month:
            self.charge_fee(MONTH, Fraction(1), micro(document, "fixed_charge_per_month"))
        if begins_day:
            self.charge_fee(DAY, Fraction(1), micro(document, "standing_charge_per_day"))

    def enter_tariff(self, document, utc_s):
        former, self.document = self.document, document
        if former is None or counting(former) != counting(document):
            by_day = counting(document)[0] == "day"
            self.counted_mwh = {} if by_day else dict(self.month.rate_mwh)
        asked = former is not None and micro(former, "demand_charge_per_kw")
        if micro(document, "demand_charge_per_kw") and not asked:
            self.half_hour, self.half_hour_mwh = utc_s // HALF_HOUR_S, 0

    def end_half_hour(self, utc_s):
        if self.half_hour is None or utc_s // HALF_HOUR_S <= self.half_hour:
            return
        if micro(self.document, "demand_charge_per_kw"):
            self.month.demand_mwh = max(self.month.demand_mwh, self.half_hour_mwh)
        self.half_hour, self.half_hour_mwh = utc_s // HALF_HOUR_S, 0

    def close_month(self):
        kw = Fraction(self.month.demand_mwh * 2, KWH)
        self.charge_fee(DEMAND, kw, micro(self.document, "demand_charge_per_kw"))
        minimum = micro(self.document, "minimum_charge_per_month")
        rest = minimum - floor(self.month.main_microunits / self.taxed)
        if rest > 0:
            self.charge_fee(MINIMUM, Fraction(1), rest)

    def take(self, utc_s, energy_mwh):
        document, month = self.document, self.month
        rate = rate_by_document(document, utc_s)
        written = document["rates"][rate]
        name = written["name"]
        free_mwh = Fraction(document["free_kwh_per_month"]) * KWH
        free_now = min(max(free_mwh - sum(month.rate_mwh.values()), 0), energy_mwh)
        self.add_energy(rate, FREE, Fraction(0), free_now)
        counts_free = document.get("free_kwh_in_blocks", True)
        month.rate_mwh[name] = month.rate_mwh.get(name, 0) + free_now
        self.count(name, free_now if counts_free else 0)
        begin = self.position(name)
        end = begin + energy_mwh - free_now
        limits = [Fraction(limit) * KWH for limit in written.get("block_limits_kwh", [])]
        ends = [*limits, end + sum(limits)]
        for block, (price, low, high) in enumerate(zip(written["prices"], [0, *limits], ends, strict=True)):
            self.add_energy(rate, block, Fraction(price), max(Fraction(0), min(end, high) - max(begin, low)))
        month.rate_mwh[name] += energy_mwh - free_now
        self.count(name, energy_mwh - free_now)
        self.half_hour_mwh += energy_mwh

    def count(self, name, energy_mwh):
        if counting(self.document) != ("month", True):
            self.counted_mwh[name] = self.counted_mwh.get(name, 0) + energy_mwh

    def position(self, name):
        counted = self.month.rate_mwh if counting(self.document) == ("month", True) else self.counted_mwh
        return sum(counted.values()) if self.document.get("blocks") == "total" else counted.get(name, 0)

    def add_energy(self, rate, block, price, energy_mwh):
        if energy_mwh:
            key = (self.document["version"], rate, block)
            month = self.month
            month.energy_mwh[key] = month.energy_mwh.get(key, 0) + energy_mwh
            month.exact[key] = month.exact.get(key, 0) + price * energy_mwh
            self.charge(price * energy_mwh, energy_mwh if price else 0)

    def charge_fee(self, fee, quantity, price):
        if fee == DAY or quantity * price:
            key = (self.document["version"], fee)
            month = self.month
            month.quantities[key] = month.quantities.get(key, 0) + quantity
            month.fees[key] = month.fees.get(key, 0) + quantity * price
            self.charge(quantity * price, 0)

    def charge(self, exact, energy_mwh):
        """Charge an exact amount before tax: whole micro-units of the whole sum; and the levies on it."""
        before, self.main = self.main, self.main + exact * self.taxed
        self.month.main_microunits += floor(self.main) - floor(before)
        for levy in self.document.get("levies", []):
            if "per_kwh" in levy:
                due = Fraction(levy["per_kwh"]) * energy_mwh
                exact += due
            else:
                due = exact * Fraction(levy["percent"]) / 100
            key = (self.document["version"], levy["name"])
            self.month.levies[key] = self.month.levies.get(key, 0) + due


def counting(document):
    """Return the period of the blocks, and whether free energy counts towards them if the period is a month."""
    if document.get("block_period") == "day":
        return "day", None
    return "month", document.get("free_kwh_in_blocks", True)


def check(made, documents, load, tax_permyriad=0, step_s=60):
    """Compare a bill with the expected one: every line to within a micro-unit, every month and sum exactly."""
    expected = FractionBill(documents, load, tax_permyriad, step_s)
    assert list(made.months) == list(expected.months)
    carried, levied, whole = Fraction(0), {}, 0
    for index, month in made.months.items():
        wanted = expected.months[index]
        assert {key: line.energy_mwh for key, line in month.energy.items()} == wanted.energy_mwh
        assert {
            key: Fraction(line.quantity_millionths, 1_000_000) for key, line in month.fees.items()
        } == wanted.quantities
        for key, line in month.energy.items():
            assert abs(line.charge_microunits - wanted.exact[key] * expected.taxed) < 1
        for key, line in month.fees.items():
            assert abs(line.charge_microunits - wanted.fees[key] * expected.taxed) < 1
        exact = (sum(wanted.exact.values()) + sum(wanted.fees.values())) * expected.taxed
        main = floor(carried + exact) - floor(carried)
        carried += exact
        check_levies(month, wanted, levied)
        assert month.charge_microunits == main + month.levy_microunits
        assert main == wanted.main_microunits
        whole += main + month.levy_microunits
    assert made.total.charge_microunits == whole
    assert made.total.energy_mwh == sum(load.energies_mwh)
    assert sum(month.charge_microunits for month in made.months.values()) == whole


def check_levies(month, wanted, levied):
    """Compare the levies of a month, by name, with the whole sum so far, which `levied` carries on."""
    assert set(month.levies) >= {key for key, exact in wanted.levies.items() if exact}
    for key, microunits in month.levies.items():
        assert abs(microunits - wanted.levies.get(key, 0)) < 1
    for name in {name for _, name in month.levies}:
        exact = sum(due for (_, one), due in wanted.levies.items() if one == name)
        charged = sum(microunits for (_, one), microunits in month.levies.items() if one == name)
        before = levied.get(name, Fraction(0))
        levied[name] = before + exact
        assert charged == floor(before + exact) - floor(before)
