"""Whole lives: a household's meter over years, stepping from hour to hour, with all the mishaps of a meter.

The mishaps are outages long and short, power cuts during writes and starts, resets, a clock chip that loses its time or
leaps, flash sectors that go bad, tariffs that change, and credit bought late. Further there are debts, emergency
credit, friendly hours, taxes and contracts (see `life_agreements`). There are evenings (see `evening`) on which the
whole meter runs with a relay that sticks, a reader that hangs, a dead task or a hung processor. After every step the
account is compared with `life_oracle`: every pulse that the hardware counted, every mWh at its rate, and all money to
the micro-unit. Supply is on exactly if the contract allows it.

A power cut loses the pulses since the last reading with the counter, and the pulses that wait below one tally step. It
never loses more.
"""

import random as randoms

from boards.host.chips.power import PowerCut
from tests import samples
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.evening import live_evening
from tests.proof.life_agreements import PREPAID, TERM, Agreements
from tests.proof.life_oracle import LifeOracle, OracleTariff
from tests.proof.small_meter import FIRST_FOR_LEDGER, START_S, SmallMeter, seal
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import token
from wattpurse.core.money import supply
from wattpurse.core.money.account import Account
from wattpurse.core.money.circumstances import Circumstances
from wattpurse.core.money.contract import PrepaidMoney
from wattpurse.core.tariffs.calendar import Zone
from wattpurse.drivers.pulse_counter import PulseCounter
from wattpurse.services.supply_desk import SupplyDesk

NAME = "life"
ABOUT = "household meters over years of outages, cuts, changing tariffs and failing parts"
SHORT_CASES = 5
LONG_CASES = 110

_SHORT_YEARS = 2
_LONG_YEARS = 20
_YEAR_S = 31_556_952
_LEDGER_SECTORS = 5
_LOW_MICROUNITS = 3_000_000
_LONGEST_BELIEVED_S = 31 * 86_400
# Zone name for the oracle, the same zone for the meter, and the grid of seconds on which its rates and days change.
_ZONES = (
    ("Europe/Berlin", Zone(60, (3, 5, 6, 60), (10, 5, 6, 60), True), 3_600),
    ("America/New_York", Zone(-300, (3, 2, 6, 120), (11, 1, 6, 120)), 3_600),
    ("Australia/Sydney", Zone(600, (10, 1, 6, 120), (4, 1, 6, 180)), 3_600),
    ("Asia/Kolkata", Zone(330), 1_800),
)
_PLANS = (((0, 0),), ((0, 0), (360, 1), (1320, 0)), ((0, 1), (420, 0), (1020, 1)))
# Watts in each hour of the day, for a small, a usual and a heated household.
_SHAPES = (
    (40, 40, 40, 40, 40, 60, 200, 150, 80, 60, 60, 120, 180, 90, 60, 60, 90, 250, 400, 350, 300, 250, 150, 60),
    (150, 130, 120, 120, 130, 300, 900, 700, 350, 300, 350, 600, 900, 500, 350, 350, 600, 1400, 2200, 1800, 1200, 900,
     500, 250),
    (2500, 3000, 3000, 3000, 2800, 2000, 1800, 900, 600, 500, 500, 700, 900, 600, 500, 600, 1200, 2600, 3800, 3000,
     2200, 1800, 1500, 2000),
)  # fmt: skip


def run_case(seed: int, tally):
    """Run the life of one meter. Lives in the short form are shorter."""
    random = randoms.Random(f"{NAME} {seed}")
    life = _Life(random, tally)
    years = _SHORT_YEARS if seed < SHORT_CASES else _LONG_YEARS
    life.live_until(START_S + years * _YEAR_S)
    tally.cases += 1
    tally.add("years", years)


