"""Pages of set-aside messages, messages to customers, accounts and settings: rights, refusals, audit, escaping."""

import re
import stat

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.tools.headend.fleet_rows import manage, queue_token
from tests.tools.office.desk_rows import make_street, now_s
from wattpurse_tools.headend import set_aside, settings_change, watching
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.office.actor import Actor, NotPermitted
from wattpurse_tools.record.models import (
    AccountCharge,
    AuditEntry,
    Customer,
    ManagedAccount,
    Message,
    SetAside,
    Site,
    User,
)
from wattpurse_tools.refusals import Refusal

LISTS = ("/headend/set-aside", "/headend/messages", "/headend/accounts")
EVIL = "<script>alert(1)</script>"
SETTINGS = {
    "do": "change",
    "permit_hours": "48",
    "renew_hours": "12",
    "silent_hours": "6",
    "warn_amount": "7.50",
    "warn_days": "2",
    "expiry_days": "5",
    "quiet_from": "22:00",
    "quiet_until": "06:30",
    "friendly_from": "09:00",
    "friendly_until": "14:00",
    "friendly_days": ["0", "2"],
    "time_zone": "Africa/Nairobi",
    "web_hook": "",
    "map_tiles": "",
    "map_credit": "",
}


@pytest.fixture
def desk(pages):
    """Return a client of the pages, with a manager logged in."""
    pages.log_in("manager")
    return pages


def shown(client, address):
    """Return the text of a page."""
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def newest_entry():
    """Return the newest entry of the audit trail."""
    return AuditEntry.objects.order_by("-id").first()


def clerk(*rights):
    """Return a person with some rights."""
    return Actor(9, "", frozenset(rights))


def test_strangers_and_cashiers_see_none_of_these_pages(office, pages):
    for address in (*LISTS, "/headend/settings"):
        assert pages.get(address).headers["Location"].startswith("/login"), address
    pages.log_in("cashier")
    for address in (*LISTS, "/headend/settings", "/headend/set-aside/1", "/headend/accounts/1"):
        assert pages.get(address).status_code == 403, address


def test_empty_lists_say_so_and_missing_rows_are_no_pages(office, desk):
    assert "No message is here." in shown(desk, "/headend/set-aside")
    assert "No message fits." in shown(desk, "/headend/messages")
    assert "No account fits." in shown(desk, "/headend/accounts")
    for address in ("/headend/set-aside/77", "/headend/accounts/77", "/headend/messages?state=lost"):
        assert desk.get(address).status_code == 404, address


def test_a_message_that_was_set_aside_is_looked_at_and_closed_with_a_reason(office, desk):
    set_aside.put(set_aside.BROKER, f"wattpurse/{EVIL}/statement", EVIL.encode() + b"\x00\xff", EVIL, now_s())
    key = SetAside.objects.get().pk
    for text in (shown(desk, "/headend/set-aside"), shown(desk, f"/headend/set-aside/{key}")):
        assert "<script>alert" not in text
        assert "&lt;script&gt;" in text
    page = shown(desk, f"/headend/set-aside/{key}")
    assert "3c 73 63 72 69 70 74 3e" in page
    assert SetAside.objects.get().digest in page
    desk.post(f"/headend/set-aside/{key}", {"reason": " "})
    assert not SetAside.objects.get().is_closed
    assert desk.post(f"/headend/set-aside/{key}", {"reason": "a meter of another site"}).status_code == 302
    assert SetAside.objects.get().is_closed
    entry = newest_entry()
    assert (entry.action, entry.subject, entry.detail["reason"]) == (
        "close message",
        f"set aside:{key}",
        "a meter of another site",
    )
    assert "No message is here." in shown(desk, "/headend/set-aside")
    assert f"/headend/set-aside/{key}" in shown(desk, "/headend/set-aside?closed=1")
    desk.post(f"/headend/set-aside/{key}", {"reason": "again"})
    assert newest_entry() == entry


def test_closing_needs_the_right_to_manage(any_office):
    set_aside.put(set_aside.BROKER, "topic", b"x", "why", now_s())
    key = SetAside.objects.get().pk
    with pytest.raises(NotPermitted):
        watching.close_set_aside(any_office, clerk("order"), key, "because")
    assert not SetAside.objects.get().is_closed
    with pytest.raises(Refusal):
        watching.close_set_aside(any_office, clerk("manage"), key + 1, "because")


