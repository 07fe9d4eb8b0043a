"""The memory of a worker over an hour in which many meters report. docs/headend-ingest.md has the method.

Broker, vault, worker and PostgreSQL are processes of their own. METERS meters send sealed statements at a moderate
rate, and besides them states of links, alarms and messages that nobody can read. The first half of the time is the
start: keys are derived, caches and the heap of Python find their sizes. A line is laid through the samples of the
second half by least squares. Its slope is the growth.
"""

import json
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from wattpurse.core.messages import mqtt
from wattpurse_tools.bench.headend_fleet import FIRST_METER
from wattpurse_tools.bench.headend_measures import BROKER, Site, resident_kb, vault_process
from wattpurse_tools.bench.mosquitto import Mosquitto
from wattpurse_tools.headend.broker_link import BrokerLink
from wattpurse_tools.headend.fleet import ALARMS
from wattpurse_tools.headend.worker import topics
from wattpurse_tools.meter_link.broker import Access
from wattpurse_tools.record.models import SetAside, Statement

METERS = 10_000
RATE_PER_S = 200

_WORKER = "worker-of-an-hour"
_OTHERS_EVERY = 50
_LINK_STATES = (mqtt.ONLINE, mqtt.OFFLINE)
_ALARMS = tuple(json.dumps({"alarms": names, "firmware": "1.0.0"}).encode() for names in ([], [ALARMS[0]]))
_UNREADABLE = b"no statement"
_MINUTE_S = 60
_KB_PER_MB = 1_024
_BEHIND_S = 10
_LIMIT_S = 600.0
_RETRY_S = 1.0
_END_S = 60

Message = tuple[str, bytes]


class Sample(NamedTuple):
    """The resident memory of the worker at a time since the begin."""

    hours: float
    mb: float


def growth_mb_per_hour(samples: Sequence[Sample]) -> float:
    """Return the slope of the second half of the samples, by least squares."""
    half = samples[len(samples) // 2 :]
    return statistics.linear_regression([one.hours for one in half], [one.mb for one in half]).slope


def measure(folder: Path, url: str, minutes: int) -> dict[str, float]:
    """Return the figures of so many minutes, with an office on the PostgreSQL at `url`."""
    site = Site(folder, url, METERS)
    place = folder / "broker"
    place.mkdir()
    with Mosquitto(place, BROKER) as broker, vault_process(site.folder):
        site.use()
        with BrokerLink(Access(broker.address), _WORKER, topics()):
            pass  # the session keeps statements from now on
        words = [sys.executable, "-m", "wattpurse_tools.cli", "headend", "worker", "--broker", broker.address]
        worker = subprocess.Popen([*words, "--name", _WORKER, "--office", str(site.folder.path)])
        try:
            with BrokerLink(Access(broker.address), "publisher", ()) as link:
                samples, sent = _Feeder(site, link, worker).run(minutes)
        finally:
            worker.send_signal(signal.SIGTERM)
            worker.wait(_END_S)
    return {
        "worker_memory_mb": max(one.mb for one in samples),
        "worker_growth_mb_per_hour": growth_mb_per_hour(samples),
        "worker_minutes": minutes,
        "worker_statements": sent,
    }


class _Feeder:
    """The meters of a site, which report to a worker by `link`."""

    def __init__(self, site: Site, link: BrokerLink, worker: subprocess.Popen[bytes]) -> None:
        self._site = site
        self._link = link
        self._worker = worker
        self._messages = self._all_messages()
        self._begun = time.monotonic()
        self._statements = 0

    def run(self, minutes: int) -> tuple[list[Sample], int]:
        """Report for so many minutes. Return a sample of each minute, and the number of statements in the record.

        The meters wait for a worker that is more than _BEHIND_S behind: on a busy computer the rate is lower.
        """
        before = Statement.objects.count()
        self._begun = time.monotonic()
        samples: list[Sample] = []
        while (elapsed_s := time.monotonic() - self._begun) < minutes * _MINUTE_S:
            if elapsed_s >= len(samples) * _MINUTE_S:
                samples.append(self._sample())
                self._await_rows(before + self._statements - _BEHIND_S * RATE_PER_S)
            second = time.monotonic()
            self._publish([next(self._messages) for _ in range(RATE_PER_S)])
            time.sleep(max(0.0, second + 1 - time.monotonic()))
        self._await_rows(before + self._statements)
        samples.append(self._sample())
        if not SetAside.objects.exists():
            raise ValueError("the bench is wrong: no message was set aside")
        return samples, self._statements

    def _sample(self) -> Sample:
        if self._worker.poll() is not None:
            raise OSError("the worker has ended")
        hours = (time.monotonic() - self._begun) / 3_600
        sample = Sample(hours, resident_kb(self._worker.pid) / _KB_PER_MB)
        print(f"{hours * 60:5.1f} min: {sample.mb:.1f} MB, {self._statements:,} statements sent", flush=True)
        return sample

    def _all_messages(self) -> Iterator[Message]:
        """Yield statements of one meter after the other, for ever, with other messages between them."""
        fleet = self._site.fleet
        while True:
            fleet.pass_hour(METERS // RATE_PER_S)
            for place in range(METERS):
                number = FIRST_METER + place
                self._statements += 1
                yield fleet.message(number)
                if place % _OTHERS_EVERY == 0:
                    turn = place // _OTHERS_EVERY
                    yield mqtt.topic(number, mqtt.LINK), _LINK_STATES[turn % 2]
                    yield mqtt.topic(number, mqtt.ALARMS), _ALARMS[turn % 2]
                    yield mqtt.topic(number, mqtt.STATEMENT), _UNREADABLE

    def _publish(self, messages: Sequence[Message]) -> None:
        """Send messages, again if the broker is slow: a statement that comes twice is one row."""
        until = time.monotonic() + _LIMIT_S
        while True:
            try:
                self._link.publish(messages)
                return
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(_RETRY_S)

    def _await_rows(self, wanted: int) -> None:
        until = time.monotonic() + _LIMIT_S
        while (found := Statement.objects.count()) < wanted:
            if time.monotonic() > until:
                raise ValueError(f"only {found} of {wanted} statements came in time")
            time.sleep(_RETRY_S)
