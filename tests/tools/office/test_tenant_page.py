"""A tenant's own page: by the code alone, with nothing about anybody, and slow for those who guess."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.tools.office.desk_rows import DAY_S, MILLION, add_sale, add_token, make_street, now_s, tell, this_month
from wattpurse.core.messages import token
from wattpurse_tools.office import page_codes, tenant_page
from wattpurse_tools.pages.login_limits import TENANT
from wattpurse_tools.record.models import Customer, ManagedAccount, Meter, Premises, Tenancy, Token

CODE = "abcdefghjkmnpqrstuvwxyz2"


@pytest.fixture
def street(request):
    """Return the meters of two tenants. The first one has CODE and has been there for 100 days."""
    request.getfixturevalue("any_office" if "any_office" in request.fixturenames else "office")
    meters = make_street(2)
    Tenancy.objects.filter(meter_number=1001).update(page_code=CODE, from_s=now_s() - 100 * DAY_S)
    Customer.objects.update(name="Ada Lovelace", phone="0170 1", address="Long Street 12", email="ada@example.org")
    Meter.objects.update(balance=12_340_000, told_s=now_s() - 3600, days_left=9)
    return meters


def test_a_code_shows_balance_use_and_tokens_and_no_name(any_office, pages, street):
    tell(1001, this_month() - 1, 123_456)
    sale = add_sale(1001, this_month(), 20 * MILLION)
    Token.objects.filter(sale=sale).update(digits="12345678901234567890")
    with CaptureQueriesContext(connection) as asked:
        answer = pages.get(f"/t/{CODE}")
    content = answer.content.decode().replace("\xa0", " ")
    for words in ("12.34 EUR", "123.456 kWh", "20.00 EUR", "1234 5678 9012 3456 7890", "<strong>9</strong>", "<svg"):
        assert words in content, words
    for words in ("Ada", "Lovelace", "0170", "Long Street", "House 1", "example.org", "1001"):
        assert words not in content, words
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "noindex" in answer.headers["X-Robots-Tag"]
    assert len(asked) <= 17


def test_a_code_is_typed_with_dashes_and_large_letters(office, pages, street):
    answer = pages.post("/t/", {"code": f" {page_codes.as_printed(CODE).upper()} "})
    assert answer.headers["Location"] == f"/t/{CODE}"
    assert pages.get(answer.headers["Location"]).status_code == 200


def test_guessing_is_slowed_down_by_address(office, pages, street):
    for _ in range(TENANT.free_tries):
        assert pages.get(f"/t/{page_codes.new_page_code()}").status_code == 404
    assert pages.get(f"/t/{page_codes.new_page_code()}").status_code == 429
    assert pages.get(f"/t/{CODE}").status_code == 429
    assert pages.get(f"/t/{CODE}", REMOTE_ADDR="10.0.0.9").status_code == 200


def test_right_codes_are_never_slowed_down(office, pages, street):
    for _ in range(TENANT.free_tries + 5):
        assert pages.get(f"/t/{CODE}").status_code == 200


def test_codes_are_random_and_long_enough_for_nobody_to_guess():
    codes = {page_codes.new_page_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert {len(code) for code in codes} == {24}
    assert 31**24 > 1 << 118
    assert set("".join(codes)) == set("abcdefghjkmnpqrstuvwxyz23456789")


def test_the_former_tenants_use_and_the_next_tenants_balance_are_not_on_the_page(office, street):
    begin = Tenancy.objects.get(page_code=CODE)
    for month in range(this_month() - 12, this_month()):
        tell(1001, month, 1000)
    months = [one.month for one in tenant_page.page_of(CODE, now_s()).months]
    assert months
    assert len(months) <= 4  # the tenancy is 100 days old
    begin.until_s = now_s() - 10
    begin.save()
    former = Tenancy.objects.get(page_code=CODE)
    other = Customer.objects.create(number=90, name="Next", created_s=1)
    Tenancy.objects.create(
        premises=Premises.objects.get(name="House 1"),
        customer=other,
        meter_number=1001,
        tenant=2,
        from_s=now_s() - 10,
        page_code="next",
    )
    next_token = add_token(1001, now_s(), 5 * MILLION)
    next_token.tenancy = Tenancy.objects.get(page_code="next")
    next_token.save()
    page = tenant_page.page_of(former.page_code, now_s())
    assert (page.balance, page.told_s, page.days_left, page.is_open) == (None, 0, None, False)
    assert page.tokens == []
    new = tenant_page.page_of("next", now_s())
    assert new.balance is None  # the meter told it before this tenant came
    assert [one.pk for one in new.tokens] == [next_token.pk]


def test_an_empty_code_opens_nothing(office, pages, street):
    Tenancy.objects.filter(meter_number=1002).update(page_code=None)
    assert tenant_page.page_of("", now_s()) is None
    assert tenant_page.page_of("---", now_s()) is None
    assert pages.post("/t/", {"code": " - "}).status_code == 200


def test_digits_of_a_token_that_was_taken_back_are_not_shown(office, pages, street):
    token = add_token(1001, now_s(), 5 * MILLION, state="voided")
    Token.objects.filter(pk=token.pk).update(digits="99998888777766665555", tenancy=Tenancy.objects.get(page_code=CODE))
    content = pages.get(f"/t/{CODE}").content.decode()
    assert "taken back" in content
    assert "9999" not in content


def test_days_are_told_in_the_language_of_the_tenant(office, pages, street):
    sale = add_sale(1001, this_month(), MILLION)
    Token.objects.filter(sale=sale).update(kind=token.DAYS, unit="time", amount=12 * DAY_S, words="12 days")
    for language, words in (("en", "12 days"), ("de", "12 Tage"), ("fr", "12 jours")):
        content = pages.get(f"/t/{CODE}", HTTP_ACCEPT_LANGUAGE=language).content.decode().replace("\xa0", " ")
        assert f">{words}<" in content
        assert ("12 days" in content) == (language == "en")


def test_an_account_shows_its_own_balance_as_it_is_now(any_office, pages, street):
    account = ManagedAccount.objects.create(
        tenancy=Tenancy.objects.get(page_code=CODE), meter_id=1001, opened_s=1, balance_microunits=7_650_000
    )
    Meter.objects.update(contract="managed", balance=0, days_left=2)
    with CaptureQueriesContext(connection) as asked:
        content = pages.get(f"/t/{CODE}").content.decode().replace("\xa0", " ")
    assert "7.65 EUR" in content
    for words in ("0.00 EUR", "as last told", "Days left", "visit with your card"):
        assert words not in content, words
    assert len(asked) <= 17
    Meter.objects.update(told_s=0, balance=None)
    content = pages.get(f"/t/{CODE}").content.decode().replace("\xa0", " ")
    assert "7.65 EUR" in content
    assert "visit with your card" not in content
    ManagedAccount.objects.filter(pk=account.pk).update(closed_s=2)
    assert "7.65" not in pages.get(f"/t/{CODE}").content.decode()
