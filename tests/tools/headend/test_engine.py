"""The engine from end to end: an account is opened, paid into, charged, permitted, and its meter switched."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.tools.headend.fleet_rows import manage
from tests.tools.headend.managed_site import DAY_S, KWH
from tests.tools.office.desk_rows import make_street
from tests.tools.office.selling_site import EUR
from wattpurse_tools.headend import accounts, engine, switching
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.record.models import (
    AccountCharge,
    Command,
    Customer,
    ManagedAccount,
    Message,
    Sale,
    TemporarySupply,
    Tenancy,
)

HOUR_S = 3600


def account_of(tenancy):
    return ManagedAccount.objects.get(pk=tenancy.pk)


def tenancy_of(meter):
    return Tenancy.objects.get(meter_number=meter.number, until_s=None)


def opened(office, actor, meter, now_s, **further):
    """Open the account of the meter's tenancy, and return the tenancy."""
    tenancy = tenancy_of(meter)
    accounts.open_account(office, actor, tenancy, now_s, **further)
    return tenancy


def test_an_account_is_paid_into_charged_and_its_meter_switched(any_office, manager, meter, now_s):
    meter.report()
    tenancy = opened(any_office, manager, meter, now_s)
    sale = accounts.pay_in(any_office, manager, tenancy, 2 * EUR, "card", "first", now_s)
    assert accounts.pay_in(any_office, manager, tenancy, 2 * EUR, "card", "first", now_s) == sale
    assert Sale.objects.count() == 1
    assert accounts.balance(tenancy) == 2 * EUR
    assert balances.balance(chart.bank("card"), "EUR") == 2 * EUR

    engine.run_round(any_office, manager, now_s)
    meter.obey()
    assert meter.is_on()
    assert account_of(tenancy).permit_until_s == now_s + 5 * DAY_S - 4 * HOUR_S  # Saturday noon is put off to Monday

    meter.pass_to(now_s + HOUR_S)
    meter.use(3 * KWH)
    meter.report()
    outcome = engine.run_round(any_office, manager, now_s + HOUR_S)
    assert (outcome.charged, outcome.switched, outcome.permits) == (1, 0, 0)
    assert accounts.balance(tenancy) == 2 * EUR - 900_000
    assert balances.balance(chart.consumed(4), "EUR") == 900_000
    charge = AccountCharge.objects.get()
    assert (charge.energy_mwh, charge.charge_microunits) == (3 * KWH, 900_000)
    assert (charge.from_s, charge.until_s) == (now_s, now_s + HOUR_S)

    meter.pass_to(now_s + 12 * HOUR_S)
    meter.use(10 * KWH)
    meter.report()
    engine.run_round(any_office, manager, now_s + 12 * HOUR_S)
    assert accounts.balance(tenancy) == 2 * EUR - 900_000 - 2 * EUR
    meter.obey()
    assert meter.is_on(), "nobody is switched off at midnight"
    assert not account_of(tenancy).is_wished_on

    engine.run_round(any_office, manager, now_s + 21 * HOUR_S)
    meter.obey()
    assert not meter.is_on()
    accounts.pay_in(any_office, manager, tenancy, 5 * EUR, "card", "second", now_s + 21 * HOUR_S)
    engine.run_round(any_office, manager, now_s + 21 * HOUR_S)
    meter.obey()
    assert meter.is_on()
    assert [one.wish for one in Command.objects.order_by("pk")] == ["permit", "switch off", "switch on"]
    assert balances.faults() == []


def test_a_round_without_news_does_nothing(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    accounts.pay_in(office, manager, tenancy, EUR, "card", "first", now_s)
    engine.run_round(office, manager, now_s)
    again = engine.run_round(office, manager, now_s)
    assert (again.charged, again.switched, again.permits, again.troubles) == (0, 0, 0, 0)
    assert Command.objects.count() == 1


def test_who_was_not_yet_told_of_the_switch_is_not_told_of_its_end(any_office, manager, meter, now_s):
    meter.report()
    tenancy = opened(any_office, manager, meter, now_s)
    Customer.objects.filter(pk=tenancy.customer_id).update(phone="+491701234567")
    accounts.pay_in(any_office, manager, tenancy, EUR, "card", "first", now_s)
    for hour, step in enumerate(("off", "on", "off", "on"), 1):
        time_s = now_s + hour * 600
        meter.pass_to(time_s)
        if step == "off":
            meter.use(40 * KWH)
        else:
            Message.objects.filter(state="waiting", channel="sms").update(state="sent")
            accounts.pay_in(any_office, manager, tenancy, 12 * EUR, "card", f"pay {hour}", time_s)
        meter.report()
        assert engine.run_round(any_office, manager, time_s).switched == 1
    told = Message.objects.filter(kind__in=("switched off", "return")).order_by("pk")
    assert list(told.filter(channel="mail").values_list("kind", "state")) == [
        ("switched off", "withdrawn"),
        ("switched off", "withdrawn"),
    ]
    assert list(told.filter(channel="sms").values_list("kind", "state")) == [
        ("switched off", "sent"),
        ("return", "withdrawn"),
        ("switched off", "sent"),
        ("return", "waiting"),
    ]


def test_accounts_that_wait_for_the_hours_cost_no_question_each(any_office, manager, now_s):
    make_street(40)
    night_s, asked = now_s + 12 * HOUR_S, []
    for first in (1001, 1021):
        for number in range(first, first + 20):
            manage(number, now_s, night_s + 2 * DAY_S, is_ordered_on=True, is_wished_on=False)
        with CaptureQueriesContext(connection) as queries:
            outcome = engine.run_round(any_office, manager, night_s)
        assert (outcome.switched, outcome.troubles) == (0, 0)
        asked.append(len(queries))
    assert asked[1] <= asked[0] <= 20
    everybody = list(ManagedAccount.objects.order_by("pk").values_list("pk", flat=True))
    assert len(everybody) == 40
    assert engine.due(policy(), night_s) == []
    assert engine.due(policy(), now_s) == everybody  # noon of a Wednesday


def test_the_end_of_a_temporary_supply_is_due_in_the_night(any_office, manager, now_s):
    make_street(3)
    night_s, ended = now_s + 12 * HOUR_S, None
    for number, state in ((1001, switching.SUPPLY_ENDED), (1002, switching.SUPPLY_RUNNING), (1003, None)):
        account = manage(number, now_s, night_s + 2 * DAY_S, is_ordered_on=True, is_wished_on=False)
        if state is not None:
            TemporarySupply.objects.create(
                tenancy=account.tenancy,
                meter_id=number,
                from_s=0,
                until_s=night_s,
                reason="site",
                state=state,
                planned_by=1,
            )
        ended = account.pk if state == switching.SUPPLY_ENDED else ended
    assert engine.due(policy(), night_s) == [ended]


def test_an_account_to_switch_on_is_due_at_any_hour(any_office, manager, now_s):
    make_street(1)
    account = manage(1001, now_s, now_s + 5 * DAY_S, is_ordered_on=False, is_wished_on=True)
    assert engine.due(policy(), now_s + 12 * HOUR_S) == [account.pk]
