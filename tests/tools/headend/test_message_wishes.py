"""A customer's wishes for messages: set by the office and by the tenant, kept by the outbox and by the sender."""

import re

import pytest
from django.test import Client

from tests.tools.headend.test_delivery import NIGHT_S, NOON_S, Kept
from tests.tools.office.desk_rows import make_street
from tests.tools.office.test_desk_in_browser import CODE, browser, keep_picture, screen  # noqa: F401
from wattpurse_tools.headend import delivery, message_wishes, outbox
from wattpurse_tools.headend.message_wishes import Wishes
from wattpurse_tools.headend.outbox import HOOK, KINDS, LOW_CREDIT, MAIL, OUTAGE, SENT, SMS, WAITING, WITHDRAWN
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.office.actor import Actor, NotPermitted
from wattpurse_tools.record.models import AuditEntry, Customer, HeadendPolicy, Message, Tenancy
from wattpurse_tools.refusals import Refusal

ALL = Wishes((MAIL, SMS, HOOK), KINDS, "en")
CLERK = Actor(9, "", frozenset(("order",)))
CHANNELS = (MAIL, SMS, HOOK)


@pytest.fixture
def customer(any_office):
    """Return a customer with an address for each channel."""
    policy()
    HeadendPolicy.objects.update(web_hook="https://hooks.example/messages")
    return Customer.objects.create(number=501, name="Ada", email="ada@example.org", phone="+491701234567", created_s=0)


@pytest.fixture
def street(office):
    """Return the customer behind CODE, the tenant of meter 1001."""
    make_street(2)
    Tenancy.objects.filter(meter_number=1001).update(page_code=CODE)
    found = Tenancy.objects.get(page_code=CODE).customer
    Customer.objects.filter(pk=found.pk).update(name="Ada Lovelace", email="ada@example.org", phone="0170 1234567")
    return Customer.objects.get(pk=found.pk)


def put(customer, kind=LOW_CREDIT, key="one", now_s=NOON_S):
    """Write a message to a customer."""
    outbox.put(customer, kind, key, {"meter": 1001, "balance_microunits": 1_250_000}, now_s)


def states():
    """Return the state of each message to customers by its channel."""
    return dict(Message.objects.filter(customer__isnull=False).order_by("id").values_list("channel", "state"))


def sent_by(now_s):
    """Let the sender work and return the keys of the messages that left."""
    transports = {one: Kept() for one in CHANNELS}
    delivery.run_round(now_s, transports)
    return sorted(key for one in transports.values() for key, _ in one.sent)


def test_only_wanted_kinds_and_channels_are_written_and_sent(any_office, customer):
    kinds = tuple(one for one in KINDS if one != OUTAGE)
    message_wishes.change(any_office, CLERK, 501, Wishes((SMS, HOOK), kinds, "de"))
    changed = Customer.objects.get(number=501)
    assert message_wishes.wishes_of(changed) == Wishes((SMS, HOOK), kinds, "de")
    put(changed, OUTAGE, "outage")
    put(changed)
    assert sent_by(NOON_S) == ["one:hook", "one:sms"]
    assert "Guthaben" in Message.objects.get(channel=SMS).text
    message_wishes.change(any_office, CLERK, 501, ALL)
    put(Customer.objects.get(number=501), OUTAGE, "outage")
    assert sent_by(NOON_S) == ["outage:hook", "outage:mail", "outage:sms"]


@pytest.mark.parametrize(
    ("wishes", "left"),
    [
        (Wishes((MAIL, HOOK), KINDS, "en"), ["one:hook", "one:mail"]),
        (Wishes((), KINDS, "en"), []),
        (Wishes(CHANNELS, (OUTAGE,), "en"), []),
        (Wishes(CHANNELS, (LOW_CREDIT,), "en"), ["one:hook", "one:mail", "one:sms"]),
    ],
)
def test_a_change_withdraws_what_waits_in_the_night_and_is_unwanted(any_office, customer, wishes, left):
    put(customer, now_s=NIGHT_S)
    assert sent_by(NIGHT_S) == []
    message_wishes.change(any_office, CLERK, 501, wishes)
    gone = {one: WITHDRAWN for one in CHANNELS if f"one:{one}" not in left}
    assert states() == dict.fromkeys(CHANNELS, WAITING) | gone
    assert sent_by(NIGHT_S + 12 * 3600) == left
    assert AuditEntry.objects.order_by("-id").first().detail["withdrawn"] == len(gone)


