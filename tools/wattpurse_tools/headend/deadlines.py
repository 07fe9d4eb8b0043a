"""A deadline for a whole connection.

The timeout of a socket counts from byte to byte, so a server that sends a byte now and then is never too late for it.
At the deadline the connection is shut down. That wakes a thread that waits for the other side; closing does not.
"""

import contextlib
import socket
import threading
from types import TracebackType


class Deadline:
    """A deadline for a `with` block, counted from its begin. A block that was cut raises TimeoutError."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._guard = threading.Lock()
        self._watched: socket.socket | None = None
        self._is_over = False
        self._timer = threading.Timer(after_s, self._end)
        self._timer.daemon = True

    def __enter__(self) -> "Deadline":
        self._timer.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._guard:
            if self._watched is not None:
                self._watched.close()
            self._watched = None
        if isinstance(error, Exception):
            self.check(error)

    def watch(self, connection: socket.socket) -> None:
        """Cut this connection at the deadline, or now if the deadline has passed. It has no TLS yet.

        A duplicate of the connection is kept. TLS may take the connection over, and it may be closed meanwhile.
        """
        with self._guard:
            self._watched = connection.dup()
            if self._is_over:
                self._cut()

    def check(self, cause: Exception | None = None) -> None:
        """Raise TimeoutError if the connection was cut. The newest bytes may be a part of a line that looks whole."""
        if self._is_over:
            raise TimeoutError(f"it was cut after {self._after_s:g} s") from cause

    def _end(self) -> None:
        with self._guard:
            self._is_over = True
            self._cut()

    def _cut(self) -> None:
        if self._watched is not None:
            with contextlib.suppress(OSError):  # the other side has gone already
                self._watched.shutdown(socket.SHUT_RDWR)
