"""The simulated meter at a broker, without a screen: for measurements and tests of the link.

usage: unix-run boards/host/at_broker.py SPEED SECONDS NUMBER METERKEY SITEKEY LINE...

Each LINE is typed at the console of a new meter with this number and these keys; @FILE stands for the line in a file,
which may be longer than MicroPython takes on its command line. `--load W` in place of a line lets the house draw so
much. Then SPEED virtual seconds pass in each real one; above FAST, tasks may be late, so that the computer keeps up.
After SECONDS of virtual time, or as soon as there is anything at the standard input, the run prints one line of JSON:
how late the loop was at most, in real milliseconds, and the state of the link. `held_ms` is this delay without the time
in which the computer gave its processors to other programs: the delay that the program itself caused.
"""

import binascii
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

IMPULSES_PER_KWH = 1_000
PROBE_MS = 10

FAST = 60

_LOAD = "--load "
_START_S = 3
_FAST_LATENESS_MS = 900
_QUEUE_FILE = "/proc/self/schedstat"  # nanoseconds: of work, and of waiting for a processor


class Pace:
    """Real time for a world: virtual time waits for it.

    `late_ms` is the worst delay behind it, in real time, and `held_ms` without the time of other programs.
    """

    def __init__(self, world: World, speed: int) -> None:
        self.late_ms = 0
        self.held_ms = 0
        self.beeps = 0
        self._queued_ms = queued_ms()  # when the loop was last on time
        self._speed = speed
        self._clock = world.clock
        self._even_us = world.clock.now_us
        self._even_ms = real_ms()

    def __call__(self, until_us: int) -> int:
        """Wait until the real time that corresponds to `until_us`, and return it."""
        wait_ms = self._real_ms(until_us) - ms_between(real_ms(), self._even_ms)
        if wait_ms > 0:
            time.sleep(wait_ms / 1000)
        return until_us

    def forget(self) -> None:
        """Measure from now on."""
        self._even_us = self._clock.now_us
        self._even_ms = real_ms()
        self._queued_ms = queued_ms()
        self.late_ms = self.held_ms = 0

    def count_beep(self, level: int) -> None:
        """Take a change of the buzzer's wire."""
        self.beeps += level

    async def probe(self) -> None:
        """Measure for ever how late a task wakes that sleeps for PROBE_MS."""
        while True:
            await self._clock.sleep_ms(PROBE_MS)
            late_ms = ms_between(real_ms(), self._even_ms) - self._real_ms(self._clock.now_us)
            waited_ms = queued_ms()
            if late_ms <= 0:
                self._queued_ms = waited_ms
            self.late_ms = max(self.late_ms, late_ms)
            self.held_ms = max(self.held_ms, late_ms - (waited_ms - self._queued_ms))

    def _real_ms(self, time_us: int) -> int:
        return (time_us - self._even_us) // (1000 * self._speed)


def queued_ms() -> int:
    """Return for how long this process has waited for a processor in all, 0 on a system that does not tell."""
    try:
        with open(_QUEUE_FILE) as file:
            return int(file.read().split()[1]) // 1_000_000
    except OSError:
        return 0


class ProbedMeter(Meter):
    """A meter with the probe among its tasks. `pace` is set before its start."""

    pace: Pace

    def _add_tasks(self, supervisor: "Supervisor") -> None:
        super()._add_tasks(supervisor)
        supervisor.add("probe", self.pace.probe)


def commissioned_world(speed: int, number: int, meter_key: bytes, site_key: bytes) -> World:
    """Return a world whose meter is commissioned and running."""
    world = World(ProbedMeter, int(time.time()))
    ProbedMeter.pace = Pace(world, speed)
    world.run_for(_START_S)
    settings = (
        ("meter_number", number),
        ("key_version", 1),
        ("meter_key", meter_key),
        ("site_key", site_key),
    )
    _meter_of(world).commission(settings, default_tariff(), IMPULSES_PER_KWH, 1, PrepaidMoney)
    world.reset_board()
    world.run_for(_START_S)
    return world


def report(world: World) -> dict:
    """Return the delay of the loop and the state of the link."""
    meter = _meter_of(world)
    link, account = meter.link, meter.ledger.account
    return {
        "late_ms": ProbedMeter.pace.late_ms,
        "held_ms": ProbedMeter.pace.held_ms,
        "bought": account.money.bought if account is not None else 0,
        "closed": world.hardware.relay.contact_closed,
        "state": link.state if link is not None else "off",
        "trouble": link.trouble if link is not None else "",
        "connections": link.connections if link is not None else 0,
        "accepted": link.inbox.accepted if link is not None else 0,
        "traffic": link.traffic if link is not None else [0, 0],
        "starts": world.starts,
        "beeps": ProbedMeter.pace.beeps,
    }


def _meter_of(world: World) -> Meter:
    if world.meter is None:
        raise ValueError("the meter does not run")
    return world.meter


def _import_the_rest() -> None:
    """Import the modules that a link imports when it connects. In an image they are frozen; here they are compiled."""
    for name in ("sockets", "tls"):
        __import__("wattpurse.services.mqtt." + name)


def _line_of(word: str) -> str:
    if not word.startswith("@"):
        return word
    with open(word[1:]) as file:
        return file.read().strip()


def _take(world: World, line: str) -> str:
    """Take a line. Return the first line of the meter's answer."""
    if line.startswith(_LOAD):
        world.household.constant_w = int(line[len(_LOAD) :])
        world.household.update()
        return ""
    return world.type_line(line)[0]


def main(words: list) -> int:
    """Run the command line and return the exit status."""
    if len(words) < 5:
        print("usage: at_broker.py SPEED SECONDS NUMBER METERKEY SITEKEY LINE...")
        return 2
    speed, seconds, number = [int(word) for word in words[:3]]
    world = commissioned_world(speed, number, binascii.unhexlify(words[3]), binascii.unhexlify(words[4]))
    _meter_of(world).console.grant(60)
    answers = [_take(world, _line_of(word)) for word in words[5:]]
    refused = [answer for answer in answers if answer.startswith("refused")]
    if refused:
        print(refused[0])
        return 1
    _import_the_rest()
    keys = select.poll()
    keys.register(sys.stdin, select.POLLIN)
    world.hardware.buzzer_wire.listen(ProbedMeter.pace.count_beep)
    ProbedMeter.pace.forget()
    world.pace = ProbedMeter.pace
    if speed > FAST:
        world.allow_lateness(_FAST_LATENESS_MS)
    world.run_until(lambda: bool(keys.poll(0)), seconds)
    print(json.dumps(report(world)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
