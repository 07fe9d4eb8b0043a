"""What each kind of token does to the meter, once: its effect and its number are in flash together, or neither.

Amounts are refused above the credit limit, and then stay where they were; what is older than what is in force is
refused as outdated; what cannot be is not supported. A refused token is not used, and may come again.
"""

from wattpurse.core import outcome
from wattpurse.core.messages import token
from wattpurse.core.money import contract as contracts
from wattpurse.core.money import credit_rules, terms
from wattpurse.core.money.ledger import CREDIT_AMOUNT_LIMIT
from wattpurse.core.money.ledger_records import STANDING, TERMS
from wattpurse.core.records import events
from wattpurse.core.tariffs.tariff import Tariff


class TokenEffects:
    """The effects on `ledger`, `settings` and the clock of one meter, logged in the `top_ups` of `records`, if any.

    `key_roll` (services.key_roll) has those of key tokens.
    """

    def __init__(self, settings, ledger, events_log, timekeeper, key_roll, records=None) -> None:
        self._settings = settings
        self._ledger = ledger
        self._events = events_log
        self._timekeeper = timekeeper
        self._records = records
        self._effects = {
            token.CREDIT_MONEY: self._credit,
            token.CREDIT_ENERGY: self._credit,
            token.CONTRACT: self._change_contract,
            token.TARIFF: self._take_tariff,
            token.CLOCK: self._set_clock,
            token.CLEAR_TAMPER: self._clear_tamper,
            token.TERM: self._set_term,
            token.DAYS: self._add_days,
            token.DISPENSE: self._dispense,
            token.REFUND: self._take_back,
            token.CLEAR: self._clear,
            token.TENANT: self._change_tenant,
            token.DEBT: self._change_debt,
            token.PERMIT: self._permit,
            token.SWITCH: self._order_switch,
            token.SHORTAGE: self._set_shortage,
            token.METER_KEY: key_roll.take_meter_key,
            token.SITE_KEY: key_roll.take_site_key,
        }

    def take(self, opened, carrier: int) -> int:
        """Let an authentic token that is not used have its effect; give back an `outcome`.

        Raises ValueError for a body that does not fit its kind, OSError if flash does not take it; nothing has changed
        then.
        """
        effect = self._effects.get(opened.kind)
        if effect is None:
            return outcome.NOT_SUPPORTED
        result = effect(opened, carrier)
        if result == outcome.ACCEPTED and effect != self._credit:
            self._log(opened, carrier, 0, 0)
        return result

    def finish_clearing(self) -> None:
        """Clear the tamper if the ledger has redeemed the token that is to clear it. Raises OSError."""
        sequence = self._settings.get("tamper_token", 0)
        if sequence == 0:
            return
        if self._ledger.account.token_is_used(sequence):
            self._settings.set_all((("tamper", 0), ("tamper_token", 0)))
        else:
            self._settings.set("tamper_token", 0)

    def _credit(self, opened, carrier):
        (amount,) = opened.fields()
        is_money = opened.kind == token.CREDIT_MONEY
        unit = contracts.MONEY if is_money else contracts.ENERGY
        refusal = self._refusal_of_amount(unit, amount)
        if refusal is not None:
            return refusal
        self._log(opened, carrier, amount, credit_rules.balance_after(self._ledger.account, unit, amount))
        self._ledger.credit(opened.sequence, unit, amount, carrier, self._timekeeper.now_s())
        return self._accepted(
            events.CREDIT_MONEY if is_money else events.CREDIT_ENERGY, carrier, amount, opened.sequence
        )

    def _refusal_of_amount(self, unit, amount):
        """The outcome that an amount to be credited meets, or None."""
        account = self._ledger.account
        limit = account.credit_limit(unit)
        if not 0 < amount <= CREDIT_AMOUNT_LIMIT or not account.credit_register(unit).has_room(amount):
            return outcome.NOT_SUPPORTED
        if limit != terms.NO_LIMIT and credit_rules.balance_after(account, unit, amount) > limit:
            return outcome.OVER_LIMIT
        return None

    def _change_contract(self, opened, carrier):
        contract = contracts.by_code(opened.fields()[0])
        self._change(opened, lambda account: setattr(account, "contract", contract))
        return self._accepted(events.CONTRACT_CHANGED, carrier, contract.code, opened.sequence)

    def _take_tariff(self, opened, carrier):
        tariff = Tariff(opened.body)
        if not self._ledger.account.is_newer_tariff(tariff):
            return outcome.OUTDATED
        self._change(opened, lambda account: setattr(account, "pending_tariff", tariff))
        return self._accepted(events.TARIFF_SENT, carrier, tariff.version, opened.sequence)

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
        return self._accepted(events.CLOCK_SET, carrier, utc_s, opened.sequence)

    def _clear_tamper(self, opened, carrier):
        """The ledger decides and the settings follow; what they wait for is noted before, so a start can finish it."""
        opened.fields()
        self._settings.set("tamper_token", opened.sequence)
        self._settings.make_firm()
        self._ledger.redeem(opened.sequence, opened.kind, carrier, self._timekeeper.now_s())
        self.finish_clearing()
        return self._accepted(events.TAMPER_CLEARED, carrier, 0, opened.sequence)

    def _set_term(self, opened, carrier):
        place, value = opened.fields()
        names = terms.names()
        if place >= len(names):
            return outcome.NOT_SUPPORTED
        self._set_number(TERMS, names[place], value, opened, carrier)
        return self._accepted(events.TERM_CHANGED, carrier, place, value)

    def _add_days(self, opened, carrier):
        """A renewal before the term ends adds to it; one that comes later begins now."""
        (duration_s,) = opened.fields()
        if duration_s == 0:
            return outcome.NOT_SUPPORTED
        until_s = self._extended("term_until_s", duration_s)
        self._set_number(STANDING, "term_until_s", until_s, opened, carrier)
        return self._accepted(events.DAYS_BOUGHT, carrier, until_s, opened.sequence)

    def _dispense(self, opened, carrier):
        """kWh, daily maximum and validity come as one."""
        energy_mwh, daily_limit_mwh, duration_s = opened.fields()
        refusal = self._refusal_of_amount(contracts.ENERGY, energy_mwh)
        if refusal is not None:
            return refusal
        until_s = self._extended("dispenser_until_s", duration_s)

        def alter(account) -> None:
            account.terms.set("daily_limit_mwh", daily_limit_mwh)
            account.standing.set("dispenser_until_s", until_s)
            credit_rules.take_credit(account, contracts.ENERGY, energy_mwh)

        self._change(opened, alter)
        return self._accepted(events.DISPENSED, carrier, energy_mwh, until_s)

    def _extended(self, name, duration_s):
        """The time at which what was bought ends when `duration_s` is added to it."""
        return max(self._ledger.account.standing[name], self._timekeeper.now_s()) + duration_s

    def _take_back(self, opened, carrier):
        unit, amount = opened.fields()
        if amount < 0:
            return outcome.NOT_SUPPORTED
        self._change(opened, lambda account: credit_rules.take_back(account, opened.sequence, unit, amount))
        taken = self._ledger.account.standing["receipt_microunits" if unit == contracts.MONEY else "receipt_mwh"]
        return self._accepted(events.TAKEN_BACK, carrier, taken, opened.sequence)

    def _clear(self, opened, carrier):
        opened.fields()
        self._change(opened, lambda account: credit_rules.clear(account, opened.sequence))
        return self._accepted(events.CLEARED, carrier, 0, opened.sequence)

    def _change_tenant(self, opened, carrier):
        """What the former tenant had and owed is on the receipt; the next one begins with nothing."""
        (tenant,) = opened.fields()

        def alter(account) -> None:
            credit_rules.clear(account, opened.sequence)
            account.standing.set("tenant", tenant)

        self._change(opened, alter)
        return self._accepted(events.TENANT_CHANGED, carrier, tenant, opened.sequence)

    def _change_debt(self, opened, carrier):
        (amount,) = opened.fields()
        debt = max(0, self._ledger.account.standing["debt_microunits"] + amount)
        self._set_number(STANDING, "debt_microunits", debt, opened, carrier)
        return self._accepted(events.DEBT_CHANGED, carrier, debt, opened.sequence)

    def _permit(self, opened, carrier):
        """A permit only ever lasts longer: an earlier one that comes late is refused, and an end is ordered."""
        (until_s,) = opened.fields()
        if until_s <= self._ledger.account.standing["permit_until_s"]:
            return outcome.OUTDATED
        self._set_number(STANDING, "permit_until_s", until_s, opened, carrier)
        return self._accepted(events.PERMITTED, carrier, until_s, opened.sequence)

    def _order_switch(self, opened, carrier):
        (is_open,) = opened.fields()
        return self._obey(opened, carrier, "ordered_open", is_open, events.SWITCH_ORDERED)

    def _set_shortage(self, opened, carrier):
        (level,) = opened.fields()
        return self._obey(opened, carrier, "shortage_level", level, events.SHORTAGE)

    def _obey(self, opened, carrier, name, value, event):
        """An order of a head-end, unless a newer one of its kind came before it."""
        if opened.sequence < self._ledger.account.standing.newest_order(name):
            return outcome.OUTDATED
        self._set_number(STANDING, name, value, opened, carrier)
        return self._accepted(event, carrier, value, opened.sequence)

    def _set_number(self, holder, name, value, opened, carrier) -> None:
        self._ledger.set_number(holder, name, value, self._timekeeper.now_s(), opened.sequence, carrier)

    def _change(self, opened, alter) -> None:
        """A change of the whole account, with the token's number in the same snapshot."""

        def alter_and_mark(account) -> None:
            alter(account)
            account.mark_token(opened.sequence)

        self._ledger.change(alter_and_mark)

    def _log(self, opened, carrier, amount, balance) -> None:
        if self._records is not None:
            now_s = self._timekeeper.now_s()
            self._records.top_ups.note(opened.kind, opened.sequence, carrier, now_s, amount, balance)

    def _accepted(self, code, carrier, number=0, extra=0):
        self._events.note(code, carrier, self._timekeeper.now_s(), number, extra)
        return outcome.ACCEPTED
