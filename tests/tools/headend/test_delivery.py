"""Messages are sent at most once: by one sender, by two, with a server that refuses, breaks off or is gone."""

import threading

import pytest
from django.db import connections, transaction

from tests.tools.headend.mail_server import MailServerOfTests, free_port
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
from wattpurse_tools.headend.smtp import NO_TLS, Mail, MailServer
from wattpurse_tools.office.manager_messages import FOR_MANAGERS
from wattpurse_tools.record.models import Customer, Message

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
    start = threading.Barrier(3)
    faults = []

    def work():
        try:
            start.wait(timeout=20)
            delivery.run_round(NOON_S, {MAIL: transport})
        except Exception as fault:
            faults.append(fault)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert faults == []
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


def test_a_channel_without_a_transport_waits(customer):
    Customer.objects.update(phone="+49 170 1234567")
    customer.refresh_from_db()
    put(customer)
    delivery.run_round(NOON_S, {MAIL: Kept()})
    assert dict(Message.objects.values_list("channel", "state")) == {MAIL: SENT, "sms": WAITING}
