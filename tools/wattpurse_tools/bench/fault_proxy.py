"""A proxy in front of a broker with the faults of networks: it drips, cuts, falls silent, resets.

A fault concerns the bytes from the broker to the meter. It holds for connections that begin while it is set. The line
behind the proxy can be dropped as well: then no byte passes in any direction, and nobody answers a new connection.
"""

import socket
import struct
import threading
import time
from types import TracebackType

DRIBBLE_S = 0.2

_CHUNK = 4096
_POLL_S = 0.1
_FILLERS = 3  # connections that fill the listener's queue, so that the system ignores further ones
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER without time: the connection ends with a reset


class Fault:
    """A fault: after `after` bytes, `kind` happens. The kinds are those of `KINDS`."""

    def __init__(self, kind: str, after: int = 0) -> None:
        if kind not in KINDS:
            raise ValueError(f"there is no fault {kind}")
        self.kind = kind
        self.after = after


KINDS = ("none", "dribble", "cut", "silent", "reset")


class FaultProxy:
    """A proxy to port `target` of this computer, for a `with` block. `fault` may be set at any time.

    `carried` is the number of bytes that it has delivered, in both directions.
    """

    def __init__(self, target: int) -> None:
        self.fault = Fault("none")
        self.connections = 0
        self.carried = 0
        self._target = target
        self._is_over = threading.Event()
        self._has_line = threading.Event()
        self._has_line.set()
        self._fillers: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self._listener.settimeout(_POLL_S)
        self.port = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []

    @property
    def address(self) -> str:
        """The address of the proxy, as HOST:PORT."""
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> "FaultProxy":
        self._start(self._accept)
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        self.restore_line()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def drop_line(self) -> None:
        """Let nothing pass any more. Neither end learns of it."""
        self._has_line.clear()
        time.sleep(2 * _POLL_S)  # until nobody accepts a connection
        for _ in range(_FILLERS):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", self.port))
            self._fillers.append(filler)

    def restore_line(self) -> None:
        """Let everything pass again."""
        for filler in self._fillers:
            filler.close()
        self._fillers = []
        self._has_line.set()

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # pyright: ignore[reportArgumentType]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._is_over.is_set():
            self._has_line.wait()
            try:
                meter, _ = self._listener.accept()
            except TimeoutError:
                continue
            self.connections += 1
            try:
                broker = socket.create_connection(("127.0.0.1", self._target), 5)
            except OSError:
                meter.close()
                continue
            for one in (meter, broker):
                one.settimeout(_POLL_S)
            self._start(self._carry, meter, broker, Fault("none"))
            self._start(self._carry, broker, meter, self.fault)

    def _carry(self, source: socket.socket, target: socket.socket, fault: Fault) -> None:
        """Carry bytes in one direction until an end closes."""
        carried = 0
        try:
            while not self._is_over.is_set():
                try:
                    data = source.recv(_CHUNK)
                except TimeoutError:
                    continue
                self._has_line.wait()
                if not data:
                    break
                if not self._deliver(data, carried, target, fault):
                    return
                carried += len(data)
        except OSError:
            pass  # the other direction has closed both ends
        source.close()
        target.close()

    def _deliver(self, data: bytes, carried: int, target: socket.socket, fault: Fault) -> bool:
        """Deliver bytes as the fault lets them through. Return False once the connection is left as it is."""
        room = max(0, fault.after - carried)
        if fault.kind == "none" or len(data) <= room:
            target.sendall(data)
            self.carried += len(data)
            return True
        target.sendall(data[:room])
        if fault.kind == "dribble":
            for place in range(room, len(data)):
                time.sleep(DRIBBLE_S)
                target.sendall(data[place : place + 1])
            return True
        if fault.kind == "silent":
            self._is_over.wait()
            return False
        if fault.kind == "reset":
            target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        target.close()
        raise OSError("the fault has happened")
