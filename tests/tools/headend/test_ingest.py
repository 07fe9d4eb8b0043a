"""Messages of meters into the record: batches, copies, poisonous messages, answers and links; on both databases."""

import json
import struct
import threading
import time
from contextlib import contextmanager

import pytest
from django.core.management import call_command
from django.db import connection

from tests.tools.headend.network_meter import NetworkMeter
from wattpurse.core import carrier
from wattpurse.core.messages import mqtt, statement
from wattpurse.core.messages.token import SHORTAGE
from wattpurse.core.seals.cmac import BLOCK
from wattpurse.core.seals.sealing import TAG_SIZE
from wattpurse_tools.headend import command_queue, ingest, senders
from wattpurse_tools.office.office import Office
from wattpurse_tools.record.models import Command, Meter, MeterLink, SetAside, Statement, Token
from wattpurse_tools.station.order import MONEY, REDEEMED, Order, credit
from wattpurse_tools.station.station import NO_CARD, Station
from wattpurse_tools.vault import server as servers
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.interface import STATEMENTS_AT_ONCE, Refused, VaultClosed, content_of
from wattpurse_tools.vault.packed_statements import unseal
from wattpurse_tools.vault.server import Server

NOW_S = int(time.time())
FIVE = 5_000_000


@pytest.fixture
def meters(any_office, manager):
    """Return two meters of the office."""
    return [NetworkMeter(any_office, manager, number) for number in (1001, 1002)]


def take(office, *messages):
    return ingest.take(office, messages, NOW_S)


def top_up(office, actor, meter, now_s=NOW_S):
    """Queue a token of credit for a meter, and return it."""
    row = Station(office.keys, actor).issue(meter.number, NO_CARD, credit(MONEY, FIVE))
    token = Token.objects.get(pk=row["id"])
    command_queue.queue([token], "recharge", f"test:{token.pk}", now_s)
    return token


class Wire:
    """A broker that keeps messages."""

    def __init__(self):
        self.messages = []

    def publish(self, messages):
        self.messages += messages


def test_a_batch_is_recorded_once(any_office, meters):
    batch = [meter.statement() for meter in meters]
    for meter in meters:
        meter.use()
    batch += [meter.statement() for meter in meters]
    assert take(any_office, *batch).statements == 4
    assert take(any_office, *batch[::-1], *batch).set_aside == 0
    assert Statement.objects.count() == 4
    assert {row.told_s for row in Meter.objects.filter(number__in=(1001, 1002))} == {meters[0].time_s}


def poisons(meter):
    """Return messages that cannot be worked on."""
    topic, payload = meter.statement()
    torn = payload[:-1] + bytes((payload[-1] ^ 1,))
    return [
        (topic, torn),
        (topic, b""),
        (topic, payload[:9]),
        (topic, payload[:-1]),
        (topic, payload + bytes(16)),
        (topic, bytes(5000)),
        (mqtt.topic(999_999, mqtt.STATEMENT), payload),
        (mqtt.topic(1 << 40, mqtt.STATEMENT), payload),
        (mqtt.topic(1002, mqtt.STATEMENT), payload),
        ("wattpurse/1/²/statement", payload),
        ("wattpurse/1/\ud800\0/statement", payload),
        ("wattpurse/2/1001/statement", payload),
        meter.statement(time_s=NOW_S + 3 * 86_400),
        meter.statement(time_s=86_400),
        (meter.topic(mqtt.ALARMS), b"[" * 4000),
        (meter.topic(mqtt.ALARMS), b'{"alarms": [7]}'),
        (meter.topic(mqtt.ALARMS), b'{"alarms": [[]]}'),
        (meter.topic(mqtt.LINK), b"perhaps"),
        (meter.topic(mqtt.RECEIPT), b'{"token": "1", "outcome": 1, "redeemed": 1}'),
        (meter.topic(mqtt.RECEIPT), b"\xff\x00"),
    ]


def test_poison_is_set_aside_and_stops_nothing(any_office, meters):
    bad = poisons(meters[0])
    good = [meters[1].statement()]
    outcome = take(any_office, *bad, *good, *bad)
    assert (outcome.statements, outcome.set_aside) == (1, 2 * len(bad))
    assert Statement.objects.count() == 1
    assert {row.count for row in SetAside.objects.all()} == {2}
    assert SetAside.objects.count() == len(bad)
    assert all(SetAside.objects.values_list("reason", flat=True))


