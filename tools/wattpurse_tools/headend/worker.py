"""A worker: it takes the messages of meters from a broker into the record, and sends waiting tokens to meters.

Any number of workers share the messages by a shared subscription. A worker has no state: a message is acknowledged
after the commit of its batch, so one that dies in between gets it again, or another does. Messages are never lost by a
fault of the database or of the vault: the worker waits, and offers the same batch again. A message that makes a batch
fail alone is found by halving the batch, and set aside.
"""

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from django.db import connection, transaction

from wattpurse_tools.headend import ingest, rounds, senders, set_aside
from wattpurse_tools.headend.broker_link import Delivery, WorkerLink
from wattpurse_tools.headend.ingest import OUTAGES, IngestOutcome, Message
from wattpurse_tools.meter_link.broker import topic_of_all
from wattpurse_tools.office.office import Office
from wattpurse_tools.record import statement_months

GROUP = "headend"
BATCH = 500
WAIT_S = 0.1
SEND_EVERY_S = 0.25
OUTAGE_WAIT_S = 1.0
TELL_EVERY_S = 60
MONTHS_EVERY_S = 3600


def topics(group: str = GROUP) -> tuple[str, ...]:
    """Return the shared subscriptions of a worker. Without a `group` they are its own: it is the only worker."""
    shared = f"$share/{group}/" if group else ""
    return tuple(f"{shared}{topic_of_all(name)}" for name in ingest.NAMES)


@dataclass
class Counts:
    """The messages that a worker has taken since its start."""

    statements: int = 0
    others: int = 0
    set_aside: int = 0
    sent: int = 0
    outages: int = 0
    told_s: float = field(default=0.0)


class Worker:
    """A worker with a `link` to the broker. `clock` returns the time in seconds, `tell` prints a line."""

    def __init__(
        self,
        office: Office,
        link: WorkerLink,
        clock: Callable[[], float] = time.time,
        tell: Callable[[str], None] = lambda line: print(line, file=sys.stderr, flush=True),
        batch: int = BATCH,
    ) -> None:
        self.counts = Counts()
        self._office = office
        self._link = link
        self._clock = clock
        self._tell = tell
        self._batch = batch
        self._send_at_s = 0.0
        self._months_at_s = 0.0
        self._round_at_s = 0.0

    def run(self, is_ended: Callable[[], bool]) -> None:
        """Work until `is_ended`. A batch in progress is finished first, or comes again if the database is away."""
        while not is_ended():
            deliveries = self._link.receive(self._batch, WAIT_S)
            if deliveries and self._take(deliveries, is_ended):
                self._link.acknowledge(deliveries)
            self._send()

    def _take(self, deliveries: Sequence[Delivery], is_ended: Callable[[], bool]) -> bool:
        """Take messages into the record. Return False if the worker ends before the database takes them."""
        messages = [(one.topic, one.payload) for one in deliveries]
        while not is_ended():
            try:
                self._count(self.take(messages))
                return True
            except OUTAGES as error:
                self._rest(error)
        return False

    def take(self, messages: Sequence[Message]) -> IngestOutcome:
        """Take messages into the record. If they cannot be taken together, find the one that makes them fail.

        Raise one of OUTAGES if database or vault do not answer.
        """
        try:
            return ingest.take(self._office, messages, self._now_s())
        except OUTAGES:
            raise
        except Exception as error:  # the bad message is found by halves
            if len(messages) == 1:
                return self._set_aside(messages[0], error)
        middle = len(messages) // 2
        first, second = self.take(messages[:middle]), self.take(messages[middle:])
        return IngestOutcome(
            first.statements + second.statements,
            first.others + second.others,
            first.set_aside + second.set_aside,
            first.reasons + second.reasons,
        )

    def _set_aside(self, message: Message, error: Exception) -> IngestOutcome:
        reason = f"{type(error).__name__}: {error}"
        with transaction.atomic():
            set_aside.put(set_aside.BROKER, *message, reason, self._now_s())
        return IngestOutcome(set_aside=1, reasons=(reason,))

    def _send(self) -> None:
        if time.monotonic() < self._send_at_s:
            return
        self._send_at_s = time.monotonic() + SEND_EVERY_S
        try:
            self._make_months()
            self.counts.sent += senders.send_round(self._link.publish, self._now_s()).sent
            self._tell_round()
        except OUTAGES as error:
            self._rest(error)

    def _tell_round(self) -> None:
        """Note the end of a round, as seldom as the record keeps it."""
        if time.monotonic() >= self._round_at_s:
            self._round_at_s = time.monotonic() + rounds.STEP_S
            rounds.ended(rounds.WORKER, self._now_s())

    def _make_months(self) -> None:
        """Make the table of statements ready for the next months, once an hour."""
        if time.monotonic() >= self._months_at_s:
            self._months_at_s = time.monotonic() + MONTHS_EVERY_S
            statement_months.make_months(self._now_s())

    def _count(self, outcome: IngestOutcome) -> None:
        self.counts.statements += outcome.statements
        self.counts.others += outcome.others
        self.counts.set_aside += outcome.set_aside
        if outcome.set_aside and time.monotonic() >= self.counts.told_s:
            self.counts.told_s = time.monotonic() + TELL_EVERY_S
            self._tell(f"{self.counts.set_aside} messages are set aside; the last reason: {outcome.reasons[-1]}")

    def _rest(self, error: Exception) -> None:
        """Wait after a fault of database, vault or broker. The next try makes a new connection."""
        self.counts.outages += 1
        self._tell(f"waiting: {type(error).__name__}: {' '.join(str(error).split())}")
        connection.close()
        time.sleep(OUTAGE_WAIT_S)

    def _now_s(self) -> int:
        return int(self._clock())
