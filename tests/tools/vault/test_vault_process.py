"""The vault's process: its socket, its peers, broken lines, slow clients, its end, and a kill at any moment."""

import ctypes
import json
import os
import random
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from tests.house.places import ROOT
from tests.tools.vault import vault_bench
from tests.tools.vault.test_vault_tokens import UID, statement
from tests.tools.vault.vault_bench import CLERK, METER, OWNER, PASSPHRASE, PINS, money, opened, ticket_of
from wattpurse.core.messages import token
from wattpurse.core.money.key_card import BY_TARIFF, CardContent
from wattpurse_tools.vault import server as servers
from wattpurse_tools.vault import wire
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.interface import ApprovalNeeded, Operator, Refused, SignOnNeeded, TokenOrder, VaultClosed
from wattpurse_tools.vault.packed_statements import unseal
from wattpurse_tools.vault.server import Server

WAIT_S = 20


@contextmanager
def serving(folder, path):
    """Serve a vault in a thread of this process."""
    server = Server(vault_bench.open_vault(folder), path)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield VaultClient(path)
    finally:
        server.stop()
        thread.join(WAIT_S)
    assert not thread.is_alive()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "vault.sock"


@pytest.fixture
def client(folder, path):
    vault_bench.make(folder, users={os.getuid(): CLERK})
    with serving(folder, path) as client:
        yield client


