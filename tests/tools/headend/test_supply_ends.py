"""Messages before a supply ends by time: once for each end, withdrawn if it moves, and cheap if nothing ends."""

import random
import time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.tools.headend.managed_site import DAY_S, ManagedMeter, add_tariff, add_tenancy
from tests.tools.headend.test_temporary_supply import follow, planned
from tests.tools.headend.together import run_together
from tests.tools.office.desk_rows import make_street
from tests.tools.office.selling_site import EUR, PRICE_OF_DAY, build_site
from wattpurse.core.messages import token
from wattpurse.core.money.contract import Dispenser, Term
from wattpurse_tools.headend import accounts, engine, outbox, payments, supply_ends, temporary_supply
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.record.models import (
    Customer,
    HeadendPolicy,
    Message,
    Meter,
    ShortLimit,
    Statement,
    TemporarySupply,
    Tenancy,
    Token,
)

HOUR_S = 3600
PHONE = "+4915112345678"


class TermMeter(ManagedMeter):
    """A meter with paid days."""

    contract = Term


class DispenserMeter(ManagedMeter):
    """A meter with kWh that are valid for days."""

    contract = Dispenser


@pytest.fixture
def street(any_office):
    """Return an office with a tenancy at meter 3, a term, and at meter 5, a dispenser."""
    build_site()
    add_tariff("household", 1)
    for number in (3, 5):
        add_tenancy(number)
    Customer.objects.filter(number=103).update(phone=PHONE)
    return any_office


@pytest.fixture
def term(street, now_s):
    """Return meter 3, whose term ends in two days."""
    meter = TermMeter(street, 3, now_s)
    meter.account.standing.set("term_until_s", now_s + 2 * DAY_S)
    meter.report()
    return meter


def told(customer=103):
    rows = Message.objects.filter(kind=outbox.EXPIRY, customer__number=customer)
    return sorted(rows.values_list("key", flat=True))


def keys(meter, *ends):
    return sorted(f"expiry:{meter}:{end}:{way}" for end in ends for way in ("mail", "sms"))


def sell_days(office, manager, days, number="pi_1", reference="3"):
    now_s = int(time.time())
    payments.record("stripe", number, payments.PAID, days * PRICE_OF_DAY, "EUR", reference, "", now_s, "", now_s)
    payments.work(office, manager, now_s)
    return Token.objects.order_by("-sequence").first()


def test_the_end_of_a_term_is_told_once_in_the_language_of_the_customer(term, now_s):
    Customer.objects.update(language="de")
    assert supply_ends.tell(now_s - DAY_S - 1) == 0, "it ends in three days and a second"
    assert supply_ends.tell(now_s) == 1
    assert told() == keys(3, now_s + 2 * DAY_S)
    assert "Zähler 3: Strom endet am " in Message.objects.get(kind=outbox.EXPIRY, channel="sms").text
    for hour in range(1, 50):
        term.pass_to(now_s + hour * HOUR_S)
        term.report()
        assert supply_ends.tell(now_s + hour * HOUR_S) == 0
        if hour < 48:
            assert supply_ends.withdraw_moved(now_s + hour * HOUR_S) == 0
    assert told() == keys(3, now_s + 2 * DAY_S)


def test_it_waits_for_the_end_of_quiet_hours(term, now_s):
    supply_ends.tell(now_s + 11 * HOUR_S)
    assert set(Message.objects.values_list("not_before_s", flat=True)) == {now_s + 19 * HOUR_S}


def test_the_days_before_are_those_of_the_policy(term, now_s):
    policy()
    HeadendPolicy.objects.update(expiry_days=0)
    assert supply_ends.tell(now_s) == 0
    HeadendPolicy.objects.update(expiry_days=1)
    assert supply_ends.tell(now_s) == 0
    assert supply_ends.tell(now_s + DAY_S) == 1


