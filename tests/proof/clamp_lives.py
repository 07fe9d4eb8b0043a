"""Lives of a meter with clamps: a house of changing loads, and power cuts at any moment.

The whole meter runs on the simulated board, behind models of clamps and converter. Each case lives for five minutes, so
the long form is a day of life. A cut comes in the middle of sampling, of a write, or of the start. Afterwards the
energy that the ledger has counted is compared with the energy that the house drew between two cuts:

- A cut loses at most 1 Wh, besides the error of the converter.
- Nothing is counted twice, and nothing is counted that was not drawn.
- No sample is lost while the meter runs.
"""

import random as randoms

from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.stories.whole_meter import PIN, commissioned_world, sealed_credit

NAME = "clamps"
ABOUT = "a meter with clamps in a house of changing loads, with power cuts at any moment"
SHORT_CASES = 1
LONG_CASES = 288

_CASE_S = 300
_SHORTEST_S = 3
_LONGEST_S = 25
_CHANGES = 4
_MOST_W = 12_000
_CREDIT_MICROUNITS = 2_000_000_000
_CUT_MWH = 1_000
_STEP_MWH = 300  # the ledger counts in steps of a quarter of a Wh
_ERROR = 0.004  # of the converter, with clamps that are exact
_START_LIMIT_S = 10
_OUTAGE_S = 2
_SETTLE_S = 3


def run_case(seed: int, tally):
    """Run one life of five minutes."""
    random = randoms.Random(f"{NAME} {seed}")
    life = _ClampLife(random, tally)
    end_s = life.world.now_s() + _CASE_S
    while life.world.now_s() < end_s:
        life.live_until_a_cut()
    life.world.close()
    tally.cases += 1


class _ClampLife:
    def __init__(self, random, tally):
        self.random = random
        self.tally = tally
        self.world = commissioned_world(load_w=0)
        self.world.run_for(_SETTLE_S)
        for line in ("login " + PIN, "calibrate ct"):
            self.world.type_line(line)
        self.world.reset_board()
        self.world.run_for(_SETTLE_S)
        self.world.type_line("token " + sealed_credit(1, _CREDIT_MICROUNITS).hex())
        self.world.run_for(_SETTLE_S)

    def live_until_a_cut(self):
        """Draw energy for some seconds, cut the mains, and compare what was counted with what was drawn."""
        source = self.world.hardware.source
        counted, drawn = self._counted_mwh(), source.energy_mwh
        for _ in range(self.random.randint(1, _CHANGES)):
            self._draw(self.random.choice((0, 60, 500, 3_000, self.random.randint(1, _MOST_W))))
            self.world.run_for(self.random.uniform(_SHORTEST_S, _LONGEST_S) / _CHANGES)
        lost = self.world.meter.clamps.front_end.samples_lost
        self.world.cut_mains()
        self.world.run_for(0.1)
        drawn = source.energy_mwh - drawn
        self._draw(0)
        self._restore()
        self.tally.faults += 1
        counted = self._counted_mwh() - counted
        self._check(counted, drawn, lost)

    def _check(self, counted, drawn, lost):
        self.tally.at_most("lost_in_a_cut_mwh", drawn - counted)
        if lost:
            raise Broken(BROKEN_RULES, f"{lost} samples lost")
        if counted < drawn * (1 - _ERROR) - _CUT_MWH:
            raise Broken(LOST, f"{counted} mWh counted of {drawn}")
        if counted > drawn * (1 + _ERROR) + _STEP_MWH:
            raise Broken(DOUBLED, f"{counted} mWh counted of {drawn}")

    def _restore(self):
        """Bring the mains back. One time in three they fail again in the start."""
        while True:
            self.world.run_for(_OUTAGE_S)
            self.world.restore_mains()
            if self.random.randrange(3):
                self._await_account()
                self.world.run_for(_SETTLE_S)
                return
            self.world.run_for(self.random.uniform(0, 1))
            self.world.cut_mains()
            self.tally.faults += 1

    def _await_account(self):
        if not self.world.run_until(lambda: self.world.account is not None, _START_LIMIT_S):
            raise Broken(BROKEN_RULES, "the meter did not start")

    def _draw(self, watts):
        self.world.household.constant_w = watts
        self.world.household.update()

    def _counted_mwh(self):
        return self.world.account.registers.total_mwh
