"""Logging in and out: two secrets, one-time codes for managers, limits, headers, languages."""

import time

import pytest
from django.contrib.sessions.backends.cache import SessionStore
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice

from tests.office_of_tests import CASHIER, PASSWORD, PINS
from tests.tools.office.conftest import one_time_code
from wattpurse_tools.pages import login_limits
from wattpurse_tools.record.models import AuditEntry, LoginTry, Shop, User
from wattpurse_tools.vault.interface import SignOnNeeded


def words(**changes):
    """Return the fields of a cashier's login, with changes."""
    return {"name": "cashier", "password": PASSWORD, "pin": PINS[CASHIER]} | changes


def test_a_cashier_logs_in_with_password_and_pin(pages, office):
    assert pages.log_in("cashier").headers["Location"] == "/"
    answer = pages.get("/me")
    assert answer.status_code == 200
    assert answer.context["actor"].operator == CASHIER
    assert answer.context["actor"].shop == 1
    assert AuditEntry.objects.filter(action="log in", operator=CASHIER, address="127.0.0.1").count() == 1


def test_the_number_of_an_operator_is_a_name_for_the_numeric_block(pages):
    assert pages.post("/login", words(name="3")).status_code == 302


@pytest.mark.parametrize(
    "wrong",
    [{"password": "another password"}, {"pin": "112211"}, {"name": "nobody"}, {"name": "999"}],
    ids=["password", "PIN", "name", "number"],
)
def test_every_wrong_part_is_refused_in_the_same_words(pages, wrong):
    answer = pages.post("/login", words(**wrong))
    assert answer.context["form"].non_field_errors() == ["Name, password or PIN is wrong."]
    assert pages.get("/me").headers["Location"] == "/login?next=%2Fme"


def test_a_password_that_was_set_in_the_database_does_not_sign_on_at_the_vault(pages):
    person = User.objects.get(username="cashier")
    person.set_password("planted by a thief")
    person.save()
    assert pages.post("/login", words(password="planted by a thief", pin="112211")).status_code == 200
    assert pages.get("/me").status_code == 302


def test_a_manager_needs_a_one_time_code(pages, office):
    assert pages.post("/login", words(name="manager", pin=PINS[1])).headers["Location"] == "/login/code"
    assert pages.get("/me").headers["Location"].startswith("/login")
    code = one_time_code("manager")
    assert pages.post("/login/code", {"code": "000000"}).status_code == 200
    assert pages.get("/me").status_code == 302
    code = one_time_code("manager")
    assert pages.post("/login/code", {"code": code}).headers["Location"] == "/"
    assert pages.get("/me").status_code == 200


def test_a_one_time_code_works_once(pages):
    pages.post("/login", words(name="manager", pin=PINS[1]))
    code = one_time_code("manager")
    assert pages.post("/login/code", {"code": code}).status_code == 302
    pages.post("/logout")
    pages.post("/login", words(name="manager", pin=PINS[1]))
    assert pages.post("/login/code", {"code": code}).status_code == 200


def test_a_new_manager_confirms_an_app_and_gets_codes_for_the_paper(pages):
    pages.post("/login", words(name="manager", pin=PINS[1]))
    assert pages.get("/login/code").headers["Location"] == "/login/codes"
    shown = pages.get("/login/codes").content.decode()
    device = TOTPDevice.objects.get(user__username="manager", confirmed=False)
    assert "<svg" in shown
    answer = pages.post("/login/codes", {"code": f"{totp(device.bin_key):06}"})
    codes = answer.context["codes"]
    assert len(set(codes)) == 10
    assert pages.get("/me").status_code == 200
    pages.post("/logout")
    for accepted in (True, False):
        pages.post("/login", words(name="manager", pin=PINS[1]))
        assert (pages.post("/login/code", {"code": codes[0]}).status_code == 302) is accepted


def test_the_page_of_a_new_app_is_closed_once_there_is_one(pages):
    one_time_code("manager")
    pages.post("/login", words(name="manager", pin=PINS[1]))
    assert pages.get("/login/codes").headers["Location"] == "/login"


def test_a_pending_login_ends_after_some_minutes(pages, monkeypatch):
    one_time_code("manager")
    pages.post("/login", words(name="manager", pin=PINS[1]))
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 301)
    assert pages.get("/login/code").headers["Location"] == "/login"


def test_wrong_tries_of_a_name_are_delayed_and_the_right_one_too(pages):
    for _ in range(login_limits.USER.free_tries):
        assert pages.post("/login", words(password="guess")).status_code == 200
    assert pages.post("/login", words()).status_code == 429
    LoginTry.objects.update(until_s=0)
    assert pages.post("/login", words()).status_code == 302
    assert not LoginTry.objects.filter(key="user:cashier").exists()


def test_wrong_tries_of_an_address_are_delayed_for_every_name(pages):
    for number in range(login_limits.ADDRESS.free_tries):
        pages.post("/login", words(name=f"guess {number}"))
    assert pages.post("/login", words()).status_code == 429
    assert Client(REMOTE_ADDR="192.0.2.7").post("/login", words()).status_code == 302


