"""Settings and ledger of one meter living through tokens: keys of the office, and credit of it and a vending point.

A token with the outcome accepted or used stays used, and its key stays in the meter. The station learns of it by the
statement, and changes to the new key.
"""

from boards.host.chips.aes import aes
from boards.host.world.clock import VirtualClock
from tests import samples
from tests.proof.campaign import DOUBLED, LOST, Broken
from tests.proof.page import numbered
from tests.proof.small_histories import opened
from tests.proof.small_meter import METER_KEY, METER_NUMBER, SITE_KEY, START_S, TrueChip, seal
from tests.services.small_stores import SmallStores
from wattpurse.core import outcome
from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse.core.money.account import Account
from wattpurse.services.teller import Teller
from wattpurse.services.timekeeping import TimeKeeper

_CARRIER = 1
_OFFICE, _VENDING_POINT = 0, 2
_SETTINGS_SECTORS = 4
_EVENTS_SECTORS = 4
_TIMES_SECTORS = 3


class _Parts:
    """The parts of a meter that a start builds."""

    def __init__(self, flash, ledger_sectors: int):
        clock = VirtualClock()
        self.flash = flash
        self.stores = stores = SmallStores(
            flash,
            settings_ring=(0, _SETTINGS_SECTORS),
            events_ring=(2 * _SETTINGS_SECTORS, _EVENTS_SECTORS),
            ledger_ring=(2 * (_SETTINGS_SECTORS + _EVENTS_SECTORS), ledger_sectors),
            times_ring=(2 * (_SETTINGS_SECTORS + _EVENTS_SECTORS + ledger_sectors), _TIMES_SECTORS),
        )
        self.settings = stores.settings
        self.events = stores.events
        self.ledger = stores.ledger
        self.timekeeper = TimeKeeper(TrueChip(clock), clock)
        self.teller = Teller(stores=stores, timekeeper=self.timekeeper, aes=aes)

    def begin(self):
        """Let the teller work."""
        self.timekeeper.start(*self.stores.clock_bounds_s())
        self.teller.start()


class KeyHistory:
    """A station that rolls keys and sells credit, and the meter that takes its tokens, again and again."""

    name = "keys"
    rings = _SETTINGS_SECTORS + _EVENTS_SECTORS + _TIMES_SECTORS

    def __init__(self, flash, sectors: int, random):
        self.flash, self.sectors, self.random = flash, sectors, random
        self.meter = _Parts(flash, sectors)
        self.meter.settings.create()
        self.meter.settings.set_all(
            (
                ("meter_number", METER_NUMBER),
                ("meter_key", METER_KEY),
                ("site_key", SITE_KEY),
                ("key_version", 1),
                ("next_meter_key", b""),
                ("next_key_version", 0),
                ("old_site_key", b""),
                ("site_key_version", 1),
            )
        )
        self.meter.events.create()
        self.meter.ledger.create(Account(samples.flat_tariff(), 3_200, 1, contracts.PrepaidMoney, START_S))
        self.meter.begin()
        self.number = 0
        self.counts = {_OFFICE: 0, _VENDING_POINT: 0}
        self.version, self.key = 1, METER_KEY
        self.next = None
        self.site = 1, SITE_KEY
        self.next_site = None
        self.bought = self.offered = 0
        self.told = []
        self.waiting = None

    def plan(self):
        """Seal the next token. A token without an outcome comes again."""
        if self.waiting is not None and self.random.randrange(4):
            return
        self.waiting = self.random.choice((self._meter_key, self._site_key, self._credit, self._credit))()

    def perform(self):
        """Bring it, twice at times."""
        for _ in range(self.random.choice((1, 2))):
            self._bring()

    def confirm(self):
        """Check the living meter."""
        self.check(self.meter)

    def rest(self):
        """Let nothing be under way."""

    def recovered(self, flash) -> _Parts:
        """Return a meter that starts from `flash`; its teller works at once."""
        parts = _Parts(flash, self.sectors)
        opened(parts.ledger, "the ledger")
        opened(parts.settings, "the settings")
        opened(parts.events, "the events")
        parts.begin()
        return parts

    def check(self, parts: _Parts):
        """Raise Broken unless every reported outcome holds."""
        for number in self.told[-60:]:
            if not parts.ledger.account.token_is_used(number):
                raise Broken(DOUBLED, f"token {number} was accepted, and may come again")
        if not self.bought <= parts.ledger.account.money.bought <= self.bought + self.offered:
            raise Broken(LOST, f"{parts.ledger.account.money.bought} of {self.bought} + {self.offered}")
        settings = parts.settings
        versions = settings.get("key_version", 0), settings.get("next_key_version", 0)
        held = {versions[0]: settings.get("meter_key"), versions[1]: settings.get("next_meter_key")}
        if self.next is None and self.key != held.get(self.version):
            raise Broken(LOST, f"key {self.version} was accepted, the meter has {sorted(held)}")
        if self.next is not None and self.next[1] != held.get(self.next[0]) and self.key != held.get(self.version):
            raise Broken(LOST, f"no key of the station opens the meter, which has {sorted(held)}")
        sites = {settings.get("site_key_version"): settings.get("site_key")}
        if self.next_site is None and sites != dict((self.site,)):
            raise Broken(LOST, f"site key {self.site[0]} was accepted, the meter has {sorted(sites)}")

    def continued(self, parts: _Parts, random) -> "KeyHistory":
        """Continue with the meter that started. The token that waits comes first, and gets its outcome."""
        self.meter, self.random = parts, random
        self._bring()
        self.check(parts)
        return self

    def _bring(self):
        if self.waiting is None:
            return
        data, accept = self.waiting
        result = self.meter.teller.redeem(data, _CARRIER)
        if result in (outcome.ACCEPTED, outcome.USED):
            self.told.append(self.number)
            self.waiting = None
            self.offered = 0
            accept()
        elif result != outcome.LEDGER_FAILED:
            raise Broken(LOST, f"token {self.number} is refused: {outcome.text(result)}")

    def _seal(self, issuer, kind, *fields):
        self.counts[issuer] += 1
        self.number = numbered(issuer, self.counts[issuer])
        return seal(self.number, kind, *fields, key=self.key, version=self.version)

    def _meter_key(self):
        version, key = self.version + 1, self.random.randbytes(16)
        data = self._seal(_OFFICE, token.METER_KEY, version, key)
        self.next = version, key

        def accept():
            self.version, self.key = version, key
            self.next = None

        return data, accept

    def _site_key(self):
        version, key = self.site[0] + 1, self.random.randbytes(16)
        self.next_site = version, key

        def accept():
            self.site, self.next_site = (version, key), None

        return self._seal(_OFFICE, token.SITE_KEY, version, key), accept

    def _credit(self):
        amount = self.random.randrange(1, 10**7)
        self.offered = amount

        def accept():
            self.bought += amount

        return self._seal(self.random.choice((_OFFICE, _VENDING_POINT)), token.CREDIT_MONEY, amount), accept
