"""A server at loopback that answers as written, and then sends a byte now and then for ever."""

import contextlib
import socket
import threading

STEP_S = 0.05
LIMIT_S = 8


class TricklingServer:
    """The server of one connection, for a `with` block. Each of its `replies` is sent, and then it reads once.

    After them it sends `begin`, and then `trickle` again and again until the other side is gone, at most LIMIT_S. With
    a TLS context it speaks TLS.
    """

    def __init__(self, replies, begin, trickle, tls=None):
        self._words = (replies, begin, trickle)
        self._tls = tls
        self._is_ended = threading.Event()

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(LIMIT_S)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_ended.set()
        self._thread.join(timeout=2 * LIMIT_S)
        self._listener.close()

    def _serve(self):
        with contextlib.suppress(OSError):
            talk = self._listener.accept()[0]
            talk.settimeout(LIMIT_S)
            if self._tls is not None:
                talk = self._tls.wrap_socket(talk, server_side=True)
            with talk:
                self._talk(talk)

    def _talk(self, talk):
        replies, begin, trickle = self._words
        for reply in replies:
            talk.sendall(reply)
            talk.recv(65_536)
        talk.sendall(begin)
        for _ in range(int(LIMIT_S / STEP_S)):
            if self._is_ended.wait(STEP_S):
                return
            talk.sendall(trickle)
