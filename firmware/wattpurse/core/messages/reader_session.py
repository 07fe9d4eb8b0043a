"""Session and sequence of the frames to a reader board: each request is executed at most once.

HELLO begins a session: it forgets everything about requests before it. Behind it requests count their sequence up by 1,
modulo 256, and the next request follows the answer to the one before. The side that asks may send a request again,
unchanged. The board answers the last sequence number again from its memory. It refuses a request that is neither the
last nor the next one (OUT_OF_STEP), and every request after a restart of its own (NO_SESSION). The side that asks then
begins a new session, and looks at the card before it takes any step again.

The line keeps the order of its bytes. It may lose, repeat and change them.
"""

from wattpurse.core.messages import reader_frames as frames


class SessionLost(Exception):
    """The board refuses the session. Nobody knows whether the last request was executed."""


class Asker:
    """The side that asks. It keeps the one request that is under way."""

    def __init__(self) -> None:
        self._nonce = 0
        self._session = 0
        self._sequence = 0
        self._kind = None

    def begin(self, nonce: int) -> bytes:
        """Return the frame of a HELLO that begins a session."""
        self._nonce = nonce
        self._session = nonce & 0xFF
        self._sequence = 0
        self._kind = frames.HELLO
        return frames.frame(frames.HELLO, self._session, 0, frames.hello(nonce))

    def request(self, kind: int, content: "bytes | bytearray" = b"") -> bytes:
        """Return the frame of the next request."""
        self._sequence = self._sequence + 1 & 0xFF
        self._kind = kind
        return frames.frame(kind, self._session, self._sequence, content)

    def answer_in(self, frame: frames.Frame) -> bytes | None:
        """Return the payload of the answer to the request under way, or None if this frame is another one.

        Raises SessionLost if the board does not know the session any more.
        """
        if self._kind is None or frame.kind != self._kind | frames.ANSWER:
            return None
        if frame.session != self._session or frame.sequence != self._sequence:
            return None
        if len(frame.payload) < frames.ANSWER_HEAD_SIZE:
            return None
        if self._kind == frames.HELLO and not self._is_welcome(frame.payload[frames.ANSWER_HEAD_SIZE :]):
            return None
        self._kind = None
        if frame.payload[0] in (frames.NO_SESSION, frames.OUT_OF_STEP):
            raise SessionLost()
        return frame.payload

    def _is_welcome(self, content: bytes) -> bool:
        """Return True for the answer to this HELLO. One from before has another nonce."""
        welcome = frames.read_welcome(content)
        return welcome is not None and welcome[1] == self._nonce


class Answerer:
    """The side that answers. `role` and `identity` tell which board it is. `sessions` counts the sessions begun."""

    def __init__(self, role: int, identity: bytes) -> None:
        self.sessions = 0
        self._role = role
        self._identity = identity
        self._nonce = None
        self._sequence = 0
        self._last = None
        self._stored = None

    def reply_to(self, request: frames.Frame) -> bytes | None:
        """Return the frame that answers a request without its execution, b"" if it gets no answer.

        Returns None if the request is to be executed, now, and answered by `answer`.
        """
        if request.kind & frames.ANSWER:
            return b""
        if request.kind == frames.HELLO:
            return self._welcome(request)
        if self._nonce is None or request.session != self._nonce & 0xFF:
            return _refusal(request, frames.NO_SESSION)
        if request.sequence == self._sequence:
            if self._stored is not None and self._last == (request.kind, request.payload):
                return self._stored
        elif request.sequence == self._sequence + 1 & 0xFF:
            self._sequence = request.sequence
            self._last = request.kind, request.payload
            self._stored = None
            return None
        return _refusal(request, frames.OUT_OF_STEP)

    def answer(self, request: frames.Frame, status: int, notice: int, content: "bytes | bytearray" = b"") -> bytes:
        """Return the frame of the answer to a request that was executed, and keep it for its repetition."""
        payload = bytes((status, notice)) + content
        self._stored = frames.frame(request.kind | frames.ANSWER, request.session, request.sequence, payload)
        return self._stored

    def _welcome(self, request: frames.Frame) -> bytes:
        """Begin a session. A HELLO that comes twice begins one session."""
        greeting = frames.read_hello(request.payload)
        if greeting is None or request.sequence:
            return b""
        version, nonce = greeting
        if request.session != nonce & 0xFF:
            return b""
        if version == frames.VERSION and nonce != self._nonce:
            self.sessions += 1
            self._nonce = nonce
            self._sequence = 0
            self._last = self._stored = None
        content = b"\x00\x00" + frames.welcome(nonce, self._role, self._identity)
        return frames.frame(frames.HELLO | frames.ANSWER, request.session, 0, content)


def _refusal(request: frames.Frame, status: int) -> bytes:
    return frames.frame(request.kind | frames.ANSWER, request.session, request.sequence, bytes((status, 0)))
