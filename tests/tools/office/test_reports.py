"""The manager's reports, against sums made by hand."""

import csv
import io

import pytest

from tests.tools.office.desk_rows import (
    DAY_S,
    HOUSEHOLD,
    MILLION,
    TRADE,
    add_sale,
    add_token,
    make_street,
    now_s,
    second_in,
    tell,
    this_month,
)
from wattpurse_tools.office import losses, reports
from wattpurse_tools.office.report_tables import Column, ReportTable, csv_of
from wattpurse_tools.office.site_days import month_text
from wattpurse_tools.record.models import (
    Customer,
    Installation,
    Meter,
    MonthlyReading,
    Premises,
    RevenueMonth,
    Statement,
    Tenancy,
)


def test_revenue_is_net_of_voids_and_apart_from_debt_and_refunds(any_office):
    make_street(2)
    month = this_month() - 1
    add_sale(1001, month, 119 * MILLION, tax=19 * MILLION)
    add_sale(
        1002, month, 50 * MILLION, lines=[("money", 0, "EUR", 40 * MILLION, 0), ("debt", 0, "EUR", 10 * MILLION, 0)]
    )
    add_sale(1002, month, -20 * MILLION, kind="void")
    add_sale(1001, month, -30 * MILLION, kind="refund")
    add_sale(1001, month + 1, 5 * MILLION)
    table = reports.revenue(month, month + 1)
    text = month_text(month)
    assert list(table.rows) == [
        (text, HOUSEHOLD, "EUR", 1, 100 * MILLION, 19 * MILLION, 119 * MILLION, 0, 30 * MILLION),
        (text, TRADE, "EUR", 0, 20 * MILLION, 0, 20 * MILLION, 10 * MILLION, 0),
        (month_text(month + 1), HOUSEHOLD, "EUR", 1, 5 * MILLION, 0, 5 * MILLION, 0, 0),
    ]


def test_a_month_is_summed_up_once_and_again_after_another_sale(any_office):
    make_street(1)
    month = this_month()
    add_sale(1001, month)
    first = list(reports.revenue(month, month).rows)
    assert RevenueMonth.objects.get().sales == 1
    RevenueMonth.objects.update(rows=[["kept", "EUR", 9, 9, 9, 9, 9]])
    assert reports.revenue(month, month).rows[0][1] == "kept"
    add_sale(1001, month, day=12)
    assert reports.revenue(month, month).rows[0][6] == 2 * first[0][6]


def test_energy_is_that_sold_as_kwh_and_that_told_by_the_meters(any_office):
    make_street(3, months=2, unit="energy")
    month = this_month() - 1
    add_sale(1002, month, lines=[("energy", 55 * MILLION, "mWh", 20 * MILLION, 0)], unit="energy")
    rows = {row[1]: row[2:] for row in reports.energy(month, month).rows}
    assert rows[TRADE] == (55 * MILLION, 100 * MILLION, 1)
    assert rows[HOUSEHOLD] == (0, 200 * MILLION, 2)
    assert set(rows) == {TRADE, HOUSEHOLD}  # the energy of the feeder's own meter is theirs already
    assert reports.used_by_month(month, month) == {month: 300 * MILLION}


def test_a_month_counts_to_the_customer_who_was_there_last_in_it(office):
    make_street(1, months=3)
    month = this_month() - 2
    Tenancy.objects.update(until_s=second_in(month, 20))
    trader = Customer.objects.create(number=50, name="New", customer_type=None, created_s=1)
    place = Premises.objects.get()
    Tenancy.objects.create(premises=place, customer=trader, meter_number=1001, from_s=second_in(month, 21))
    is_household = {
        one: any(row[1] == HOUSEHOLD for row in reports.energy(one, one).rows) for one in (month - 1, month, month + 1)
    }
    assert is_household == {month - 1: True, month: False, month + 1: False}


def test_rates_add_up_to_the_use_even_where_a_card_had_no_room_for_them(office):
    make_street(2, months=1)
    month = this_month() - 1
    MonthlyReading.objects.filter(meter_id=1002).update(rate_wh={})
    rows = {row[:2]: row[2] for row in reports.rates(month).rows}
    assert rows[("day", HOUSEHOLD)] == 70 * MILLION
    assert rows[("night", HOUSEHOLD)] == 30 * MILLION
    assert rows[("(rate not told)", TRADE)] == 100 * MILLION


