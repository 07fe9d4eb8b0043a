"""Start vault, pages and further processes of an office, and start a process again that has died.

The supervisor holds the passphrase, for the vault that it starts again. It hears nothing from outside: the pages, which
do, are another process without the passphrase. A child ends with its parent, however the parent ends.
"""

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from wattpurse_tools.record.office_folder import OfficeFolder
from wattpurse_tools.vault.client import VaultClient
from wattpurse_tools.vault.interface import VaultClosed

START_S = 30.0
END_S = 15.0
LONGEST_PAUSE_S = 30.0

_TICK_S = 0.1
_STEADY_S = 60.0
_PARENT_DEATH = 1  # PR_SET_PDEATHSIG of prctl
_BACKLOG = 64


class NotStarted(OSError):
    """A child ended, or did not answer, before it was ready. It has printed the reason."""


@dataclass
class Child:
    """A process that is kept alive. `start` starts it, `name` is for people.

    The next one starts after `is_ready` returns True, if there is one. With `is_wanted` the process starts, also again,
    only while that returns True.
    """

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    is_ready: Callable[[], bool] | None = None
    is_wanted: Callable[[], bool] | None = None
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    started_at: float = field(default=0.0, init=False)
    pause_s: float = field(default=1.0, init=False)
    not_before: float = field(default=0.0, init=False)

    def begin(self) -> None:
        """Start the process, if it is wanted."""
        if self.is_wanted is not None and not self.is_wanted():
            return
        self.process = self.start()
        self.started_at = time.monotonic()

    def keep_alive(self, tell: Callable[[str], None]) -> None:
        """Start the process again if it has ended; after a longer and longer pause if it ends at once."""
        now = time.monotonic()
        if self.process is None:
            if now >= self.not_before:
                self.begin()
            return
        status = self.process.poll()
        if status is None:
            return
        lived_s = now - self.started_at
        self.pause_s = 1.0 if lived_s > _STEADY_S else min(LONGEST_PAUSE_S, self.pause_s * 2)
        self.not_before = now + self.pause_s
        self.process = None
        tell(f"The {self.name} ended ({_reason(status)}). It is started again in {self.pause_s:.0f} s.")

    def end(self) -> None:
        """End the process: politely first, by force if it takes too long."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Supervisor:
    """The processes of an office. Without a `passphrase` the vault is somebody else's, and only the pages start.

    `tell` takes lines for the person at the terminal. `further` processes start after the pages, in their order.
    """

    def __init__(
        self,
        folder: OfficeFolder,
        listener: socket.socket,
        passphrase: str | None,
        public_url: str | None,
        tell: Callable[[str], None],
        further: Sequence[Child] = (),
    ) -> None:
        self._folder = folder
        self._listener = listener
        self._passphrase = passphrase
        self._public_url = public_url
        self._tell = tell
        self._stopped = False
        vault = Child("vault", self._start_vault, self._is_vault_ready)
        pages = Child("server of the pages", self._start_pages, self._are_pages_ready)
        self._children = [*([] if passphrase is None else [vault]), pages, *further]

    def run(self, when_ready: Callable[[], None]) -> None:
        """Start all, call `when_ready`, and keep all alive until SIGINT or SIGTERM. Raise NotStarted."""
        before = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            for child in self._children:
                if not self._stopped:
                    child.begin()
                    if child.process is not None:
                        self._wait(child)
            if not self._stopped:
                when_ready()
            while not self._stopped:
                for child in self._children:
                    child.keep_alive(self._tell)
                time.sleep(_TICK_S)
        finally:
            for child in reversed(self._children):
                child.end()
            for number, handler in before.items():
                signal.signal(number, handler)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopped = True

    def _wait(self, child: Child) -> None:
        until = time.monotonic() + START_S
        while not self._stopped and child.is_ready is not None and not child.is_ready():
            if child.process is None or child.process.poll() is not None:
                raise NotStarted(f"the {child.name} did not start")
            if time.monotonic() >= until:
                raise NotStarted(f"the {child.name} did not answer within {START_S:.0f} s")
            time.sleep(_TICK_S)

    def _is_vault_ready(self) -> bool:
        try:
            VaultClient(self._folder.socket).fingerprint()
        except VaultClosed:
            return False
        return True

    def _are_pages_ready(self) -> bool:
        try:
            with socket.create_connection(self._listener.getsockname()[:2], timeout=1) as connection:
                connection.settimeout(START_S)
                connection.sendall(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
                return bool(connection.recv(1))
        except OSError:
            return False

    def _start_vault(self) -> subprocess.Popen[bytes]:
        reader, writer = os.pipe2(os.O_CLOEXEC)
        try:
            os.write(writer, (self._passphrase or "").encode() + b"\n")
            os.close(writer)
            return start_module(
                ["wattpurse_tools.cli", "vault", "serve", "--office", self._folder.path, "--passphrase-fd", reader],
                reader,
            )
        finally:
            os.close(reader)

    def _start_pages(self) -> subprocess.Popen[bytes]:
        descriptor = self._listener.fileno()
        words = ["wattpurse_tools.pages.server", "--office", self._folder.path, "--socket-fd", descriptor]
        if self._public_url is not None:
            words += ["--public-url", self._public_url]
        return start_module(words, descriptor)


def listen(host: str, port: int, option: str = "--port") -> socket.socket:
    """Return a listening socket. Raise OSError, with the option that is the remedy, if the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = error.strerror if isinstance(error, OSError) else "no port number"
        raise OSError(f"port {port} of {host} cannot be used ({reason}); choose another one with {option}") from None
    return listener


def start_module(words: Sequence[str | Path | int], *descriptors: int) -> subprocess.Popen[bytes]:
    """Start a module of Python with its arguments. It inherits the descriptors, and ends with this process."""
    return start_program([sys.executable, "-m", *words], *descriptors)


def start_program(words: Sequence[str | Path | int], *descriptors: int) -> subprocess.Popen[bytes]:
    """Start a program likewise."""
    parent = os.getpid()

    def end_with_parent() -> None:
        ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    environment = {name: value for name, value in os.environ.items() if name != "WATTPURSE_PASSPHRASE"}
    return subprocess.Popen(
        [str(word) for word in words],
        stdin=subprocess.DEVNULL,
        env=environment,
        pass_fds=descriptors,
        start_new_session=True,
        preexec_fn=end_with_parent,
    )


def _reason(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"exit status {status}"