def test_a_failure_while_one_statement_is_learnt_loses_no_other(any_office, meters, monkeypatch):
    learn = Station.learn

    def fail_for_one(station, statement):
        learn(station, statement)
        if statement["meter_number"] == 1001:
            raise KeyError("something odd")

    monkeypatch.setattr(Station, "learn", fail_for_one)
    Token.objects.create(meter_id=1001, sequence=1, kind=1, issued_s=0, sealed=b"", state="issued")
    outcome = take(any_office, *[meter.statement() for meter in meters])
    assert (outcome.statements, outcome.reasons) == (1, ("KeyError: 'something odd'",))
    assert list(Statement.objects.values_list("meter_id", flat=True)) == [1002]


def test_a_token_goes_out_is_answered_and_redeemed_once(any_office, manager, meters):
    token, wire = top_up(any_office, manager, meters[0]), Wire()
    assert senders.send_round(wire.publish, NOW_S).sent == 1
    assert senders.send_round(wire.publish, NOW_S).sent == 0
    assert wire.messages == [(meters[0].topic(mqtt.TOKEN), bytes(token.sealed))]
    answers = [meters[0].answer(data) for _, data in wire.messages * 2]
    assert [json.loads(payload)["outcome"] for _, payload in answers] == ["accepted", "used"]
    take(any_office, *answers, meters[0].statement())
    command, token = Command.objects.get(), Token.objects.get()
    assert (command.state, command.outcome, token.state) == ("done", "accepted", REDEEMED)
    assert Meter.objects.get(number=1001).balance == FIVE


def test_a_statement_closes_a_command_without_an_answer(any_office, manager, meters):
    token = top_up(any_office, manager, meters[0])
    meters[0].answer(bytes(token.sealed))
    take(any_office, meters[0].statement())
    assert Command.objects.get().state == "done"


@pytest.mark.parametrize("is_plain", [False, True], ids=["own way", "plain"])
def test_a_forged_answer_delays_a_token_and_loses_nothing(any_office, manager, meters, is_plain):
    if is_plain:
        ingest.take(any_office, [meters[0].statement()], meters[0].time_s)
    token = top_up(any_office, manager, meters[0], meters[0].time_s)
    forged = {"token": token.sequence, "outcome": "accepted", "redeemed": True, "text": ""}
    message = (meters[0].topic(mqtt.RECEIPT), json.dumps(forged).encode())
    ingest.take(any_office, [message], meters[0].time_s)
    assert (Command.objects.get().state, Token.objects.get().state) == ("done", "issued")
    meters[0].use(3600)
    wire = Wire()
    ingest.take(any_office, [meters[0].statement()], meters[0].time_s)
    senders.send_round(wire.publish, meters[0].time_s)
    assert len(wire.messages) == 1


def answer_of(meter, token, outcome):
    """Return an answer as anybody at the broker can write it."""
    told = {"token": token.sequence, "outcome": outcome, "redeemed": False, "text": ""}
    return meter.topic(mqtt.RECEIPT), json.dumps(told).encode()


@pytest.mark.parametrize("is_plain", [False, True], ids=["own way", "plain"])
def test_a_forged_refusal_delays_a_token_for_a_day(any_office, manager, meters, is_plain):
    meter, wire = meters[0], Wire()
    if is_plain:
        ingest.take(any_office, [meter.statement()], meter.time_s)
    token = top_up(any_office, manager, meter, meter.time_s)
    ingest.take(any_office, [answer_of(meter, token, "outdated")], meter.time_s)
    states = []
    for _ in range(5):
        meter.use(6 * 3600)
        ingest.take(any_office, [meter.statement()], meter.time_s)
        states.append(Command.objects.get().state)
    assert states == ["refused"] * 3 + ["waiting"] * 2
    senders.send_round(wire.publish, meter.time_s)
    ingest.take(any_office, [meter.answer(data) for _, data in wire.messages] + [meter.statement()], meter.time_s)
    assert (Command.objects.get().state, Token.objects.get().state) == ("done", REDEEMED)


