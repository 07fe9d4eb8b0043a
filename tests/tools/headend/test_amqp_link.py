"""The addresses and topics of workers at a cluster of RabbitMQ. `make test-cluster` tries the link itself."""

import socket
import ssl
import threading
from contextlib import contextmanager, suppress

import pytest

from tests.tools.headend.test_web_hook import make_certificate
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


def test_a_node_that_does_not_answer_is_told_in_one_sentence(monkeypatch, caplog):
    monkeypatch.setattr(amqp_link, "CONNECT_S", 3)
    address = f"amqp://127.0.0.1:{free_port()}"
    with pytest.raises(OSError, match=r"in: Connection refused; start a node, or check --broker"):
        AmqpLink(Access(address), "headend", (mqtt.STATEMENT,)).__enter__()
    assert caplog.records == []


@pytest.mark.parametrize("address", ["amqp://127.0.0.1:abc", "amqp://", "amqp://rabbit1,,rabbit2"])
def test_a_node_that_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match=r"is no HOST\[:PORT\]"):
        AmqpLink(Access(address), "headend", ())


def test_nothing_is_published_without_a_connection():
    link = AmqpLink(Access("amqp://127.0.0.1"), "headend", ())
    with pytest.raises(OSError, match="does not answer"):
        link.publish([("wattpurse/1/7/token", b"sealed")])
    link.acknowledge([])
    assert link.receive(1, 0.01) == []


@contextmanager
def tls_server(certificate, key):
    """Listen at a port of this computer with a certificate, and shake hands. Yield port and outcomes."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    outcomes, listener = [], socket.create_server(("127.0.0.1", 0))

    def serve():
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.settimeout(10)
                try:
                    with context.wrap_socket(connection, server_side=True) as secured:
                        outcomes.append(secured.recv(8))
                except (OSError, ssl.SSLError) as error:
                    outcomes.append(error)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], outcomes
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(20)


def refusal_at(port, monkeypatch, scheme="amqps", host="localhost", ca=None):
    """Return the words of a link that no node lets in."""
    monkeypatch.setattr(amqp_link, "CONNECT_S", 4)
    with pytest.raises(OSError, match="lets this computer in") as refused:
        AmqpLink(Access(f"{scheme}://{host}:{port}", ca=ca), "headend", (mqtt.STATEMENT,)).__enter__()
    return str(refused.value)


def test_a_certificate_of_an_unknown_authority_is_told(tmp_path, monkeypatch):
    files = make_certificate(tmp_path)
    with tls_server(*files) as (port, outcomes):
        assert "the certificate is not right" in refusal_at(port, monkeypatch)
    assert outcomes
    assert b"AMQP" not in b"".join(one for one in outcomes if isinstance(one, bytes)), "nothing was sent to it"


def test_a_certificate_for_another_host_is_told(tmp_path, monkeypatch):
    files = make_certificate(tmp_path, "rabbit.example")
    with tls_server(*files) as (port, _):
        told = refusal_at(port, monkeypatch, ca=files[0])
    assert "the certificate is not right" in told
    assert "localhost" in told


def test_a_node_without_tls_is_told(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer():
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection:
                        connection.recv(8)
                        connection.sendall(b"AMQP\x00\x00\x09\x01")

        threading.Thread(target=answer, daemon=True).start()
        assert "no TLS" in refusal_at(listener.getsockname()[1], monkeypatch)
        listener.shutdown(socket.SHUT_RDWR)


def test_the_right_certificate_is_spoken_to(tmp_path, monkeypatch):
    files = make_certificate(tmp_path)
    with tls_server(*files) as (port, outcomes):
        told = refusal_at(port, monkeypatch, ca=files[0])
    assert "certificate" not in told
    assert b"AMQP\x00\x00\x09\x01" in outcomes
