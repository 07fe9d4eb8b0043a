"""Home Assistant as a process of its own, set up as its first user does it: through its pages.

It has a folder for its settings and listens on 127.0.0.1 alone. Nothing of it is replaced or simulated.
"""

import json
import re
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

from tests.house.places import ROOT
from wattpurse_tools.bench.mosquitto import free_port

START_S = 120
ANSWER_S = 30
END_S = 30
LOOK_S = 0.1

_INSTALL = ROOT / "tools/toolchain/home-assistant"
_USER = {"name": "Tester", "username": "tester", "password": "a-word-for-tests", "language": "en"}
_SETTINGS = """
homeassistant:
  name: Test
http:
  server_host: 127.0.0.1
  server_port: {port}
logger:
  default: warning
"""
_COMPLAINT = re.compile(r" (?:WARNING|ERROR|CRITICAL) \([^)]*\) \[([^]]*)\]")
_CONCERNED = re.compile(r"mqtt|template|sensor|button|components\.homeassistant|helpers|wattpurse")


class HomeAssistant:
    """A new Home Assistant with its files in `folder`, for a `with` block."""

    def __init__(self, folder):
        self._program = subprocess.run([_INSTALL], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        self._folder = folder
        self._port = free_port()
        self._process = None
        self._token = None
        self._refresh = {}
        self._read_from = 0
        (folder / "configuration.yaml").write_text(_SETTINGS.format(port=self._port))

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_error):
        self.stop()

    @property
    def log(self):
        """Everything that Home Assistant has reported, to its terminal and to its file."""
        return (self._folder / "output").read_text()

    def complaints(self):
        """Return the lines of the log that report a problem with MQTT or with entities."""
        lines = [(line, _COMPLAINT.search(line)) for line in self.log[self._read_from :].split("\n")]
        return [line for line, found in lines if found and _CONCERNED.search(line[found.start(1) :])]

    def forget_log(self):
        """Forget the complaints so far."""
        self._read_from = len(self.log)

    def start(self):
        """Start it, and log in. The first start creates its user. Raises OSError if it does not answer in time."""
        command = [self._program, "--config", self._folder, "--skip-pip"]
        with (self._folder / "output").open("ab") as output:
            self._process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            self._log_in()
        except BaseException:
            self.stop()
            raise

    def stop(self):
        """End it."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def add_broker(self, port):
        """Add the MQTT integration as on the page `Devices & services`. Raises OSError if it refuses the broker."""
        flow = self._call("config/config_entries/flow", {"handler": "mqtt", "show_advanced_options": False})
        done = self._call(f"config/config_entries/flow/{flow['flow_id']}", {"broker": "127.0.0.1", "port": port})
        if done["type"] != "create_entry":
            raise OSError(f"Home Assistant does not take the broker: {done}")

    def states(self):
        """Return all entities by their identifier, as Home Assistant lists them."""
        return {one["entity_id"]: one for one in self._call("states")}

    def await_states(self, fits, limit_s=ANSWER_S):
        """Wait until the states fit, and return them."""
        end_s = time.monotonic() + limit_s
        while True:
            states = self.states()
            if fits(states):
                return states
            assert time.monotonic() < end_s, {name: one["state"] for name, one in states.items()}
            time.sleep(LOOK_S)

    def press(self, entity):
        """Press a button."""
        self._call("services/button/press", {"entity_id": entity})

    def evaluate(self, template):
        """Return the text of a template."""
        return self._send("api/template", json.dumps({"template": template}).encode()).decode()

    def _log_in(self):
        end_s = time.monotonic() + START_S
        while True:
            try:
                state = json.loads(self._send("api/", None)) if self._token else self._create_user()
                if state:
                    break
            except urllib.error.HTTPError as error:
                if error.code not in (401, 404):
                    raise
                self._take_token(grant_type="refresh_token", **self._refresh)
            except OSError:
                pass
            if self._process.poll() is not None or time.monotonic() > end_s:
                raise OSError(f"Home Assistant does not start: {self.log[-2000:]}")
            time.sleep(LOOK_S)
        while self._call("config")["state"] != "RUNNING":
            assert time.monotonic() < end_s, self.log
            time.sleep(LOOK_S)

    def _create_user(self):
        client = f"http://127.0.0.1:{self._port}/"
        data = json.dumps(dict(_USER, client_id=client)).encode()
        code = json.loads(self._send("api/onboarding/users", data))["auth_code"]
        self._take_token(grant_type="authorization_code", code=code, client_id=client)
        return True

    def _take_token(self, **fields):
        form = urllib.parse.urlencode(fields).encode()
        answer = json.loads(self._send("auth/token", form, "application/x-www-form-urlencoded"))
        self._token = answer["access_token"]
        self._refresh = {"refresh_token": answer.get("refresh_token", fields.get("refresh_token"))}
        self._refresh["client_id"] = fields["client_id"]

    def _call(self, path, fields=None):
        return json.loads(self._send("api/" + path, None if fields is None else json.dumps(fields).encode()))

    def _send(self, path, data, kind="application/json"):
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}/{path}", data, {"Content-Type": kind})
        if self._token:
            request.add_header("Authorization", "Bearer " + self._token)
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
            return answer.read()