def test_forms_without_the_secret_of_the_session_are_refused(office, desk):
    set_aside.put(set_aside.BROKER, "topic", b"x", "why", now_s())
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = desk.cookies
    assert strict.post(f"/headend/set-aside/{SetAside.objects.get().pk}", {"reason": "x"}).status_code == 403
    assert strict.post("/headend/settings", SETTINGS).status_code == 403
    assert not SetAside.objects.get().is_closed


def test_messages_are_shown_by_state_and_unknown_ones_are_told(office, desk):
    person = Customer.objects.create(number=5, name="Ada", created_s=now_s())
    for number, state in enumerate(watching.MESSAGE_STATES):
        Message.objects.create(
            key=f"{number}", customer=person, channel="sms", text=f"{state} {EVIL}", created_s=now_s(), state=state
        )
    Message.objects.create(key="office", customer=None, channel="office", text="for managers", created_s=now_s())
    assert "for managers" in shown(desk, "/headend/messages")
    unknown = shown(desk, "/headend/messages?state=unknown")
    assert "Nobody sends them again" in unknown
    assert "unknown &lt;script&gt;" in unknown
    assert "failed &lt;script&gt;" not in unknown
    withdrawn = shown(desk, "/headend/messages?state=withdrawn")
    assert "withdrawn &lt;script&gt;" in withdrawn
    assert "unknown &lt;script&gt;" not in withdrawn
    assert '<option value="withdrawn" selected>withdrawn' in withdrawn
    counts = {"waiting": 2, "sending": 1, "sent": 1, "failed": 1, "unknown": 1, "withdrawn": 1}
    assert dict(watching.message_counts()) == counts


def test_an_account_shows_balance_charges_permits_and_trouble(office, desk):
    make_street(2)
    one = manage(1001, now_s(), now_s() + 3600, limit_microunits=5_000_000)
    ManagedAccount.objects.filter(pk=one.pk).update(trouble="no tariff", is_ordered_on=False)
    AccountCharge.objects.create(
        account=one, from_s=1, until_s=now_s(), energy_mwh=1_234_000, charge_microunits=370_200, tariff_version=3
    )
    queue_token(1001, "permit", "p", now_s())
    queue_token(1002, "permit", "q", now_s())
    listed = shown(desk, "/headend/accounts?q=1001")
    assert f"/headend/accounts/{one.pk}" in listed
    assert "ordered off" in listed
    assert "on is due" in listed
    assert f"/headend/accounts/{one.pk}" in shown(desk, "/headend/accounts?q=Person")
    assert f"/headend/accounts/{one.pk}" not in shown(desk, "/headend/accounts?q=1002")
    page = shown(desk, f"/headend/accounts/{one.pk}")
    for words in ("1.234\xa0kWh", "0.3702\xa0EUR", "no tariff", "5.00\xa0EUR", "0.00\xa0EUR"):
        assert words in page, words
    assert page.count("waiting") == 1  # the permit of this meter alone


def test_the_number_of_questions_of_the_lists_does_not_grow(office, desk):
    asked = []
    for first in (100, 200):
        for number in range(first, first + 30):
            person = Customer.objects.create(number=number, name=f"P{number}", created_s=now_s())
            Message.objects.create(key=f"{number}", customer=person, channel="sms", text="x", created_s=now_s())
            set_aside.put(set_aside.BROKER, "topic", b"%d" % number, "why", now_s())
        for address in LISTS[:2]:
            with CaptureQueriesContext(connection) as queries:
                shown(desk, address)
            asked.append(len(queries))
    assert asked[:2] == asked[2:]
    assert max(asked) <= 8


