"""Rows of an office for the tests of lists and reports: a street with customers, meters, months, sales and tokens."""

import time
from datetime import UTC, date, datetime

from wattpurse_tools.office.site_days import month_of, month_start_s
from wattpurse_tools.record.models import (
    Contract,
    Customer,
    CustomerType,
    Feeder,
    Installation,
    Meter,
    MonthlyReading,
    Premises,
    Sale,
    SaleLine,
    Shop,
    Tenancy,
    Token,
)

DAY_S = 86_400
MILLION = 1_000_000
HOUSEHOLD, TRADE = "household", "trade"


def now_s():
    """Return the present second."""
    return int(time.time())


def this_month():
    """Return the running month, UTC."""
    return month_of(datetime.now(UTC).date())


def day_in(month, day=10):
    """Return a day of a month."""
    return date(month // 12, month % 12 + 1, day)


def second_in(month, day=10):
    """Return a second of a day of a month, UTC."""
    return month_start_s(month, UTC) + (day - 1) * DAY_S + 3600


def make_street(count=4, feeder="North", months=0, unit="money"):
    """Add a feeder with its meter, and `count` premises with a meter and a customer. Return the meters.

    Meters are 1001 and on, and the feeder's meter is 900. Every second customer is TRADE. The meters told `months`
    closed months before this one, of 100 kWh each; the feeder's meter told 110 kWh for each of them.
    """
    types = [CustomerType.objects.get_or_create(name=name)[0] for name in (HOUSEHOLD, TRADE)]
    whole = Meter.objects.create(number=900, currency="EUR", decimals=2, unit="energy", contract="managed")
    line = Feeder.objects.create(name=feeder, meter=whole)
    meters = []
    for place in range(count):
        meter = Meter.objects.create(
            number=1001 + place, currency="EUR", decimals=2, unit=unit, contract=f"prepaid-{unit}", tenant=1
        )
        customer = Customer.objects.create(
            number=place + 1, name=f"Person {place + 1}", customer_type=types[place % 2], created_s=now_s()
        )
        premises = Premises.objects.create(name=f"House {place + 1}", address="Long Street", feeder=line)
        from_s = now_s() - 900 * DAY_S
        Installation.objects.create(meter=meter, premises=premises, from_s=from_s)
        Contract.objects.create(meter=meter, name=meter.contract, from_s=from_s)
        Tenancy.objects.create(
            premises=premises,
            customer=customer,
            meter_number=meter.number,
            tenant=1,
            from_s=from_s,
            page_code=f"{place:032}",
        )
        meters.append(meter)
    for month in range(this_month() - months, this_month()):
        tell(900, month, 110_000 * count)
        for meter in meters:
            tell(meter.number, month, 100_000, {"day": 70_000, "night": 30_000})
    return meters


def tell(meter, month, wh, rate_wh=None, is_closed=True):
    """Add a month that a meter told."""
    MonthlyReading.objects.create(
        meter_id=meter, month=month, total_wh=wh, rate_wh=rate_wh or {}, is_closed=is_closed, charge_microunits=MILLION
    )


def add_sale(meter, month, gross=20 * MILLION, kind="sale", tax=0, lines=None, day=10, unit="money", amount=None):
    """Add a sale with its lines and its token, as the actions of selling write them. Return the sale."""
    shop = Shop.objects.order_by("number").first()
    shop.last_receipt += 1
    shop.save()
    tenancy = Tenancy.objects.filter(meter_number=meter, until_s=None).select_related("customer").first()
    sale = Sale.objects.create(
        shop=shop,
        receipt_number=shop.last_receipt,
        client_key=f"1:{shop.last_receipt}",
        kind=kind,
        state="written",
        time_s=second_in(month, day),
        business_day=day_in(month, day),
        operator=3,
        customer=None if tenancy is None else tenancy.customer,
        tenancy=tenancy,
        meter_number=meter,
        carrier="none",
        currency="EUR",
        gross_microunits=gross,
        tax_microunits=tax,
        request_hash="",
    )
    for what, quantity, its_unit, line_gross, line_tax in lines or [("money", gross, "EUR", gross, tax)]:
        SaleLine.objects.create(
            sale=sale,
            what=what,
            text=what,
            quantity=quantity,
            unit=its_unit,
            net_microunits=line_gross - line_tax,
            tax_microunits=line_tax,
            gross_microunits=line_gross,
        )
    if kind == "sale":
        add_token(meter, second_in(month, day), gross if amount is None else amount, unit, "redeemed", sale)
    return sale


def add_token(meter, issued_s, amount, unit="money", state="redeemed", sale=None):
    """Add a token of credit to a meter and return it."""
    row = Meter.objects.get(number=meter)
    row.last_count += 1
    row.save()
    return Token.objects.create(
        meter=row,
        sequence=row.last_count,
        kind=1 if unit == "money" else 2,
        unit=unit,
        amount=amount,
        issued_s=issued_s,
        sealed=b"sealed",
        state=state,
        tenant=1,
        sale=sale,
    )