def test_a_payment_withdraws_the_message_that_waits_and_the_new_end_is_told_in_its_time(term, street, manager, now_s):
    first, second = now_s + 2 * DAY_S, now_s + 12 * DAY_S
    supply_ends.tell(now_s)
    sell_days(street, manager, 10)
    assert supply_ends.withdraw_moved(now_s) == 1
    assert set(Message.objects.filter(kind=outbox.EXPIRY).values_list("state", flat=True)) == {outbox.WITHDRAWN}
    assert supply_ends.tell(now_s) == 0
    term.account.standing.set("term_until_s", second)
    Token.objects.update(state="redeemed")
    term.pass_to(now_s + HOUR_S)
    term.report()
    assert supply_ends.tell(second - 4 * DAY_S) == 0
    assert supply_ends.tell(second - 3 * DAY_S) == 1
    assert supply_ends.tell(second - 2 * DAY_S) == 0
    assert told() == keys(3, first, second)


def test_days_that_no_meter_has_told_end_at_the_time_that_was_paid(street, manager):
    ShortLimit.objects.create(meter_id=3, name="short_token_limit_days", value=90 * DAY_S)
    issued_s = sell_days(street, manager, 10).issued_s
    sell_days(street, manager, 20, "pi_2")
    end_s = issued_s + 30 * DAY_S
    assert supply_ends.tell(issued_s + 9 * DAY_S) == 0
    assert supply_ends.tell(end_s - 3 * DAY_S - 1) == 0
    assert supply_ends.tell(end_s - 3 * DAY_S) == 1
    assert told() == keys(3, end_s)


def test_an_end_that_moves_with_the_clock_of_the_meter_is_told_once(term, now_s):
    supply_ends.tell(now_s)
    term.account.standing.set("term_until_s", now_s + 2 * DAY_S + 400)
    term.pass_to(now_s + HOUR_S)
    term.report()
    assert supply_ends.tell(now_s + HOUR_S) == supply_ends.withdraw_moved(now_s + HOUR_S) == 0


def test_a_message_that_waited_too_long_or_for_another_tenant_is_withdrawn(term, now_s):
    supply_ends.tell(now_s)
    assert supply_ends.withdraw_moved(now_s + 2 * DAY_S - 1) == 0
    Tenancy.objects.filter(meter_number=3).update(customer=Customer.objects.get(number=105))
    assert supply_ends.withdraw_moved(now_s) == 1
    Message.objects.all().delete()
    supply_ends.tell(now_s)
    assert len(told(105)) == 1
    assert supply_ends.withdraw_moved(now_s + 2 * DAY_S) == 1


def test_the_end_of_a_former_tenant_and_of_a_retired_meter_are_not_told(term, now_s):
    Tenancy.objects.filter(meter_number=3).update(from_s=now_s + 1)
    assert supply_ends.tell(now_s + 2) == 0
    Tenancy.objects.filter(meter_number=3).update(from_s=0)
    Meter.objects.filter(number=3).update(is_retired=True)
    assert supply_ends.tell(now_s) == 0
    Meter.objects.update(is_retired=False)
    Customer.objects.update(unwanted_kinds=[outbox.EXPIRY])
    assert supply_ends.tell(now_s) == 0
    assert told() == []


def test_a_dispenser_is_told_unless_further_days_are_on_their_way(street, now_s):
    meter = DispenserMeter(street, 5, now_s)
    meter.account.standing.set("dispenser_until_s", now_s + DAY_S)
    meter.report()
    waiting = Token.objects.create(
        meter_id=5, sequence=1, kind=token.DISPENSE, issued_s=now_s, sealed=b"", state="issued"
    )
    assert supply_ends.tell(now_s) == 0
    waiting.delete()
    assert supply_ends.tell(now_s) == 1
    assert told(105) == [f"expiry:5:{now_s + DAY_S}:mail"]


@pytest.fixture
def managed(site, now_s):
    """Return the managed meter 4 of a site on any database."""
    return ManagedMeter(site, 4, now_s)


