"""Tests of the fleet at a real mosquitto: statements, tokens, receipts, last will, power cuts, permits."""

import json

import pytest

from boards.host.chips.aes import aes
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import mqtt, statement, token
from wattpurse.core.seals import keys
from wattpurse.services.console.setup import default_tariff
from wattpurse_tools.bench.mosquitto import Mosquitto
from wattpurse_tools.fleet.fleet import Fleet
from wattpurse_tools.fleet.house import House
from wattpurse_tools.fleet.link import FleetLink
from wattpurse_tools.fleet.meter import FleetMeter, Identity
from wattpurse_tools.meter_link.broker import Access, Broker

START_S = 1_796_083_200
HOUR_S = 3_600
DAY_S = 86_400
NUMBER = 40_001
UNIT = 1_000_000
LIMIT_S = 20


def key_of(number):
    return number.to_bytes(16, "big")


def token_for(number, sequence, kind, *fields):
    pair = keys.token_keys(aes, key_of(number))
    return token.seal_token(aes, pair, 1, number, sequence, *token.make(kind, *fields))


def make_meter(number=NUMBER, contract="prepaid-money"):
    identity = Identity(number, contract, key_of(number), bytes(16))
    meter = FleetMeter(identity, House(number), default_tariff(), START_S)
    meter.start()
    return meter


def opened(meter, payload):
    number, sealed = mqtt.unwrap_statement(payload)
    pair = meter.statements.keys(carrier.statement_identity(carrier.MQTT, number))
    return statement.open_statement(aes, pair, sealed)


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with Mosquitto(tmp_path_factory.mktemp("broker")) as one:
        yield one


class Station:
    """A client that sends tokens, and keeps the messages of the meters."""

    def __init__(self, client):
        self.client = client
        self.seen = []
        client.subscribe("wattpurse/1/#")

    def send(self, number, data):
        self.client.publish(mqtt.topic(number, mqtt.TOKEN), data)

    def take(self, fleet, name, number, count=1):
        """Return `count` payloads of a topic of a meter."""
        wanted, payloads = mqtt.topic(number, name), []
        for _ in range(LIMIT_S * 10):
            fleet.pump(0.05)
            self.seen += list(self.client.messages(0.05))
            payloads += [payload for topic, payload in self.seen if topic == wanted]
            self.seen = [one for one in self.seen if one[0] != wanted]
            if len(payloads) >= count:
                return payloads
        raise AssertionError(f"{name}: {len(payloads)} of {count}")


@pytest.fixture
def station(broker):
    with Broker(Access(broker.address)) as client:
        yield Station(client)


@pytest.fixture
def fleet_of(broker):
    fleets = []

    def make(*meters):
        fleet = Fleet([FleetLink(meter, ("127.0.0.1", broker.port)) for meter in meters])
        fleets.append(fleet)
        assert fleet.settle(LIMIT_S)
        return fleet

    yield make
    for fleet in fleets:
        fleet.close()


def test_a_token_from_the_broker_closes_the_switch_and_a_statement_tells_it(fleet_of, station):
    meter = make_meter()
    fleet = fleet_of(meter)
    assert not meter.contact.is_closed
    station.take(fleet, mqtt.STATEMENT, NUMBER)
    station.send(NUMBER, token_for(NUMBER, 1, token.CREDIT_MONEY, 5 * UNIT))
    receipt = json.loads(station.take(fleet, mqtt.RECEIPT, NUMBER)[0])
    assert (receipt["token"], receipt["outcome"], receipt["redeemed"]) == (1, "accepted", True)
    assert meter.contact.is_closed
    fleet.live_until(START_S + 900)
    told = opened(meter, station.take(fleet, mqtt.STATEMENT, NUMBER)[-1])
    assert told["time_s"] == START_S + 900
    assert meter.account.money.balance < 5 * UNIT
    assert 0 <= meter.pulses.used_mwh - meter.account.registers.total_mwh < 1_000


def test_a_token_that_comes_twice_counts_once(fleet_of, station):
    meter = make_meter(NUMBER + 1)
    fleet = fleet_of(meter)
    data = token_for(meter.number, 1, token.CREDIT_MONEY, 5 * UNIT)
    for _ in range(2):
        station.send(meter.number, data)
    receipts = [json.loads(one) for one in station.take(fleet, mqtt.RECEIPT, meter.number, 2)]
    assert [one["outcome"] for one in receipts] == ["accepted", "used"]
    assert meter.account.money.balance == 5 * UNIT


