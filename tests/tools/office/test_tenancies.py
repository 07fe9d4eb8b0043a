"""Tenancies: move-in and move-out with open orders, debts, contracts with dates, and the replacement of a meter."""

import dataclasses

import pytest

from tests.tools.office.selling_site import EUR, PaperCard, build_site, new_shift, request
from wattpurse.core.messages import token
from wattpurse_tools.office import approvals, sales, tenancies
from wattpurse_tools.office.actor import NotPermitted
from wattpurse_tools.office.tenancies import Replacement
from wattpurse_tools.record.models import (
    Contract,
    Customer,
    CustomerType,
    Installation,
    Meter,
    Premises,
    Tenancy,
    Token,
)
from wattpurse_tools.station import order as orders
from wattpurse_tools.vault.interface import ApprovalNeeded


@pytest.fixture
def site(office, manager):
    build_site()
    for number in (1, 2):
        tenancies.install(office, manager, Meter.objects.get(number=number), place(number), 5_000_000)
    return office


def place(number):
    return Premises.objects.get(name=f"Flat {number}")


def person(number):
    kind = CustomerType.objects.get()
    return Customer.objects.get_or_create(
        number=number, defaults={"name": f"Customer {number}", "customer_type": kind, "created_s": 0}
    )[0]


def move_in_by_two(site, manager, second, where, who):
    with pytest.raises(ApprovalNeeded) as needed:
        tenancies.move_in(site, manager, where, who)
    asked = approvals.propose(site, manager, needed.value, "moves in")
    approvals.approve(site, second, asked)
    return tenancies.move_in(site, manager, where, who, approval=asked.request)


def test_the_next_tenant_moves_in_by_a_token_of_two_persons(site, manager, second):
    former = Tenancy.objects.get(meter_number=1)
    tenancies.move_out(site, manager, former)
    made = move_in_by_two(site, manager, second, place(1), person(200))
    assert (made.tenant, made.meter_number, len(made.page_code)) == (1, 1, 24)
    (row,) = Token.objects.all()
    assert (row.kind, row.amount, row.tenancy) == (token.TENANT, 1, made)
    assert Tenancy.objects.filter(meter_number=1).count() == 2


def test_a_refused_move_in_leaves_nothing(site, manager):
    tenancies.move_out(site, manager, Tenancy.objects.get(meter_number=1))
    with pytest.raises(ApprovalNeeded):
        tenancies.move_in(site, manager, place(1), person(200))
    assert (Tenancy.objects.filter(meter_number=1).count(), Token.objects.count()) == (1, 0)


def test_nobody_moves_in_while_somebody_lives_there(site, manager):
    with pytest.raises(ValueError, match="Customer 1 lives at Flat 1"):
        tenancies.move_in(site, manager, place(1), person(200))


def test_what_is_open_of_the_former_tenant_is_settled_first(site, manager, second):
    card = PaperCard("04aa", 1)
    sales.sell(site, manager, request(new_shift(site, manager), card=card), card)
    tenancies.move_out(site, manager, Tenancy.objects.get(meter_number=1))
    with pytest.raises(ValueError, match=r"open at meter 1: token 1 .* forfeit it with: wattpurse meter forfeit 1 1"):
        tenancies.move_in(site, manager, place(1), person(200))
    card.tap()
    card.read()
    assert move_in_by_two(site, manager, second, place(1), person(200)).tenant == 1


def test_the_first_tenant_of_a_meter_needs_no_token(site, manager):
    meter, flat = Meter.objects.get(number=3), Premises.objects.create(name="Flat 3")
    tenancies.install(site, manager, meter, flat)
    made = tenancies.move_in(site, manager, flat, person(300))
    assert (made.tenant, Token.objects.count()) == (0, 0)


def test_a_tenancy_has_an_order_in_time(site, manager):
    tenancy = Tenancy.objects.get(meter_number=1)
    tenancies.move_out(site, manager, tenancy, until_s=1000)
    assert tenancies.move_out(site, manager, tenancy, until_s=2000).until_s == 1000
    with pytest.raises(ValueError, match="after the one before"):
        tenancies.move_in(site, manager, place(1), person(200), from_s=999)


