"""The effect of each kind of token on the meter. Effect and token number reach flash together, or neither does.

An amount above the credit limit is refused whole. A token older than the state in force is refused as outdated. An
impossible token is not supported. A refused token stays unused, and may come again.
"""

from wattpurse.core import outcome
from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import credit_rules, terms
from wattpurse.core.money.ledger import CREDIT_AMOUNT_LIMIT
from wattpurse.core.money.ledger_records import STANDING, TERMS
from wattpurse.core.tariffs.calendar import LATEST_S
from wattpurse.core.tariffs.tariff import Tariff
from wattpurse.services import time_notes
from wattpurse.services.timekeeping import EARLIEST_S

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.core.messages.token import Token
    from wattpurse.core.money.account import Account
    from wattpurse.core.money.ledger import Ledger
    from wattpurse.core.records.events import EventLog
    from wattpurse.core.records.settings import Settings
    from wattpurse.services.key_roll import KeyRoll
    from wattpurse.services.timekeeping import TimeKeeper
    from wattpurse.stores import Stores


class TokenEffects:
    """The effects of tokens on `ledger`, `settings` and the clock of one meter.

    `key_roll` has the effects of key tokens. Redeemed tokens are logged in the `top_ups` of `stores`, if any.
    """

    def __init__(
        self,
        settings: "Settings",
        ledger: "Ledger",
        events_log: "EventLog",
        timekeeper: "TimeKeeper",
        key_roll: "KeyRoll",
        stores: "Stores | None" = None,
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._events = events_log
        self._timekeeper = timekeeper
        self._key_roll = key_roll
        self._stores = stores

    def take(self, opened: "Token", carrier: int) -> int:
        """Apply the effect of an authentic, unused token. Return an `outcome`.

        Raise ValueError if the body does not fit the kind, and OSError if flash cannot be written. Then nothing has
        changed.
        """
        effect = self.EFFECTS.get(opened.kind)
        if effect is None:
            return outcome.NOT_SUPPORTED
        result = effect(self, opened, carrier)
        if result == outcome.ACCEPTED and opened.kind not in (token.CREDIT_MONEY, token.CREDIT_ENERGY):
            self._log(opened, carrier, 0, 0)
        return result

    def finish_clearing(self) -> None:
        """Clear the tamper if the ledger has redeemed the token that was to clear it. Raise OSError."""
        sequence = self._settings.get("tamper_token", 0)
        if sequence == 0:
            return
        if self._ledger.account.token_is_used(sequence):
            self._settings.set_all((("tamper", 0), ("tamper_token", 0)))
        else:
            self._settings.set("tamper_token", 0)

    def _credit(self, opened: "Token", carrier: int) -> int:
        """Credit money or energy. Log the token first: a power cut must not leave a credit out of the log."""
        (amount,) = opened.fields()
        unit = contracts.MONEY if opened.kind == token.CREDIT_MONEY else contracts.ENERGY
        refusal = self._refusal_of_amount(unit, amount)
        if refusal is not None:
            return refusal
        self._log(opened, carrier, amount, credit_rules.balance_after(self._ledger.account, unit, amount))
        self._ledger.credit(opened.sequence, unit, amount, carrier, self._timekeeper.now_s())
        return self._accepted(opened, carrier, amount, opened.sequence)

    def _refusal_of_amount(self, unit: int, amount: int) -> int | None:
        """Return the outcome that refuses a credit of `amount`, or None if the amount may be credited."""
        account = self._ledger.account
        limit = account.credit_limit(unit)
        if not 0 < amount <= CREDIT_AMOUNT_LIMIT or not account.credit_register(unit).has_room(amount):
            return outcome.NOT_SUPPORTED
        if limit != terms.NO_LIMIT and credit_rules.balance_after(account, unit, amount) > limit:
            return outcome.OVER_LIMIT
        return None

    def _change_contract(self, opened: "Token", carrier: int) -> int:
        contract = contracts.by_code(opened.fields()[0])
        self._ledger.account.check_contract(contract)
        self._change(opened, lambda account: setattr(account, "contract", contract))
        return self._accepted(opened, carrier, contract.code, opened.sequence)

    def _take_tariff(self, opened: "Token", carrier: int) -> int:
        tariff = Tariff(opened.body)
        if not self._ledger.account.is_newer_tariff(tariff):
            return outcome.OUTDATED
        self._ledger.account.check_tariff(tariff)
        self._change(opened, lambda account: setattr(account, "pending_tariff", tariff))
        return self._accepted(opened, carrier, tariff.version, opened.sequence)

    def _set_clock(self, opened: "Token", carrier: int) -> int:
        """Set the clock ahead. Refuse a time in the past: the token may have waited, and tells when it was made."""
        (utc_s,) = opened.fields()
        return self._move_clock(opened, carrier, utc_s, utc_s <= self._timekeeper.now_s())

    def _set_clock_back(self, opened: "Token", carrier: int) -> int:
        """Set the clock back. Refuse a time ahead, and a token that comes after one with a higher number: it waited."""
        (utc_s,) = opened.fields()
        is_late = opened.sequence < self._ledger.account.tokens.top()
        return self._move_clock(opened, carrier, utc_s, is_late or utc_s >= self._timekeeper.now_s())

    def _move_clock(self, opened: "Token", carrier: int, utc_s: int, is_outdated: bool) -> int:
        if not EARLIEST_S <= utc_s <= LATEST_S:
            return outcome.NOT_SUPPORTED
        if is_outdated:
            return outcome.OUTDATED
        time_notes.set_clock(self._ledger, self._timekeeper, utc_s, opened.sequence)
        return self._accepted(opened, carrier, utc_s, opened.sequence)

    def _clear_tamper(self, opened: "Token", carrier: int) -> int:
        """Clear the tamper. The settings note the token first, so that a start can finish after a power cut."""
        opened.fields()
        self._settings.set("tamper_token", opened.sequence)
        self._settings.make_firm()
        self._ledger.redeem(opened.sequence, opened.kind, carrier, self._timekeeper.now_s())
        self.finish_clearing()
        return self._accepted(opened, carrier, 0, opened.sequence)

    def _set_term(self, opened: "Token", carrier: int) -> int:
        place, value = opened.fields()
        names = terms.names()
        if place >= len(names):
            return outcome.NOT_SUPPORTED
        self._set_number(TERMS, names[place], value, opened, carrier)
        return self._accepted(opened, carrier, place, value)

    def _add_days(self, opened: "Token", carrier: int) -> int:
        """Extend the term. A renewal before its end adds to it; a later renewal begins now.

        Time owed for friendly hours is deducted.
        """
        (duration_s,) = opened.fields()
        if duration_s == 0:
            return outcome.NOT_SUPPORTED
        self._ledger.buy_time(opened.sequence, duration_s, carrier, self._timekeeper.now_s())
        return self._accepted(opened, carrier, self._ledger.account.standing["term_until_s"], opened.sequence)

    def _dispense(self, opened: "Token", carrier: int) -> int:
        """Set kWh, daily maximum and validity together."""
        energy_mwh, daily_limit_mwh, duration_s = opened.fields()
        refusal = self._refusal_of_amount(contracts.ENERGY, energy_mwh)
        if refusal is not None:
            return refusal
        until_s = max(self._ledger.account.standing["dispenser_until_s"], self._timekeeper.now_s()) + duration_s

        def alter(account: "Account") -> None:
            account.terms.set("daily_limit_mwh", daily_limit_mwh)
            account.standing.set("dispenser_until_s", until_s)
            credit_rules.take_credit(account, contracts.ENERGY, energy_mwh)

        self._change(opened, alter)
        return self._accepted(opened, carrier, energy_mwh, until_s)

    def _take_back(self, opened: "Token", carrier: int) -> int:
        unit, amount, card = opened.fields()
        if amount < 0:
            return outcome.NOT_SUPPORTED
        self._change(opened, lambda account: credit_rules.take_back(account, opened.sequence, card, unit, amount))
        taken = self._ledger.account.standing["receipt_microunits" if unit == contracts.MONEY else "receipt_mwh"]
        return self._accepted(opened, carrier, taken, opened.sequence)

    def _clear(self, opened: "Token", carrier: int) -> int:
        (card,) = opened.fields()
        self._change(opened, lambda account: credit_rules.clear(account, opened.sequence, card))
        return self._accepted(opened, carrier, 0, opened.sequence)

    def _change_tenant(self, opened: "Token", carrier: int) -> int:
        """Change the tenant. The receipt has the former credit and debt; the next tenant starts empty."""
        tenant, card = opened.fields()

        def alter(account: "Account") -> None:
            credit_rules.clear(account, opened.sequence, card)
            account.standing.set("tenant", tenant)

        self._change(opened, alter)
        return self._accepted(opened, carrier, tenant, opened.sequence)

    def _change_debt(self, opened: "Token", carrier: int) -> int:
        (amount,) = opened.fields()
        self._ledger.change_debt(opened.sequence, amount, carrier, self._timekeeper.now_s())
        return self._accepted(opened, carrier, self._ledger.account.standing["debt_microunits"], opened.sequence)

    def _permit(self, opened: "Token", carrier: int) -> int:
        """Extend the permit. Refuse an earlier end: the token may be late, and a SWITCH token ends supply early."""
        (until_s,) = opened.fields()
        if until_s <= self._ledger.account.standing["permit_until_s"]:
            return outcome.OUTDATED
        self._set_number(STANDING, "permit_until_s", until_s, opened, carrier)
        return self._accepted(opened, carrier, until_s, opened.sequence)

    def _order_switch(self, opened: "Token", carrier: int) -> int:
        (is_open,) = opened.fields()
        return self._obey(opened, carrier, "ordered_open", is_open)

    def _set_shortage(self, opened: "Token", carrier: int) -> int:
        """Set the shortage level and its end, which a head-end that falls silent cannot forget to order."""
        level, until_s = opened.fields()
        standing = self._ledger.account.standing
        is_over = level and until_s <= self._timekeeper.now_s()
        if is_over or opened.sequence < standing.newest_order("shortage_level"):
            return outcome.OUTDATED

        def alter(account: "Account") -> None:
            account.standing.set("shortage_level", level)
            account.standing.set("shortage_until_s", until_s if level else 0)
            account.standing.note_order(standing.place("shortage_level"), opened.sequence)

        self._change(opened, alter)
        return self._accepted(opened, carrier, level, opened.sequence)

    def _revoke(self, opened: "Token", carrier: int) -> int:
        """Refuse all tokens of an issuer from now on."""
        (issuer,) = opened.fields()
        self._change(opened, lambda account: account.tokens.revoke(issuer))
        return self._accepted(opened, carrier, issuer, opened.sequence)

    def _take_meter_key(self, opened: "Token", carrier: int) -> int:
        return self._key_roll.take_meter_key(opened, carrier)

    def _take_site_key(self, opened: "Token", carrier: int) -> int:
        return self._key_roll.take_site_key(opened, carrier)

    # Kind to effect. `take` logs the kinds of credit before their effect, and all others after it.
    EFFECTS = {
        token.CREDIT_MONEY: _credit,
        token.CREDIT_ENERGY: _credit,
        token.CONTRACT: _change_contract,
        token.TARIFF: _take_tariff,
        token.CLOCK: _set_clock,
        token.CLEAR_TAMPER: _clear_tamper,
        token.TERM: _set_term,
        token.DAYS: _add_days,
        token.DISPENSE: _dispense,
        token.REFUND: _take_back,
        token.CLEAR: _clear,
        token.TENANT: _change_tenant,
        token.DEBT: _change_debt,
        token.PERMIT: _permit,
        token.SWITCH: _order_switch,
        token.SHORTAGE: _set_shortage,
        token.METER_KEY: _take_meter_key,
        token.SITE_KEY: _take_site_key,
        token.REVOKE: _revoke,
        token.CLOCK_BACK: _set_clock_back,
    }

    def _obey(self, opened: "Token", carrier: int, name: str, value: int) -> int:
        """Carry out an order of a head-end, unless a newer order of the same kind came before it."""
        if opened.sequence < self._ledger.account.standing.newest_order(name):
            return outcome.OUTDATED
        self._set_number(STANDING, name, value, opened, carrier)
        return self._accepted(opened, carrier, value, opened.sequence)

    def _set_number(self, holder: int, name: str, value: int, opened: "Token", carrier: int) -> None:
        self._ledger.set_number(holder, name, value, self._timekeeper.now_s(), opened.sequence, carrier)

    def _change(self, opened: "Token", alter: "Callable[[Account], None]") -> None:
        """Change the whole account, with the token's number in the same snapshot."""

        def alter_and_mark(account: "Account") -> None:
            alter(account)
            account.mark_token(opened.sequence)

        self._ledger.change(alter_and_mark)

    def _log(self, opened: "Token", carrier: int, amount: int, balance: int) -> None:
        if self._stores is not None:
            now_s = self._timekeeper.now_s()
            self._stores.top_ups.note(opened.kind, opened.sequence, carrier, now_s, amount, balance)

    def _accepted(self, opened: "Token", carrier: int, number: int, extra: int) -> int:
        """Note the event that the token's row in `token.KINDS` names. Return ACCEPTED."""
        self._events.note(token.event_code(opened.kind), carrier, self._timekeeper.now_s(), number, extra)
        return outcome.ACCEPTED
