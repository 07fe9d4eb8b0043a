"""A meter that measures with clamps, at the console: commissioned, with credit; time passes as for its tasks."""

import unittest

from tests.services.console.console_bench import COMMISSION, Bench
from wattpurse.core import carrier
from wattpurse.core.money import contract

LOOK_MS = 50


class MeasuringBench(unittest.TestCase):
    """A meter that was commissioned with `front_end`, the word for it. `answer` is the answer to that."""

    front_end = None

    def setUp(self):
        self.bench = bench = Bench()
        bench.meter.stores.test_flash = lambda by_records: ()
        self.answer = bench.say(COMMISSION.replace("3200", self.front_end))
        bench.restart()
        bench.log_in()
        meter = bench.meter
        meter.ledger.credit(1, contract.MONEY, 500_000_000, carrier.CARD, meter.timekeeper.now_s())
        bench.clock.run(meter.switching.step())

    @property
    def meter(self):
        return self.bench.meter

    def live(self, seconds):
        """Let the meter measure, and look at its clamps once a second."""
        for look in range(seconds * 20):
            self.bench.clock.advance_us(LOOK_MS * 1000)
            self.meter.metering.step()
            if look % 2 == 0:
                self.meter.guard.step()
            if look % 20 == 19:
                self.meter.clamps.step()
