"""Prices and taxes: the price in force, exact tax lines against fractions, and the business day of a time zone."""

from datetime import date
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.tools.office.selling_site import EUR, build_site
from wattpurse_tools.office import prices
from wattpurse_tools.office.business_days import bounds_s, business_day
from wattpurse_tools.office.prices import Charge
from wattpurse_tools.office.sale_plan import Terms, plan_sale
from wattpurse_tools.office.sale_types import DAYS, ENERGY, MONEY, Wish
from wattpurse_tools.record.models import CustomerType, Price, Shop, TaxRate

DAY = date(2026, 6, 1)
NOW_S = 1_780_300_000


@pytest.fixture
def site(office):
    build_site()
    return office


@pytest.mark.parametrize("decimals", [0, 2, 3])
@settings(max_examples=80)
@given(gross=st.integers(-(10**7), 10**7), ppm=st.integers(0, 1_000_000))
def test_a_tax_is_the_exact_fraction_rounded_half_up(decimals, gross, ppm):
    unit = prices.smallest_unit(decimals)
    exact = Fraction(gross * ppm, 1_000_000 + ppm)
    rounded = abs(exact) + Fraction(1, 2)
    expected = (1 if exact >= 0 else -1) * (rounded.numerator // rounded.denominator) * unit
    assert prices.tax_in(gross * unit, ppm, decimals) == expected


@given(price=st.integers(1, 10**7), paid=st.integers(1, 10**10))
def test_energy_for_an_amount_never_costs_more_than_the_amount(price, paid):
    energy = prices.energy_for(Charge(price), paid)
    assert Fraction(energy * price, 1_000_000) <= paid < Fraction((energy + 1) * price, 1_000_000)


@given(price=st.integers(0, 10**7), energy=st.integers(1, 10**10), decimals=st.sampled_from([0, 2, 6]))
def test_energy_is_never_sold_below_its_price(price, energy, decimals):
    gross, unit = prices.gross_of_energy(Charge(price), energy, decimals), prices.smallest_unit(decimals)
    assert gross % unit == 0
    assert Fraction(energy * price, 1_000_000) <= gross < Fraction(energy * price, 1_000_000) + unit + 1


@given(price=st.integers(1, 10**8), paid=st.integers(0, 10**9), decimals=st.sampled_from([0, 2]))
def test_days_for_an_amount_are_whole_and_paid(price, paid, decimals):
    days = prices.days_for(Charge(price), paid, decimals)
    assert days == 0 or prices.gross_of_days(Charge(price), days, decimals) <= paid
    assert prices.gross_of_days(Charge(price), days + 1, decimals) > paid


def test_the_price_of_the_customers_type_comes_before_that_for_all(site):
    farm = CustomerType.objects.create(name="farm")
    Price.objects.create(what="kwh", customer_type=farm, currency="EUR", gross_microunits=200_000, from_s=NOW_S - 9)
    Price.objects.create(what="kwh", currency="EUR", gross_microunits=250_000, from_s=NOW_S - 5)
    Price.objects.create(what="kwh", currency="EUR", gross_microunits=990_000, from_s=NOW_S + 5)
    household = CustomerType.objects.get(name="household")
    told = [
        prices.charge_for("kwh", who, "EUR", when_s, DAY).gross_microunits
        for who, when_s in ((farm, NOW_S), (household, NOW_S), (None, NOW_S), (farm, NOW_S - 10), (None, NOW_S + 5))
    ]
    assert told == [200_000, 250_000, 250_000, 300_000, 990_000]
    assert prices.charge_for("kwh", None, "CHF", NOW_S, DAY) is None


def test_a_new_rate_of_a_tax_begins_on_its_day(site):
    TaxRate.objects.create(name="VAT", rate_ppm=160_000, from_day=date(2026, 7, 1))
    ppm = [prices.charge_for("kwh", None, "EUR", NOW_S, day).tax_ppm for day in (DAY, date(2026, 7, 1))]
    assert ppm == [190_000, 160_000]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cents=st.integers(1, 10**7),
    fee=st.sampled_from([0, 1, 99]),
    debt=st.integers(0, 10**9),
    what=st.sampled_from([MONEY, ENERGY, DAYS]),
)
def test_the_lines_of_a_sale_add_up_to_what_is_paid(site, cents, fee, debt, what):
    Price.objects.filter(what="fee").delete()
    Price.objects.create(what="fee", currency="EUR", gross_microunits=fee * 10_000, from_s=0)
    paid = cents * 10_000
    terms = Terms("EUR", 2, None, NOW_S, DAY, debt, 250_000)
    try:
        plan = plan_sale(Wish(what, gross_microunits=paid), terms)
    except ValueError:
        assert paid <= fee * 10_000 * 2 + 4 * 2_500_000
        return
    assert sum(line.net_microunits + line.tax_microunits for line in plan.lines) == plan.gross_microunits
    assert plan.gross_microunits <= paid
    assert what == DAYS or plan.gross_microunits == paid
    assert all(line.gross_microunits % 10_000 == 0 for line in plan.lines)
    assert plan.amount > 0
    recovered = sum(line.gross_microunits for line in plan.lines if line.what == "debt")
    assert recovered <= min(debt, paid // 4)


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
def test_a_business_day_has_the_hours_of_its_time_zone(day, hours):
    shop = Shop(time_zone="Europe/Berlin")
    begin_s, end_s = bounds_s(shop, day)
    assert end_s - begin_s == hours * 3600
    assert [business_day(shop, time_s) == day for time_s in (begin_s - 1, begin_s, end_s - 1, end_s)] == [
        False,
        True,
        True,
        False,
    ]


def test_a_large_amount_is_exact(site):
    plan = plan_sale(Wish(MONEY, gross_microunits=999_999_999 * EUR), Terms("EUR", 2, None, NOW_S, DAY))
    (line,) = plan.lines
    assert Fraction(line.net_microunits, EUR) == Fraction(84_033_613_361, 100)
