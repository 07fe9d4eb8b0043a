"""Warnings of low credit: one for each payment, by amount and by days."""

from tests.tools.headend.managed_site import DAY_S, KWH, add_tenancy
from tests.tools.headend.test_engine import HOUR_S, account_of, opened
from tests.tools.office.selling_site import EUR
from wattpurse_tools.headend import accounts, engine, outbox, policy, warnings
from wattpurse_tools.record.models import Customer, HeadendPolicy, Message


def low_messages():
    return Message.objects.filter(kind="low credit").count()


def used(meter, now_s, kwh):
    meter.pass_to(now_s)
    meter.use(kwh * KWH)
    meter.report()


def test_low_credit_is_told_once_for_each_payment(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    for number in range(2):
        accounts.pay_in(office, manager, tenancy, 7 * EUR, "card", f"pay {number}", now_s)
        for step in range(1, 4):
            time_s = now_s + (number * 3 + step) * HOUR_S
            used(meter, time_s, 7)
            engine.run_round(office, manager, time_s)
            engine.run_round(office, manager, time_s)
        assert low_messages() == number + 1
    text = Message.objects.filter(kind="low credit").order_by("pk").first().text
    assert "meter 4" in text
    assert "4.90" in text


def test_a_warning_that_waits_is_withdrawn_by_a_payment_and_the_next_low_credit_is_told(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    other = add_tenancy(20)
    outbox.put(other.customer, outbox.LOW_CREDIT, f"low:{tenancy.pk}:99", {"meter": 20}, now_s)
    accounts.pay_in(office, manager, tenancy, 7 * EUR, "card", "pay 1", now_s)
    used(meter, now_s + HOUR_S, 7)
    engine.run_round(office, manager, now_s + HOUR_S)
    assert low_states(tenancy) == ["waiting"]
    accounts.pay_in(office, manager, tenancy, 20 * EUR, "card", "pay 2", now_s + 2 * HOUR_S)
    accounts.pay_in(office, manager, tenancy, 20 * EUR, "card", "pay 2", now_s + 2 * HOUR_S)
    assert low_states(tenancy) == ["withdrawn"]
    used(meter, now_s + 3 * HOUR_S, 70)
    engine.run_round(office, manager, now_s + 3 * HOUR_S)
    assert low_states(tenancy) == ["withdrawn", "waiting"]
    Message.objects.update(state="sent")
    accounts.pay_in(office, manager, tenancy, 20 * EUR, "card", "pay 3", now_s + 4 * HOUR_S)
    assert low_states(tenancy) == ["sent", "sent"]
    assert low_states(other) == ["sent"]


def low_states(tenancy):
    rows = Message.objects.filter(kind="low credit", customer=tenancy.customer).order_by("pk")
    return list(rows.values_list("state", flat=True))


def test_a_warning_has_the_amount_in_the_form_of_the_customers_language(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    Customer.objects.update(language="de")
    accounts.pay_in(office, manager, tenancy, 7 * EUR, "card", "pay", now_s)
    used(meter, now_s + HOUR_S, 7)
    engine.run_round(office, manager, now_s + HOUR_S)
    assert "4,90\u00a0EUR" in Message.objects.get(kind="low credit", channel="mail").text


def test_days_left_follow_from_the_use_of_the_newest_week(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    policy.policy()
    HeadendPolicy.objects.update(warn_microunits=0)
    accounts.pay_in(office, manager, tenancy, 20 * EUR, "card", "pay", now_s)
    for day in range(1, 5):
        used(meter, now_s + day * DAY_S, 10)  # 3.00 a day
        engine.run_round(office, manager, now_s + day * DAY_S)
        account = account_of(tenancy)
        assert warnings.days_left(account, accounts.credit_of(account)) == (20 - 3 * day) // 3
        assert low_messages() == (day == 4)


def test_without_a_day_of_use_nobody_knows_the_days(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    used(meter, now_s + HOUR_S, 1)
    engine.run_round(office, manager, now_s + HOUR_S)
    assert warnings.days_left(account_of(tenancy), 10 * EUR) is None
