"""The world of a head-end on PostgreSQL whose processes are real ones, ended by SIGKILL at random instants.

Each round of a process runs in a child of its own, with its own connections to the database, to the broker and to the
vault, which are processes too. A child writes down a pipe each message that it has handed over to a customer: these
are facts, however the child ends. Several children work at the same time, and the database and the broker are killed
under them. The links of the fleet connect the meters to the broker. They send again until the broker acknowledges.
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
from tests.proof.campaign import HANGS, LOST, Broken
from tests.proof.headend_broker import WORKER, Acknowledged, MortalBroker, MortalFleet
from tests.proof.headend_world import HeadendWorld
from wattpurse_tools.headend import delivery, outbox
from wattpurse_tools.headend.broker_link import BrokerLink
from wattpurse_tools.headend.ingest import OUTAGES
from wattpurse_tools.headend.worker import Worker, topics
from wattpurse_tools.office.office import Office
from wattpurse_tools.pages import headend_machine
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.interface import VaultClosed
from wattpurse_tools.vault.server import Server

LIMIT_S = 120
IDLE_S = 0.4
HANDED_OVER, FAILED = "handed over", "failed"

_LATEST_S = (0.01, 0.05, 0.2, 0.6)
_CRASH_S = 0.2
_VAULT_S = 60
_DRAIN_S = 0.1
_VISIT_S = 0.3


@dataclass
class Running:
    """A child at work: its process, its pipe, and the time at which it is killed, or None."""

    process: int
    pipe: multiprocessing.connection.Connection
    killed_at: float | None
    is_killed: bool = False


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


class Idle:
    """Tells the end of a worker that has taken and sent nothing for a while."""

    def __init__(self, worker):
        self._worker = worker
        self._known = None
        self._until = 0.0

    def __call__(self):
        """Return True if nothing has happened for IDLE_S."""
        counts = self._worker.counts
        now = counts.statements, counts.others, counts.set_aside, counts.sent
        if now != self._known:
            self._known, self._until = now, time.monotonic() + IDLE_S
        return time.monotonic() > self._until


class KillsWorld(HeadendWorld):
    """A head-end on the database of `server`, with real processes, for a `with` block."""

    meters = 4
    quiet_rounds = 1
    steps = 5

    def __init__(self, random, template, place, tally, server):
        self._clock = multiprocessing.RawValue("q", 0)  # the vault and all children see it move
        super().__init__(random, template, place, tally)
        self._server = server
        self._broker = MortalBroker(self._folder.path)
        self._book = Acknowledged()
        self._meters = None
        self.post = PipedPost()
        self._together = None

    def __enter__(self):
        super().__enter__()
        try:
            self._go_to_broker()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _go_to_broker(self):
        links = self._broker.links([one.meter for one in self.places], self._book)
        self._broker.start()
        self._meters = MortalFleet(links)
        self._work_worker(is_mortal=False)
        self._save_broker()  # the session of the worker

    def __exit__(self, *_):
        if self._meters is not None:
            self._meters.close()
        self._broker.kill()
        super().__exit__()

    def judge(self):
        """Compare as always, and look for each statement that the broker has acknowledged."""
        if missing := self._book.missing():
            raise Broken(LOST, missing)
        self._book.saved()
        self._tally.add("acknowledged_statements", len(self._book.secure))
        super().judge()

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
        further = [self._work_together, self._work_together, self._crash_database]
        return [*super()._deeds(), *further, self._kill_broker, self._kill_broker, self._save_broker]

    def _work_together(self):
        """Let all processes work at the same time."""
        self._together = []
        for one in (self._run_engine, self._work_payments, self._work_worker, self._run_engine, self._write):
            one()
        running, self._together = self._together, None
        self._finish(running)

    def _crash_database(self):
        """Let the database crash while engine, payment worker and worker work. The worker may be killed then."""
        self._together = []
        self._run_engine(is_mortal=False)
        self._work_payments(is_mortal=False)
        self._work_worker()
        running, self._together = self._together, None
        time.sleep(self._random.random() * _CRASH_S)
        connection.close()
        self._server.restart()
        self._tally.add("database_crashes")
        self._tally.faults += 1
        self._finish(running)

    def _kill_broker(self):
        """Kill the broker while meters and processes are at work, and start it again, at once or after some time."""
        self._together = []
        for one in (self._work_worker, self._run_engine, self._work_payments):
            one()
        running, self._together = self._together, None
        self._meters.pump(self._random.random() * _LATEST_S[-1])
        self._broker.kill()
        self._meters.pump(_DRAIN_S)  # answers that were on their way
        self._book.lost()
        if self._random.random() < 0.5:
            self._meters.pump(self._random.random())
        self._broker.start()
        self._tally.add("killed_brokers")
        self._tally.faults += 1
        self._finish(running)

    def _save_broker(self):
        self._broker.save()
        self._book.saved()

    def _pass(self, seconds):
        super()._pass(seconds)
        self._meters.follow_power()

    def _upset(self):
        super()._upset()
        self._meters.follow_power()
        if self._is_network_there != self._meters.is_network_there:
            self._meters.is_network_there = self._is_network_there
            if not self._is_network_there:
                self._meters.drop_network()

    def _forget(self):
        self._kill_broker()

    # Processes

    def _send(self, is_mortal=True):
        """Do nothing: the worker sends."""

    def _ingest(self, is_mortal=True):
        self._work_worker(is_mortal)

    def _work_worker(self, is_mortal=True):
        self._mortally(self._run_worker, is_mortal)

    def _run_worker(self):
        """Work as `wattpurse headend worker` does, until nothing has come for a while."""
        with BrokerLink(self._broker.access, WORKER, topics(headend_machine.WORKER_GROUP)) as link:
            worker = Worker(self._office, link, clock=lambda: self.now_s, tell=lambda _line: None)
            worker.run(Idle(worker))

    def _visit_all(self, is_mortal=True):
        """Let the meters take their messages and publish, for a moment or until nothing waits."""
        self._meters.is_network_there = self._is_network_there
        if is_mortal:
            self._meters.pump(self._random.random() * _VISIT_S)
        elif not self._meters.settle(LIMIT_S):
            raise Broken(HANGS, f"the meters have something to send after {LIMIT_S} s")
        self._meters.follow_power()
        for place in self.places:
            self._look(place.meter)

    def _is_quiet(self):
        return not self._unsettled()

    def _unsettled(self):
        """Name orders, tokens and statements that are not settled."""
        return ", ".join(one for one in (super()._unsettled(), self._book.missing()) if one)

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
                self.post.pipe = writer
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
                if self._meters is not None:
                    self._meters.pump(0)
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
        if what == HANDED_OVER:
            self.post.note(*content)
        elif not isinstance(content, OUTAGES):
            raise content
        return True

    @staticmethod
    def _bury(one):
        one.pipe.close()
        _, status = os.waitpid(one.process, 0)
        return status == 0
