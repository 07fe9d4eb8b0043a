"""The mail server of all customers in a rehearsal: it speaks as much of SMTP (RFC 5321) as a sender needs.

It takes each mail and keeps its Message-ID alone. The same Message-ID again is a mail that came twice.
"""

import re
import socketserver
import threading

_WAIT_S = 60.0
_LINE_LIMIT = 1_000  # RFC 5321, 4.5.3.1.6
_ID = re.compile(rb"(?im)^Message-ID:\s*(\S+)")
_ANSWERS = {b"EHLO": b"250 mail", b"HELO": b"250 mail", b"MAIL": b"250 ok", b"RCPT": b"250 ok", b"QUIT": b"221 bye"}


class Mailbox:
    """A mail server on this computer at `port`. `mails` are the Message-IDs that came once, `twice` came again."""

    def __init__(self) -> None:
        self.mails: set[str] = set()
        self.twice: list[str] = []
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]

    def start(self) -> None:
        """Serve in a thread until `close`."""
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """End the service."""
        self._server.shutdown()
        self._server.server_close()

    def take(self, content: bytes) -> None:
        """Take a mail. Raise ValueError for one without Message-ID."""
        found = _ID.search(content)
        if found is None:
            raise ValueError("a mail without Message-ID")
        number = found[1].decode()
        if number in self.mails:
            self.twice.append(number)
        self.mails.add(number)


def _handler_of(mailbox: Mailbox) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        """One connection of a sender."""

        timeout = _WAIT_S

        def handle(self) -> None:
            """Answer each command until the sender leaves."""
            self._answer(b"220 mail")
            while line := self.rfile.readline(_LINE_LIMIT):
                command = line[:4].upper().strip()
                if command == b"DATA":
                    self._answer(b"354 go on")
                    mailbox.take(self._content())
                    self._answer(b"250 taken")
                else:
                    self._answer(_ANSWERS.get(command, b"502 unknown"))
                if command == b"QUIT":
                    return

        def _content(self) -> bytes:
            lines = []
            while (line := self.rfile.readline(_LINE_LIMIT)) not in (b".\r\n", b""):
                lines.append(line)
            return b"".join(lines)

        def _answer(self, words: bytes) -> None:
            self.wfile.write(words + b"\r\n")

    return Handler
