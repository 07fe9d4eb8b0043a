"""The ledger: the account and its journal. Every change is in flash before the account or anyone else sees it.

RAM is a cache of the journal. The account that `open` recovers equals the account before the power cut, except for the
one write in progress. Energy is journalled as tallies of pulses. Each bit is `step_pulses` of them: at most 0.25 Wh, or
one pulse. Everything else is a record. A record carries the pulses below one step, so that a rate is charged exactly up
to its last pulse. Rare and large changes (tariff, contract, calibration, refunds) are made by a roll: the snapshot is
the record.
"""

from wattpurse.core.carrier import METER
from wattpurse.core.journal.journal import Journal
from wattpurse.core.money import account_image, clock_rules, credit_rules
from wattpurse.core.money import ledger_records as records
from wattpurse.core.money.account import Account
from wattpurse.core.money.ledger_records import DAYS_AT_ONCE, NO_TOKEN, LedgerMismatch
from wattpurse.core.outcome import ACCEPTED
from wattpurse.core.tariffs.calendar import DAY_S, LATEST_S

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wattpurse.core.money.card_register import CardRegister
    from wattpurse.core.money.key_card import CardContent
    from wattpurse.core.money.known_cards import KnownCard
    from wattpurse.hal import Flash

RING = 1
CREDIT_AMOUNT_LIMIT = 10**15

_STEP_DIVISOR = 4000  # steps per kWh at least: one step is at most 0.25 Wh