def test_a_temporary_supply_is_told_once_and_withdrawn_if_a_person_ends_it(any_office, manager, managed, now_s):
    managed.report()
    _, supply = planned(any_office, manager, managed, now_s, days=6)
    follow(any_office, manager, managed, now_s + 2 * DAY_S)
    assert TemporarySupply.objects.get().state == "running"
    assert supply_ends.tell(now_s + 2 * DAY_S) == 0
    soon_s = supply.until_s - 2 * DAY_S
    assert [supply_ends.tell(soon_s + step * HOUR_S) for step in range(3)] == [1, 0, 0]
    assert supply_ends.withdraw_moved(soon_s) == 0
    temporary_supply.end(any_office, manager, supply, soon_s)
    assert supply_ends.withdraw_moved(soon_s) == 1
    assert Message.objects.get(kind=outbox.EXPIRY).state == outbox.WITHDRAWN


def test_the_permit_of_an_account_is_no_end(any_office, manager, managed, now_s):
    managed.report()
    tenancy = Tenancy.objects.get(meter_number=4)
    accounts.open_account(any_office, manager, tenancy, now_s)
    accounts.pay_in(any_office, manager, tenancy, 20 * EUR, "card", "k", now_s)
    engine.run_round(any_office, manager, now_s)
    managed.obey()
    managed.report()
    assert supply_ends.tell(now_s + DAY_S) == 0


def test_two_processes_at_once_tell_an_end_once(term, now_s):
    assert run_together(lambda: supply_ends.tell(now_s)) == []
    assert told() == keys(3, now_s + 2 * DAY_S)


def test_nothing_that_ends_costs_as_few_questions_as_no_meter(any_office, now_s):
    policy()
    for count in (0, 300):
        if count:
            make_street(count)
            Meter.objects.update(contract="term", told_s=now_s, days_left=20)
            Customer.objects.update(email="a@example.org")
        with CaptureQueriesContext(connection) as queries:
            assert supply_ends.tell(now_s) == supply_ends.withdraw_moved(now_s) == 0
        assert len(queries) <= 4


def test_the_search_of_the_database_finds_all_ends_and_few_others(any_office):
    draw, now_s, window_s = random.Random(7), 1_800_000_000, 3 * DAY_S
    make_street(150)
    statements, tokens = [], []
    for meter in Meter.objects.filter(number__gt=1000):
        told_s = now_s - draw.randrange(40 * DAY_S)
        end_s = told_s + draw.randrange(-5 * DAY_S, 60 * DAY_S)
        meter.contract, meter.told_s = "term", told_s
        meter.days_left = max(0, end_s - told_s) // DAY_S
        if draw.random() < 0.2:
            meter.told_s, meter.days_left, end_s = 0, None, 0
        meter.save()
        content = {"standing": {"term_until_s": end_s}}
        statements.append(
            Statement(meter=meter, time_s=told_s, unit="money", contract=3, balance=0, total_mwh=1, content=content)
        )
        for number in range(draw.randrange(4)):
            issued_s = now_s - draw.randrange(60 * DAY_S)
            state = draw.choice(("issued", "on card", "redeemed"))
            amount = draw.choice((1, 7, 30)) * DAY_S
            tokens.append(
                Token(
                    meter=meter,
                    sequence=number,
                    kind=token.DAYS,
                    issued_s=issued_s,
                    amount=amount,
                    sealed=b"",
                    state=state,
                )
            )
    Statement.objects.bulk_create(statements)
    Token.objects.bulk_create(tokens)
    Tenancy.objects.filter(meter_number__gt=1100).update(from_s=now_s - 20 * DAY_S)
    numbers = list(Meter.objects.values_list("number", flat=True))
    due = {one.meter_number for one in supply_ends._ends(numbers) if now_s < one.until_s <= now_s + window_s}
    found = set(supply_ends._ending_meters(now_s, now_s + window_s))
    assert len(due) > 3
    assert due <= found
    assert len(found) <= 2 * len(due)
