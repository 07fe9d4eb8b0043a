"""The pages of wallets and of bank statements: a customer buys in a browser, an agent takes cash, a manager uploads."""

import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.tools.headend.checkout_server import API_KEY, SECRET, CheckoutServer
from tests.tools.headend.test_bank_statements import ROWS, entry, message
from tests.tools.office.selling_site import EUR, build_site
from tests.tools.office.test_desk_in_browser import browser, keep_picture  # noqa: F401
from tests.tools.office.till_bench import served
from wattpurse_tools.headend import payments, wallet_orders, wallets
from wattpurse_tools.headend.providers import bank_files
from wattpurse_tools.headend.providers.provider_file import Provider, put_provider
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.record.models import (
    Customer,
    Payment,
    PaymentNotice,
    Sale,
    ShortLimit,
    Tenancy,
    Token,
    Wallet,
)

TIMEOUT_MS = 90_000


@pytest.fixture
def site(office):
    build_site()
    Tenancy.objects.filter(meter_number=2).update(customer=Customer.objects.get(number=101))
    ShortLimit.objects.create(meter_id=1, name="short_token_limit_microunits", value=50 * EUR)
    return office


@pytest.fixture
def code(site, manager):
    """Return the code of the wallet of customer 101, who has the meters 1 and 2."""
    return wallets.new_code(manager, Customer.objects.get(number=101), int(time.time()))


def test_a_customer_pays_in_and_buys_in_a_browser(site, manager, code, browser):  # noqa: F811
    context = browser.new_context(viewport={"width": 400, "height": 800})
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    troubles = []
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    with CheckoutServer() as provider, served(site) as url:
        page.on("response", lambda one: troubles.append(one.url) if one.status >= 400 and url in one.url else None)
        put_provider(site.folder, Provider("stripe", "stripe", (SECRET,), API_KEY, {"api": provider.url}))
        provider.hook = f"{url}/pay/hook/stripe/stripe"
        page.goto(f"{url}/t/wallet/{code}")
        page.get_by_label("Pay in, in EUR").fill("30")
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("link", name="Pay by card or wallet").click()
        page.get_by_role("link", name="Pay now").click()
        page.get_by_text("has not told the payment yet").wait_for()
        assert payments.work(site, manager, int(time.time())) == 1
        page.get_by_text("30.00").first.wait_for()
        page.get_by_text("has not told the payment yet").wait_for(state="detached")
        page.get_by_label("Meter").select_option("1")
        page.get_by_label("Amount in EUR").fill("12.50")
        page.get_by_role("button", name="Buy").click()
        page.get_by_text("The order is being worked on").wait_for()
        assert payments.work(site, manager, int(time.time())) == 1
        page.get_by_text("It waits for the meter").wait_for()
        assert Token.objects.get().digits in page.locator(".digits").inner_text().replace("\u202f", "").replace(" ", "")
        page.get_by_role("link", name="Your wallet").click()
        page.get_by_text("17.50").first.wait_for()
        keep_picture(page, "wallet")
    context.close()
    assert [one for one in troubles if "404" not in one] == []  # the provider's page has no icon
    assert (Wallet.objects.get().balance_microunits, balances.balance(chart.meter(1), "EUR")) == (
        17_500_000,
        12_500_000,
    )


def test_a_wallet_is_behind_its_code_and_buys_for_its_own_meters(site, cashier, pages, code):
    Tenancy.objects.filter(meter_number=1).update(page_code="tenantcode")
    wallets.pay_in_cash(site, cashier, 101, 20 * EUR, "k", int(time.time()))
    for wrong in ("wrong", "tenantcode", ""):
        assert pages.get(f"/t/wallet/{wrong}").status_code == 404
    form = {"do": "buy", "attempt": "attempt-" + "1" * 24, "meter": "1", "amount": "20"}
    for change in ({"amount": "20.01"}, {"meter": "6"}, {"meter": "x"}, {"amount": ""}, {"amount": "-5"}):
        assert "alert" in pages.post(f"/t/wallet/{code}", form | change).content.decode(), change
    assert PaymentNotice.objects.count() == 0
    answers = [pages.post(f"/t/wallet/{code}", form).headers["Location"] for _ in range(2)]
    assert answers[0] == answers[1]
    assert PaymentNotice.objects.count() == 1
    assert pages.get(answers[0]).status_code == 200
    assert pages.get(answers[0][:-1] + "2").status_code == 404
    assert "alert" in pages.post(f"/t/wallet/{code}", form | {"meter": "2"}).content.decode()
    assert wallet_orders.order_of(Wallet.objects.get(), form["attempt"]) is not None


def test_an_agent_takes_cash_into_a_wallet_once(site, pages):
    pages.log_in("cashier")
    assert "no customer" in pages.post("/pay/agent/wallet", {"customer": "999"}).content.decode()
    assert "Customer 1" in pages.post("/pay/agent/wallet", {"customer": "101"}).content.decode()
    for _ in range(2):
        form = {"customer": "101", "amount": "15", "key": "abc123"}
        assert "are in the wallet" in pages.post("/pay/agent/wallet", form).content.decode()
    assert Wallet.objects.get().balance_microunits == 15 * EUR
    refused = pages.post("/pay/agent/wallet", {"customer": "101", "amount": "16", "key": "abc123"})
    assert "are in the wallet" not in refused.content.decode()
    assert pages.get("/pay/wallet/101").status_code == 403


