"""The office's side of the desks. Each till has one, with the command for its agent and the last report of the agent.

Desks are in the memory of the one process that serves the pages. A restart ends the pages that wait, and nothing else.
A sale is in the record before its card is written, and stays owed to the card.
"""

import base64
import secrets
import threading
import time
from functools import cache

from wattpurse_tools.desk.protocol import PRINT, READ, WRITE, CardImage

COMMAND_S = 10.0  # a page waits no longer for an agent
POLL_S = 2.0  # an agent waits no longer for a command
PRESENT_S = 15.0  # a silent agent counts as gone after this time
PAUSE_S = 0.5
WAITERS = 8  # each waiting agent holds a thread of the server


class Desk:
    """The desk of one till. `command` raises OSError if no agent answers, or with the agent's reason.

    `held` is the lock of a page that reads and writes one card in several commands.
    """

    def __init__(self) -> None:
        self.held = threading.RLock()
        self._changed = threading.Condition()
        self._turn = threading.Lock()
        self._command: dict | None = None
        self._answer: dict | None = None
        self._seen_s: float | None = None
        self._card: str | None = None
        self._trouble = ""
        self._has_printer = False
        self._takes_frames = False

    @property
    def is_present(self) -> bool:
        """True if the agent has asked for work a short time ago."""
        return self._seen_s is not None and time.monotonic() - self._seen_s < PRESENT_S

    @property
    def card(self) -> str | None:
        """The name of the card on the reader, as the agent told last, or None."""
        return self._card if self.is_present else None

    @property
    def trouble(self) -> str:
        """The reason why the reader sees no card, in the agent's words, or an empty text."""
        return self._trouble if self.is_present else ""

    @property
    def has_printer(self) -> bool:
        """True if the agent has a printer."""
        return self._has_printer and self.is_present

    @property
    def takes_frames(self) -> bool:
        """True if the agent is at a real reader, and carries frames instead of images."""
        return self._takes_frames and self.is_present

    def read(self) -> CardImage:
        """Return the card on the reader."""
        card = self.command(READ).get("card")
        if not isinstance(card, dict) or not isinstance(card.get("image"), dict):
            raise OSError("the agent at the reader gave no card")
        return CardImage(str(card.get("name", "")), card["image"])

    def write(self, card: CardImage, image: dict) -> None:
        """Replace the content of a card that was read."""
        self.command(WRITE, name=card.name, was=card.digest, image=image)

    def print(self, data: bytes) -> None:
        """Print the bytes of a document on the desk's printer."""
        self.command(PRINT, data=base64.b64encode(data).decode("ascii"))

    def command(self, do: str, timeout_s: float = COMMAND_S, **fields: object) -> dict:
        """Give the agent a command and return its answer."""
        if not self.is_present:
            raise OSError("no agent is at this till's reader; start it there with: wattpurse desk run")
        with self._turn, self._changed:
            self._command = {"id": secrets.token_hex(8), "do": do, **fields}
            self._answer = None
            self._changed.notify_all()
            answered = self._changed.wait_for(lambda: self._answer is not None, timeout_s)
            answer, self._command = self._answer, None
        if not answered or answer is None:
            raise OSError("the agent at the reader does not answer; look at its window")
        if answer.get("error"):
            raise OSError(str(answer["error"])[:400])
        return answer

    def ask(self, question: dict, wait_s: float) -> dict | None:
        """Take an agent's question, with its answer to the last command, and return a command, or None."""
        with self._changed:
            self._seen_s = time.monotonic()
            card = question.get("card")
            self._card = str(card)[:64] if card else None
            self._trouble = str(question.get("trouble") or "")[:400]
            self._has_printer = bool(question.get("printer"))
            self._takes_frames = bool(question.get("frames"))
            self._take(question.get("answer"))
            self._changed.wait_for(lambda: self._command is not None and self._answer is None, wait_s)
            self._seen_s = time.monotonic()
            return self._command if self._answer is None else None

    def _take(self, answer: object) -> None:
        if isinstance(answer, dict) and self._command is not None and answer.get("id") == self._command["id"]:
            self._answer = answer
            self._changed.notify_all()


class Exchange:
    """The desks of all tills."""

    def __init__(self) -> None:
        self._desks: dict[int, Desk] = {}
        self._lock = threading.Lock()
        self._waiters = threading.Semaphore(WAITERS)

    def desk(self, till: int) -> Desk:
        """Return the desk of a till, by the till's row number."""
        with self._lock:
            return self._desks.setdefault(till, Desk())

    def ask(self, till: int, question: dict) -> dict:
        """Return the answer to an agent's question: a `command` or None, and `pause_s` until the next question."""
        is_kept = self._waiters.acquire(blocking=False)
        try:
            command = self.desk(till).ask(question, POLL_S if is_kept else 0)
        finally:
            if is_kept:
                self._waiters.release()
        return {"command": command, "pause_s": 0 if is_kept or command else PAUSE_S}


@cache
def exchange() -> Exchange:
    """Return the exchange of this process."""
    return Exchange()
