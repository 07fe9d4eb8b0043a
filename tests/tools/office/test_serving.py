"""An office as a user meets it: commands as processes, over HTTP. A dead process is started again; all end together."""

import http.cookiejar
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

from tests import office_of_tests
from wattpurse_tools.pages import supervisor
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.interface import VaultClosed

PASSPHRASE = "of a test of processes"
COMMAND = [sys.executable, "-m", "wattpurse_tools.cli"]


@pytest.fixture
def environment(monkeypatch):
    """Return the environment of the commands."""
    paths = os.pathsep.join(str(Path(__file__).parents[3] / one) for one in (".", "firmware", "tools"))
    names = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    return names | {"PYTHONPATH": paths, "WATTPURSE_PASSPHRASE": PASSPHRASE}


def run(words, environment, folder, typed=""):
    """Run a command and return it with its output. `typed` is at its standard input."""
    command = [*COMMAND, *map(str, words)]
    return subprocess.run(
        command, env=environment, cwd=folder, input=typed, capture_output=True, text=True, timeout=240
    )


class StayHere(urllib.request.HTTPRedirectHandler):
    """A browser that follows no redirect."""

    def redirect_request(self, *_):
        """Return nothing to follow."""


class Serving:
    """`wattpurse office serve` for a `with` block, with a browser."""

    def __init__(self, folder, environment, *words):
        command = [*COMMAND, "office", "serve", "--office", str(folder), "--port", "0", *words]
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.lines = []
        self._browser = urllib.request.build_opener(
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
            urllib.request.ProxyHandler({}),
        )

    def __enter__(self):
        while not any("Who may log in" in line for line in self.lines):
            line = self.process.stdout.readline()
            assert line, f"ended with {self.process.wait()}: {''.join(self.lines)}"
            self.lines.append(line)
        self.address = re.search(r"http://127\.0\.0\.1:\d+", "".join(self.lines))[0]
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.lines += self.process.stdout.readlines()
        self.process.stdout.close()

    def get(self, path, **headers):
        """Return the text of a page."""
        request = urllib.request.Request(self.address + path, headers=headers)
        with self._browser.open(request, timeout=30) as answer:
            return answer.read().decode()

    def post(self, path, **words):
        """Send a form, with the secret that the page has in it, and return where it led and the text there."""
        secret = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(path))[1]
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": secret, **words}).encode()
        with self._browser.open(self.address + path, data, timeout=30) as answer:
            return answer.geturl(), answer.read().decode()

    def children(self):
        """Return the process numbers of vault and pages by name."""
        found = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
                words = (path.parent / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if int(fields[1]) == self.process.pid and fields[0] != "Z":
                found["pages" if b"wattpurse_tools.pages.server" in words else "vault"] = int(path.parent.name)
        return found


def test_two_commands_set_an_office_up_and_serve_it_and_one_signal_ends_all(tmp_path, environment):
    folder = tmp_path / "office"
    done = run(["office", "init", "--office", folder, "--name", "Marina"], environment, tmp_path)
    assert done.returncode == 0, done.stderr
    password, pin = re.search(r"manager  password (\S+)  PIN (\d+)", done.stdout).groups()
    assert run(["office", "init", "--office", folder], environment, tmp_path).returncode == 1
    with Serving(folder, environment) as serving:
        where, text = serving.post("/login", name="manager", password=password, pin="000111")
        assert "Name, password or PIN is wrong." in text
        where, text = serving.post("/login", name="manager", password=password, pin=pin)
        assert where.endswith("/login/codes")
        assert "<svg" in text
        assert json.loads(serving.get("/health")) == {"pages": True, "vault": True}

        status = run(["office", "status", "--json", "--office", folder], environment, tmp_path)
        assert status.returncode == 0, status.stdout + status.stderr
        assert json.loads(status.stdout)["vault_is_that_of_the_record"] is True
        added = run(["office", "user", "add", "anna", "--shop", "1", "--office", folder], environment, tmp_path)
        assert added.returncode == 0, added.stderr
        anna_pin = re.search(r"anna is operator 2.*PIN (\d+)", added.stdout, re.DOTALL)[1]
        words = [
            "office",
            "token",
            "add",
            "kiosk",
            "--shop",
            "1",
            "--operator",
            "2",
            "--pin-fd",
            "0",
            "--office",
            folder,
        ]
        made = run(words, environment, tmp_path, anna_pin)
        token = re.search(r"wattpurse_\w+", made.stdout)[0]
        assert json.loads(serving.get("/api/v1/me", Authorization=f"Bearer {token}"))["operator"] == 2

        children = serving.children()
        assert set(children) == {"vault", "pages"}
        os.kill(children["vault"], signal.SIGKILL)
        told = serving.process.stdout.readline()
        assert re.fullmatch(r"The vault ended \(signal 9\)\. It is started again in \d s\.\n", told), told
        _wait_for(lambda: _answers(folder))
        assert json.loads(serving.get("/health"))["vault"] is True
        children = serving.children()
    assert serving.process.returncode == 0
    assert serving.lines[-1] == "The office is closed.\n"
    assert all(not Path(f"/proc/{number}").exists() for number in children.values())
    assert not (folder / "vault.sock").exists()


def test_the_children_end_with_a_supervisor_that_is_killed(office_folder, environment):
    with Serving(office_folder.path, environment | {"WATTPURSE_PASSPHRASE": office_of_tests.PASSPHRASE}) as serving:
        children = serving.children()
        assert len(children) == 2
        serving.process.kill()
        _wait_for(lambda: not any(Path(f"/proc/{number}").exists() for number in children.values()))


def test_a_process_that_ends_at_once_is_started_after_longer_and_longer_pauses(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: now[0])
    told = []
    child = supervisor.Child("vault", lambda: subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]))
    for _ in range(6):
        child.begin()
        child.process.wait()
        child.keep_alive(told.append)
        child.keep_alive(told.append)  # it is too early
        assert child.process is None
        now[0] = child.not_before
    assert told[0] == "The vault ended (exit status 3). It is started again in 2 s."
    assert [line.rpartition("in ")[2] for line in told] == ["2 s.", "4 s.", "8 s.", "16 s.", "30 s.", "30 s."]
    child.begin()
    child.process.wait()
    now[0] += 61
    child.keep_alive(told.append)
    assert told[-1].endswith("in 1 s.")


