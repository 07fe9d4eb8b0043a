"""The simulated meter on the unix port at a real broker, with a proxy in between that has the faults of networks."""

import json
import os
import socket
import subprocess
import time
from contextlib import contextmanager

import pytest

from boards.host.chips.aes import aes
from tests.house.places import ROOT
from tests.tools import station_office
from wattpurse.core import carrier
from wattpurse.core.messages import mqtt, statement, token
from wattpurse.core.seals import keys
from wattpurse.services.mqtt import names
from wattpurse_tools import cli
from wattpurse_tools.bench.certificates import Authority
from wattpurse_tools.bench.fault_proxy import Fault, FaultProxy
from wattpurse_tools.bench.meter_at_broker import METER_KEY, METER_NUMBER, MeterAtBroker
from wattpurse_tools.bench.mosquitto import Mosquitto, free_port
from wattpurse_tools.meter_link.broker import Access, Broker

FIVE = 5_000_000
LIMIT_S = 60
SPEED = 20


def credit(sequence, amount=FIVE):
    pair = keys.token_keys(aes, METER_KEY)
    return token.seal_token(aes, pair, 1, METER_NUMBER, sequence, *token.make(token.CREDIT_MONEY, amount))


def topic(name):
    return mqtt.topic(METER_NUMBER, name)


def opened(payload):
    number, sealed = mqtt.unwrap_statement(payload)
    pair = keys.statement_keys(
        aes, keys.statement_key(aes, METER_KEY), carrier.statement_identity(carrier.MQTT, number)
    )
    return statement.open_statement(aes, pair, sealed)


class Reader:
    """A reader of the meter's messages."""

    def __init__(self, address):
        self.broker = Broker(Access(address))
        self.broker.subscribe(topic("#"))
        self.seen = []

    def await_message(self, name, fits=lambda payload: True, limit_s=LIMIT_S):
        """Return the payload of the next message on a topic that fits."""
        for one, payload in self.broker.messages(limit_s):
            self.seen.append((one, payload))
            if one == topic(name) and fits(payload):
                return payload
        raise AssertionError(f"no message {name}, but {self.seen}")

    def send_token(self, data):
        """Send a token and return its receipt."""
        self.broker.publish(topic(mqtt.TOKEN), data)
        return json.loads(self.await_message(mqtt.RECEIPT))

    def send_until_answered(self, data):
        """Send a token again and again: nobody keeps messages for a meter that was never there."""
        for _ in range(LIMIT_S):
            self.broker.publish(topic(mqtt.TOKEN), data)
            for one, payload in self.broker.messages(1):
                if one == topic(mqtt.RECEIPT):
                    return json.loads(payload)
        raise AssertionError("no answer")


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(tmp_path) as one:
        yield one


@pytest.fixture
def reader(broker):
    one = Reader(broker.address)
    yield one
    one.broker.close()


@contextmanager
def meter_at(address, *lines):
    with MeterAtBroker((f"mqtt broker {address}", *lines), SPEED) as meter:
        yield meter
    assert meter.report["starts"] == 2, meter.report


def await_that(condition, limit_s=LIMIT_S):
    """Wait until a condition holds."""
    end_s = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def await_online(reader):
    reader.await_message(mqtt.LINK, lambda payload: payload == mqtt.ONLINE)


