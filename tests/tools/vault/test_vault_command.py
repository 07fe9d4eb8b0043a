"""`wattpurse vault` as a person uses it: make, serve, govern, two persons, and the ways back after a loss."""

import json
import os
import threading

import pytest

from tests.tools.vault import vault_bench
from tests.tools.vault.vault_bench import METER, PASSPHRASE, money
from wattpurse_tools import cli
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.places import folder_of, socket_of
from wattpurse_tools.vault.server import Server

WAIT_S = 20


@pytest.fixture(autouse=True)
def office(tmp_path, monkeypatch):
    """Work in an empty folder, with the passphrase in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WATTPURSE_OFFICE", str(tmp_path / "office"))
    return tmp_path / "office"


@pytest.fixture
def run(capsys, monkeypatch):
    """Return a runner of a command line, with PINs as lines of a descriptor. It returns the output."""

    def run(line, *pins, passphrase=PASSPHRASE, status=0):
        monkeypatch.setenv("WATTPURSE_PASSPHRASE", passphrase)
        capsys.readouterr()
        words = ["vault", *line.split("|")[0].split(), *line.split("|")[1:]]
        reader, writer = os.pipe()
        os.write(writer, "".join(pin + "\n" for pin in pins).encode())
        os.close(writer)
        if pins:
            words += ["--pin-fd", str(reader)]
        try:
            found = cli.main(words)
        finally:
            os.close(reader)
        captured = capsys.readouterr()
        assert found == status, captured
        return captured.out if status == 0 else captured.err

    return run


@pytest.fixture
def serve(office):
    """Return a function that serves the vault of the office in a thread until the test ends."""
    servers = []

    def start():
        server = Server(Vault.open(folder_of(office), PASSPHRASE), socket_of(office))
        thread = threading.Thread(target=server.run)
        thread.start()
        servers.append((server, thread))

        def stop():
            server.stop()
            thread.join(WAIT_S)

        return stop

    yield start
    for server, thread in servers:
        if thread.is_alive():
            server.stop()
            thread.join(WAIT_S)


def test_a_house_of_one_person_signs_on_as_its_unix_user(run, serve, office):
    assert "new vault" in run("init --work 10", "482915")
    serve()
    assert "operator 1: owner" in run("operators")
    assert "versions: 1" in run("status")
    client = VaultClient(socket_of(office))
    assert client.issue(client.sign_on_as_user().ticket, METER, 1, [money(1)], 0, "sale")[0].sequence == 1
    assert "1: issue" in run("log")


def test_a_vault_with_pins_alone_knows_no_unix_user(run, serve):
    run("init --work 10 --pin-only", "482915")
    serve()
    assert "knows no operator" in run("requests", status=1)
    assert run("requests --as 1", "482915") == ""


def test_with_two_persons_no_unix_user_is_one_of_them(run, serve):
    run("init --work 10 --persons 2 --operator anna --operator ben", "482915", "730264")
    serve()
    assert "knows no operator" in run("requests", status=1)


def test_two_persons_add_a_clerk_with_limits(run, serve):
    run("init --work 10 --persons 2 --operator anna --operator ben", "482915", "730264")
    serve()
    line = "operator 3 --name carla --rights sell --limit day_microunits=50000000 --as 1"
    assert "propose it with --reason" in run(line, "482915", "905173", status=1)
    assert "Request 1 waits" in run(f"{line} --reason|the new clerk", "482915", "905173")
    told = run("requests --as 2", "730264")
    assert "because: the new clerk" in told
    assert "carla" in told
    assert "proposed this request yourself" in run("approve 1 --as 1", "482915", status=1)
    run("approve 1 --as 2", "730264")
    assert "carla; rights: sell; limits: day_microunits 50000000" in run(f"{line} --approval 1", "482915", "905173")
    assert "operator 3: carla" in run("operators")
    assert "out of service" in run("operator 3 --service off --as 1", "482915")
    run("operator 2 --name bea --as 1 --reason|married", "482915")
    run("deny|2|not yet|--as|1", "482915")
    assert "denied by operator 1 (not yet)" in run("requests --as 2", "730264")


def test_a_pin_is_changed_by_its_owner_and_reset_by_the_holder_of_the_passphrase(run, serve):
    run("init --work 10", "482915")
    stop = serve()
    run("pin 1", "482915", "391746")
    assert "another PIN" in run("pin 1", "482915", "391746", status=1)
    stop()
    run("reset-pin 1", "618402")
    serve()
    assert run("requests --as 1", "618402") == ""


def test_keys_and_numbers_of_a_key_file_are_taken_over(run, tmp_path, serve, office):
    (tmp_path / "keys.json").write_text(json.dumps(vault_bench.key_file_document()))
    (tmp_path / "keys.json.sequences").write_text(json.dumps({str(METER): 41}))
    assert "Destroy keys.json" in run("init --work 10 --from keys.json", "482915")
    stop = serve()
    client = VaultClient(socket_of(office))
    assert client.fingerprint() == "82e7a4d6d4774c8170523d6fef8e4612"
    assert client.issue(client.sign_on_as_user().ticket, METER, 1, [money(1)], 0, "sale")[0].sequence == 42
    assert f"meter {METER} continues after count 60" in run(f"count {METER} 60")
    assert client.last_count(METER) == 60
    stop()


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"format": 9}', '{"vending_key": "0011"}'])
def test_a_file_that_is_no_key_file_makes_no_vault(run, tmp_path, office, text):
    (tmp_path / "keys.json").write_text(text)
    assert "not a key file" in run("init --work 10 --from keys.json", "482915", status=1)
    assert not folder_of(office).exists()


def test_a_mistyped_key_is_not_shown(run, tmp_path):
    document = vault_bench.key_file_document()
    document["keys"][0]["vending_key"] = "0123456789abcdef0123456789abcdex"
    (tmp_path / "keys.json").write_text(json.dumps(document))
    assert "0123456789" not in run("init --work 10 --from keys.json", "482915", status=1)


def test_numbers_beside_a_key_file_that_cannot_be_read_make_no_vault(run, tmp_path):
    (tmp_path / "keys.json").write_text(json.dumps(vault_bench.key_file_document()))
    (tmp_path / "keys.json.sequences").write_text("{")
    assert "cannot be read" in run("init --work 10 --from keys.json", "482915", status=1)


def test_lost_counters_and_older_keys_have_a_way_back(run, office):
    run("init --work 10", "482915")
    folder = folder_of(office)
    older = (folder / "keys").read_bytes()
    run("check-log")
    (folder / "counters.db").unlink()
    assert "--counters-lost" in run("check-log", status=1)
    assert "begin anew" in run("init --counters-lost")
    run("check-log")
    (folder / "keys").write_bytes(older)
    assert "--older-keys" in run("check-log", status=1)
    assert "goes on" in run("init --older-keys")
    assert "lines" in run("check-log")


def test_the_passphrase_and_the_persons_are_changed_by_its_holder_alone(run, office):
    run("init --work 10 --operator anna --operator ben", "482915", "730264")
    assert "needs 2 person" in run("persons 2")
    reader, writer = os.pipe()
    os.write(writer, b"five other plain words\n")
    os.close(writer)
    run(f"passwd --work 10 --new-fd {reader}")
    os.close(reader)
    assert "passphrase is wrong" in run("check-log", status=1)
    assert "lines" in run("check-log", passphrase="five other plain words")
    assert "passphrase is wrong" in run("reset-pin 1", "618402", status=1)


def test_a_command_without_a_vault_names_the_one_that_starts_it(run):
    assert "wattpurse vault serve" in run("status", status=1)
    assert "wattpurse vault init" in run("serve", status=1)


def test_a_passphrase_that_is_nowhere_is_asked_for_at_a_terminal_alone(run, monkeypatch, capsys):
    run("init --work 10", "482915")
    monkeypatch.delenv("WATTPURSE_PASSPHRASE", raising=False)
    monkeypatch.setattr("sys.stdin", open(os.devnull))  # noqa: SIM115 closed with the process
    assert cli.main(["vault", "check-log"]) == 1
    assert "no terminal to ask at" in capsys.readouterr().err
    assert "WATTPURSE_PASSPHRASE" not in os.environ


@pytest.mark.parametrize("limit", ["day_mwh", "day_mwh=", "day_mwh=-1", "week_mwh=1", "day_mwh=1.5"])
def test_a_limit_that_cannot_be_is_refused(run, serve, limit):
    run("init --work 10", "482915")
    serve()
    assert "NAME=NUMBER" in run(f"operator 1 --limit {limit}", status=1)
