"""Orders that are lost: permits for a tenant who moves in later, and the notes of accounts after a token is lost."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.tools.headend.managed_site import DAY_S, add_tenancy
from tests.tools.headend.network_meter import NetworkMeter
from tests.tools.headend.test_accounts import findings
from tests.tools.headend.test_engine import HOUR_S, account_of, opened
from tests.tools.headend.test_ingest import Wire
from tests.tools.office.selling_site import EUR
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import token
from wattpurse.core.money.contract import Managed
from wattpurse_tools.headend import accounts, command_queue, engine, ingest, noted_orders, senders, shortages
from wattpurse_tools.office import approvals, tenancies
from wattpurse_tools.record.models import Command, Customer, Installation, LostOrder, ManagedAccount, Meter, Token
from wattpurse_tools.station.station import Station
from wattpurse_tools.vault.interface import ApprovalNeeded

NUMBER = 555


def move_in(office, manager, second):
    """Let a second tenant move in at the meter NUMBER. Return the tenancy, and the token on the card of the tenant."""
    former = add_tenancy(NUMBER)
    Installation.objects.create(meter_id=NUMBER, premises=former.premises, from_s=0)
    tenancies.move_out(office, manager, former)
    customer = Customer.objects.create(number=900, name="Next", created_s=0)
    with pytest.raises(ApprovalNeeded) as needed:
        tenancies.move_in(office, manager, former.premises, customer)
    asked = approvals.propose(office, manager, needed.value, "moves in")
    approvals.approve(office, second, asked)
    tenancy = tenancies.move_in(office, manager, former.premises, customer, approval=asked.request)
    Token.objects.filter(meter_id=NUMBER).update(card="aabbccdd", state="on card")
    return tenancy, Token.objects.get(meter_id=NUMBER)


def managed_meter(office, manager):
    """Return a meter with a network, whose contract is "managed"."""
    meter = NetworkMeter(office, manager, NUMBER, "managed")
    meter.ledger.change(lambda account: setattr(account, "contract", Managed))
    return meter


def answers(office, meter, now_s):
    """Send all orders that are due, and take the answers of the meter. Return their outcomes."""
    wire = Wire()
    senders.send_round(wire.publish, now_s)
    told = [meter.answer(data) for _, data in wire.messages]
    ingest.take(office, told, now_s)
    return [json.loads(payload)["outcome"] for _, payload in told]


def tell(office, meter):
    ingest.take(office, [meter.statement()], meter.time_s)


def permits():
    rows = Token.objects.filter(kind=token.PERMIT).order_by("sequence")
    return list(rows.values_list("state", flat=True))


def forge(command):
    command_queue.answered(command.meter_id, command.token.sequence, "other-tenant", False, 0)


@pytest.fixture
def account(office, manager, meter, now_s):
    """Return the tenancy of an account with credit, whose permit is on its way."""
    meter.report()
    tenancy = opened(office, manager, meter, now_s)
    accounts.pay_in(office, manager, tenancy, 9 * EUR, "card", "one", now_s)
    engine.run_round(office, manager, now_s)
    return tenancy


def test_a_permit_waits_for_the_move_in_that_is_on_a_card(any_office, manager, second, site, now_s):
    meter = managed_meter(any_office, manager)
    tenancy, moving_in = move_in(any_office, manager, second)
    accounts.open_account(any_office, manager, tenancy, now_s)
    accounts.pay_in(any_office, manager, tenancy, 50 * EUR, "card", "x", now_s)
    assert engine.run_round(any_office, manager, now_s).permits == 1
    assert answers(any_office, meter, now_s) == ["out-of-order"]
    plan = shortages.Plan(None, 5, now_s, now_s + HOUR_S, "a line is down")
    shortages.plan(any_office, manager, plan, now_s)
    engine.run_round(any_office, manager, now_s + 1)
    assert answers(any_office, meter, now_s + 1) == ["accepted"], "a shortage waits for no card"
    assert Token.objects.filter(kind=token.SHORTAGE).get().after == 0
    assert meter.teller.redeem(bytes(moving_in.sealed), carrier.CARD) == outcome.ACCEPTED
    assert answers(any_office, meter, now_s + 2 * HOUR_S) == ["accepted"]
    assert meter.account.standing["permit_until_s"] == account_of(tenancy).permit_until_s > now_s
    assert permits() == ["issued"]


def test_a_permit_that_the_meter_voided_is_ordered_again(any_office, manager, site, now_s):
    meter = managed_meter(any_office, manager)
    tenancy = add_tenancy(NUMBER)
    accounts.open_account(any_office, manager, tenancy, now_s)
    accounts.pay_in(any_office, manager, tenancy, 50 * EUR, "card", "x", now_s)
    assert engine.run_round(any_office, manager, now_s).permits == 1
    meter.ledger.change(lambda account: account.standing.set("tenant", 7))
    assert answers(any_office, meter, now_s) == ["other-tenant"]
    tell(any_office, meter)
    assert permits() == ["voided"]
    assert engine.run_round(any_office, manager, now_s).permits == 1
    assert answers(any_office, meter, now_s + HOUR_S) == ["accepted"]
    tell(any_office, meter)
    assert engine.run_round(any_office, manager, now_s + 1).permits == 0
    assert permits() == ["voided", "redeemed"]
    assert meter.account.standing["permit_until_s"] == account_of(tenancy).permit_until_s
    assert not LostOrder.objects.exists()
    assert [one for one in findings(any_office, manager) if one[0] == "accounts"] == []


def test_the_answer_of_a_meter_orders_a_permit_again_once(office, manager, account, now_s):
    until_s = account_of(account).permit_until_s
    forge(Command.objects.get())
    assert engine.run_round(office, manager, now_s).permits == 1
    assert account_of(account).permit_until_s == until_s
    assert Command.objects.count() == 2
    for _ in range(3):
        forge(Command.objects.order_by("pk").last())
        assert engine.run_round(office, manager, now_s).permits == 0, "no statement has told of the first one"
    assert findings(office, manager) == []


def test_a_permit_that_was_refused_and_redeemed_after_all_is_noted_again(office, manager, meter, account, now_s):
    until_s = account_of(account).permit_until_s
    forge(Command.objects.get())
    ManagedAccount.objects.update(is_wished_on=False)
    noted_orders.run()
    assert account_of(account).permit_until_s == 0
    meter.obey()
    meter.pass_to(now_s + 1)
    meter.report()
    command_queue.compare(4, now_s + 1, now_s + 1)
    assert noted_orders.run() == 1
    assert account_of(account).permit_until_s == until_s
    assert Command.objects.get().state == command_queue.DONE


def test_a_forfeited_permit_goes_back_to_the_one_before(any_office, manager, meter, now_s):
    meter.report()
    tenancy = opened(any_office, manager, meter, now_s)
    accounts.pay_in(any_office, manager, tenancy, 9 * EUR, "card", "one", now_s)
    engine.run_round(any_office, manager, now_s)
    meter.obey()
    first_s = account_of(tenancy).permit_until_s
    later_s = first_s - HOUR_S
    meter.pass_to(later_s)
    meter.report()
    engine.run_round(any_office, manager, later_s)
    second_s = account_of(tenancy).permit_until_s
    assert second_s > first_s
    newest = Token.objects.get(state="issued")
    Station(any_office.keys, manager).forfeit(4, [newest.sequence])
    assert noted_orders.run() == 1
    assert account_of(tenancy).permit_until_s == first_s, "the meter has it"
    assert engine.run_round(any_office, manager, later_s).permits == 1
    assert account_of(tenancy).permit_until_s == second_s
    assert findings(any_office, manager) == []


def test_a_forfeited_permit_that_the_meter_redeemed_is_noted_again(office, manager, meter, account, now_s):
    until_s = account_of(account).permit_until_s
    ManagedAccount.objects.update(is_wished_on=False)
    Station(office.keys, manager).forfeit(4, [Token.objects.get().sequence])
    noted_orders.run()
    assert account_of(account).permit_until_s == 0
    meter.obey()
    meter.pass_to(now_s + 1)
    meter.report()
    noted_orders.run()
    assert account_of(account).permit_until_s == until_s


def test_a_lost_order_to_the_switch_is_made_again(any_office, manager, meter, now_s):
    meter.report()
    tenancy = opened(any_office, manager, meter, now_s)
    engine.run_round(any_office, manager, now_s)
    assert [one.wish for one in Command.objects.all()] == ["switch off"]
    Station(any_office.keys, manager).forfeit(4, [Token.objects.get().sequence])
    assert engine.run_round(any_office, manager, now_s + 1).switched == 1
    meter.obey()
    meter.pass_to(now_s + HOUR_S)
    meter.report()
    accounts.pay_in(any_office, manager, tenancy, 9 * EUR, "card", "one", now_s)
    engine.run_round(any_office, manager, now_s + HOUR_S)
    closing = Token.objects.filter(kind=token.SWITCH, state="issued").latest("sequence")
    command_queue.answered(4, closing.sequence, "unreadable", False, now_s)
    assert engine.run_round(any_office, manager, now_s + HOUR_S).switched == 1
    wishes = list(Command.objects.filter(wish__startswith="switch").order_by("pk").values_list("wish", flat=True))
    assert wishes == ["switch off", "switch off", "switch on", "switch on"]
    assert account_of(tenancy).is_ordered_on


def test_a_lost_order_of_a_meter_without_an_account_is_forgotten(office, manager, meter):
    LostOrder.objects.create(meter=Meter.objects.get(number=1))
    assert noted_orders.run() == 0
    assert not LostOrder.objects.exists()


def test_a_round_without_lost_orders_asks_one_question_for_them(office, manager, account, now_s):
    with CaptureQueriesContext(connection) as queries:
        engine.run_round(office, manager, now_s + DAY_S)
    assert len([one for one in queries if "lost_orders" in one["sql"]]) == 1


def test_no_note_is_beyond_what_the_meter_may_have(office, manager, meter, account, now_s):
    ManagedAccount.objects.update(permit_until_s=now_s + 90 * DAY_S)
    LostOrder.objects.create(meter_id=4)
    noted_orders.run()
    assert account_of(account).permit_until_s == Token.objects.get().amount