def test_a_token_over_the_limit_is_tried_once_a_day_until_there_is_room(any_office, manager, meters):
    meter, wire = meters[0], Wire()
    meter.ledger.change(lambda account: account.terms.set("credit_limit_microunits", FIVE - 1))
    top_up(any_office, manager, meter, meter.time_s)
    for hour in range(80):
        if hour == 60:
            meter.ledger.change(lambda account: account.terms.set("credit_limit_microunits", FIVE))
        meter.use(3600, energy_mwh=0)
        wire.messages.clear()
        senders.send_round(wire.publish, meter.time_s)
        answers = [meter.answer(data) for _, data in wire.messages]
        ingest.take(any_office, [*answers, meter.statement()], meter.time_s)
    command = Command.objects.get()
    assert (command.state, command.outcome, command.tries) == ("done", "accepted", 4)


def test_an_order_that_its_meter_voided_is_not_sent_again(any_office, manager, meters):
    meter, wire = meters[0], Wire()
    row = Station(any_office.keys, manager).issue(meter.number, NO_CARD, Order(SHORTAGE, (5, meter.time_s), "late"))
    command_queue.queue(list(Token.objects.filter(pk=row["id"])), "shortage", "late", meter.time_s)
    senders.send_round(wire.publish, meter.time_s)
    answers = [meter.answer(data) for _, data in wire.messages]
    assert json.loads(answers[0][1])["outcome"] == "outdated"
    for _ in range(3):
        ingest.take(any_office, [*answers, meter.statement()], meter.time_s)
        meter.use(2 * 86_400)
    assert (Command.objects.get().state, Token.objects.get().state) == ("refused", "voided")
    assert senders.send_round(wire.publish, meter.time_s).sent == 0


def test_tokens_wait_for_a_meter_that_is_offline(any_office, manager, meters):
    wire = Wire()
    take(any_office, (meters[0].topic(mqtt.LINK), mqtt.OFFLINE))
    tokens = [top_up(any_office, manager, meters[0]) for _ in range(3)]
    assert senders.send_round(wire.publish, NOW_S).sent == 0
    take(any_office, (meters[0].topic(mqtt.LINK), mqtt.ONLINE))
    assert senders.send_round(wire.publish, NOW_S).sent == 3
    assert [data for _, data in wire.messages] == [bytes(one.sealed) for one in tokens]


def test_a_command_is_given_up_at_its_end(any_office, manager, meters):
    top_up(any_office, manager, meters[0])
    Command.objects.update(expires_s=NOW_S)
    assert senders.send_round(Wire().publish, NOW_S) == senders.Sent(0, 1)


def test_a_broker_that_does_not_take_a_token_leaves_it_waiting(any_office, manager, meters):
    def refuse(_messages):
        raise OSError("the broker does not take the message")

    top_up(any_office, manager, meters[0])
    with pytest.raises(OSError, match="does not take"):
        senders.send_round(refuse, NOW_S)
    assert (Command.objects.get().state, Command.objects.get().tries) == ("waiting", 0)


def test_links_alarms_and_firmware_are_noted(any_office, meters):
    alarms = b'{"alarms":["tamper","clock"],"firmware":"1.2.0"}'
    take(any_office, (meters[0].topic(mqtt.LINK), mqtt.ONLINE), (meters[0].topic(mqtt.ALARMS), alarms))
    link = MeterLink.objects.get()
    facts = (link.is_online, link.changed_s, link.meter.seen_s, link.alarms, link.firmware)
    assert facts == (True, NOW_S, NOW_S, "tamper, clock", "1.2.0")


def test_every_message_of_a_meter_notes_that_it_was_seen(any_office, manager, meters):
    first, second = meters
    plain, own_way = first.statement(), second.statement()
    first.use()
    alarms = second.topic(mqtt.ALARMS), b'{"alarms":["tamper"]}'
    batches = [
        ([plain, own_way], {1001, 1002}),  # the first statement of a meter goes the station's own way
        ([first.statement()], {1001}),  # this one is plain
        ([plain], {1001}),  # a copy
        ([alarms, first.statement()], {1001, 1002}),
        ([(second.topic(mqtt.LINK), mqtt.OFFLINE)], {1002}),
        ([(first.topic(mqtt.STATEMENT), b"torn")], set()),
    ]
    for step, (batch, seen) in enumerate(batches):
        assert ingest.take(any_office, batch, NOW_S + step).set_aside == (not seen)
        assert set(Meter.objects.filter(seen_s=NOW_S + step).values_list("number", flat=True)) == seen
        assert set(MeterLink.objects.values_list("meter", flat=True)) == {1001, 1002}


