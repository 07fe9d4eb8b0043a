"""A cluster of three RabbitMQ nodes, workers by AMQP and meters by MQTT: a node is killed under load, and nothing lost.

Messages go their ways without TLS and with it. The load and the killed nodes have TLS, as at an open network.

`make test-cluster` installs RabbitMQ and PostgreSQL and runs this file. `make test` does not collect it.
"""

import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from django.db import connections
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from wattpurse.core.messages import mqtt
from wattpurse_tools.bench.certificates import Authority
from wattpurse_tools.bench.office import postgresql
from wattpurse_tools.bench.rabbitmq import USER, Cluster
from wattpurse_tools.headend.amqp_link import AmqpLink
from wattpurse_tools.headend.broker_link import BrokerLink
from wattpurse_tools.meter_link.broker import Access
from wattpurse_tools.pages.settings import page_settings
from wattpurse_tools.record import office_folder
from wattpurse_tools.record.office_folder import OfficeFolder

METERS = 200
HOURS = 12
PUBLISHERS = 3
PIECE = 20
WAIT_S = 10.0
LIMIT_S = 300.0
QUIET_S = 3.0
METER = 7
GROUP = "headend"

Message = tuple[str, bytes]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with Cluster(tmp_path_factory.mktemp("cluster")) as one:
        yield one


@pytest.fixture(scope="module")
def site():
    """Return an office with METERS meters on a PostgreSQL with durable writes, and its vault."""
    with tempfile.TemporaryDirectory(prefix="wp-cluster-") as name:  # the database runs as another user
        yield from _site(Path(name))


def _site(folder: Path):
    office_folder.configure(OfficeFolder(folder), **page_settings() | {"ALLOWED_HOSTS": ["*"]})
    from wattpurse_tools.bench.headend_measures import Site, vault_process

    with postgresql(folder / "postgresql-data") as url:
        made = Site(folder, url, METERS)
        with vault_process(made.folder):
            made.use()
            yield made
        connections.close_all()


class Publisher(threading.Thread):
    """Some meters. Each message that a node has not acknowledged is sent again, to the next node; others are not."""

    def __init__(self, accesses: Sequence[Access], messages: Sequence[Message], first: int) -> None:
        super().__init__(daemon=True)
        self.acknowledged: list[Message] = []
        self.changes = 0
        self._accesses = accesses
        self._messages = messages
        self._place = first

    def run(self) -> None:
        """Send all messages, some at a time, in their order."""
        pieces = [list(self._messages[start : start + PIECE]) for start in range(0, len(self._messages), PIECE)]
        until = time.monotonic() + LIMIT_S
        while pieces and time.monotonic() < until:
            try:
                with self._connected() as client:
                    while pieces and time.monotonic() < until:
                        pieces[0] = self._send(client, pieces[0])
                        if pieces[0]:
                            break
                        del pieces[0]
            except OSError:
                time.sleep(0.2)
            if pieces:
                self._place += 1
                self.changes += 1

    def _send(self, client: paho.Client, messages: list[Message]) -> list[Message]:
        """Return the messages that are not acknowledged."""
        sent = [(one, client.publish(*one, qos=1)) for one in messages]
        until = time.monotonic() + WAIT_S
        while not all(number.is_published() for _, number in sent):
            if not client.is_connected() or time.monotonic() > until:
                break
            time.sleep(0.01)
        done = [one for one, number in sent if number.is_published()]
        self.acknowledged += done
        return [one for one in messages if one not in done]

    @contextmanager
    def _connected(self) -> Iterator[paho.Client]:
        access = self._accesses[self._place % len(self._accesses)]
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"{self.name}-{self.changes}", clean_session=True)
        access.identify(client)
        greeted = threading.Event()
        client.on_connect = lambda *_: greeted.set()
        client.connect(access.host, access.port, 10)
        client.loop_start()
        try:
            if not greeted.wait(WAIT_S):
                raise OSError("the node does not greet")
            yield client
        finally:
            client.disconnect()
            client.loop_stop()


@contextmanager
def worker(cluster: Cluster, site, name: str) -> Iterator[subprocess.Popen]:
    """Run a worker in a process of its own, which takes from all nodes by its settings alone, until it is killed."""
    password = site.folder.path.parent / "broker-password"
    password.write_text(cluster.password)
    words = ["--broker", amqps_address(cluster), "--ca", cluster.ca, "--user", USER, "--password-file", password]
    command = [sys.executable, "-m", "wattpurse_tools.cli", "headend", "worker", "--name", name, "--group", GROUP]
    process = subprocess.Popen([*command, "--office", site.folder.path, *words], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert "takes messages" in process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait(WAIT_S)


def amqps_address(cluster: Cluster) -> str:
    return "amqps://" + ",".join(node.amqps_address for node in cluster.nodes)


def worker_access(cluster: Cluster) -> Access:
    return Access(amqps_address(cluster), USER, cluster.password, cluster.ca)


def meter_accesses(cluster: Cluster) -> list[Access]:
    return [Access(node.mqtts_address, USER, cluster.password, cluster.ca) for node in cluster.nodes]


def plain_worker_access(cluster: Cluster) -> Access:
    address = "amqp://" + ",".join(node.amqp_address for node in cluster.nodes)
    return Access(address, USER, cluster.password)


def plain_meter_accesses(cluster: Cluster) -> list[Access]:
    return [Access(node.mqtt_address, USER, cluster.password) for node in cluster.nodes]


def await_that(is_so, limit_s: float = LIMIT_S) -> None:
    until = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < until, "it does not come about"
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("access_of", "accesses_of"), [(plain_worker_access, plain_meter_accesses), (worker_access, meter_accesses)]
)
def test_a_message_without_a_worker_waits_in_the_queue_and_its_topic_comes_back(cluster, access_of, accesses_of):
    names, access = (mqtt.STATEMENT, mqtt.RECEIPT), access_of(cluster)
    with AmqpLink(access, "waiting", names):
        pass
    with BrokerLink(accesses_of(cluster)[0], "publisher", ()) as meter:
        meter.publish([(mqtt.topic(METER, mqtt.STATEMENT), b"one"), (mqtt.topic(METER, mqtt.STATE), b"not wanted")])
        meter.publish([(mqtt.topic(METER, mqtt.RECEIPT), b"two")])
    with AmqpLink(access, "waiting", names) as link:
        found = link.receive(10, WAIT_S) + link.receive(10, QUIET_S)
        assert [(one.topic, one.payload) for one in found] == [
            (mqtt.topic(METER, mqtt.STATEMENT), b"one"),
            (mqtt.topic(METER, mqtt.RECEIPT), b"two"),
        ]
    with AmqpLink(access, "waiting", names) as link:
        again = link.receive(10, WAIT_S)
        again += link.receive(10, QUIET_S)
        assert [one.payload for one in again] == [b"one", b"two"]  # none was acknowledged
        link.acknowledge(again)
        time.sleep(QUIET_S)
    with AmqpLink(access, "waiting", names) as link:
        assert link.receive(10, QUIET_S) == []


