"""Managed accounts on the pages: opened, changed, a deposit, closed by two persons, and the way from the move-out."""

import time

import pytest

from tests.tools.headend.managed_site import KWH, ManagedMeter, add_tariff, add_tenancy
from tests.tools.office.selling_site import EUR, build_site
from wattpurse_tools.headend import accounts, engine
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.ledger.models import Entry
from wattpurse_tools.office import approvals, checking, users
from wattpurse_tools.record.models import (
    Approval,
    AuditEntry,
    Command,
    Customer,
    Installation,
    ManagedAccount,
    Meter,
    Sale,
    Tenancy,
    User,
)
from wattpurse_tools.vault.interface import ApprovalNeeded

OPEN = {"meter": "4", "limit": "5.00", "priority": "7"}
CLOSE = {"do": "close", "payment_type": "transfer", "reason": "moves out", "approval": ""}
HOUR_S = 3600


@pytest.fixture
def site(any_office):
    """Return an office with the tenancy of the managed meter 4, on each database."""
    build_site()
    add_tariff("household", 1)
    Installation.objects.create(meter_id=4, premises=add_tenancy(4).premises, from_s=0)
    return any_office


@pytest.fixture
def tenancy(site):
    return Tenancy.objects.get(meter_number=4)


@pytest.fixture
def desk(site, pages):
    pages.log_in("manager")
    return pages


@pytest.fixture
def open_one(desk, tenancy):
    """Open the account by the page, and return its address."""
    assert desk.post("/headend/accounts/open", OPEN | {"limit": "0"}).status_code == 302
    return f"/headend/accounts/{tenancy.pk}"


def shown(client, address, form=None):
    """Return the text of a page, after a form if there is one."""
    answer = client.get(address) if form is None else client.post(address, form, follow=True)
    assert answer.status_code == 200, address
    return answer.content.decode()


def paid_in(site, manager, tenancy, amount):
    accounts.pay_in(site, manager, tenancy, amount, "card", f"in-{amount}", int(time.time()))


def approved(site, second):
    """Let the second person approve the request that waits, and return its number."""
    asked = Approval.objects.get(state="waiting")
    approvals.approve(site, second, asked)
    return asked.request


def office_request(site, manager, second, needed):
    """Propose and approve an action. Return the number of the request."""
    asked = approvals.propose(site, manager, needed, "it is needed")
    approvals.approve(site, second, asked)
    return asked.request


def findings(site, manager):
    return [(one.check, one.subject, one.words) for one in checking.check(site, manager).findings]


def test_an_account_is_opened_from_each_page_of_a_tenancy(desk, tenancy):
    way = "/headend/accounts/open?meter=4"
    places = (
        f"/office/customers/{tenancy.customer.number}",
        f"/office/premises/{tenancy.premises_id}",
        "/office/meters/4",
    )
    for address in places:
        assert way in shown(desk, address), address
    assert "/headend/accounts/open" not in shown(desk, "/office/meters/1"), "it is not managed"
    assert "/headend/accounts/open" in shown(desk, "/headend/accounts")
    assert 'value="4"' in shown(desk, way)
    answer = desk.post("/headend/accounts/open", OPEN)
    assert answer.headers["Location"] == f"/headend/accounts/{tenancy.pk}"
    made = ManagedAccount.objects.get()
    assert (made.pk, made.limit_microunits, made.priority) == (tenancy.pk, 5 * EUR, 7)
    for address in places:
        page = shown(desk, address)
        assert way not in page and f"/headend/accounts/{tenancy.pk}" in page, address
    desk.post("/headend/accounts/open", OPEN)
    assert "are as they were" in shown(desk, "/headend/accounts/open", OPEN | {"limit": "9"})
    assert ManagedAccount.objects.get().limit_microunits == 5 * EUR
    assert AuditEntry.objects.filter(action="open account").count() == 1


