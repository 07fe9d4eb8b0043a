"""The outages of a story: their times, and the processes that it kills."""

import subprocess
import sys

import pytest

from wattpurse_tools.rehearsal.outages import Outages
from wattpurse_tools.rehearsal.processes import Processes

HOUR_S = 3_600
LIMIT_S = 30

PARENT = """
import subprocess, sys
code = "import time; print('up', flush=True); time.sleep(60)"
words = [("-c", code, "wattpurse_tools.headend.python_broker"), ("-c", code, "headend", "worker")]
children = [subprocess.Popen([sys.executable, *one], stdout=subprocess.PIPE) for one in words]
for one in children:
    one.stdout.readline()
print("up", flush=True)
for one in children:
    print(one.wait(), flush=True)
"""


def test_the_longest_outage_of_a_kind_is_told():
    outages = Outages()
    outages.begin("broker", 200, 0)
    outages.begin("broker", 200, HOUR_S)  # killed again before it is back
    outages.end("broker", 3 * HOUR_S + 120)
    outages.end("broker", 9 * HOUR_S)
    outages.begin("broker", 20, 10 * HOUR_S)
    outages.end("broker", 11 * HOUR_S)
    assert outages.lines() == {"broker": "2, of at most 200 meters, the longest 3 h 02 min"}


def test_an_outage_that_goes_on_is_no_line():
    outages = Outages()
    outages.begin("broker", 200, 0)
    assert outages.lines() == {}
    assert outages.is_open("broker")


@pytest.fixture
def parent():
    process = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "up\n"
        yield process
    finally:
        Processes(process.pid).kill_broker()
        Processes(process.pid).kill_action("worker")
        process.wait(LIMIT_S)


def test_the_processes_of_one_supervisor_are_killed_by_name(parent):
    processes = Processes(parent.pid)
    assert not processes.kill_action("engine")
    assert processes.kill_broker()
    assert parent.stdout.readline() == "-9\n"
    assert processes.kill_action("worker")
    assert parent.stdout.readline() == "-9\n"
    assert not processes.kill_broker()


def test_the_processes_of_another_supervisor_are_left_alone(parent):
    assert not Processes(parent.pid + 1).kill_broker()
    assert parent.poll() is None
