"""Messages are sent at most once: by one sender, by two, with a server that refuses, breaks off or is gone."""

import time

import pytest
from django.db import transaction

from tests.tools.headend.mail_server import MailServerOfTests, free_port
from tests.tools.headend.together import run_together
from tests.tools.headend.trickling_server import TricklingServer
from wattpurse_tools.headend import delivery, outbox
from wattpurse_tools.headend.delivery import LATER, LEASE_S, STALE_S, TRIES, Outcome
from wattpurse_tools.headend.outbox import (
    FAILED,
    LOW_CREDIT,
    MAIL,
    RECHARGE,
    SENDING,
    SENT,
    UNKNOWN,
    WAITING,
    WITHDRAWN,
)
from wattpurse_tools.headend.policy import policy
from wattpurse_tools.headend.smtp import NO_TLS, STARTTLS, TLS, Mail, MailServer
from wattpurse_tools.office.manager_messages import FOR_MANAGERS
from wattpurse_tools.record.models import Customer, Message, User

NOON_S = 1_795_867_200  # 2026-11-28 12:00:00 UTC
NIGHT_S = NOON_S + 11 * 3600
SENDER = "Shop of Tests <shop@example.org>"


class Kept:
    """A transport that keeps what it gets, and answers with the outcomes in turn; the last one again and again."""

    def __init__(self, *outcomes):
        self.sent = []
        self._outcomes = list(outcomes) or [Outcome(SENT)]

    def send(self, message, now_s):
        self.sent.append((message.key, now_s))
        outcome = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.fixture
def customer(any_database):
    return Customer.objects.create(number=101, name="Ada", email="ada@example.org", created_s=0)


@pytest.fixture
def server():
    with MailServerOfTests() as server:
        yield server


def mail_to(server, **options):
    return {MAIL: Mail(MailServer("127.0.0.1", server.port, NO_TLS, timeout_s=5, **options), SENDER)}


def put(customer, key="low:1", kind=LOW_CREDIT, now_s=NOON_S):
    values = {"meter": 1, "balance_microunits": 1_250_000, "amount_microunits": 20_000_000}
    outbox.put(customer, kind, key, values, now_s)


def only():
    return Message.objects.exclude(channel=FOR_MANAGERS).get()


def test_a_message_goes_to_a_real_server_once(customer, server):
    put(customer)
    put(customer)
    assert delivery.run_round(NOON_S, mail_to(server)) == 1
    assert delivery.run_round(NOON_S + 86_400, mail_to(server)) == 0
    (mail,) = server.mails
    assert mail["Subject"] == "Meter 1: credit is low"
    assert mail["To"] == "ada@example.org"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Date"].datetime.timestamp() == NOON_S
    assert "1.25\u00a0EUR" in mail.get_content()
    assert (only().state, only().sent_s, only().tries) == (SENT, NOON_S, 1)


def test_a_server_that_dies_with_the_content_leaves_it_unknown_and_nobody_sends_it_again(customer, server):
    put(customer)
    server.drops = "content"
    delivery.run_round(NOON_S, mail_to(server))
    assert only().state == UNKNOWN
    server.drops = ""
    for later_s in (60, 3600, 86_400):
        delivery.run_round(NOON_S + later_s, mail_to(server))
    assert len(server.mails) == 1
    assert only().state == UNKNOWN
    assert f"Message {only().pk}" in Message.objects.get(channel=FOR_MANAGERS).text


@pytest.mark.parametrize("step", ["MAIL", "RCPT"])
def test_a_server_that_breaks_off_before_the_content_gets_the_message_again(customer, server, step):
    put(customer)
    server.drops = step
    delivery.run_round(NOON_S, mail_to(server))
    assert (only().state, server.mails) == (WAITING, [])
    server.drops = ""
    assert delivery.run_round(NOON_S + 30, mail_to(server)) == 0
    delivery.run_round(NOON_S + 60, mail_to(server))
    assert (only().state, only().tries, len(server.mails)) == (SENT, 2, 1)


