"""Sales: the quote, the sale with its receipt, ledger entry and token, retries, refusals, and debts to a card."""

import dataclasses
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.tools.office.selling_site import (
    EUR,
    FLOAT,
    KWH,
    PaperCard,
    build_site,
    energy,
    first_shop,
    money,
    new_shift,
    receipts,
    request,
)
from wattpurse.core.messages import token
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.ledger.posting import Event, moved, post
from wattpurse_tools.office import audit, sales
from wattpurse_tools.office.actor import NotPermitted
from wattpurse_tools.office.sale_types import DAYS, DISPENSE, MONEY, PERMIT, SOLD, WRITTEN, Wish
from wattpurse_tools.office.wishes import DAY_S
from wattpurse_tools.record.models import Card, Customer, Meter, Price, Sale, Shift, ShortLimit, Site, Tenancy, Token


@pytest.fixture
def site(office):
    build_site()
    return office


@pytest.fixture
def any_site(any_office):
    build_site()
    return any_office


def test_a_sale_is_in_receipt_ledger_token_and_audit(any_site, cashier):
    shift, card = new_shift(any_site, cashier), PaperCard("04aa", 1)
    made = sales.sell(any_site, cashier, request(shift, card=card), card)
    sale = Sale.objects.get()
    assert (made.sale, sale.receipt_number, sale.state, sale.gross_microunits) == (sale, 1, WRITTEN, 20 * EUR)
    assert sale.tax_microunits == 3_190_000
    assert (made.trouble, made.is_repeat) == ("", False)
    (row,) = Token.objects.all()
    assert (row.kind, row.amount, row.sale, row.card) == (token.CREDIT_MONEY, 20 * EUR, sale, card.uid)
    assert card.tokens == {row.sequence}
    assert balances.balance(chart.drawer(1, shift.pk), "EUR") == FLOAT + 20 * EUR
    assert balances.balance(chart.sold("money"), "EUR") == -16_810_000
    assert balances.balance(chart.tax("VAT"), "EUR") == -3_190_000
    assert balances.balance(chart.meter(1), "EUR") == 20 * EUR
    assert set(balances.sums_by_unit().values()) == {0}
    assert audit.first_broken() is None


def test_a_quote_tells_the_customer_and_changes_nothing(site, cashier):
    shift, card = new_shift(site, cashier), PaperCard("04aa", 1)
    told = sales.quote(site, cashier, request(shift, card=card), card)
    assert (told.person.name, told.person.premises, told.person.meter_number) == ("Customer 1", "Flat 1", 1)
    assert (told.gross_microunits, told.tax_microunits) == (20 * EUR, 3_190_000)
    assert told.tokens == ("credit",)
    assert (Sale.objects.count(), Token.objects.count(), site.keys.last_count(1)) == (0, 0, 0)


def test_a_retry_of_the_same_sale_sells_once(any_site, cashier):
    shift, card = new_shift(any_site, cashier), PaperCard("04aa", 1)
    asked = request(shift, card=card)
    first = sales.sell(any_site, cashier, asked, card)
    again = sales.sell(any_site, cashier, asked, card)
    assert (again.sale, again.is_repeat, again.lines) == (first.sale, True, first.lines)
    assert (Sale.objects.count(), Token.objects.count(), receipts()) == (1, 1, [1])


def test_another_sale_under_the_same_key_is_refused(site, cashier):
    shift, card = new_shift(site, cashier), PaperCard("04aa", 1)
    asked = request(shift, card=card)
    sales.sell(site, cashier, asked, card)
    with pytest.raises(ValueError, match="another content"):
        sales.sell(site, cashier, dataclasses.replace(asked, wish=money(30)), card)
    assert Sale.objects.count() == 1