def test_the_message_of_another_process_that_read_the_wishes_before_the_change_is_not_sent(any_office, customer):
    message_wishes.change(any_office, CLERK, 501, Wishes((MAIL,), KINDS, "en"))
    put(customer)  # this object was read before the change
    assert states() == dict.fromkeys(CHANNELS, WAITING)
    assert sent_by(NOON_S) == ["one:mail"]
    assert states() == {MAIL: SENT, SMS: WITHDRAWN, HOOK: WITHDRAWN}
    assert set(Message.objects.filter(state=WITHDRAWN).values_list("tries", flat=True)) == {0}


def test_a_message_of_one_customer_and_those_to_managers_are_left_alone(any_office, customer):
    other = Customer.objects.create(number=502, name="Bea", email="bea@example.org", created_s=0)
    put(other, key="other")
    outbox.put_to_managers("out", "Outage", NOON_S)
    outbox.put_answer("+491701234567", "asked", "1.00 EUR", NOON_S)
    put(customer)
    message_wishes.change(any_office, CLERK, 501, Wishes((), (), "en"))
    assert sent_by(NOON_S) == ["asked:sms", "other:hook", "other:mail"]


def test_a_change_is_in_the_audit_trail_once(any_office, customer):
    for _ in range(2):
        message_wishes.change(any_office, CLERK, 501, Wishes((SMS, MAIL), KINDS[::-1], "fr"))
    (entry,) = AuditEntry.objects.filter(action="message wishes")
    assert (entry.operator, entry.subject) == (9, "customer:501")
    assert entry.detail["before"]["channels"] == list(CHANNELS)
    assert entry.detail["after"] == {"channels": [MAIL, SMS], "kinds": list(KINDS), "language": "fr"}


def test_a_change_needs_the_right_and_known_words(any_office, customer):
    with pytest.raises(NotPermitted):
        message_wishes.change(any_office, Actor(9, "", frozenset(("sell",))), 501, ALL)
    for wrong in (Wishes(("fax",), KINDS, "en"), Wishes((MAIL,), ("gossip",), "en"), Wishes((MAIL,), KINDS, "xx")):
        with pytest.raises(Refusal, match="is no choice"):
            message_wishes.change(any_office, CLERK, 501, wrong)
    with pytest.raises(Refusal, match="no such customer"):
        message_wishes.change(any_office, CLERK, 999, ALL)
    assert message_wishes.wishes_of(Customer.objects.get(number=501)) == ALL
    assert not AuditEntry.objects.filter(action="message wishes").exists()


def test_the_office_sets_the_wishes_on_the_page_of_the_customer(pages, street):
    pages.log_in("manager")
    address = f"/office/customers/{street.number}"
    page = pages.get(address).content.decode()
    assert page.count('type="checkbox"') == len(KINDS) + len(CHANNELS) + 1
    assert len(re.findall(r'type="checkbox"[^>]* checked', page)) == len(KINDS) + len(CHANNELS) + 1
    form = {"do": "wishes", "channels": [SMS], "kinds": [LOW_CREDIT]}
    assert pages.post(address, form).status_code == 302
    changed = Customer.objects.get(pk=street.pk)
    assert message_wishes.wishes_of(changed) == Wishes((SMS,), (LOW_CREDIT,), "en")
    assert (changed.name, changed.is_active) == ("Ada Lovelace", True)
    for wrong in ({"channels": ["fax"]}, {"kinds": ["gossip"]}):
        assert pages.post(address, form | wrong).status_code == 200
    assert Customer.objects.get(pk=street.pk).wants_mail is False
    assert AuditEntry.objects.filter(action="message wishes").count() == 1


