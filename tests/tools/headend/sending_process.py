"""A process that sends the messages of an office: `python sending_process.py FOLDER PORT STEP NOW_S`.

It is killed at STEP: "claimed" (before it connects), "connected", "asked" (the server wants the content), "handed over"
(the content is out, the reply not read), "answered" (before the outcome is booked), or never ("none").
"""

import os
import signal
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "firmware"), str(ROOT / "tools")]

STEPS = ("claimed", "connected", "asked", "handed over", "answered")


def die(*_: object, **__: object) -> None:
    """End this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def main(path: str, port: int, step: str, now_s: int) -> None:
    """Send all messages that are due."""
    from tests.office_of_tests import configure

    configure()
    import smtplib

    from wattpurse_tools.headend import delivery
    from wattpurse_tools.headend.smtp import NO_TLS, Mail, MailServer
    from wattpurse_tools.record.office_folder import OfficeFolder, open_record

    open_record(OfficeFolder(path))
    mail = Mail(MailServer("127.0.0.1", port, NO_TLS, timeout_s=10), "shop@example.org")
    if step == "claimed":
        mail.send = die
    elif step == "connected":
        smtplib.SMTP.mail = die
    elif step == "asked":
        smtplib.SMTP.send = _dies_at_content(smtplib.SMTP.send, False)
    elif step == "handed over":
        smtplib.SMTP.send = _dies_at_content(smtplib.SMTP.send, True)
    elif step == "answered":
        delivery._book = die
    print(delivery.run_round(now_s, {"mail": mail}), flush=True)


def _dies_at_content(send: object, is_sent: bool) -> object:
    def dies(client: object, content: object) -> None:
        if isinstance(content, bytes) and content.endswith(b"\r\n.\r\n"):
            if is_sent:
                send(client, content)
            die()
        send(client, content)

    return dies


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
