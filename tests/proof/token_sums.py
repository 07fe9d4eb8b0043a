"""The effect of the tokens that a meter redeemed: plain sums of credit sold and taken back, debts, orders and tenants.

The meter of these tokens uses nothing and its days cost nothing, so only a debt takes anything from a credit register.
"""

import copy

from tests.proof.life_rules import HouseRules
from wattpurse.core import outcome
from wattpurse.core.messages import token
from wattpurse.core.money import terms

MONEY = 0
ENERGY = 1
SHARE_PLACE = terms.names().index("debt_share_percent")
CREDITING = (token.CREDIT_MONEY, token.CREDIT_ENERGY, token.DAYS, token.DISPENSE)

_WINDOW = 64
_OTHER_ISSUERS = 5
_VOIDED_KEPT = 4
_LATEST_S = 4_291_747_199  # the end of 2105
_ORDERS = {token.SWITCH: "ordered_open", token.SHORTAGE: "shortage_level"}
FOR_OFFICE = (
    token.CONTRACT,
    token.TARIFF,
    token.CLOCK,
    token.CLOCK_BACK,
    token.CLEAR_TAMPER,
    token.TERM,
    token.TENANT,
    token.DEBT,
    token.SWITCH,
    token.SHORTAGE,
    token.METER_KEY,
    token.SITE_KEY,
    token.REVOKE,
)
FOR_ANY_TENANT = (
    token.TARIFF,
    token.CLOCK,
    token.CLOCK_BACK,
    token.CLEAR_TAMPER,
    token.SWITCH,
    token.SHORTAGE,
    token.METER_KEY,
    token.SITE_KEY,
    token.REVOKE,
)


class UsedNumbers:
    """The counts that each issuer's tokens used, and the issuers that may redeem no more."""

    def __init__(self):
        self.counts = {}
        self.revoked = set()

    def newest(self, issuer: int) -> int:
        """Return the newest count of an issuer, or 0."""
        return max(self.counts.get(issuer, ()), default=0)

    def use(self, number: int):
        """Enter a token that was redeemed or voided."""
        self.counts.setdefault(number >> 28, set()).add(number % (1 << 28))

    def is_used(self, number: int) -> bool:
        """Return True if the token was redeemed or voided, or is too old to tell."""
        issuer, count = number >> 28, number % (1 << 28)
        return count in self.counts.get(issuer, ()) or count <= self.newest(issuer) - _WINDOW

    def revoke(self, issuer: int):
        """Refuse the issuer from now on."""
        self.revoked.add(issuer)
        self.counts.pop(issuer, None)

    def has_room_for(self, issuer: int) -> bool:
        """Return True if the meter knows the issuer, or can come to know it."""
        if issuer in self.revoked:
            return False
        return not issuer or issuer in self.counts or len(set(self.counts) - {0}) < _OTHER_ISSUERS