class Ledger:
    """The ledger on `sectors` sectors, each in two copies, from sector `first_sector` of `flash`.

    `recorded_s` is the time of the newest record, apart from notes of the time since the start. `register` keeps the
    key cards that leave the account's list. Without it such cards are forgotten.
    """

    def __init__(self, flash: "Flash", first_sector: int, sectors: int, register: "CardRegister | None" = None) -> None:
        self._journal = Journal(flash, first_sector, sectors, RING, self._snapshot)
        self._register = register
        self.account = None
        self.recorded_s = 0
        self._pending_pulses = 0
        self._step_pulses = 1

    @property
    def degraded(self) -> bool:
        """True while the newest state has only one good copy."""
        return self._journal.degraded

    def open(self) -> None:
        """Recover the account. Raise ring.JournalBlank, slots.JournalUnreadable, LedgerMismatch, ValueError or OSError.

        After an exception nothing was written. Nothing is written either if the state is firm already, as it is after a
        start without energy or records.
        """
        snapshot, entries = self._journal.recover()
        try:
            self._rebuild(snapshot, entries)
            self._journal.make_firm()
        except (LedgerMismatch, ValueError, OSError):
            self.close()
            raise
        self.recorded_s = self.account.time_s

    def create(self, account: Account) -> None:
        """Create a ledger in blank flash with `account`. Raise ValueError if the flash is not blank."""
        self._adopt(account)
        self.recorded_s = account.time_s
        try:
            self._journal.create()
            self._journal.mark_firm()
        except (ValueError, OSError):
            self.close()
            raise

    def close(self) -> None:
        """Forget the account: after this nothing can be charged or credited."""
        self.account = None

    def count_by_records(self) -> None:
        """Count energy in records of its own, for flash that does not keep a byte that is programmed again."""
        self._journal.count_by_records()

    def erase(self) -> None:
        """Erase the ledger and its content. Call only for a person's explicit order."""
        self.close()
        self._journal.erase()

    def advance(self, now_s: int, pulses: int) -> None:
        """Count and charge `pulses` since the last call, spread evenly over the time up to `now_s`.

        If the clock stands still or went back, the pulses belong to the context in force. Raise ValueError for a leap
        of more than DAYS_AT_ONCE days: no clock is believed that far.
        """
        start_s = self.account.time_s
        self.refuse_leap(now_s)
        if now_s < self.account.change_s or now_s <= start_s:
            self._count(pulses)
        elif pulses == 0:
            self._pass_quietly(now_s)
        else:
            self._count_across(start_s, now_s, pulses)
        self.account.time_s = max(start_s, now_s)

    def refuse_leap(self, now_s: int) -> None:
        """Raise ValueError for a time beyond LATEST_S, or more than DAYS_AT_ONCE days ahead of the account's time."""
        if now_s > LATEST_S:
            raise ValueError("no clock may pass the end of 2105")
        if now_s > self.account.time_s + DAYS_AT_ONCE * DAY_S:
            raise ValueError(f"the clock would leap more than {DAYS_AT_ONCE} days ahead")

    def credit(self, sequence: int, unit: int, amount: int, carrier: int, now_s: int) -> int:
        """Redeem token `sequence` for `amount` of `unit` (contract.MONEY or ENERGY). Return the new balance.

        Redemption and balance, less the share of a debt, are one record. Raise ValueError if the token is used, or if
        the amount or the sum of all credit is out of range.
        """
        if not -CREDIT_AMOUNT_LIMIT <= amount <= CREDIT_AMOUNT_LIMIT or not self.account.credit_register(unit).has_room(
            amount
        ):
            raise ValueError("amount out of range")
        self._refuse_used(sequence)
        balance = credit_rules.balance_after(self.account, unit, amount)
        self._record(records.CREDIT, records.credit(now_s, sequence, unit, carrier, amount, balance))
        return balance

    def redeem(self, sequence: int, token_kind: int, carrier: int, now_s: int, result: int = ACCEPTED) -> None:
        """Note a token without credit as redeemed, or as voided for the outcome `result`.

        Raise ValueError if it is used.
        """
        self._refuse_used(sequence)
        payload = records.token(now_s, self._pending_pulses, sequence, token_kind, carrier, result)
        self._record_with_pulses(records.TOKEN, payload)

    def buy_time(self, sequence: int, duration_s: int, carrier: int, now_s: int) -> None:
        """Redeem token `sequence` for seconds of a term, in one record.

        Raise ValueError if the token is used, or if the term or the sum of all time is out of range.
        """
        self._refuse_used(sequence)
        standing = self.account.standing
        standing.check(standing.place("term_until_s"), credit_rules.term_end_s(self.account, now_s, duration_s))
        standing.check(standing.place("term_bought_s"), standing["term_bought_s"] + duration_s)
        payload = records.amount(now_s, self._pending_pulses, sequence, carrier, duration_s)
        self._record_with_pulses(records.TIME_BOUGHT, payload)

    def change_debt(self, sequence: int, amount: int, carrier: int, now_s: int) -> None:
        """Redeem token `sequence`, which changes the debt by `amount` (not below zero), in one record.

        Raise ValueError if the token is used, or if the debt or a sum of debt is out of range.
        """
        self._refuse_used(sequence)
        standing = self.account.standing
        standing.check(standing.place("debt_microunits"), credit_rules.debt_after(self.account, amount))
        for name in ("debt_added_microunits", "debt_reduced_microunits"):
            standing.check(standing.place(name), standing[name] + abs(amount))
        payload = records.amount(now_s, self._pending_pulses, sequence, carrier, amount)
        self._record_with_pulses(records.DEBT_CHANGED, payload)

    def set_number(
        self,
        holder: int,
        name: str,
        value: int,
        now_s: int,
        sequence: int = NO_TOKEN,
        by: int = METER,
    ) -> None:
        """Set one of the account's numbers and redeem its token, in one record.

        `holder` is TERMS or STANDING of `ledger_records`. Raise ValueError if the token is used, for an unknown name,
        or for a value out of range.
        """
        if sequence != NO_TOKEN:
            self._refuse_used(sequence)
        numbers = records.numbers_of(self.account, holder)
        place = numbers.place(name)
        numbers.check(place, value)
        payload = records.number(now_s, self._pending_pulses, sequence, by, holder, place, value)
        self._record_with_pulses(records.NUMBER, payload)

    def known_card(self, card_number: int) -> "KnownCard | None":
        """Return the card with that number as account or register know it, or None."""
        known = self.account.cards.find(card_number)
        return self._register.find(card_number) if known is None and self._register is not None else known

    def card_is_genuine(self, card_number: int, content: "CardContent") -> bool:
        """Return False for an older image of a card that account or register know, and for impossible numbers."""
        known = self.known_card(card_number)
        return content.is_plausible and (known is None or known.is_genuine(content.version, content.spent))

    def take_card(self, card_number: int, content: "CardContent", now_s: int) -> None:
        """Accept a key card (key_card.CardContent) in the slot, which pays from now on. Write two records or three.

        Before the last record no card pays. The register notes the card that leaves the account's list before the
        record that drives it out, so a power cut in between forgets nothing. Raise ValueError unless `card_is_genuine`.
        """
        if not self.card_is_genuine(card_number, content):
            raise ValueError("an older image of a card, or numbers that no card can have")
        cards = self.account.cards
        if self._register is not None and cards.find(card_number) is None:
            returning = self._register.find(card_number)
            if cards.next_to_leave is not None:
                self._register.note(cards.next_to_leave)
            if returning is not None and returning.may_have_paid(content.spent):
                returning.owed = 0  # the entry is old if the register could not be written: deduct nothing twice
            if returning is not None and (returning.unproved or returning.owed):
                self._record(records.CARD_BACK, records.card_back(now_s, returning))
        self._record_with_pulses(records.CARD, records.card(now_s, self._pending_pulses, card_number, content))
        self._record(records.CARD_TERMS, records.card_terms(now_s, content))

    def step_card(self, content: "CardContent", now_s: int) -> None:
        """Deduct from the newest key card so that it should have `content`, its `content_after_step`.

        Raise ValueError if another step or card came in between.
        """
        card = self.account.cards.newest
        amount = content.spent - card.spent
        if content.version != card.version + 1 or not 0 <= amount <= card.owed:
            raise ValueError("the deduction does not follow the card's state")
        self._record(records.CARD_STEP, records.card_step(now_s, card.number, content.version, amount))

    def change(self, alter: "Callable[[Account], None]") -> None:
        """Change the account by `alter(account)` and write it as the newest snapshot, all or nothing.

        An exception, from `alter` or from the flash, leaves the account as it was.
        """
        before = self.account
        altered = account_image.unpack(account_image.pack(before))
        altered.half_hour, altered.half_hour_from_mwh = before.half_hour, before.half_hour_from_mwh
        altered.count_pulses(self._pending_pulses)
        alter(altered)
        credit_rules.note_balance(altered)
        if not altered.is_plausible():
            raise ValueError("the change leads to an account that no recovery accepts")
        altered.note_next_change()
        self._adopt(altered)
        try:
            self._journal.roll()
        except (OSError, ValueError):
            self._adopt(before)
            raise
        self._pending_pulses = 0

    def set_clock(self, now_s: int, utc_s: int, sequence: int = NO_TOKEN, counted_s: int = 0) -> None:
        """Set the clock from `now_s` to `utc_s`, and redeem the token that orders it, all in one snapshot.

        `counted_s` is the part of the move that counts against the limit of a day (see `clock_rules`). Until
        `settle_clock` the ledger says that the clock chip may be wrong. Raise ValueError if the token is used, or for a
        leap that `refuse_leap` refuses.
        """
        self.refuse_leap(max(now_s, utc_s))
        if sequence != NO_TOKEN and self.account.token_is_used(sequence):
            raise ValueError("token is used")
        self.advance(now_s, 0)

        def move(account: Account) -> None:
            if sequence != NO_TOKEN:
                account.mark_token(sequence)
            if counted_s:
                clock_rules.count_move(account, counted_s)
            clock_rules.move(account, now_s, utc_s)

        self.change(move)

    def settle_clock(self) -> None:
        """Note that the clock chip has the time of the last `set_clock`. Raise OSError."""
        recorded_s = self.recorded_s
        self.set_number(records.STANDING, "clock_doubted", 0, self.account.time_s)
        self.recorded_s = recorded_s

    @property
    def is_firm(self) -> bool:
        """True if nothing was written since a start that has nothing to write: the next start erases nothing then."""
        return self._journal.is_firm

    def note_time(self, duration_s: int) -> None:
        """Record the present time: the clock does not pass it by `duration_s` without another note. Raise OSError.

        A lost clock goes on from there.
        """
        account = self.account
        self._record_with_pulses(records.TIME, records.time(account.time_s, self._pending_pulses, duration_s))

    def prepare(self) -> bool:
        """Erase one sector ahead of need. Return False if none is due.

        The call holds the processor for one erase at most.
        """
        return self._journal.prepare()

    def _refuse_used(self, sequence: int) -> None:
        if self.account.token_is_used(sequence):
            raise ValueError("token is used")

    def _adopt(self, account: Account) -> None:
        self.account = account
        self._step_pulses = max(1, account.impulses // (account.impulses_per_kwh_divisor * _STEP_DIVISOR))

    def _snapshot(self) -> bytes:
        return account_image.pack(self.account)

    def _count(self, pulses: int) -> None:
        """Tally whole steps of pulses. The remainder waits for the next call."""
        self._pending_pulses += pulses
        while self._pending_pulses >= self._step_pulses:
            counted = self._journal.tally(self._pending_pulses // self._step_pulses) * self._step_pulses
            self._pending_pulses -= counted
            self.account.count_pulses(counted)

    def _count_across(self, start_s: int, now_s: int, pulses: int) -> None:
        """Share the pulses out over each period of one rate, one day and one tariff between two times."""
        shared = 0
        while self.account.change_s <= now_s:
            boundary_s = self.account.change_s
            share = pulses * (boundary_s - start_s) // (now_s - start_s)
            self._count(share - shared)
            shared = share
            self._cross(boundary_s)
        self._count(pulses - shared)

    def _pass_quietly(self, now_s: int) -> None:
        """Advance to `now_s` without energy. Only a change of tariff on the way needs a stop."""
        pending = self.account.pending_tariff
        if pending is not None and self.account.time_s < pending.activation_s <= now_s:
            self._cross(pending.activation_s - 1)
            self._cross(pending.activation_s)
        self._cross(now_s)

    def _cross(self, time_s: int) -> None:
        """Enter the day, tariff and rate at `time_s`. Journal each change."""
        if self.account.tariff.demand_microunits_per_kw:
            self._note_demand(time_s)
        pending = self.account.pending_tariff
        if pending is not None and pending.activation_s <= time_s:
            self._activate_pending(time_s)
        day = self.account.tariff.zone.day(time_s)
        if day > self.account.day:
            self._record_with_pulses(records.DAY, records.day(time_s, self._pending_pulses, day))
        rate = self.account.tariff.rate_at(time_s)
        if rate != self.account.rate:
            self._record_with_pulses(records.RATE, records.rate(time_s, self._pending_pulses, rate))
        # Set the time after the records: a record may roll, and a snapshot of this time would keep the old rate.
        self.account.time_s = max(self.account.time_s, time_s)
        self.account.enter_half_hour(self._pending_pulses)
        self.account.note_next_change()

    def _note_demand(self, time_s: int) -> None:
        """Record the energy of the half hour that ended by `time_s` if it has the most of the month so far."""
        demand_mwh = self.account.demand_of(time_s, self._pending_pulses)
        if demand_mwh:
            place = self.account.standing.place("demand_mwh")
            payload = records.number(time_s, self._pending_pulses, NO_TOKEN, METER, records.STANDING, place, demand_mwh)
            self._record_with_pulses(records.NUMBER, payload)

    def _activate_pending(self, time_s: int) -> None:
        """Activate the pending tariff, its rate, and the day that may begin with it.

        All three are in one snapshot, so that a power cut cannot separate them.
        """

        def activate(account: Account) -> None:
            account.time_s = max(account.time_s, time_s)
            account.activate_pending()
            account.enter_context()

        self.change(activate)

    def _rebuild(self, snapshot: bytes, entries: list) -> None:
        """Build the account from a snapshot and the entries behind it.

        If the two copies of a tally differ, use the lower count, in the customer's favour. If a record behind it has
        another balance, a cell of the lower copy has failed: try the other count. Raise LedgerMismatch if none fits.
        """
        try:
            self._rebuild_from(snapshot, entries)
            return
        except LedgerMismatch:
            if not self._journal.other_counts:
                raise
        others = self._journal.other_counts
        for choice in [(other,) for other in others] + [tuple(others)]:
            counted = list(entries)
            for place, steps in choice:
                counted[place] = (None, steps)
            try:
                self._rebuild_from(snapshot, counted)
                return
            except LedgerMismatch:
                continue
        raise LedgerMismatch("no count of a tally leads to the balances behind it")

    def _rebuild_from(self, snapshot: bytes, entries: list) -> None:
        self._adopt(account_image.unpack(snapshot))
        self._replay(entries)
        if not self.account.is_plausible():
            raise LedgerMismatch("the records lead to an impossible account")
        self.account.begin_half_hour()
        self.account.note_next_change()

    def _record_with_pulses(self, kind: int, payload: bytes) -> None:
        """Append a record that carries the pulses below one step. They stay pending until the record is in flash."""
        self._record(kind, payload)
        self._pending_pulses = 0

    def _replay(self, entries: "Iterable[tuple]") -> None:
        """Apply all entries. Charge the tallies between two records as one, so that no fraction is lost."""
        steps = 0
        for kind, content in entries:
            if kind is None:
                steps += content
            else:
                self.account.count_pulses(steps * self._step_pulses)
                steps = 0
                records.apply(self.account, kind, content)
        self.account.count_pulses(steps * self._step_pulses)

    def _record(self, kind: int, payload: bytes) -> None:
        self._journal.append(kind, payload)
        records.apply(self.account, kind, payload)
        if kind != records.TIME:
            self.recorded_s = max(self.recorded_s, records.time_of(payload))