def test_a_retry_after_the_shift_is_counted_tells_the_sale(site, cashier):
    from wattpurse_tools.office.shifts import count_cash

    shift, card = new_shift(site, cashier), PaperCard("04aa", 1)
    asked = request(shift, card=card)
    sales.sell(site, cashier, asked, card)
    count_cash(site, cashier, shift, FLOAT)
    assert sales.sell(site, cashier, asked, card).is_repeat
    with pytest.raises(ValueError, match="counted"):
        sales.sell(site, cashier, request(shift, card=card), card)


def test_a_write_that_fails_leaves_the_sale_owed_to_the_card(any_site, cashier):
    shift, card = new_shift(any_site, cashier), PaperCard("04aa", 1)
    card.breaks = 1
    asked = request(shift, card=card)
    made = sales.sell(any_site, cashier, asked, card)
    assert (made.sale.state, card.tokens) == (SOLD, set())
    assert "the card was lifted" in made.trouble
    assert sales.owed_to_card(card.uid) == [made.sale]
    assert sales.quote(any_site, cashier, request(shift, card=card), card).owed == (made.sale,)
    assert [one.sale.state for one in sales.write_owed(any_site, cashier, card)] == [WRITTEN]
    assert sales.owed_to_card(card.uid) == []
    assert card.tokens == {made.tokens[0].sequence}


def test_a_retry_writes_the_card_that_the_first_try_did_not(site, cashier):
    shift, card = new_shift(site, cashier), PaperCard("04aa", 1)
    card.breaks = 1
    asked = request(shift, card=card)
    sales.sell(site, cashier, asked, card)
    again = sales.sell(site, cashier, asked, card)
    assert (again.sale.state, again.is_repeat, len(card.tokens), Sale.objects.count()) == (WRITTEN, True, 1, 1)


def test_a_sale_whose_write_was_lost_on_the_way_back_is_written_once(site, cashier):
    shift, card = new_shift(site, cashier), PaperCard("04aa", 1)
    card.breaks, card.lost_write = 1, True
    made = sales.sell(site, cashier, request(shift, card=card), card)
    card.tap()
    card.read()
    assert made.trouble
    assert sales.owed_to_card(card.uid) == []  # the meter has it
    assert Token.objects.count() == 1


def test_kwh_are_sold_for_an_amount_and_by_quantity(site, cashier):
    shift = new_shift(site, cashier)
    paid = sales.sell(site, cashier, request(shift, Wish("energy", gross_microunits=10 * EUR), meter=2))
    assert paid.tokens[0].amount == 33_333_333  # mWh, rounded down
    asked = sales.sell(site, cashier, request(shift, energy(1.25), meter=2))
    assert (asked.tokens[0].amount, asked.sale.gross_microunits) == (1_250_000, 380_000)  # 0.375 rounded up
    assert balances.balance(chart.meter(2), chart.MWH) == 33_333_333 + 1_250_000


def test_days_and_permits_follow_on_each_other(any_site, cashier):
    shift = new_shift(any_site, cashier)
    days = sales.sell(any_site, cashier, request(shift, Wish(DAYS, quantity=30), meter=3))
    assert days.sale.gross_microunits == 75 * EUR
    first = sales.sell(any_site, cashier, request(shift, Wish(PERMIT, quantity=2), meter=4)).tokens[0]
    second = sales.sell(any_site, cashier, request(shift, Wish(PERMIT, quantity=3), meter=4)).tokens[0]
    assert second.amount == first.amount + 3 * DAY_S
    assert balances.balance(chart.meter(4), chart.SECONDS) == 5 * DAY_S


def test_an_amount_for_days_is_charged_for_whole_days_alone(site, cashier):
    made = sales.sell(site, cashier, request(new_shift(site, cashier), Wish(DAYS, gross_microunits=6 * EUR), meter=3))
    assert (made.sale.gross_microunits, made.tokens[0].words) == (5 * EUR, "2 days")


