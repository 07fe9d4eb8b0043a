"""Lives of the clock: chips that die, leap, stand still and lose or keep their oscillator-stop flag, and power cuts.

One meter with a paid term, a daily share and a standing charge runs second by second through a random life. Its clock
chip is the model of the real one, with its registers. Power fails for seconds, hours or weeks, often many times in a
row. Somebody with the PIN tries to gain by setting the clock, and sometimes the station sends a clock token. After
every step plain sums are compared with the meter. They share no code with the meter's rules:

- The end of the term comes no later than its paid seconds after it was bought, plus all outages, plus ten minutes.
- No power cut takes more of the term than the promise says.
- The days charged are no more than those that went by in true time, plus the moves ahead by hand or token, plus the
  leaps of the chip that a start believes, of a month each at most. While the meter runs, no leap is believed.
- No more daily shares come than such days went by.
- Moves by hand of a trusted clock add up to at most a quarter of an hour a day.
"""

import random as randoms

from boards.host.chips.i2c import I2cBus
from boards.host.chips.power import PowerCut
from boards.host.chips.rtc import OSCILLATOR_STOPPED, STATUS, RtcModel
from tests import samples
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.small_meter import START_S, SmallMeter, seal
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import token
from wattpurse.core.money import clock_rules
from wattpurse.core.money.account import Account
from wattpurse.core.money.contract import Dispenser
from wattpurse.drivers.rtc_ds3231 import ADDRESS, Ds3231
from wattpurse.services import time_notes

NAME = "time"
ABOUT = "clock chips that die, leap and stand still, under power cuts, outages and people who set the clock"
SHORT_CASES = 16
LONG_CASES = 1_000

_DAY_S = 86_400
_STEPS = 60
_GIVEN_S = 600
_TAKEN_AT_A_CUT_S = 605  # the longest note, and the time of the starts
_BY_HAND_S = 900
_BELIEVED_DAYS = 31
_CHARGE = 1_000_000
_FOLLOW_S = 60
_LEAD_S = 120
# Register and its bits with a meaning: seconds, minutes, hours, date, month with century, year.
_BITS = ((0, 7), (1, 7), (2, 7), (4, 6), (5, 8), (6, 8))


def run_case(seed: int, tally):
    """Run one life."""
    life = _ClockLife(randoms.Random(f"{NAME} {seed}"), tally)
    for _ in range(_STEPS):
        life.step()
    tally.cases += 1


class _Chip(Ds3231):
    """The driver, on a bus with the model of the chip, which may stand still."""

    def __init__(self, clock):
        self.bus = I2cBus(clock)
        self.model = RtcModel(clock, START_S)
        self.bus.attach(ADDRESS, self.model)
        self.frozen_s = None
        super().__init__(self.bus)

    def read(self):
        """Return the time of the chip."""
        return super().read() if self.frozen_s is None else self.frozen_s

    def set(self, utc_s):
        """Set the chip, which runs again if it stood still."""
        self.frozen_s = None
        super().set(utc_s)


class _ClockMeter(SmallMeter):
    """A small meter whose clock chip is the model of the real one."""

    def _build(self):
        if not isinstance(self.chip, _Chip):
            self.chip = _Chip(self.clock)
        super()._build()
        self.notes = time_notes.TimeNotes(self.stores, self.timekeeper)