class TokenSums:
    """`bought` and `taken` of each credit register and `standing` by name, after each `take`."""

    def __init__(self):
        self.bought = [0, 0]
        self.taken = [0, 0]
        self.numbers = UsedNumbers()
        self.voided = []
        self.standing = dict.fromkeys(
            (
                "ordered_open",
                "shortage_level",
                "permit_until_s",
                "tenant",
                "receipt_sequence",
                "receipt_card",
                "receipt_tenant",
                "receipt_microunits",
                "receipt_mwh",
                "receipt_debt_microunits",
                "term_bought_s",
                "debt_microunits",
                "debt_added_microunits",
                "debt_reduced_microunits",
                "debt_taken_microunits",
            ),
            0,
        )
        self._rules = HouseRules()
        self._newest = dict.fromkeys(_ORDERS, 0)

    def balance(self, unit: int) -> int:
        """Return the balance of the unit."""
        return self.bought[unit] - self.taken[unit] - (self._rules.recovered if unit == MONEY else 0)

    def balance_with(self, unit: int, amount: int) -> int:
        """Return the balance after a top-up."""
        share = copy.deepcopy(self._rules).share_of(amount, self.balance(unit), None) if unit == MONEY else 0
        return self.balance(unit) + amount - share

    def refusal(self, one) -> int | None:
        """Return the outcome that a token must have before anybody looks at its effect, or None if it may have one."""
        issuer = one.sequence >> 28
        if self.numbers.is_used(one.sequence):
            return outcome.USED
        if not self.numbers.has_room_for(issuer) or (issuer and one.kind in FOR_OFFICE):
            return outcome.NOT_ENTITLED
        if one.after and not self.numbers.is_used(one.after):
            return outcome.OUT_OF_ORDER
        if one.kind not in FOR_ANY_TENANT and one.tenant != self.standing["tenant"]:
            return outcome.OTHER_TENANT
        return None

    def is_outdated(self, one) -> bool:
        """Return True for an order that a newer one replaced, and for a permit that ends no later than the last."""
        if one.kind == token.PERMIT:
            return one.fields[0] <= self.standing["permit_until_s"]
        return one.kind in _ORDERS and one.sequence < self._newest[one.kind]

    def void(self, one, reason: int):
        """Enter an order that is refused for good: its number is used, and nothing else changes."""
        self.numbers.use(one.sequence)
        self.voided = [*self.voided, (one.sequence, reason)][-_VOIDED_KEPT:]

    def take(self, one, now_s: int):
        """Enter a token that is redeemed for the first time, at `now_s` on the meter's clock."""
        kind, fields, standing = one.kind, one.fields, self.standing
        self.numbers.use(one.sequence)
        if kind == token.CREDIT_MONEY:
            self._rules.share_of(fields[0], self.balance(MONEY), None)
            self.bought[MONEY] += fields[0]
        elif kind in (token.CREDIT_ENERGY, token.DISPENSE):
            self.bought[ENERGY] += fields[0]
        elif kind == token.DAYS:
            standing["term_bought_s"] += fields[0]
        elif kind == token.REFUND:
            unit, amount, card = fields
            self._take_out(one, card, unit, min(amount or self.balance(unit), self.balance(unit)))
        elif kind in (token.CLEAR, token.TENANT):
            self._clear(one)
        elif kind == token.DEBT:
            self._change_debt(fields[0])
        elif kind == token.TERM and fields[0] == SHARE_PLACE:
            self._rules.share_percent = fields[1]
        elif kind == token.PERMIT:
            standing["permit_until_s"] = fields[0]
        elif kind in (token.CLOCK, token.CLOCK_BACK) and standing["permit_until_s"]:
            standing["permit_until_s"] = max(1, min(standing["permit_until_s"] + fields[0] - now_s, _LATEST_S))
        elif kind in _ORDERS:
            self._newest[kind] = one.sequence
            standing[_ORDERS[kind]] = fields[0]
        elif kind == token.REVOKE:
            self.numbers.revoke(fields[0])
        standing["debt_microunits"] = self._rules.debt

    def _take_out(self, one, card, unit, amount):
        self.taken[unit] += amount
        self.standing.update(
            receipt_sequence=one.sequence,
            receipt_card=card,
            receipt_tenant=self.standing["tenant"],
            receipt_microunits=amount if unit == MONEY else 0,
            receipt_mwh=amount if unit == ENERGY else 0,
            receipt_debt_microunits=0,
        )

    def _clear(self, one):
        money = self.balance(MONEY)
        self.taken[MONEY] += money
        self._take_out(one, one.fields[-1], ENERGY, self.balance(ENERGY))
        self.standing["receipt_microunits"] = money
        self.standing["receipt_debt_microunits"] = self._rules.debt
        self.standing["debt_taken_microunits"] += self._rules.debt
        self._rules.debt = 0
        if one.kind == token.TENANT:
            self.standing["tenant"] = one.fields[0]

    def _change_debt(self, amount):
        change = max(amount, -self._rules.debt)
        self._rules.debt += change
        self.standing["debt_added_microunits" if change > 0 else "debt_reduced_microunits"] += abs(change)