def test_supply_ends_with_the_permit_to_the_second_and_the_witness_knows(fleet_of):
    meter = make_meter(NUMBER + 2, "managed")
    fleet = fleet_of(meter)
    until_s = START_S + 5 * HOUR_S + 17
    assert meter.redeem(token_for(meter.number, 1, token.PERMIT, until_s), carrier.CONSOLE) == outcome.ACCEPTED
    fleet.live_until(START_S + 12 * HOUR_S)
    assert meter.contact.lit == [(START_S, until_s)]
    assert meter.witness.permits[-1] == (START_S, until_s)


def test_a_power_cut_is_told_by_the_last_will_and_loses_no_credit(fleet_of, station):
    meter = make_meter(NUMBER + 3)
    fleet = fleet_of(meter)
    meter.redeem(token_for(meter.number, 1, token.CREDIT_MONEY, 5 * UNIT), carrier.CONSOLE)
    fleet.live_until(START_S + 2 * HOUR_S)
    balance = meter.account.money.balance
    station.take(fleet, mqtt.LINK, meter.number)
    fleet.cut_power(meter.number)
    assert station.take(fleet, mqtt.LINK, meter.number)[-1] == mqtt.OFFLINE
    fleet.live_until(START_S + 4 * HOUR_S)
    fleet.restore_power(meter.number)
    assert station.take(fleet, mqtt.LINK, meter.number)[-1] == mqtt.ONLINE
    assert meter.account.money.balance == balance
    assert meter.timekeeper.now_s() == START_S + 4 * HOUR_S


def test_a_power_cut_in_the_middle_of_a_redemption_lets_the_token_count_once(fleet_of, station):
    for operation in (1, 2, 3):
        meter = make_meter(NUMBER + 10 + operation)
        fleet = fleet_of(meter)
        meter.flash.operations_to_cut = operation
        station.send(meter.number, token_for(meter.number, 1, token.CREDIT_MONEY, 5 * UNIT))
        for _ in range(100):
            fleet.pump(0.05)
            if not meter.is_powered:
                break
        assert not meter.is_powered
        fleet.restore_power(meter.number)
        receipt = json.loads(station.take(fleet, mqtt.RECEIPT, meter.number)[-1])
        assert receipt["redeemed"]
        assert meter.account.money.balance == 5 * UNIT


def test_a_power_cut_in_the_middle_of_a_start_lengthens_the_outage():
    for operation in range(1, 200):
        meter = make_meter()
        meter.cut_power()
        meter.live_until(START_S + HOUR_S)
        meter.flash.operations_to_cut = operation
        meter.start()
        if meter.is_powered:
            break
        meter.live_until(START_S + 2 * HOUR_S)
        meter.start()
        assert meter.is_powered
        assert meter.witness.dark_s(START_S + DAY_S) == 2 * HOUR_S
    assert operation > 1, "a start writes to the flash"


def test_a_clock_without_its_chip_loses_outages_and_a_step_for_each_at_most():
    meter = make_meter()
    meter.crystal.lead_s = -40 * DAY_S
    for hour in range(24):
        meter.live_until(START_S + hour * HOUR_S + HOUR_S // 3)
        meter.flash.operations_to_cut = 1
        meter.live_until(START_S + hour * HOUR_S + HOUR_S)
        assert not meter.is_powered
        meter.start()
        behind_s = meter.crystal.true_s - meter.timekeeper.now_s()
        assert 0 <= behind_s <= meter.witness.lost_s(meter.crystal.true_s)
    assert behind_s > meter.witness.dark_s(meter.crystal.true_s), "no step was lost"


def test_statements_wait_while_the_network_is_gone(fleet_of, station):
    meter = make_meter(NUMBER + 4)
    fleet = fleet_of(meter)
    station.take(fleet, mqtt.STATEMENT, meter.number)
    fleet.drop_network()
    fleet.live_until(START_S + 5 * HOUR_S)
    assert meter.publisher.waiting == 5
    fleet.is_network_there = True
    assert len(station.take(fleet, mqtt.STATEMENT, meter.number, 5)) == 5
    assert fleet.settle(LIMIT_S)