class _ClockLife:
    """One meter, its chip and its mains."""

    def __init__(self, random, tally):
        self._random, self._tally = random, tally
        tariff = samples.flat_tariff(standing_charge_microunits=_CHARGE, rates=(("R0", (0,), ()),))
        self._meter = _ClockMeter(random, Account(tariff, 1_000, 1, Dispenser, START_S))
        self._sequence = 0
        self._outages_s = 0  # since the term was bought, and all moves of the clock chip that are due to faults
        self._ahead_s = 0  # by moves, and by leads of the chip that were believed
        self._shares = 0
        self._first_day = self._account.charged_day
        self._moved = {}
        self._ran_ms = 0
        self._outage_s = 0
        self._has_believed = True
        self._run(3)
        self._buy()

    @property
    def _account(self):
        return self._meter.ledger.account

    def step(self):
        """Let one thing happen."""
        self._random.choice(_THINGS)(self)
        self._check()

    def _true_s(self):
        return START_S + self._meter.clock.now_us // 1_000_000

    def _now_s(self):
        return self._meter.timekeeper.now_s()

    def _left_s(self):
        return self._account.standing["term_until_s"] - self._now_s()

    def _buy(self):
        """Sell a term. The sums begin anew with it."""
        self._sequence += 1
        data = seal(self._sequence, token.DAYS, self._random.choice((3_600, 40_000, 90 * _DAY_S)))
        if self._meter.teller.redeem(data, carrier.CARD) != outcome.ACCEPTED:
            raise Broken(LOST, "days were not accepted")
        self._bought_at_s = self._true_s()
        self._paid_s = self._left_s()
        self._outages_s = 0

    def _run(self, seconds):
        """Let the meter run so long: metering, the notes, and a look at the chip every minute."""
        meter = self._meter
        left_ms = int(seconds * 1000)
        while left_ms > 0:
            step_ms = min(left_ms, 500 if left_ms <= 5_000 else 5_000)
            meter.clock.advance_us(step_ms * 1000)
            left_ms -= step_ms
            self._ran_ms += step_ms
            if self._ran_ms // 1000 % _FOLLOW_S == 0 and self._ran_ms % 1000 == 0:
                self._follow()
            self._advance()

    def _advance(self):
        """Let the ledger advance. The household uses one pulse of each new daily share at once."""
        now_s = self._now_s()
        self._meter.ledger.advance(now_s, 0)
        if self._account.day_mwh == 0:
            self._shares += 1
            self._meter.ledger.advance(now_s, 1)
        self._meter.notes.step(now_s)

    def _follow(self):
        """Let the meter look at its chip. A small lead is believed, a leap is not."""
        before_s = self._now_s()
        self._meter.timekeeper.follow_chip()
        lead_s = self._now_s() - before_s
        if lead_s > _LEAD_S and self._has_believed:
            raise Broken(BROKEN_RULES, f"the clock leapt by {lead_s} s while the meter ran")
        self._note_lead(lead_s)
        self._has_believed |= self._meter.timekeeper.trusted

    def _note_lead(self, lead_s):
        if lead_s > _BELIEVED_DAYS * _DAY_S + self._outage_s + _TAKEN_AT_A_CUT_S:
            raise Broken(BROKEN_RULES, f"a leap of {lead_s} s was believed")
        self._ahead_s += max(0, lead_s)

    def _work(self):
        self._run(self._random.choice((1, 2, 3, 5, 20, 61, 200, 900)))

    def _work_long(self):
        """Let some hours pass in long steps. The notes are as dense as in short ones."""
        for _ in range(self._random.randrange(1, 12)):
            self._meter.clock.advance_us(_FOLLOW_S * 1_000_000)
            self._follow()
            self._advance()

    def _cuts(self):
        """Cut the mains many times in a row."""
        run_s, outage_s = self._random.choice((0.5, 1, 4, 30, 100, 400)), self._random.choice((1, 5, 20))
        for _ in range(self._random.choice((2, 5, 12, 60))):
            self._outage(outage_s)
            self._run(run_s)

    def _long_outage(self):
        self._outage(self._random.choice((600, 7_200, _DAY_S, 20 * _DAY_S, 60 * _DAY_S)))

    def _outage(self, seconds):
        """Cut the mains. The starts may be cut off as well."""
        before_s = self._now_s()
        model = self._meter.chip.model
        model.power_lost()
        self._meter.clock.advance_us(int(seconds * 1_000_000))
        model.power_restored()
        self._outages_s += seconds + 1
        self._tally.faults += 1
        left_s, day = self._left_s(), self._account.charged_day
        self._meter.start_until_it_lasts(self._random, self._tally)
        if self._random.random() < 0.2:
            self._meter.flash.faults.plan_cut(self._random.randrange(1, 4), self._random.randrange(1001), "page")
        try:
            self._advance()
        except PowerCut:
            self._meter.start_until_it_lasts(self._random, self._tally)
            self._advance()
        self._meter.flash.faults.operations_to_cut = None
        self._has_believed = self._meter.timekeeper.trusted
        self._outage_s = seconds
        self._check_start(self._now_s() - before_s - seconds, left_s, day)

    def _check_start(self, lead_s, left_s, day):
        """Check that a start took no more of the term than the outage and a note, or a leap that is believed."""
        if self._has_believed:
            self._note_lead(lead_s)
            return
        if left_s - self._left_s() > self._outage_s + _TAKEN_AT_A_CUT_S:
            raise Broken(LOST, f"{left_s - self._left_s()} s of the term went in an outage of {self._outage_s} s")
        if self._account.charged_day > day + 1:
            raise Broken(LOST, f"{self._account.charged_day - day} days were charged by a clock that is not trusted")
        self._ahead_s += max(0, lead_s)

    def _fault(self):
        """Let the chip fail in some way."""
        model, chip = self._meter.chip.model, self._meter.chip
        self._tally.faults += 1
        way = self._random.randrange(6)
        if way == 0:
            model.battery = not model.battery
        elif way == 1:
            register, bits = self._random.choice(_BITS)
            model.corrupt(register, model.registers[register] ^ 1 << self._random.randrange(bits))
        elif way == 2:
            chip.frozen_s = None if chip.frozen_s is not None else chip.read()
        elif way == 3:
            model.stop_oscillator()
        elif way == 4:
            model.corrupt(STATUS, model.registers[STATUS] & ~OSCILLATOR_STOPPED & 0xFF)
        else:
            chip.bus.stuck_at = self._random.choice((None, 0x00, 0xFF))

    def _repair(self):
        """Let a technician put in a good chip. Nobody has set it."""
        self._meter.chip.bus.stuck_at = None
        self._meter.chip.model.battery = True

    def _set_by_hand(self):
        """Try to gain by setting the clock with the PIN: a second later than allowed, or just allowed."""
        meter, now_s = self._meter, self._now_s()
        moves_s = (-_DAY_S, -3_600, -900, -300, -1, 1, 300, 900, 3_600, _DAY_S, 40 * _DAY_S)
        target_s = self._random.choice((now_s + self._random.choice(moves_s), self._true_s()))
        is_trusted, day, left_s = meter.timekeeper.trusted, self._account.charged_day, self._left_s()
        try:
            counted_s = clock_rules.seconds_by_hand(self._account, now_s, target_s, is_trusted, meter.ledger.recorded_s)
        except ValueError:
            return
        if is_trusted or target_s < now_s:
            self._moved[day] = self._moved.get(day, 0) + abs(target_s - now_s)
            if self._moved[day] > _BY_HAND_S:
                raise Broken(BROKEN_RULES, f"{self._moved[day]} s were moved by hand on day {day}")
        self._move(target_s, counted_s=counted_s)
        self._ahead_s += max(0, target_s - now_s)
        if self._left_s() != left_s:
            raise Broken(DOUBLED, f"{self._left_s() - left_s} s of the term came by setting the clock")

    def _set_by_token(self):
        self._sequence += 1
        target_s = self._true_s() + self._random.choice((0, 0, 0, -40 * _DAY_S, 3_600, 2 * _DAY_S))
        left_s, now_s = self._left_s(), self._now_s()
        kind = self._random.choice((token.CLOCK, token.CLOCK_BACK))
        if self._meter.teller.redeem(seal(self._sequence, kind, target_s), carrier.CARD) == outcome.ACCEPTED:
            self._advance()
            self._ahead_s += max(0, target_s - now_s)
            if self._left_s() != left_s:
                raise Broken(DOUBLED, f"{self._left_s() - left_s} s of the term came by a clock token")

    def _move(self, target_s, counted_s):
        time_notes.set_clock(self._meter.ledger, self._meter.timekeeper, target_s, counted_s=counted_s)
        self._advance()

    def _check(self):
        """Compare the meter with the plain sums."""
        days = (self._true_s() - START_S + self._ahead_s) // _DAY_S + 1
        if self._account.charged_day - self._first_day > days:
            raise Broken(LOST, f"{self._account.charged_day - self._first_day} days were charged in {days}")
        if self._shares > days + 1:
            raise Broken(DOUBLED, f"{self._shares} daily shares in {days} days")
        gone_s = self._true_s() - self._bought_at_s
        given_s = self._left_s() - (self._paid_s - gone_s)
        if given_s > self._outages_s + _GIVEN_S:
            raise Broken(DOUBLED, f"{given_s} s were given away in outages of {self._outages_s} s")
        self._tally.at_most("seconds_given_beyond_outages", given_s - self._outages_s)
        if self._random.random() < 0.04:
            self._buy()


_THINGS = (
    *[_ClockLife._work] * 6,
    *[_ClockLife._work_long] * 2,
    *[_ClockLife._cuts] * 4,
    *[_ClockLife._long_outage] * 2,
    *[_ClockLife._fault] * 3,
    _ClockLife._repair,
    *[_ClockLife._set_by_hand] * 4,
    _ClockLife._set_by_token,
)
