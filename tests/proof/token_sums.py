"""The effect of the tokens that a meter redeemed: plain sums of credit sold and taken back, debts and orders.

The meter of these tokens uses nothing and its days cost nothing, so only a debt takes anything from a credit register.
"""

import copy

from tests.proof.life_rules import HouseRules
from wattpurse.core.messages import token
from wattpurse.core.money import terms

MONEY = 0
ENERGY = 1
SHARE_PLACE = terms.names().index("debt_share_percent")

_ORDERS = {token.SWITCH: "ordered_open", token.SHORTAGE: "shortage_level"}


class TokenSums:
    """`bought` of each credit register and `standing` by name, after each `take`."""

    def __init__(self):
        self.bought = [0, 0]
        self.standing = dict.fromkeys(
            ("ordered_open", "shortage_level", "permit_until_s", "tenant", "receipt_sequence", "debt_microunits"), 0
        )
        self._rules = HouseRules()
        self._newest = dict.fromkeys(_ORDERS, 0)

    def balance(self, unit: int) -> int:
        """Return the balance of the unit."""
        return self.bought[unit] - (self._rules.recovered if unit == MONEY else 0)

    def balance_with(self, unit: int, amount: int) -> int:
        """Return the balance after a top-up."""
        share = copy.deepcopy(self._rules).share_of(amount, self.balance(unit), None) if unit == MONEY else 0
        return self.balance(unit) + amount - share

    def is_outdated(self, one) -> bool:
        """Return True for an order that a newer one replaced, and for a permit that ends no later than the last."""
        if one.kind == token.PERMIT:
            return one.fields[0] <= self.standing["permit_until_s"]
        return one.kind in _ORDERS and one.sequence < self._newest[one.kind]

    def take(self, one, clock_s: int):
        """Enter a token that is redeemed for the first time, when the meter's clock shows `clock_s`."""
        kind, fields = one.kind, one.fields
        if kind == token.CREDIT_MONEY:
            self._rules.share_of(fields[0], self.balance(MONEY), None)
            self.bought[MONEY] += fields[0]
        elif kind in (token.CREDIT_ENERGY, token.DISPENSE):
            self.bought[ENERGY] += fields[0]
        elif kind == token.REFUND:
            unit, amount = fields
            self.bought[unit] -= min(amount or self.balance(unit), self.balance(unit))
            self.standing["receipt_sequence"] = one.sequence
        elif kind in (token.CLEAR, token.TENANT):
            self.bought = [self._rules.recovered, 0]
            self._rules.debt = 0
            self.standing["receipt_sequence"] = one.sequence
            self.standing["tenant"] = fields[0] if fields else self.standing["tenant"]
        elif kind == token.DEBT:
            self._rules.debt = max(0, self._rules.debt + fields[0])
        elif kind == token.TERM and fields[0] == SHARE_PLACE:
            self._rules.share_percent = fields[1]
        elif kind == token.PERMIT:
            self.standing["permit_until_s"] = fields[0]
        elif kind == token.CLOCK and self.standing["permit_until_s"]:
            self.standing["permit_until_s"] += fields[0] - clock_s
        elif kind in _ORDERS:
            self._newest[kind] = one.sequence
            self.standing[_ORDERS[kind]] = fields[0]
        self.standing["debt_microunits"] = self._rules.debt