def test_a_change_of_the_facts_leaves_the_wishes(pages, street):
    pages.log_in("manager")
    Customer.objects.filter(pk=street.pk).update(wants_sms=False, unwanted_kinds=[OUTAGE])
    pages.post(f"/office/customers/{street.number}", {"name": "Ada", "language": "de", "is_active": "on"})
    found = Customer.objects.get(pk=street.pk)
    assert (found.name, found.language, found.wants_sms, found.unwanted_kinds) == ("Ada", "de", False, [OUTAGE])


def test_a_tenant_sets_the_own_wishes_by_the_code(pages, street):
    page = pages.get(f"/t/{CODE}").content.decode()
    assert f"/t/{CODE}/messages" in page
    answer = pages.get(f"/t/{CODE}/messages")
    text = answer.content.decode()
    for words in ("Ada", "example.org", "0170", "1001", "hook"):
        assert words not in text, words
    assert "noindex" in answer.headers["X-Robots-Tag"]
    form = {"channels": [MAIL], "kinds": [LOW_CREDIT, OUTAGE], "language": "fr"}
    assert pages.post(f"/t/{CODE}/messages", form).status_code == 302
    assert message_wishes.wishes_of(Customer.objects.get(pk=street.pk)) == Wishes(
        (MAIL, HOOK), (LOW_CREDIT, OUTAGE), "fr"
    )
    (entry,) = AuditEntry.objects.filter(action="message wishes")
    assert (entry.operator, entry.address, entry.subject) == (0, "127.0.0.1", f"customer:{street.number}")


def test_a_tenant_without_a_telephone_keeps_the_wish_for_sms(pages, street):
    Customer.objects.filter(pk=street.pk).update(phone="")
    text = pages.get(f"/t/{CODE}/messages").content.decode()
    assert 'value="mail"' in text
    assert 'value="sms"' not in text
    pages.post(f"/t/{CODE}/messages", {"kinds": KINDS, "language": "en"})
    assert message_wishes.wishes_of(Customer.objects.get(pk=street.pk)).channels == (SMS, HOOK)
    Customer.objects.filter(pk=street.pk).update(email="")
    text = pages.get(f"/t/{CODE}/messages").content.decode()
    assert "no mail address" in text
    assert pages.post(f"/t/{CODE}/messages", {"kinds": KINDS, "language": "en"}).status_code == 302


def test_a_wrong_code_a_former_tenant_and_a_form_from_elsewhere_change_nothing(pages, street):
    form = {"channels": [], "kinds": [], "language": "ar"}
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(f"/t/{CODE}/messages", form).status_code == 403
    assert pages.post("/t/wrong/messages", form).status_code == 404
    assert pages.post(f"/t/{CODE}/messages", form | {"language": "xx"}).status_code == 200
    assert pages.put(f"/t/{CODE}/messages").status_code == 405
    Tenancy.objects.filter(page_code=CODE).update(until_s=NOON_S)
    assert pages.post(f"/t/{CODE}/messages", form).status_code == 404
    assert "/messages" not in pages.get(f"/t/{CODE}").content.decode()
    assert message_wishes.wishes_of(Customer.objects.get(pk=street.pk)) == ALL


def test_a_tenant_changes_the_wishes_in_a_browser(screen):  # noqa: F811
    person = Tenancy.objects.get(page_code=CODE).customer
    Customer.objects.filter(pk=person.pk).update(email="ada@example.org", phone="0170 1234567")
    screen.goto(screen.url.partition("/login")[0] + f"/t/{CODE}")
    screen.get_by_role("link", name="Messages to you").click()
    screen.get_by_label("SMS").uncheck()
    screen.get_by_label("Shortage of electricity").uncheck()
    screen.get_by_label("Language:").select_option("ar")
    keep_picture(screen, "tenant-wishes")
    screen.get_by_role("button", name="Save").click()
    screen.get_by_text("The change is saved.").wait_for()
    assert not screen.get_by_label("SMS").is_checked()
    assert screen.get_by_label("Mail").is_checked()
    assert message_wishes.wishes_of(Customer.objects.get(pk=person.pk)) == Wishes(
        (MAIL, HOOK), tuple(one for one in KINDS if one != outbox.SHORTAGE), "ar"
    )
    assert screen.troubles == []