def test_a_contract_that_is_on_its_way_to_the_meter_is_enough(desk, tenancy):
    from wattpurse.core.messages import token
    from wattpurse.core.money.contract import Managed
    from wattpurse_tools.record.models import Token

    Meter.objects.filter(number=4).update(contract="prepaid-money")
    assert "accounts/open?" not in shown(desk, "/office/meters/4")
    Token.objects.create(
        meter_id=4, sequence=1, kind=token.CONTRACT, amount=Managed.code, issued_s=0, sealed=b"", state="issued"
    )
    assert "accounts/open?" in shown(desk, "/office/meters/4")
    assert desk.post("/headend/accounts/open", OPEN).status_code == 302


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"meter": "3"}, "There is no tenant at this meter"),
        ({"meter": "1"}, "an account needs the contract managed"),
        ({"meter": ""}, "This field is required"),
        ({"meter": "x"}, "Enter a whole number"),
        ({"limit": "-1"}, "Type a number such as"),
        ({"limit": "1.001"}, "no smaller parts"),
        ({"limit": "999999999999"}, "a limit is from zero to"),
        ({"priority": "10"}, "less than or equal to 9"),
    ],
)
def test_an_account_that_cannot_be_is_refused_in_words(desk, wrong, words):
    assert words in shown(desk, "/headend/accounts/open", OPEN | wrong)
    assert not ManagedAccount.objects.exists()


def test_a_cashier_sees_and_does_nothing(site, pages, manager, tenancy):
    accounts.open_account(site, manager, tenancy, int(time.time()))
    address = f"/headend/accounts/{tenancy.pk}"
    pages.log_in("cashier")
    forms = (
        {"do": "terms", "limit": "9", "priority": "1"},
        {"do": "deposit", "amount": "5", "payment_type": "card", "key": "a1"},
        CLOSE,
    )
    assert pages.get("/headend/accounts/open").status_code == 403
    assert pages.post("/headend/accounts/open", OPEN).status_code == 403
    for form in forms:
        assert pages.post(address, form).status_code == 403, form
    row = ManagedAccount.objects.get()
    assert (row.limit_microunits, row.closed_s, accounts.held_deposit(tenancy.pk)) == (0, None, 0)


def test_each_form_needs_its_right(site, pages, manager, second, tenancy, monkeypatch):
    monkeypatch.setattr(users, "new_pin", lambda: "987123")
    monkeypatch.setattr(users, "new_password", lambda: "word-of-olga-7")

    def add(approval=None):
        return users.add(site, manager, "olga", User.CLERK, None, ["order"], approval)

    with pytest.raises(ApprovalNeeded) as needed:
        add()
    request = office_request(site, manager, second, needed.value)
    olga = add(request)
    accounts.open_account(site, manager, tenancy, int(time.time()))
    address = f"/headend/accounts/{tenancy.pk}"
    pages.post("/login", {"name": "olga", "password": olga.password, "pin": olga.pin})
    page = shown(pages, address)
    assert 'id="close"' in page
    assert 'id="terms"' not in page
    assert 'id="deposit"' not in page
    assert pages.post(address, {"do": "terms", "limit": "9", "priority": "1"}).status_code == 403
    taken = {"do": "deposit", "amount": "5", "payment_type": "card", "key": "a1"}
    assert pages.post(address, taken).status_code == 403
    assert pages.post(address, CLOSE).status_code == 302


def test_limit_and_priority_are_changed(desk, open_one, tenancy):
    assert 'value="0.00"' in shown(desk, open_one)
    assert "12.50" in shown(desk, open_one, {"do": "terms", "limit": "12,50", "priority": "9"})
    row = ManagedAccount.objects.get()
    assert (row.limit_microunits, row.priority, row.is_wished_on) == (12_500_000, 9, True)
    for wrong in ({"limit": "x"}, {"priority": "10"}, {"priority": ""}, {"limit": ""}):
        assert desk.post(open_one, {"do": "terms", "limit": "1", "priority": "1"} | wrong).status_code == 200
    assert ManagedAccount.objects.get().limit_microunits == 12_500_000


