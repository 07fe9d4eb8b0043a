"""Power cuts in flash: at every byte of programs and at many depths of erases, and again while recovering from them.

A case is one random life of a ledger (or of settings, or of a log). Before each flash operation of each step the
cells are copied, the copy is torn as a cut would tear it, and a fresh meter starts from it, with a second and a third
cut on its way. The memory of a program dies with the power, so the cells alone decide the next start.
In every tenth case every byte of every program is cut; in the others some places of each operation. To each case belong
some lives on flash whose cells change their mind (`hard_lives`).
"""

import random as randoms

from boards.host.chips.power import PowerCut
from tests.proof import hard_lives
from tests.proof.ledger_history import LedgerHistory
from tests.proof.proof_flash import ERASE_DEPTHS, ProofFlash
from tests.proof.record_histories import ChainHistory, ProfileHistory, TopUpHistory
from tests.proof.small_histories import EventsHistory, SettingsHistory

NAME = "journal"
ABOUT = "power cut in every flash operation, then in its recovery, then in that"
SHORT_CASES = 4
LONG_CASES = 440

_KINDS = (LedgerHistory, LedgerHistory, SettingsHistory, LedgerHistory, EventsHistory)
_KINDS += (LedgerHistory, ProfileHistory, TopUpHistory, LedgerHistory, ChainHistory, LedgerHistory)
_STEPS = 25
_MOST_LOOKS = 6_000  # at torn copies, in one case: then its life ends
_PLACES_PER_OPERATION = 4
_DENSE_EVERY = 10


def run_case(seed: int, tally):
    """Run one life of one ring, and the hard lives of this seed."""
    random = randoms.Random(f"{NAME} {seed}")
    kind = _KINDS[seed % len(_KINDS)]
    sectors = 24 if seed % 20 == 11 else random.randrange(3, 7)
    flash = ProofFlash(2 * sectors, random)
    history = kind(flash, sectors, random)
    tearer = _Tearer(random, tally, seed % _DENSE_EVERY == 0)
    for _ in range(_STEPS):
        history = _live_one_step(history, tearer, random)
        if tearer.looks > _MOST_LOOKS:
            break
    tally.add(f"lives_of_{history.name}")
    hard_lives.run_lives(seed, tally)


def _live_one_step(history, tearer, random):
    """Let the step happen, tearing a copy at each of its operations; at times go on living on such a copy."""
    history.plan()
    tearer.begin(history)
    history.flash.before = tearer.before
    try:
        history.perform()
    finally:
        history.flash.before = None
    tearer.adopted = tearer.adopted if random.random() < 0.2 else None
    if tearer.adopted is not None:
        return tearer.adopted
    history.confirm()
    return history


class _Tearer:
    """Tears copies of a history's flash and starts a meter from each."""

    def __init__(self, random, tally, dense):
        self.adopted = None
        self.looks = 0
        self._random = random
        self._tally = tally
        self._dense = dense
        self._history = None

    def begin(self, history):
        """Take this history for the next step."""
        self._history = history
        self.adopted = None

    def before(self, kind, place, data):
        """Copy and tear the cells before a flash operation."""
        if self.looks > _MOST_LOOKS:
            return
        for where in self._places(kind, data):
            damage = self._random.choice(("none", "page"))
            torn = self._history.flash.branch(self._random)
            if kind == "erase":
                torn.tear_erase(place, where)
            else:
                torn.tear_program(place, data, where, damage)
            self._look_at(torn)

    def _places(self, kind, data):
        if kind == "erase":
            return ERASE_DEPTHS if self._dense else self._random.sample(ERASE_DEPTHS, 2)
        if self._dense:
            return range(len(data) + 1)
        return [self._random.randrange(len(data) + 1) for _ in range(_PLACES_PER_OPERATION)]

    def _look_at(self, torn):
        self._tally.cases += 1
        self.looks += 1
        history = self._history
        self._cut_recoveries(history, torn)
        torn.limit(recovery_limit(history.sectors))
        found = history.recovered(torn)
        self._tally.at_most("flash_operations_of_a_recovery", torn.operations)
        torn.operations_limit = None
        history.check(found)
        if self._random.random() < 0.2:
            self.adopted = self._go_on(history, found)
        self._tally.faults += torn.cuts

    def _cut_recoveries(self, history, torn):
        """Cut the recovery a second time, and the recovery from that a third time."""
        for _ in range(self._random.randrange(3)):
            damage = self._random.choice(("none", "page"))
            torn.faults.plan_cut(self._random.randrange(1, 16), self._random.randrange(1001), damage)
            torn.limit(recovery_limit(history.sectors))
            try:
                found = history.recovered(torn)
            except PowerCut:
                continue
            torn.operations_limit = None
            history.check(found)
        torn.faults.operations_to_cut = None

    def _go_on(self, history, found):
        """Take two more steps and start without a cut: exactly the acknowledged state must be there."""
        going_on = history.continued(found, self._random)
        for _ in range(2):
            going_on.plan()
            going_on.perform()
            going_on.confirm()
        going_on.flash.limit(recovery_limit(history.sectors))
        again = going_on.recovered(going_on.flash)
        going_on.flash.operations_limit = None
        going_on.check(again)
        return going_on.continued(again, self._random)


def recovery_limit(sectors: int) -> int:
    """Return the flash operations that a start may take: each page of the ring once and a half, and a log twice."""
    return 48 * sectors + 1_500
