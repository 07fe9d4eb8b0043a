"""A meter of the fleet at the broker in Python, with users and rights from the files of the office."""

import subprocess
import sys
import time

import pytest

from tests.tools.fleet.test_fleet import make_meter, token_for
from wattpurse.core.messages import mqtt, token
from wattpurse_tools.bench.mosquitto import free_port
from wattpurse_tools.fleet.fleet import Fleet
from wattpurse_tools.fleet.link import FleetLink
from wattpurse_tools.headend.broker_files import HEADEND, BrokerFiles, may, user_of
from wattpurse_tools.headend.worker import topics
from wattpurse_tools.meter_link.broker import Access, Broker
from wattpurse_tools.pages.headend_machine import answers

METER = 40_777
UNIT = 1_000_000


@pytest.fixture
def place(tmp_path):
    """Return files and port of a broker that runs."""
    office, port = tmp_path / "office", free_port()
    office.mkdir(mode=0o700)
    files = BrokerFiles(office)
    files.make("127.0.0.1", port)
    command = [sys.executable, "-m", "wattpurse_tools.headend.python_broker", files.folder, "127.0.0.1", str(port)]
    process = subprocess.Popen(command)
    until = time.monotonic() + 60
    while not answers(("127.0.0.1", port)):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.1)
    yield files, port
    process.terminate()
    process.wait(30)


def test_a_meter_takes_a_token_and_publishes_its_statement(place):
    files, port = place
    password = files.add_meters([METER])[METER]
    meter = make_meter(METER)
    fleet = Fleet([FleetLink(meter, ("127.0.0.1", port), (user_of(METER), password))])
    with Broker(Access(f"127.0.0.1:{port}", HEADEND, files.password.read_text())) as station:
        for topic in topics(""):
            station.subscribe(topic)
        assert fleet.settle(30)
        station.publish(mqtt.topic(METER, mqtt.TOKEN), token_for(METER, 1, token.CREDIT_MONEY, 5 * UNIT))
        until = time.monotonic() + 30
        while not meter.contact.is_closed and time.monotonic() < until:
            fleet.pump(0.1)
        names = {mqtt.parse_topic(topic)[1] for topic, _ in station.messages(3)}
        fleet.close()
    assert meter.account.money.balance == 5 * UNIT
    assert names >= {mqtt.STATEMENT, mqtt.LINK}


def test_a_wrong_password_is_refused(place):
    _, port = place
    with pytest.raises(OSError, match="does not let"):
        Broker(Access(f"127.0.0.1:{port}", HEADEND, "wrong"))


@pytest.mark.parametrize(
    ("user", "topic", "is_publishing", "expected"),
    [
        (HEADEND, "wattpurse/1/+/statement", False, True),
        (HEADEND, "other/1", True, False),
        ("meter-5", "wattpurse/1/5/token", False, True),
        ("meter-5", "wattpurse/1/5/token", True, True),
        ("meter-5", "wattpurse/1/5/statement", True, True),
        ("meter-5", "wattpurse/1/5/statement", False, False),
        ("meter-5", "wattpurse/1/55/statement", True, False),
        ("meter-5", "wattpurse/1/#", False, False),
        ("other-5", "wattpurse/1/5/token", False, False),
        ("", "wattpurse/1/5/token", False, False),
    ],
)
def test_rights(user, topic, is_publishing, expected):
    assert may(user, topic, is_publishing) is expected
