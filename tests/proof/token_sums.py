"""The effect of the tokens that a meter redeemed: plain sums of credit sold and taken back, debts, orders and tenants.

The meter of these tokens uses nothing and its days cost nothing, so only a debt takes anything from a credit register.
"""

import copy

from tests.proof.campaign import BROKEN_RULES, Broken
from tests.proof.life_rules import HouseRules
from tests.proof.token_rules import Sold, TokenRules
from wattpurse.core.messages import token
from wattpurse.core.money import terms

MONEY = 0
ENERGY = 1
SHARE_PLACE = terms.names().index("debt_share_percent")

_LATEST_S = 4_291_747_199  # the end of 2105


class TokenSums(TokenRules):
    """`bought` and `taken` of each credit register and `standing` by name, after each `take`."""

    def __init__(self):
        super().__init__()
        self.taken = [0, 0]
        self.standing.update(permit_until_s=0, receipt_microunits=0, receipt_mwh=0, receipt_debt_microunits=0)
        self.standing.update(debt_microunits=0, debt_reduced_microunits=0, debt_taken_microunits=0)
        self._rules = HouseRules()

    def balance(self, unit: int) -> int:
        """Return the balance of the unit."""
        return self.bought[unit] - self.taken[unit] - (self._rules.recovered if unit == MONEY else 0)

    def balance_with(self, unit: int, amount: int) -> int:
        """Return the balance after a top-up."""
        share = copy.deepcopy(self._rules).share_of(amount, self.balance(unit), None) if unit == MONEY else 0
        return self.balance(unit) + amount - share

    def is_outdated(self, one: Sold) -> bool:
        """Return True for an order that a newer one replaced, and for a permit that ends no later than the last."""
        if one.kind == token.PERMIT:
            return one.fields[0] <= self.standing["permit_until_s"]
        return super().is_outdated(one)

    def take(self, one: Sold, now_s: int):
        """Enter a token that is redeemed for the first time, at `now_s` on the meter's clock."""
        kind, fields, standing = one.kind, one.fields, self.standing
        if kind == token.CREDIT_MONEY:
            self._rules.share_of(fields[0], self.balance(MONEY), None)
        elif kind == token.REFUND:
            unit, amount, _ = fields
            self._take_out(unit, min(amount or self.balance(unit), self.balance(unit)))
        elif kind in (token.CLEAR, token.TENANT):
            self._clear()
        elif kind == token.DEBT:
            self._change_debt(fields[0])
        elif kind == token.TERM and fields[0] == SHARE_PLACE:
            self._rules.share_percent = fields[1]
        elif kind == token.PERMIT:
            standing["permit_until_s"] = fields[0]
        elif kind in (token.CLOCK, token.CLOCK_BACK) and standing["permit_until_s"]:
            standing["permit_until_s"] = max(1, min(standing["permit_until_s"] + fields[0] - now_s, _LATEST_S))
        standing["debt_microunits"] = self._rules.debt
        self.enter(one)

    def check(self, account, when: str):
        """Raise Broken unless the meter has the credit and the facts that the tokens give."""
        super().check(account, when)
        for unit, register in enumerate((account.money, account.energy)):
            if (register.taken, register.waived, register.balance) != (self.taken[unit], 0, self.balance(unit)):
                raise Broken(BROKEN_RULES, f"register {unit} has {vars(register)}, taken is {self.taken[unit]}")

    def _take_out(self, unit, amount):
        self.taken[unit] += amount
        self.standing.update(
            receipt_microunits=amount if unit == MONEY else 0,
            receipt_mwh=amount if unit == ENERGY else 0,
            receipt_debt_microunits=0,
        )

    def _clear(self):
        money = self.balance(MONEY)
        self.taken[MONEY] += money
        self._take_out(ENERGY, self.balance(ENERGY))
        self.standing["receipt_microunits"] = money
        self.standing["receipt_debt_microunits"] = self._rules.debt
        self.standing["debt_taken_microunits"] += self._rules.debt
        self._rules.debt = 0

    def _change_debt(self, amount):
        change = max(amount, -self._rules.debt)
        self._rules.debt += change
        self.standing["debt_reduced_microunits"] += max(0, -change)
