"""Reporting meters at a broker: `python -m wattpurse_tools.bench.headend_reporters HOST:PORT EVERY_S FILE`.

Each meter has a connection and a user of its own, and publishes its sealed statements at QoS 1, one every `EVERY_S`
seconds, spread evenly. The statements are sealed by the firmware's core (`headend_fleet`). FILE is JSON: password
and key by the number of each meter. The program prints "connected" when all meters are, and ends by SIGTERM.
"""

import json
import resource
import selectors
import sys
import time
from pathlib import Path

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from wattpurse_tools.bench.headend_fleet import Fleet
from wattpurse_tools.headend.broker_files import user_of
from wattpurse_tools.meter_link.broker import Access

KEEPALIVE_S = 120
DESCRIPTORS_A_METER = 4

_MISC_S = 20.0
_WAIT_S = 60.0
_STEP_S = 0.02


class Reporters:
    """The connections of the meters in `passwords`. One that ends is an error: nothing disturbs this broker."""

    def __init__(self, access: Access, passwords: dict[int, str], fleet: Fleet) -> None:
        self.unanswered = 0
        self._fleet = fleet
        self._numbers = list(passwords)
        self._greeted = 0
        self._misc_at = 0.0
        self._selector = selectors.DefaultSelector()
        self._clients: dict[int, paho.Client] = {}
        for number, password in passwords.items():
            self._clients[number] = self._connect(access, number, password)

    def _connect(self, access: Access, number: int, password: str) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=f"wattpurse-{number}", clean_session=False)
        client.username_pw_set(user_of(number), password)
        client.on_connect = lambda _client, _data, _flags, reason, _properties: self._note_greeting(reason.is_failure)
        client.on_publish = lambda *_: self._note_answer()
        client.on_disconnect = lambda *_: _raise_lost(number)
        client.connect(access.host, access.port, KEEPALIVE_S)
        socket = client.socket()
        if socket is None:
            raise OSError(f"meter {number} does not connect")
        self._selector.register(socket.fileno(), selectors.EVENT_READ, client)
        return client

    def _note_greeting(self, is_failure: bool) -> None:
        if is_failure:
            raise OSError("the broker does not let a meter in")
        self._greeted += 1

    def _note_answer(self) -> None:
        self.unanswered -= 1

    def await_all(self) -> None:
        """Serve the connections until the broker has greeted all meters."""
        until = time.monotonic() + _WAIT_S
        while self._greeted < len(self._clients):
            if time.monotonic() > until:
                raise TimeoutError("the broker does not greet all meters")
            self.pump(_STEP_S)

    def pump(self, seconds: float) -> None:
        """Serve the connections for so long."""
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            for key, _ in self._selector.select(left_s):
                key.data.loop_read()
            if time.monotonic() >= self._misc_at:
                self._misc_at = time.monotonic() + _MISC_S
                for client in self._clients.values():
                    client.loop_misc()

    def report_all(self, every_s: float) -> None:
        """Let each meter publish its statement of now, spread over `every_s`."""
        begun = time.monotonic()
        for place, number in enumerate(self._numbers):
            due = begun + place * every_s / len(self._numbers)
            if (left_s := due - time.monotonic()) > 0:
                self.pump(left_s)
            self.unanswered += 1
            self._clients[number].publish(*self._fleet.message(number), qos=1, retain=True)
        self.pump(max(0.0, begun + every_s - time.monotonic()))


def _raise_lost(number: int) -> None:
    raise OSError(f"meter {number} has lost its connection")


def allow_descriptors(count: int) -> None:
    """Raise the number of files that this process and its children may open. Raise ValueError if it may not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        raise ValueError(f"{count} open files are needed, and {hard} are allowed: see `ulimit -Hn`")
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))


def main(words: list[str]) -> int:
    """Report until SIGTERM. The first round has its time as all others."""
    address, every_s = words[0], float(words[1])
    rows = json.loads(Path(words[2]).read_text())
    passwords = {int(number): password for number, (password, _) in rows.items()}
    meter_keys = {int(number): bytes.fromhex(key) for number, (_, key) in rows.items()}
    allow_descriptors(DESCRIPTORS_A_METER * len(passwords))
    fleet = Fleet(int(time.time()) - int(every_s), meter_keys.__getitem__)
    reporters = Reporters(Access(address), passwords, fleet)
    reporters.await_all()
    print("connected", flush=True)
    while True:
        reporters.report_all(every_s)
        fleet.pass_hour(int(every_s))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
