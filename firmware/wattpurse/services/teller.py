"""The teller: opens tokens, whichever carrier brings them, and lets each have its effect once.

`redeem` is synchronous and durable: when it says ACCEPTED, the ledger has it in flash. The ledger's record of redeemed
sequence numbers decides; a carrier only transports.
"""

from wattpurse.core import contract as contracts
from wattpurse.core import events, keys, outcome, statement, terms, token
from wattpurse.core.sealing import SealBroken
from wattpurse.core.statement_sections import sections_of
from wattpurse.core.tariff import Tariff


class Teller:
    """Opens tokens for the meter that `settings` names and changes `ledger`, `settings` and the clock accordingly.

    `records`, if any, are the meter's (see `stores`): what is redeemed is logged there, and statements tell of them.
    """

    def __init__(self, aes, settings, ledger, events_log, timekeeper, records=None):
        self.reader_failed = False
        self._aes = aes
        self._settings = settings
        self._ledger = ledger
        self._events = events_log
        self._timekeeper = timekeeper
        self._records = records
        self._keys = None
        self._refused_last = None
        self._effects = {
            token.CREDIT_MONEY: self._credit,
            token.CREDIT_ENERGY: self._credit,
            token.CONTRACT: self._change_contract,
            token.TARIFF: self._take_tariff,
            token.CLOCK: self._set_clock,
            token.CLEAR_TAMPER: self._clear_tamper,
            token.TERM: self._set_term,
        }

    def start(self):
        """Take the keys, and finish what a power cut left half done. Raises OSError if that cannot be written."""
        self.take_keys()
        self._finish_clearing()

    def take_keys(self):
        """Derive the token keys from the meter key in the settings; call when that key changes."""
        self._keys = keys.token_keys(self._aes, self._settings.get("meter_key"))

    def redeem(self, data: bytes, carrier: int) -> int:
        """Let one sealed token have its effect; give back an `outcome`."""
        header = token.read_header(data)
        if header is None:
            return outcome.UNREADABLE
        if header[0] != self._settings.get("meter_number"):
            return outcome.NOT_THIS_METER
        try:
            opened = token.open_token(self._aes, self._keys, data)
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
        effect = self._effects.get(opened.kind)
        if effect is None:
            return self._refuse(opened, carrier, outcome.NOT_SUPPORTED)
        try:
            result = effect(opened, carrier)
        except ValueError:
            result = outcome.NOT_SUPPORTED
        except OSError:
            result = outcome.LEDGER_FAILED
        if result != outcome.ACCEPTED:
            return self._refuse(opened, carrier, result)
        if opened.kind not in (token.CREDIT_MONEY, token.CREDIT_ENERGY):
            self._log_token(opened, carrier)
        return result

    def _log_token(self, opened, carrier, amount=0, balance=0):
        if self._records is not None:
            self._records.top_ups.note(
                opened.kind, opened.sequence, carrier, self._timekeeper.now_s(), amount, balance
            )

    def _refuse(self, opened, carrier, result):
        """Only authentic tokens are noted, and one that comes again not again: nobody may be able to flood the log."""
        if (opened.sequence, result) != self._refused_last:
            self._refused_last = (opened.sequence, result)
            self._events.note(events.TOKEN_REFUSED, carrier, self._timekeeper.now_s(), result, opened.sequence)
        return result

    def _note(self, code, carrier, number=0, extra=0):
        self._events.note(code, carrier, self._timekeeper.now_s(), number, extra)

    def _credit(self, opened, carrier):
        (amount,) = opened.fields()
        is_money = opened.kind == token.CREDIT_MONEY
        unit = contracts.MONEY if is_money else contracts.ENERGY
        account = self._ledger.account
        limit = account.credit_limit(unit)
        if amount <= 0:
            return outcome.NOT_SUPPORTED
        if limit != terms.NO_LIMIT and account.purse(unit).balance + amount > limit:
            return outcome.OVER_LIMIT
        self._log_token(opened, carrier, amount, account.purse(unit).balance + amount)  # before it is redeemed
        self._ledger.credit(opened.sequence, unit, amount, carrier, self._timekeeper.now_s())
        self._note(events.CREDIT_MONEY if is_money else events.CREDIT_ENERGY, carrier, amount, opened.sequence)
        return outcome.ACCEPTED

    def _change_contract(self, opened, carrier):
        contract = contracts.by_code(opened.fields()[0])

        def alter(account):
            account.contract = contract
            account.mark_token(opened.sequence)

        self._ledger.change(alter)
        self._note(events.CONTRACT_CHANGED, carrier, contract.code, opened.sequence)
        return outcome.ACCEPTED

    def _take_tariff(self, opened, carrier):
        tariff = Tariff(opened.body)
        if not self._ledger.account.is_newer_tariff(tariff):
            return outcome.OUTDATED

        def alter(account):
            account.pending_tariff = tariff
            account.mark_token(opened.sequence)

        self._ledger.change(alter)
        self._note(events.TARIFF_SENT, carrier, tariff.version, opened.sequence)
        return outcome.ACCEPTED

    def _set_clock(self, opened, carrier):
        """A clock token that waited in a drawer must not set time back: it says when it was made, not when it comes.

        The chip comes first: cut off after it, the clock is right, and the token, not redeemed, is too old to harm.
        """
        (utc_s,) = opened.fields()
        if utc_s <= self._ledger.account.time_s:
            return outcome.OUTDATED
        self._ledger.refuse_leap(utc_s)
        self._timekeeper.set(utc_s)
        self._ledger.set_clock(utc_s)
        self._ledger.redeem(opened.sequence, opened.kind, carrier, utc_s)
        self._note(events.CLOCK_SET, carrier, utc_s, opened.sequence)
        return outcome.ACCEPTED

    def _clear_tamper(self, opened, carrier):
        """The ledger decides and the settings follow; what they wait for is noted before, so a start can finish it."""
        opened.fields()
        self._settings.set("tamper_token", opened.sequence)
        self._ledger.redeem(opened.sequence, opened.kind, carrier, self._timekeeper.now_s())
        self._finish_clearing()
        self._note(events.TAMPER_CLEARED, carrier, 0, opened.sequence)
        return outcome.ACCEPTED

    def _finish_clearing(self):
        """Clear the tamper if the ledger has redeemed the token that is to clear it."""
        sequence = self._settings.get("tamper_token", 0)
        if sequence == 0:
            return
        if self._ledger.account.token_is_used(sequence):
            self._settings.set_all((("tamper", 0), ("tamper_token", 0)))
        else:
            self._settings.set("tamper_token", 0)

    def _set_term(self, opened, carrier):
        place, value = opened.fields()
        names = terms.names()
        if place >= len(names):
            return outcome.NOT_SUPPORTED

        def alter(account):
            account.terms.set(names[place], value)
            account.mark_token(opened.sequence)

        self._ledger.change(alter)
        self._note(events.TERM_CHANGED, carrier, place, value)
        return outcome.ACCEPTED
