"""The end of power, seen coming: the whole meter while its mains fail and its supply holds for a moment.

The world is that of an evening (`evening.py`): all tasks on the simulated board, a load, a token at the console. The
mains fail again and again. The supply holds for nothing, for as long as the documents demand, or for less; power ends
in any operation of the flash, in the pulse of the coil, or not at all, because mains return in time. Compared are:

- a supply that holds for HOLD_UP_S has opened the switch before it ends, and no pulse flows before the next start;
- every pulse is charged, but for those of the last reading and those below a step;
- the token counts once, and at the end the contact agrees with the decision.
"""

import random as randoms

from boards.host.world.world import World
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.small_meter import METER_KEY, METER_NUMBER, START_S, seal
from tests.samples import flat_tariff
from tests.services.desk_bench import SITE_KEY
from wattpurse.app import Meter
from wattpurse.core.messages import token
from wattpurse.core.money import supply
from wattpurse.core.money.account import Account
from wattpurse.core.money.contract import PrepaidMoney
from wattpurse.core.money.ledger_records import TERMS
from wattpurse.stores import Stores

NAME = "power-fail"
ABOUT = "mains that fail while the supply holds: every length of the rest, cuts in every write, mains that return"
SHORT_CASES = 8
LONG_CASES = 2_000

HOLD_UP_S = 0.7  # an erase of 400 ms that has just begun, two looks, and a pulse of the coil

_FAILURES = 5
_IMPULSES = 1_000
_LOADS_W = (0, 2_000, 20_000, 60_000)
_STEP_PULSES = 1
_READ_EVERY_S = 0.5  # the longest time between two readings, with an erase between
_START_LIMIT_S = 10
_LONGEST_REST_S = 4 * 3_600


def run_case(seed: int, tally):
    """Let the mains of one meter fail several times."""
    case = _Case(randoms.Random(f"{NAME} {seed}"), tally)
    try:
        case.run()
    finally:
        case.world.close()
    tally.cases += 1


class _Case:
    """One world and its mains. `permitted` pulses may be missing."""

    def __init__(self, random, tally):
        self._random, self._tally = random, tally
        self._load_w = random.choice(_LOADS_W)
        self._opens = random.random() < 0.8
        self._bought = 0
        self._sequence = 0
        self._permitted = _STEP_PULSES
        self.world = self._new_world()

    def run(self):
        """Sell credit, then fail."""
        self._start()
        self._buy()
        self.world.run_for(5)
        for _ in range(_FAILURES):
            self._fail_once()
            self._tally.faults += 1
        self.world.household.constant_w = 0
        self.world.household.update()
        self.world.run_until(lambda: self.world.meter.decide() != supply.RESTING, _LONGEST_REST_S)
        self.world.run_for(5)
        self._judge()

    def _new_world(self):
        world = World(Meter, START_S, seed=self._random.randrange(1, 1 << 30))
        hardware = world.hardware
        stores = Stores(hardware.flash)
        stores.settings.create()
        stores.settings.set_all(
            (("meter_number", METER_NUMBER), ("meter_key", METER_KEY), ("site_key", SITE_KEY), ("key_version", 1))
        )
        stores.events.create()
        account = Account(flat_tariff(), _IMPULSES, 1, PrepaidMoney, START_S)
        stores.ledger.create(account)
        if self._opens:
            stores.ledger.set_number(TERMS, "open_on_power_fail", 1, START_S)
        world.household.constant_w = self._load_w
        world.household.update()
        return world

    def _start(self):
        world = self.world
        if not world.run_until(lambda: world.meter is not None and world.account is not None, _START_LIMIT_S):
            raise Broken(LOST, "no ledger after a start")

    def _buy(self):
        self._sequence += 1
        amount = self._random.randrange(1, 10**9)
        self.world.type_line("token " + seal(self._sequence, token.CREDIT_MONEY, amount).hex())
        self._bought += amount

    def _fail_once(self):
        random, world = self._random, self.world
        world.run_for(random.choice((0.3, 1, 2.5, 11)) + random.random())
        way = random.choice(("holds", "holds", "short", "operation", "returns", "reset"))
        self._tally.add(way)
        was_lit = world.hardware.relay.contact_closed
        hold_up_s = HOLD_UP_S if way == "holds" else random.random() * HOLD_UP_S
        if way == "operation":
            # The cut may come in a write that is not acknowledged yet, or in none.
            world.hardware.flash.faults.plan_cut(random.randrange(1, 4), random.randrange(1001), "page")
        world.fail_mains(hold_up_s)
        if way == "returns":
            world.run_for(hold_up_s * 0.8)
            if world.mains_on:  # an erase may have taken time beyond that
                world.return_mains()
        elif way == "reset":
            world.run_for(hold_up_s / 2)
            world.reset_board()
        world.run_for(2)
        world.hardware.flash.faults.operations_to_cut = None
        if way != "returns" or not world.mains_on:
            self._end_of_power(way, was_lit)
        self._start()
        world.run_for(1)

    def _end_of_power(self, way, was_lit):
        world, hardware = self.world, self.world.hardware
        if world.mains_on and world.meter is not None:
            raise Broken(BROKEN_RULES, f"{way}: the supply did not end")
        is_lit = hardware.relay.contact_closed
        if way == "holds" and self._opens and is_lit:
            raise Broken(BROKEN_RULES, "the supply has run out, and the switch is closed")
        self._permitted += 1 + self._pulses_of(_READ_EVERY_S)
        pulses = hardware.source.pulses_total
        world.run_for(self._random.choice((1, 60)))
        if hardware.source.pulses_total != pulses:
            raise Broken(BROKEN_RULES, "energy flowed without mains")
        world.restore_mains()
        self._start()
        if way == "holds" and self._opens and was_lit and hardware.source.pulses_total != pulses:
            raise Broken(LOST, "energy flowed before the meter had started")

    def _pulses_of(self, seconds):
        return int(seconds * self._load_w * _IMPULSES / 3_600_000) + 1

    def _judge(self):
        world = self.world
        account = world.account
        if account.money.bought != self._bought:
            what = DOUBLED if account.money.bought > self._bought else LOST
            raise Broken(what, f"bought {account.money.bought}, sold {self._bought}")
        missing = world.hardware.source.pulses_total - account.pulses_total
        if not 0 <= missing <= self._permitted:
            raise Broken(LOST if missing > 0 else DOUBLED, f"{missing} pulses are missing")
        if world.hardware.relay.contact_closed != supply.is_closed(world.meter.decide()):
            raise Broken(BROKEN_RULES, f"the contact disagrees with the decision {world.meter.decide()}")
        if world.hardware.violations():
            raise Broken(BROKEN_RULES, "; ".join(world.hardware.violations()))
