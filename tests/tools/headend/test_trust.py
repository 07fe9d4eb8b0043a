"""Trust: facts from the ledger, rules, and decisions that take effect."""

from dataclasses import replace

import pytest
from django.db import transaction

from tests.tools.headend.test_engine import account_of, opened
from tests.tools.office.selling_site import EUR
from wattpurse_tools.headend import accounts, trust
from wattpurse_tools.headend.trust import DEPOSIT, LIMIT, MONTH_S, PREPAID, Facts
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.ledger.posting import Event, Move
from wattpurse_tools.office import approvals, checking
from wattpurse_tools.office.actor import NotPermitted
from wattpurse_tools.office.business_days import utc_day
from wattpurse_tools.record.models import AuditEntry, TrustProposal
from wattpurse_tools.refusals import Refusal
from wattpurse_tools.vault.interface import ApprovalNeeded

GOOD = Facts(8, 9, 0, 41_234_567, 0, 0, 0)
DAY_S = trust.DAY_S


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, (LIMIT, 20_610_000)),
        ({"months": 5}, None),
        ({"payments": 5}, None),
        ({"late_days": 1}, None),
        ({"debt_microunits": 1}, None),
        ({"limit_microunits": EUR}, None),
        ({"limit_microunits": EUR, "late_days": 5}, None),
        ({"limit_microunits": EUR, "late_days": 6}, (DEPOSIT, 41_230_000)),
        ({"limit_microunits": EUR, "late_days": 6, "deposit_microunits": EUR}, None),
        ({"limit_microunits": EUR, "late_days": 16}, (PREPAID, 0)),
        ({"limit_microunits": EUR, "debt_microunits": 1}, (PREPAID, 0)),
        ({"mean_month_microunits": 0}, None),
    ],
)
def test_the_rules_are_those_of_the_document(changes, expected):
    assert trust.proposal_of(replace(GOOD, **changes), 2) == expected


def spent(tenancy, amount, time_s):
    """Charge an amount at a time, as the engine books it."""
    move = Move(chart.account(tenancy.pk), chart.consumed(4), "EUR", amount)
    with transaction.atomic():
        account = accounts.locked(tenancy.pk)
        accounts.book(account, f"charge:test:{time_s}", "charge", [move], Event(time_s, utc_day(time_s)))


@pytest.fixture
def good_customer(office, manager, meter, now_s):
    """Return a tenancy that paid 30.00 at the begin of each of eight months and used 30.00 by its end."""
    tenancy = opened(office, manager, meter, now_s)
    for month in range(8):
        begin_s = now_s + month * MONTH_S
        accounts.pay_in(office, manager, tenancy, 30 * EUR, "card", f"month {month}", begin_s)
        spent(tenancy, 30 * EUR, begin_s + 29 * DAY_S)
    return tenancy


def test_a_good_history_proposes_a_limit_that_a_person_decides(office, manager, cashier, good_customer, now_s):
    end_s = now_s + 8 * MONTH_S
    assert trust.propose(end_s) == 1
    assert trust.propose(end_s) == 0, "one waits"
    proposal = TrustProposal.objects.get()
    assert (proposal.what, proposal.amount_microunits) == (LIMIT, 15 * EUR)
    assert proposal.facts["late_days"] == 0
    assert proposal.facts["mean_month_microunits"] == 30 * EUR
    assert account_of(good_customer).limit_microunits == 0, "a proposal changes nothing"
    with pytest.raises(NotPermitted):
        trust.decide(office, cashier, proposal, True, end_s)
    trust.decide(office, manager, proposal, True, end_s)
    account = account_of(good_customer)
    assert account.limit_microunits == 15 * EUR
    assert account.is_wished_on, "the limit is credit"
    assert AuditEntry.objects.filter(action="trust").count() == 1
    with pytest.raises(Refusal, match="decided already"):
        trust.decide(office, manager, proposal, False, end_s)


def test_a_denial_is_kept_for_a_month(office, manager, good_customer, now_s):
    end_s = now_s + 8 * MONTH_S
    trust.propose(end_s)
    trust.decide(office, manager, TrustProposal.objects.get(), False, end_s)
    assert account_of(good_customer).limit_microunits == 0
    assert trust.propose(end_s + MONTH_S - 1) == 0
    accounts.pay_in(office, manager, good_customer, 30 * EUR, "card", "more", end_s)
    assert trust.propose(end_s + MONTH_S) == 1


def test_late_days_count_beyond_the_limit_alone(office, manager, meter, now_s):
    tenancy = opened(office, manager, meter, now_s, limit_microunits=10 * EUR)
    accounts.pay_in(office, manager, tenancy, 5 * EUR, "card", "pay", now_s)
    spent(tenancy, 14 * EUR, now_s + 10 * DAY_S)
    spent(tenancy, 2 * EUR, now_s + 20 * DAY_S)
    accounts.pay_in(office, manager, tenancy, 5 * EUR, "card", "late", now_s + 27 * DAY_S)
    assert trust.facts_of(account_of(tenancy), now_s + 40 * DAY_S).late_days == 7


def test_a_deposit_makes_the_limit_when_it_is_paid(office, manager, meter, now_s):
    tenancy = opened(office, manager, meter, now_s, limit_microunits=10 * EUR)
    asked = TrustProposal.objects.create(
        tenancy=tenancy, what=DEPOSIT, amount_microunits=20 * EUR, facts={}, proposed_s=now_s
    )
    trust.decide(office, manager, asked, True, now_s)
    assert account_of(tenancy).limit_microunits == 0
    for _ in range(2):
        assert trust.pay_deposit(office, manager, tenancy, 15 * EUR, "card", "one", now_s) == 15 * EUR
    assert account_of(tenancy).limit_microunits == 15 * EUR
    trust.pay_deposit(office, manager, tenancy, 9 * EUR, "card", "two", now_s)
    assert account_of(tenancy).limit_microunits == 20 * EUR
    assert balances.balance(chart.bank("card"), "EUR") == 24 * EUR
    assert accounts.balance(tenancy) == 0


def test_the_deposit_pays_what_is_missing_at_the_end_and_the_rest_comes_back(office, manager, second, meter, now_s):
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    trust.pay_deposit(office, manager, tenancy, 9 * EUR, "card", "one", now_s)
    meter.pass_to(now_s + 3600)
    meter.use(10_000_010)
    meter.report()
    with pytest.raises(ApprovalNeeded) as needed:
        accounts.close(office, manager, tenancy, "end", now_s + 3600)
    assert needed.value.document["deposit"] == 9 * EUR - 3_010_000
    asked = approvals.propose(office, manager, needed.value, "moves out")
    approvals.approve(office, second, asked)
    accounts.close(office, manager, tenancy, "end", now_s + 3600, approval=asked.request)
    assert (accounts.balance(tenancy), accounts.held_deposit(tenancy.pk)) == (0, 0)
    assert balances.balance(chart.bank("transfer"), "EUR") == -9 * EUR + 3_010_000
    assert checking.check(office, manager).findings == ()


def test_a_person_changes_limit_and_priority(office, manager, cashier, meter, now_s):
    tenancy = opened(office, manager, meter, now_s)
    with pytest.raises(NotPermitted):
        accounts.change_terms(office, cashier, tenancy, EUR)
    accounts.change_terms(office, manager, tenancy, EUR, 7)
    account = account_of(tenancy)
    assert (account.limit_microunits, account.priority, account.is_wished_on) == (EUR, 7, True)
    with pytest.raises(Refusal, match="from 0 to 9"):
        accounts.change_terms(office, manager, tenancy, priority=10)
