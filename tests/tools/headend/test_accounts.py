"""Accounts: payments once, charges of statements that are late or cut short, a meter replaced, and the close."""

import pytest

from tests.tools.headend.managed_site import DAY_S, KWH, ManagedMeter, add_tariff, document
from tests.tools.headend.test_engine import HOUR_S, account_of, opened
from tests.tools.office.selling_site import EUR, money, new_shift, request
from wattpurse_tools.headend import accounts, engine, trust
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.ledger.posting import Event, Move, post
from wattpurse_tools.office import approvals, checking, sales, tenancies
from wattpurse_tools.office.business_days import utc_day
from wattpurse_tools.office.sale_types import PERMIT, Wish
from wattpurse_tools.record.models import (
    AccountCharge,
    Command,
    Customer,
    Installation,
    Message,
    Meter,
    Price,
    Sale,
    Site,
    Tariff,
    Tenancy,
)
from wattpurse_tools.refusals import Refusal
from wattpurse_tools.tariffs import tariff_file
from wattpurse_tools.vault.interface import ApprovalNeeded


def findings(office, manager):
    return [(one.check, one.subject, one.words) for one in checking.check(office, manager).findings]


def test_a_key_is_used_for_one_payment(office, manager, meter, now_s):
    tenancy = opened(office, manager, meter, now_s)
    accounts.pay_in(office, manager, tenancy, EUR, "card", "one", now_s)
    with pytest.raises(Refusal, match="another content"):
        accounts.pay_in(office, manager, tenancy, 2 * EUR, "card", "one", now_s)
    assert accounts.balance(tenancy) == EUR


def test_an_account_needs_a_managed_meter_without_another_account(office, manager, meter, now_s):
    with pytest.raises(Refusal, match="contract managed"):
        accounts.open_account(office, manager, Tenancy.objects.get(meter_number=1), now_s)
    tenancy = opened(office, manager, meter, now_s)
    assert accounts.open_account(office, manager, tenancy, now_s) == account_of(tenancy)


def test_the_cashier_sells_no_permit_beside_an_account(office, manager, meter, now_s):
    shift = new_shift(office, manager)
    permit = Wish(PERMIT, quantity=3)
    sales.sell(office, manager, request(shift, permit, meter=4))
    tenancy = opened(office, manager, meter, now_s)
    assert account_of(tenancy).permit_until_s > 0, "days that were sold before stay"
    with pytest.raises(Refusal, match="pay into the account"):
        sales.sell(office, manager, request(shift, permit, meter=4))
    sales.sell(office, manager, request(shift, money(5), meter=1))


