"""The world of a head-end on PostgreSQL whose processes are real ones, ended by SIGKILL at random instants.

Each round of a process runs in a child of its own, with its own connections to the database and to the vault, which is
a process too. The child writes down a pipe each message that it has handed over to the broker or to a customer: these
are facts, however the child ends. Several children work at the same time, and the database crashes under them.
"""

import multiprocessing
import multiprocessing.connection
import os
import selectors
import signal
import time
from dataclasses import dataclass

from django.db import connection, connections

from tests.office_of_tests import PASSPHRASE
from tests.proof.campaign import HANGS, Broken
from tests.proof.headend_world import Broker, HeadendWorld
from wattpurse_tools.headend import delivery, outbox
from wattpurse_tools.headend.ingest import OUTAGES
from wattpurse_tools.office.office import Office
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.interface import VaultClosed
from wattpurse_tools.vault.server import Server

LIMIT_S = 120
PUBLISHED, HANDED_OVER, FAILED = "published", "handed over", "failed"

_LATEST_S = (0.01, 0.05, 0.2)
_VAULT_S = 60


@dataclass
class Running:
    """A child at work: its process, its pipe, and the time at which it is killed, or None."""

    process: int
    pipe: multiprocessing.connection.Connection
    killed_at: float | None
    is_killed: bool = False


class PipedBroker(Broker):
    """The broker as a child knows it: a message counts once it is in the pipe."""

    pipe = None

    def publish(self, messages):
        """Take messages for meters."""
        if self.pipe is None:
            super().publish(messages)
            return
        for one in messages:
            self.pipe.send((PUBLISHED, one))


class PipedPost:
    """The way to the customers: it knows each message that it has ever taken, of whichever process."""

    pipe = None
    is_deadly = False

    def __init__(self):
        self.sent = set()
        self.twice = []

    def send(self, message, _now_s):
        """Take a message."""
        self.pipe.send((HANDED_OVER, (message.pk, message.kind, message.address)))
        return delivery.Outcome(outbox.SENT)

    def note(self, number, kind, address):
        """Note that a message was handed over."""
        if number in self.sent:
            self.twice.append(f"{kind} to {address}")
        self.sent.add(number)


class KillsWorld(HeadendWorld):
    """A head-end on the database of `server`, with real processes, for a `with` block."""

    meters = 4
    steps = 5

    def __init__(self, random, template, place, tally, server):
        self._clock = multiprocessing.RawValue("q", 0)  # the vault and all children see it move
        super().__init__(random, template, place, tally)
        self._server = server
        self._broker = PipedBroker(random)
        self.post = PipedPost()
        self._together = None

    @property
    def now_s(self):
        """The virtual time of all processes."""
        return self._clock.value

    @now_s.setter
    def now_s(self, value):
        self._clock.value = value

    def _open_vault(self):
        """Serve the vault in a process of its own."""
        connections.close_all()
        self._vault_process = os.fork()
        if self._vault_process == 0:
            try:
                with Vault.open(self._folder.vault, PASSPHRASE) as vault:
                    Server(vault, self._folder.socket).run()
            finally:
                os._exit(0)
        self._vault = VaultClient(self._folder.socket, _VAULT_S)
        until = time.monotonic() + LIMIT_S
        while True:
            try:
                self._vault.fingerprint()
                break
            except VaultClosed:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
        self._office = Office(self._folder, self._vault)

    def _close_vault(self):
        os.kill(self._vault_process, signal.SIGKILL)
        os.waitpid(self._vault_process, 0)

    def _deeds(self):
        return [*super()._deeds(), self._work_together, self._work_together, self._crash_database]

    def _work_together(self):
        """Let all processes work at the same time."""
        self._together = []
        for one in (self._run_engine, self._work_payments, self._send, self._ingest, self._run_engine, self._write):
            one()
        running, self._together = self._together, None
        self._finish(running)

    def _crash_database(self):
        """Let the database crash while the engine and the payment worker work."""
        self._together = []
        self._run_engine(is_mortal=False)
        self._work_payments(is_mortal=False)
        running, self._together = self._together, None
        time.sleep(self._random.random() * _LATEST_S[-1])
        connection.close()
        self._server.restart()
        self._tally.add("database_crashes")
        self._tally.faults += 1
        self._finish(running)

    # Processes

    def _mortally(self, work, is_mortal):
        """Let a child work, and kill it at some instant. Return True if it came to its end."""
        killed_at = None
        if is_mortal and self._random.random() < 0.6:
            killed_at = self._random.random() * self._random.choice(_LATEST_S)
        running = self._start(work, killed_at)
        if self._together is not None:
            self._together.append(running)
            return False
        return self._finish([running])

    def _start(self, work, kill_after_s):
        connection.close()  # each process has a connection of its own
        reader, writer = multiprocessing.Pipe(duplex=False)
        process = os.fork()
        if process == 0:
            status = 1
            try:
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
                reader.close()
                self._broker.pipe = self.post.pipe = writer
                work()
                status = 0
            except Exception as error:  # noqa: BLE001 the parent judges it
                writer.send((FAILED, error))
            finally:
                os._exit(status)
        writer.close()
        killed_at = None if kill_after_s is None else time.monotonic() + kill_after_s
        return Running(process, reader, killed_at)

    def _finish(self, children):
        """Read the facts of children until their end, and kill those whose time has come. Return True if all ended."""
        open_ones, is_done = list(children), True
        until = time.monotonic() + LIMIT_S
        with selectors.DefaultSelector() as selector:
            for one in open_ones:
                selector.register(one.pipe, selectors.EVENT_READ, one)
            while open_ones:
                for key, _ in selector.select(0.005):
                    if not self._read(key.data):
                        selector.unregister(key.data.pipe)
                        open_ones.remove(key.data)
                        is_done &= self._bury(key.data)
                self._kill(open_ones)
                if time.monotonic() > until:
                    for one in open_ones:
                        os.kill(one.process, signal.SIGKILL)
                    raise Broken(HANGS, f"{len(open_ones)} processes do not end within {LIMIT_S} s")
        return is_done

    def _kill(self, children):
        for one in children:
            if one.killed_at is not None and time.monotonic() >= one.killed_at:
                os.kill(one.process, signal.SIGKILL)
                one.killed_at, one.is_killed = None, True
                self._tally.add("killed_processes")
                self._tally.faults += 1

    def _read(self, one):
        """Take a fact out of the pipe of a child. Return False at its end."""
        try:
            what, content = one.pipe.recv()
        except (EOFError, OSError):
            return False
        if what == PUBLISHED:
            self._broker.publish([content])
        elif what == HANDED_OVER:
            self.post.note(*content)
        elif not isinstance(content, OUTAGES):
            raise content
        return True

    @staticmethod
    def _bury(one):
        one.pipe.close()
        _, status = os.waitpid(one.process, 0)
        return status == 0