@pytest.mark.parametrize("step", ["MAIL", "RCPT", "content"])
@pytest.mark.parametrize(("reply", "state"), [("451 try again later", WAITING), ("550 no such person", FAILED)])
def test_a_reply_tells_whether_a_message_is_tried_again(customer, server, step, reply, state):
    put(customer)
    server.replies[step] = reply
    delivery.run_round(NOON_S, mail_to(server))
    assert (only().state, server.mails) == (state, [])
    assert reply in only().trouble
    server.replies.clear()
    delivery.run_round(NOON_S + 3600, mail_to(server))
    assert len(server.mails) == (1 if state == WAITING else 0)


def test_a_server_that_is_not_there_is_tried_later_each_time_and_given_up_at_last(customer):
    put(customer)
    gone = Mail(MailServer("127.0.0.1", free_port(), NO_TLS, timeout_s=5), SENDER)
    now_s, waits = NOON_S, []
    policy()
    outbox.HeadendPolicy.objects.update(quiet_from_minute=0, quiet_until_minute=0)
    for _ in range(TRIES):
        assert delivery.run_round(now_s, {MAIL: gone}) == 1
        waits.append(only().not_before_s - now_s)
        now_s = only().not_before_s
    assert waits[:4] == [60, 120, 240, 480]
    assert (only().state, only().tries) == (FAILED, TRIES)
    assert delivery.run_round(now_s + 86_400, {MAIL: gone}) == 0
    assert Message.objects.filter(channel=FOR_MANAGERS).count() == 1


@pytest.mark.parametrize("fault", [RuntimeError("a fault of the transport"), OSError("the cable")])
def test_a_transport_that_raises_leaves_a_message_unknown(customer, fault):
    put(customer)
    transport = Kept(fault)
    delivery.run_round(NOON_S, {MAIL: transport})
    delivery.run_round(NOON_S + 86_400, {MAIL: transport})
    assert (only().state, len(transport.sent)) == (UNKNOWN, 1)


def test_a_message_whose_sender_died_is_unknown_after_its_lease_and_told_once(customer):
    put(customer)
    claimed = delivery.claim(NOON_S, {MAIL: None})
    assert claimed is not None
    transport = Kept()
    delivery.run_round(NOON_S + LEASE_S, {MAIL: transport})
    assert only().state == SENDING
    for later_s in (1, 2):
        delivery.run_round(NOON_S + LEASE_S + later_s, {MAIL: transport})
    assert (only().state, transport.sent) == (UNKNOWN, [])
    assert Message.objects.filter(channel=FOR_MANAGERS).count() == 1


def test_a_slow_sender_whose_lease_has_ended_does_not_bring_a_message_back(customer):
    put(customer)

    class Slow(Kept):
        def send(self, message, now_s):
            delivery.run_round(now_s + LEASE_S + 1, {MAIL: Kept()})
            return Outcome(LATER, "busy")

    delivery.run_round(NOON_S, {MAIL: Slow()})
    assert only().state == UNKNOWN


def test_a_claim_inside_a_transaction_is_refused(customer):
    put(customer)
    with transaction.atomic(), pytest.raises(RuntimeError):
        delivery.claim(NOON_S, {MAIL: None})


def test_two_senders_at_once_send_each_message_once(customer):
    for number in range(20):
        put(customer, f"low:{number}")
    transport = Kept()
    assert run_together(lambda: delivery.run_round(NOON_S, {MAIL: transport})) == []
    assert sorted(key for key, _ in transport.sent) == sorted(f"low:{number}:mail" for number in range(20))
    assert set(Message.objects.values_list("state", flat=True)) == {SENT}


def test_a_message_put_at_night_is_sent_in_the_morning(customer):
    put(customer, now_s=NIGHT_S)
    transport = Kept()
    assert delivery.run_round(NIGHT_S + 7 * 3600 + 3599, {MAIL: transport}) == 0
    assert delivery.run_round(NIGHT_S + 8 * 3600, {MAIL: transport}) == 1


def test_a_message_of_the_day_is_not_sent_by_a_sender_that_starts_at_night(customer):
    put(customer)
    transport = Kept()
    assert delivery.run_round(NIGHT_S, {MAIL: transport}) == 0
    assert delivery.run_round(NIGHT_S + 8 * 3600, {MAIL: transport}) == 1