class TestMeter:
    def test_a_token_is_redeemed_once_and_its_sender_learns_the_outcome(self, broker, reader):
        with meter_at(broker.address) as meter:
            before = opened(reader.await_message(mqtt.STATEMENT))
            assert (before["meter_number"], before["balance"]) == (METER_NUMBER, 0)
            answer = reader.send_token(credit(1))
            assert (answer["token"], answer["outcome"], answer["redeemed"]) == (1, "accepted", True)
            answer = reader.send_token(credit(1))
            assert (answer["token"], answer["outcome"], answer["redeemed"]) == (1, "used", True)
            after = opened(reader.await_message(mqtt.STATEMENT, lambda payload: opened(payload)["windows"][0][0] == 1))
            assert after["balance"] > FIVE - 100_000
        assert (meter.report["bought"], meter.report["closed"]) == (FIVE, True)

    def test_mosquitto_pub_tops_up_from_a_second_terminal(self, broker, reader, tmp_path):
        (tmp_path / "token").write_bytes(credit(1))
        with meter_at(broker.address):
            await_online(reader)
            words = ["mosquitto_pub", "-p", str(broker.port), "-q", "1", "-t", topic(mqtt.TOKEN), "-f", "token"]
            subprocess.run(words, check=True, cwd=tmp_path)
            assert json.loads(reader.await_message(mqtt.RECEIPT))["outcome"] == "accepted"

    def test_garbage_and_tokens_of_others_are_answered_and_credit_nothing(self, broker, reader):
        with meter_at(broker.address) as meter:
            await_online(reader)
            forged = bytearray(credit(1))
            forged[-1] ^= 1
            for data, name in ((b"", "unreadable"), (b"top me up", "unreadable"), (bytes(forged), "unreadable")):
                assert reader.send_token(data)["outcome"] == name
            other = bytearray(credit(1))
            other[4] ^= 1
            assert reader.send_token(bytes(other))["outcome"] in ("not-this-meter", "unreadable")
            assert reader.send_token(credit(2))["outcome"] == "accepted"
        assert meter.report["bought"] == FIVE

    def test_a_meter_that_loses_power_is_reported_offline_by_the_broker(self, broker, reader):
        with meter_at(broker.address):
            await_online(reader)
        reader.await_message(mqtt.LINK, lambda payload: payload == mqtt.OFFLINE)

    def test_tokens_wait_at_the_broker_while_the_meter_is_away(self, broker, reader):
        with meter_at(broker.address):
            await_online(reader)
        reader.broker.publish(topic(mqtt.TOKEN), credit(1))
        reader.broker.publish(topic(mqtt.TOKEN), credit(2))
        for sequence in (1, 2):
            reader.await_message(mqtt.TOKEN, lambda payload, sequence=sequence: payload == credit(sequence))
        broker.stop()
        broker.start()
        reader = Reader(broker.address)
        with meter_at(broker.address) as meter:
            assert [json.loads(reader.await_message(mqtt.RECEIPT))["outcome"] for _ in range(2)] == ["accepted"] * 2
        reader.broker.close()
        assert meter.report["bought"] == 2 * FIVE

    def test_a_retained_token_counts_once_over_several_connections(self, broker, reader):
        subprocess.run(
            ["mosquitto_pub", "-p", str(broker.port), "-r", "-t", topic(mqtt.TOKEN), "-s"], input=credit(1), check=True
        )
        with FaultProxy(broker.port) as proxy, meter_at(proxy.address) as meter:
            assert json.loads(reader.await_message(mqtt.RECEIPT))["outcome"] == "accepted"
            broker.stop()
            broker.start()
            reader.await_message(mqtt.LINK, lambda payload: payload == mqtt.ONLINE)
            assert reader.send_until_answered(credit(2))["redeemed"]
        assert meter.report["bought"] == 2 * FIVE

    def test_a_user_without_password_is_not_let_in_and_the_meter_says_why(self, tmp_path):
        (tmp_path / "passwords").touch()
        with (
            Mosquitto(tmp_path, ("allow_anonymous false", f"password_file {tmp_path}/passwords")) as broker,
            meter_at(broker.address) as meter,
        ):
            await_that(lambda: broker.log.count("not authorised") > 1)
        assert meter.report["connections"] == 0
        assert meter.report["trouble"] in ("the broker does not admit this user", "user or password is wrong")


CUTS = (0, 3, 6, 14)


class TestFaults:
    def _heals(self, broker, reader, proxy, meter):
        """Repair the network, and assert that a token gets through and counts once."""
        proxy.fault = Fault("none")
        assert reader.send_until_answered(credit(1))["redeemed"]
        assert meter.stop()["bought"] == FIVE

    @pytest.mark.parametrize("kind", ["dribble", "silent", "reset"])
    def test_a_peer_that_misbehaves_holds_nothing_up(self, broker, reader, kind):
        with FaultProxy(broker.port) as proxy:
            proxy.fault = Fault(kind, 0 if kind == "silent" else 6)
            with meter_at(proxy.address) as meter:
                await_that(lambda: proxy.connections > 0)
                time.sleep(1)
                self._heals(broker, reader, proxy, meter)

    def test_a_connection_may_be_cut_in_any_packet(self, broker, reader):
        with FaultProxy(broker.port) as proxy:
            proxy.fault = Fault("cut", CUTS[0])
            with meter_at(proxy.address) as meter:
                for place in CUTS:
                    proxy.fault = Fault("cut", place)
                    seen = proxy.connections
                    await_that(lambda seen=seen: proxy.connections > seen)
                self._heals(broker, reader, proxy, meter)

    def test_a_message_of_300_kb_is_thrown_away_and_answered(self, broker, reader):
        with meter_at(broker.address) as meter:
            await_online(reader)
            assert reader.send_token(bytes(300_000))["outcome"] == "unreadable"
            assert reader.send_token(credit(1))["outcome"] == "accepted"
        assert (meter.report["bought"], meter.report["connections"]) == (FIVE, 1)

    def test_a_refused_port_is_tried_again_until_somebody_listens(self, tmp_path):
        broker = Mosquitto(tmp_path)
        with meter_at(broker.address) as meter:
            time.sleep(1)
            with broker:
                reader = Reader(broker.address)
                assert reader.send_until_answered(credit(1))["redeemed"]
                reader.broker.close()
        assert meter.report["bought"] == FIVE

    def test_a_broker_that_restarts_finds_the_meter_again(self, broker, reader):
        with meter_at(broker.address) as meter:
            await_online(reader)
            broker.stop()
            time.sleep(0.5)
            broker.start()
            reader.await_message(mqtt.LINK, lambda payload: payload == mqtt.ONLINE)
            assert reader.send_token(credit(1))["outcome"] == "accepted"
        assert meter.report["connections"] == 2

    @pytest.mark.skipif(os.geteuid() != 0, reason="the port of name servers is for root alone")
    def test_a_silent_name_server_holds_nothing_up(self, broker):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            address = f"127.{os.getpid() % 250 + 1}.{free_port() % 250}.1"
            server.bind((address, 53))
            server.settimeout(LIMIT_S)
            with MeterAtBroker((f"mqtt dns {address}", f"mqtt broker localhost:{broker.port}"), SPEED) as meter:
                questions = [server.recvfrom(512)[0] for _ in range(names.TRIES + 1)]
                assert all(b"\x09localhost\0" in question for question in questions)
        assert meter.report["trouble"] == f"the name server {address} does not answer"

    @pytest.mark.skipif(os.geteuid() != 0, reason="the port of name servers is for root alone")
    def test_a_name_server_leads_to_the_broker(self, broker, reader):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            address = f"127.{os.getpid() % 250 + 1}.{free_port() % 250}.1"
            server.bind((address, 53))
            server.settimeout(LIMIT_S)
            with MeterAtBroker((f"mqtt dns {address}", f"mqtt broker localhost:{broker.port}"), SPEED) as meter:
                question, client = server.recvfrom(512)
                answer = b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x7f\0\0\x01"
                server.sendto(question[:2] + b"\x81\x80\0\x01\0\x01\0\0\0\0" + question[12:] + answer, client)
                await_online(reader)
        assert meter.report["connections"] == 1


