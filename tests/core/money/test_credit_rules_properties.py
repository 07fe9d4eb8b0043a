"""Random histories of money: the account against exact fractions and a plain list of debts, step by step."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tests import samples
from wattpurse.core.money import account_image, credit_rules
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.standing import EMERGENCY_ACCEPTED, EMERGENCY_USED, NO_EMERGENCY

CAP = 1 << 60
AMOUNTS = st.one_of(st.integers(0, 10), st.integers(0, 10**7), st.integers(0, 10**10))
MONEY_CONTRACTS = (contracts.PrepaidMoney, contracts.SettledAccount)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("energy"), st.integers(0, 10**9)),
        st.tuples(st.just("days"), st.integers(1, 40)),
        st.tuples(st.just("tax"), st.integers(0, 10_000)),
        st.tuples(st.just("tariff"), st.tuples(st.integers(0, 10**7), st.integers(0, 10**7))),
        st.tuples(st.just("contract"), st.sampled_from(contracts.CONTRACTS)),
        st.tuples(st.just("credit"), AMOUNTS),
        st.tuples(st.just("debt"), AMOUNTS),
        st.tuples(st.just("share"), st.integers(0, 100)),
        st.tuples(st.just("weekly"), AMOUNTS),
        st.tuples(st.just("floor"), AMOUNTS),
        st.tuples(st.just("cap"), AMOUNTS),
        st.tuples(st.just("limit"), AMOUNTS),
        st.tuples(st.just("accept"), st.none()),
        st.tuples(st.just("pack"), st.none()),
    ),
    max_size=40,
)


class PlainBook:
    """The same account by plain rules: fractions of a micro-unit, days one by one, a week as a dict."""

    def __init__(self, day):
        self.day = day
        self.due = Fraction(0)
        self.paid_back = 0
        self.bought = 0
        self.debt = 0
        self.tax = 0
        self.price = 250_000
        self.standing = 0
        self.contract = contracts.PrepaidMoney
        self.terms = dict.fromkeys(("share", "weekly", "floor", "cap", "limit"), 0)
        self.weeks = {}
        self.emergency = NO_EMERGENCY

    @property
    def charged(self):
        return int(self.due) + self.paid_back

    @property
    def balance(self):
        return self.bought - self.charged

    def take(self, what, value):
        getattr(self, "_" + what, lambda value: self.terms.__setitem__(what, value))(value)
        self._settle_emergency()

    def _taxed(self, amount):
        self.due += Fraction(amount) * (1 + Fraction(self.tax, 10_000))

    def _energy(self, mwh):
        if self.contract in MONEY_CONTRACTS + (contracts.KeyCard,):  # without a card the money in the meter is charged
            self._taxed(Fraction(mwh * self.price, 1_000_000))

    def _days(self, count):
        for _ in range(count):
            self.day += 1
            if self.contract not in MONEY_CONTRACTS + (contracts.KeyCard,):
                continue
            self._taxed(0 if self.contract is contracts.KeyCard else self.standing)
            weekday = (self.day + 3) % 7
            upto = [int(Fraction(self.terms["weekly"] * days, 7)) for days in range(8)]
            self._pay_back(min(upto[weekday + 1] - upto[weekday], self.balance - self.terms["floor"]))
            self._settle_emergency()

    def _credit(self, amount):
        above_zero = min(amount, max(0, self.balance + amount))
        self.bought += amount
        self._pay_back(int(Fraction(above_zero * self.terms["share"], 100)))

    def _pay_back(self, part):
        week = (self.day + 3) // 7
        left = self.terms["cap"] - self.weeks.get(week, 0) if self.terms["cap"] else CAP
        part = max(0, min(part, self.debt, left))
        self.weeks[week] = self.weeks.get(week, 0) + part
        self.debt -= part
        self.paid_back += part

    def _debt(self, amount):
        self.debt = amount

    def _tax(self, tax):
        self.tax = tax

    def _tariff(self, prices):
        self.price, self.standing = prices

    def _contract(self, contract):
        self.contract = contract

    def _accept(self, _):
        if self.emergency == NO_EMERGENCY and self.contract is contracts.PrepaidMoney:
            self.emergency = EMERGENCY_ACCEPTED

    def _pack(self, _):
        """Change nothing."""

    def _settle_emergency(self):
        if self.balance > 0:
            self.emergency = NO_EMERGENCY
        elif self.emergency == EMERGENCY_ACCEPTED and self.balance <= -self.terms["limit"]:
            self.emergency = EMERGENCY_USED


TERMS = {
    "share": "debt_share_percent",
    "weekly": "debt_weekly_microunits",
    "floor": "debt_floor_microunits",
    "cap": "debt_cap_microunits",
    "limit": "emergency_microunits",
    "tax": "tax_permyriad",
}


def do(account, what, value):
    """Apply the step to the account. Return the account for the next step."""
    if what == "energy":
        account.consume(value)
    elif what == "days":
        account.enter_day(account.day + value)
    elif what == "tariff":
        account.tariff = type(account.tariff)(
            samples.flat_tariff(rates=(("ALL", (value[0],), ()),), standing_charge_microunits=value[1])
        )
    elif what == "contract":
        account.contract = value
    elif what == "credit":
        credit_rules.take_credit(account, contracts.MONEY, value)
    elif what == "debt":
        account.standing.set("debt_microunits", value)
    elif what == "accept":
        if account.contract.emergency_name == "emergency_money" and not account.standing["emergency_money"]:
            account.standing.set("emergency_money", EMERGENCY_ACCEPTED)
    elif what == "pack":
        return account_image.unpack(account_image.pack(account))
    else:
        account.terms.set(TERMS[what], value)
    credit_rules.note_balance(account)
    return account


@settings(max_examples=300)
@given(STEPS)
def test_all_that_was_ever_charged_is_the_exact_sum_rounded_down_once(steps):
    account = samples.new_account()
    account.time_s = account.tariff.zone.day_start_s(account.day)
    book = PlainBook(account.day)
    for what, value in steps:
        account = do(account, what, value)
        book.take(what, value)
        standing = account.standing
        assert account.money.charged == book.charged
        assert account.money.bought == book.bought
        assert (standing["debt_microunits"], standing["debt_recovered_microunits"]) == (book.debt, book.paid_back)
        assert standing["emergency_money"] == book.emergency
    months = [account.registers.month] + account.registers.closed_months
    if len(months) < 13:
        assert sum(month.charge_microunits for month in months) == int(book.due)


@given(st.integers(0, 10**12), st.integers(0, 10**6))
def test_seven_parts_make_the_sum_exactly(weekly, first_day):
    account = samples.new_account()
    account.day = account.charged_day = 20_000 + first_day
    account.money.bought = account.terms["debt_floor_microunits"] + 10**15
    account.terms.set("debt_weekly_microunits", weekly)
    account.standing.set("debt_microunits", 10**15)
    account.enter_day(account.day + 7)
    assert account.standing["debt_recovered_microunits"] == weekly


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(1, 5 * 10**6), st.booleans()), max_size=60), st.integers(0, 5 * 10**6))
def test_energy_counted_at_once_gives_the_same_as_pulse_by_pulse(parts, limit):
    """Count as recovery does: all energy between two records is one charge."""
    account, recovered = samples.new_account(), samples.new_account()
    waiting_mwh = 0
    for one in (account, recovered):
        one.terms.set("emergency_microunits", limit)
        one.standing.set("emergency_money", EMERGENCY_ACCEPTED)
        credit_rules.note_balance(one)
    for amount, is_energy in parts:
        if is_energy:
            account.consume(amount)
            waiting_mwh += amount
            continue
        recovered.consume(waiting_mwh)
        waiting_mwh = 0
        for one in (account, recovered):
            credit_rules.take_credit(one, contracts.MONEY, amount)
    recovered.consume(waiting_mwh)
    assert account_image.pack(account) == account_image.pack(recovered)
