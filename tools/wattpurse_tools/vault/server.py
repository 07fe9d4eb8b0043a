"""The vault's process behind its Unix socket. See `wire` for the language.

Each connection has a thread of its own, and every wait has an end: a client that sends half a line, or reads no answer,
stops nobody else. Only the vault's own Unix user and the users that its policy names are heard; the system tells who is
at the other end.
"""

import ctypes
import os
import resource
import selectors
import signal
import socket
import stat
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

from wattpurse_tools.vault import wire
from wattpurse_tools.vault.engine import Vault
from wattpurse_tools.vault.interface import Refused
from wattpurse_tools.vault.unix_socket import Lines, LineTooLong, address_of, peer_of

CONNECTIONS = 64
IDLE_S = 60
LINE_S = 10
ANSWER_S = 10
END_S = 10

_BACKLOG = 64
_PAUSE_S = 0.05
_DUMPABLE = 4  # PR_SET_DUMPABLE of prctl
_OWNER_ALONE = 0o600
_ALL_USERS = 0o666


class Server:
    """A vault at the socket at `path`. Raise ValueError if another vault answers there."""

    def __init__(self, vault: Vault, path: str | Path) -> None:
        self._vault = vault
        self._path = Path(os.path.realpath(Path(path).parent)) / Path(path).name
        self._room = threading.BoundedSemaphore(CONNECTIONS)
        self._threads: set[threading.Thread] = set()
        self._wake_reader, self._wake_writer = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._listener = self._listen()
        self._inode = os.lstat(self._path).st_ino

    def stop(self, *_: object) -> None:
        """End `run` soon. A signal handler may call this."""
        with suppress(BlockingIOError):  # it was woken already
            os.write(self._wake_writer, b"x")

    def run(self) -> None:
        """Serve until `stop`, then wait for the calls in progress and remove the socket."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake_reader, selectors.EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if self._wake_reader in ready:
                    break
                self._accept()
        self._end()

    def _listen(self) -> socket.socket:
        self._remove_stale()
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        before = os.umask(0o777 & ~_OWNER_ALONE)
        try:
            with address_of(self._path) as address:
                listener.bind(address)
        except OSError as error:
            listener.close()
            raise OSError(error.errno, error.strerror, str(self._path)) from None
        finally:
            os.umask(before)
        # The peer's user decides in any case. The mode keeps all others from connecting at all.
        others = set(self._vault.users) - {os.geteuid()}
        os.chmod(self._path, _ALL_USERS if others else _OWNER_ALONE)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        return listener

    def _remove_stale(self) -> None:
        """Remove the socket of a vault that has ended. Raise ValueError for anything else at the path."""
        try:
            found = os.lstat(self._path)
        except FileNotFoundError:
            return
        if not stat.S_ISSOCK(found.st_mode):
            raise ValueError(f"{self._path}: is there and is no socket; remove it, or name another place")
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe, address_of(self._path) as address:
            probe.settimeout(LINE_S)
            try:
                probe.connect(address)
            except (ConnectionRefusedError, FileNotFoundError):
                self._path.unlink(missing_ok=True)
                return
        raise ValueError(f"{self._path}: another vault answers here already")

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            time.sleep(_PAUSE_S)  # the client has left, or there are too many open files: the others go on
            return
        if not self._room.acquire(blocking=False):
            _send_error(connection, OSError("the vault has too many connections; try again"))
            connection.close()
            return
        thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
        self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError:  # the system has no room for a further thread: the others go on
            self._threads.discard(thread)
            self._room.release()
            connection.close()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                self._talk(connection)
        except OSError:
            pass  # the client has left, or reads nothing
        finally:
            self._room.release()
            self._threads.discard(threading.current_thread())

    def _talk(self, connection: socket.socket) -> None:
        user = peer_of(connection)
        if user != os.geteuid() and user not in self._vault.users:
            _send_error(connection, Refused(f"Unix user {user} may not use this vault; permit it with: vault user"))
            return
        _send(connection, {wire.HELLO: wire.VERSION})
        lines = Lines(connection, wire.REQUEST_LIMIT)
        while True:
            try:
                line = lines.next(IDLE_S, LINE_S)
                if line is None:
                    return
                message = wire.read_line(line)
            except LineTooLong as error:
                _send_error(connection, Refused(str(error)))
                return
            except ValueError:
                _send_error(connection, Refused("this line is no message of the vault's socket"))
                return
            _send(connection, self._answer(message, user))

    def _answer(self, message: dict, user: int) -> dict:
        try:
            name = message.get("call")
            if not isinstance(name, str):
                raise Refused("a message names its call")
            arguments = wire.bound_arguments(name, wire.decoded(message.get("arguments")))
            if name == "sign_on_as_user":
                return {"result": wire.encoded(self._vault.sign_on_user(user))}
            member = getattr(self._vault, name)
            return {"result": wire.encoded(member if wire.is_property(name) else member(**arguments))}
        except (OSError, ValueError) as error:
            return wire.error_message(error)
        except (TypeError, KeyError, OverflowError, RecursionError, AttributeError):
            # An odd message shall not end the thread. The words tell nothing about the inside.
            return wire.error_message(Refused("the vault could not read the arguments of this call"))

    def _end(self) -> None:
        self._listener.close()
        try:
            if os.lstat(self._path).st_ino == self._inode:
                self._path.unlink()
        except FileNotFoundError:
            pass
        until = time.monotonic() + END_S
        self._vault.close()
        for thread in list(self._threads):
            thread.join(max(0, min(0.2, until - time.monotonic())))
        os.close(self._wake_reader)
        os.close(self._wake_writer)


def harden() -> None:
    """Keep the keys in memory from core dumps, and from other processes of the same Unix user."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError, AttributeError):  # another system than Linux has no such call
        ctypes.CDLL(None, use_errno=True).prctl(_DUMPABLE, 0, 0, 0, 0)


def serve_until_signal(vault: Vault, path: str | Path, ready: Callable[[], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT comes. The main thread calls this. `ready` is called when clients may connect."""
    server = Server(vault, path)

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    if ready is not None:
        ready()
    server.run()


def _send(connection: socket.socket, message: dict) -> None:
    connection.settimeout(ANSWER_S)
    connection.sendall(wire.line_of(message))


def _send_error(connection: socket.socket, error: Exception) -> None:
    with suppress(OSError):  # nobody reads it
        _send(connection, wire.error_message(error))
