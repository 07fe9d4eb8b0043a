"""Messages of meters into the record: batches, copies, poisonous messages, answers and links; on both databases."""

import json
import time

import pytest

from tests.tools.headend.network_meter import NetworkMeter
from wattpurse.core import carrier
from wattpurse.core.messages import mqtt
from wattpurse_tools.headend import command_queue, ingest, senders
from wattpurse_tools.record.models import Command, Meter, MeterLink, SetAside, Statement, Token
from wattpurse_tools.station.order import MONEY, REDEEMED, credit
from wattpurse_tools.station.station import NO_CARD, Station
from wattpurse_tools.vault.interface import STATEMENTS_AT_ONCE, Refused, content_of

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
    facts = (link.is_online, link.changed_s, link.seen_s, link.alarms, link.firmware)
    assert facts == (True, NOW_S, NOW_S, "tamper, clock", "1.2.0")


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
    unsealed = office.keys.unseal_statements([*wanted, *strangers])
    told = [(one[0], content_of(place[0], one)) for place, one in zip(wanted, unsealed, strict=False)]
    assert told == [office.keys.open_statement(*one) for one in wanted]
    assert unsealed[len(wanted) :] == [None] * len(strangers)
    assert office.keys.last_count(1001) == 1
    assert office.keys.status()["log_lines"] == lines
    with pytest.raises(Refused, match="at most"):
        office.keys.unseal_statements([wanted[0]] * (STATEMENTS_AT_ONCE + 1))