class _Life(Agreements):
    """One meter, its household, its seller, and its mishaps."""

    def __init__(self, random, tally):
        self._random = random
        self._tally = tally
        self._zone_name, self._zone, self._grid_s = random.choice(_ZONES)
        self._impulses = random.choice((1_000, 1_000, 3_200, 100, 10_000))
        self._shape = random.choice(_SHAPES)
        self._modulus = random.choice((65_536, 1 << 32))
        self._version = 0
        self._sequence = 0
        self._bought = 0
        self._hardware_pulses = self._counted_from = 0
        self._energy_uwh = 0
        self._neglects_until_s = 0
        self._evening_below = None
        data, tariff = self._new_tariff(START_S)
        self._meter = SmallMeter(random, Account(data, self._impulses, 1, PrepaidMoney, START_S))
        self._oracle = LifeOracle(tariff, START_S, self._impulses)
        self._now_s = START_S
        self._registers = [0] * 8
        self._begin()
        self.begin_with_agreements()

    def live_until(self, end_s):
        """Run hour after hour until `end_s`."""
        while self._now_s < end_s:
            self._household_hour()
            draw = self._random.random()
            if draw < 0.0006:
                self._random.choice(_MISHAPS)(self)
            elif draw < 0.0010:
                self._send_tariff()
            elif draw < 0.0025:
                self.agree_on_something()
            self.press_button()
            self.pull_fuse()
            if self._evening_below is not None and self._meter.ledger.account.money.balance <= self._evening_below:
                self._live_evening()
            self._top_up()

    def _household_hour(self):
        """Advance to the next hour of the meter's clock, and let the meter count the energy used."""
        timekeeper = self._meter.timekeeper
        next_s = (timekeeper.now_s() // self._grid_s + 1) * self._grid_s
        self._pass_us((next_s - timekeeper.now_s() - 1) * 1_000_000)
        self._wait_until(next_s)
        pulses = self._counter.take()
        self._oracle.consume(pulses)
        self._advance(pulses)
        self._check()

    def _wait_until(self, due_s):
        """Wait in steps of 20 ms, all of them at once, for speed. The timekeeper counts from its last whole second."""
        clock, timekeeper = self._meter.clock, self._meter.timekeeper
        if timekeeper.now_s() < due_s:
            gone_ms = clock.ticks_diff(clock.ticks_ms(), timekeeper._base_ms)
            left_ms = (due_s - timekeeper._base_s) * 1000 - gone_ms
            clock.advance_us(-(-left_ms // 20) * 20_000)

    def _advance(self, pulses):
        now_s = self._now_s = self._meter.timekeeper.now_s()
        self._oracle.go_on_to(now_s)
        self._meter.ledger.advance(now_s, pulses)
        self._meter.ledger.prepare()

    def _pass_us(self, duration_us):
        """Let time pass. While supply is on, the household uses energy."""
        self._meter.clock.advance_us(duration_us)
        if self._supply() != supply.ON:
            return
        watts = self._shape[self._now_s // 3600 % 24] * self._random.randrange(50, 151) // 100
        self._energy_uwh += watts * duration_us // 3_600
        self._hardware_pulses = self._energy_uwh * self._impulses // 10**9

    def _supply(self):
        """Return the meter's decision, and check that the rules agree with it."""
        now_s = self._meter.timekeeper.now_s()
        reason = self._desk.judge()
        if (reason == supply.ON) != self._as_counted(lambda: self._oracle.look(now_s, self.has_time(now_s))):
            raise Broken(BROKEN_RULES, f"supply is {supply.text(reason)} at {now_s}, {vars(self._oracle.rules)}")
        return reason

    @property
    def _account(self):
        return self._meter.ledger.account

    @property
    def _desk(self):
        """A desk without state: all its facts are in the meter's flash."""
        return SupplyDesk(self._meter, Circumstances(), self._meter.timekeeper)

    def _as_counted(self, ask):
        """Ask the oracle without the pulses that wait below a tally step: the meter does not know of them either."""
        waiting = self._oracle.pulses - self._account.pulses_total
        if waiting == 0:
            return ask()
        self._oracle.forget(waiting)
        answer = ask()
        self._oracle.consume(waiting)
        return answer

    def _check(self):
        account, oracle = self._meter.ledger.account, self._oracle
        waiting = oracle.pulses - account.pulses_total
        if account.money.bought != self._bought:
            what = DOUBLED if account.money.bought > self._bought else LOST
            raise Broken(what, f"bought {account.money.bought}, sold {self._bought}, at {self._now_s}")
        if not 0 <= waiting < max(1, self._impulses // 4000):
            raise Broken(LOST if waiting > 0 else DOUBLED, f"{waiting} pulses are missing at {self._now_s}")
        if waiting == 0 and account.money.charged != oracle.charged:
            what = LOST if account.money.charged > oracle.charged else DOUBLED
            raise Broken(what, f"charged {account.money.charged}, due {oracle.charged}, at {self._now_s}")
        if waiting == 0 and account.registers.rate_mwh != oracle.rate_mwh:
            raise Broken(LOST, f"registers {account.registers.rate_mwh}, {oracle.rate_mwh}, at {self._now_s}")
        if any(now < before for now, before in zip(account.registers.rate_mwh, self._registers)):
            raise Broken(LOST, f"a register went back at {self._now_s}")
        self._registers = list(account.registers.rate_mwh)
        self._supply()
        self.check_agreements(account)

    def _top_up(self):
        """Add credit when it is low, sometimes only days later."""
        if self._contract == TERM:
            self.buy_days()
            return
        if self._meter.ledger.account.money.balance > _LOW_MICROUNITS or self._now_s < self._neglects_until_s:
            return
        if self._random.random() < 0.15:
            self._neglects_until_s = self._now_s + self._random.randrange(5 * 86_400)
        self._sequence += self._random.choice((1, 1, 1, 2, 9))
        amount = self._random.choice((1, 5, 10, 20, 50, 100)) * 1_000_000
        self._deliver(seal(self._sequence, token.CREDIT_MONEY, amount), amount)

    def _send(self, kind, *fields):
        self._sequence += 1
        self._deliver(seal(self._sequence, kind, *fields))

    def _deliver(self, data, amount=0):
        """Deliver a token, sometimes with a cut during it. Deliver it again; it counts once."""
        if self._random.random() < 0.1:
            self._plan_cut()
        try:
            self._meter.teller.redeem(data, carrier.CARD)
        except PowerCut:
            self._restart()
        self._meter.flash.faults.operations_to_cut = None
        for _ in range(2):
            result = self._meter.teller.redeem(data, carrier.CARD)
            if result not in (outcome.ACCEPTED, outcome.USED):
                raise Broken(LOST, f"a token was met with '{outcome.text(result)}'")
        self._bought += amount
        if amount:
            self._as_counted(lambda: self._oracle.buy(amount))

    def _send_tariff(self):
        if self._meter.ledger.account.pending_tariff is not None:
            return
        ahead_s = self._random.choice((3_600, 86_400, 20 * 86_400))
        activation_s = (self._now_s + ahead_s) // self._grid_s * self._grid_s
        if self._random.random() < 0.5:
            local = self._oracle.tariff.local(activation_s)
            activation_s = max(self._now_s + 60, self._oracle.tariff.midnight_s(local.date()))
            activation_s = -(-activation_s // self._grid_s) * self._grid_s
        data, self._oracle.coming = self._new_tariff(activation_s)
        self._send(token.TARIFF, data)
        self._tally.add("tariffs")

    def _new_tariff(self, activation_s):
        """Return a random tariff, once for the meter and once for the oracle."""
        random = self._random
        self._version += 1
        rates = []
        for _ in range(2):
            blocks = random.choice((1, 1, 3))
            prices = tuple(random.randrange(50_000, 600_000) for _ in range(blocks))
            limits = tuple(sorted(random.sample(range(1_000_000, 400_000_000), blocks - 1)))
            rates.append((prices, limits))
        day, weekend = random.choice(_PLANS), random.choice(_PLANS)
        standing, allowance = random.choice((0, 330_001)), random.choice((0, 0, 30_000_000))
        oracle = OracleTariff(activation_s, self._zone_name, tuple(rates), day, weekend, standing, allowance)
        data = samples.flat_tariff(
            version=self._version,
            activation_s=activation_s,
            zone=self._zone,
            standing_charge_microunits=standing,
            allowance_mwh=allowance,
            rates=tuple([(f"R{number}", prices, limits) for number, (prices, limits) in enumerate(rates)]),
            day_types=(day, weekend),
            seasons=((1, 1, (0, 0, 0, 0, 0, 1, 1, 0)),),
        )
        return data, oracle

    def _cut_in_metering(self):
        """Let power fail in the flash write of one reading of the counter."""
        self._pass_us(100_000)
        pulses = self._counter.take()
        self._plan_cut()
        before = self._oracle.pulses
        try:
            self._meter.ledger.advance(self._meter.timekeeper.now_s(), pulses)
        except PowerCut:
            pass
        self._meter.flash.faults.operations_to_cut = None
        self._restart(before + pulses)

    def _reset(self):
        """Reset the processor, as the watchdog or a brown-out between two writes does."""
        self._restart()

    def _outage(self):
        longest_days = 30 if self._oracle.rules.is_spared else 90  # friendly hours end by the clock, see `_set_right`
        self._power_off(self._random.choice((5, 3_600, 86_400, self._random.randrange(longest_days * 86_400))))

    def _power_off(self, duration_s):
        self._meter.clock.advance_us(duration_s * 1_000_000)
        self._restart()
        if duration_s > _LONGEST_BELIEVED_S:
            self._set_right()

    def _set_right(self):
        """Set the clock after an outage that is too long to be believed. Its days are due then."""
        if self._meter.timekeeper.trusted:
            raise Broken(BROKEN_RULES, f"a leap of more than a month is believed at {self._now_s}")
        while not self._meter.timekeeper.trusted:
            self._send(token.CLOCK, self._meter.chip.true_s() + 1)
            self._now_s = self._meter.timekeeper.now_s()
            self._oracle.go_on_to(self._now_s)
        self._tally.add("clocks_set")

    def _chip_forgets(self):
        """Let the clock chip lose its time for this one start."""
        right = self._meter.chip.read
        lead_s = self._random.choice((-86_400, -(10**9), 30 * _YEAR_S))
        self._meter.chip.read = lambda: self._random.choice((None, max(0, right() + lead_s)))
        self._restart()
        del self._meter.chip.read
        self._meter.chip.set(self._meter.timekeeper.now_s())

    def _sector_goes_bad(self):
        """Let one sector of one copy refuse all writes; the same place in the other copy stays good."""
        bad = self._meter.flash.faults.bad_sectors
        if not bad:
            bad.add(FIRST_FOR_LEDGER + self._random.randrange(2 * _LEDGER_SECTORS))
            self._tally.add("bad_sectors")

    def _evening(self):
        """Order an evening with a part that fails: now, or when credit has run out or runs out during it."""
        self._evening_below = self._random.choice((0, _LOW_MICROUNITS, self._meter.ledger.account.money.bought))

    def _live_evening(self):
        """Run the evening, unless there is an old debt: a top-up of the evening alone would repay it."""
        self._evening_below = None
        if self._contract != PREPAID or self._oracle.rules.debt:
            return
        live_evening(self._random, self._meter.ledger.account, self._oracle, self._sequence + 1, self._tally)

    def _plan_cut(self):
        self._meter.flash.faults.plan_cut(
            self._random.choice((1, 2, 3, 4, 5, 8, 16)), self._random.randrange(1001), "page"
        )

    def _restart(self, most_pulses=None):
        """Start anew. The oracle takes over the pulses that the cut left of those on their way."""
        self._tally.faults += 1
        known = self._oracle.pulses
        self._meter.start_until_it_lasts(self._random, self._tally)
        found = self._meter.ledger.account.pulses_total
        step = max(1, self._impulses // 4000)
        if not known - step < found <= max(known, most_pulses or 0):
            raise Broken(LOST if found < known else DOUBLED, f"{found} pulses after a cut, {known} were known")
        self._adopt_pulses(found)
        self._begin()
        self._now_s = self._meter.timekeeper.now_s()
        self._oracle.go_on_to(self._now_s)

    def _adopt_pulses(self, found):
        if found >= self._oracle.pulses:
            self._oracle.consume(found - self._oracle.pulses)
        else:
            self._oracle.forget(self._oracle.pulses - found)

    def _begin(self):
        """Begin a life of the processor: its counter starts at 0."""
        self._counted_from = self._hardware_pulses
        self._counter = PulseCounter(self._read_raw, self._modulus)

    def _read_raw(self):
        return (self._hardware_pulses - self._counted_from) % self._modulus


_MISHAPS = (
    *[_Life._cut_in_metering] * 6,
    *[_Life._outage] * 3,
    _Life._reset,
    _Life._chip_forgets,
    _Life._sector_goes_bad,
    *[_Life._evening] * 3,
)