def test_a_loss_is_the_difference_of_feeder_and_meters_once_all_have_told(any_office):
    make_street(3, months=2)
    month = this_month() - 1
    (row,) = losses.losses(month).rows
    assert row == ("North", 3, 0, 330 * MILLION, 300 * MILLION, 30 * MILLION, 9_090_909)
    MonthlyReading.objects.filter(meter_id=1003, month=month).update(is_closed=False)
    (row,) = losses.losses(month).rows
    assert row == ("North", 3, 1, 330 * MILLION, 200 * MILLION, None, None)
    MonthlyReading.objects.filter(meter_id=900).delete()
    assert losses.losses(month).rows[0][3] is None


def test_a_replaced_meter_and_its_follower_both_count_to_the_feeder(office):
    make_street(1, months=1)
    month = this_month() - 1
    there = Installation.objects.get(meter_id=1001)
    there.until_s = second_in(month, 15)
    there.save()
    new = Meter.objects.create(number=1500, currency="EUR", decimals=2)
    Installation.objects.create(meter=new, premises=there.premises, from_s=second_in(month, 15))
    assert losses.feeder_months(month)[0].told == 1
    assert losses.feeder_months(month)[0].lost_mwh is None
    tell(1500, month, 4_000)
    assert losses.feeder_months(month)[0].lost_mwh == 6 * MILLION


def test_unredeemed_credit_is_grouped_by_age_and_unit(any_office):
    make_street(2)
    now = now_s()
    add_token(1001, now - 10, 20 * MILLION, state="issued")
    add_token(1001, now - 40 * DAY_S, 5 * MILLION, state="on card")
    add_token(1002, now - 400 * DAY_S, 7 * MILLION, unit="energy", state="on card")
    add_token(1002, now, 99 * MILLION, state="redeemed")
    add_token(1002, now, 99 * MILLION, state="voided")
    assert list(reports.unredeemed(now).rows) == [
        ("up to 30 days", "EUR", 1, 20 * MILLION, None),
        ("30 to 90 days", "EUR", 1, 5 * MILLION, None),
        ("more than 90 days", "", 1, None, 7 * MILLION),
    ]


def test_tamper_is_told_by_the_statements_of_the_month(office):
    make_street(2)
    month = this_month() - 1
    for meter, day, alarms, content in (
        (1001, 3, "tamper", {"tamper": ["cover"]}),
        (1001, 9, "tamper, clock", {"tamper": ["magnet"]}),
        (1002, 9, "clock", {}),
    ):
        Statement.objects.create(
            meter_id=meter,
            time_s=second_in(month, day),
            unit="money",
            contract=1,
            balance=0,
            total_mwh=day,
            alarms=alarms,
            content=content,
        )
    assert list(reports.tamper(month).rows) == [("1001", "1", "Person 1", "House 1", "cover, magnet", 2)]
    assert not reports.tamper(month - 1).rows


def test_a_purchase_is_unlike_below_a_third_and_above_three_times_the_usual(any_office):
    make_street(5)
    month = this_month() - 1
    for place, now in enumerate((20, 6, 61, 0)):
        for earlier in range(month - 6, month):
            add_token(1001 + place, second_in(earlier), 20 * MILLION)
        if now:
            add_token(1001 + place, second_in(month), now * MILLION)
    for earlier in range(month - 3, month):  # too few months to know the usual purchase
        add_token(1005, second_in(earlier), 20 * MILLION)
    rows = {row[0]: (row[5], row[6], row[9]) for row in reports.unlike(month).rows}
    assert rows == {
        "1002": (20 * MILLION, 6 * MILLION, 30 * MILLION),
        "1003": (20 * MILLION, 61 * MILLION, 305 * MILLION),
        "1004": (20 * MILLION, 0, 0),
    }


def test_voided_tokens_are_no_purchase(office):
    make_street(1)
    month = this_month() - 1
    for earlier in range(month - 6, month):
        add_token(1001, second_in(earlier), 20 * MILLION)
    add_token(1001, second_in(month), 20 * MILLION, state="voided")
    assert [row[0] for row in reports.unlike(month).rows] == ["1001"]


@pytest.mark.parametrize("begin", ["=", "+", "-", "@"])
def test_a_name_that_looks_like_a_formula_is_a_text_in_the_csv(begin):
    table = ReportTable("names", "", (Column("name"), Column("owed", "money")), [(f"{begin}1+1", -5 * MILLION)])
    rows = list(csv.reader(io.StringIO(csv_of(table).decode("utf-8-sig"))))
    assert rows[1] == [f"'{begin}1+1", "-5.00"]
