"""Lives on flash whose cells change their mind: one meter, one flash, and up to 50 power cuts in a row.

Cuts favour the headers of sectors. A start that was not cut off tells of a state and acknowledges it by that: no later
start may tell otherwise, however the marginal cells read then. Now and then a page or a sector dies without an error,
or a cell of one copy rots.
"""

import random as randoms

from boards.host.chips.power import PowerCut
from tests.proof.campaign import LOST, Broken
from tests.proof.key_history import KeyHistory
from tests.proof.ledger_history import LedgerHistory
from tests.proof.marginal_flash import MarginalFlash
from tests.proof.record_histories import CardsHistory, DeadClockHistory, ProfileHistory, TimesHistory, TopUpHistory
from tests.proof.small_histories import EventsHistory, SettingsHistory

LIVES_PER_CASE = 30
_STEPS = 24
_MOST_CUTS_IN_A_ROW = 50
_OPERATIONS_OF_A_START = 4_000
_PAGES = 16
_LOG_AT = 256
_ROTTEN_CELLS = 60
_TALLY_STEPS = 224

# The rings of the product (see `stores`), and small ones, in which cuts come round sooner.
_LIVES = (
    (SettingsHistory, 4),
    (LedgerHistory, 3),
    (DeadClockHistory, 16),
    (SettingsHistory, 3),
    (LedgerHistory, 24),
    (ProfileHistory, 16),
    (LedgerHistory, 4),
    (TopUpHistory, 4),
    (LedgerHistory, 6),
    (EventsHistory, 16),
    (DeadClockHistory, 4),
    (KeyHistory, 4),
    (KeyHistory, 24),
    (CardsHistory, 4),
    (TimesHistory, 4),
)


def run_lives(seed: int, tally):
    """Run `LIVES_PER_CASE` lives, two of each kind."""
    for number in range(LIVES_PER_CASE):
        run_life(seed * LIVES_PER_CASE + number, tally)


def run_life(seed: int, tally):
    """Run the life that `seed` names."""
    random = randoms.Random(f"hard life {seed}")
    kind, sectors = _LIVES[seed % len(_LIVES)]
    flash = MarginalFlash(2 * (sectors + getattr(kind, "rings", 0)), random)
    try:
        history = kind(flash, sectors, random)
        life = _Life(history, _Cutter(flash, random), tally)
        for _ in range(_STEPS):
            life.step()
        if kind is LedgerHistory:
            life.rot()
    except Broken as broken:
        raise Broken(broken.what, f"hard life {seed} of {kind.name} on {sectors} sectors: {broken}")
    tally.add(f"hard_lives_of_{kind.name}")


class _Cutter:
    """Cuts power in flash operations: in programs of headers most often, in half of the lives in these alone."""

    def __init__(self, flash, random):
        self._flash = flash
        self._random = random
        self._chance = 0.0
        self._others = random.choice((0, 0, 12, 40))  # 0: in headers alone

    def arm(self, chance: float):
        """Cut each header with this probability, and other operations with a part of it."""
        self._chance = chance
        self._flash.faults.operations_to_cut = None
        self._flash.before = self._before if chance else None

    def _before(self, kind, _place, data):
        chance = self._chance
        if kind != "program" or data[:3] != b"WPJ":
            chance = chance / self._others if self._others else 0
        if self._random.random() < chance:
            damage = self._random.choice(("none", "none", "page"))
            self._flash.faults.plan_cut(
                1, self._random.choice((0, 500, 970, 999, self._random.randrange(1001))), damage
            )


class _Life:
    """One history, its cuts and its restarts."""

    def __init__(self, history, cutter, tally):
        self.history = history
        self._cutter = cutter
        self._tally = tally
        self._random = history.random

    def step(self):
        """Let one thing happen, at times with a cut in it, at times with a restart behind it."""
        if self._random.randrange(12) == 0:
            self._let_something_die()
        self.history.plan()
        self._cutter.arm(self._random.choice((0, 0.1, 0.6)))
        try:
            self.history.perform()
            self._cutter.arm(0)
            self.history.confirm()
            if self._random.randrange(3):
                return
        except PowerCut:
            self._tally.faults += 1
        self._cutter.arm(0)
        self._restart()
        for _ in range(
            self._random.choice((0, 0, 1, 3))
        ):  # the next start must find the state that this start reported
            self.history.rest()
            self._restart()

    def rot(self):
        """Flip cells of the newest sector of one copy, one at a time: only the promised part of a tally is lost."""
        flash, history = self.history.flash, self.history
        history.rest()
        zeros = [at for at in range(len(flash.memory)) if flash.memory[at] != 0xFF and at % 4096 >= _LOG_AT]
        found = history.recovered(flash.branch(self._random)).account
        for at in self._random.sample(zeros, min(_ROTTEN_CELLS, len(zeros))):
            clear = [bit for bit in range(8) if not flash.memory[at] >> bit & 1]
            torn = flash.branch(self._random)
            torn.rot(at, self._random.choice(clear))
            self._tally.cases += 1
            account = history.recovered(torn).account
            missing = found.pulses_total - account.pulses_total
            if (account.money.bought, account.energy.bought, account.tokens.pack()) != (
                found.money.bought,
                found.energy.bought,
                found.tokens.pack(),
            ) or not 0 <= missing <= _TALLY_STEPS * history.book.page.step:
                raise Broken(LOST, f"rot at {at}: {missing} pulses")
            self._tally.add("pulses_lost_by_rot", missing)

    def _restart(self):
        flash = self.history.flash
        self._tally.cases += 1
        for number in range(self._random.choice((0, 0, 1, 2, 3, 5, 12, _MOST_CUTS_IN_A_ROW)) + 1):
            is_last = flash.cuts and number and self._random.randrange(12) == 0
            self._cutter.arm(0 if is_last else self._random.choice((0.3, 0.6, 1.0)))
            try:
                found = self._start()
            except PowerCut:
                self._tally.faults += 1
                continue
            break
        else:
            self._cutter.arm(0)
            found = self._start()
        self._cutter.arm(0)
        self.history.check(found)
        self.history = self.history.continued(found, self._random)
        self._random = self.history.random

    def _start(self):
        flash = self.history.flash
        flash.boot()
        flash.limit(_OPERATIONS_OF_A_START)
        found = self.history.recovered(flash)
        self._tally.at_most("flash_operations_of_a_hard_start", flash.operations)
        flash.operations_limit = None
        return found

    def _let_something_die(self):
        """Let a page or a sector of one copy ignore all programs from now on. Most of the ring stays sound."""
        flash = self.history.flash
        sectors = self.history.sectors
        if sectors < 6 and (flash.dead_pages or flash.faults.bad_sectors):
            return
        if len(flash.dead_pages) + len(flash.faults.bad_sectors) >= sectors // 3:
            return
        sector = self._random.randrange(flash.sector_count)
        if self._random.random() < 0.7:
            flash.dead_pages.add(sector * _PAGES + self._random.randrange(_PAGES))
        else:
            flash.faults.bad_sectors.add(sector)
