"""Agreements of landlord and household in a life: terms, old debt, the contract, days bought, a press of the button.

Each agreement reaches the meter by a token, and the oracle directly.
"""

from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.life_oracle import WHOLE
from tests.proof.life_rules import LENT
from wattpurse.core.messages import token
from wattpurse.core.money import terms

PREPAID, TERM, SETTLED = 1, 3, 7

_CLOCK_S = 600  # longest duration of a start with cuts
_TERMS = {
    "share_percent": [(percent, (("debt_share_percent", percent),)) for percent in (0, 30, 100)],
    "weekly": [(amount, (("debt_weekly_microunits", amount),)) for amount in (0, 1, 7_000_003)],
    "floor": [(amount, (("debt_floor_microunits", amount),)) for amount in (0, 1_000_000)],
    "cap": [(amount, (("debt_cap_microunits", amount),)) for amount in (0, 3_000_000)],
    "lends": [(amount, (("emergency_microunits", amount),)) for amount in (0, 500_000, 5_000_000)],
    "charges_while_off": [(bool(flag), (("standing_charge_while_off", flag),)) for flag in (0, 1)],
    "friendly_hours": [
        ((), (("friendly_from_minute", 0), ("friendly_to_minute", 0))),
        ((20, 21, 22, 23, *range(8)), (("friendly_from_minute", 1_200), ("friendly_to_minute", 480))),
    ],
    "friendly_weekdays": [((), (("friendly_weekdays", 0),)), ((5, 6), (("friendly_weekdays", 0b1100000),))],
}


class Agreements:
    """The part of a life with agreements. `_contract` is the code of the contract in force."""

    _contract = PREPAID

    def begin_with_agreements(self):
        """Set some rules on the first day."""
        for name in self._random.sample(tuple(_TERMS), self._random.randrange(len(_TERMS) + 1)):
            self._set_term(name)

    def agree_on_something(self):
        """Change an agreement, most often a term."""
        changes = (self._change_term, self._change_term, self._change_tax, self._change_debt, self._change_contract)
        self._random.choice(changes)()

    def press_button(self):
        """Press the button, mostly when supply is off or was off a moment ago."""
        oracle, now_s = self._oracle, self._meter.timekeeper.now_s()
        is_offered = self._contract == PREPAID and self._as_counted(lambda: oracle.may_borrow(now_s))
        if self._random.random() > (0.2 if is_offered or oracle.rules.is_cut_off else 0.001):
            return
        if self._desk.press() != is_offered:
            raise Broken(BROKEN_RULES, f"emergency credit is offered: {is_offered}, at {self._now_s}")
        if is_offered:
            oracle.rules.lent = LENT
            self._tally.add("borrowed")

    def pull_fuse(self):
        """Cut the power of a household that owes in friendly hours, so that the meter does not see their end."""
        if self._oracle.rules.is_spared and self._random.random() < 0.2:
            self._power_off(self._random.randrange(3_600, 30 * 3_600))
            self._tally.add("fuses_pulled")

    def buy_days(self):
        """Renew a term, sometimes before its end and sometimes later."""
        left_s = self._account.standing["term_until_s"] - self._now_s
        if left_s > 86_400 or self._random.random() < 0.97:
            return
        duration_s = self._random.choice((86_400, 30 * 86_400, 12_345))
        owed_s = 0 if left_s > 0 else self._oracle.rules.owed_s(self._meter.timekeeper.now_s())
        if 0 < abs(duration_s - owed_s) < _CLOCK_S:
            return  # whether it pays all depends on the second in which it arrives
        before_s = self._account.standing["term_until_s"]
        self._send(token.DAYS, duration_s)
        self._oracle.rules.pay_time(duration_s, owed_s)
        after_s = self._account.standing["term_until_s"]
        if duration_s <= owed_s:
            gained_s = after_s - before_s
        else:
            gained_s = after_s - self._now_s - max(0, left_s) - duration_s + owed_s
        if not -_CLOCK_S < gained_s < _CLOCK_S:
            raise Broken(LOST if gained_s < 0 else DOUBLED, f"{gained_s} s more than were bought, at {self._now_s}")
        if owed_s:
            self._tally.add("times_owed_and_paid")

    def check_agreements(self, account):
        """Check debts and emergency credit against the rules."""
        rules = self._oracle.rules
        owed = account.standing["debt_microunits"], account.standing["debt_recovered_microunits"]
        if owed != (rules.debt, rules.recovered):
            raise Broken(BROKEN_RULES, f"debt and repayments: {owed}, due {vars(rules)} at {self._now_s}")
        if account.standing["emergency_money"] != rules.lent:
            raise Broken(BROKEN_RULES, f"emergency {account.standing['emergency_money']}, not {rules.lent}")

    def has_time(self, now_s) -> bool | None:
        """Return True if a contract of time still runs, False if it has ended, and None for a contract of money."""
        if self._contract == TERM:
            return now_s < self._account.standing["term_until_s"]
        return True if self._contract == SETTLED else None

    def _change_term(self):
        self._set_term(self._random.choice(tuple(_TERMS)))

    def _set_term(self, name):
        """Set a rule. Some rules are two terms of the meter."""
        value, pairs = self._random.choice(_TERMS[name])
        for term, number in pairs:
            self._send(token.TERM, terms.names().index(term), number)
        setattr(self._oracle.rules, name, value)
        self._as_counted(lambda: self._oracle.rules.settle(self._oracle.balance))

    def _change_tax(self):
        permyriad = self._random.choice((0, 700, 1_900))
        self._send(token.TERM, terms.names().index("tax_permyriad"), permyriad)
        self._oracle.tax = WHOLE + permyriad

    def _change_debt(self):
        amount = self._random.choice((1, 3_000_000, 40_000_000))
        self._send(token.DEBT, amount)
        self._oracle.rules.debt += amount

    def _change_contract(self):
        self._contract = self._random.choice((PREPAID, PREPAID, TERM, SETTLED))
        self._send(token.CONTRACT, self._contract)
        self._oracle.charges_money = self._contract != TERM
        self._tally.add("contracts")
