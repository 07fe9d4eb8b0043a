"""Statements that cannot be charged: late ones, fallen registers, meters that are replaced. None blocks for ever."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.tools.headend.managed_site import DAY_S, KWH, ManagedMeter, add_tariff, document
from tests.tools.headend.test_accounts import findings
from tests.tools.headend.test_engine import HOUR_S, account_of, opened
from tests.tools.office.selling_site import EUR
from wattpurse_tools.headend import accounts, charging, engine
from wattpurse_tools.headend.billing import UnknownTariff
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.office import approvals, tenancies
from wattpurse_tools.record.models import AccountCharge, AuditEntry, Command, Installation, Message, Meter, Tariff
from wattpurse_tools.station.station import Station
from wattpurse_tools.tariffs import tariff_file
from wattpurse_tools.vault.interface import ApprovalNeeded

PRICE = 300_000  # of a kWh by day


def told_managers():
    return list(Message.objects.filter(channel="office").order_by("pk").values_list("text", flat=True))


def account_findings(office, manager):
    """Return the findings of the check, without those of the statements that contradict each other."""
    return [one for one in findings(office, manager) if one[0] != "meters"]


def audited(action):
    return [one.detail for one in AuditEntry.objects.filter(action=action)]


def use(meter, time_s, kwh=1):
    """Let a meter use energy until a time, and report."""
    meter.pass_to(time_s)
    meter.use(kwh * KWH)
    meter.report()


def restored(office, meter, time_s, kwh):
    """Return a meter of the same number whose register begins anew: its memory was restored."""
    low = ManagedMeter(office, meter.number, time_s - HOUR_S)
    low._last = 1000
    use(low, time_s, kwh)
    return low


def closed(office, manager, second, tenancy, now_s):
    """Close an account with two persons, and return the receipt."""
    with pytest.raises(ApprovalNeeded) as needed:
        accounts.close(office, manager, tenancy, "end", now_s)
    asked = approvals.propose(office, manager, needed.value, "moves out")
    approvals.approve(office, second, asked)
    return accounts.close(office, manager, tenancy, "end", now_s, approval=asked.request)


def replaced(office, manager, tenancy, end_mwh):
    """Replace the meter of a tenancy by meter 44, and return that."""
    new = Meter.objects.create(
        number=44, currency="EUR", decimals=2, unit="money", contract="managed", key_version=1, site_version=1
    )
    tenancies.replace_meter(office, manager, tenancy.premises, new, tenancies.Replacement(end_mwh))
    return ManagedMeter(office, 44, account_of(tenancy).billed_s)


def test_a_clock_that_was_put_back_leaves_a_late_statement_that_charges_nothing(any_office, manager, meter, now_s):
    meter.report()
    tenancy = opened(any_office, manager, meter, now_s)
    accounts.pay_in(any_office, manager, tenancy, 90 * EUR, "card", "one", now_s)
    meter.report(meter.statement() | {"time_s": now_s + 3 * HOUR_S})
    assert engine.run_round(any_office, manager, now_s + 10).charged == 0
    for hour in range(1, 6):
        use(meter, now_s + hour * HOUR_S)
        outcome = engine.run_round(any_office, manager, now_s + hour * HOUR_S)
        assert (outcome.charged, outcome.troubles) == (1, 0)
        assert accounts.balance(tenancy) == 90 * EUR - hour * PRICE
    for day in range(1, 9):
        use(meter, now_s + day * DAY_S)
        engine.run_round(any_office, manager, now_s + day * DAY_S)
        meter.obey()
        assert meter.is_on()
    assert accounts.balance(tenancy) == 90 * EUR - 13 * PRICE
    assert account_of(tenancy).trouble == ""
    assert account_findings(any_office, manager) == []


def test_a_late_statement_in_the_same_round_as_newer_ones_is_passed(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    meter.report(meter.statement() | {"time_s": now_s + 3 * HOUR_S})
    for hour in (1, 2, 4):
        use(meter, now_s + hour * HOUR_S)
    outcome = engine.run_round(office, manager, now_s + 4 * HOUR_S)
    assert (outcome.charged, outcome.troubles) == (1, 0)
    assert accounts.balance(tenancy) == -3 * PRICE
    assert account_of(tenancy).billed_s == now_s + 4 * HOUR_S


def test_more_late_statements_than_a_batch_has_hide_no_newer_one(office, manager, meter, monkeypatch, now_s):
    monkeypatch.setattr(charging, "_BATCH", 2)
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    for minute in range(5):
        meter.report(meter.statement() | {"time_s": now_s + 3 * HOUR_S + minute})
    use(meter, now_s + HOUR_S)
    engine.run_round(office, manager, now_s + HOUR_S)
    use(meter, now_s + 4 * HOUR_S)
    assert engine.run_round(office, manager, now_s + 4 * HOUR_S).troubles == 0
    assert accounts.balance(tenancy) == -2 * PRICE


def test_what_came_before_a_fallen_register_is_charged_and_orders_go_on(any_office, manager, meter, now_s):
    meter.report()
    tenancy = opened(any_office, manager, meter, now_s)
    use(meter, now_s + HOUR_S, 5)
    low = restored(any_office, meter, now_s + 2 * HOUR_S, 1)
    outcome = engine.run_round(any_office, manager, now_s + 2 * HOUR_S)
    assert (outcome.charged, outcome.troubles) == (1, 1)
    assert accounts.balance(tenancy) == -5 * PRICE
    assert "register DAY" in account_of(tenancy).trouble
    accounts.pay_in(any_office, manager, tenancy, 9 * EUR, "card", "one", now_s + 2 * HOUR_S)
    outcome = engine.run_round(any_office, manager, now_s + 2 * HOUR_S)
    assert (outcome.charged, outcome.troubles, outcome.permits) == (0, 1, 1)
    low.obey()
    assert low.is_on()
    assert account_of(tenancy).trouble
    assert len(told_managers()) == 1
    for day in range(1, 12):
        engine.run_round(any_office, manager, now_s + day * DAY_S)
    low.obey()
    low.pass_to(now_s + 12 * DAY_S)
    assert not low.is_on(), "no permit is renewed for ever without a charge"
    assert account_findings(any_office, manager) == []


def test_the_books_begin_anew_once_a_manager_has_resumed_the_meter(any_office, manager, meter, now_s):
    meter.report()
    tenancy = opened(any_office, manager, meter, now_s)
    accounts.pay_in(any_office, manager, tenancy, 9 * EUR, "card", "one", now_s)
    use(meter, now_s + HOUR_S, 5)
    low = restored(any_office, meter, now_s + 2 * HOUR_S, 1)
    engine.run_round(any_office, manager, now_s + 2 * HOUR_S)
    assert Meter.objects.get(number=4).is_stopped
    Station(any_office.keys, manager).resume(4)
    use(low, now_s + 3 * HOUR_S, 2)
    outcome = engine.run_round(any_office, manager, now_s + 3 * HOUR_S)
    assert (outcome.charged, outcome.troubles) == (1, 0)
    assert accounts.balance(tenancy) == 9 * EUR - 7 * PRICE
    ends = list(AccountCharge.objects.order_by("until_s").values_list("from_s", "until_s", "charge_microunits"))
    hours = [(one - now_s) // HOUR_S for end in ends for one in end[:2]]
    assert hours == [0, 1, 1, 2, 2, 3]
    assert [end[2] for end in ends] == [5 * PRICE, 0, 2 * PRICE]
    (noted,) = audited("books begin anew")
    assert (noted["before_mwh"]["DAY"], noted["after_mwh"]["DAY"]) == (5 * KWH, KWH)
    assert "Nothing is charged" in told_managers()[-1]
    assert account_of(tenancy).trouble == ""
    again = restored(any_office, meter, now_s + 4 * HOUR_S, 1)
    assert engine.run_round(any_office, manager, now_s + 4 * HOUR_S).troubles == 1, "a new fall needs a manager anew"
    assert again.number == 4
    assert account_findings(any_office, manager) == []


def test_a_register_of_one_rate_that_fell_can_be_resumed_too(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    use(meter, now_s + HOUR_S, 5)
    engine.run_round(office, manager, now_s + HOUR_S)
    meter.pass_to(now_s + 2 * HOUR_S)
    content = meter.statement()
    content["rate_mwh"] = [4 * KWH, 2 * KWH]  # the total does not fall, so the station finds nothing
    meter.report(content | {"total_mwh": 6 * KWH})
    assert not Meter.objects.get(number=4).is_stopped
    assert engine.run_round(office, manager, now_s + 2 * HOUR_S).troubles == 1
    assert "register DAY" in Meter.objects.get(number=4).stop_reason
    Station(office.keys, manager).resume(4)
    assert engine.run_round(office, manager, now_s + 2 * HOUR_S).troubles == 0
    assert accounts.balance(tenancy) == -5 * PRICE
    assert account_of(tenancy).billed_registers_mwh == {"DAY": 4 * KWH, "NIGHT": 2 * KWH}


def test_a_meter_whose_register_fell_is_replaced_as_the_message_says(any_office, manager, meter, now_s):
    meter.report()
    tenancy = opened(any_office, manager, meter, now_s)
    Installation.objects.create(meter_id=4, premises=tenancy.premises, from_s=0)
    accounts.pay_in(any_office, manager, tenancy, 90 * EUR, "card", "one", now_s)
    use(meter, now_s + HOUR_S, 5)
    restored(any_office, meter, now_s + 2 * HOUR_S, 1)
    assert engine.run_round(any_office, manager, now_s + 2 * HOUR_S).troubles == 1
    other = replaced(any_office, manager, tenancy, 5 * KWH)
    for day in range(1, 8):
        use(other, now_s + day * DAY_S)
        assert engine.run_round(any_office, manager, now_s + day * DAY_S).troubles == 0
        other.obey()
        assert other.is_on()
    assert account_of(tenancy).meter_id == 44
    assert accounts.balance(tenancy) == 90 * EUR - 12 * PRICE
    (noted,) = audited("not charged")
    assert (noted["meter"], noted["charged_mwh"], noted["told_mwh"]) == (4, 5 * KWH, KWH)
    assert [text for text in told_managers() if "was not charged for 1 statements of meter 4" in text]
    assert account_findings(any_office, manager) == []


def test_a_fallen_register_stops_no_close(any_office, manager, second, meter, now_s):
    meter.report()
    tenancy = opened(any_office, manager, meter, now_s)
    accounts.pay_in(any_office, manager, tenancy, 9 * EUR, "card", "one", now_s)
    use(meter, now_s + HOUR_S, 5)
    restored(any_office, meter, now_s + 2 * HOUR_S, 1)
    sale = closed(any_office, manager, second, tenancy, now_s + 2 * HOUR_S)
    assert sale.gross_microunits == -(9 * EUR - 5 * PRICE)
    assert accounts.balance(tenancy) == 0
    (noted,) = audited("not charged")
    assert (noted["from_s"], noted["until_s"]) == (now_s + HOUR_S, now_s + 2 * HOUR_S)
    assert len([text for text in told_managers() if "was not charged" in text]) == 1
    assert account_findings(any_office, manager) == []


def test_a_close_waits_for_a_tariff_that_can_be_added(office, manager, second, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    accounts.pay_in(office, manager, tenancy, 9 * EUR, "card", "one", now_s)
    use(meter, now_s + HOUR_S)
    meter.next_tariff(Tariff(version=2, table=tariff_file.encode(document(2, day="0.60"))))
    use(meter, now_s + 2 * HOUR_S)
    use(meter, now_s + 3 * HOUR_S)
    outcome = engine.run_round(office, manager, now_s + 3 * HOUR_S)
    assert (outcome.charged, outcome.troubles) == (1, 1), "the statement before is charged"
    assert accounts.balance(tenancy) == 9 * EUR - PRICE
    with pytest.raises(UnknownTariff, match="tariff version 2"):
        accounts.close(office, manager, tenancy, "end", now_s + 3 * HOUR_S)
    add_tariff("household", 2, day="0.60")
    sale = closed(office, manager, second, tenancy, now_s + 3 * HOUR_S)
    assert -sale.gross_microunits == 9 * EUR - PRICE - 2 * 2 * PRICE
    assert account_findings(office, manager) == []


def test_an_unknown_tariff_of_an_old_statement_stops_no_opening(office, manager, meter, now_s):
    meter.report(meter.statement() | {"tariff_version": 9, "time_s": now_s - DAY_S})
    meter.report()
    assert account_of(opened(office, manager, meter, now_s)).billed_s == now_s


def test_a_close_charges_both_meters_and_orders_none_that_is_out_of_service(office, manager, second, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    Installation.objects.create(meter_id=4, premises=tenancy.premises, from_s=0)
    accounts.pay_in(office, manager, tenancy, 9 * EUR, "card", "one", now_s)
    use(meter, now_s + HOUR_S)
    other = replaced(office, manager, tenancy, KWH)
    use(other, now_s + 2 * HOUR_S, 2)
    Meter.objects.filter(number=44).update(is_retired=True)
    sale = closed(office, manager, second, tenancy, now_s + 2 * HOUR_S)
    assert -sale.gross_microunits == 9 * EUR - 3 * PRICE
    assert not Command.objects.exists()
    assert balances.balance(chart.consumed(44), "EUR") == 2 * PRICE
    assert account_findings(office, manager) == []


def test_the_look_for_late_statements_costs_an_account_without_trouble_nothing(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    asked = []
    for hour in (1, 2):
        use(meter, now_s + hour * HOUR_S)
        with CaptureQueriesContext(connection) as queries:
            engine.run_round(office, manager, now_s + hour * HOUR_S)
        asked.append(len([one for one in queries if 'FROM "statements"' in one["sql"]]))
    assert asked[1] == 1
    assert accounts.balance(tenancy) == -2 * PRICE