def test_the_answer_to_a_payment_is_sent_at_night(customer):
    put(customer, kind=RECHARGE, now_s=NIGHT_S)
    assert delivery.run_round(NIGHT_S, {MAIL: Kept()}) == 1


def test_an_old_message_is_dropped(customer):
    put(customer)
    transport = Kept()
    delivery.run_round(NOON_S + STALE_S + 1, {MAIL: transport})
    assert (only().state, transport.sent) == (FAILED, [])


def test_a_withdrawn_message_is_not_sent_and_one_that_was_sent_is_named(customer):
    put(customer, "one")
    put(customer, "two")
    assert outbox.withdraw("one") == set()
    transport = Kept()
    delivery.run_round(NOON_S, {MAIL: transport})
    assert [key for key, _ in transport.sent] == ["two:mail"]
    assert outbox.withdraw("two") == {MAIL}
    assert sorted(Message.objects.values_list("state", flat=True)) == [SENT, WITHDRAWN]


def test_a_message_that_was_put_off_is_withdrawn_and_one_that_may_be_out_is_not(customer):
    put(customer, "late")
    delivery.run_round(NOON_S, {MAIL: Kept(Outcome(LATER, "no connection"))})
    assert (only().state, only().tries) == (WAITING, 1)
    assert outbox.withdraw("late") == set()
    assert only().state == WITHDRAWN
    put(customer, "claimed")
    delivery.claim(NOON_S, {MAIL: None})
    assert outbox.withdraw("claimed") == {MAIL}
    assert outbox.withdraw_kind(customer, LOW_CREDIT, "claimed") == set()
    assert Message.objects.get(key="claimed:mail").state == SENDING


def test_the_messages_of_a_kind_to_a_customer_are_withdrawn_by_the_begin_of_their_keys(customer):
    other = Customer.objects.create(number=102, name="Bob", email="bob@example.org", created_s=0)
    Customer.objects.update(phone="+491701234567")
    customer.refresh_from_db()
    for whom, kind, key in (
        (customer, LOW_CREDIT, "low:1:1"),
        (customer, LOW_CREDIT, "low:11:1"),
        (customer, RECHARGE, "low:1:2"),
        (other, LOW_CREDIT, "low:1:3"),
    ):
        put(whom, key, kind)
    delivery.claim(NOON_S, {MAIL: None})
    assert outbox.withdraw_kind(customer, LOW_CREDIT, "low:1:") == {"sms"}
    assert outbox.withdraw_kind(customer, LOW_CREDIT, "low:1:") == set()
    states = dict(Message.objects.values_list("key", "state"))
    assert (states.pop("low:1:1:mail"), states.pop("low:1:1:sms")) == (SENDING, WITHDRAWN)
    assert set(states.values()) == {WAITING}
    assert outbox.withdraw_all(LOW_CREDIT, "low:") == 3


def test_a_transport_that_is_out_is_asked_once_a_round(customer):
    Customer.objects.update(phone="+491701234567")
    customer.refresh_from_db()
    for number in range(20):
        put(customer, f"low:{number}")
    gone, texts = Kept(Outcome(LATER, "no connection", stops_channel=True)), Kept()
    assert delivery.run_round(NOON_S, {MAIL: gone, "sms": texts}) == 21
    assert (len(gone.sent), len(texts.sent)) == (1, 20)
    assert delivery.run_round(NOON_S + 2, {MAIL: gone, "sms": texts}) == 1
    assert [key for key, _ in gone.sent] == ["low:0:mail", "low:1:mail"]


def test_a_slow_transport_ends_a_round(customer):
    for number in range(20):
        put(customer, f"low:{number}")
    times = iter(range(NOON_S, NOON_S + 20 * 25, 25))
    slow = Kept()
    assert delivery.run_round(NOON_S, {MAIL: slow}, lambda: next(times)) == 3
    assert [time_s - NOON_S for _, time_s in slow.sent] == [0, 25, 50]


def test_a_mail_server_that_is_gone_is_asked_once_a_round_and_one_that_refuses_a_mail_is_not(customer, server):
    for number in range(4):
        put(customer, f"low:{number}")
    gone = Mail(MailServer("127.0.0.1", free_port(), NO_TLS, timeout_s=5), SENDER)
    assert delivery.run_round(NOON_S, {MAIL: gone}) == 1
    server.replies["RCPT"] = "450 no such mailbox now"
    assert delivery.run_round(NOON_S, mail_to(server)) == 3
    server.replies["MAIL"] = "421 the server stops"
    assert delivery.run_round(NOON_S + 600, mail_to(server)) == 1


