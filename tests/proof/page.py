"""One state of a meter by plain rules: the credit given, the charges due, the sums owed, and the agreements.

It shares no code with the meter's own rules. Sums are exact, in the smallest parts of a micro-unit that prices and
taxes make, and are rounded down once. Days come one by one.

Tariffs are UTC: one or two rates that change at times of the day, one price for each, a standing charge for each day.
"""

import copy
import datetime

DAY_S = 86_400
MONEY = 0
ENERGY = 1
WINDOW = 64
VOIDED_KEPT = 4
DAY_PLANS = (((0, 0), (360, 1), (1320, 0)), ((0, 0), (420, 1)), ((0, 1), (300, 0)), ((0, 0),))

ACCEPTED = 1
USED_UP = 2

_MICRO = 1_000_000
_WHOLE_TAX = 10_000
_PARTS = _MICRO * _WHOLE_TAX
_CHARGED_IN_MONEY = (1, 7)
_CHARGED_IN_ENERGY = (2, 4)
_THURSDAY = 3  # the first day of 1970, counted from Monday
_COUNT_BITS = 28
_COUNTS = 1 << _COUNT_BITS
TERMS = {
    "credit_limit_microunits": 0,
    "credit_limit_mwh": 0,
    "low_credit_microunits": 2_000_000,
    "low_credit_mwh": 5_000_000,
    "emergency_microunits": 0,
    "emergency_mwh": 0,
    "debt_share_percent": 0,
    "debt_weekly_microunits": 0,
    "debt_floor_microunits": 0,
    "debt_cap_microunits": 0,
    "standing_charge_while_off": 1,
    "tax_permyriad": 0,
    "daily_limit_mwh": 0,
}
MOVED_WITH_CLOCK = ("term_until_s", "dispenser_until_s", "permit_until_s", "friendly_until_s", "friendly_since_s")
STANDING = (
    "term_until_s",
    "dispenser_until_s",
    "permit_until_s",
    "ordered_open",
    "emergency_money",
    "emergency_energy",
    "cut_off",
    "friendly_until_s",
    "friendly_since_s",
    "unconfirmed",
    "tripped",
    "shortage_level",
    "debt_microunits",
    "debt_recovered_microunits",
    "tenant",
    "receipt_sequence",
    "receipt_microunits",
    "receipt_mwh",
    "receipt_debt_microunits",
    "receipt_term_s",
    "receipt_card",
    "receipt_tenant",
    "term_bought_s",
    "term_taken_s",
    "debt_added_microunits",
    "debt_reduced_microunits",
    "debt_taken_microunits",
)


class Price:
    """A tariff of this book: `prices` of its rates, the standing charge of a day, and its first moment.

    `plan` is one of DAY_PLANS: (minute, rate) in the order of the day.
    """

    def __init__(self, version: int, plan: tuple, prices: tuple, standing: int, activation_s: int):
        self.version = version
        self.plan = plan
        self.prices = prices
        self.standing = standing
        self.activation_s = activation_s

    def rate_at(self, time_s: int) -> int:
        """Return the rate in force."""
        return [rate for minute, rate in self.plan if minute * 60 <= time_s % DAY_S][-1]


