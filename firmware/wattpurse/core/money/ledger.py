"""The account and the journal as one: what has happened is in flash before the account, or anyone, knows of it.

RAM is a cache of the journal: the account that `open` recovers equals the one that power was cut under, but for the one
write that was under way. Energy is journalled as tallies of pulses, each bit `step_pulses` of them, at most 0.25 Wh or
one pulse; everything else as records, which carry the pulses below one step so that the rate they end is charged to the
pulse. Rare and large changes (tariff, contract, calibration, refunds) are made by a roll: the snapshot is the record.
"""

from wattpurse.core.carrier import METER
from wattpurse.core.journal.journal import Journal
from wattpurse.core.money import account_image, credit_rules
from wattpurse.core.money import ledger_records as records
from wattpurse.core.money.account import Account
from wattpurse.core.money.ledger_records import DAYS_AT_ONCE, NO_TOKEN, LedgerMismatch
from wattpurse.core.tariffs.calendar import DAY_S, month_index

RING = 1
CREDIT_AMOUNT_LIMIT = 10**15

_STEP_DIVISOR = 4000  # steps per kWh at least: 0.25 Wh


class Ledger:
    """The ledger on `sectors` sectors twice over, from sector `first_sector` of `flash`."""

    def __init__(self, flash, first_sector: int, sectors: int) -> None:
        self._journal = Journal(flash, first_sector, sectors, RING, self._snapshot)
        self.account = None
        self._pending_pulses = 0
        self._step_pulses = 1

    @property
    def degraded(self) -> bool:
        """True while the newest state has only one good copy."""
        return self._journal.degraded

    def open(self) -> None:
        """Recover the account. Raises ring.JournalBlank, slots.JournalUnreadable, LedgerMismatch, ValueError, OSError.

        Whatever is raised, nothing was written.
        """
        snapshot, entries = self._journal.recover()
        try:
            self._rebuild(snapshot, entries)
            self._journal.roll()
        except (LedgerMismatch, ValueError, OSError):
            self.close()
            raise

    def create(self, account: Account) -> None:
        """Start a ledger in blank flash with `account`. Raises ValueError if the flash is not blank."""
        self._adopt(account)
        try:
            self._journal.create()
            self._journal.mark_firm()
        except (ValueError, OSError):
            self.close()
            raise

    def close(self) -> None:
        """Forget the account: nothing can be charged or credited any more."""
        self.account = None

    def count_by_records(self) -> None:
        """Count energy in records of its own, for flash that does not keep a byte that is programmed again."""
        self._journal.count_by_records()

    def erase(self) -> None:
        """Erase the ledger and everything in it, for a person's explicit order only."""
        self.close()
        self._journal.erase()

    def advance(self, now_s: int, pulses: int) -> None:
        """Account for `pulses` counted since the last call, evenly over the time since then, up to `now_s`.

        A clock that stands still or went back gives the pulses to the context in force. Raises ValueError for a leap of
        more than DAYS_AT_ONCE days: no clock is to be believed that far.
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

    @property
    def latest_believable_s(self) -> int:
        """The latest time that a clock may say now: DAYS_AT_ONCE days ahead of the account's."""
        return self.account.time_s + DAYS_AT_ONCE * DAY_S

    def refuse_leap(self, now_s: int) -> None:
        """Raises ValueError if `now_s` is later than `latest_believable_s`."""
        if now_s > self.latest_believable_s:
            raise ValueError(f"the clock would leap more than {DAYS_AT_ONCE} days ahead")

    def credit(self, sequence: int, unit: int, amount: int, carrier: int, now_s: int) -> int:
        """Redeem token `sequence` for `amount` of `unit` (contract.MONEY or ENERGY); give back the new balance.

        Redemption and balance, less what a debt takes of it, are one record. Raises ValueError if the token is used or
        the amount, or all that was ever bought with it, is out of range.
        """
        if not -CREDIT_AMOUNT_LIMIT <= amount <= CREDIT_AMOUNT_LIMIT or not self.account.credit_register(unit).has_room(
            amount
        ):
            raise ValueError("amount out of range")
        if self.account.token_is_used(sequence):
            raise ValueError("token is used")
        balance = credit_rules.balance_after(self.account, unit, amount)
        self._record(records.CREDIT, records.credit(now_s, sequence, unit, carrier, amount, balance))
        return balance

    def redeem(self, sequence: int, token_kind: int, carrier: int, now_s: int) -> None:
        """Note a token that brings no credit as redeemed. Raises ValueError if it is used."""
        if self.account.token_is_used(sequence):
            raise ValueError("token is used")
        payload = records.token(now_s, self._pending_pulses, sequence, token_kind, carrier)
        self._record_with_pulses(records.TOKEN, payload)

    def set_number(
        self, holder: int, name: str, value: int, now_s: int, sequence: int = NO_TOKEN, by: int = METER
    ) -> None:
        """Set one of the account's numbers, of `holder` records.TERMS or records.STANDING: one record, with its token.

        Raises ValueError if the token is used, for an unknown name, or for a value out of range.
        """
        if sequence != NO_TOKEN and self.account.token_is_used(sequence):
            raise ValueError("token is used")
        numbers = records.numbers_of(self.account, holder)
        place = numbers.place(name)
        numbers.check(place, value)
        payload = records.number(now_s, self._pending_pulses, sequence, by, holder, place, value)
        self._record_with_pulses(records.NUMBER, payload)

    def take_card(self, card_number: int, content, now_s: int) -> None:
        """A key card (key_card.CardContent) is in the slot and pays for what is used from now on: two records.

        Between the two no card pays. Raises ValueError for an older image of a card that is known, and for numbers that
        no card can have.
        """
        if not content.is_plausible:
            raise ValueError("no card can have come to this")
        if not self.account.cards.is_genuine(card_number, content.version, content.spent):
            raise ValueError("an older image of a card")
        self._record_with_pulses(records.CARD, records.card(now_s, self._pending_pulses, card_number, content))
        self._record(records.CARD_TERMS, records.card_terms(now_s, content))

    def step_card(self, now_s: int) -> None:
        """Deduct what the newest key card owes; the card is to be written as `account.cards.content()` says then."""
        card = self.account.cards.newest
        self._record(records.CARD_STEP, records.card_step(now_s, card.number, card.version + 1, card.owed))

    def change(self, alter) -> None:
        """Let `alter(account)` change what it likes, and make it the newest snapshot, all or nothing.

        Whatever is raised, by `alter` or by the flash, leaves the account as it was.
        """
        before = self.account
        altered = account_image.unpack(account_image.pack(before))
        altered.count_pulses(self._pending_pulses)
        alter(altered)
        credit_rules.note_balance(altered)
        if not altered.is_plausible():
            raise ValueError("the change leads to what no recovery would take")
        altered.note_next_change()
        self._adopt(altered)
        try:
            self._journal.roll()
        except (OSError, ValueError):
            self._adopt(before)
            raise
        self._pending_pulses = 0

    def set_clock(self, now_s: int) -> None:
        """The clock was set by someone with the right to: time may go back, and the rate goes with it.

        A day that was charged is not charged again, and a month that was closed stays closed. The month that runs
        goes back only if it is wrong by more than one: else its blocks and its allowance would begin twice. Raises
        ValueError for a leap of more than DAYS_AT_ONCE days ahead.
        """
        if now_s >= self.account.time_s:
            self.advance(now_s, 0)
            return

        def go_back(account) -> None:
            account.time_s = now_s
            account.day = account.tariff.zone.day(now_s)
            month = account.registers.month
            if month.index - month_index(account.day) > 1:
                month.index = month_index(account.day)
            account.enter_context()

        self.change(go_back)

    def note_time(self) -> None:
        """Write down the time that it is, so that a clock which is lost goes on from here. Raises OSError."""
        account = self.account
        self._record_with_pulses(records.RATE, records.rate(account.time_s, self._pending_pulses, account.rate))

    def prepare(self) -> bool:
        """Erase one sector ahead of need; False if none is due. Holds the processor for one erase at most."""
        return self._journal.prepare()

    def _adopt(self, account) -> None:
        self.account = account
        self._step_pulses = max(1, account.impulses // (account.impulses_per_kwh_divisor * _STEP_DIVISOR))

    def _snapshot(self):
        return account_image.pack(self.account)

    def _count(self, pulses) -> None:
        """Tally whole steps of pulses; what is less waits for the next."""
        self._pending_pulses += pulses
        while self._pending_pulses >= self._step_pulses:
            counted = self._journal.tally(self._pending_pulses // self._step_pulses) * self._step_pulses
            self._pending_pulses -= counted
            self.account.count_pulses(counted)

    def _count_across(self, start_s, now_s, pulses) -> None:
        """Share the pulses out over every stretch of one rate, one day and one tariff between two times."""
        shared = 0
        while self.account.change_s <= now_s:
            boundary_s = self.account.change_s
            share = pulses * (boundary_s - start_s) // (now_s - start_s)
            self._count(share - shared)
            shared = share
            self._cross(boundary_s)
        self._count(pulses - shared)

    def _pass_quietly(self, now_s) -> None:
        """Go on to `now_s` without energy: only a change of tariff on the way has to be stopped at."""
        pending = self.account.pending_tariff
        if pending is not None and self.account.time_s < pending.activation_s <= now_s:
            self._cross(pending.activation_s - 1)
            self._cross(pending.activation_s)
        self._cross(now_s)

    def _cross(self, time_s) -> None:
        """Enter whatever day, tariff and rate hold at `time_s`, journalling what changes."""
        pending = self.account.pending_tariff
        if pending is not None and pending.activation_s <= time_s:
            self._activate_pending(time_s)
        day = self.account.tariff.zone.day(time_s)
        if day > self.account.day:
            self._record_with_pulses(records.DAY, records.day(time_s, self._pending_pulses, day))
        rate = self.account.tariff.rate_at(time_s)
        if rate != self.account.rate:
            self._record_with_pulses(records.RATE, records.rate(time_s, self._pending_pulses, rate))
        # Not before: a record may roll, and a snapshot of this time with the old rate would keep that rate.
        self.account.time_s = max(self.account.time_s, time_s)
        self.account.note_next_change()

    def _activate_pending(self, time_s) -> None:
        """Tariff, its rate, and the day that may begin with it, in one snapshot: no cut leaves one without the rest."""

        def activate(account) -> None:
            account.time_s = max(account.time_s, time_s)
            account.activate_pending()
            account.enter_context()

        self.change(activate)

    def _rebuild(self, snapshot: bytes, entries: list) -> None:
        """Take the account from a snapshot and the entries behind it.

        Where the two copies of a tally count differently, the lower count is taken, in the customer's favour. If the
        records behind it tell of another balance, a cell of the lower copy has failed, and the other count is tried.
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
            raise LedgerMismatch("the records lead to what cannot be")
        self.account.note_next_change()

    def _record_with_pulses(self, kind, payload) -> None:
        """A record that carries the pulses below one step: they are pending until it is in flash."""
        self._record(kind, payload)
        self._pending_pulses = 0

    def _replay(self, entries) -> None:
        """Make every change that the entries tell of. Tallies between two records are one charge: nothing is lost."""
        steps = 0
        for kind, content in entries:
            if kind is None:
                steps += content
            else:
                self.account.count_pulses(steps * self._step_pulses)
                steps = 0
                records.apply(self.account, kind, content)
        self.account.count_pulses(steps * self._step_pulses)

    def _record(self, kind, payload) -> None:
        self._journal.append(kind, payload)
        records.apply(self.account, kind, payload)
