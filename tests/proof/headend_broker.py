"""The broker of the part `headend-kills`: mosquitto with the head-end's own settings, ended by SIGKILL; and its meters.

mosquitto keeps its sessions in memory and saves them every 30 s. SIGKILL destroys all changes since the last save.
`Acknowledged` is the plain book of that: a statement that the broker has acknowledged and saved must not be lost.
"""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

from tests.proof.campaign import DOUBLED, HANGS, LOST, Broken
from wattpurse.core.messages import mqtt
from wattpurse_tools.bench.mosquitto import free_port
from wattpurse_tools.fleet.fleet import Fleet
from wattpurse_tools.fleet.link import FleetLink
from wattpurse_tools.headend.broker_files import HEADEND, HOST, BrokerFiles, user_of
from wattpurse_tools.meter_link.broker import Access
from wattpurse_tools.pages import headend_machine

LIMIT_S = 120
WORKER = "worker-of-the-proof"

_PAUSE_S = 0.02


class MortalBroker:
    """A mosquitto with its files in an office folder. `add` names its meters, and `start` comes after that."""

    def __init__(self, office: Path):
        self._files = BrokerFiles(office.absolute())
        self._port = free_port()
        self._files.make(HOST, self._port)
        self._process = None

    @property
    def access(self) -> Access:
        """The way of the head-end into the broker."""
        return Access(f"{HOST}:{self._port}", HEADEND, self._files.password.read_text())

    def links(self, meters, book) -> list:
        """Return the links of meters, each with a user of its own."""
        passwords = self._files.add_meters([one.number for one in meters])
        place = (HOST, self._port)
        return [WitnessLink(one, place, (user_of(one.number), passwords[one.number]), book) for one in meters]

    def start(self):
        """Start the broker, and wait until it listens."""
        program = headend_machine.mosquitto()
        if program is None:
            raise OSError("mosquitto is missing: type tools/toolchain/debian-packages mosquitto=mosquitto")
        self._process = subprocess.Popen([program, "-c", self._files.settings], stderr=subprocess.DEVNULL)
        self._await(self._is_listening)

    def kill(self):
        """End the broker at once, if it runs. It saves nothing."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(LIMIT_S)
            self._process = None

    def save(self):
        """Let the broker save its sessions and messages, as it does every 30 s, and wait until it has."""
        file = self._files.data / "mosquitto.db"

        def written():
            return (file.stat().st_ino, file.stat().st_mtime_ns) if file.exists() else None

        before = written()
        os.kill(self._process.pid, signal.SIGUSR1)
        self._await(lambda: written() not in (before, None))

    def _is_listening(self):
        try:
            socket.create_connection((HOST, self._port), 1).close()
        except OSError:
            return False
        return True

    def _await(self, is_so):
        until = time.monotonic() + LIMIT_S
        while not is_so():
            if time.monotonic() > until or self._process.poll() is not None:
                raise Broken(HANGS, "the broker does not start or does not save")
            time.sleep(_PAUSE_S)


class WitnessLink(FleetLink):
    """The link of a meter. It sends publications again until they are acknowledged. The book has each one."""

    def __init__(self, meter, place, login, book):
        super().__init__(meter, place, login)
        self._book = book

    def _delivered(self, number):
        publication = self._in_flight.get(number)
        super()._delivered(number)
        if publication is not None and publication.name == mqtt.STATEMENT:
            self._book.note(self.meter.number, publication.payload)


class Acknowledged:
    """The statements that the broker has acknowledged: those that must be in the record, and the newest ones."""

    def __init__(self):
        self.secure = {}
        self._newest = {}

    def note(self, meter_number, payload):
        """Note a statement."""
        self._newest[meter_number, mqtt.unwrap_statement(payload)[0]] = payload

    def saved(self):
        """Note that the broker has saved everything that it acknowledged before."""
        self.secure |= self._newest
        self._newest = {}

    def lost(self):
        """Note that the broker was killed: the newest statements may be lost. Later ones tell the same sums."""
        self._newest = {}

    def missing(self) -> str:
        """Tell the statements that are not in the record, or return "". Those set aside for a wrong clock are in it.

        Call when the meters and the worker have done their work. Nobody writes at the broker but meters and worker, so
        a message that is set aside for any other reason is a fault.
        """
        from wattpurse_tools.record.models import SetAside, Statement

        wanted = self.secure | self._newest
        rows = list(Statement.objects.values_list("meter_id", "number"))
        if len(rows) != len(set(rows)):
            raise Broken(DOUBLED, "a statement is in the record twice")
        found = list(SetAside.objects.values_list("payload", "reason"))
        if others := [reason for _, reason in found if not reason.startswith("the clock of meter")]:
            raise Broken(LOST, f"{len(others)} messages are set aside: {others[0]}")
        aside = {bytes(payload) for payload, _ in found}
        missing = [place for place in wanted.keys() - set(rows) if wanted[place] not in aside]
        return f"{len(missing)} acknowledged statements are not in the record: {min(missing)}" if missing else ""


class MortalFleet(Fleet):
    """The meters at the broker. A meter whose power went has a new connection afterwards."""

    def __init__(self, links):
        super().__init__(links)
        self._starts = {number: link.meter.witness.starts for number, link in self.links.items()}

    def follow_power(self):
        """End the connection of each meter that is dark, or was."""
        for number, link in self.links.items():
            starts = link.meter.witness.starts
            if not link.meter.is_powered or starts != self._starts[number]:
                self.lose_reach(number)
                link.has_reach = True
            self._starts[number] = starts
