"""A real SMTP server (aiosmtpd) at loopback that keeps the mails it takes, and fails as told.

`replies` has a reply for a step: "connect", "MAIL", "RCPT" or "DATA". `drops` is the step at which it cuts the
connection; "content" cuts it when it has the whole content, after keeping it.
"""

import email
import socket
from email.policy import default

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP


class MailServerOfTests:
    """The server, for a `with` block. `mails` has the mails taken, as email.message objects with `raw`."""

    def __init__(self, ssl_context=None, authenticator=None):
        self.mails = []
        self.replies = {}
        self.drops = ""
        self._options = {}
        if ssl_context is not None:
            self._options = {"tls_context": ssl_context, "require_starttls": True}
        if authenticator is not None:
            self._options |= {"authenticator": authenticator, "auth_required": True}

    def __enter__(self):
        server = self

        class Server(Controller):
            def factory(self):
                return SMTP(self.handler, enable_SMTPUTF8=True, hostname="mail.example", **server._options)

        self._controller = Server(self, hostname="127.0.0.1", port=free_port())
        self._controller.start()
        self.port = self._controller.port
        return self

    def __exit__(self, *_):
        self._controller.stop()

    async def handle_MAIL(self, server, session, envelope, address, options):  # noqa: N802
        return self._reply("MAIL", server) or self._keep_sender(envelope, address, options)

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802
        refused = self._reply("RCPT", server)
        if refused is None:
            envelope.rcpt_tos.append(address)
        return refused or "250 OK"

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        refused = self.replies.get("content")
        if refused is None:
            mail = email.message_from_bytes(envelope.content, policy=default)
            mail.raw = envelope.content
            mail.receivers = list(envelope.rcpt_tos)
            self.mails.append(mail)
        self._reply("content", server)
        return refused or "250 OK"

    def _reply(self, step, server):
        if self.drops == step:
            server.transport.abort()
        return self.replies.get(step)

    def _keep_sender(self, envelope, address, options):
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"


def free_port():
    """Return a port at loopback that nobody listens at."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
