"""Compares a meter under attack with its book, after every action."""

from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.token_rules import KEYS, RECEIPTS
from tests.services.console.console_bench import METER_NUMBER
from wattpurse.core import outcome
from wattpurse.core.messages import token
from wattpurse.core.money import supply

_DAY_S = 86_400
_BY_HAND_S = 900
_GIVEN_S = 600
_RULES = (token.CONTRACT, token.TARIFF, token.TERM, token.DISPENSE)
_MAY_BE_LATE = (token.TARIFF, token.CLOCK, token.CLOCK_BACK, token.PERMIT, token.SHORTAGE)
_LIMITED = {token.CREDIT_MONEY: 0, token.CREDIT_ENERGY: 1, token.DISPENSE: 1}


class Judge:
    """The judge of the meter on `bench`. `true_s` is the true time that went by.

    Without the PIN nobody changes a rule.
    """

    def __init__(self, bench, book, knows_pin: bool):
        self._bench = bench
        self._book = book
        self._knows_pin = knows_pin
        self._offered = []
        self._moved_s = 0
        self._shares = 0
        self.true_s = 0
        self.begin()

    @property
    def _account(self):
        return self._bench.meter.ledger.account

    def begin(self):
        """Begin an action."""
        account = self._account
        self._book.begin()
        self._offered = []
        self._left_s = self._left_of_term_s()
        self._day_mwh = account.day_mwh
        self._sums = account.money.sums(), account.energy.sums()
        self._rules = _rules_of(account)
        self._given_s = 1

    def power_failed(self):
        """Note a power cut in this action: a lost clock goes on from its last note, which is minutes old at most."""
        self._given_s = _GIVEN_S

    def offered(self, ones: list):
        """Note the tokens that the meter is about to see, in their order."""
        self._offered = list(ones)

    def told(self, one, result: int):
        """Judge the outcome of one undisturbed token."""
        book = self._book
        if book.is_under_next_key(one):
            book.go_over()
        expected = self._refusal(one)
        if expected not in (None, result):
            raise Broken(DOUBLED, f"{one} needs '{outcome.text(expected)}', was met with '{outcome.text(result)}'")
        if expected is None and result not in self._possible(one):
            raise Broken(LOST, f"{one} was met with '{outcome.text(result)}'")
        if result == outcome.ACCEPTED:
            book.take(one)
        elif result in (outcome.OUTDATED, outcome.OTHER_TENANT) and book.may_be_voided(one):
            book.void(one, result)
        self._offered = []

    def _refusal(self, one):
        return self._book.refusal(one) if self._book.is_under_key(one) else outcome.UNREADABLE

    def _possible(self, one):
        """Return the possible outcomes of a token that nothing in the book refuses."""
        if one.kind in _MAY_BE_LATE:
            return outcome.ACCEPTED, outcome.OUTDATED
        if one.kind in _LIMITED and self._account.credit_limit(_LIMITED[one.kind]):
            return outcome.ACCEPTED, outcome.OVER_LIMIT
        return (outcome.ACCEPTED,)

    def settle(self):
        """Find out which of the tokens offered were redeemed or voided, after a tap or a power cut."""
        for one in self._offered:
            self._settle_one(one)
        self._offered = []

    def _settle_one(self, one):
        """Enter what became of one token. A cut may leave the key of a key token there, and its number unused."""
        book, account = self._book, self._account
        if book.is_under_next_key(one) and self._keys_of_meter()[0] == book.next_key:
            book.go_over()
        expected = self._refusal(one)
        if book.numbers.is_used(one.sequence) or not account.token_is_used(one.sequence):
            if expected is None and one.kind in KEYS and one.fields in self._keys_of_meter():
                book.take_key(one)
            return
        reason = dict(account.voided.newest).get(one.sequence)
        if expected not in (None, reason) or (reason is not None and not book.may_be_voided(one)):
            raise Broken(DOUBLED, f"{one} needs '{outcome.text(expected)}', but has effect or is used up: {reason}")
        if reason is None:
            book.take(one)
        else:
            book.void(one, reason)

    def check(self, when: str):
        """Raise Broken unless the meter is as its book says."""
        if self._account is None or self._bench.meter.fault != supply.ON:
            raise Broken(LOST, f"{when}: the meter is out of service")
        self._book.check(self._account, when)
        self._check_registers(when)
        self._check_debt(when)
        self._check_keys(when)
        self.check_time(when)
        if not self._knows_pin and _rules_of(self._account) != self._rules and not self._book.has_taken(*_RULES):
            raise Broken(BROKEN_RULES, f"{when}: the rules are {_rules_of(self._account)}, without PIN or token")

    def check_time(self, when: str):
        """Check that no move of the clock makes a paid term longer, or gives more daily shares than days went by.

        Call after every move, before another token is redeemed.
        """
        account, left_s = self._account, self._left_of_term_s()
        bought_s = sum([one.fields[0] for one in self._book.taken_now if one.kind == token.DAYS])
        if left_s > self._left_s + bought_s + self._given_s:
            raise Broken(DOUBLED, f"{when}: {left_s} s of the term are left, before {self._left_s} and {bought_s} more")
        self._shares += account.day_mwh < self._day_mwh
        self._day_mwh = account.day_mwh
        days = (self.true_s + self._moved_s) // _DAY_S
        if self._shares > days + 2 + _BY_HAND_S * (days + 2) // _DAY_S:
            raise Broken(DOUBLED, f"{when}: {self._shares} daily shares in {days} days")

    def check_move(self, line: str, seconds: int, was_trusted: bool):
        """Check a move of the clock without a token: a trusted clock moves by minutes, and no clock far back."""
        if seconds < -_BY_HAND_S or (was_trusted and seconds > _BY_HAND_S + 1):
            raise Broken(BROKEN_RULES, f"{line}: the clock moved by {seconds} s without a token")

    def end(self):
        """End an action: clock tokens redeemed in it let days pass."""
        self._moved_s += sum([_DAY_S for one in self._book.taken_now if one.kind in (token.CLOCK, token.CLOCK_BACK)])

    def _keys_of_meter(self):
        """Return the meter key in force, the next one, and the site key, each as `(version, key)`."""
        settings = self._bench.meter.settings
        return (
            (settings.get("key_version", 0), settings.get("meter_key")),
            (settings.get("next_key_version", 0), settings.get("next_meter_key", b"")),
            (settings.get("site_key_version", 0), settings.get("site_key")),
        )

    def _check_registers(self, when):
        account = self._account
        for register, before in zip((account.money, account.energy), self._sums):
            sums = register.sums()
            if register.balance != sums[0] + sums[3] - sums[1] - sums[2]:
                raise Broken(BROKEN_RULES, f"{when}: the balance does not follow from {sums}")
            if any(now < then for now, then in zip(sums, before)):
                raise Broken(LOST, f"{when}: a sum fell from {before} to {sums}")
            if sums[2:] != before[2:] and not self._book.has_taken(*RECEIPTS):
                raise Broken(LOST, f"{when}: credit was taken out without a receipt: {before} to {sums}")

    def _check_debt(self, when):
        standing = self._account.standing
        debt = standing["debt_added_microunits"] - standing["debt_reduced_microunits"]
        debt -= standing["debt_taken_microunits"] + standing["debt_recovered_microunits"]
        if standing["debt_microunits"] != debt:
            raise Broken(BROKEN_RULES, f"{when}: the debt is {standing['debt_microunits']}, its sums give {debt}")

    def _check_keys(self, when):
        settings, book = self._bench.meter.settings, self._book
        if settings.get("meter_number") != METER_NUMBER:
            raise Broken(BROKEN_RULES, f"{when}: the meter has another number")
        found = *self._keys_of_meter(), settings.get("old_site_key", b"")
        if found != (book.meter_key, book.next_key, book.site_key, book.old_site_key[1]):
            raise Broken(BROKEN_RULES, f"{when}: the meter does not have the keys in force at the office")

    def _left_of_term_s(self):
        meter = self._bench.meter
        return max(0, meter.ledger.account.standing["term_until_s"] - meter.timekeeper.now_s())


def _rules_of(account):
    """Return the rules that only a token, or a person with the PIN, may change."""
    terms = tuple([account.terms[name] for name in ("credit_limit_microunits", "tax_permyriad", "daily_limit_mwh")])
    newest = max(account.tariff.version, account.pending_tariff.version if account.pending_tariff else 0)
    return account.contract.code, terms, newest, account.impulses, account.impulses_per_kwh_divisor