def test_a_mail_to_managers_is_known_by_its_address(customer):
    User.objects.exclude(username="manager").delete()
    for name in ("ann", "cem"):
        User.objects.create(username=name, role=User.MANAGER, email=f"{name}@example.org")
    outbox.put_to_managers("flaps:1:2", "The link goes and comes.", NOON_S)
    User.objects.create(username="bob", role=User.MANAGER, email="bob@example.org")
    outbox.put_to_managers("flaps:1:2", "The link goes and comes.", NOON_S + 60)
    mails = Message.objects.filter(channel=MAIL).values_list("address", flat=True)
    assert sorted(mails) == ["ann@example.org", "bob@example.org", "cem@example.org"]
    assert Message.objects.filter(channel=FOR_MANAGERS).count() == 1


TALK = (b"220 hi\r\n", b"250 hi\r\n", b"250 yes\r\n", b"250 yes\r\n", b"354 go on\r\n")


@pytest.mark.parametrize(
    ("replies", "begin", "trickle", "state"),
    [
        ((), b"220 x", b"a", LATER),
        ((), b"", b"220-a\r\n", LATER),
        (TALK[:1], b"250-", b"a", LATER),
        (TALK[:1], b"", b"250-a\r\n", LATER),
        (TALK[:4], b"354", b" ", LATER),
        (TALK, b"250", b"-", UNKNOWN),
        ((*TALK, b"250 taken\r\n"), b"221", b"-", SENT),
    ],
)
def test_a_server_that_sends_a_byte_now_and_then_is_cut_at_the_deadline(customer, replies, begin, trickle, state):
    put(customer)
    start_s = time.monotonic()
    with TricklingServer(replies, begin, trickle) as server:
        mail = Mail(MailServer("127.0.0.1", server.port, NO_TLS, timeout_s=5), SENDER, deadline_s=0.5)
        outcome = mail.send(only(), NOON_S)
    assert 0.4 < time.monotonic() - start_s < 4
    assert outcome.state == state
    assert ("cut after 0.5 s" in outcome.trouble, outcome.stops_channel) == (state != SENT,) * 2


@pytest.mark.parametrize("security", [TLS, STARTTLS])
def test_a_server_that_never_ends_the_beginning_of_tls_is_cut_too(customer, security):
    put(customer)
    record = b"\x16\x03\x03\x40\x00"  # a record of 16,384 bytes, which follow one by one
    talk = (*TALK[:1], b"250-hi\r\n250 STARTTLS\r\n", b"220 begin\r\n") if security == STARTTLS else (b"",)
    with TricklingServer(talk, record, b"\x02") as server:
        mail = Mail(MailServer("localhost", server.port, security, timeout_s=5), SENDER, deadline_s=0.5)
        start_s = time.monotonic()
        outcome = mail.send(only(), NOON_S)
        assert 0.4 < time.monotonic() - start_s < 4
    assert outcome.state == LATER
    assert "cut after 0.5 s" in outcome.trouble


def test_any_fault_before_the_content_lets_a_mail_be_sent_again(customer, server):
    put(customer)
    mail = Mail(MailServer("127.0.0.1", server.port, STARTTLS, ca_file="/no/such/file"), SENDER)
    assert mail.send(only(), NOON_S).state == LATER
    odd = TricklingServer((b"220 hi\r\n", b"250 hi\r\n"), b"\xff\xfe\r\n", b"")
    with odd:
        assert Mail(MailServer("127.0.0.1", odd.port, NO_TLS), SENDER).send(only(), NOON_S).state == LATER


def test_a_channel_without_a_transport_waits(customer):
    Customer.objects.update(phone="+49 170 1234567")
    customer.refresh_from_db()
    put(customer)
    delivery.run_round(NOON_S, {MAIL: Kept()})
    assert dict(Message.objects.values_list("channel", "state")) == {MAIL: SENT, "sms": WAITING}