def test_a_cashier_moves_nobody(site, cashier):
    with pytest.raises(NotPermitted):
        tenancies.move_in(site, cashier, place(1), person(200))
    with pytest.raises(NotPermitted):
        tenancies.move_out(site, cashier, Tenancy.objects.get(meter_number=1))


def test_a_debt_is_recovered_by_sales_and_does_not_pass_to_the_next_tenant(site, manager, second):
    former = Tenancy.objects.get(meter_number=1)
    assert tenancies.add_debt(site, manager, former, 8 * EUR, "damage", "d1") == 8 * EUR
    assert tenancies.add_debt(site, manager, former, 8 * EUR, "damage", "d1") == 8 * EUR
    shift = new_shift(site, manager)
    made = sales.sell(site, manager, request(shift))
    assert [line.gross_microunits for line in made.lines] == [15 * EUR, 5 * EUR]
    assert tenancies.add_debt(site, manager, former, -EUR, "goodwill", "d2") == 2 * EUR
    with pytest.raises(ValueError, match="more than the tenancy owes"):
        tenancies.add_debt(site, manager, former, -3 * EUR, "goodwill", "d3")
    Token.objects.update(state=orders.REDEEMED)
    tenancies.move_out(site, manager, former)
    move_in_by_two(site, manager, second, place(1), person(200))
    assert len(sales.sell(site, manager, request(shift)).lines) == 1


def test_contracts_have_dates(site, manager):
    meter = Meter.objects.get(number=1)
    tenancies.set_contract(site, manager, meter, "prepaid-money", 1000)
    tenancies.set_contract(site, manager, meter, "term", 2000)
    assert tenancies.set_contract(site, manager, meter, "term", 3000).from_s == 2000
    rows = Contract.objects.filter(meter=meter).order_by("from_s").values_list("name", "from_s", "until_s")
    assert list(rows) == [("prepaid-money", 1000, 2000), ("term", 2000, None)]
    with pytest.raises(ValueError, match="after the one before"):
        tenancies.set_contract(site, manager, meter, "managed", 1500)
    with pytest.raises(ValueError):
        tenancies.set_contract(site, manager, meter, "by-the-moon")


def test_a_meter_is_replaced_with_the_registers_of_both(site, manager):
    new = Meter.objects.create(number=9, currency="EUR", decimals=2, contract="prepaid-money", key_version=1)
    tenancies.replace_meter(site, manager, place(1), new, Replacement(77_000_000, 3_000))
    rows = Installation.objects.filter(premises=place(1)).order_by("pk")
    assert [(row.meter_id, row.start_mwh, row.end_mwh, row.until_s is None) for row in rows] == [
        (1, 5_000_000, 77_000_000, False),
        (9, 3_000, None, True),
    ]
    assert Tenancy.objects.get(premises=place(1)).meter_number == 9
    shift = new_shift(site, manager)
    with pytest.raises(ValueError, match="out of service"):
        sales.sell(site, manager, request(shift))
    assert sales.sell(site, manager, dataclasses.replace(request(shift), meter_number=9)).sale.meter_number == 9


def test_a_replacement_that_cannot_be_is_refused(site, manager):
    new = Meter.objects.create(number=9, currency="EUR", decimals=2, contract="prepaid-money")
    with pytest.raises(ValueError, match="lower than when it was set"):
        tenancies.replace_meter(site, manager, place(1), new, Replacement(4_000_000))
    with pytest.raises(ValueError, match="meter 2 is at Flat 2"):
        tenancies.replace_meter(site, manager, place(1), Meter.objects.get(number=2), Replacement(9_000_000))
    with pytest.raises(ValueError, match="has no meter"):
        tenancies.replace_meter(site, manager, Premises.objects.create(name="barn"), new, Replacement(1))
    assert Installation.objects.filter(until_s=None).count() == 2