def test_late_statements_and_copies_charge_nothing_twice(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    meter.pass_to(now_s + HOUR_S)
    meter.use(KWH)
    late = meter.statement()
    meter.pass_to(now_s + 2 * HOUR_S)
    meter.use(KWH)
    newest = meter.statement()
    for content in (newest, late, newest, late):
        meter.report(content)
        engine.run_round(office, manager, now_s + 2 * HOUR_S)
    assert accounts.balance(tenancy) == -2 * 300_000
    assert AccountCharge.objects.count() == 1
    assert findings(office, manager) == []


def test_a_head_alone_waits_for_the_next_whole_statement(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    meter.pass_to(now_s + HOUR_S)
    meter.use(KWH)
    meter.report(meter.statement(32))
    assert engine.run_round(office, manager, now_s + HOUR_S).charged == 0
    meter.pass_to(now_s + 2 * HOUR_S)
    meter.report()
    engine.run_round(office, manager, now_s + 2 * HOUR_S)
    assert accounts.balance(tenancy) == -300_000


def test_a_clock_that_is_ahead_charges_no_days_ahead(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    meter.pass_to(now_s + 90 * DAY_S)
    meter.use(KWH)
    meter.report()
    assert engine.run_round(office, manager, now_s + HOUR_S).charged == 0
    assert accounts.balance(tenancy) == 0


def test_a_statement_of_an_unknown_tariff_is_told_once_and_charged_later(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    meter.next_tariff(Tariff(version=2, table=tariff_file.encode(document(2, day="0.60"))))
    meter.pass_to(now_s + HOUR_S)
    meter.use(KWH)
    meter.report()
    for _ in range(2):
        assert engine.run_round(office, manager, now_s + HOUR_S).troubles == 1
    assert "tariff version 2" in account_of(tenancy).trouble
    assert Message.objects.filter(channel="office").count() == 1
    add_tariff("household", 2, day="0.60")
    engine.run_round(office, manager, now_s + HOUR_S)
    assert account_of(tenancy).trouble == ""
    assert accounts.balance(tenancy) == -600_000


def test_the_account_goes_on_at_the_meter_that_took_the_place(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    Installation.objects.create(meter_id=4, premises=tenancy.premises, from_s=0)
    accounts.pay_in(office, manager, tenancy, 9 * EUR, "card", "one", now_s)
    meter.pass_to(now_s + HOUR_S)
    meter.use(KWH)
    meter.report()
    new = Meter.objects.create(
        number=44, currency="EUR", decimals=2, unit="money", contract="managed", key_version=1, site_version=1
    )
    tenancies.replace_meter(office, manager, tenancy.premises, new, tenancies.Replacement(KWH))
    other = ManagedMeter(office, 44, now_s + HOUR_S)
    other.pass_to(now_s + 2 * HOUR_S)
    other.use(2 * KWH)
    other.report()
    engine.run_round(office, manager, now_s + 2 * HOUR_S)
    engine.run_round(office, manager, now_s + 2 * HOUR_S)
    assert account_of(tenancy).meter_id == 44
    assert accounts.balance(tenancy) == 9 * EUR - 900_000
    other.pass_to(now_s + 3 * HOUR_S)
    other.use(2 * KWH)
    other.report()
    engine.run_round(office, manager, now_s + 3 * HOUR_S)
    other.obey()
    assert other.is_on()
    assert accounts.balance(tenancy) == 9 * EUR - 1_500_000
    assert findings(office, manager) == []


def test_a_move_out_closes_the_account_and_pays_its_rest_back_by_two_persons(office, manager, second, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    accounts.pay_in(office, manager, tenancy, 5 * EUR, "card", "one", now_s)
    meter.pass_to(now_s + HOUR_S)
    meter.use(KWH + 10)
    meter.report()
    tenancies.move_out(office, manager, tenancy)
    Installation.objects.create(meter_id=4, premises=tenancy.premises, from_s=0)
    next_one = Customer.objects.create(number=900, name="Next", created_s=0)
    with pytest.raises(Refusal, match="account of the former tenancy"):
        tenancies.move_in(office, manager, tenancy.premises, next_one)
    with pytest.raises(ApprovalNeeded) as needed:
        accounts.close(office, manager, tenancy, "end", now_s + HOUR_S)
    assert account_of(tenancy).closed_s is None
    assert accounts.balance(tenancy) == 5 * EUR
    asked = approvals.propose(office, manager, needed.value, "moves out")
    approvals.approve(office, second, asked)
    sale = accounts.close(office, manager, tenancy, "end", now_s + HOUR_S, approval=asked.request)
    assert sale.gross_microunits == -4_690_000, "rounded down to the coin"
    assert accounts.close(office, manager, tenancy, "end", now_s + HOUR_S) == sale
    assert accounts.balance(tenancy) == 0
    assert balances.balance(chart.bank("transfer"), "EUR") == -4_690_000
    assert Command.objects.get().wish == "switch off"
    assert findings(office, manager) == []


def test_the_next_tenant_waits_for_an_account_whose_meter_was_replaced(office, manager, meter, now_s):
    tenancy = opened(office, manager, meter, now_s)
    Installation.objects.create(meter_id=4, premises=tenancy.premises, from_s=0)
    new = Meter.objects.create(
        number=44, currency="EUR", decimals=2, unit="money", contract="managed", key_version=1, site_version=1
    )
    tenancies.replace_meter(office, manager, tenancy.premises, new, tenancies.Replacement(KWH))
    assert account_of(tenancy).meter_id == 4, "no round has seen the new meter"
    tenancies.move_out(office, manager, Tenancy.objects.get(pk=tenancy.pk))
    next_one = Customer.objects.create(number=900, name="Next", created_s=0)
    with pytest.raises(Refusal, match="wattpurse headend account close 44"):
        tenancies.move_in(office, manager, tenancy.premises, next_one)
    accounts.close(office, manager, accounts.account_at(44).tenancy, "end", now_s)
    with pytest.raises(ApprovalNeeded):
        tenancies.move_in(office, manager, tenancy.premises, next_one)


def test_an_account_takes_and_gives_no_cash(office, manager, meter, now_s):
    tenancy = opened(office, manager, meter, now_s)
    with pytest.raises(Refusal, match="are paid by one of card"):
        trust.pay_deposit(office, manager, tenancy, EUR, "cash", "one", now_s)
    with pytest.raises(Refusal, match="are paid by one of card"):
        accounts.close(office, manager, tenancy, "end", now_s, "cash")
    assert account_of(tenancy).closed_s is None


def test_a_closed_account_stays_closed_and_terms_are_checked_at_its_opening(office, manager, meter, now_s):
    tenancy = Tenancy.objects.get(meter_number=4)
    for wrong in ({"limit_microunits": -1}, {"limit_microunits": accounts.LARGEST + 1}, {"priority": 10}):
        with pytest.raises(Refusal, match="from 0 to 9"):
            accounts.open_account(office, manager, tenancy, now_s, **wrong)
    accounts.open_account(office, manager, tenancy, now_s)
    accounts.close(office, manager, tenancy, "end", now_s)
    with pytest.raises(Refusal, match="was closed"):
        accounts.open_account(office, manager, tenancy, now_s)


def test_an_account_below_zero_becomes_a_debt(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    meter.pass_to(now_s + HOUR_S)
    meter.use(KWH)
    meter.report()
    assert accounts.close(office, manager, tenancy, "end", now_s + HOUR_S) is None
    assert accounts.balance(tenancy) == 0
    assert balances.balance(chart.debt(tenancy.pk), "EUR") == 300_000
    assert findings(office, manager) == []


def test_the_check_finds_a_balance_a_gap_and_a_permit_that_are_wrong(office, manager, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    accounts.pay_in(office, manager, tenancy, 5 * EUR, "card", "one", now_s)
    engine.run_round(office, manager, now_s)
    assert findings(office, manager) == []
    move = Move(chart.issued("sale"), chart.account(tenancy.pk), "EUR", 7)
    post("planted", "sale", [move], Event(now_s, utc_day(now_s)))
    AccountCharge.objects.create(
        account=account_of(tenancy), from_s=now_s + 5, until_s=now_s + 9, energy_mwh=1, charge_microunits=3
    )
    accounts.ManagedAccount.objects.update(permit_until_s=5)
    words = " ".join(one[-1] for one in findings(office, manager))
    assert "payments less charges" in words
    assert "another charge" in words
    assert "charged until" in words
    assert "beyond 5" in words


@pytest.mark.parametrize("deposit", [50, 3, 2, 1], ids=lambda euro: f"{euro} EUR")
def test_a_deposit_pays_the_balance_without_fee_and_without_another_debt(
    office, manager, second, meter, now_s, deposit
):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    Price.objects.create(what="fee", currency="EUR", gross_microunits=4 * EUR, from_s=0)
    Site.objects.update(debt_share_ppm=500_000)
    tenancies.add_debt(office, manager, tenancy, 7 * EUR, "of before", "before")
    trust.pay_deposit(office, manager, tenancy, deposit * EUR, "card", "d", now_s)
    meter.pass_to(now_s + HOUR_S)
    meter.use(10 * KWH)
    meter.report()
    engine.run_round(office, manager, now_s + HOUR_S)
    assert accounts.balance(tenancy) == -3 * EUR
    rest, owed = max(0, deposit - 3), max(0, 3 - deposit)
    if rest:
        with pytest.raises(ApprovalNeeded) as needed:
            accounts.close(office, manager, tenancy, "end", now_s + HOUR_S)
        asked = approvals.propose(office, manager, needed.value, "moves out")
        approvals.approve(office, second, asked)
        accounts.close(office, manager, tenancy, "end", now_s + HOUR_S, approval=asked.request)
    else:
        assert accounts.close(office, manager, tenancy, "end", now_s + HOUR_S) is None
    assert accounts.balance(tenancy) == 0
    assert accounts.held_deposit(tenancy.pk) == 0
    assert balances.balance(chart.debt(tenancy.pk), "EUR") == (7 + owed) * EUR
    assert balances.balance(chart.bank("card"), "EUR") == deposit * EUR
    assert balances.balance(chart.bank("transfer"), "EUR") == -rest * EUR
    receipt = Sale.objects.get()
    assert receipt.gross_microunits == min(deposit, 3) * EUR
    assert [line.what for line in receipt.lines.all()] == ["money"]
    assert findings(office, manager) == []