def test_the_time_of_the_newest_message_goes_with_an_existing_database(any_office, meters):
    take(any_office, meters[0].statement())
    call_command("migrate", "record", "0019", verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE meter_links SET seen_s = %s", [NOW_S - 5])
    call_command("migrate", "record", verbosity=0)
    assert dict(Meter.objects.values_list("number", "seen_s")) == {1001: NOW_S - 5, 1002: 0}


def test_the_vault_opens_many_as_it_opens_one(office, manager):
    meters = [NetworkMeter(office, manager, number) for number in (1001, 1002)]
    token = top_up(office, manager, meters[0])
    meters[0].answer(bytes(token.sealed))
    wanted = []
    for meter in meters:
        number, sealed = mqtt.unwrap_statement(meter.statement()[1])
        wanted.append((meter.number, carrier.statement_identity(carrier.MQTT, number), sealed))
    number, identity, sealed = wanted[0]
    strangers = [(number, identity, sealed[:-1]), (1002, identity, sealed), (0, identity, sealed), (1001, b"", sealed)]
    lines = office.keys.status()["log_lines"]
    unsealed = unseal(office.keys, [*wanted, *strangers])
    told = [(one[0], content_of(place[0], one)) for place, one in zip(wanted, unsealed, strict=False)]
    assert told == [office.keys.open_statement(*one) for one in wanted]
    assert unsealed[len(wanted) :] == [None] * len(strangers)
    assert office.keys.last_count(1001) == 1
    assert office.keys.status()["log_lines"] == lines
    with pytest.raises(Refused, match="at most"):
        unseal(office.keys, [wanted[0]] * (STATEMENTS_AT_ONCE + 1))


@contextmanager
def vault_process(office, folder):
    """Serve the vault of an office at a socket, and yield the office with a client."""
    server = Server(office.keys, folder / "vault.sock")
    thread = threading.Thread(target=server.run)
    thread.start()
    close, office.keys.close = office.keys.close, lambda: None  # the office closes its vault itself
    try:
        yield Office(office.folder, VaultClient(folder / "vault.sock"))
    finally:
        server.stop()
        thread.join(20)
        office.keys.close = close


def forged(meter, count):
    """Return statements of the longest size that no key has sealed. Their headers tell the size that they have."""
    size = ingest.PAYLOAD_LIMIT - 5
    blocks = (size - statement.HEADER_SIZE - TAG_SIZE) // BLOCK
    header = struct.pack("<BBHI", statement.MARK, blocks, 1, meter.number)
    return [
        (meter.topic(mqtt.STATEMENT), mqtt.wrap_statement(1, header + number.to_bytes(4, "big") * (blocks * 4 + 2)))
        for number in range(count)
    ]


def test_a_batch_of_long_statements_goes_to_the_vault_in_pieces(office, manager, tmp_path):
    meter = NetworkMeter(office, manager, 1001)
    batch = [*forged(meter, 250), meter.statement(), *forged(meter, 250)]
    assert len(batch[0][1]) > ingest.PAYLOAD_LIMIT - BLOCK
    with vault_process(office, tmp_path) as other:
        outcome = take(other, *batch)
    assert (outcome.statements, outcome.set_aside) == (1, 500)
    assert all("cannot be opened" in reason for reason in outcome.reasons)


def test_a_vault_without_room_is_an_outage_and_no_fault_of_a_message(office, manager, tmp_path, monkeypatch):
    meter = NetworkMeter(office, manager, 1001)
    monkeypatch.setattr(servers, "CONNECTIONS", 0)
    with vault_process(office, tmp_path) as other, pytest.raises(VaultClosed, match="too many connections"):
        take(other, meter.statement())
    assert not SetAside.objects.exists()