@contextmanager
def raw(path):
    """Connect without the client, and yield the socket after the greeting."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(WAIT_S)
        connection.connect(str(path))
        assert json.loads(read_line(connection)) == {"wattpurse_vault": 1}
        yield connection


def read_line(connection):
    data = b""
    while not data.endswith(b"\n"):
        piece = connection.recv(1 << 16)
        if not piece:
            return data
        data += piece
    return data


def test_the_client_makes_every_call_of_the_vault(client):
    session = client.sign_on(OWNER, PINS[OWNER])
    ticket = session.ticket
    assert client.session(ticket) == session
    assert (client.issuer, client.persons, client.versions, client.newest_version) == (0, 1, (1, 2), 2)
    assert (client.before(2), client.after(1), client.before(1)) == (1, 2, None)
    assert client.fingerprints()[1] != client.fingerprint()
    made = client.issue(ticket, METER, 1, [money(5), TokenOrder(token.METER_KEY, b"", version=2)], 0, "sale")
    assert opened(made[0].sealed).fields() == (5,)
    assert client.last_count(METER) == 2
    assert len(client.digits(ticket, METER, client.issue(ticket, METER, 1, [money(10_000)], 0, "sale")[0].sealed)) == 20
    found = client.open_statement(METER, UID, statement(top=40))
    assert found is not None
    assert found[1]["windows"] == {0: (40, 1)}
    assert client.settle(ticket, METER, 7, "paid out")
    assert client.settled(METER) == {7: "paid out"}
    content = CardContent(1, 500, 20, BY_TARIFF, (0, 0, 0, 0), 5)
    sealed = client.seal_key_card(ticket, UID, 2, content)
    assert client.open_key_card(UID, sealed).says_the_same(content)
    assert client.open_key_card(UID, bytes(48)) is None
    assert [len(key) for key in client.card_keys(UID, 1)] == [6, 6]
    service = client.seal_service_pass(ticket, UID, 9, 1_900_000_000, [(METER, 1)])
    assert client.open_service_pass(UID, service, METER) == (9, 1_900_000_000)
    client.set_operator(ticket, Operator(9, "new", ("sell",), uid=UID), "274905")
    operator_pass = client.seal_operator_pass(ticket, UID, 9, 1_900_000_000)
    assert client.open_operator_pass(UID, operator_pass) == (9, 1_900_000_000)
    assert client.sign_on_with_card(UID, operator_pass).operator == 9
    assert client.sign_on_as_user().operator == CLERK
    client.set_pin(ticket, PINS[OWNER], "391746")
    client.set_user(ticket, 5, 0)
    assert [one.number for one in client.operators()] == [1, 2, 3, 4, 9]
    number = client.propose(ticket, "void", {"sale": 3}, "typed wrongly")
    assert client.requests(ticket)[0].number == number
    client.deny(ticket, number, "no")
    client.use_approval(ticket, "void", {"sale": 3})
    client.raise_count(ticket, METER, 50)
    assert client.meter_keys(ticket, METER, 1, 1) == (vault_bench.meter_key(), vault_bench.SITE_KEYS[1])
    assert len(client.event_keys(ticket, METER)) == 2
    assert len(client.release(ticket, 77, 1, METER, 1, 1)) == 8
    assert client.vending_point(ticket, 2, [METER])["format"] == 3
    assert client.roll(ticket) == 3
    assert client.status()["versions"] == [1, 2, 3]
    assert client.log()[0].action == "start"
    client.sign_off(ticket)
    with pytest.raises(SignOnNeeded):
        client.session(ticket)


def test_client_and_vault_have_every_call_of_the_interface():
    for name in wire.calls():
        assert hasattr(VaultClient, name), name
        assert hasattr(Vault, name), name


def test_a_refusal_keeps_its_kind_and_its_document_over_the_socket(folder, path):
    vault_bench.make(folder, persons=2)
    with serving(folder, path) as client:
        owner, second = ticket_of(client), ticket_of(client, vault_bench.SECOND)
        with pytest.raises(ApprovalNeeded) as needed:
            client.issue(owner, METER, 1, [money(5)], 0, "free")
        number = vault_bench.approved(client, needed.value, owner, second)
        assert client.issue(owner, METER, 1, [money(5)], 0, "free", number)[0].sequence == 1


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"not json\n",
        b"[]\n",
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b"{" + b'"a":{' * 50_000 + b"\n",
    ],
)
def test_a_broken_line_closes_its_connection_alone(client, path, line):
    with raw(path) as other, raw(path) as broken:
        broken.sendall(line)
        assert b"no message" in read_line(broken)
        assert broken.recv(1) == b""
        other.sendall(b'{"call":"issuer","arguments":{}}\n')
        assert json.loads(read_line(other)) == {"result": 0}
    assert client.issuer == 0


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"call": 5},
        {"call": "close", "arguments": {}},
        {"call": "_store", "arguments": {}},
        {"call": "sign_on_user", "arguments": {"user": 0}},
        {"call": "change_persons", "arguments": {"persons": 1}},
        {"call": "__init__", "arguments": {}},
        {"call": "last_count", "arguments": []},
        {"call": "last_count", "arguments": {}},
        {"call": "last_count", "arguments": {"meter_number": True}},
        {"call": "last_count", "arguments": {"meter_number": 1001.0}},
        {"call": "last_count", "arguments": {"meter_number": "1001"}},
        {"call": "last_count", "arguments": {"meter_number": 1, "more": 1}},
        {"call": "last_count", "arguments": {"meter_number": 1 << 200}},
        {"call": "sign_on", "arguments": {"operator": 1, "pin": {"#": "bytes", "value": "00"}}},
        {"call": "card_keys", "arguments": {"uid": {"#": "bytes", "value": "zz"}, "key_version": 1}},
        {"call": "card_keys", "arguments": {"uid": {"#": "Vault", "value": {}}, "key_version": 1}},
        {"call": "card_keys", "arguments": {"uid": {"#": "Limits", "value": {"path": 1}}, "key_version": 1}},
        {"call": "log", "arguments": {"since": 1 << 80}},
    ],
)
def test_an_odd_message_is_refused_and_the_connection_goes_on(client, path, message):
    with raw(path) as connection:
        connection.sendall(json.dumps(message).encode() + b"\n")
        answer = json.loads(read_line(connection))
        assert answer["error"] == "Refused"
        connection.sendall(b'{"call":"issuer","arguments":{}}\n')
        assert json.loads(read_line(connection)) == {"result": 0}


def test_a_line_without_end_is_refused(client, path, monkeypatch):
    monkeypatch.setattr(wire, "REQUEST_LIMIT", 1000)
    with raw(path) as connection:
        connection.sendall(b"x" * 2000)
        assert b"at most 1000 bytes" in read_line(connection)
        assert connection.recv(1) == b""


def test_the_client_refuses_a_request_that_is_too_long_before_it_is_sent(client):
    sealed = [(METER, b"\x03", bytes(5000))] * 105
    with pytest.raises(Refused, match="more than 1048576 bytes"):
        unseal(client, sealed)
    assert unseal(client, sealed[:104]) == [None] * 104


def test_clients_with_half_a_line_stop_nobody_else(client, path, monkeypatch):
    monkeypatch.setattr(servers, "LINE_S", 0.2)
    with raw(path) as first, raw(path) as second:
        for connection in (first, second):
            connection.sendall(b'{"call":"issu')
        ticket = ticket_of(client)
        assert client.issue(ticket, METER, 1, [money(5)], 0, "sale")[0].sequence == 1
        assert first.recv(1) == b""  # the vault has hung up
        assert second.recv(1) == b""


def test_a_client_that_reads_no_answer_stops_nobody_else(client, path, monkeypatch):
    monkeypatch.setattr(servers, "ANSWER_S", 0.2)
    ticket = ticket_of(client)
    for _ in range(30):
        client.sign_off(ticket_of(client))
    request = b'{"call":"log","arguments":{}}\n'
    with raw(path) as deaf:
        deaf.setblocking(False)
        sent = 0
        while sent < 200_000:
            try:
                sent += deaf.send(request * 100)
            except BlockingIOError:
                break
        assert client.session(ticket).operator == OWNER


def test_too_many_connections_are_refused_in_words_and_later_ones_served(client, path):
    connections = []
    try:
        for _ in range(servers.CONNECTIONS):
            connections.append(socket.socket(socket.AF_UNIX))
            connections[-1].settimeout(WAIT_S)
            connections[-1].connect(str(path))
            read_line(connections[-1])
        with socket.socket(socket.AF_UNIX) as late:
            late.settimeout(WAIT_S)
            late.connect(str(path))
            assert b"too many connections" in read_line(late)
        with pytest.raises(VaultClosed, match="too many connections"):
            _ = client.issuer
    finally:
        for connection in connections:
            connection.close()
    until = time.monotonic() + WAIT_S
    while True:
        try:
            assert client.issuer == 0
            return
        except VaultClosed:
            assert time.monotonic() < until


def test_threads_share_a_client_and_no_number_comes_twice(client):
    ticket = ticket_of(client)
    numbers, lock = [], threading.Lock()

    def sell():
        for _ in range(10):
            made = client.issue(ticket, METER, 1, [money(1), money(2)], 0, "sale")
            with lock:
                numbers.extend(one.sequence for one in made)

    threads = [threading.Thread(target=sell) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert sorted(numbers) == list(range(1, 121))


def test_a_closed_vault_is_named_with_the_command_that_starts_it(tmp_path, folder, path):
    with pytest.raises(VaultClosed, match="wattpurse vault serve"):
        _ = VaultClient(tmp_path / "nothing.sock").issuer
    vault_bench.make(folder)
    with serving(folder, path) as client:
        assert client.issuer == 0
    assert not path.exists()
    assert client.issuer == 0  # known already
    with pytest.raises(VaultClosed):
        _ = client.persons


def test_a_process_that_is_no_vault_or_never_answers_is_named(path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with pytest.raises(VaultClosed, match="no answer in time"):
            _ = VaultClient(path, call_s=0.2).issuer
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def greet():
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b'{"wattpurse_vault": 2}\n')

        thread = threading.Thread(target=greet)
        thread.start()
        with pytest.raises(VaultClosed, match="version 2"):
            _ = VaultClient(path, call_s=WAIT_S).issuer
        thread.join(WAIT_S)


def test_a_socket_at_a_long_path_works(tmp_path):
    deep = tmp_path / ("a" * 60) / ("b" * 60)
    deep.mkdir(parents=True)
    vault_bench.make(deep / "vault")
    with serving(deep / "vault", deep / "vault.sock") as client:
        assert client.issuer == 0


def test_the_socket_of_a_killed_vault_is_replaced_and_another_file_never(folder, path):
    vault_bench.make(folder)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(path))
    with serving(folder, path) as client:
        assert client.issuer == 0
    path.write_text("mine")
    vault = vault_bench.open_vault(folder)
    with vault, pytest.raises(ValueError, match="is no socket"):
        Server(vault, path)
    assert path.read_text() == "mine"


def test_a_second_vault_at_one_socket_is_refused(tmp_path, client, path):
    vault_bench.make(tmp_path / "other")
    vault = vault_bench.open_vault(tmp_path / "other")
    with vault, pytest.raises(ValueError, match="another vault answers"):
        Server(vault, path)
    assert client.issuer == 0


def as_user(user, path, act):
    """Return the text that `act(client)` returns in a process of another Unix user, or the words of its refusal."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(user)
            os.setuid(user)
            try:
                words = act(VaultClient(path))
            except (OSError, ValueError) as error:
                words = str(error)
            os.write(writer, words.encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as file:
        words = file.read()
    os.waitpid(child, 0)
    return words


@pytest.mark.skipif(os.getuid() != 0, reason="only root becomes another Unix user")
def test_only_the_unix_users_of_the_policy_are_heard():
    place = Path(tempfile.mkdtemp(prefix="vault-"))  # the folders of pytest are closed to other users
    try:
        place.chmod(0o755)
        vault_bench.make(place / "vault", users={65531: CLERK, 65532: 0})
        with serving(place / "vault", place / "s") as client:
            assert client.issuer == 0  # the vault's own user
            assert as_user(65531, place / "s", lambda other: str(other.sign_on_as_user().operator)) == str(CLERK)
            assert "knows no operator" in as_user(65532, place / "s", lambda other: str(other.sign_on_as_user()))
            assert as_user(65532, place / "s", lambda other: str(other.issuer)) == "0"
            assert "may not use this vault" in as_user(65533, place / "s", lambda other: str(other.issuer))
        vault_bench.make(place / "closed")
        with serving(place / "closed", place / "t"):
            assert "Permission denied" in as_user(65533, place / "t", lambda other: str(other.issuer))
    finally:
        shutil.rmtree(place)


def start(folder, path, *options):
    """Start the vault as a program and return the process when it serves."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'tools'}:{ROOT / 'firmware'}:{ROOT}"}
    command = [sys.executable, "-m", "wattpurse_tools.cli", "vault", "serve", "--folder", folder, "--socket", path]
    process = subprocess.Popen(
        [*command, *options, "--passphrase-fd", "0"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    process.stdin.write(PASSPHRASE + "\n")
    process.stdin.close()
    return process


def test_the_program_serves_and_ends_with_sigterm_at_once(folder, path):
    vault_bench.make(folder)
    process = start(folder, path)
    try:
        assert "the vault serves" in process.stdout.readline()
        client = VaultClient(path)
        ticket = ticket_of(client)
        assert client.issue(ticket, METER, 1, [money(1)], 0, "sale")[0].sequence == 1
        second = start(folder, path.with_name("second.sock"))
        assert "another process has this vault open" in second.stdout.read()
        assert second.wait(WAIT_S) == 1
        second.stdout.close()
        with raw(path) as idle:
            idle.sendall(b"{")
            process.send_signal(signal.SIGTERM)
            assert process.wait(WAIT_S) == 0
        assert not path.exists()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    vault_bench.open_vault(folder).close()


def test_other_processes_of_the_same_user_do_not_read_the_memory():
    child = os.fork()
    if child == 0:
        servers.harden()
        is_hidden = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 0  # PR_GET_DUMPABLE
        os._exit(0 if is_hidden and resource.getrlimit(resource.RLIMIT_CORE) == (0, 0) else 1)
    assert os.waitpid(child, 0)[1] == 0


def ticket_when_open(client):
    """Sign on as soon as the vault serves."""
    until = time.monotonic() + WAIT_S
    while True:
        try:
            return ticket_of(client)
        except VaultClosed:
            assert time.monotonic() < until
            time.sleep(0.01)


def test_a_kill_at_any_moment_uses_no_number_twice_and_loses_no_line_that_was_told(folder, path):
    vault_bench.make(folder)
    chance = random.Random(7)
    told = []
    for _ in range(6):
        child = os.fork()
        if child == 0:
            try:
                Server(vault_bench.open_vault(folder), path).run()
            finally:
                os._exit(1)
        killer = threading.Timer(chance.uniform(0, 0.03), os.kill, (child, signal.SIGKILL))
        try:
            client = VaultClient(path, call_s=WAIT_S)
            ticket = ticket_when_open(client)
            for sale in count():
                if sale == 4:
                    killer.start()
                told += [one.sequence for one in client.issue(ticket, METER, 1, [money(1), money(2)], 0, "sale")]
        except VaultClosed:
            pass
        finally:
            killer.cancel()
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
    assert len(told) >= 6 * 4 * 2
    assert len(set(told)) == len(told)
    with vault_bench.open_vault(folder) as vault:
        vault.check_log()
        assert vault.last_count(METER) >= max(told)
        logged, since = [], 0
        while entries := vault.log(since):
            logged += [
                one["sequence"] for entry in entries if entry.action == "issue" for one in entry.details["tokens"]
            ]
            since = entries[-1].number
        assert len(set(logged)) == len(logged)
        assert set(told) <= set(logged)
