"""Readers at the readout head of a whole meter, over a pseudo terminal: PyPI's `iec62056-21`, and `wattpurse readout`.

The reader of PyPI shares no code with this project.
"""

import contextlib
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
import time
from datetime import datetime
from pathlib import Path

import pytest
from iec62056_21.client import Iec6205621Client
from iec62056_21.messages import CommandMessage, DataSet

from tests.house.places import ROOT
from tests.tools.head_on_pty import PASSWORD, HeadOnPty
from wattpurse.core.text import time_text
from wattpurse.services.console.facts import zone_of
from wattpurse_tools import cli
from wattpurse_tools.meter_link import readout


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    with HeadOnPty(tmp_path_factory.mktemp("head")) as head:
        yield head


@pytest.fixture
def client(head):
    client = Iec6205621Client.with_serial_transport(head.path)
    client.connect()
    yield client
    client.disconnect()


def test_a_reader_of_pypi_reads_all_registers(client):
    found = {one.address: one for one in client.standard_readout().data if one.address}
    assert client.manufacturer_id == "WPS"
    assert client.identification == "@WATTPURSE"
    assert client.switchover_baudrate == 9600
    assert found["C.1.0"].value == "40123"
    assert (found["1.8.0"].value, found["1.8.0"].unit) == ("000000.000", "kWh")
    assert {"F.F", "0.9.1", "0.9.2", "1.8.1", "1.9.0"} <= set(found)


def test_a_reader_of_pypi_reads_single_registers_and_sets_the_clock(client, head):
    request = client.access_programming_mode()
    assert (request.command, request.command_type, request.data_set.value) == ("P", 0, "40123")
    assert client.read_single_value("1.8.0").value == "000000.000"
    # Its own command for a password is broken: it leaves the address out.
    password = CommandMessage("P", 1, DataSet(address="", value=PASSWORD))
    client.transport.send(password.to_bytes())
    assert client.transport.recv(1) == b"\x06"
    now = time_text(head.meter.timekeeper.now_s() + 60, zone_of(head.meter))
    client.write_single_value("0.9.1", now[11:19].replace(":", ""))
    client.send_break()


def run(*words):
    return cli.main(["readout", *words])


def test_the_command_prints_a_table(head, capsys):
    assert run(head.path) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("WPS WATTPURSE, 20")
    assert lines[1].split() == ["code", "value", "unit", "time"]
    assert ["1.8.0", "000000.000", "kWh"] in [line.split() for line in lines]


def test_the_command_prints_json_with_times_of_rfc_3339(head, capsys):
    assert run(head.path, "--json", "--address", "0040123") == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["meter_number"] == "40123"
    moment = datetime.fromisoformat(facts["time"])
    assert moment.utcoffset() is not None
    assert abs(moment.timestamp() - head.meter.timekeeper.now_s()) < 30
    assert {"code": "1.8.0", "value": "000000.000", "unit": "kWh"} in facts["registers"]


def test_the_command_reads_one_register(head, capsys):
    assert run(head.path, "--register", "C.1.0") == 0
    assert capsys.readouterr().out == "40123\n"


def test_a_register_that_does_not_exist_is_told(head, capsys):
    assert run(head.path, "--register", "2.8.0") == 1
    assert "no such register (ER01)" in capsys.readouterr().err


def test_the_command_sets_the_clock_with_the_password_alone(head, capsys, monkeypatch):
    now = time_text(head.meter.timekeeper.now_s() + 30, zone_of(head.meter))[:19]
    monkeypatch.setenv("WATTPURSE_READOUT_PASSWORD", "wrong-wrong")
    assert run(head.path, "--set-clock", now) == 1
    assert "wrong password" in capsys.readouterr().err
    monkeypatch.setenv("WATTPURSE_READOUT_PASSWORD", PASSWORD)
    assert run(head.path, "--set-clock", "2031-01-01T00:00:00") == 1
    assert "(ER0" in capsys.readouterr().err
    assert run(head.path, "--set-clock", now) == 0


def test_the_simulated_meter_at_its_screen_has_a_head_on_a_pseudo_terminal(tmp_path, capsys):
    link = tmp_path / "meter/readout"
    words = ["--readout", "--state", tmp_path / "meter", "--cards", tmp_path / "cards", "--desk", tmp_path / "office"]
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    screen, keyboard = pty.openpty()
    fcntl.ioctl(keyboard, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    meter = subprocess.Popen(
        [ROOT / "tools/toolchain/unix-run", "boards/host/run.py", *words],
        stdin=keyboard,
        stdout=keyboard,
        stderr=keyboard,
        start_new_session=True,
        env=os.environ | {"PATH": path},
    )
    os.close(keyboard)
    shown = bytearray()
    drain = threading.Thread(target=_read_all, args=(screen, shown))
    drain.start()
    try:
        _await(link.is_symlink)
        assert run(str(link), "--register", "C.1.0") == 0
        assert capsys.readouterr().out == "10000001\n"
        os.write(screen, b"q")
        assert meter.wait(30) == 0
        _await(lambda: not link.is_symlink())
    finally:
        meter.kill()
        meter.wait()
        drain.join()
        os.close(screen)
    assert b"The readout head is at /dev/pts/" in shown


def _read_all(screen, shown):
    with contextlib.suppress(OSError):
        while data := os.read(screen, 4096):
            shown += data


def _await(condition):
    for _ in range(1_200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within a minute")


def test_a_head_at_which_nobody_answers_is_told(capsys, monkeypatch):
    monkeypatch.setattr(readout, "BEGIN_S", 0.3)
    master, slave = os.openpty()
    try:
        assert run(os.ttyname(slave)) == 1
    finally:
        os.close(master)
        os.close(slave)
    assert "nobody answers" in capsys.readouterr().err


def test_wrong_words_are_told_before_a_port_is_opened(capsys):
    assert run("/dev/null", "--set-clock", "tomorrow") == 1
    assert "local time" in capsys.readouterr().err
    assert run("/dev/does-not-exist") == 1
    assert "cannot be used" in capsys.readouterr().err
