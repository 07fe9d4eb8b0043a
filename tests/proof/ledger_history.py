"""A meter's ledger living through random steps, beside the plain book of the same steps."""

from tests import samples
from tests.proof import rule_steps
from tests.proof.book import Book
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.page import DAY_PLANS, DAY_S, Page, Price, numbered, observe
from tests.proof.small_histories import opened
from wattpurse.core.money.account import Account
from wattpurse.core.money.contract import by_code
from wattpurse.core.money.ledger import Ledger
from wattpurse.core.tariffs.calendar import Zone
from wattpurse.core.tariffs.tariff import Tariff

_CONTRACTS = (1, 1, 1, 2, 3, 4, 6, 7)
_OTHER_ISSUERS = (1, 2, 15)
_CALIBRATIONS = ((1_000, 1), (3_200, 1), (75, 100), (1, 10), (100_000, 1), (1_000_000, 1), (6_400, 3))


class LedgerHistory:
    """One ledger on `flash` and its book. `step()` is one operation, already in the book when it is done."""

    name = "ledger"

    def __init__(self, flash, sectors: int, random):
        self.flash = flash
        self.sectors = sectors
        self.random = random
        self.now_s = samples.NEW_YEAR_S + random.randrange(400 * DAY_S)
        price = self._new_price(1, self.now_s)
        impulses, per_kwh = random.choice(_CALIBRATIONS)
        self.book = Book(Page(self.now_s, impulses, per_kwh, price))
        self.ledger = Ledger(flash, 0, sectors)
        account = Account(_table(price), impulses, per_kwh, by_code(1), self.now_s)
        rule_steps.begin_with(random, self.book.page, account)
        self.ledger.create(account)

    def plan(self):
        """Choose the next operation and write it into the book; `perform` then lets the meter do it."""
        self.book.begin()
        self._perform = self.random.choice(_OPERATIONS)(self)

    def plan_roll(self):
        """Let the next operation be a snapshot and nothing else."""
        self.book.begin()
        self.book.record(lambda page: None)
        self._perform = lambda: self.ledger.change(lambda account: None)

    def perform(self):
        """Perform the planned operation."""
        self._perform()

    def confirm(self):
        """Note the acknowledgement: the living account must agree with the book."""
        self.book.now_may_be()
        self._match(self.ledger.account, "live")

    def rest(self):
        """Let nothing be under way: the acknowledged state must be there, less the pulses that wait."""
        self.book.now_may_be()

    def recovered(self, flash) -> Ledger:
        """Return a meter that starts from `flash`. Raise Broken if it raises anything: its credit is gone then."""
        return opened(Ledger(flash, 0, self.sectors), "the ledger")

    def check(self, ledger: Ledger):
        """Raise Broken unless the recovered account is one that a cut may have left."""
        self._match(ledger.account, "recovered")

    def continued(self, ledger: Ledger, random) -> "LedgerHistory":
        """Return a history of its own that continues from a recovered meter."""
        other = LedgerHistory.__new__(LedgerHistory)
        other.flash, other.sectors, other.random, other.now_s = ledger_flash(ledger), self.sectors, random, self.now_s
        other.book = self.book.copied()
        other.ledger = ledger
        other.book.adopt(self._match(ledger.account, "recovered"), ledger.account.time_s)
        return other

    def _match(self, account, when):
        view = observe(account)
        page = self.book.matching(view)
        if page is not None and account.time_s <= self.now_s:
            return page
        raise Broken(*self._difference(view, account, when))

    def _difference(self, view, account, when):
        """Return the difference in words: less than was acknowledged, more than was given, or something else."""
        first, last = self.book.may_be[0], self.book.may_be[-1]
        lowest, highest = first[0].fed(first[1]), last[0].fed(last[2])
        text = f"{when}: {view} at {account.time_s}, but may be {lowest.view()} to {highest.view()} at {self.now_s}"
        if len(view) > 2:
            gained = [now > most for now, most in zip(view[0] + view[2:3], highest.view()[0] + highest.view()[2:3])]
            missing = [now < least for now, least in zip(view[0] + view[2:3], lowest.view()[0] + lowest.view()[2:3])]
            if any(missing):
                return LOST, text
            if any(gained):
                return DOUBLED, text
        return BROKEN_RULES, text

    def _new_price(self, version, activation_s):
        draw = self.random.randrange
        plan = self.random.choice(DAY_PLANS)
        prices = (draw(400_000), draw(2_000_000))[: len({rate for _, rate in plan})]
        return Price(version, plan, prices, draw(3) * draw(900_000), activation_s)

    def _pass_time(self):
        if self.random.random() < 0.8:
            self.now_s += self.random.choice((0, 1, 7, 900, 3_600, 7 * 3_600))
        else:
            self.now_s += self.random.randrange(40 * DAY_S)

    def _advance(self):
        self._pass_time()
        pulses = self.random.choice((0, 1, 1, 2, 9, 250, 3_000)) * self.random.choice((1, self.book.page.step))
        # Tallies of more than a sector would only make the case long.
        pulses = min(pulses, 2_000 * self.book.page.step)
        now_s = self.now_s
        self.book.advance(now_s, pulses)
        return lambda: self.ledger.advance(now_s, pulses)

    @property
    def issuers(self) -> tuple:
        """The issuers whose tokens may still come. The first is the office."""
        return (0, *[issuer for issuer in _OTHER_ISSUERS if issuer not in self.book.page.revoked])

    def fresh_number(self) -> int:
        """Return the number of a token that may still come, in the order of its issuer or late."""
        page, issuer = self.book.page, self.random.choice((0, 0, self.random.choice(self.issuers)))
        top = page.newest(issuer)
        late = [numbered(issuer, count) for count in range(max(1, top - 66), top)]
        free = [number for number in late if not page.is_used(number)]
        if free and self.random.random() < 0.3:
            return self.random.choice((free[0], self.random.choice(free)))
        return numbered(issuer, top + self.random.choice((1, 1, 1, 2, 3, 63, 64, 65, 1_000)))

    def _credit(self):
        number = self.fresh_number()
        unit = self.random.randrange(2)
        amount = self.random.choice((1, 20_000_000, self.random.randrange(1, 10 ** self.random.randrange(5, 10))))
        self.book.credit(number, unit, amount)
        return lambda: self.ledger.credit(number, unit, amount, 1, self.now_s)

    def _redeem(self):
        number = self.fresh_number()
        self.book.record_token(number, lambda page: None)
        return lambda: self.ledger.redeem(number, 5, 1, self.now_s)

    def _redeem_again(self):
        page, issuer = self.book.page, self.random.choice(self.issuers)
        top = page.newest(issuer)
        known = [numbered(issuer, count) for count in range(max(1, top - 70), top + 1)]
        used = [number for number in known if page.is_used(number)]
        if not used:
            return self._advance()
        number = self.random.choice((used[0], used[-1], self.random.choice(used)))
        return lambda: self._refused(number)

    def _refused(self, number):
        for attempt in (
            lambda: self.ledger.credit(number, 0, 5, 1, self.now_s),
            lambda: self.ledger.redeem(number, 5, 1, self.now_s),
        ):
            try:
                attempt()
            except ValueError:
                continue
            raise Broken(DOUBLED, f"token {number} was redeemed again")

    def change(self, alter_page, alter_account, number=None):
        """Plan a change by token: the number is marked in the same snapshot."""
        if number is None:
            number = self.fresh_number()

        def on_account(account):
            alter_account(account)
            account.mark_token(number)

        self.book.record_token(number, alter_page)
        return lambda: self.ledger.change(on_account)

    def _change_contract(self):
        code = self.random.choice(_CONTRACTS)
        return self.change(
            lambda page: setattr(page, "contract", code), lambda account: setattr(account, "contract", by_code(code))
        )

    def _change_tariff(self):
        page = self.book.page
        version = max(page.price.version, page.pending.version if page.pending else 0) + 1
        ahead_s = self.random.choice((0, 1, 3_600, DAY_S, DAY_S - self.now_s % DAY_S, 30 * DAY_S))
        price = self._new_price(version, self.now_s + ahead_s)
        return self.change(
            lambda page: setattr(page, "pending", price),
            lambda account: setattr(account, "pending_tariff", Tariff(_table(price))),
        )

    def _calibrate(self):
        impulses, per_kwh = self.random.choice(_CALIBRATIONS)

        def on_page(page):
            page.impulses, page.per_kwh = impulses, per_kwh
            page.pulses_at_calibration = page.pulses

        self.book.record(on_page)
        return lambda: self.ledger.change(lambda account: account.calibrate(impulses, per_kwh))

    def _set_clock(self):
        moves_s = (-1, -3_600, -3 * DAY_S, -40 * DAY_S, -100 * DAY_S, 1, 3_600, 3 * DAY_S, 40 * DAY_S)
        now_s, utc_s = self.now_s, self.now_s + self.random.choice(moves_s)
        self.book.advance(now_s, 0)
        self.book.set_clock(utc_s)
        self.now_s = max(now_s, utc_s)
        return lambda: self.ledger.set_clock(now_s, utc_s)

    def _note_time(self):
        self.book.record(lambda page: None)
        return lambda: self.ledger.note_time(60)

    def _prepare(self):
        return self.ledger.prepare

    def _erase_ahead(self):
        return self.ledger._journal.prepare


_OPERATIONS = (
    *[LedgerHistory._advance] * 8,
    *[LedgerHistory._credit] * 5,
    *[LedgerHistory._redeem] * 2,
    *[LedgerHistory._redeem_again] * 2,
    LedgerHistory._change_contract,
    LedgerHistory._change_tariff,
    *rule_steps.STEPS,
    LedgerHistory._calibrate,
    LedgerHistory._set_clock,
    LedgerHistory._note_time,
    LedgerHistory._prepare,
    LedgerHistory._erase_ahead,
)


def ledger_flash(ledger: Ledger):
    """Return the flash that a ledger was opened on."""
    return ledger._journal._ring._flash


def _table(price):
    return samples.flat_tariff(
        version=price.version,
        activation_s=price.activation_s,
        zone=Zone(0),
        standing_charge_microunits=price.standing,
        rates=tuple([(f"R{rate}", (micro_units,), ()) for rate, micro_units in enumerate(price.prices)]),
        day_types=(price.plan,),
    )