@pytest.mark.parametrize("access_of", [plain_worker_access, worker_access])
def test_a_wrong_password_is_refused_with_words(cluster, access_of):
    with (
        pytest.raises(OSError, match="lets this computer in"),
        AmqpLink(replace(access_of(cluster), password="wrong"), "refused", (mqtt.STATEMENT,)),
    ):
        pass


def test_a_node_of_another_authority_is_not_spoken_to(cluster, tmp_path):
    other = Authority(tmp_path).file
    with (
        pytest.raises(OSError, match="the certificate is not right"),
        AmqpLink(replace(worker_access(cluster), ca=other), "refused", (mqtt.STATEMENT,)),
    ):
        pass
    with (
        pytest.raises(OSError, match="certificate verify failed"),
        BrokerLink(replace(meter_accesses(cluster)[0], ca=other), "refused", ()),
    ):
        pass


def test_a_killed_node_and_a_killed_worker_lose_and_double_nothing(cluster, site):
    """Kill the node of the workers' queue under load, and a worker. The node returns, and takes meters again."""
    from wattpurse_tools.record.models import Statement

    before, accesses = Statement.objects.count(), meter_accesses(cluster)
    messages = []
    for _ in range(HOURS):
        site.fleet.pass_hour()
        messages.append(site.messages(METERS))
    publishers = [
        Publisher(accesses, [one for hour in messages for one in hour[place::PUBLISHERS]], place)
        for place in range(PUBLISHERS)
    ]
    with worker(cluster, site, "one") as first, worker(cluster, site, "two"):
        victim = leader_of(cluster, f"wattpurse.{GROUP}")
        for one in publishers:
            one.start()
        await_that(lambda: acknowledged(publishers) >= METERS * HOURS // 4)
        victim.kill()
        await_that(lambda: acknowledged(publishers) >= METERS * HOURS // 2)
        first.kill()
        for one in publishers:
            one.join(LIMIT_S)
        told = {message for one in publishers for message in one.acknowledged}
        assert len(told) == METERS * HOURS == acknowledged(publishers)
        assert sum(one.changes for one in publishers) > 0
        await_that(lambda: Statement.objects.count() >= before + len(told))
        victim.start()
        victim.await_started()
        site.fleet.pass_hour()
        last = site.messages(METERS)
        with BrokerLink(accesses[cluster.nodes.index(victim)], "back", ()) as meters:
            meters.publish(last)
        await_that(lambda: Statement.objects.count() >= before + len(told) + len(last))
        time.sleep(QUIET_S)
    wanted = sorted(key_of(one) for one in [*told, *last])
    rows = Statement.objects.order_by("pk").values_list("meter_id", "number")[before:]
    assert sorted(rows) == wanted


def test_a_token_waits_for_a_meter_whose_node_has_died(cluster):
    """Kill the node where the session of a meter began: the session is still there."""
    accesses, topic = meter_accesses(cluster), mqtt.topic(METER, mqtt.TOKEN)
    with BrokerLink(accesses[2], "meter-7", (topic,)):
        pass
    with AmqpLink(worker_access(cluster), "sender", (mqtt.RECEIPT,)) as link:
        cluster.nodes[2].kill()
        await_that(lambda: is_sent(link, [(topic, b"first"), (topic, b"second")]))
        with BrokerLink(accesses[0], "meter-7", (topic,)) as meter:
            found = meter.receive(2, WAIT_S)
            found += meter.receive(2, QUIET_S)
            meter.acknowledge(found)
    assert {one.payload for one in found} == {b"first", b"second"}


def is_sent(link: AmqpLink, messages: Sequence[Message]) -> bool:
    try:
        link.publish(messages)
    except OSError:
        return False
    return True


def acknowledged(publishers: Sequence[Publisher]) -> int:
    return sum(len(one.acknowledged) for one in publishers)


def key_of(message: Message) -> tuple[int, int]:
    parsed = mqtt.parse_topic(message[0])
    assert parsed is not None
    return parsed[0], mqtt.unwrap_statement(message[1])[0]


def leader_of(cluster: Cluster, name: str):
    """Return the node that leads a quorum queue."""
    done = cluster.nodes[0].control("list_queues", "name", "leader", "--quiet", "--no-table-headers")
    leaders = dict(line.split("\t") for line in done.stdout.splitlines() if "\t" in line)
    return next(node for node in cluster.nodes if node.name == leaders[name].strip())
