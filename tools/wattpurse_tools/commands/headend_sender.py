"""`wattpurse headend sender`: the process that writes to customers, and answers their SMS."""

import threading
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING

from wattpurse_tools.commands.headend_rounds import ended_by_signal, office_of
from wattpurse_tools.commands.office_options import add_office_option, tell, warn

if TYPE_CHECKING:
    from wattpurse_tools.headend.settings_file import Settings
    from wattpurse_tools.headend.sms_gammu import Sms
    from wattpurse_tools.office.office import Office

SENDER_PAUSE_S = 2.0
WATCH_S = 60
SEARCH_S = 3600


def run_sender(arguments: Namespace) -> int:
    """Send messages until SIGINT or SIGTERM. Return 1 if a test mail was not sent."""
    office = office_of(arguments)
    from wattpurse_tools.headend import settings_file

    folder = office.folder
    settings = settings_file.read(folder)
    if not settings_file.transports(settings):
        raise ValueError(f"{folder.headend_settings}: sets no channel up; see docs/headend-notify.md")
    if arguments.test is not None:
        return _send_test(settings, arguments.test)
    sender = _Sender(office, settings)
    if arguments.once:
        sender.step()
        return 0
    tell(f"The sender sends by {', '.join(settings_file.transports(settings))}. Ctrl-C ends it.")
    _until_ended(sender.step)
    return 0


class _Sender:
    """The work of the sender: messages out, texts in, and from time to time what links and ends of supply bring."""

    def __init__(self, office: "Office", settings: "Settings") -> None:
        from wattpurse_tools.headend.signing_on import HeadendOperator

        self._office = office
        self._operator = HeadendOperator(office)
        self._settings = settings
        self._watched_s = 0
        self._searched_s = 0

    def step(self) -> None:
        """Do all work that is due."""
        from django.db import close_old_connections

        from wattpurse_tools.headend import delivery, link_events, rounds, settings_file, supply_ends

        close_old_connections()
        now_s = _now_s()
        if now_s - self._watched_s >= WATCH_S:
            self._watched_s = now_s
            link_events.run_round(now_s)
            supply_ends.withdraw_moved(now_s)
        if now_s - self._searched_s >= SEARCH_S:
            self._searched_s = now_s
            supply_ends.tell(now_s)
        delivery.run_round(now_s, settings_file.transports(self._settings), _now_s)
        if self._settings.sms is not None:
            self._settings.sms.book_errors(_now_s())
            self._take_texts(self._settings.sms)
        rounds.ended(rounds.SENDER, _now_s())

    def _take_texts(self, sms: "Sms") -> None:
        """Answer the texts that came in. The messages before them may have taken minutes."""
        from wattpurse_tools.headend import sms_commands, sms_gammu

        now_s = _now_s()

        def answer(phone: str, text: str, number: str) -> str:
            actor = self._operator.actor()
            return sms_commands.answer(self._office, actor, phone, text, number, now_s, sms.country_code)

        sms_gammu.take_texts(sms.folders, answer, now_s)


def _until_ended(work: Callable[[], None]) -> None:
    """Do work again and again until SIGINT or SIGTERM. A failure is printed, and does not end it."""
    from django.db import Error

    is_ended, pause = ended_by_signal(), threading.Event()
    while not is_ended():
        try:
            work()
        except (OSError, ValueError, Error) as error:
            warn(f"wattpurse: {' '.join(str(error).split())}")
        pause.wait(SENDER_PAUSE_S)


def _send_test(settings: "Settings", address: str) -> int:
    """Send a mail that is not in the record, and print the outcome."""
    from wattpurse_tools.headend.outbox import MAIL, SENT
    from wattpurse_tools.record.models import Message

    if settings.mail is None:
        raise ValueError("headend.toml: has no section [mail]; see docs/headend-notify.md")
    now_s = _now_s()
    text = "This is a test of the sender of messages.\n"
    message = Message(key=f"test:{now_s}", channel=MAIL, address=address, subject="Test", text=text)
    outcome = settings.mail.send(message, now_s)
    if outcome.state == SENT:
        tell(f"The server took a mail to {address}.")
        return 0
    warn(f"wattpurse: the mail was not sent: {outcome.state}: {outcome.trouble}")
    return 1


def _now_s() -> int:
    return int(time.time())


def add_sender(parser: ArgumentParser) -> None:
    """Add the options of `wattpurse headend sender`."""
    add_office_option(parser)
    parser.add_argument("--once", action="store_true", help="do the work that is due, and end")
    parser.add_argument("--test", metavar="ADDRESS", help="send one mail to this address, and end")
    parser.set_defaults(run=run_sender)
