"""The addresses and topics of workers at a cluster of RabbitMQ. `make test-cluster` tries the link itself."""

import pytest

from wattpurse.core.messages import mqtt
from wattpurse_tools.bench.mosquitto import free_port
from wattpurse_tools.headend import amqp_link
from wattpurse_tools.headend.amqp_link import AmqpLink
from wattpurse_tools.meter_link.broker import Access, topic_of_all


def test_a_topic_comes_back_from_its_routing_key():
    topic = mqtt.topic(40_001_234, mqtt.STATEMENT)
    assert amqp_link.routing_key(topic) == "wattpurse.1.40001234.statement"
    assert amqp_link.topic_of(amqp_link.routing_key(topic)) == topic


def test_the_topic_of_all_meters_becomes_a_binding():
    assert amqp_link.routing_key(topic_of_all(mqtt.ALARMS)) == "wattpurse.1.*.alarms"


def test_nodes_that_do_not_answer_are_told(monkeypatch):
    monkeypatch.setattr(amqp_link, "CONNECT_S", 3)
    address = f"amqp://127.0.0.1:{free_port()},127.0.0.1:{free_port()}"
    with pytest.raises(OSError, match=f"no node of {address} lets this computer in"):
        AmqpLink(Access(address), "headend", (mqtt.STATEMENT,)).__enter__()


def test_nothing_is_published_without_a_connection():
    link = AmqpLink(Access("amqp://127.0.0.1"), "headend", ())
    with pytest.raises(OSError, match="does not answer"):
        link.publish([("wattpurse/1/7/token", b"sealed")])
    link.acknowledge([])
    assert link.receive(1, 0.01) == []
