"""The book of a meter that insiders attack: its credit, keys, orders and tenants follow from authentic tokens alone.

It shares no code with the meter. A token that a vending point's stolen key made counts as that vending point's own sale
until the office revokes it.
"""

from tests.proof.token_rules import KEYS, Sold, TokenRules
from tests.services.console.console_bench import METER_NUMBER
from wattpurse.core import outcome
from wattpurse.core.messages import token

_NO_KEY = 0, b""


class Sealed(Sold):
    """One token for the meter under attack. `owner` is its tenant and the order before it, `key` the meter key."""

    def __init__(self, sequence, kind, fields, owner, key, version):
        super().__init__(sequence, kind, fields, *owner, number=METER_NUMBER, key=key, version=version)
        self.key = key
        self.version = version


class Book(TokenRules):
    """All that the meter must have. Each key is `(version, key)`. `taken_now` has the tokens redeemed in an action."""

    def __init__(self, meter_key: bytes, site_key: bytes):
        super().__init__()
        self.meter_key, self.next_key = (0, meter_key), _NO_KEY
        self.site_key, self.old_site_key = (0, site_key), _NO_KEY
        self.taken_now = []

    def begin(self):
        """Begin an action."""
        self.taken_now = []

    def is_under_next_key(self, one: Sold) -> bool:
        """Return True if the token is under the key that is to come into force."""
        return self.next_key == (one.version, one.key)

    def is_under_key(self, one: Sold) -> bool:
        """Return True if the token is under the key in force, and names no other key."""
        return one.key == self.meter_key[1] and (self.next_key == _NO_KEY or one.version != self.next_key[0])

    def go_over(self):
        """Put the next key into force: a token under it has arrived."""
        self.meter_key, self.next_key = self.next_key, _NO_KEY

    def refusal(self, one: Sold) -> int | None:
        """Return the outcome that refuses an authentic token in any case, or None if it may have its effect."""
        refusal = super().refusal(one)
        return outcome.OUTDATED if refusal is None and self.is_outdated(one) else refusal

    def is_outdated(self, one: Sold) -> bool:
        """Return True for an order that a newer one replaced, and for a key that may not follow the one in force.

        A key must be newer. A next meter key waits until the one before it is in force. A key that is there already is
        no change.
        """
        if one.kind not in KEYS:
            return super().is_outdated(one)
        in_force = self.meter_key if one.kind == token.METER_KEY else self.site_key
        waits = one.kind == token.METER_KEY and self.next_key != _NO_KEY
        return not self.has_key_of(one) and (waits or one.fields[0] <= in_force[0])

    def has_key_of(self, one: Sold) -> bool:
        """Return True if the key in a key token is there already."""
        return one.fields == (self.next_key if one.kind == token.METER_KEY else self.site_key)

    def take(self, one: Sold):
        """Enter a token that is redeemed."""
        self.taken_now.append(one)
        self.enter(one)
        if one.kind in KEYS:
            self.take_key(one)

    def take_key(self, one: Sold):
        """Enter the key of a key token, whose number may not be used yet."""
        if one.kind == token.METER_KEY:
            self.next_key = one.fields
        elif not self.has_key_of(one):
            self.site_key, self.old_site_key = one.fields, self.site_key

    def has_taken(self, *kinds) -> bool:
        """Return True if a token of one of these kinds was redeemed in this action."""
        return any(one.kind in kinds for one in self.taken_now)
