"""Shifts: float, X and Z, the count before the expected sum, differences, deposits, and other people's shifts."""

import dataclasses

import pytest

from tests.tools.office.selling_site import (
    EUR,
    FLOAT,
    PaperCard,
    build_site,
    energy,
    first_shop,
    first_till,
    money,
    new_shift,
    request,
)
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import limits, sales, shifts
from wattpurse_tools.office.actor import NotPermitted
from wattpurse_tools.office.shifts import Total
from wattpurse_tools.record.models import BankDeposit, Shift


@pytest.fixture
def site(office):
    build_site()
    return office


@pytest.fixture
def any_site(any_office):
    build_site()
    return any_office


def close(site, actor, shift, counted):
    shifts.count_cash(site, actor, shift, counted)
    return shifts.close_shift(site, actor, shift)


def test_a_shift_from_float_to_z(any_site, cashier):
    shift = new_shift(any_site, cashier)
    sales.sell(any_site, cashier, request(shift))
    sales.sell(any_site, cashier, request(shift, payment_type="card"))
    report = close(any_site, cashier, shift, FLOAT + 20 * EUR)
    assert (report.shift.z_number, report.cash.difference_microunits) == (1, 0)
    assert (report.first_receipt, report.last_receipt) == (1, 2)
    assert report.totals == {
        "transaction": (Total("sale", 2, 40 * EUR),),
        "operator": (Total("3", 2, 40 * EUR),),
        "payment": (Total("card", 1, 20 * EUR), Total("cash", 1, 20 * EUR)),
        "resource": (Total("money", 2, 40 * EUR),),
        "tax": (Total("VAT", 2, 6_380_000),),
    }
    assert balances.balance(chart.drawer(1, shift.pk), "EUR") == 0
    assert balances.balance(chart.vendor(1), "EUR") == 20 * EUR
    assert balances.balance(chart.bank("card"), "EUR") == 20 * EUR
    assert balances.sums_by_unit()["EUR"] == 0


def test_an_x_report_shows_counts_and_not_the_cash_that_is_expected(site, cashier):
    shift = new_shift(site, cashier)
    sales.sell(site, cashier, request(shift))
    report = shifts.x_report(site, cashier, shift)
    assert report.totals["transaction"] == (Total("sale", 1, 0),)
    assert (report.cash.expected_microunits, report.cash.difference_microunits) == (None, None)
    shown = shifts.count_cash(site, cashier, shift, FLOAT)
    assert (shown.cash.expected_microunits, shown.cash.difference_microunits) == (FLOAT + 20 * EUR, -20 * EUR)
    assert shown.totals["transaction"] == (Total("sale", 1, 20 * EUR),)


def test_a_count_stands(site, cashier):
    shift = new_shift(site, cashier)
    shifts.count_cash(site, cashier, shift, FLOAT - EUR)
    with pytest.raises(ValueError, match="the count stands"):
        shifts.count_cash(site, cashier, shift, FLOAT)


def test_a_shift_is_not_closed_without_a_count(site, cashier):
    with pytest.raises(ValueError, match="count the cash"):
        shifts.close_shift(site, cashier, new_shift(site, cashier))


@pytest.mark.parametrize("difference", [-3 * EUR, 2 * EUR])
def test_a_cash_difference_is_in_the_ledger(site, cashier, difference):
    shift = new_shift(site, cashier)
    report = close(site, cashier, shift, FLOAT + difference)
    assert report.cash.difference_microunits == difference
    assert balances.balance(chart.difference(1), "EUR") == -difference
    assert balances.balance(chart.vendor(1), "EUR") == difference


def test_z_numbers_of_a_till_have_no_gaps_and_a_retry_closes_once(site, cashier):
    for number in (1, 2, 3):
        shift = new_shift(site, cashier)
        assert close(site, cashier, shift, FLOAT).shift.z_number == number
        assert shifts.close_shift(site, cashier, shift).shift.z_number == number
    assert first_till().last_z == 3