class Page:
    """One state of the meter.

    `used` has the counts that each issuer's tokens used, redeemed or voided, `revoked` the issuers that may redeem no
    more, `voided` the newest voided tokens and the reasons. `bought` only grows: `taken` and `waived` have what
    receipts took out.
    """

    def __init__(self, time_s: int, impulses: int, per_kwh: int, price: Price):
        self.time_s = time_s
        self.day = self.charged_day = self.shared_day = time_s // DAY_S
        self.month = month_of(self.day)
        self.month_began_at = 0
        self.closed = ()
        self.rate = price.rate_at(time_s)
        self.price = price
        self.pending = None
        self.contract = 1
        self.terms = dict(TERMS)
        self.standing = dict.fromkeys(STANDING, 0)
        self.paid_back_in = (0, 0)  # a week, and the sum repaid in it
        self.bought = [0, 0]
        self.taken = [0, 0]
        self.waived = [0, 0]
        self.used = {}
        self.revoked = set()
        self.voided = ()
        self.pulses = 0
        self.impulses, self.per_kwh = impulses, per_kwh
        self.pulses_at_calibration = 0
        self.rate_mwh = [0, 0]
        self.day_mwh = 0
        self.energy_charged = 0
        self.due = 0  # for energy and days, in the smallest parts of a micro-unit

    def copied(self) -> "Page":
        """Return a separate copy."""
        other = copy.copy(self)
        other.terms = dict(self.terms)
        other.standing = dict(self.standing)
        other.bought = list(self.bought)
        other.taken = list(self.taken)
        other.waived = list(self.waived)
        other.used = {issuer: set(counts) for issuer, counts in self.used.items()}
        other.revoked = set(self.revoked)
        other.rate_mwh = list(self.rate_mwh)
        return other

    @property
    def step(self) -> int:
        """Pulses of a tally step; at most one less than this wait in memory for the next tally."""
        return max(1, self.impulses // (4000 * self.per_kwh))

    @property
    def billed(self) -> int:
        """Micro-units ever charged for energy and days: the exact sum, taxes included, rounded down once."""
        return self.due // _PARTS

    @property
    def charged(self) -> tuple:
        """Total charges to both credit registers: energy and days, and the repayments of debts."""
        return self.billed + self.standing["debt_recovered_microunits"], self.energy_charged

    def balance(self, unit: int) -> int:
        """Return the balance of `unit`, MONEY or ENERGY."""
        return self.bought[unit] + self.waived[unit] - self.charged[unit] - self.taken[unit]

    def fed(self, pulses: int) -> "Page":
        """Return the state after `pulses` more at the rate in force."""
        page = self.copied()
        page.feed(pulses)
        return page

    def feed(self, pulses: int):
        """Count pulses: energy since the calibration is rounded down once."""
        before = self._pulse_mwh() // self.impulses
        self.pulses += pulses
        mwh = self._pulse_mwh() // self.impulses - before
        self.rate_mwh[self.rate] += mwh
        self.day_mwh += mwh
        if self.contract in _CHARGED_IN_MONEY:
            self._owe_taxed(mwh * self.price.prices[self.rate])
        elif self.contract in _CHARGED_IN_ENERGY:
            self.energy_charged += mwh
        self.settle()

    def enter_day(self, day: int):
        """Enter days up to `day`. Every day costs its standing charge, once; a month ends where the next begins."""
        while self.day < day:
            self.day += 1
            if self.day > self.shared_day:
                self.shared_day = self.day
                self.day_mwh = 0
            if month_of(self.day) > self.month:
                self.closed = ((self.month, self.billed - self.month_began_at),) + self.closed[:11]
                self.month = month_of(self.day)
                self.month_began_at = self.billed
            if self.day > self.charged_day:
                self.charged_day = self.day
                self._pay_for_day()

    def credit(self, unit: int, amount: int):
        """Add credit. A debt takes its share of the part above zero."""
        above_zero = max(0, min(amount, self.balance(unit) + amount))
        self.bought[unit] += amount
        if unit == MONEY:
            self._pay_back(above_zero * self.terms["debt_share_percent"] // 100)
        self.settle()

    def take_back(self, number: int, card: int, unit: int, amount: int):
        """Take back at most `amount`, or all for 0, and write the receipt for the card."""
        taken = max(0, self.balance(unit))
        if amount:
            taken = min(taken, amount)
        self.taken[unit] += taken
        self._write_receipt(number, card, (taken if unit == MONEY else 0, taken if unit == ENERGY else 0), 0, 0)

    def clear(self, number: int, card: int):
        """Take out everything, the debts included, and write the receipt for the card."""
        standing = self.standing
        left_s = max(0, standing["term_until_s"] - self.time_s)
        balances = self.balance(MONEY), self.balance(ENERGY)
        self._write_receipt(number, card, balances, standing["debt_microunits"], left_s)
        for unit, balance in enumerate(balances):
            self.taken[unit] += max(0, balance)
            self.waived[unit] += max(0, -balance)
        standing["term_taken_s"] += left_s
        standing["debt_taken_microunits"] += standing["debt_microunits"]
        self.paid_back_in = (0, 0)
        for name in ("debt_microunits", "emergency_money", "emergency_energy", "term_until_s", "dispenser_until_s"):
            standing[name] = 0
        if standing["friendly_until_s"]:
            standing["friendly_since_s"] = self.time_s

    def buy_time(self, now_s: int, duration_s: int):
        """Pay back the friendly hours used without a term. Add the rest to a term that still runs, or begin one."""
        standing = self.standing
        standing["term_bought_s"] += duration_s
        owed_s = 0
        if standing["friendly_until_s"] and now_s >= standing["term_until_s"]:
            owed_s = max(0, min(now_s, standing["friendly_until_s"]) - standing["friendly_since_s"])
        if owed_s >= duration_s:
            standing["friendly_since_s"] += duration_s
            return
        standing["term_until_s"] = max(standing["term_until_s"], now_s) + duration_s - owed_s
        if owed_s:
            standing["friendly_until_s"] = 0

    def change_debt(self, amount: int):
        """Add to the debt, or take off at most all of it."""
        if amount < 0:
            amount = -min(-amount, self.standing["debt_microunits"])
            self.standing["debt_reduced_microunits"] -= amount
        else:
            self.standing["debt_added_microunits"] += amount
        self.standing["debt_microunits"] += amount

    def revoke(self, issuer: int):
        """Refuse the issuer from now on, and forget which of its tokens came."""
        self.revoked.add(issuer)
        self.used.pop(issuer, None)

    def void(self, number: int, reason: int):
        """Use a token that has no effect, and keep the reason."""
        self.use(number)
        self.voided = (*self.voided, (number, reason))[-VOIDED_KEPT:]

    def settle(self):
        """Use up emergency credit at its limit, and free it again once it is repaid."""
        for unit, name, limit in (
            (MONEY, "emergency_money", "emergency_microunits"),
            (ENERGY, "emergency_energy", "emergency_mwh"),
        ):
            if self.standing[name] and self.balance(unit) > 0:
                self.standing[name] = 0
            if self.standing[name] == ACCEPTED and self.balance(unit) + self.terms[limit] <= 0:
                self.standing[name] = USED_UP

    def newest(self, issuer: int) -> int:
        """Return the newest count of the issuer that was redeemed, or 0."""
        return max(self.used.get(issuer, ()), default=0)

    def use(self, number: int):
        """Enter a token's number. The counts of its issuer that are too old to tell need no entry."""
        issuer = number >> _COUNT_BITS
        counts = self.used.setdefault(issuer, set())
        counts.add(number % _COUNTS)
        oldest = max(counts) - WINDOW
        self.used[issuer] = {count for count in counts if count > oldest}

    def is_used(self, number: int) -> bool:
        """Return True if the token is redeemed, or too old to tell."""
        issuer, count = number >> _COUNT_BITS, number % _COUNTS
        return count in self.used.get(issuer, ()) or count <= self.newest(issuer) - WINDOW

    def view(self) -> tuple:
        """Return the facts that must agree with the meter: all but the time."""
        return (
            tuple(self.bought),
            self.charged,
            self.pulses,
            (self._pulse_mwh() % self.impulses, self.due % _PARTS, *self.rate_mwh, self.day_mwh),
            (self.day, self.rate, self.contract, self.impulses, self.per_kwh),
            tuple(self.terms.values()),
            tuple(self.standing.values()),
            self._paid_back_this_week(),
            (self.price.version, self.pending.version if self.pending else None),
            (self.month, self.billed - self.month_began_at, self.closed),
            (tuple(self.taken), tuple(self.waived)),
            (frozenset(self.revoked), self.voided),
            tuple([self._window(issuer) for issuer in sorted(self.used)]),
        )

    def _window(self, issuer):
        counts, newest = self.used[issuer], self.newest(issuer)
        bits = sum([1 << newest - count for count in counts])
        around = [count in counts or count <= newest - WINDOW for count in _around(newest)]
        return issuer, newest, bits, tuple(around)

    def _pulse_mwh(self):
        """Return the mWh since the calibration, times the impulses."""
        return (self.pulses - self.pulses_at_calibration) * _MICRO * self.per_kwh

    def _owe_taxed(self, millionths):
        self.due += millionths * (_WHOLE_TAX + self.terms["tax_permyriad"])

    def _pay_for_day(self):
        """Charge the standing charge, unless it rests, and a seventh of the weekly repayment."""
        if self.contract in _CHARGED_IN_MONEY:
            if self.terms["standing_charge_while_off"] or not self.standing["cut_off"]:
                self._owe_taxed(self.price.standing * _MICRO)
            weekday = (self.charged_day + _THURSDAY) % 7
            upto = [self.terms["debt_weekly_microunits"] * days // 7 for days in (weekday, weekday + 1)]
            self._pay_back(min(upto[1] - upto[0], self.balance(MONEY) - self.terms["debt_floor_microunits"]))
        self.settle()

    def _pay_back(self, amount):
        cap = self.terms["debt_cap_microunits"]
        paid = self._paid_back_this_week()
        amount = min(amount, self.standing["debt_microunits"], cap - paid if cap else amount)
        if amount > 0:
            self.paid_back_in = (self._week(), paid + amount)
            self.standing["debt_microunits"] -= amount
            self.standing["debt_recovered_microunits"] += amount

    def _paid_back_this_week(self):
        return self.paid_back_in[1] if self.paid_back_in[0] == self._week() else 0

    def _week(self):
        return (self.charged_day + _THURSDAY) // 7

    def _write_receipt(self, number, card, balances, debt, left_s):
        self.standing.update(
            receipt_sequence=number,
            receipt_card=card,
            receipt_tenant=self.standing["tenant"],
            receipt_microunits=balances[MONEY],
            receipt_mwh=balances[ENERGY],
            receipt_debt_microunits=debt,
            receipt_term_s=left_s,
        )


def observe(account) -> tuple:
    """Return the same facts of a meter's account."""
    registers = account.registers
    standing = account.standing
    if sum(registers.rate_mwh[2:]):
        return ("energy at a rate that does not exist",)
    week = (account.charged_day + _THURSDAY) // 7
    return (
        (account.money.bought, account.energy.bought),
        (account.money.charged, account.energy.charged),
        account.pulses_total,
        (account.energy_remainder, account.charge_remainder, *registers.rate_mwh[:2], account.day_mwh),
        (
            account.day,
            account.rate,
            account.contract.code,
            account.impulses,
            account.impulses_per_kwh_divisor,
        ),
        tuple([account.terms[name] for name in TERMS]),
        tuple([standing[name] for name in STANDING]),
        standing["debt_week_microunits"] if standing["debt_week"] == week else 0,
        (account.tariff.version, account.pending_tariff.version if account.pending_tariff else None),
        (
            registers.month.index,
            registers.month.charge_microunits,
            tuple([(month.index, month.charge_microunits) for month in registers.closed_months]),
        ),
        ((account.money.taken, account.energy.taken), (account.money.waived, account.energy.waived)),
        (
            frozenset([issuer for issuer in range(16) if account.tokens.is_revoked(issuer)]),
            tuple(account.voided.newest),
        ),
        tuple([_observe_window(account, issuer) for issuer in account.tokens.issuers()]),
    )


def _observe_window(account, issuer):
    newest = account.tokens.top(issuer)
    bits = account.tokens.window(issuer) % (1 << min(newest, WINDOW))
    around = [account.token_is_used(numbered(issuer, count)) for count in _around(newest)]
    return issuer, newest, bits, tuple(around)


def _around(newest):
    """Return counts at both ends of a window, some of them outside."""
    around = [newest + ahead for ahead in (2, 1, 0, -1, 2 - WINDOW, 1 - WINDOW, -WINDOW, -WINDOW - 1)]
    return [count for count in around if count > 0]


def numbered(issuer: int, count: int) -> int:
    """Return the token number of an issuer's count."""
    return issuer << _COUNT_BITS | count


def month_of(day: int) -> int:
    """Return the months since year 0."""
    date = datetime.date.fromordinal(day + datetime.date(1970, 1, 1).toordinal())
    return date.year * 12 + date.month - 1
