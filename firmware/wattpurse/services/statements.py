"""Statements of this meter, sealed for any carrier: a card, or a network link.

The caller names the carrier by its identity bytes: the UID of a card, or `carrier.statement_identity` of a carrier that
has no UID. The identity is part of the key derivation, so a statement copied to another carrier does not open there.
"""

from wattpurse.core.messages import statement
from wattpurse.core.messages.statement_sections import sections_of
from wattpurse.core.seals.keys import statement_key, statement_keys

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.core.seals.sealing import KeyPair
    from wattpurse.hal import Aes
    from wattpurse.services.timekeeping import TimeKeeper
    from wattpurse.stores import Stores


class Statements:
    """Composes and seals statements from `stores`, at the time of `timekeeper`.

    `supply_reason()` returns the reason of supply (see `core.money.supply`), or None to leave it out. The card desk
    sets `reader_failed` while the card reader does not answer, and the meter sets `display_failed`.
    """

    def __init__(
        self,
        stores: "Stores",
        timekeeper: "TimeKeeper",
        aes: "Aes",
        supply_reason: "Callable[[], int | None]",
    ) -> None:
        self.reader_failed = False
        self.display_failed = False
        self._stores = stores
        self._timekeeper = timekeeper
        self._aes = aes
        self._supply_reason = supply_reason
        self._month_codes = statement.MonthCodes()
        self._meter_key = self._statement_key = None  # derived at the first use, and again for a new meter key

    def keys(self, identity: bytes) -> "KeyPair":
        """Return the keys for one carrier: `identity` is a card's UID or `carrier.statement_identity`."""
        meter_key = self._stores.settings.get("meter_key")
        if meter_key != self._meter_key:
            self._meter_key, self._statement_key = meter_key, statement_key(self._aes, meter_key)
        return statement_keys(self._aes, self._statement_key, identity)

    def seal(self, keys: "KeyPair", number: int, capacity: int) -> bytes:
        """Return a sealed statement whose payload is at most `capacity` bytes (32 or more).

        `number` is taken modulo 65,536. The seal needs a number that these keys have not sealed before: a card shows
        the last number, a link has to count.
        """
        meter_number = self._stores.settings.get("meter_number")
        return statement.seal_statement(self._aes, keys, number, meter_number, self.compose(capacity))

    def compose(self, capacity: int) -> bytes:
        """Return the payload of a statement, with as much detail as `capacity` bytes hold."""
        stores, now_s = self._stores, self._timekeeper.now_s()
        account = stores.ledger.account
        sections = sections_of(stores, now_s, account.registers.month.index)
        reason = self._supply_reason()
        return statement.compose(account, self.alarms(), now_s, capacity, sections, reason, self._month_codes)

    def alarms(self) -> int:
        """Return the faults of the meter as the alarm bits of a statement."""
        stores = self._stores
        bits = 0
        if stores.settings.get("tamper", 0):
            bits |= statement.ALARM_TAMPER
        if not self._timekeeper.trusted:
            bits |= statement.ALARM_CLOCK
        if stores.ledger.degraded or stores.records_failed:
            bits |= statement.ALARM_FLASH
        if self.reader_failed:
            bits |= statement.ALARM_READER
        if self.display_failed:
            bits |= statement.ALARM_DISPLAY
        return bits
