"""The vault's Unix socket: its address, its peers, and lines of bounded length within a bounded time."""

import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PATH_SIZE = 107
_PIECE = 1 << 16
_CREDENTIALS = "3i"


class LineTooLong(ValueError):
    """A line is longer than its limit."""


@contextmanager
def address_of(path: Path) -> Iterator[str]:
    """Yield an address of the socket at `path`. The system takes short ones only, so a long one goes by its folder."""
    if len(os.fsencode(path)) <= _PATH_SIZE:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def peer_of(connection: socket.socket) -> int:
    """Return the number of the Unix user at the other end, as the system knows it."""
    data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(_CREDENTIALS))
    _, user, _ = struct.unpack(_CREDENTIALS, data)
    return user


class Lines:
    """The lines that come on a connection, each within a limit of bytes and of time."""

    def __init__(self, connection: socket.socket, limit: int) -> None:
        self._connection = connection
        self._limit = limit
        self._pending = b""

    def next(self, first_s: float, whole_s: float) -> bytes | None:
        """Return the next line, or None if the other end has closed or sends no whole one in time.

        The line begins within `first_s` and ends within `whole_s` after that. Raise LineTooLong.
        """
        until = time.monotonic() + (first_s if not self._pending else whole_s)
        while True:
            end = self._pending.find(b"\n")
            if end >= 0:
                line, self._pending = self._pending[:end], self._pending[end + 1 :]
                return line
            if len(self._pending) > self._limit:
                raise LineTooLong(f"a line has at most {self._limit} bytes")
            wait_s = until - time.monotonic()
            if wait_s <= 0:
                return None
            self._connection.settimeout(wait_s)
            try:
                piece = self._connection.recv(_PIECE)
            except TimeoutError:
                return None
            if not piece:
                return None
            if not self._pending:
                until = time.monotonic() + whole_s
            self._pending += piece
