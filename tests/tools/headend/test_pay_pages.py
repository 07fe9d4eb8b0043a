"""The pages of payments: a tenant recharges in a browser, an agent sells by telephone, a manager ends a suspense."""

import time

import pytest

from tests.tools.headend.checkout_server import API_KEY, SECRET, CheckoutServer
from tests.tools.office.selling_site import EUR, build_site
from tests.tools.office.test_desk_in_browser import browser, keep_picture  # noqa: F401
from tests.tools.office.till_bench import served
from wattpurse_tools.fob.bag import Bag
from wattpurse_tools.headend import payments
from wattpurse_tools.headend.providers.checkout import METER, Order, StripeCheckout
from wattpurse_tools.headend.providers.provider_file import Provider, put_provider
from wattpurse_tools.ledger import balances, chart
from wattpurse_tools.pages import qr_codes
from wattpurse_tools.record.models import Command, Payment, PaymentNotice, Sale, Shop, ShortLimit, Tenancy, Token, User

TIMEOUT_MS = 90_000
CODE = "abcdefghjkmnpqrstuvwxyz2"


@pytest.fixture
def provider(office):
    """Return a payment provider that the office is configured for."""
    build_site()
    Tenancy.objects.filter(meter_number=1).update(page_code=CODE)
    ShortLimit.objects.create(meter_id=1, name="short_token_limit_microunits", value=50 * EUR)
    with CheckoutServer() as server:
        put_provider(office.folder, Provider("stripe", "stripe", (SECRET,), API_KEY, {"api": server.url}))
        yield server


def test_a_tenant_recharges_by_card_and_sees_the_digits(office, manager, provider, browser):  # noqa: F811
    context = browser.new_context(viewport={"width": 400, "height": 800})
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    troubles = []
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    with served(office) as url:
        provider.hook = f"{url}/pay/hook/stripe/stripe"
        page.goto(f"{url}/t/{CODE}")
        page.get_by_role("link", name="Recharge").click()
        page.get_by_label("Amount in EUR").fill("20")
        page.get_by_role("button", name="Continue").click()
        page.get_by_role("link", name="Pay by card or wallet").click()
        page.get_by_role("link", name="Pay now").click()
        page.get_by_text("has not told the payment yet").wait_for()
        assert provider.told == [200, 200, 200]
        assert Sale.objects.count() == 0
        assert payments.work(office, manager, int(time.time())) == 1
        page.get_by_text("It waits for the meter").wait_for()
        digits = Token.objects.get().digits
        assert len(digits) == 20
        assert digits in page.locator(".digits").inner_text().replace("\u202f", "").replace(" ", "")
        keep_picture(page, "recharge")
        Command.objects.update(state="done")
        page.reload()
        page.get_by_text("The meter has it").wait_for()
    context.close()
    assert [one for one in troubles if "favicon" not in one and "404" not in one] == []
    assert balances.balance(chart.meter(1), "EUR") == 20 * EUR
    assert PaymentNotice.objects.count() == Payment.objects.filter(state=payments.SOLD).count() == 1


def test_the_same_attempt_is_one_session_and_a_wrong_key_none(provider):
    def order(amount=20 * EUR):
        return Order("attempt-1", (METER, 1), amount, "EUR", "Credit", ("https://o/paid", "https://o/left"))

    checkout = StripeCheckout(Provider("stripe", "stripe", (), API_KEY, {"api": provider.url}))
    assert checkout.link(order()) == checkout.link(order())
    assert len(provider.sessions) == 1
    with pytest.raises(OSError, match="does not answer"):
        checkout.link(order(30 * EUR))
    with pytest.raises(OSError, match="does not answer"):
        StripeCheckout(Provider("stripe", "stripe", (), "other", {"api": provider.url})).link(order())


def test_another_code_or_a_refused_amount_leads_to_no_provider(office, pages, provider):
    assert pages.get("/t/wrong/pay").status_code == 404
    for amount in ("", "x", "0.10", "99999", "-5"):
        answer = pages.post(f"/t/{CODE}/pay", {"amount": amount})
        assert "alert" in answer.content.decode(), amount
    assert provider.sessions == {}
    assert "has not told" in pages.get(f"/t/{CODE}/paid/attempt-{'0' * 24}").content.decode()


