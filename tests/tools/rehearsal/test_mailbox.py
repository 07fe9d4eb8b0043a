"""The mail server of a story takes the mails of the office's own sender, and finds one that comes twice."""

from types import SimpleNamespace

import pytest

from wattpurse_tools.headend.outbox import SENT
from wattpurse_tools.headend.smtp import NO_TLS, Mail, MailServer
from wattpurse_tools.rehearsal.mailbox import Mailbox

NOW_S = 1_800_000_000


@pytest.fixture
def mailbox():
    made = Mailbox()
    made.start()
    yield made
    made.close()


def message(key, text="first line\n.a line with a dot\n"):
    return SimpleNamespace(address="a@example.org", subject="s", kind="k", key=key, customer=None, text=text)


def test_mails_are_counted_once(mailbox):
    sender = Mail(MailServer("127.0.0.1", mailbox.port, NO_TLS), "Office <office@example.org>")
    assert sender.send(message("one"), NOW_S).state == SENT
    assert sender.send(message("two"), NOW_S).state == SENT
    assert len(mailbox.mails) == 2
    assert mailbox.twice == []


def test_the_same_mail_again_is_found(mailbox):
    sender = Mail(MailServer("127.0.0.1", mailbox.port, NO_TLS), "Office <office@example.org>")
    sender.send(message("one"), NOW_S)
    sender.send(message("one"), NOW_S)
    assert len(mailbox.twice) == 1


def test_a_mail_without_a_name_is_refused(mailbox):
    with pytest.raises(ValueError):
        mailbox.take(b"Subject: s\r\n\r\ntext\r\n")