def test_a_public_address_is_served_by_tls_alone_behind_a_proxy(office_folder, environment):
    environment = environment | {"WATTPURSE_PASSPHRASE": office_of_tests.PASSPHRASE}
    with Serving(office_folder.path, environment, "--public-url", "https://office.example") as serving:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), StayHere())

        def ask(**headers):
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            request = urllib.request.Request(serving.address + "/login", headers=names)
            try:
                return opener.open(request, timeout=30)
            except urllib.error.HTTPError as answer:
                return answer

        plain = ask(Host="office.example")
        assert (plain.code, plain.headers["Location"]) == (301, "https://office.example/login")
        assert ask(Host="elsewhere.example", X_Forwarded_Proto="https").code == 400
        by_proxy = ask(Host="office.example", X_Forwarded_Proto="https", X_Forwarded_For="192.0.2.7")
        assert by_proxy.code == 200
        assert by_proxy.headers["Strict-Transport-Security"].startswith("max-age=31536000")
        cookie = by_proxy.headers["Set-Cookie"]
        assert cookie.startswith("__Host-csrf=")
        assert "Secure" in cookie


def test_a_wrong_passphrase_serves_nothing_and_says_so(office_folder, environment, tmp_path):
    done = run(["office", "serve", "--office", office_folder.path, "--port", "0"], environment, tmp_path)
    assert done.returncode == 1
    assert "passphrase" in done.stderr
    assert "the vault did not start" in done.stderr


def _answers(folder):
    try:
        return VaultClient(folder / "vault.sock").fingerprint()
    except VaultClosed:
        return False


def _wait_for(condition):
    until = time.monotonic() + 240
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.1)