def test_kwh_with_a_daily_limit_are_one_token(site, cashier):
    wish = Wish(DISPENSE, quantity=20 * KWH, daily_mwh=4 * KWH, days=7)
    made = sales.sell(site, cashier, request(new_shift(site, cashier), wish, meter=5))
    assert [(one.kind, one.amount) for one in made.tokens] == [(token.DISPENSE, 20 * KWH)]


@pytest.mark.parametrize(
    ("meter", "wish", "helps"),
    [
        (3, money(20), "sell days of the term"),
        (4, money(20), "sell days of a permit"),
        (1, Wish(DAYS, quantity=3), "sell money"),
        (1, energy(3), "sell money"),
        (2, money(20), "sell kWh"),
        (6, money(20), "load the customer's key card"),
    ],
    ids=["money to a term", "money to a managed meter", "days to money", "kWh to money", "money to kWh", "key cards"],
)
def test_what_would_not_help_is_refused_with_what_would(site, cashier, meter, wish, helps):
    shift = new_shift(site, cashier)
    with pytest.raises(ValueError, match=helps):
        sales.sell(site, cashier, request(shift, wish, meter=meter))
    assert (Sale.objects.count(), site.keys.last_count(meter)) == (0, 0)


def test_a_meter_of_no_known_contract_is_sold_nothing(site, cashier):
    Meter.objects.filter(number=1).update(contract="", unit=None)
    with pytest.raises(ValueError, match="contract of meter 1 is not known"):
        sales.sell(site, cashier, request(new_shift(site, cashier)))


def test_a_stopped_meter_is_sold_nothing_and_told_why(site, cashier):
    Meter.objects.filter(number=1).update(is_stopped=True, stop_reason="its statement shows unknown tokens")
    with pytest.raises(ValueError, match="unknown tokens"):
        sales.sell(site, cashier, request(new_shift(site, cashier)))


@pytest.mark.parametrize(
    "change",
    [
        {"uid": "04bb"},
        {"meter_number": 2},
        {"room": 30},
        {"trouble": "the card is a copy"},
    ],
    ids=["another card", "another meter's", "full", "in trouble"],
)
def test_a_card_that_cannot_carry_the_sale_is_refused(site, cashier, change):
    shift, card = new_shift(site, cashier), PaperCard("04aa", 1)
    asked = request(shift, card=card)
    for name, value in change.items():
        setattr(card, name, value)
    with pytest.raises(ValueError):
        sales.sell(site, cashier, asked, card)
    assert (Sale.objects.count(), site.keys.last_count(1)) == (0, 0)


@pytest.mark.parametrize("state", ["lost", "blocked", "erased"])
def test_a_card_out_of_use_is_sold_nothing(site, cashier, state):
    shift, card = new_shift(site, cashier), PaperCard("04aa", 1)
    Card.objects.create(uid=card.uid, name=card.name, meter_number=1, state=state)
    with pytest.raises(ValueError, match=state):
        sales.sell(site, cashier, request(shift, card=card), card)


def test_a_person_without_the_right_or_of_another_shop_sells_nothing(site, cashier, manager):
    shift = new_shift(site, cashier)
    for actor in (
        dataclasses.replace(cashier, rights=frozenset()),
        dataclasses.replace(cashier, shop=2),
        manager,  # it is the cashier's shift
    ):
        for action in (sales.sell, sales.quote):
            with pytest.raises(NotPermitted):
                action(site, actor, request(shift))


def test_an_operators_limit_in_the_vault_stops_a_sale_as_a_whole(site, cashier, manager, second):
    from wattpurse_tools.vault.interface import ApprovalNeeded, Limits

    shift = new_shift(site, cashier)
    operator = next(one for one in site.keys.operators() if one.number == cashier.operator)
    limited = dataclasses.replace(operator, limits=Limits(token_microunits=10 * EUR))
    with pytest.raises(ApprovalNeeded) as needed:
        site.keys.set_operator(manager.ticket, limited)
    number = site.keys.propose(manager.ticket, needed.value.action, needed.value.document, "a limit")
    site.keys.approve(second.ticket, number)
    site.keys.set_operator(manager.ticket, limited, approval=number)
    cashier = _signed_on_again(site, cashier)
    with pytest.raises(ValueError, match="your limit for one token"):
        sales.sell(site, cashier, request(shift))
    assert (Sale.objects.count(), first_shop().last_receipt) == (0, 0)


