"""A meter's stores, clock and teller over one flash, which can be cut off and started again; and the station's keys."""

from boards.host.chips.aes import aes
from boards.host.chips.power import PowerCut
from boards.host.world.clock import VirtualClock
from tests import samples
from tests.proof.proof_flash import ProofFlash
from tests.services.small_stores import SmallStores
from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import supply
from wattpurse.core.money.account import Account
from wattpurse.core.seals import keys
from wattpurse.services.teller import Teller
from wattpurse.services.timekeeping import TimeKeeper

METER_NUMBER = 40_001_234
METER_KEY = bytes(range(16))
SITE_KEY = bytes(range(40, 56))
START_S = samples.NEW_YEAR_S + 3_600
FIRST_FOR_EVENTS = 6
FIRST_FOR_LEDGER = 22
FIRST_FOR_CARDS = 32
FIRST_FOR_TIMES = 38
SECTORS = 44
# Settings, events, ledger, time log and register of key cards: (first sector, sectors per copy).
RINGS = (0, 3), (FIRST_FOR_EVENTS, 8), (FIRST_FOR_LEDGER, 5), (FIRST_FOR_TIMES, 3), (FIRST_FOR_CARDS, 3)
_START_LIMIT = 20_000  # flash operations


class TrueChip:
    """A clock chip that is right until somebody sets it."""

    def __init__(self, clock):
        self.lead_s = 0
        self._clock = clock

    def true_s(self) -> int:
        """Return the true time."""
        return START_S + self._clock.now_us // 1_000_000

    def read(self) -> int:
        """Return the time of the chip."""
        return self.true_s() + self.lead_s

    def set(self, utc_s: int):
        """Set the chip."""
        self.lead_s = utc_s - self.true_s()


class SmallMeter:
    """A meter on blank flash. Call `start` after every cut."""

    fault = supply.ON

    def __init__(
        self,
        random,
        account: Account | None = None,
        number: int = METER_NUMBER,
        meter_key: bytes = METER_KEY,
        site_key: bytes = SITE_KEY,
    ):
        self.clock = VirtualClock()
        self.flash = ProofFlash(SECTORS, random, clock=self.clock)
        self.chip = TrueChip(self.clock)
        self._build()
        self.settings.create()
        self.settings.set_all(
            (("meter_number", number), ("meter_key", meter_key), ("site_key", site_key), ("key_version", 1))
        )
        self.events.create()
        self.ledger.create(account or Account(samples.flat_tariff(), 3_200, 1, contracts.PrepaidMoney, START_S))
        self._begin()

    def start(self):
        """Restore the power: everything in memory is new."""
        self.flash.limit(_START_LIMIT)
        self._build()
        self.ledger.open()
        self.settings.open()
        self.events.open()
        self._begin()
        self.flash.operations_limit = None

    def start_until_it_lasts(self, random, tally):
        """Start again and again with cuts in the starts, and at last without a cut."""
        for _ in range(random.randrange(3)):
            self.flash.faults.plan_cut(random.randrange(1, 60), random.randrange(1001), "page")
            try:
                self.start()
            except PowerCut:
                tally.faults += 1
        self.flash.faults.operations_to_cut = None
        self.start()

    def _build(self):
        self.stores = SmallStores(self.flash, *RINGS)
        self.settings, self.events, self.ledger = self.stores.settings, self.stores.events, self.stores.ledger
        self.timekeeper = TimeKeeper(self.chip, self.clock)
        self.teller = Teller(self.stores, self.timekeeper, aes)

    def _begin(self):
        self.timekeeper.start(*self.stores.clock_bounds_s())
        self.teller.start()
        self.ledger.advance(self.timekeeper.now_s(), 0)


def seal(
    sequence: int,
    kind: int,
    *fields,
    number: int = METER_NUMBER,
    key: bytes = METER_KEY,
    version: int = 1,
    tenant: int = 0,
    after: int = 0,
    issuer_key: bytes | None = None,
):
    """Return a token as the issuer in its number seals it. `key` is the meter key. A thief has another `issuer_key`."""
    pair = keys.token_keys(aes, issuer_key or keys.issuer_key(aes, key, sequence >> 28))
    return token.seal_token(aes, pair, version, number, sequence, *token.make(kind, *fields), tenant, after)
