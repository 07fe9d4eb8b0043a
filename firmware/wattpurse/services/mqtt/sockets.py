"""Streams and datagrams that never wait, over the `socket` module of each MicroPython port, and of CPython."""

import select
import socket

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import Any

    from wattpurse.services.mqtt.tls import Security

_TCP = 6
_NODELAY = 1
_UNDER_WAY = (11, 115, 119)  # EAGAIN and EINPROGRESS, by the numbers of Linux and lwIP, and of ESP-IDF
_FAILED = select.POLLERR | select.POLLHUP


class Stream:
    """A TCP connection to a numeric address. `readinto` and `write` return None while they would have to wait."""

    def __init__(self, address: str, port: int, security: "Security | None" = None) -> None:
        self._security = security
        self._socket: Any = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._file: Any = None
        try:
            self._socket.setblocking(False)
            self._poller = select.poll()
            self._begin(resolved(address, port))
        except OSError:
            self.close()
            raise

    def is_connected(self) -> bool:
        """Return True once the other side has accepted. Raise OSError if it refuses."""
        if self._file is not None:
            return True
        for event in self._poller.poll(0):
            if event[1] & _FAILED:
                raise OSError("the broker refuses the connection")
            if event[1] & select.POLLOUT:
                self._open()
                return True
        return False

    def readinto(self, buffer: memoryview) -> int | None:
        """Read some bytes. Return their number, 0 at the end of the stream, None if there are none yet."""
        return self._file.readinto(buffer)

    def write(self, data: memoryview) -> int | None:
        """Write some of the bytes. Return their number, None if there is no room yet."""
        return self._file.write(data)

    def close(self) -> None:
        """Close the connection at once."""
        for one in (self._file, self._socket):
            if one is not None:
                try:
                    one.close()
                except OSError:
                    pass  # it was broken: it is closed all the same

    def _begin(self, address: "Any") -> None:  # noqa: ANN401 each port has addresses of its own
        try:
            self._socket.setsockopt(_TCP, _NODELAY, 1)
        except (OSError, ValueError):
            pass  # a port without the option: packets leave a little later
        try:
            self._socket.connect(address)
        except OSError as error:
            if error.args[0] not in _UNDER_WAY:
                raise
        self._poller.register(self._socket, select.POLLOUT)

    def _open(self) -> None:
        """Take the connected socket as a file, which says None instead of raising."""
        if self._security is not None:
            self._file = self._security.wrap(self._socket)
        elif hasattr(self._socket, "recv_into"):
            self._file = self._socket.makefile("rwb", buffering=0)
        else:
            self._file = self._socket


class Datagrams:
    """A UDP socket to one numeric address."""

    def __init__(self, address: str, port: int) -> None:
        self._address = resolved(address, port)
        self._socket: Any = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)

    def send(self, data: bytes) -> None:
        """Send a datagram. Raise OSError if the network is down."""
        self._socket.sendto(data, self._address)

    def receive(self, size: int) -> bytes | None:
        """Return a datagram, or None if there is none."""
        try:
            return self._socket.recv(size)
        except OSError:
            return None

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def resolved(address: str, port: int) -> "Any":  # noqa: ANN401 each port has addresses of its own
    """Return a numeric address as `connect` takes it. For numbers, no port asks a name server."""
    return socket.getaddrinfo(address, port)[0][-1]