def test_the_office_gives_a_new_code_and_stops_sms(site, pages):
    pages.log_in("manager")
    assert "no wallet yet" in pages.get("/pay/wallet/101").content.decode()
    shown = pages.post("/pay/wallet/101", {"do": "code"}).content.decode()
    first = Wallet.objects.get().page_code
    assert f"/t/wallet/{first}" in shown
    assert '<svg class="qr"' in shown
    pages.post("/pay/wallet/101", {"do": "code"})
    assert pages.get(f"/t/wallet/{first}").status_code == 404
    assert first not in pages.get("/pay/wallet/101").content.decode()
    pages.post("/pay/wallet/101", {"do": "sms", "takes": "no"})
    assert not Wallet.objects.get().takes_sms
    assert pages.get("/pay/wallet/999").status_code == 404
    assert "/pay/wallet/101" in pages.get("/office/customers/101").content.decode()


def test_a_manager_assigns_a_payment_to_a_wallet(site, manager, pages):
    now_s = int(time.time())
    payments.record("stripe", "pi_1", payments.PAID, 20 * EUR, "EUR", "?", "A", now_s, "", now_s)
    payments.work(site, manager, now_s)
    pages.log_in("manager")
    form = {"payment": Payment.objects.get().pk, "what": "wallet", "text": "101"}
    assert "is in the wallet" in pages.post("/pay/suspense", form, follow=True).content.decode()
    assert Wallet.objects.get().balance_microunits == 20 * EUR
    assert "pi_1" in pages.get("/pay/wallet/101").content.decode()
    form = {"payment": Payment.objects.get().pk, "what": "give back", "text": "the customer moves"}
    assert "is to go back" in pages.post("/pay/suspense", form, follow=True).content.decode()
    assert Wallet.objects.get().balance_microunits == 0
    assert "pi_1" not in pages.get("/pay/wallet/101").content.decode()


def upload(pages, content, name="bankhouse", kind="camt053"):
    file = SimpleUploadedFile("statement", content)
    return pages.post("/pay/bank", {"bank": name, "format": kind, "file": file}).content.decode()


@pytest.fixture
def bank(site, pages):
    columns = {"amount": "Betrag", "date": "Tag", "text": ["Zweck", "Ref"], "payer": "Name"}
    put_provider(site.folder, Provider("bankhouse", "bank", settings={"columns": columns}))
    pages.log_in("manager")
    return pages


def figures(shown):
    """Return the figures of a result: new, sold, in suspense, waiting, known, left out."""
    part = shown[shown.index('<ul class="figures"') : shown.index("</ul>", shown.index('<ul class="figures"'))]
    return [int(one.split("</strong>")[0].split(">")[-1]) for one in part.split("<strong")[1:]]


def test_a_statement_is_taken_on_a_page_once(bank):
    content = message(entry("R1", "meter 1"), entry("R2", "for the cat"), entry("R3", "x", side="DBIT"))
    assert figures(upload(bank, content)) == [2, 1, 1, 0, 0, 1]
    assert figures(upload(bank, content)) == [0, 0, 0, 0, 2, 1]
    assert Sale.objects.get().gross_microunits == 20 * EUR
    assert balances.balance(chart.bank("transfer"), "EUR") == 40 * EUR
    shown = upload(bank, ROWS.encode(), kind="csv")
    assert figures(shown) == [2, 0, 2, 0, 0, 1] or figures(shown) == [2, 2, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("content", "name", "kind", "words"),
    [
        (b"", "bankhouse", "camt053", "empty"),
        (b"no xml", "bankhouse", "camt053", "no statement of camt.053"),
        (message(entry("R1", "meter 1"))[:-40], "bankhouse", "camt053", "no statement of camt.053"),
        (ROWS.replace("Betrag", "Summe").encode(), "bankhouse", "csv", "no statement with the columns"),
        (ROWS.encode(), "nobank", "csv", "no bank"),
        (ROWS.encode(), "bankhouse", "pdf", "is one of"),
        (b"x" * (bank_files.SIZE_LIMIT + 1), "bankhouse", "camt053", "At most"),
    ],
)
def test_a_file_that_is_no_statement_is_refused_on_the_page(bank, content, name, kind, words):
    shown = upload(bank, content, name, kind)
    assert words in shown
    assert "Nothing was recorded" in shown
    assert PaymentNotice.objects.count() == 0


def test_a_cashier_takes_no_statement(bank):
    bank.log_in("cashier")
    assert bank.get("/pay/bank").status_code == 403
    assert "statement" not in upload(bank, message(entry("R1", "meter 1")))
    assert PaymentNotice.objects.count() == 0
