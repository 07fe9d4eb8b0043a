"""The teller: opens tokens, whichever carrier brings them, and lets each have its effect once.

`redeem` is synchronous and durable: when it says ACCEPTED, the ledger has it in flash. The ledger's record of redeemed
sequence numbers decides; a carrier only transports.
"""

from wattpurse.core import outcome
from wattpurse.core.messages import statement, token
from wattpurse.core.messages.statement_sections import sections_of
from wattpurse.core.records import events
from wattpurse.core.seals.sealing import SealBroken
from wattpurse.services.key_roll import KeyRoll
from wattpurse.services.token_effects import TokenEffects

_REFUSALS_REMEMBERED = 32  # more tokens than one card has room for


class Teller:
    """Opens tokens for the meter that `settings` names and changes `ledger`, `settings` and the clock accordingly.

    `records`, if any, are the meter's (see `stores`): what is redeemed is logged there, and statements tell of them.
    """

    def __init__(self, aes, settings, ledger, events_log, timekeeper, records=None) -> None:
        self.reader_failed = False
        self._settings = settings
        self._ledger = ledger
        self._events = events_log
        self._timekeeper = timekeeper
        self._records = records
        self._keys = KeyRoll(aes, settings, ledger, events_log, timekeeper, records)
        self._refused = []
        self._effects = TokenEffects(settings, ledger, events_log, timekeeper, self._keys, records)

    def start(self) -> None:
        """Take the keys, and finish what a power cut left half done. Raises OSError if that cannot be written."""
        self.take_keys()
        self._effects.finish_clearing()

    def take_keys(self) -> None:
        """Derive the token keys from the meter key in the settings; call when that key changes."""
        self._keys.take_keys()

    def redeem(self, data: bytes, carrier: int) -> int:
        """Let one sealed token have its effect; give back an `outcome`."""
        header = token.read_header(data)
        if header is None:
            return outcome.UNREADABLE
        if header[0] != self._settings.get("meter_number"):
            return outcome.NOT_THIS_METER
        try:
            opened = self._keys.open(data)
        except SealBroken:
            return outcome.UNREADABLE
        return self._redeem_opened(opened, carrier)

    def alarms(self) -> int:
        """What is wrong with the meter, as the alarm bits of a statement."""
        bits = 0
        if self._settings.get("tamper", 0):
            bits |= statement.ALARM_TAMPER
        if not self._timekeeper.trusted:
            bits |= statement.ALARM_CLOCK
        records_failed = self._records is not None and self._records.records_failed
        if self._ledger.degraded or self._events.failed or records_failed:
            bits |= statement.ALARM_FLASH
        if self.reader_failed:
            bits |= statement.ALARM_READER
        return bits

    def sections(self, now_s: int) -> list:
        """What a statement tells besides the account, what matters most first."""
        if self._records is None:
            return []
        return sections_of(self._records, now_s, self._ledger.account.registers.month.index)

    def _redeem_opened(self, opened, carrier):
        if self._ledger.account.token_is_used(opened.sequence):
            return outcome.USED
        try:
            result = self._effects.take(opened, carrier)
        except ValueError:
            result = outcome.NOT_SUPPORTED
        except OSError:
            result = outcome.LEDGER_FAILED
        if result != outcome.ACCEPTED:
            return self._refuse(opened, carrier, result)
        return result

    def _refuse(self, opened, carrier, result):
        """Only authentic tokens are noted, and one that comes again not again: nobody may be able to flood the log."""
        if (opened.sequence, result) not in self._refused:
            self._refused.append((opened.sequence, result))
            del self._refused[:-_REFUSALS_REMEMBERED]
            self._events.note(events.TOKEN_REFUSED, carrier, self._timekeeper.now_s(), result, opened.sequence)
        return result
