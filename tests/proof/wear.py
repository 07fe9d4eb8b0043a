"""Wear: a ring that rolls thousands of times, with cuts, is worn evenly in all its sectors."""

import random as randoms

from boards.host.chips.power import PowerCut
from tests.proof.campaign import BROKEN_RULES, Broken
from tests.proof.ledger_history import LedgerHistory
from tests.proof.proof_flash import ProofFlash

NAME = "wear"
ABOUT = "thousands of rolls with cuts among them wear all sectors alike"
SHORT_CASES = 1
LONG_CASES = 20

_WORST_RATIO = 1.02
_ROUNDS = 500
_CUT_EVERY = 300  # rolls
_STEP_EVERY = 20  # rolls
_MOST_OPERATIONS_OF_A_ROLL = 20


def run_case(seed: int, tally):
    """Roll one ring `_ROUNDS` times around."""
    random = randoms.Random(f"{NAME} {seed}")
    sectors = 24
    flash = ProofFlash(2 * sectors, random)
    history = LedgerHistory(flash, sectors, random)
    tally.cases += 1
    while sum(flash.erases) < 2 * sectors * _ROUNDS:
        if random.randrange(_CUT_EVERY) == 0:
            flash.faults.plan_cut(random.randrange(1, _MOST_OPERATIONS_OF_A_ROLL), random.randrange(1001), "page")
        if random.randrange(_STEP_EVERY) == 0:
            history.plan()
        else:
            history.plan_roll()
        try:
            history.perform()
            history.confirm()
        except PowerCut:
            tally.faults += 1
            history = history.continued(history.recovered(flash), random)
    ratio = max(flash.erases) * len(flash.erases) / sum(flash.erases)
    tally.at_most("most_used_sector_over_mean", ratio)
    if ratio > _WORST_RATIO:
        raise Broken(BROKEN_RULES, f"the most used sector has {ratio:.4f} of the mean wear: {flash.erases}")
