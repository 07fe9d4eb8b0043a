"""Real processes that send and are killed at each step: no message is sent twice, and people see each doubt."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.tools.headend.mail_server import MailServerOfTests
from tests.tools.headend.sending_process import STEPS
from wattpurse_tools.headend import outbox
from wattpurse_tools.headend.delivery import LEASE_S
from wattpurse_tools.headend.outbox import LOW_CREDIT, SENDING, SENT, UNKNOWN
from wattpurse_tools.office.manager_messages import FOR_MANAGERS
from wattpurse_tools.record.models import Customer, Message

NOON_S = 1_795_867_200
REACHES_THE_SERVER = ("handed over", "answered")


@pytest.fixture
def server():
    with MailServerOfTests() as server:
        yield server


def put(number):
    customer = Customer.objects.create(number=number, name="Ada", email=f"c{number}@example.org", created_s=0)
    outbox.put(customer, LOW_CREDIT, f"low:{number}", {"meter": number}, NOON_S)


def start(folder, server, step, now_s=NOON_S):
    command = [sys.executable, Path(__file__).with_name("sending_process.py"), folder.path, server.port, step, now_s]
    return subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def messages():
    return Message.objects.exclude(channel=FOR_MANAGERS)


def test_a_sender_that_is_killed_at_any_step_leaves_no_message_to_be_sent_twice(office_folder, server):
    for number, step in enumerate(STEPS, 1):
        put(number)
        process = start(office_folder, server, step)
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out) == (-9, ""), err
        assert messages().get(key=f"low:{number}:mail").state == SENDING
    end_s = time.monotonic() + 20
    while len(server.mails) < len(REACHES_THE_SERVER) and time.monotonic() < end_s:
        time.sleep(0.1)
    put(99)
    process = start(office_folder, server, "none", NOON_S + LEASE_S + 1)
    out, err = process.communicate(timeout=120)
    assert out == "1\n", err
    killed = messages().exclude(key="low:99:mail")
    assert set(killed.values_list("state", flat=True)) == {UNKNOWN}
    assert messages().get(key="low:99:mail").state == SENT
    assert Message.objects.filter(channel=FOR_MANAGERS).count() == len(STEPS)
    receivers = [mail["To"] for mail in server.mails]
    reached = [f"c{STEPS.index(step) + 1}@example.org" for step in REACHES_THE_SERVER]
    assert sorted(receivers) == sorted([*reached, "c99@example.org"])


def test_two_processes_send_each_message_once(any_folder, server):
    for number in range(1, 16):
        put(number)
    processes = [start(any_folder, server, "none") for _ in range(2)]
    counts = []
    for process in processes:
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
        counts.append(int(out))
    assert sum(counts) == 15
    assert sorted(mail["To"] for mail in server.mails) == sorted(f"c{number}@example.org" for number in range(1, 16))
    assert set(messages().values_list("state", flat=True)) == {SENT}
