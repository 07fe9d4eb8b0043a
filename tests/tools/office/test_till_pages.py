"""The cashier's pages, as a browser sends and gets them: every page, and every refusal."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.tools.office.selling_site import EUR, PaperCard, build_site, first_shop, first_till
from wattpurse_tools.office import approvals
from wattpurse_tools.pages import desk_readers
from wattpurse_tools.record.models import (
    Approval,
    AuditEntry,
    BankDeposit,
    ManagedAccount,
    Meter,
    Sale,
    Shift,
    Shop,
    ShortLimit,
    Tenancy,
    Till,
    User,
)


@pytest.fixture
def till(office, pages):
    """Return a client of a cashier who is logged in, in an office with meters and prices."""
    build_site()
    pages.log_in("cashier")
    return pages


@pytest.fixture
def shift(till):
    """Return a client of a cashier with an open shift."""
    till.get("/till/")
    till.post("/till/open", {"amount": "50"})
    return till


@pytest.fixture
def card(monkeypatch):
    """Return a card at the reader of the till, for meter 1."""
    paper = PaperCard("04aabbccdd", 1)
    for module in ("till", "till_sale", "till_receipt"):
        monkeypatch.setattr(f"wattpurse_tools.pages.views.{module}.reader_at", lambda request, place: paper)
    monkeypatch.setattr(desk_readers, "reader_at", lambda request, place: paper)
    return paper


def quoted(client, amount="20", **fields):
    """Send an amount and return the answer and the fields of the form of the price."""
    answer = client.post("/till/amount", {"what": "money", "amount": amount, **fields})
    assert answer.status_code == 200, answer.content.decode()
    order = dict(answer.context["order_fields"])
    state = answer.context["state"]
    return answer, {
        **order,
        **{name: state[name] for name in ("card", "meter")},
        "client_key": answer.context["client_key"],
    }


def sell(client, meter="1", amount="20"):
    """Sell without a card and return the sale."""
    client.post("/till/card", {"meter": meter})
    client.post("/till/amount?carrier=none", {})
    _, form = quoted(client, amount, carrier="none")
    client.post("/till/sell", form)
    return Sale.objects.latest("pk")


def words(answer):
    """Return the text of an answer without line ends."""
    return " ".join(answer.content.decode().split())


def test_a_cashier_of_one_till_opens_a_shift_with_its_float(till):
    answer = till.get("/till/")
    assert "Open a shift" in words(answer) and "EUR" in words(answer)
    assert till.post("/till/open", {"amount": "50,00"}).headers["Location"] == "/till/"
    assert Shift.objects.get().float_microunits == 50 * EUR
    assert till.get("/till/").headers["Location"] == "/till/card"


def test_a_float_that_is_no_amount_is_refused_and_opens_nothing(till):
    till.get("/till/")
    for typed in ("-5", "1e9", "5.001", "abc", "5 5"):
        answer = till.post("/till/open", {"amount": typed})
        assert answer.status_code == 422 and 'role="alert"' in words(answer)
    assert not Shift.objects.exists()


def test_somebody_elses_open_shift_keeps_the_till(shift):
    Shift.objects.update(operator=77)
    answer = shift.get("/till/")
    assert answer.status_code == 409 and "Operator 77" in words(answer)
    assert shift.get("/till/card").headers["Location"] == "/till/"


def test_a_till_of_another_shop_is_not_chosen(till):
    other = Shop.objects.create(number=9, name="Elsewhere")
    far = Till.objects.create(shop=other, number=1)
    assert till.post("/till/choose", {"till": far.pk}).status_code == 404
    session = till.session
    session["till"] = far.pk
    session.save()
    assert till.get("/till/card").headers["Location"] == "/till/choose"


def test_a_meter_that_the_office_does_not_have_is_refused(shift):
    answer = shift.post("/till/card", {"meter": "999"})
    assert answer.status_code == 422 and "no meter 999" in words(answer)


def test_without_an_agent_the_page_says_so_and_the_card_is_not_read(shift):
    assert "No reader is connected" in words(shift.get("/till/card"))
    assert "No reader is connected" in words(shift.get("/till/look"))
    answer = shift.post("/till/card", {"meter": ""})
    assert answer.status_code == 422 and "wattpurse desk run" in words(answer)


def test_the_customer_is_confirmed_before_the_sale(shift, card):
    shift.post("/till/card", {"meter": ""})
    answer = words(shift.get("/till/customer"))
    assert "101 Customer 1" in answer and "Flat 1" in answer and card.name in answer


def test_the_balance_of_an_account_is_shown_as_it_is_now(shift):
    Meter.objects.filter(number=1).update(balance=0, told_s=1_790_000_000)
    tenancy = Tenancy.objects.get(meter_number=1)
    ManagedAccount.objects.create(tenancy=tenancy, meter_id=1, opened_s=1, balance_microunits=7_650_000)
    shift.post("/till/card", {"meter": "1"})
    answer = words(shift.get("/till/customer")).replace("\xa0", " ")
    assert "7.65 EUR" in answer
    assert "as last told" not in answer


def test_a_sale_to_the_card_is_on_the_card_and_on_the_receipt(shift, card):
    shift.post("/till/card", {"meter": ""})
    answer, form = quoted(shift)
    assert "20.00\N{NO-BREAK SPACE}EUR" in answer.content.decode()
    way = shift.post("/till/sell", form).headers["Location"]
    sale = Sale.objects.get()
    assert (sale.state, sale.gross_microunits, len(card.tokens)) == ("written", 20 * EUR, 1)
    answer = words(shift.get(way))
    assert "VAT" in answer and "COPY" not in answer and "3.19 EUR" in answer


def test_a_double_click_sells_once(shift, card):
    shift.post("/till/card", {"meter": ""})
    _, form = quoted(shift)
    ways = {shift.post("/till/sell", form).headers["Location"] for _ in range(3)}
    assert len(ways) == 1 and Sale.objects.count() == 1 and len(card.tokens) == 1


def test_a_form_sent_again_with_another_amount_sells_nothing_more(shift, card):
    shift.post("/till/card", {"meter": ""})
    _, form = quoted(shift)
    shift.post("/till/sell", form)
    answer = shift.post("/till/sell", {**form, "amount": "500"})
    assert answer.status_code == 422 and Sale.objects.count() == 1


def test_another_card_than_the_confirmed_one_gets_nothing(shift, card):
    shift.post("/till/card", {"meter": ""})
    _, form = quoted(shift)
    card.uid = "04eeeeeeee"
    answer = shift.post("/till/sell", form)
    assert answer.status_code == 422 and not Sale.objects.exists()


def test_a_card_that_was_lifted_is_owed_and_offered_first(shift, card):
    shift.post("/till/card", {"meter": ""})
    _, form = quoted(shift)
    card.breaks = 1
    way = shift.post("/till/sell", form).headers["Location"]
    assert "Not on the card yet" in words(shift.get(way))
    shift.post("/till/card", {"meter": ""})
    answer = words(shift.get("/till/customer"))
    assert "Sold, and not on this card yet" in answer and "/till/amount" not in answer
    assert shift.post("/till/owed").headers["Location"] == "/till/customer"
    assert Sale.objects.get().state == "written" and len(card.tokens) == 1
    assert "not on this card yet" not in words(shift.get("/till/customer"))


def test_keys_change_the_way_to_pay_and_what_the_amount_is_of(shift):
    shift.post("/till/card", {"meter": "2"})
    answer = shift.post("/till/amount", {"what": "energy", "by": "gross", "change": "by", "amount": "9"})
    assert "kWh" in words(answer) and answer.context["order"].by == "quantity"
    answer = shift.post("/till/amount", {"what": "energy", "by": "quantity", "payment": "cash", "change": "payment"})
    assert answer.context["order"].payment == "card"


def test_without_a_card_the_cashier_chooses_digits_or_the_network(shift):
    shift.post("/till/card", {"meter": "1"})
    answer = words(shift.get("/till/customer"))
    assert "/till/amount?carrier=digits" in answer and "/till/amount?carrier=none" in answer
    for carrier, told in (("none", "network or data card"), ("digits", "twenty digits")):
        answer = shift.get(f"/till/amount?carrier={carrier}")
        assert answer.context["order"].carrier == carrier and told in words(answer)


def test_twenty_digits_are_on_the_receipt(shift):
    ShortLimit.objects.create(meter_id=1, name="short_token_limit_microunits", value=50 * EUR)
    shift.post("/till/card", {"meter": "1"})
    _, form = quoted(shift, "20", carrier="digits")
    way = shift.post("/till/sell", form).headers["Location"]
    assert re.search(r'<p class="digits" dir="ltr">\d{4} \d{4} \d{4} \d{4} \d{4}</p>', words(shift.get(way)))
    assert shift.get(way + "/pdf").content.startswith(b"%PDF")


def test_kwh_and_days_are_sold_by_their_prices(shift):
    for meter, what, typed, gross in (("2", "energy", "10", 3), ("3", "days", "7", 17.5)):
        shift.post("/till/card", {"meter": meter})
        _, form = quoted(shift, typed, what=what, by="quantity", carrier="none")
        shift.post("/till/sell", form)
        assert Sale.objects.latest("pk").gross_microunits == round(gross * EUR)


def test_what_the_meter_would_not_use_is_not_offered(shift):
    shift.post("/till/card", {"meter": "6"})
    answer = shift.get("/till/amount")
    assert answer.status_code == 422 and "Nothing can be sold" in words(answer)


def test_an_amount_that_is_none_is_refused_with_words(shift):
    shift.post("/till/card", {"meter": "1"})
    for typed in ("", "0", "-1", "1.234", "20 EUR"):
        answer = shift.post("/till/amount", {"what": "money", "amount": typed, "carrier": "none"})
        assert answer.status_code == 422 and 'role="alert"' in words(answer)


def test_the_vendor_limit_is_told_without_a_sum_and_kept(shift):
    Shop.objects.update(vendor_limit_microunits=21 * EUR)
    assert "soon sell no more" not in words(shift.get("/till/card"))
    sell(shift)
    answer = words(shift.get("/till/card"))
    assert "soon sell no more" in answer and "1.00" not in answer
    shift.post("/till/card", {"meter": "1"})
    answer = shift.post("/till/amount", {"what": "money", "amount": "20", "carrier": "none"})
    assert answer.status_code == 422 and "bank" in words(answer)


def test_a_second_print_is_a_copy_and_is_in_the_audit_trail(shift):
    sale = sell(shift)
    assert shift.get(f"/till/receipt/{sale.pk}/pdf").content.startswith(b"%PDF")
    assert not AuditEntry.objects.filter(action="print again").exists()
    assert "COPY" in words(shift.get(f"/till/receipt/{sale.pk}"))
    shift.get(f"/till/receipt/{sale.pk}/pdf")
    assert AuditEntry.objects.get(action="print again").subject == f"sale:{sale.pk}"


def test_a_till_without_a_printer_says_so(shift):
    sale = sell(shift)
    answer = shift.post(f"/till/receipt/{sale.pk}", {"do": "print"})
    assert answer.status_code == 422 and "no printer" in words(answer)


def test_a_receipt_of_another_shop_is_not_shown(shift):
    sale = sell(shift)
    Sale.objects.update(shop=Shop.objects.create(number=9, name="Elsewhere"))
    assert shift.get(f"/till/receipt/{sale.pk}").status_code == 404
    assert shift.get(f"/till/receipt/{sale.pk}/pdf").status_code == 404
    assert shift.get(f"/till/receipt/{sale.pk}/cancel").status_code == 404


def test_a_receipt_is_found_by_its_number(shift):
    sale = sell(shift)
    assert str(sale.receipt_number) in words(shift.get("/till/receipts"))
    for typed in ("", str(sale.receipt_number)):
        assert shift.post("/till/receipts", {"number": typed}).headers["Location"] == f"/till/receipt/{sale.pk}"
    assert shift.post("/till/receipts", {"number": "4711"}).status_code == 422


def test_a_sale_is_cancelled_with_its_card_on_the_reader(shift, card):
    shift.post("/till/card", {"meter": ""})
    _, form = quoted(shift)
    shift.post("/till/sell", form)
    sale = Sale.objects.get()
    assert "To pay back" in words(shift.get(f"/till/receipt/{sale.pk}/cancel"))
    way = shift.post(f"/till/receipt/{sale.pk}/cancel").headers["Location"]
    assert "Cancellation of receipt" in words(shift.get(way))
    assert not card.tokens and Sale.objects.get(pk=sale.pk).state == "voided"
    assert "This sale was cancelled." in words(shift.get(f"/till/receipt/{sale.pk}"))


def test_a_used_token_and_another_card_cancel_nothing(shift, card):
    shift.post("/till/card", {"meter": ""})
    _, form = quoted(shift)
    shift.post("/till/sell", form)
    sale = Sale.objects.get()
    card.tap()
    answer = shift.post(f"/till/receipt/{sale.pk}/cancel")
    assert answer.status_code == 422 and "redeemed" in words(answer)
    card.redeemed, card.uid = set(), "04eeeeeeee"
    assert shift.post(f"/till/receipt/{sale.pk}/cancel").status_code == 422
    assert Sale.objects.get().state == "written"


def test_a_sale_without_a_card_is_not_offered_to_be_cancelled(shift):
    sale = sell(shift)
    assert "Cancel this sale" not in words(shift.get(f"/till/receipt/{sale.pk}"))
    assert shift.post(f"/till/receipt/{sale.pk}/cancel").status_code == 422


def test_after_the_z_report_a_second_person_approves_the_cancellation(shift, card, office, manager):
    shift.post("/till/card", {"meter": ""})
    _, form = quoted(shift)
    shift.post("/till/sell", form)
    sale = Sale.objects.get()
    shift.post("/till/count", {"amount": "70"})
    shift.post("/till/count", {"do": "close"})
    shift.post("/till/open", {"amount": "70"})
    for _ in range(2):
        answer = shift.post(f"/till/receipt/{sale.pk}/cancel")
        assert answer.status_code == 422
    assert "second person" in words(shift.post(f"/till/receipt/{sale.pk}/cancel"))
    approvals.approve(office, manager, Approval.objects.get())
    assert shift.post(f"/till/receipt/{sale.pk}/cancel").status_code == 302
    assert Sale.objects.get(pk=sale.pk).state == "voided"


def test_the_x_report_tells_no_sum_before_the_count(shift):
    sell(shift)
    answer = words(shift.get("/till/x"))
    assert "Cash × 1" in answer and "20.00" not in answer and "70.00" not in answer


def test_the_cash_is_counted_before_the_expected_sum_is_shown(shift):
    sell(shift)
    assert "70.00" not in words(shift.get("/till/count"))
    assert shift.post("/till/count", {"amount": ""}).status_code == 422
    shift.post("/till/count", {"amount": "69"})
    answer = words(shift.get("/till/count"))
    assert "70.00" in answer and "-1.00" in answer
    assert shift.get("/till/card").headers["Location"] == "/till/"


def test_a_count_stands(shift):
    shift.post("/till/count", {"amount": "49"})
    shift.post("/till/count", {"amount": "50"})
    assert Shift.objects.get().counted_microunits == 49 * EUR


def test_the_z_report_closes_the_shift_and_the_next_one_opens(shift):
    sell(shift)
    shift.post("/till/count", {"amount": "70"})
    way = shift.post("/till/count", {"do": "close"}).headers["Location"]
    answer = words(shift.get(way))
    assert "Z report" in answer and "Difference" in answer
    assert shift.get(way + "/pdf").content.startswith(b"%PDF")
    assert "Open a shift" in words(shift.get("/till/"))
    assert shift.post("/till/count", {"do": "close"}).headers["Location"] == "/till/"


def test_a_bank_deposit_is_booked_once(shift):
    for _ in range(2):
        assert shift.post("/till/deposit", {"reference": "4711", "amount": "30"}).headers["Location"] == "/till/menu"
    assert BankDeposit.objects.get().amount_microunits == 30 * EUR
    assert shift.post("/till/deposit", {"reference": "4711", "amount": "31"}).status_code == 422


def test_nobody_sees_a_page_of_the_till_without_login(office, pages):
    for address in ("", "choose", "card", "look", "customer", "amount", "menu", "receipts", "x", "count", "deposit"):
        assert pages.get(f"/till/{address}").headers["Location"].startswith("/login")


def test_a_person_without_the_right_to_sell_is_refused(till, office, monkeypatch):
    from dataclasses import replace

    session = office.keys.session(till.session["ticket"])
    monkeypatch.setattr(type(office.keys), "session", lambda self, ticket: replace(session, rights=("order",)))
    assert till.get("/till/").status_code == 403


def test_a_page_asks_the_database_a_bounded_number_of_questions(shift):
    sell(shift)
    sell(shift)
    shift.get("/till/receipts")
    shift.post("/till/card", {"meter": "1"})
    limits = {"customer": 7, "amount": 7, "menu": 5, "receipts": 6, "x": 13, "look": 5, "count": 5, "card": 9}
    for address, most in limits.items():
        with CaptureQueriesContext(connection) as queries:
            assert shift.get(f"/till/{address}").status_code == 200
        assert len(queries) <= most, (address, [one["sql"] for one in queries])


def test_the_pages_are_in_the_language_of_the_person(till):
    directions = {"en": "ltr", "de": "ltr", "fr": "ltr", "es": "ltr", "ar": "rtl"}
    for language, direction in directions.items():
        User.objects.filter(username="cashier").update(language=language)
        answer = words(till.get("/till/"))
        assert f'<html lang="{language}" dir="{direction}">' in answer
        assert ("Open a shift" in answer) == (language == "en")


def test_a_receipt_is_in_the_language_of_the_shop(shift):
    sale = sell(shift)
    Shop.objects.update(language="ar")
    User.objects.filter(username="cashier").update(language="en")
    answer = words(shift.get(f"/till/receipt/{sale.pk}"))
    assert '<div class="slip" lang="ar" dir="rtl">' in answer and "المجموع" in answer and "Next customer" in answer


def test_no_page_has_a_script_or_a_style_inside(shift):
    for address in ("card", "menu", "receipts", "x", "count", "deposit"):
        text = shift.get(f"/till/{address}").content.decode()
        assert "<style" not in text and " style=" not in text and "onclick" not in text
        assert all("src=" in part.split(">")[0] for part in text.split("<script")[1:])


def test_the_shop_of_the_receipt_is_the_tills(shift):
    sale = sell(shift)
    assert (sale.shop, sale.till) == (first_shop(), first_till())
