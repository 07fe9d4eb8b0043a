"""The head-end on one machine: a port that is taken, addresses that are none, users of meters, and the sender."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.office.selling_site import build_site
from wattpurse_tools import cli, private_files
from wattpurse_tools.bench.mosquitto import free_port
from wattpurse_tools.headend.broker_files import HOST, BrokerFiles, is_password
from wattpurse_tools.pages import supervisor
from wattpurse_tools.pages.headend_machine import HeadendMachine

ROOT = Path(__file__).parents[3]


def test_a_port_that_is_taken_is_told_before_anything_is_made(tmp_path):
    folder = tmp_path / "office"
    paths = os.pathsep.join(str(ROOT / one) for one in (".", "firmware", "tools"))
    names = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"} | {"PYTHONPATH": paths}
    with socket.create_server((HOST, 0)) as broker:
        port = broker.getsockname()[1]
        words = ["headend", "start", "--trial", "--office", folder, "--port", "0", "--listen", f"{HOST}:{port}"]
        command = [sys.executable, "-m", "wattpurse_tools.cli", *words]
        done = subprocess.run(command, env=names, capture_output=True, text=True, timeout=240, check=False)
        broker.settimeout(0.1)
        with pytest.raises(TimeoutError):
            broker.accept()
    told = f"port {port} of {HOST} cannot be used (Address already in use); choose another one with --listen\n"
    assert (done.returncode, done.stderr) == (1, f"wattpurse: {told}")
    assert not folder.exists()


@pytest.mark.parametrize(
    "text", ["foo", ":1883", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "a b:1883", "::1:1883"]
)
def test_an_address_that_is_none_is_refused(capsys, text):
    with pytest.raises(SystemExit):
        cli.main(["headend", "start", "--listen", text])
    assert "write HOST:PORT, such as 127.0.0.1:1883" in capsys.readouterr().err


def test_a_number_that_is_no_port_is_refused():
    with pytest.raises(OSError, match="no port number.*--port"):
        supervisor.listen(HOST, 65_536)


@pytest.fixture
def command(office):
    """Return the command for users of meters, in an office with a broker. Meter 1 is known."""
    build_site()
    BrokerFiles(office.folder.path).make(HOST, 1883)
    return ["headend", "meter", "--json", "--office", str(office.folder.path)]


def test_a_meter_that_the_office_does_not_know_gets_no_user(command, office, capsys):
    assert cli.main([*command, "1", "99"]) == 1
    assert "meter 99 is none of this office" in capsys.readouterr().err
    files = BrokerFiles(office.folder.path)
    assert set(files.known_users()) == {"headend"}
    assert cli.main([*command, "99", "--anyway"]) == 0
    assert set(files.known_users()) == {"headend", "meter-99"}


def test_a_new_password_tells_that_it_replaces_the_former_one(command, office, capsys):
    assert cli.main([*command, "1"]) == 0
    assert capsys.readouterr().err == ""
    assert cli.main([*command, "1"]) == 0
    told = capsys.readouterr()
    assert "meter 1 has a password already; the new one replaces it" in told.err
    assert is_password(json.loads(told.out)["1"], BrokerFiles(office.folder.path).known_users()["meter-1"])


def test_the_sender_starts_when_a_channel_is_set_up(office_folder, monkeypatch):
    machine = HeadendMachine(office_folder, (HOST, 1883), None, 1.0)
    sender = next(one for one in machine.children() if one.name == "sender")
    begun = []
    monkeypatch.setattr(machine, "_start", lambda action: begun.append(action))
    for text, expected in (("", []), ("# none yet\n", []), ('[mail]\nhost = "localhost"\n', ["sender"])):
        private_files.replace(office_folder.headend_settings, text.encode())
        sender.keep_alive(pytest.fail)
        assert begun == expected
    office_folder.headend_settings.unlink()
    sender.begin()
    assert begun == ["sender"]


def test_a_wrong_file_of_settings_starts_the_sender_which_tells_the_fault(office_folder, monkeypatch):
    machine = HeadendMachine(office_folder, (HOST, 1883), None, 1.0)
    private_files.replace(office_folder.headend_settings, b"[mail")
    begun = []
    monkeypatch.setattr(machine, "_start", lambda action: begun.append(action))
    next(one for one in machine.children() if one.name == "sender").begin()
    assert begun == ["sender"]


def test_the_worker_tells_the_broker_and_the_remedy(office_folder, capsys):
    address = f"127.0.0.1:{free_port()}"
    assert cli.main(["headend", "worker", "--office", str(office_folder.path), "--broker", address]) == 1
    told = capsys.readouterr().err
    assert told.startswith(f"wattpurse: the broker {address} cannot be reached")
    assert "--broker" in told
