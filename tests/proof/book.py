"""A plain book of what a meter was given and must have charged, kept without any of the meter's own rules in code.

A Page is one state of the meter: what was bought, which tokens are used, and exact sums, as fractions of a mWh and of a
micro-unit would have them. A Book walks from page to page and says for every step which states a power cut inside it
may leave: the meter's whole state must be one of them, to the pulse and to the micro-unit.

Tariffs are UTC: one or two rates that change at times of the day, one price for each, a standing charge for each day.
"""

import copy
import datetime

DAY_S = 86_400
MONEY = 0
ENERGY = 1
WINDOW = 64
_MICRO = 1_000_000
DAY_PLANS = (((0, 0), (360, 1), (1320, 0)), ((0, 0), (420, 1)), ((0, 1), (300, 0)), ((0, 0),))


class Price:
    """A tariff of this book: `prices` of its rates, the standing charge of a day, and from when it holds.

    `plan` is one of DAY_PLANS: (minute, rate) in the order of the day.
    """

    def __init__(self, version: int, plan: tuple, prices: tuple, standing: int, activation_s: int):
        self.version = version
        self.plan = plan
        self.prices = prices
        self.standing = standing
        self.activation_s = activation_s

    def rate_at(self, time_s: int) -> int:
        """The rate in force."""
        return [rate for minute, rate in self.plan if minute * 60 <= time_s % DAY_S][-1]


