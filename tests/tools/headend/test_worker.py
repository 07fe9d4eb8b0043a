"""Workers at a real mosquitto: killed between commit and acknowledgement, with database, vault and broker restarted."""

import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import pytest
from django.db import OperationalError, connections
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.tools.headend.network_meter import NetworkMeter
from tests.tools.headend.test_ingest import top_up
from wattpurse.core.messages import mqtt
from wattpurse_tools.bench.mosquitto import Mosquitto
from wattpurse_tools.headend import ingest
from wattpurse_tools.headend.broker_link import BrokerLink
from wattpurse_tools.headend.worker import Worker, topics
from wattpurse_tools.meter_link.broker import Access
from wattpurse_tools.record.models import Command, SetAside, Statement

SETTINGS = ("allow_anonymous true", "max_inflight_messages 2000", "max_queued_messages 0")
LIMIT_S = 120
PAUSE_S = 0.05


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(tmp_path, SETTINGS) as running:
        yield running


@pytest.fixture
def meter(office, manager):
    return NetworkMeter(office, manager, 1001)


class Publisher:
    """A client that publishes as a meter does, and answers tokens."""

    def __init__(self, broker):
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.connect("127.0.0.1", broker.port)
        self.client.loop_start()

    def publish(self, *messages):
        await_true(self.client.is_connected)
        for topic, payload in messages:
            self.client.publish(topic, payload, 1).wait_for_publish(LIMIT_S)

    def serve(self, meter):
        """Answer the tokens that come to a meter."""

        def answer(_client, _data, message):
            self.client.publish(*meter.answer(message.payload), 1)

        self.client.on_message = answer
        self.client.subscribe(meter.topic(mqtt.TOKEN), 1)


@pytest.fixture
def publisher(broker):
    one = Publisher(broker)
    yield one
    one.client.disconnect()
    one.client.loop_stop()


@contextmanager
def running(office, broker, name="worker", **facts):
    """Run a worker in a thread for a `with` block."""
    ended = threading.Event()

    def work():
        with BrokerLink(Access(broker.address), name, topics()) as link:
            worker = Worker(office, link, tell=told.append, **facts)
            started.set()
            worker.run(ended.is_set)
        connections.close_all()

    told, started = [], threading.Event()
    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(LIMIT_S)
    yield told
    ended.set()
    thread.join(LIMIT_S)
    assert not thread.is_alive()


def await_true(fits):
    """Wait until `fits` is true."""
    until = time.monotonic() + LIMIT_S
    while not fits():
        assert time.monotonic() < until, "not in time"
        time.sleep(PAUSE_S)


def test_statements_come_in_and_a_token_goes_out(office, manager, broker, publisher, meter):
    publisher.serve(meter)
    with running(office, broker):
        publisher.publish(meter.statement(), (meter.topic(mqtt.LINK), mqtt.ONLINE), (meter.topic("statement"), b"bad"))
        await_true(lambda: Statement.objects.count() == 1 and SetAside.objects.count() == 1)
        top_up(office, manager, meter)
        await_true(lambda: Command.objects.get().state == "done")
        meter.use()
        publisher.publish(meter.statement())
        await_true(lambda: Statement.objects.count() == 2)


KILLED = """
import os, sys
from django.db import transaction
from pathlib import Path
from tests import office_of_tests
office_of_tests.configure()
from wattpurse_tools.headend import broker_link
from wattpurse_tools.cli import main
broker_link.BrokerLink.acknowledge = lambda *_: os._exit(9)
main(["headend", "worker", "--office", sys.argv[1], "--broker", sys.argv[2], "--name", "worker"])
"""


def test_a_worker_killed_after_its_commit_doubles_nothing(office, broker, publisher, meter, tmp_path):
    from wattpurse_tools.vault.server import Server

    with running(office, broker):
        pass  # the session is at the broker
    for _ in range(3):
        publisher.publish(meter.statement())
        meter.use()
    server = Server(office.keys, office.folder.socket)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        words = [sys.executable, "-c", KILLED, str(office.folder.path), broker.address]
        assert subprocess.run(words, timeout=LIMIT_S, env={**os.environ, "PYTHONPATH": os.getcwd()}).returncode == 9
    finally:
        server.stop()
        thread.join()
    assert Statement.objects.count() == 3


def test_a_database_that_is_away_loses_nothing(office, broker, publisher, meter, monkeypatch):
    take, faults = ingest.take, [OperationalError("the server closed the connection")] * 2

    def take_later(*arguments):
        if faults:
            raise faults.pop()
        return take(*arguments)

    monkeypatch.setattr(ingest, "take", take_later)
    with running(office, broker) as told:
        publisher.publish(meter.statement())
        await_true(lambda: Statement.objects.count() == 1)
    assert len(told) == 2


def test_one_message_that_breaks_its_batch_is_found(office, broker, publisher, meter, monkeypatch):
    take = ingest.take

    def take_all_but_one(office, messages, now_s):
        if any(payload == b"odd" for _, payload in messages):
            raise RuntimeError("odd")
        return take(office, messages, now_s)

    monkeypatch.setattr(ingest, "take", take_all_but_one)
    batch = [meter.statement(), (meter.topic("statement"), b"odd")]
    for _ in range(3):
        meter.use()
        batch.append(meter.statement())
    publisher.publish(*batch)
    link = BrokerLink(Access(broker.address), "worker", ())
    assert Worker(office, link).take(batch).statements == 4
    assert SetAside.objects.get().reason == "RuntimeError: odd"


def test_a_broker_that_restarts_brings_the_messages_again(office, broker, publisher, meter):
    with running(office, broker):
        publisher.publish(meter.statement())
        await_true(lambda: Statement.objects.count() == 1)
        broker.stop()
        meter.use()
        broker.start()
        publisher.publish(meter.statement())
        await_true(lambda: Statement.objects.count() == 2)