def test_a_deposit_is_taken_once_for_a_form_that_is_sent_twice(desk, open_one, tenancy):
    key = desk.get(open_one).context["deposit_key"]
    form = {"do": "deposit", "amount": "20", "payment_type": "card", "key": key}
    for _ in range(2):
        assert "20.00\xa0EUR" in shown(desk, open_one, form)
    assert accounts.held_deposit(tenancy.pk) == 20 * EUR
    assert balances.balance(chart.bank("card"), "EUR") == 20 * EUR
    assert AuditEntry.objects.filter(action="deposit").count() == 1
    assert desk.get(open_one).context["deposit_key"] != key
    desk.post(open_one, form | {"amount": "5", "key": "other1", "payment_type": "mobile"})
    assert accounts.held_deposit(tenancy.pk) == 25 * EUR


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"amount": "0"}, "above zero"),
        ({"amount": "-5"}, "Type a number such as"),
        ({"amount": "5.001"}, "no smaller parts"),
        ({"amount": "999999999999"}, "at most"),
        ({"payment_type": "cash"}, "Select a valid choice"),
        ({"payment_type": ""}, "This field is required"),
    ],
)
def test_a_wrong_deposit_is_refused_in_words_and_its_form_keeps_its_key(desk, open_one, tenancy, wrong, words):
    form = {"do": "deposit", "amount": "20", "payment_type": "card", "key": "abc123"}
    answer = desk.post(open_one, form | wrong)
    assert words in answer.content.decode()
    assert answer.context["deposit_key"] == "abc123"
    assert accounts.held_deposit(tenancy.pk) == 0


def test_a_close_waits_for_a_second_person_and_is_done_once(desk, site, manager, second, open_one, tenancy):
    paid_in(site, manager, tenancy, 5 * EUR)
    form = {"do": "deposit", "amount": "20", "payment_type": "card", "key": "abc123"}
    desk.post(open_one, form)
    assert "write the reason" in shown(desk, open_one, CLOSE | {"reason": ""})
    assert "waits for a second person" in shown(desk, open_one, CLOSE)
    number = Approval.objects.get().request
    assert "not approved yet" in shown(desk, open_one, CLOSE | {"approval": number})
    assert ManagedAccount.objects.get().closed_s is None
    form = CLOSE | {"approval": approved(site, second)}
    for _ in range(2):
        assert "The account is closed." in shown(desk, open_one, form)
    assert ManagedAccount.objects.get().closed_s is not None
    assert (accounts.balance(tenancy), accounts.held_deposit(tenancy.pk)) == (0, 0)
    assert Sale.objects.get(kind="refund").gross_microunits == -5 * EUR
    assert balances.balance(chart.bank("transfer"), "EUR") == -25 * EUR
    page = shown(desk, open_one)
    assert "25.00\xa0EUR" in page, "the sum to transfer"
    for gone in ('id="close"', 'id="terms"', 'id="deposit"'):
        assert gone not in page
    assert "no open account" in shown(desk, open_one, {"do": "terms", "limit": "1", "priority": "1"})
    assert "accounts/open" not in shown(desk, "/office/meters/4")
    assert "the account of this tenancy was closed" in shown(desk, "/headend/accounts/open", OPEN)
    assert findings(site, manager) == []