def test_a_shop_sells_for_cash_up_to_its_vendor_limit(any_site, cashier):
    from wattpurse_tools.office.shifts import deposit, vendor_standing

    shift = new_shift(any_site, cashier)
    shop = first_shop()
    shop.vendor_limit_microunits = 30 * EUR
    shop.save()
    sales.sell(any_site, cashier, request(shift))
    with pytest.raises(ValueError, match=r"may take 10\.00 EUR more in cash"):
        sales.sell(any_site, cashier, request(shift))
    sales.sell(any_site, cashier, request(shift, payment_type="card"))
    deposit(any_site, cashier, first_shop(), 15 * EUR, "bank 1")
    sales.sell(any_site, cashier, request(shift))
    assert vendor_standing(first_shop()).owes_microunits == 25 * EUR
    assert receipts() == [1, 2, 3]


def test_a_fee_and_a_debt_are_lines_of_the_receipt(any_site, cashier):
    Price.objects.create(what="fee", currency="EUR", gross_microunits=EUR, from_s=0)
    tenancy = Tenancy.objects.get(meter_number=1)
    owed = moved(chart.claim("damage"), chart.debt(tenancy.pk), "EUR", 30 * EUR)
    post("debt:1", "debt", owed, Event(0, first_day()))
    made = sales.sell(any_site, cashier, request(new_shift(any_site, cashier), money(21)))
    assert [(line.what, line.gross_microunits // EUR) for line in made.lines] == [
        ("money", 15),
        ("fee", 1),
        ("debt", 5),
    ]
    assert made.tokens[0].amount == 15 * EUR
    assert balances.balance(chart.debt(tenancy.pk), "EUR") == 25 * EUR
    assert balances.balance(chart.fee("sale"), "EUR") == -EUR


def test_twenty_digits_are_told_again_at_a_reprint(site, cashier):
    shift = new_shift(site, cashier)
    with pytest.raises(ValueError, match="short_token_limit_microunits"):
        sales.sell(site, cashier, request(shift, carrier="digits"))
    ShortLimit.objects.create(meter_id=1, name="short_token_limit_microunits", value=50 * EUR)
    made = sales.sell(site, cashier, request(shift, carrier="digits"))
    assert len(made.digits[0].replace(" ", "")) == 20
    assert made.sale.state == WRITTEN
    assert sales.sold(made.sale, site, cashier).digits == made.digits


def test_a_planned_tariff_is_in_front_of_the_next_top_up(site, manager, cashier):
    from wattpurse_tools.record.models import Tariff, TariffPlan
    from wattpurse_tools.tariffs.tariff_file import load_table

    table = load_table(Path("tools/examples/tariff-south-africa-blocks.toml").resolve())
    plan = TariffPlan.objects.create(
        meter_id=1,
        tariff=Tariff.objects.create(name="t", version=1, table=table, created_s=0),
        from_s=0,
    )
    card = PaperCard("04aa", 1, room=2000)
    made = sales.sell(site, manager, request(new_shift(site, manager), card=card), card)
    assert [one.kind for one in made.tokens] == [token.TARIFF, token.CREDIT_MONEY]
    assert made.tokens[1].after == made.tokens[0].sequence
    plan.refresh_from_db()
    assert plan.token == made.tokens[0]


def test_a_cashiers_sale_carries_a_planned_tariff_that_was_permitted_and_no_other(site, manager, cashier):
    from wattpurse_tools.record.models import Tariff, TariffPlan
    from wattpurse_tools.tariffs.tariff_file import load_table

    table = load_table(Path("tools/examples/tariff-south-africa-blocks.toml").resolve())
    tariff = Tariff.objects.create(name="t", version=1, table=table, created_s=0)
    plan = TariffPlan.objects.create(meter_id=1, tariff=tariff, from_s=0)
    card = PaperCard("04aa", 1, room=2000)
    shift = new_shift(site, cashier)
    alone = sales.sell(site, cashier, request(shift, card=card), card)
    assert [one.kind for one in alone.tokens] == [token.CREDIT_MONEY]
    with pytest.raises(ValueError, match="right"):
        site.keys.permit_tariff(cashier.ticket, table)
    site.keys.permit_tariff(manager.ticket, table)
    made = sales.sell(site, cashier, request(shift, card=card), card)
    assert [one.kind for one in made.tokens] == [token.TARIFF, token.CREDIT_MONEY]
    plan.refresh_from_db()
    assert plan.token == made.tokens[0]


def test_a_cashiers_sale_carries_a_tariff_token_that_was_made_before(site, manager, cashier):
    from wattpurse_tools.office.tokens import Destination, make_tokens
    from wattpurse_tools.record.models import Tariff, TariffPlan
    from wattpurse_tools.station.order import Order

    table = b"\x01" * 30
    tariff = Tariff.objects.create(name="t", version=1, table=table, created_s=0)
    order = Order(token.TARIFF, (table,), "tariff version 1")
    (ready,) = make_tokens(site, manager, Meter.objects.get(number=1), [order], Destination(), "order")
    TariffPlan.objects.create(meter_id=1, tariff=tariff, from_s=0, token=ready)
    card = PaperCard("04aa", 1, room=2000)
    made = sales.sell(site, cashier, request(new_shift(site, cashier), card=card), card)
    assert made.tokens[0].after == ready.sequence
    assert card.tokens == {ready.sequence, made.tokens[0].sequence}


def test_a_sale_of_a_money_meter_in_another_currency_is_refused(site, cashier):
    Meter.objects.filter(number=1).update(currency="CHF")
    with pytest.raises(ValueError, match="CHF"):
        sales.sell(site, cashier, request(new_shift(site, cashier)))


@pytest.mark.parametrize(
    "wish",
    [Wish(MONEY), Wish(MONEY, 5, 5), Wish(MONEY, -5), Wish(MONEY, 1_000_001), Wish("water", 5), Wish(MONEY, 1 << 60)],
    ids=["nothing", "both", "below zero", "a fraction of a cent", "water", "too much"],
)
def test_an_amount_that_is_none_is_refused(site, cashier, wish):
    with pytest.raises(ValueError):
        sales.sell(site, cashier, request(new_shift(site, cashier), wish))
    assert Sale.objects.count() == 0


def test_a_sale_without_a_price_is_refused(site, cashier):
    Price.objects.filter(what="kwh").delete()
    with pytest.raises(ValueError, match="no price of a kWh"):
        sales.sell(site, cashier, request(new_shift(site, cashier), energy(3), meter=2))


def test_a_sale_takes_a_bounded_number_of_queries(site, cashier):
    shift, card = new_shift(site, cashier), PaperCard("04aa", 1)
    sales.sell(site, cashier, request(shift, card=card), card)
    card.tap()
    card.read()
    with CaptureQueriesContext(connection) as queries:
        sales.sell(site, cashier, request(shift, card=card), card)
    assert len(queries) <= 52, "\n".join(query["sql"][:120] for query in queries)


def first_day():
    from datetime import date

    return date(2026, 1, 1)


def _signed_on_again(office, actor):
    from tests.office_of_tests import PINS

    return dataclasses.replace(actor, ticket=office.keys.sign_on(actor.operator, PINS[actor.operator]).ticket)


def test_the_site_has_one_row(site):
    assert Site.objects.count() == 1
    assert Customer.objects.count() == 2
    assert Shift.objects.count() == 0
