"""Which tokens a meter admits, by plain rules: numbers used, issuers revoked, orders before it, tenants.

It shares no code with the meter. The books of `tokens` and `authority` add the credit and the keys to it.
"""

from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.page import numbered
from tests.proof.small_meter import seal
from wattpurse.core import outcome
from wattpurse.core.messages import token

CREDITING = (token.CREDIT_MONEY, token.CREDIT_ENERGY, token.DAYS, token.DISPENSE)
KEYS = (token.METER_KEY, token.SITE_KEY)
RECEIPTS = (token.REFUND, token.CLEAR, token.TENANT)
FOR_ANY_TENANT = (
    token.TARIFF,
    token.CLOCK,
    token.CLOCK_BACK,
    token.CLEAR_TAMPER,
    token.SWITCH,
    token.SHORTAGE,
    *KEYS,
    token.REVOKE,
)
FOR_OFFICE = (*FOR_ANY_TENANT, token.CONTRACT, token.TERM, token.TENANT, token.DEBT)
OF_A_VENDING_POINT = (
    *[token.CREDIT_MONEY] * 4,
    *[token.CREDIT_ENERGY] * 2,
    token.DAYS,
    token.DISPENSE,
    token.REFUND,
    token.CLEAR,
    token.PERMIT,
)

_WINDOW = 64
_OTHER_ISSUERS = 5
_VOIDED_KEPT = 4
_ALL_ISSUERS = 16
_ORDERS = {token.SWITCH: "ordered_open", token.SHORTAGE: "shortage_level"}


class Sold:
    """One token that an issuer sealed for a tenant, to be redeemed behind the order `after`."""

    def __init__(self, sequence, kind, fields, tenant, after, **sealing):
        self.sequence = sequence
        self.kind = kind
        self.fields = fields
        self.tenant = tenant
        self.after = after
        self.data = seal(sequence, kind, *fields, tenant=tenant, after=after, **sealing)

    def __repr__(self):
        number = f"{self.sequence >> 28}/{self.sequence % (1 << 28)}"
        fields = [field if isinstance(field, int) else field.hex()[:8] for field in self.fields]
        return f"token {number} {token.name(self.kind)} {fields}, tenant {self.tenant}, after {self.after}"


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

    def check(self, account, when: str):
        """Raise Broken unless the meter remembers the same numbers and issuers."""
        newest = {issuer: account.tokens.top(issuer) for issuer in account.tokens.issuers()}
        if newest != {issuer: self.newest(issuer) for issuer in self.counts}:
            raise Broken(BROKEN_RULES, f"{when}: the newest tokens are {newest}")
        revoked = {issuer for issuer in range(_ALL_ISSUERS) if account.tokens.is_revoked(issuer)}
        if revoked != self.revoked:
            raise Broken(BROKEN_RULES, f"{when}: revoked are {revoked}, not {self.revoked}")
        for issuer, top in newest.items():
            for count in range(max(1, top - _WINDOW - 2), top + 2):
                is_used = self.is_used(numbered(issuer, count))
                if account.token_is_used(numbered(issuer, count)) != is_used:
                    what = DOUBLED if is_used else LOST
                    raise Broken(what, f"{when}: token {issuer}/{count} is used: {is_used}, the meter says otherwise")


class TokenRules:
    """The numbers used, the tokens voided, `bought` of each credit register, and `standing` by name."""

    def __init__(self):
        self.numbers = UsedNumbers()
        self.voided = []
        self.bought = [0, 0]
        self.standing = {"tenant": 0, "ordered_open": 0, "shortage_level": 0, "term_bought_s": 0}
        self.standing.update(debt_added_microunits=0, receipt_sequence=0, receipt_card=0, receipt_tenant=0)
        self._newest = dict.fromkeys(_ORDERS, 0)

    def refusal(self, one: Sold) -> int | None:
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

    def is_outdated(self, one: Sold) -> bool:
        """Return True for an order to the switch, or a shortage level, that a newer one replaced."""
        return one.kind in _ORDERS and one.sequence < self._newest[one.kind]

    def may_be_voided(self, one: Sold) -> bool:
        """Return True for an order: a token that credits nothing and brings no key."""
        return one.kind not in CREDITING and one.kind not in KEYS

    def void(self, one: Sold, reason: int):
        """Enter an order that is refused for good: its number is used, and nothing else changes."""
        self.numbers.use(one.sequence)
        self.voided = [*self.voided, (one.sequence, reason)][-_VOIDED_KEPT:]

    def enter(self, one: Sold):
        """Enter a token that is redeemed for the first time."""
        kind, fields, standing = one.kind, one.fields, self.standing
        self.numbers.use(one.sequence)
        if kind == token.CREDIT_MONEY:
            self.bought[0] += fields[0]
        elif kind in (token.CREDIT_ENERGY, token.DISPENSE):
            self.bought[1] += fields[0]
        elif kind == token.DAYS:
            standing["term_bought_s"] += fields[0]
        elif kind == token.DEBT:
            standing["debt_added_microunits"] += max(0, fields[0])
        elif kind in RECEIPTS:
            standing.update(receipt_sequence=one.sequence, receipt_card=fields[-1], receipt_tenant=standing["tenant"])
            standing["tenant"] = fields[0] if kind == token.TENANT else standing["tenant"]
        elif kind in _ORDERS:
            self._newest[kind] = one.sequence
            standing[_ORDERS[kind]] = fields[0]
        elif kind == token.REVOKE:
            self.numbers.revoke(fields[0])

    def check(self, account, when: str):
        """Raise Broken unless the meter has the credit, facts, voided tokens and numbers that the tokens give."""
        bought = [account.money.bought, account.energy.bought]
        if bought != self.bought:
            what = DOUBLED if sum(bought) > sum(self.bought) else LOST
            raise Broken(what, f"{when}: bought is {bought}, the redeemed tokens add up to {self.bought}")
        standing = {name: account.standing[name] for name in self.standing}
        if standing != self.standing:
            raise Broken(BROKEN_RULES, f"{when}: the meter has {standing}, its tokens give {self.standing}")
        if account.voided.newest != self.voided:
            raise Broken(BROKEN_RULES, f"{when}: voided are {account.voided.newest}, not {self.voided}")
        self.numbers.check(account, when)