def test_an_agent_sells_by_telephone_within_the_limit_of_the_shop(office, pages, provider, tmp_path):
    pages.log_in("cashier")
    answer = pages.post("/pay/agent", {"meter": "1"})
    assert "Customer 1" in answer.content.decode()
    form = {"meter": "1", "amount": "20", "key": "abc123"}
    first = pages.post("/pay/agent", form)
    again = pages.post("/pay/agent", form)
    assert first.headers["Location"] == again.headers["Location"]
    sale = Sale.objects.get()
    assert (sale.shop.number, sale.payment_type, sale.meter_number) == (1, "cash", 1)
    assert Command.objects.count() == 1
    shown = pages.get(first.headers["Location"]).content.decode()
    assert str(qr_codes.drawing(Token.objects.get().digits)) in shown
    file = tmp_path / "bag.json"
    file.write_bytes(pages.get(f"/pay/agent/{sale.pk}/bag").content)
    assert [one["sealed"] for one in Bag(file).waiting(1)] == [bytes(Token.objects.get().sealed).hex()]
    Shop.objects.filter(number=1).update(vendor_limit_microunits=25 * EUR)
    refused = pages.post("/pay/agent", {"meter": "1", "amount": "10", "key": "other"}, follow=True)
    assert "may take" in refused.content.decode()
    assert Sale.objects.count() == 1


@pytest.mark.parametrize(
    ("language", "unknown", "currency"),
    [
        ("de", "Kein Zähler ist bekannt unter: 999", "Bezahlt in USD, und dieses Büro verkauft in EUR."),
        ("ar", "لا يُعرف عدّاد بهذا المرجع: 999", "دُفع بعملة USD، وهذا المكتب يبيع بعملة EUR."),
    ],
)
def test_the_reasons_of_payments_are_in_the_language_of_the_page(
    office, manager, pages, provider, language, unknown, currency
):
    now_s = int(time.time())
    for reference, paid_in in (("999", "EUR"), ("1", "USD")):
        payments.record("stripe", f"pi_{reference}", payments.PAID, 20 * EUR, paid_in, reference, "A", now_s, "", now_s)
    payments.work(office, manager, now_s)
    User.objects.filter(username="manager").update(language=language)
    pages.log_in("manager")
    for page in ("/pay/suspense", "/headend/payments"):
        shown = pages.get(page).content.decode()
        assert unknown in shown and currency in shown


def test_a_manager_assigns_a_payment_and_gives_another_back(office, manager, pages, provider):
    now_s = int(time.time())
    for number in ("pi_1", "pi_2"):
        payments.record("stripe", number, payments.PAID, 20 * EUR, "EUR", "999", "A", now_s, "", now_s)
    payments.work(office, manager, now_s)
    one, other = Payment.objects.order_by("pk").values_list("pk", flat=True)
    pages.log_in("cashier")
    assert pages.get("/pay/suspense").status_code == 403
    pages.log_in("manager")
    assert "pi_1" in pages.get("/pay/suspense").content.decode()

    def decide(payment, what, text):
        return pages.post(
            "/pay/suspense", {"payment": payment, "what": what, "text": text}, follow=True
        ).content.decode()

    assert "not known" in decide(one, "assign", "77")
    for _ in range(2):
        assert "sold to the meter" in decide(one, "assign", "1")
    assert "reference" in decide(other, "given back", "") or Payment.objects.get(pk=other).state == payments.SUSPENSE
    decide(other, "give back", "nobody lives there")
    decide(other, "given back", "transfer 5")
    states = list(Payment.objects.order_by("pk").values_list("state", flat=True))
    assert states == [payments.SOLD, payments.PAID_BACK]
    assert balances.balance(chart.suspense("payment"), "EUR") == 0
    assert balances.balance(chart.provider("stripe"), "EUR") == 20 * EUR == balances.balance(chart.meter(1), "EUR")
