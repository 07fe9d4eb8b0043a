"""The pages of fleet and commands, and /metrics: rights, refusals, filters, languages, questions to the record."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from prometheus_client.parser import text_string_to_metric_families

from tests.tools.headend.fleet_rows import HOUR_S, connect, make_fleet, manage, queue_token
from tests.tools.office.desk_rows import DAY_S, make_street, now_s
from wattpurse_tools import private_files
from wattpurse_tools.record.models import Command, Meter, User

PAGES = ("/headend/", "/headend/commands")


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


def test_a_stranger_and_a_cashier_see_no_page_of_the_head_end(office, pages):
    for address in PAGES:
        assert pages.get(address).headers["Location"].startswith("/login"), address
    pages.log_in("cashier")
    for address in PAGES:
        assert pages.get(address).status_code == 403, address
    assert "/headend/" not in shown(pages, "/me")


def test_an_empty_office_has_pages_that_say_so(office, desk):
    assert "No meter fits." in shown(desk, "/headend/")
    assert "No command fits." in shown(desk, "/headend/commands")
    assert 'href="/headend/"' in shown(desk, "/me")


def test_the_fleet_shows_states_filters_and_permits_that_end(office, desk):
    make_fleet(now_s())
    text = shown(desk, "/headend/?feeder=North&state=silent")
    assert "/office/meters/1003" in text
    assert "/office/meters/1004" not in text
    assert "within a day" not in text
    manage(1003, now_s(), now_s() + HOUR_S)
    assert "Silent meters whose permits end within a day" in shown(desk, "/headend/?part=counts")
    assert "<h1>" not in shown(desk, "/headend/?part=counts")
    assert desk.get("/headend/?state=asleep").status_code == 404
    assert desk.get("/headend/?alarm=fire").status_code == 404
    assert "/office/meters/1003" in shown(desk, "/headend/?silent=1&permit_days=1&q=&after=")


def test_the_queue_shows_outcomes_and_asks_for_itself(office, desk):
    make_street(1)
    one = queue_token(1001, "recharge", "one", now_s())
    Command.objects.filter(pk=one.pk).update(state="refused", outcome="too old")
    text = shown(desk, "/headend/commands?state=refused")
    assert "too old" in text
    assert 'hx-get="/headend/commands?state=refused&amp;part=queue"' in text
    part = shown(desk, "/headend/commands?state=refused&part=queue")
    assert "too old" in part
    assert "<h1>" not in part
    assert "No command fits." in shown(desk, "/headend/commands?meter=5")
    assert desk.get("/headend/commands?state=lost").status_code == 404


def test_the_number_of_questions_of_the_pages_does_not_grow(office, desk):
    asked = []
    for first in (2000, 3000):
        for number in range(first, first + 40):
            Meter.objects.create(number=number, currency="EUR", decimals=2)
            connect(number, now_s() - 2 * DAY_S, firmware=f"1.{number}")
            queue_token(number, "permit", f"{number}", now_s())
        for address in PAGES:
            with CaptureQueriesContext(connection) as queries:
                shown(desk, address)
            asked.append(len(queries))
    assert asked[0] in (asked[2], asked[2] + 3)  # the first page makes the row of settings
    assert asked[1] == asked[3]
    assert max(asked) <= 19


def test_the_pages_have_words_of_the_language_of_the_person(office, desk):
    make_fleet(now_s())
    User.objects.filter(username="manager").update(language="de")
    assert "<th>Zustand</th>" in shown(desk, "/headend/")
    User.objects.filter(username="manager").update(language="ar")
    assert 'dir="rtl"' in shown(desk, "/headend/")


def test_metrics_are_for_this_computer(office, pages):
    answer = pages.get("/metrics", headers={"host": "localhost:8000"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name for family in text_string_to_metric_families(answer.content.decode())}
    assert {"wattpurse_meters", "wattpurse_commands", "wattpurse_payments"} <= families
    for host in ("127.0.0.1", "[::1]:8000"):
        assert pages.get("/metrics", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    ("host", "address"),
    [("office.example", "127.0.0.1"), ("localhost", "192.0.2.1"), ("localhost", "")],
)
def test_metrics_are_refused_to_others(office, pages, host, address):
    answer = pages.get("/metrics", headers={"host": host}, REMOTE_ADDR=address)
    assert answer.status_code == 401
    assert b"wattpurse_" not in answer.content


def test_metrics_are_given_for_the_token_and_for_no_other(office, pages):
    def ask(token):
        headers = {"host": "office.example", "authorization": token}
        return pages.get("/metrics", headers=headers, REMOTE_ADDR="192.0.2.1").status_code

    assert ask("Bearer ") == 401  # there is no token yet
    private_files.create(office.folder.metrics_token, b"a-secret-of-the-collector\n")
    assert ask("Bearer a-secret-of-the-collector") == 200
    assert ask("Bearer a-secret-of-the-collecto") == 401
    assert ask("Bearer \u00e9".encode().decode("latin-1")) == 401
    assert ask("a-secret-of-the-collector") == 401
    assert ask("Bearer ") == 401


def test_metrics_take_no_token_by_plain_http_at_a_public_address(office, pages):
    from django.test import override_settings

    private_files.create(office.folder.metrics_token, b"secret")
    headers = {"host": "office.example", "authorization": "Bearer secret"}
    with override_settings(SECURE_SSL_REDIRECT=True, SECURE_REDIRECT_EXEMPT=["^metrics$"]):
        assert pages.get("/metrics", headers=headers, REMOTE_ADDR="192.0.2.1").status_code == 401
        assert pages.get("/metrics", headers=headers, REMOTE_ADDR="192.0.2.1", secure=True).status_code == 200
    assert pages.post("/metrics").status_code == 405
