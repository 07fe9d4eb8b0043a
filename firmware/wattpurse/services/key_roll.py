"""The keys that open tokens, and the change to new keys without a moment in which neither works.

A METER_KEY token, sealed under the key in force, brings the next key. From then on a token opens under the key that its
header names, old or next. Statements are still sealed under the old key. The first authentic token under the next key
shows that the station has changed over: the next key comes into force, and the old one is gone. A third key waits until
then. Each step is one write of the settings, so a power cut leaves either the step before it or the step itself.

A SITE_KEY token brings the site key. The previous one still opens cards, until the next such token.
"""

from wattpurse.core import carrier as carriers
from wattpurse.core import outcome
from wattpurse.core.messages import token
from wattpurse.core.money.token_windows import OFFICE, issuer_of
from wattpurse.core.records import events
from wattpurse.core.seals import keys
from wattpurse.core.seals.sealing import SealBroken

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.messages.token import Token
    from wattpurse.core.records.settings import Settings
    from wattpurse.core.seals.sealing import KeyPair
    from wattpurse.hal import Aes
    from wattpurse.services.timekeeping import TimeKeeper
    from wattpurse.stores import Stores

_NO_KEY = b""
_PAIRS_KEPT = 6


class KeyRoll:
    """The keys in the settings of `stores`. The ledger marks key tokens as redeemed, the event log notes them."""

    def __init__(self, stores: "Stores", timekeeper: "TimeKeeper", aes: "Aes") -> None:
        self._stores = stores
        self._settings = stores.settings
        self._ledger = stores.ledger
        self._events = stores.events
        self._timekeeper = timekeeper
        self._aes = aes
        self._pairs = {}

    def take_keys(self) -> None:
        """Derive the office's token keys from the settings. Call when a key there has changed."""
        self._pairs = {}
        self._pair_of("meter_key", OFFICE)

    def open(self, data: bytes) -> "Token":
        """Return the token in `data`, which has a header. Raises sealing.SealBroken if no key opens it."""
        issuer = issuer_of(token.read_header(data)[1])
        if not self._has_next_key or token.key_version(data) != self._settings.get("next_key_version"):
            return token.open_token(self._aes, self._pair_of("meter_key", issuer), data)
        opened = token.open_token(self._aes, self._pair_of("next_meter_key", issuer), data)
        self._go_over()
        return opened

    def open_digits(self, digits: str, newest_count: int, tenant: int) -> "Token":
        """Return the token of twenty digits: see `short_token.open_digits`. Raises SealBroken if no key opens it.

        The digits do not name the version of their key, so the next key is tried as well.
        """
        from wattpurse.core.messages import short_token

        issuer, meter_number = short_token.issuer_of_digits(digits), self._settings.get("meter_number")
        for key in accepted_meter_keys(self._settings):
            pair = keys.short_token_keys(self._aes, keys.issuer_key(self._aes, key, issuer))
            try:
                opened = short_token.open_digits(self._aes, pair, meter_number, newest_count, tenant, digits)
            except SealBroken:
                continue
            if key != self._settings.get("meter_key"):
                self._go_over()
            return opened
        raise SealBroken("no key opens these digits")

    @property
    def _has_next_key(self) -> bool:
        return self._settings.get("next_meter_key", _NO_KEY) != _NO_KEY

    def _pair_of(self, name: str, issuer: int) -> "KeyPair":
        """Return the token keys of an issuer under one of the two meter keys. Derive them at their first use."""
        if (name, issuer) not in self._pairs:
            if len(self._pairs) >= _PAIRS_KEPT:
                self._pairs = {}
            key = keys.issuer_key(self._aes, self._settings.get(name), issuer)
            self._pairs[(name, issuer)] = keys.token_keys(self._aes, key)
        return self._pairs[(name, issuer)]

    def take_meter_key(self, opened: "Token", carrier: int) -> int:
        """Apply a METER_KEY token, and return an `outcome`. Raises ValueError or OSError as any effect does."""
        version, key = opened.fields()
        if (version, key) != (self._settings.get("next_key_version", 0), self._settings.get("next_meter_key", _NO_KEY)):
            if self._has_next_key or version <= self._settings.get("key_version", 0):
                return outcome.OUTDATED
            self._settings.set_all((("next_meter_key", key), ("next_key_version", version)))
            self.take_keys()
        return self._redeem(opened, carrier, version)

    def take_site_key(self, opened: "Token", carrier: int) -> int:
        """Apply a SITE_KEY token, and return an `outcome`. Raises ValueError or OSError as any effect does."""
        version, key = opened.fields()
        if (version, key) != (self._settings.get("site_key_version", 0), self._settings.get("site_key")):
            if version <= self._settings.get("site_key_version", 0):
                return outcome.OUTDATED
            old = self._settings.get("site_key")
            self._settings.set_all((("site_key", key), ("old_site_key", old), ("site_key_version", version)))
        return self._redeem(opened, carrier, version)

    def _redeem(self, opened: "Token", carrier: int, version: int) -> int:
        """Mark the token as redeemed, after its key is stored.

        A token that is cut off in between finds its key there when it comes again. A key that is there already must be
        firm before the token counts as accepted, so that no later start loses it.
        """
        self._settings.make_firm()
        now_s = self._timekeeper.now_s()
        self._ledger.redeem(opened.sequence, opened.kind, carrier, now_s)
        self._events.note(events.KEYS_CHANGED, carrier, now_s, version, opened.sequence)
        return outcome.ACCEPTED

    def _go_over(self) -> None:
        """Put the next key into force.

        If it cannot be written, both keys go on working and the next token tries again.
        """
        next_key, version = self._settings.get("next_meter_key"), self._settings.get("next_key_version")
        in_force = (("meter_key", next_key), ("key_version", version))
        try:
            self._settings.set_all(in_force + (("next_meter_key", _NO_KEY), ("next_key_version", 0)))
        except OSError:
            return
        self.take_keys()
        self._stores.chain_events()
        self._events.note(events.KEYS_CHANGED, carriers.METER, self._timekeeper.now_s(), version)


def accepted_meter_keys(settings: "Settings") -> tuple:
    """Return the meter key in force, followed by the next one if there is one. A blank meter has none."""
    key, following = settings.get("meter_key", _NO_KEY), settings.get("next_meter_key", _NO_KEY)
    return tuple([one for one in (key, following) if one])


def newest_site_keys(settings: "Settings") -> tuple:
    """Return the site key in force, followed by the previous one if there is one: a card may still have either."""
    old = settings.get("old_site_key", _NO_KEY)
    return (settings.get("site_key"), old) if old else (settings.get("site_key"),)
