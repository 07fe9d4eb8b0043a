"""The mosquitto of one machine is killed, and meters are back before its worker: the statements wait for the worker."""

import os
import signal
import time

import pytest

from wattpurse.core.messages import mqtt
from wattpurse_tools.bench.mosquitto import free_port
from wattpurse_tools.headend.broker_files import HEADEND, HOST, BrokerFiles
from wattpurse_tools.headend.broker_link import BrokerLink
from wattpurse_tools.headend.worker import topics
from wattpurse_tools.meter_link.broker import Access
from wattpurse_tools.pages import headend_machine
from wattpurse_tools.pages.headend_machine import HeadendMachine
from wattpurse_tools.record.office_folder import OfficeFolder

METER = 1001
COUNT = 5
LIMIT_S = 60
WAIT_S = 3.0


class Place:
    """A machine with its broker, as `wattpurse headend start` makes them."""

    def __init__(self, folder):
        self.address = HOST, free_port()
        self.machine = HeadendMachine(OfficeFolder(folder), self.address, headend_machine.mosquitto(), 1.0)
        self.machine.make_files()
        self.files = BrokerFiles(folder)
        self.process = None

    def child(self, name):
        """Return a process of the machine."""
        return next(one for one in self.machine.children() if one.name == name)

    def link(self, name, names=()):
        """Return a link of the head-end."""
        return BrokerLink(Access(f"{HOST}:{self.address[1]}", HEADEND, self.files.password.read_text()), name, names)

    def start(self):
        """Start the broker."""
        self.process = self.child("broker").start()
        await_true(lambda: headend_machine.answers(self.address))

    def save(self):
        """Let the broker save its sessions, as it does every 30 s."""
        file = self.files.data / "mosquitto.db"
        os.kill(self.process.pid, signal.SIGUSR1)
        await_true(file.exists)

    def kill(self):
        """End the broker at once."""
        self.process.kill()
        self.process.wait(LIMIT_S)


def await_true(is_so):
    until = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < until, "not in time"
        time.sleep(0.05)


@pytest.fixture
def place(tmp_path):
    assert headend_machine.mosquitto(), "type tools/toolchain/debian-packages mosquitto=mosquitto"
    office = tmp_path / "office"
    office.mkdir(mode=0o700)
    one = Place(office)
    one.start()
    yield one
    one.kill()


def group_of_the_worker(place, monkeypatch):
    """Return the group in the command of the machine's worker."""
    commands = []
    monkeypatch.setattr(headend_machine, "start_module", commands.append)
    place.child("worker").start()
    return commands[0][commands[0].index("--group") + 1]


@pytest.mark.parametrize(("is_shared", "coming"), [(False, COUNT), (True, 0)])
def test_statements_wait_for_the_worker_after_a_kill(place, monkeypatch, is_shared, coming):
    """Lose nothing with the worker's own subscriptions. With shared ones, as before, mosquitto loses all of them."""
    names = topics("headend" if is_shared else group_of_the_worker(place, monkeypatch))
    with place.link("worker", names):
        pass
    place.save()
    place.kill()
    place.start()
    with place.link("meters") as meters:
        meters.publish([(mqtt.topic(METER, mqtt.STATEMENT), b"%d" % number) for number in range(COUNT)])
    with place.link("worker", names) as worker:
        found = set()
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            found |= {one.payload for one in worker.receive(2 * COUNT, 0.2)}
    assert len(found) == coming
