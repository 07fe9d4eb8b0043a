"""The keys that a meter opens tokens with, and how it changes to new ones without a moment in which neither works.

A METER_KEY token, sealed under the key in force, brings the next one. From then on a token opens under whichever of the
two its header names, and statements are still sealed under the old. The first authentic token under the next key shows
that the station has gone over to it: the next becomes the key in force, and the old one is gone. A third key waits
until then. Each step is one write of the settings, so a power cut leaves the step before it or the step itself.

A SITE_KEY token brings the site key; the one before it still opens cards, until the next such token.
"""

from wattpurse.core import carrier as carriers
from wattpurse.core import outcome
from wattpurse.core.messages import token
from wattpurse.core.records import events
from wattpurse.core.seals import keys

_NO_KEY = b""


class KeyRoll:
    """The keys in `settings`; key tokens are marked in `ledger` and noted in `events_log`.

    `records`, if any, are the meter's (see `stores`), whose events are chained under the meter key.
    """

    def __init__(self, aes, settings, ledger, events_log, timekeeper, records=None) -> None:
        self._aes = aes
        self._settings = settings
        self._ledger = ledger
        self._events = events_log
        self._timekeeper = timekeeper
        self._records = records
        self._pair = None
        self._next_pair = None

    def take_keys(self) -> None:
        """Derive the token keys from the settings; call when a key there has changed."""
        self._pair = keys.token_keys(self._aes, self._settings.get("meter_key"))
        next_key = self._settings.get("next_meter_key", _NO_KEY)
        self._next_pair = keys.token_keys(self._aes, next_key) if next_key else None

    def open(self, data: bytes):
        """The token in `data`, which has a header. Raises sealing.SealBroken if it opens under no key of this meter."""
        if self._next_pair is None or token.key_version(data) != self._settings.get("next_key_version"):
            return token.open_token(self._aes, self._pair, data)
        opened = token.open_token(self._aes, self._next_pair, data)
        self._go_over()
        return opened

    def take_meter_key(self, opened, carrier: int) -> int:
        """The effect of a METER_KEY token: an `outcome`. Raises ValueError or OSError as any effect does."""
        version, key = opened.fields()
        if (version, key) != (self._settings.get("next_key_version", 0), self._settings.get("next_meter_key", _NO_KEY)):
            if self._next_pair is not None or version <= self._settings.get("key_version", 0):
                return outcome.OUTDATED
            self._settings.set_all((("next_meter_key", key), ("next_key_version", version)))
            self.take_keys()
        return self._redeem(opened, carrier, version)

    def take_site_key(self, opened, carrier: int) -> int:
        """The effect of a SITE_KEY token, as above."""
        version, key = opened.fields()
        if (version, key) != (self._settings.get("site_key_version", 0), self._settings.get("site_key")):
            if version <= self._settings.get("site_key_version", 0):
                return outcome.OUTDATED
            old = self._settings.get("site_key")
            self._settings.set_all((("site_key", key), ("old_site_key", old), ("site_key_version", version)))
        return self._redeem(opened, carrier, version)

    def _redeem(self, opened, carrier, version):
        """The key comes first: a token that is cut off before its mark finds its key there when it comes again.

        A key that is there already must be firm before the token counts as accepted: no later start may lose it.
        """
        self._settings.make_firm()
        now_s = self._timekeeper.now_s()
        self._ledger.redeem(opened.sequence, opened.kind, carrier, now_s)
        self._events.note(events.KEYS_CHANGED, carrier, now_s, version, opened.sequence)
        return outcome.ACCEPTED

    def _go_over(self) -> None:
        """If it cannot be written, both keys go on working and the next token tries again."""
        next_key, version = self._settings.get("next_meter_key"), self._settings.get("next_key_version")
        in_force = (("meter_key", next_key), ("key_version", version))
        try:
            self._settings.set_all(in_force + (("next_meter_key", _NO_KEY), ("next_key_version", 0)))
        except OSError:
            return
        self.take_keys()
        if self._records is not None:
            self._records.chain_events()
        self._events.note(events.KEYS_CHANGED, carriers.METER, self._timekeeper.now_s(), version)


def newest_site_keys(settings) -> tuple:
    """The site key in force, and the one before it where there was one: a card may still have either."""
    old = settings.get("old_site_key", _NO_KEY)
    return (settings.get("site_key"), old) if old else (settings.get("site_key"),)