def test_a_charge_after_the_request_needs_no_new_one_and_a_payment_does(desk, site, manager, second, open_one, tenancy):
    now_s = int(time.time())
    meter = ManagedMeter(site, 4, now_s)
    meter.report()
    engine.run_round(site, manager, now_s)
    paid_in(site, manager, tenancy, 5 * EUR)
    desk.post(open_one, CLOSE)
    number = approved(site, second)
    paid_in(site, manager, tenancy, EUR)
    assert "waits for a second person" in shown(desk, open_one, CLOSE | {"approval": number})
    assert ManagedAccount.objects.get().closed_s is None
    number = approved(site, second)
    meter.pass_to(now_s + HOUR_S // 2)
    meter.use(KWH)
    meter.report()
    assert "The account is closed." in shown(desk, open_one, CLOSE | {"approval": number})
    assert accounts.paid_back(tenancy.pk) in (5_700_000, 5_800_000), "by the rate of the hour"
    assert findings(site, manager) == []


def test_an_approval_of_another_account_does_not_fit(desk, site, manager, second, open_one, tenancy):
    other = add_tenancy(3)
    Meter.objects.filter(number=3).update(contract="managed")
    accounts.open_account(site, manager, other, int(time.time()))
    paid_in(site, manager, other, 50 * EUR)
    desk.post(f"/headend/accounts/{other.pk}", CLOSE)
    number = approved(site, second)
    paid_in(site, manager, tenancy, 5 * EUR)
    shown(desk, open_one, CLOSE | {"approval": number})
    assert ManagedAccount.objects.filter(closed_s=None).count() == 2


def test_a_wrong_close_changes_nothing(desk, open_one):
    for wrong in ({"payment_type": "cash"}, {"payment_type": ""}, {"approval": "x" * 65}):
        assert desk.post(open_one, CLOSE | wrong).status_code == 200
    assert desk.post("/headend/accounts/999", CLOSE).status_code == 404
    assert ManagedAccount.objects.get().closed_s is None


def test_a_walk_from_opening_to_the_next_tenant(desk, site, manager, second, tenancy):
    now_s = int(time.time())
    meter = ManagedMeter(site, 4, now_s)
    meter.report()
    account = f"/headend/accounts/{tenancy.pk}"
    desk.post("/headend/accounts/open", OPEN | {"limit": "0"})
    accounts.pay_in(site, manager, tenancy, 2 * EUR, "card", "walk", now_s)
    desk.post(account, {"do": "terms", "limit": "1.50", "priority": "3"})
    desk.post(account, {"do": "deposit", "amount": "10", "payment_type": "transfer", "key": "walk1"})
    engine.run_round(site, manager, now_s)
    meter.obey()
    meter.pass_to(now_s + HOUR_S // 2)
    meter.use(20 * KWH)
    meter.report()
    engine.run_round(site, manager, now_s + HOUR_S // 2)

    move_out = f"/office/tenancies/{tenancy.pk}/move-out"
    page = shown(desk, move_out)
    owed = accounts.balance(tenancy)
    assert owed < 0
    assert f"{owed / EUR:.2f}\xa0EUR".replace("-", "") in page
    assert account in page
    today = desk.get(move_out).context["form"].initial["day"].isoformat()
    answer = desk.post(move_out, {"day": today})
    assert answer.headers["Location"] == account
    assert Tenancy.objects.get(pk=tenancy.pk).until_s is not None

    customer = Customer.objects.create(number=900, name="Next", created_s=0)
    move_in = f"/office/premises/{tenancy.premises_id}/move-in"
    form = {"customer": "900", "day": today, "reason": "moves in", "approval": ""}
    assert account in shown(desk, move_in)
    refused = shown(desk, move_in, form)
    assert "wattpurse headend account close 4" in refused
    assert account in shown(desk, "/office/meters/4")

    shown(desk, account, CLOSE)
    assert "The account is closed." in shown(desk, account, CLOSE | {"approval": approved(site, second)})
    assert accounts.paid_back(tenancy.pk) == 10 * EUR + owed
    assert Command.objects.filter(wish="switch off").exists()
    shown(desk, move_in, form)
    assert "The tenancy has begun." in shown(desk, move_in, form | {"approval": approved(site, second)})
    new = Tenancy.objects.get(customer=customer)
    assert desk.post("/headend/accounts/open", OPEN).headers["Location"] == f"/headend/accounts/{new.pk}"
    assert Entry.objects.filter(key="deposit:walk1").count() == 1
    assert findings(site, manager) == []


def test_a_move_out_without_an_account_warns_of_nothing(desk, tenancy):
    move_out = f"/office/tenancies/{tenancy.pk}/move-out"
    assert "/headend/accounts/" not in shown(desk, move_out)
    day = desk.get(move_out).context["form"].initial["day"].isoformat()
    assert desk.post(move_out, {"day": day}).headers["Location"] == f"/office/customers/{tenancy.customer.number}"