class TestTls:
    def _connections(self, tmp_path, settings, line):
        with Mosquitto(tmp_path, settings) as broker:
            with MeterAtBroker((line, f"mqtt broker {broker.address}"), 5) as meter:
                await_that(lambda: f"as wattpurse-{METER_NUMBER}" in broker.log or broker.log.count("Error") > 1)
                time.sleep(0.5)
            return meter.report["connections"]

    def test_a_broker_that_proves_its_name_is_spoken_with(self, tmp_path):
        authority = Authority(tmp_path)
        assert self._connections(tmp_path, authority.settings("127.0.0.1"), authority.line()) == 1

    def test_a_certificate_of_another_authority_is_refused(self, tmp_path):
        (tmp_path / "other").mkdir()
        line = Authority(tmp_path / "other").line()
        assert self._connections(tmp_path, Authority(tmp_path).settings("127.0.0.1"), line) == 0

    def test_a_certificate_of_another_name_is_refused(self, tmp_path):
        authority = Authority(tmp_path)
        assert self._connections(tmp_path, authority.settings("127.0.0.2"), authority.line()) == 0

    def test_an_expired_certificate_is_refused(self, tmp_path):
        authority = Authority(tmp_path)
        assert self._connections(tmp_path, authority.settings("127.0.0.1", -20, -10), authority.line()) == 0


class TestStation:
    def test_send_and_listen_record_what_the_meter_did(self, broker, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        with station_office.opened(tmp_path) as office:
            self._send_and_listen(broker, office, capsys)

    def _send_and_listen(self, broker, office, capsys):
        assert cli.main(["meter", "add", str(METER_NUMBER)]) == 0
        meter_key, site_key = office.keys_of(METER_NUMBER)
        options = ["--broker", broker.address]
        assert cli.main(["token", str(METER_NUMBER), "money", "5", "--hex"]) == 0
        words = (f"mqtt broker {broker.address}",)
        with MeterAtBroker(words, SPEED, METER_NUMBER, meter_key, site_key) as meter:
            await_that(lambda: f"wattpurse-{METER_NUMBER}" in broker.log)
            time.sleep(1)
            assert cli.main(["mqtt", "send", str(METER_NUMBER), *options]) == 0
            assert "accepted, redeemed" in capsys.readouterr().out
            reader = Reader(broker.address)
            reader.await_message(mqtt.STATEMENT)
            reader.await_message(mqtt.STATEMENT)
            reader.broker.close()
            assert cli.main(["mqtt", "listen", *options, "--seconds", "1"]) == 0
            assert "alarms none" in capsys.readouterr().out
        assert meter.report["bought"] == FIVE
        assert cli.main(["mqtt", "send", str(METER_NUMBER), *options]) == 0
        assert "no tokens to send" in capsys.readouterr().out


def test_the_program_of_the_meter_refuses_a_wrong_command_line():
    done = subprocess.run([ROOT / "tools/toolchain/unix-run", "boards/host/at_broker.py"], capture_output=True)
    assert done.returncode == 2