def test_wrong_one_time_codes_are_delayed(pages):
    one_time_code("manager")
    pages.post("/login", words(name="manager", pin=PINS[1]))
    for _ in range(login_limits.USER.free_tries):
        pages.post("/login/code", {"code": "000000"})
    assert pages.post("/login/code", {"code": one_time_code("manager")}).status_code == 429


def test_counted_tries_are_forgotten_after_a_day(pages):
    LoginTry.objects.create(key="user:old", failures=9, last_s=int(time.time()) - login_limits.FORGOTTEN_S - 1)
    pages.post("/login", words())
    assert not LoginTry.objects.filter(key="user:old").exists()


def test_logging_out_ends_the_ticket_of_the_vault(pages, office):
    pages.log_in("cashier")
    ticket = pages.session["ticket"]
    office.keys.session(ticket)
    assert pages.post("/logout").headers["Location"] == "/login"
    with pytest.raises(SignOnNeeded):
        office.keys.session(ticket)
    assert pages.get("/me").status_code == 302


def test_a_ticket_that_has_ended_leads_to_the_login(pages, office):
    pages.log_in("cashier")
    office.keys.sign_off(pages.session["ticket"])
    assert pages.get("/me").headers["Location"] == "/login?next=%2Fme"
    assert "_auth_user_id" not in pages.session


def test_a_new_login_ends_the_ticket_of_the_former_one(pages, office):
    pages.log_in("cashier")
    former = pages.session["ticket"]
    pages.log_in("cashier")
    with pytest.raises(SignOnNeeded):
        office.keys.session(former)


def test_no_session_and_no_ticket_is_in_the_database(pages, office):
    pages.log_in("cashier")
    ticket = pages.session["ticket"]
    assert SessionStore(pages.session.session_key).load()["ticket"] == ticket
    for file in office.folder.path.glob("office.db*"):
        assert ticket.encode() not in file.read_bytes()


def test_the_session_gets_another_name_at_the_login(pages):
    pages.get("/login")
    session = pages.session
    session["planted"] = True
    session.save()
    planted = session.session_key
    pages.log_in("cashier")
    assert pages.session.session_key != planted


def test_the_way_back_stays_on_this_site(pages):
    assert pages.post("/login?next=/me", words()).headers["Location"] == "/me"
    assert pages.post("/login?next=https://example.org/", words()).headers["Location"] == "/"


def test_a_person_out_of_service_is_not_let_in(pages):
    pages.log_in("cashier")
    User.objects.update(is_active=False)
    assert pages.get("/me").status_code == 302
    assert pages.post("/login", words()).status_code == 200


def test_a_form_of_another_site_is_refused(pages, office):
    stranger = Client(enforce_csrf_checks=True)
    answer = stranger.post("/login", words())
    assert answer.status_code == 403
    assert b"another page" in answer.content


def test_every_page_has_the_headers_and_asks_nobody_else(pages):
    answer = pages.get("/login")
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["Cache-Control"] == "no-store"
    text = answer.content.decode()
    assert "<style" not in text
    assert "style=" not in text
    assert "http://" not in text
    assert "https://" not in text


def test_the_style_sheet_is_served_without_a_step_before(pages):
    assert pages.get("/static/pages/office.css").status_code == 200


@pytest.mark.parametrize(("language", "direction"), [("de", "ltr"), ("ar", "rtl")])
def test_the_page_is_in_the_language_of_the_person(pages, language, direction):
    pages.log_in("cashier")
    pages.post("/me", {"language": language})
    text = pages.get("/me").content.decode()
    assert f'<html lang="{language}" dir="{direction}">' in text


def test_the_language_of_the_shop_is_that_of_a_person_without_one(pages):
    Shop.objects.update(language="fr")
    User.objects.filter(username="cashier").update(language="")
    pages.log_in("cashier")
    assert '<html lang="fr"' in pages.get("/me").content.decode()


def test_a_visitor_gets_the_language_of_the_browser(pages):
    assert '<html lang="es"' in pages.get("/login", headers={"Accept-Language": "es-MX,en;q=0.5"}).content.decode()


def test_a_password_and_a_pin_are_changed_by_their_owner(pages, office):
    pages.log_in("cashier")
    assert pages.post("/me", {"old": "wrong one", "new": "another long one"}).status_code == 200
    assert pages.post("/me", {"old": PASSWORD, "new": "short"}).status_code == 200
    assert pages.post("/me", {"old": PASSWORD, "new": "another long one"}).status_code == 302
    assert pages.post("/me", {"old_pin": PINS[CASHIER], "new_pin": "112358"}).status_code == 302
    pages.post("/logout")
    assert pages.post("/login", words(password="another long one", pin="112358")).status_code == 302


def test_the_watchdog_hears_of_a_closed_vault(pages, office, monkeypatch):
    from wattpurse_tools.office.office import Office
    from wattpurse_tools.pages import office_in_use
    from wattpurse_tools.vault.client import VaultClient

    assert pages.get("/health").json() == {"pages": True, "vault": True}
    pages.log_in("cashier")
    office_in_use.use(Office(office.folder, VaultClient(office.folder.path / "nothing")))
    assert pages.get("/health").status_code == 503
    answer = pages.get("/me")
    assert answer.status_code == 503
    assert b"wattpurse" in answer.content