def test_settings_are_changed_with_an_entry_of_the_audit_trail(office, desk):
    page = shown(desk, "/headend/settings")
    assert 'value="72"' in page
    assert desk.post("/headend/settings", SETTINGS).status_code == 302
    found = policy()
    assert (found.permit_s, found.renew_s, found.silent_s) == (172_800, 43_200, 21_600)
    assert (found.warn_microunits, found.warn_days, found.expiry_days) == (7_500_000, 2, 5)
    assert (found.quiet_from_minute, found.quiet_until_minute) == (1320, 390)
    assert (found.friendly_from_minute, found.friendly_until_minute, found.friendly_weekdays) == (540, 840, 5)
    assert found.time_zone == "Africa/Nairobi"
    entry = newest_entry()
    assert entry.action == "headend settings"
    assert (entry.detail["before"]["permit_s"], entry.detail["after"]["permit_s"]) == (259_200, 172_800)
    assert 'value="7.50"' in shown(desk, "/headend/settings")
    desk.post("/headend/settings", SETTINGS)
    assert newest_entry() == entry  # nothing was changed


@pytest.mark.parametrize(("decimals", "shown_as"), [(0, "5"), (2, "5.00"), (3, "5.000")])
def test_the_settings_that_are_shown_can_be_sent_back(office, desk, decimals, shown_as):
    Site.objects.update(decimals=decimals)
    assert f'name="warn_amount" value="{shown_as}"' in shown(desk, "/headend/settings")
    assert desk.post("/headend/settings", SETTINGS | {"warn_amount": shown_as}).status_code == 302
    assert policy().warn_microunits == 5_000_000


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"renew_hours": "48"}, "renewed after its begin"),
        ({"friendly_until": "09:00"}, "end after their begin"),
        ({"time_zone": "Mars/Base"}, "is unknown"),
        ({"web_hook": "http://hook.example"}, "begins with https"),
        ({"map_tiles": "https://tiles.example/{z}/{x}.png", "map_credit": "X"}, "is such as https"),
        ({"map_tiles": "https://tiles.example;script-src *;/{z}/{x}/{y}", "map_credit": "X"}, "is such as https"),
        ({"map_tiles": "https://tiles.example/{z}/{x}/{y}.png"}, "name the source"),
        ({"warn_amount": "much"}, "Type a number"),
        ({"silent_hours": "100000"}, "silent after at most"),
        ({"expiry_days": "367"}, "at most a year"),
        ({"friendly_days": []}, "This field is required"),
    ],
)
def test_settings_that_contradict_are_refused_and_nothing_is_changed(office, desk, wrong, words):
    policy()
    answer = desk.post("/headend/settings", SETTINGS | wrong)
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert policy().permit_s == 259_200


def test_settings_and_token_need_the_right_to_manage(any_office):
    with pytest.raises(NotPermitted):
        settings_change.change(any_office, clerk("order"), {"permit_s": 7200, "renew_s": 60})
    with pytest.raises(NotPermitted):
        settings_change.new_metrics_token(any_office, clerk("order"))
    assert policy().permit_s == 259_200
    assert not any_office.folder.metrics_token.exists()


def test_the_token_of_the_figures_is_shown_once_and_replaces_the_former_one(office, desk):
    def ask(token):
        headers = {"host": "office.example", "authorization": f"Bearer {token}"}
        return desk.get("/metrics", headers=headers, REMOTE_ADDR="192.0.2.1").status_code

    tokens = []
    for _ in range(2):
        page = desk.post("/headend/settings", {"do": "token"}).content.decode()
        tokens.append(re.search(r'id="token">([^<]+)<', page).group(1))
        assert newest_entry().action == "metrics token"
        assert tokens[-1] not in str(newest_entry().detail)
        assert tokens[-1] not in shown(desk, "/headend/settings")
    assert [ask(token) for token in tokens] == [401, 200]
    path = office.folder.metrics_token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(list(path.parent.glob("metrics-token*"))) == 1


def test_all_pages_of_the_head_end_have_words_in_german_and_run_from_right_to_left_in_arabic(office, desk):
    make_street(1)
    one = manage(1001, now_s())
    pages_of_it = (*LISTS, "/headend/settings", f"/headend/accounts/{one.pk}", "/headend/map", "/headend/load")
    User.objects.filter(username="manager").update(language="de")
    assert "Kunde" in shown(desk, "/headend/accounts")
    User.objects.filter(username="manager").update(language="ar")
    for address in pages_of_it:
        assert 'dir="rtl"' in shown(desk, address), address