def test_a_till_has_one_open_shift(site, cashier, manager):
    shift = new_shift(site, cashier)
    assert shifts.open_shift_at(first_till()) == shift
    with pytest.raises(ValueError, match="a shift is open at till 1"):
        new_shift(site, manager)
    assert Shift.objects.count() == 1


def test_a_shift_of_another_person_is_closed_by_a_manager_alone(site, cashier, manager):
    shift = new_shift(site, manager)
    with pytest.raises(NotPermitted):
        shifts.count_cash(site, cashier, shift, FLOAT)
    close(site, manager, shift, FLOAT)
    own = new_shift(site, cashier)
    close(site, manager, own, FLOAT)
    assert first_till().last_z == 2


def test_nobody_opens_a_shift_in_another_shop_or_without_the_right(site, cashier):
    for actor in (dataclasses.replace(cashier, shop=2), dataclasses.replace(cashier, rights=frozenset())):
        with pytest.raises(NotPermitted):
            new_shift(site, actor)


@pytest.mark.parametrize("amount", [-1, 1 << 60])
def test_an_amount_that_cannot_be_is_refused(site, cashier, amount):
    with pytest.raises(ValueError):
        new_shift(site, cashier, amount)
    shift = new_shift(site, cashier)
    with pytest.raises(ValueError):
        shifts.count_cash(site, cashier, shift, amount)


def test_a_deposit_is_booked_once_by_its_reference(site, cashier):
    first = shifts.deposit(site, cashier, first_shop(), 10 * EUR, "slip 1")
    assert shifts.deposit(site, cashier, first_shop(), 10 * EUR, "slip 1") == first
    with pytest.raises(ValueError, match="another amount"):
        shifts.deposit(site, cashier, first_shop(), 11 * EUR, "slip 1")
    with pytest.raises(ValueError, match="reference"):
        shifts.deposit(site, cashier, first_shop(), 11 * EUR, " ")
    assert BankDeposit.objects.count() == 1
    assert balances.balance(chart.bank("deposit"), "EUR") == 10 * EUR
    assert shifts.vendor_standing(first_shop()).owes_microunits == -10 * EUR


def test_the_float_is_no_debt_of_the_shop(site, cashier):
    new_shift(site, cashier)
    assert shifts.vendor_standing(first_shop()).owes_microunits == 0


def test_a_vendor_limit_is_set_by_a_manager_alone(site, cashier, manager):
    with pytest.raises(NotPermitted):
        limits.set_vendor_limit(site, cashier, first_shop(), 5 * EUR)
    limits.set_vendor_limit(site, manager, first_shop(), 5 * EUR)
    with pytest.raises(ValueError, match="book the deposit first"):
        sales.sell(site, cashier, request(new_shift(site, cashier)))


def test_a_z_report_is_the_same_at_every_reprint(site, cashier):
    shift, card = new_shift(site, cashier), PaperCard("04aa", 1)
    sales.sell(site, cashier, request(shift, money(7), card=card), card)
    sales.sell(site, cashier, request(shift, energy(2), meter=2))
    report = close(site, cashier, shift, FLOAT)
    assert shifts.z_report(shift) == report
    with pytest.raises(ValueError, match="open"):
        shifts.z_report(new_shift(site, cashier))


def test_a_day_report_has_the_sums_of_all_tills(site, cashier, manager):
    from wattpurse_tools.office import business_days, shop_day

    shift = new_shift(site, cashier)
    sale = sales.sell(site, cashier, request(shift)).sale
    shifts.deposit(site, cashier, first_shop(), 10 * EUR, "slip 1")
    close(site, cashier, shift, FLOAT + 19 * EUR)
    day = shop_day.day_report(site, manager, first_shop(), sale.business_day)
    assert day.totals["payment"] == (Total("cash", 1, 20 * EUR),)
    assert (day.deposits_microunits, day.differences_microunits) == (10 * EUR, EUR)
    assert day.shifts == (shift,)
    assert business_days.business_day(first_shop(), sale.time_s) == sale.business_day
    with pytest.raises(NotPermitted):
        shop_day.day_report(site, cashier, first_shop(), sale.business_day)
