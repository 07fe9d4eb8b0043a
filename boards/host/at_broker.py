"""The simulated meter at a broker, without a screen and in real time: for measurements and tests of the link.

usage: unix-run boards/host/at_broker.py SECONDS LINE...

Each LINE is typed at the console of a new meter with the keys below. The end of the run, or a line `quit` at the
standard input, prints one line of JSON: how late the loop was at most, and the state of the link.
"""

import json
import select
import sys
import time

from boards.host.screen.real_time import ms_between, real_ms
from boards.host.world.world import World
from wattpurse.app import Meter
from wattpurse.core.money.contract import PrepaidMoney
from wattpurse.services.console.setup import default_tariff

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.supervisor import Supervisor

METER_NUMBER = 40_123
METER_KEY = bytes(range(16))
SITE_KEY = bytes(range(100, 116))
IMPULSES_PER_KWH = 1_000
PROBE_MS = 10

_START_S = 3


class Pace:
    """Real time for a world: virtual time waits for it, and never runs behind unseen. `late_ms` is the worst delay."""

    def __init__(self, world: World) -> None:
        self.late_ms = 0
        self._clock = world.clock
        self._even_us = world.clock.now_us
        self._even_ms = real_ms()

    def __call__(self, until_us: int) -> int:
        """Wait until the real time that corresponds to `until_us`, and return it."""
        wait_ms = (until_us - self._even_us + 999) // 1000 - ms_between(real_ms(), self._even_ms)
        if wait_ms > 0:
            time.sleep(wait_ms / 1000)
        return until_us

    def forget(self) -> None:
        """Measure from now on."""
        self._even_us = self._clock.now_us
        self._even_ms = real_ms()
        self.late_ms = 0

    async def probe(self) -> None:
        """Measure for ever how late a task wakes that sleeps for PROBE_MS."""
        while True:
            await self._clock.sleep_ms(PROBE_MS)
            late_ms = ms_between(real_ms(), self._even_ms) - (self._clock.now_us - self._even_us) // 1000
            self.late_ms = max(self.late_ms, late_ms)


class ProbedMeter(Meter):
    """A meter with the probe among its tasks. `pace` is set before its start."""

    pace: Pace

    def _add_tasks(self, supervisor: "Supervisor") -> None:
        super()._add_tasks(supervisor)
        supervisor.add("probe", self.pace.probe)


def commissioned_world() -> World:
    """Return a world whose meter is commissioned and running."""
    world = World(ProbedMeter)
    ProbedMeter.pace = Pace(world)
    world.run_for(_START_S)
    settings = (
        ("meter_number", METER_NUMBER),
        ("key_version", 1),
        ("meter_key", METER_KEY),
        ("site_key", SITE_KEY),
    )
    world.meter.commission(settings, default_tariff(), IMPULSES_PER_KWH, 1, PrepaidMoney)
    world.reset_board()
    world.run_for(_START_S)
    return world


def report(world: World) -> dict:
    """Return the delay of the loop and the state of the link."""
    meter = world.meter
    link = meter.link
    return {
        "late_ms": ProbedMeter.pace.late_ms,
        "bought": meter.ledger.account.money.bought,
        "closed": world.hardware.relay.contact_closed,
        "state": link.state if link is not None else "off",
        "trouble": link.trouble if link is not None else "",
        "connections": link.connections if link is not None else 0,
        "accepted": link.inbox.accepted if link is not None else 0,
        "traffic": link.traffic if link is not None else [0, 0],
        "starts": world.starts,
    }


def main(words: list) -> int:
    """Run the command line and return the exit status."""
    if not words:
        print("usage: at_broker.py SECONDS LINE...")
        return 2
    world = commissioned_world()
    world.meter.console.grant(60)
    answers = [world.type_line(line) for line in words[1:]]
    refused = [answer for answer in answers if answer[0].startswith("refused")]
    if refused:
        print(refused[0][0])
        return 1
    keys = select.poll()
    keys.register(sys.stdin, select.POLLIN)
    ProbedMeter.pace.forget()
    world.pace = ProbedMeter.pace
    world.run_until(lambda: bool(keys.poll(0)), float(words[0]))
    print(json.dumps(report(world)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
