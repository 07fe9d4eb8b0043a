"""The link to a real mosquitto: it holds few messages however many wait, and loses none, also if it reads for long."""

import time

import pytest

from wattpurse_tools.bench.mosquitto import Mosquitto
from wattpurse_tools.headend import broker_link
from wattpurse_tools.headend.broker_link import BrokerLink
from wattpurse_tools.meter_link.broker import Access

SETTINGS = ("allow_anonymous true", "max_inflight_messages 50", "max_queued_messages 0")
TOPIC = "wattpurse/1/{}/statement"
HELD = 100
COUNT = 2_000
LIMIT_S = 120


@pytest.fixture
def broker(tmp_path):
    with Mosquitto(tmp_path, SETTINGS) as running:
        yield running


@pytest.fixture(autouse=True)
def few(monkeypatch):
    monkeypatch.setattr(broker_link, "HELD", HELD)


def worker_of(broker):
    return BrokerLink(Access(broker.address), "worker", ("$share/headend/wattpurse/1/+/statement",))


def publisher_of(broker):
    return BrokerLink(Access(broker.address), "publisher", ())


def messages(first, count):
    return [(TOPIC.format(first + place), b"x" * 300) for place in range(count)]


def held(link):
    """Return the number of messages that a link holds, with the one that waits for room."""
    return link._deliveries.qsize() + 1


def await_full(link):
    until = time.monotonic() + LIMIT_S
    while held(link) < HELD + 1:
        assert time.monotonic() < until, "the link does not fill"
        time.sleep(0.05)


def drain(link, found):
    """Take and acknowledge messages until all have come."""
    until = time.monotonic() + LIMIT_S
    while len(set(found)) < COUNT:
        assert time.monotonic() < until, f"{len(set(found))} of {COUNT} messages came"
        taken = link.receive(50, 0.2)
        link.acknowledge(taken)
        found += [one.topic for one in taken]


def test_a_worker_that_is_slower_than_the_meters_holds_few_messages(broker):
    """Acknowledge some messages while others come: mosquitto 2.0.11 sends on and passes its limit."""
    found = []
    with worker_of(broker) as link, publisher_of(broker) as meters:
        for first in range(0, COUNT, 100):
            meters.publish(messages(first, 100))
            taken = link.receive(20, 0.2)
            link.acknowledge(taken)
            found += [one.topic for one in taken]
            assert held(link) <= HELD + 1
        drain(link, found)
    assert sorted(found) == sorted(topic for topic, _ in messages(0, COUNT))


def test_messages_come_again_after_the_broker_has_ended_a_link_that_read_nothing(broker, monkeypatch):
    monkeypatch.setattr(broker_link, "KEEP_ALIVE_S", 2)
    found = []
    with worker_of(broker) as link:
        monkeypatch.setattr(broker_link, "KEEP_ALIVE_S", 30)
        with publisher_of(broker) as meters:
            for first in range(0, COUNT, 50):
                meters.publish(messages(first, 50))
                taken = link.receive(5, 0.2)
                link.acknowledge(taken)
                found += [one.topic for one in taken]
        await_full(link)
        until = time.monotonic() + LIMIT_S
        while "exceeded timeout" not in broker.log:
            assert time.monotonic() < until, "the broker has not ended the connection"
            time.sleep(0.2)
        drain(link, found)
        while link.receive(50, 1):
            pass
    with worker_of(broker) as link:
        assert len(link.receive(COUNT, 1)) <= 2 * HELD  # all others were acknowledged


def test_a_full_link_sends_to_meters_at_once(broker):
    """Send while the link does not read: the broker's answer must not wait behind messages of meters."""
    with worker_of(broker) as link, publisher_of(broker) as meters:
        for first in range(0, COUNT, 50):
            meters.publish(messages(first, 50))
            link.acknowledge(link.receive(5, 0.2))
        await_full(link)
        began = time.monotonic()
        link.publish([("wattpurse/1/7/token", b"a token")])
        assert time.monotonic() - began < broker_link.SEND_S / 2


def test_a_link_that_is_full_closes_at_once(broker):
    with worker_of(broker) as link, publisher_of(broker) as meters:
        for first in range(0, COUNT, 50):
            meters.publish(messages(first, 50))
            link.acknowledge(link.receive(5, 0.2))
        began = time.monotonic()
        link.close()
        assert time.monotonic() - began < 5
