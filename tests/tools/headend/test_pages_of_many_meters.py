"""The pages of the head-end with 10,000 meters: bounded questions to the record, bounded pages, filters that work."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.tools.headend.town import FIRST, SIZE, build_town
from tests.tools.office.desk_rows import DAY_S, now_s
from wattpurse_tools.record.models import (
    Command,
    Customer,
    Installation,
    ManagedAccount,
    Meter,
    Payment,
    PaymentNotice,
    Premises,
    RefundRequest,
    Statement,
    Tenancy,
    Token,
    TrustProposal,
    Wallet,
)

MOST_QUERIES = 30
MOST_BYTES = 150_000
MAP_BYTES = 450_000  # the map has 1,536 cells at most
ROWS = 50  # of a page
LAST = FIRST + SIZE - 1
SOME = 500


@pytest.fixture
def desk(any_office, pages):
    """Return a client of the pages with a manager logged in, in an office of 10,000 meters with all kinds of rows."""
    time_s = now_s()
    build_town(time_s)
    fill(time_s)
    pages.log_in("manager")
    return pages


def fill(time_s):
    """Add to each meter an installation with coordinates, an account, statements, a command, a payment and a wallet."""
    numbers = range(FIRST, FIRST + SIZE)
    places = dict(Tenancy.objects.values_list("meter_number", "premises_id"))
    tenancies = dict(Tenancy.objects.values_list("meter_number", "pk"))
    customers = dict(Customer.objects.values_list("number", "pk"))
    for place, one in enumerate(premises := list(Premises.objects.order_by("pk"))):
        one.latitude_microdegrees, one.longitude_microdegrees = place % 100 * 1000, place // 100 * 1000
    Premises.objects.bulk_update(premises, ["latitude_microdegrees", "longitude_microdegrees"], batch_size=SOME)
    made(Installation, [Installation(meter_id=one, premises_id=places[one], from_s=0) for one in numbers])
    Meter.objects.filter(number__gte=LAST - 299).update(seen_s=time_s - 2 * DAY_S)
    Meter.objects.filter(number__lt=FIRST + 200).update(alarms="tamper")
    made(
        ManagedAccount,
        [
            ManagedAccount(tenancy_id=tenancies[one], meter_id=one, opened_s=0, permit_until_s=time_s + 3600)
            for one in numbers
        ],
    )
    made(
        Statement,
        [
            Statement(
                meter_id=one,
                time_s=time_s - hour * 3600,
                unit="money",
                contract=1,
                balance=0,
                total_mwh=(9 - hour) * one,
            )
            for one in numbers
            for hour in (2, 1)
        ],
    )
    tokens = made(
        Token,
        [
            Token(
                meter_id=one, sequence=1, kind=1, unit="money", amount=1, issued_s=time_s, sealed=b"x", state="issued"
            )
            for one in numbers
        ],
    )
    made(
        Command,
        [
            Command(
                key=f"{one.pk}",
                meter_id=one.meter_id,
                token=one,
                wish="permit",
                state="waiting" if one.meter_id % 2 else "answered",
                created_s=time_s,
                next_s=time_s,
            )
            for one in tokens
        ],
    )
    wallets = {
        one.pk: one
        for one in made(
            Wallet, [Wallet(customer_id=customers[one], opened_s=0, balance_microunits=1) for one in numbers]
        )
    }
    notices = made(
        PaymentNotice,
        [
            PaymentNotice(
                provider="stripe",
                number=f"pi_{one}",
                kind="paid",
                amount_microunits=1_000_000,
                currency="EUR",
                reference=f"meter {one}",
                payer=f"payer{one}@example.org",
                paid_s=time_s,
                received_s=time_s,
            )
            for one in numbers
        ],
    )
    states = ("suspense", "refunding", "sold", "wallet")
    made(
        Payment,
        [
            Payment(
                notice=one,
                state=states[place % 4],
                meter_number=FIRST + place,
                wallet=wallets[customers[FIRST]] if states[place % 4] == "wallet" else None,
            )
            for place, one in enumerate(notices)
        ],
    )
    made(
        RefundRequest,
        [
            RefundRequest(payment=one, key=f"refund-{one.pk}", state="pending", asked_by=1, asked_s=time_s)
            for one in Payment.objects.filter(state="refunding")
        ],
    )
    made(TrustProposal, [TrustProposal(tenancy_id=one, what="limit", proposed_s=time_s) for one in tenancies.values()])


def made(model, rows):
    return model.objects.bulk_create(rows, batch_size=SOME)


def shown(client, address, most_bytes=MOST_BYTES):
    """Return a page. It is bounded in questions to the record and in bytes."""
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(address)
    text = answer.content.decode()
    assert answer.status_code == 200, address
    assert len(queries) <= MOST_QUERIES, f"{address}: {len(queries)} questions"
    assert len(text) <= most_bytes, f"{address}: {len(text)} bytes"
    return text


def meters_on(text):
    """Return the numbers of the meters of the town that a page links, in their order."""
    return [int(one) for one in dict.fromkeys(re.findall(r"/office/meters/(\d+)", text)) if int(one) >= FIRST]


def following(text):
    """Return the address of the next page of a list."""
    return re.search(r'rel="next" href="([^"]+)"', text)[1].replace("&amp;", "&")


def test_each_page_is_bounded_and_its_filters_work(desk):
    fleet = shown(desk, "/headend/")
    listed = meters_on(shown(desk, f"/headend/?q={LAST}"))
    assert LAST in listed
    assert len(meters_on(fleet)) <= 2 * ROWS  # with those that end soon
    silent = shown(desk, "/headend/?silent=1")
    assert set(range(LAST - 299, LAST - 249)) <= set(meters_on(silent))
    assert len(meters_on(shown(desk, "/headend/" + following(silent)))) >= ROWS
    assert meters_on(shown(desk, "/headend/?state=alarm&alarm=tamper&feeder=Line 1"))
    assert "300" in shown(desk, "/headend/?part=counts")
    assert LAST in meters_on(shown(desk, f"/headend/?silent=1&permit_days=1&after={LAST - 1}"))

    whole = shown(desk, "/headend/map", MAP_BYTES)
    assert 'id="cell-' in whole
    assert "stroke" in shown(desk, "/headend/load") or "<svg" in shown(desk, "/headend/load?hours=12")

    commands = shown(desk, "/headend/commands")
    assert len(meters_on(commands)) == ROWS
    assert meters_on(commands)[0] == LAST
    assert all(one % 2 for one in meters_on(shown(desk, "/headend/commands?state=waiting")))
    assert meters_on(shown(desk, f"/headend/commands?meter={FIRST}")) == [FIRST]
    assert LAST - ROWS in meters_on(shown(desk, "/headend/commands" + following(commands)))

    paid = shown(desk, "/headend/payments")
    assert len(re.findall(r"pi_\d+", paid)) == ROWS
    assert len(re.findall(r"pi_\d+", shown(desk, "/headend/payments?state=suspense"))) == ROWS
    assert f"pi_{LAST - ROWS}" in shown(desk, "/headend/payments" + following(paid))

    assert len(re.findall(r"/headend/accounts/\d+", shown(desk, "/headend/accounts"))) <= ROWS + 5
    assert str(LAST) in shown(desk, f"/headend/accounts?q={LAST}")
    for address in ("/headend/trust", "/headend/shortages", "/headend/supplies", "/headend/messages"):
        shown(desk, address)
    shown(desk, f"/pay/wallet/{FIRST}")
    shown(desk, f"/headend/accounts/{ManagedAccount.objects.get(meter=LAST).pk}")

    first = shown(desk, "/pay/suspense")
    numbers = re.findall(r"pi_\d+", first)
    assert len(numbers) == ROWS
    second = re.findall(r"pi_\d+", shown(desk, "/pay/suspense" + following(first)))
    assert len(second) == ROWS
    assert not set(numbers) & set(second)
    waits = FIRST + SIZE - 4  # its state is suspense
    assert re.findall(r"pi_\d+", shown(desk, f"/pay/suspense?q=payer{waits}@")) == [f"pi_{waits}"]
    assert "No payment waits." in shown(desk, "/pay/suspense?q=nobody")
