"""The book of a meter that insiders attack: its credit, keys, orders and tenants follow from authentic tokens alone.

It shares no code with the meter. A token that a vending point's stolen key made counts as that vending point's own sale
until the office revokes it.
"""

from boards.host.chips.aes import aes
from tests.proof.token_sums import FOR_ANY_TENANT, FOR_OFFICE, UsedNumbers
from tests.services.console.console_bench import METER_NUMBER
from wattpurse.core import outcome
from wattpurse.core.messages import token
from wattpurse.core.seals import keys

KEYS = (token.METER_KEY, token.SITE_KEY)
RECEIPTS = (token.REFUND, token.CLEAR, token.TENANT)
_NEVER_VOID = (token.CREDIT_MONEY, token.CREDIT_ENERGY, token.DAYS, token.DISPENSE, *KEYS)
_VOIDED_KEPT = 4


class Sealed:
    """One token under the key of its issuer. `key` is the meter key from which that key comes."""

    def __init__(self, sequence, kind, fields, owner, key, version):
        self.sequence = sequence
        self.kind = kind
        self.fields = fields
        self.tenant, self.after = owner
        self.key = key
        self.version = version
        pair = keys.token_keys(aes, keys.issuer_key(aes, key, sequence >> 28))
        made = token.make(kind, *fields)
        self.data = token.seal_token(aes, pair, version, METER_NUMBER, sequence, *made, self.tenant, self.after)

    def __repr__(self):
        number = f"{self.sequence >> 28}/{self.sequence % (1 << 28)}"
        fields = [field if isinstance(field, int) else field.hex()[:8] for field in self.fields]
        return f"token {number} {token.name(self.kind)} {fields}, tenant {self.tenant}, after {self.after}"


class Book:
    """All that the meter must have. `meter_keys` and `site_keys` are the keys that the office ever gave it."""

    def __init__(self, meter_key: bytes, site_key: bytes):
        self.numbers = UsedNumbers()
        self.voided = []
        self.bought = [0, 0]
        self.facts = dict.fromkeys(
            ("tenant", "ordered_open", "shortage_level", "term_bought_s", "debt_added_microunits"), 0
        )
        self.facts.update(receipt_sequence=0, receipt_card=0, receipt_tenant=0)
        self.meter_key, self.next_key = (0, meter_key), (0, b"")
        self.site_key = 0, site_key
        self.meter_keys, self.site_keys = {meter_key, b""}, {site_key, b""}
        self.taken_now = []

    def begin(self):
        """Begin an action: `taken_now` has the tokens redeemed in it."""
        self.taken_now = []

    def refusal(self, one: Sealed) -> int | None:
        """Return the outcome that a token must have before anybody looks at its effect, or None if it may have one."""
        return outcome.UNREADABLE if one.key != self._key_for(one) else self._refusal_of_opened(one)

    def _key_for(self, one):
        version, key = self.next_key
        return key if key and one.version == version else self.meter_key[1]

    def _refusal_of_opened(self, one):
        issuer = one.sequence >> 28
        if self.numbers.is_used(one.sequence):
            return outcome.USED
        if not self.numbers.has_room_for(issuer) or (issuer and one.kind in FOR_OFFICE):
            return outcome.NOT_ENTITLED
        if one.after and not self.numbers.is_used(one.after):
            return outcome.OUT_OF_ORDER
        if one.kind not in FOR_ANY_TENANT and one.tenant != self.facts["tenant"]:
            return outcome.OTHER_TENANT
        return outcome.OUTDATED if one.kind in KEYS and not self._may_follow(one) else None

    def _may_follow(self, one):
        """Return True for a key that is newer than the one in force, unless another one waits; or that is there."""
        if one.kind == token.SITE_KEY:
            return one.fields == self.site_key or one.fields[0] > self.site_key[0]
        return one.fields == self.next_key or (not self.next_key[1] and one.fields[0] > self.meter_key[0])

    def offer(self, one: Sealed):
        """Note that the meter may see the token: a key in it may be stored before its number is used."""
        if self.refusal(one) is None and one.kind in KEYS:
            (self.meter_keys if one.kind == token.METER_KEY else self.site_keys).add(one.fields[1])

    def go_over(self, one: Sealed):
        """Put the next key into force if the token is under it."""
        if self.next_key[1] and self.next_key == (one.version, one.key):
            self.meter_key, self.next_key = self.next_key, (0, b"")

    def may_be_voided(self, one: Sealed) -> bool:
        """Return True for an order: a token that credits nothing and brings no key."""
        return one.kind not in _NEVER_VOID

    def void(self, one: Sealed, reason: int):
        """Enter an order that is refused for good."""
        self.numbers.use(one.sequence)
        self.voided = [*self.voided, (one.sequence, reason)][-_VOIDED_KEPT:]

    def take(self, one: Sealed):
        """Enter a token that is redeemed."""
        kind, fields, facts = one.kind, one.fields, self.facts
        self.taken_now.append(one)
        self.numbers.use(one.sequence)
        if kind == token.CREDIT_MONEY:
            self.bought[0] += fields[0]
        elif kind in (token.CREDIT_ENERGY, token.DISPENSE):
            self.bought[1] += fields[0]
        elif kind == token.DAYS:
            facts["term_bought_s"] += fields[0]
        elif kind in RECEIPTS:
            facts.update(receipt_sequence=one.sequence, receipt_card=fields[-1], receipt_tenant=facts["tenant"])
            facts["tenant"] = fields[0] if kind == token.TENANT else facts["tenant"]
        elif kind == token.DEBT:
            facts["debt_added_microunits"] += max(0, fields[0])
        elif kind == token.SWITCH:
            facts["ordered_open"] = fields[0]
        elif kind == token.SHORTAGE:
            facts["shortage_level"] = fields[0]
        elif kind == token.REVOKE:
            self.numbers.revoke(fields[0])
        elif kind == token.METER_KEY:
            self.next_key = fields
        elif kind == token.SITE_KEY:
            self.site_key = fields

    def has_taken(self, *kinds) -> bool:
        """Return True if a token of one of these kinds was redeemed in this action."""
        return any(one.kind in kinds for one in self.taken_now)
