"""A town of many meters, written in bulk: premises, customers, links, and accounts with news, for tests of size."""

from tests.tools.headend.managed_site import KWH, ManagedMeter
from tests.tools.office.desk_rows import DAY_S
from wattpurse_tools.record.models import (
    Customer,
    CustomerType,
    Feeder,
    ManagedAccount,
    Meter,
    MeterLink,
    Premises,
    Statement,
    Tenancy,
)

FIRST = 100_001
SIZE = 10_000
FEEDERS = 10

_SOME = 500  # SQLite takes a limited number of values in a statement


def build_town(now_s, count=SIZE):
    """Add meters from FIRST on, each with a premises at a feeder, a customer, a tenancy and a link. Return them."""
    kind = CustomerType.objects.get_or_create(name="household")[0]
    feeders = [Feeder.objects.create(name=f"Line {number}") for number in range(FEEDERS)]
    numbers = range(FIRST, FIRST + count)
    facts = {"currency": "EUR", "decimals": 2, "unit": "money", "contract": "managed", "key_version": 1}
    facts |= {"told_s": now_s, "site_version": 1}
    meters = _made(Meter, [Meter(number=number, seen_s=now_s - number % 600, **facts) for number in numbers])
    customers = _made(
        Customer,
        [Customer(number=number, name=f"Person {number}", customer_type=kind, created_s=now_s) for number in numbers],
    )
    premises = _made(
        Premises,
        [
            Premises(name=f"House {number}", address="Long Street", feeder=feeders[number % FEEDERS])
            for number in numbers
        ],
    )
    _made(
        Tenancy,
        [
            Tenancy(premises=place, customer=customer, meter_number=number, from_s=0, page_code=f"{number:032}")
            for number, place, customer in zip(numbers, premises, customers, strict=True)
        ],
    )
    _made(
        MeterLink,
        [MeterLink(meter_id=number, changed_s=now_s - 600, firmware="1.0.0") for number in numbers],
    )
    return meters


def manage_town(office, now_s, hours=1, kwh=2):
    """Add an account to each meter of the town. It was charged `hours` ago, and a statement of now waits for each."""
    from_s = now_s - hours * 3600
    one = ManagedMeter(office, FIRST, from_s)
    one.report()
    model = ManagedAccount.objects.create(
        tenancy=Tenancy.objects.get(meter_number=FIRST), meter_id=FIRST, opened_s=from_s - DAY_S
    )
    begin(model, now_s)
    one.pass_to(now_s)
    one.use(kwh * KWH)
    one.report()
    (newest,) = Statement.objects.filter(meter_id=FIRST, time_s=now_s)
    values = {field.attname: getattr(newest, field.attname) for field in Statement._meta.fields if field.name != "id"}
    others = range(FIRST + 1, FIRST + Meter.objects.filter(number__gte=FIRST).count())
    _made(
        Statement,
        [
            Statement(
                **values
                | {"meter_id": number, "content": newest.content | {"meter_number": number}, "event_link": None}
            )
            for number in others
        ],
    )
    tenancies = dict(Tenancy.objects.filter(meter_number__in=others).values_list("meter_number", "pk"))
    fields = {
        field.attname: getattr(model, field.attname)
        for field in ManagedAccount._meta.fields
        if field.name not in ("tenancy", "meter")
    }
    _made(
        ManagedAccount,
        [ManagedAccount(tenancy_id=tenancies[number], meter_id=number, **fields) for number in others],
    )


def begin(account, now_s):
    """Begin the books of an account by the statement in the record, with a permit and 50.00 as its limit."""
    from wattpurse_tools.headend import charging

    charging.charge(account, now_s)
    account.limit_microunits, account.permit_until_s = 50_000_000, now_s + 3 * DAY_S
    account.save()


def _made(model, rows):
    return model.objects.bulk_create(rows, batch_size=_SOME)
