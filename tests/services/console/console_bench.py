"""A whole meter on the simulated board, with its console at hand: started, but with no task running."""

import json

from boards.host.board import Hardware
from boards.host.world.clock import VirtualClock
from tests import samples
from wattpurse.app import Meter

START_S = samples.NEW_YEAR_S + 40 * 86_400
METER_NUMBER = 40_123
METER_KEY = bytes(range(16))
SITE_KEY = bytes(range(100, 116))
PIN = "271828"
COMMISSION = " ".join(("commission", str(METER_NUMBER), METER_KEY.hex(), SITE_KEY.hex(), "3200", "prepaid-money", PIN))

REPORTS = (
    "status",
    "registers",
    "months",
    "events",
    "tariff",
    "contract",
    "clock",
    "terms",
    "keys",
    "identity",
    "version",
)


class Bench:
    """One meter and the line to its console; `say` types a line and gives back the answer."""

    def __init__(self, clock_is_set=True):
        self.clock = VirtualClock()
        self.hardware = Hardware(self.clock, START_S if clock_is_set else None)
        self.hardware.power_up()
        self.restart()

    def restart(self):
        """Begin a new life of the processor on the same chips."""
        self.hardware.start_board()
        self.meter = Meter(self.hardware.board)
        self.meter.start()

    def commission(self, tariff_data=None):
        """Commission the blank meter, by the console, and start it; without the test of its flash, which takes time."""
        self.meter.stores.test_flash = lambda by_records: ()
        answer = self.say(COMMISSION + (" " + tariff_data.hex() if tariff_data else ""))
        if not answer.startswith("commissioned"):
            raise ValueError(answer)
        self.restart()

    def say(self, line):
        """Return the console's answer to one line."""
        return self.clock.run(self.meter.console.answer(line))

    def facts(self, line):
        """Return the console's answer to `line` with --json, read as a program reads it."""
        answer = self.say(line + " --json")
        if "\n" in answer:
            raise ValueError("more than one line")
        return json.loads(answer)

    def wait(self, seconds):
        """Let time pass."""
        self.clock.advance_us(seconds * 1_000_000)

    def log_in(self):
        """Log in with the PIN."""
        answer = self.say("login " + PIN)
        if not answer.startswith("logged in"):
            raise ValueError(answer)

    def event_codes(self, count=50):
        """Return `(code, by)` of the newest events, newest first."""
        return [(event.code, event.by) for event in self.meter.events.recent(count)]