class Page:
    """One state of the meter."""

    def __init__(self, time_s: int, impulses: int, per_kwh: int, price: Price):
        self.time_s = time_s
        self.day = self.charged_day = time_s // DAY_S
        self.month = month_of(self.day)
        self.month_began_at = 0
        self.closed = ()
        self.rate = price.rate_at(time_s)
        self.price = price
        self.pending = None
        self.contract = 1
        self.terms = (0, 0, 2_000_000, 5_000_000)
        self.bought = [0, 0]
        self.used = set()
        self.pulses = 0
        self.impulses, self.per_kwh = impulses, per_kwh
        self.pulses_at_calibration = 0
        self.rate_mwh = [0, 0]
        self.energy_charged = 0
        self.energy_cost = 0  # micro-units times a million
        self.standing_cost = 0

    def copied(self) -> "Page":
        """A page of its own."""
        other = copy.copy(self)
        other.bought = list(self.bought)
        other.used = set(self.used)
        other.rate_mwh = list(self.rate_mwh)
        return other

    @property
    def step(self) -> int:
        """Pulses that may wait in memory for the next tally: one less than this."""
        return max(1, self.impulses // (4000 * self.per_kwh))

    @property
    def money_charged(self) -> int:
        """Micro-units charged ever: the exact cost of all energy, rounded down once, and the standing charges."""
        return self.energy_cost // _MICRO + self.standing_cost

    def fed(self, pulses: int) -> "Page":
        """The state after `pulses` more at the rate in force."""
        page = self.copied()
        page.feed(pulses)
        return page

    def feed(self, pulses: int):
        """Count pulses: energy since the calibration is rounded down once."""
        before = self._pulse_mwh() // self.impulses
        self.pulses += pulses
        mwh = self._pulse_mwh() // self.impulses - before
        self.rate_mwh[self.rate] += mwh
        if self.contract == 1:
            self.energy_cost += mwh * self.price.prices[self.rate]
        else:
            self.energy_charged += mwh

    def _pulse_mwh(self):
        """mWh since the calibration, times the impulses."""
        return (self.pulses - self.pulses_at_calibration) * _MICRO * self.per_kwh

    def enter_day(self, day: int):
        """Every day entered costs its standing charge, once ever; a month ends where the next begins."""
        while self.day < day:
            self.day += 1
            if month_of(self.day) > self.month:
                self.closed = ((self.month, self.money_charged - self.month_began_at),) + self.closed[:11]
                self.month = month_of(self.day)
                self.month_began_at = self.money_charged
            if self.day > self.charged_day:
                self.charged_day = self.day
                if self.contract == 1:
                    self.standing_cost += self.price.standing

    def is_used(self, number: int) -> bool:
        """Redeemed, or too old to tell."""
        return number in self.used or number <= max(self.used, default=0) - WINDOW

    def view(self) -> tuple:
        """What must agree with the meter, all but the time."""
        top = max(self.used, default=0)
        return (
            tuple(self.bought),
            (self.money_charged, self.energy_charged),
            self.pulses,
            (self._pulse_mwh() % self.impulses, self.energy_cost % _MICRO, *self.rate_mwh),
            (self.day, self.rate, self.contract, self.impulses, self.per_kwh, self.terms),
            (self.price.version, self.pending.version if self.pending else None),
            (self.month, self.money_charged - self.month_began_at, self.closed),
            top,
            tuple([self.is_used(number) for number in range(max(1, top - WINDOW - 5), top + 3)]),
        )


def observe(account) -> tuple:
    """The same of a meter's account."""
    top = account.token_top
    registers = account.registers
    if sum(registers.rate_mwh[2:]):
        return ("energy at a rate that does not exist",)
    return (
        (account.money.bought, account.energy.bought),
        (account.money.charged, account.energy.charged),
        account.pulses_total,
        (account.energy_remainder, account.charge_remainder // 10_000, *registers.rate_mwh[:2]),
        (
            account.day,
            account.rate,
            account.contract.code,
            account.impulses,
            account.impulses_per_kwh_divisor,
            tuple([account.terms[name] for name in _TERM_NAMES]),
        ),
        (account.tariff.version, account.pending_tariff.version if account.pending_tariff else None),
        (
            registers.month.index,
            registers.month.charge_microunits,
            tuple([(month.index, month.charge_microunits) for month in registers.closed_months]),
        ),
        top,
        tuple([account.token_is_used(number) for number in range(max(1, top - WINDOW - 5), top + 3)]),
    )


_TERM_NAMES = ("credit_limit_microunits", "credit_limit_mwh", "low_credit_microunits", "low_credit_mwh")


class Book:
    """The page that is surely in flash, the pulses since, and `may_be`: what a cut in the step under way may leave.

    `may_be` is a list of (page, fewest pulses, most pulses) since that page.
    """

    def __init__(self, page: Page):
        self.page = page
        self.waiting = 0
        self.may_be = []

    def copied(self) -> "Book":
        """A book of its own."""
        other = Book(self.page.copied())
        other.waiting = self.waiting
        return other

    def begin(self):
        """A step begins: until it has done something, what was may still be."""
        self.may_be = [self._now()]

    def credit(self, number: int, unit: int, amount: int):
        """One record; pulses that wait go on waiting."""
        self.page = self.page.copied()
        self.page.used.add(number)
        self.page.bought[unit] += amount
        self.may_be.append(self._now())

    def record(self, alter):
        """One record or snapshot, which takes the waiting pulses with it."""
        self.page = self.page.fed(self.waiting)
        self.waiting = 0
        alter(self.page)
        self.may_be.append(self._now())

    def advance(self, now_s: int, pulses: int):
        """Pulses counted evenly up to `now_s`."""
        start_s = self.page.time_s
        if now_s <= start_s:
            return self._wait(pulses)
        if pulses == 0:
            pending = self.page.pending
            if pending is not None and start_s < pending.activation_s <= now_s:
                self._cross(pending.activation_s - 1)
                self._cross(pending.activation_s)
            self._cross(now_s)
        else:
            shared = 0
            for boundary_s in self._boundaries(start_s, now_s):
                share = pulses * (boundary_s - start_s) // (now_s - start_s)
                self._wait(share - shared)
                shared = share
                self._cross(boundary_s)
            self._wait(pulses - shared)
        self.page.time_s = now_s

    def set_clock_back(self, now_s: int):
        """By someone with the right to."""

        def alter(page):
            page.time_s = now_s
            page.day = now_s // DAY_S
            if page.month - month_of(page.day) > 1:
                page.month = month_of(page.day)
            page.rate = page.price.rate_at(now_s)

        self.record(alter)

    def matching(self, view: tuple) -> Page | None:
        """The page among those that may be which looks like `view`, or None."""
        if len(view) < 3:
            return None
        for page, fewest, most in reversed(self.may_be):
            if fewest <= view[2] - page.pulses <= most:
                found = page.fed(view[2] - page.pulses)
                if found.view() == view:
                    return found
        return None

    def adopt(self, page: Page, time_s: int):
        """A meter was recovered, and this is what it knows."""
        self.page = page
        self.page.time_s = time_s
        self.waiting = 0

    def now_may_be(self):
        """No step is under way: only what was acknowledged, but for the pulses that wait, may be."""
        self.may_be = [self._now()]

    def _now(self):
        return self.page, max(0, self.waiting - self.page.step + 1), self.waiting

    def _wait(self, pulses):
        if pulses:
            fewest = max(0, self.waiting - self.page.step + 1)
            self.waiting += pulses
            self.may_be.append((self.page, fewest, self.waiting))

    def _cross(self, time_s):
        """A tariff takes over with the day that begins with it; days before are the old one's."""

        def take_pending(page):
            page.price, page.pending = page.pending, None
            page.time_s = max(page.time_s, time_s)
            page.enter_day(page.time_s // DAY_S)
            page.rate = page.price.rate_at(page.time_s)

        def enter_day(page):
            page.enter_day(time_s // DAY_S)
            page.rate = page.price.rate_at(time_s)

        pending = self.page.pending
        if pending is not None and pending.activation_s <= time_s:
            self.record(take_pending)
        if time_s // DAY_S > self.page.day:
            self.record(enter_day)
        self.page.time_s = max(self.page.time_s, time_s)
        rate = self.page.price.rate_at(time_s)
        if rate != self.page.rate:
            self.record(lambda page: setattr(page, "rate", rate))

    def _boundaries(self, start_s, end_s):
        times_s = set()
        for day in range(start_s // DAY_S, end_s // DAY_S + 1):
            times_s.update(day * DAY_S + minute * 60 for minute in range(0, 1440, 60))
        if self.page.pending is not None:
            times_s.add(max(self.page.pending.activation_s, start_s + 1))
        return sorted(time_s for time_s in times_s if start_s < time_s <= end_s)


def month_of(day: int) -> int:
    """Months since year 0."""
    date = datetime.date.fromordinal(day + datetime.date(1970, 1, 1).toordinal())
    return date.year * 12 + date.month - 1
