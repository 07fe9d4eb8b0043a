"""Mail by SMTP (RFC 5321), one connection for each message.

Until the server has asked for the content (354), a message is certainly not handed over, and may be sent again. A reply
4xx or 5xx to the content says that the server has not taken it (RFC 5321, 4.2.1). Without a reply nobody knows.
"""

import contextlib
import hashlib
import re
import smtplib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from wattpurse_tools.headend.deadlines import Deadline
from wattpurse_tools.headend.delivery import LATER, Outcome
from wattpurse_tools.headend.outbox import FAILED, SENT, UNKNOWN
from wattpurse_tools.record.models import Message

NO_TLS, STARTTLS, TLS = "none", "starttls", "tls"

_NAME = "localhost"  # of this side, in EHLO
_SHUTS_DOWN = 421


@dataclass(frozen=True)
class MailServer:
    """A server that takes mail. `security` is "starttls", "tls" or "none".

    It has `timeout_s` for each answer.
    """

    host: str
    port: int = 587
    security: str = STARTTLS
    user: str = ""
    password: str = ""
    ca_file: str = ""
    timeout_s: int = 30


class Mail:
    """The transport of mail. `sender` is an address such as `Shop <shop@example.org>`.

    The server has `deadline_s` for a whole message.
    """

    def __init__(self, server: MailServer, sender: str, reply_to: str = "", deadline_s: float = 300) -> None:
        self._server = server
        self._deadline_s = deadline_s
        self._sender = sender
        self._reply_to = reply_to or sender
        self._domain = parseaddr(sender)[1].rpartition("@")[2]

    def send(self, message: Message, now_s: int) -> Outcome:
        """Send a message once."""
        try:
            content = self.compose(message, now_s)
        except (ValueError, UnicodeError) as error:
            return Outcome(FAILED, f"it is no mail: {error}")
        return self._hand_over(parseaddr(self._sender)[1], str(parseaddr(message.address)[1]), content)

    def compose(self, message: Message, now_s: int) -> bytes:
        """Return a mail with its headers. Raise ValueError for an address that is none."""
        mail = EmailMessage(policy=SMTP)
        mail["From"] = self._sender
        mail["To"] = Address(addr_spec=message.address)
        mail["Reply-To"] = self._reply_to
        mail["Subject"] = " ".join((message.subject or message.kind).split())
        mail["Date"] = format_datetime(datetime.fromtimestamp(now_s, UTC))
        mail["Message-ID"] = message_id(message.key, self._domain)
        mail["Auto-Submitted"] = "auto-generated"
        if message.customer is not None:
            mail["Content-Language"] = message.customer.language
            mail["List-Unsubscribe"] = f"<mailto:{parseaddr(self._reply_to)[1]}?subject=STOP>"
        mail.set_content(message.text)
        return mail.as_bytes()

    def _hand_over(self, sender: str, receiver: str, content: bytes) -> Outcome:
        step = "connect"
        is_asked = False
        try:
            with Deadline(self._deadline_s) as deadline, _connected(self._server, deadline) as client:
                step = "log in"
                self._log_in(client)
                for step, command, wanted in (
                    ("MAIL", lambda: client.mail(sender), 2),
                    ("RCPT", lambda: client.rcpt(receiver), 2),
                    ("DATA", lambda: client.docmd("DATA"), 3),
                ):
                    code, words = command()
                    if code // 100 != wanted:
                        return _refused(step, code, words)
                deadline.check()
                step, is_asked = "content", True
                client.send(_transparent(content))
                code, words = client.getreply()
                if code // 100 == 2:
                    return Outcome(SENT)
                return _refused(step, code, words) if code >= 400 else Outcome(UNKNOWN, f"{step}: {code}")
        except Exception as error:  # whatever it is: the content is out or it is not
            told = f"{self._server.host}, {step}: {error}"
            return Outcome(UNKNOWN if is_asked else LATER, told, stops_channel=True)

    def _log_in(self, client: smtplib.SMTP) -> None:
        client.ehlo_or_helo_if_needed()
        if self._server.security == STARTTLS:
            client.starttls(context=_context(self._server))
            client.ehlo()
        if self._server.user:
            client.login(self._server.user, self._server.password)


def message_id(key: str, domain: str) -> str:
    """Return the Message-ID of a message: the same for the same key."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{domain}>"


class _Client(smtplib.SMTP):
    """A connection to a server, which a deadline cuts."""

    def __init__(self, server: MailServer, deadline: Deadline) -> None:
        self._server = server
        self._deadline = deadline
        super().__init__(server.host, server.port, _NAME, timeout=server.timeout_s)

    def connect(
        self, host: str = "", port: int = 0, source_address: tuple[bytearray | bytes | str, int] | None = None
    ) -> tuple[int, bytes]:
        """Connect, by TLS if it is set, and return the reply."""
        plain = socket.create_connection((host, port), self._server.timeout_s, source_address)
        self._deadline.watch(plain)
        self.sock = plain
        if self._server.security == TLS:
            self.sock = _context(self._server).wrap_socket(plain, server_hostname=host)
        self.file = None
        return self.getreply()


@contextlib.contextmanager
def _connected(server: MailServer, deadline: Deadline) -> Iterator[smtplib.SMTP]:
    """Connect for a `with` block."""
    with contextlib.closing(_Client(server, deadline)) as client:
        yield client
        with contextlib.suppress(OSError, smtplib.SMTPException):
            client.quit()


def _context(server: MailServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca_file or None)


def _transparent(content: bytes) -> bytes:
    """Return the content with its dots doubled and its end (RFC 5321, 4.5.2)."""
    return re.sub(rb"(?m)^\.", b"..", content) + (b"" if content.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _refused(step: str, code: int, words: bytes) -> Outcome:
    """Return the outcome of a reply that refuses: for good by 5xx."""
    told = f"{step}: {code} {words.decode(errors='replace')}"
    return Outcome(FAILED if code // 100 == 5 else LATER, told, stops_channel=code == _SHUTS_DOWN)
