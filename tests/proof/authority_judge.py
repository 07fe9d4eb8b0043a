"""Compares a meter under attack with its book, after every action."""

from tests.proof.authority_book import RECEIPTS
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.page import numbered
from tests.services.console.console_bench import METER_NUMBER
from wattpurse.core import outcome
from wattpurse.core.messages import token
from wattpurse.core.money import supply

_WINDOW = 64
_DAY_S = 86_400
_BY_HAND_S = 900
_GIVEN_S = 600
_RULES = (token.CONTRACT, token.TARIFF, token.TERM, token.DISPENSE)
_MAY_BE = (outcome.ACCEPTED, outcome.OUTDATED, outcome.OVER_LIMIT)


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
        self._keys = self._keys_of_meter()
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
        expected = book.refusal(one)
        book.offer(one)
        if expected not in (None, result):
            raise Broken(DOUBLED, f"{one} needs '{outcome.text(expected)}', was met with '{outcome.text(result)}'")
        if expected is None and result not in _MAY_BE:
            raise Broken(LOST, f"{one} was met with '{outcome.text(result)}'")
        if result == outcome.OVER_LIMIT and not self._limit_of(one):
            raise Broken(LOST, f"{one} was refused without a limit")
        if result != outcome.UNREADABLE:
            book.go_over(one)
        if result == outcome.ACCEPTED:
            book.take(one)
        elif result in (outcome.OUTDATED, outcome.OTHER_TENANT) and book.may_be_voided(one):
            book.void(one, result)
        self._offered = []

    def settle(self):
        """Find out which of the tokens offered were redeemed or voided, after a tap or a power cut."""
        book, account = self._book, self._account
        for one in self._offered:
            expected = book.refusal(one)
            book.offer(one)
            self._follow_keys(one)
            if book.numbers.is_used(one.sequence) or not account.token_is_used(one.sequence):
                continue
            reason = dict(account.voided.newest).get(one.sequence)
            if expected not in (None, reason) or (reason is not None and not book.may_be_voided(one)):
                raise Broken(DOUBLED, f"{one} needs '{outcome.text(expected)}', but has effect or is used up: {reason}")
            if reason is None:
                book.take(one)
            else:
                book.void(one, reason)
        if self._offered:
            self._take_keys()
        self._offered = []

    def check(self, when: str):
        """Raise Broken unless the meter is as its book says."""
        if self._account is None or self._bench.meter.fault != supply.ON:
            raise Broken(LOST, f"{when}: the meter is out of service")
        self._check_credit(when)
        self._check_facts(when)
        self._check_numbers(when)
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

    def end(self):
        """End an action: clock tokens redeemed in it let days pass."""
        self._moved_s += sum([_DAY_S for one in self._book.taken_now if one.kind in (token.CLOCK, token.CLOCK_BACK)])

    def _limit_of(self, one):
        unit = 0 if one.kind == token.CREDIT_MONEY else 1
        return self._account.credit_limit(unit)

    def _follow_keys(self, one):
        if self._bench.meter.settings.get("meter_key") == one.key:
            self._book.go_over(one)

    def _take_keys(self):
        """Take over the keys of the meter, which `check` compares with those of the office: a cut left either step."""
        self._book.meter_key, self._book.next_key, self._book.site_key = self._keys_of_meter()

    def _keys_of_meter(self):
        settings = self._bench.meter.settings
        return (
            (settings.get("key_version", 0), settings.get("meter_key")),
            (settings.get("next_key_version", 0), settings.get("next_meter_key", b"")),
            (settings.get("site_key_version", 0), settings.get("site_key")),
        )

    def _check_credit(self, when):
        account = self._account
        bought = [account.money.bought, account.energy.bought]
        if bought != self._book.bought:
            what = DOUBLED if sum(bought) > sum(self._book.bought) else LOST
            raise Broken(what, f"{when}: bought is {bought}, the tokens add up to {self._book.bought}")
        for register, before in zip((account.money, account.energy), self._sums):
            sums = register.sums()
            if register.balance != sums[0] + sums[3] - sums[1] - sums[2]:
                raise Broken(BROKEN_RULES, f"{when}: the balance does not follow from {sums}")
            if any(now < then for now, then in zip(sums, before)):
                raise Broken(LOST, f"{when}: a sum fell from {before} to {sums}")
            if sums[2:] != before[2:] and not self._book.has_taken(*RECEIPTS):
                raise Broken(LOST, f"{when}: credit was taken out without a receipt: {before} to {sums}")

    def _check_facts(self, when):
        standing = self._account.standing
        found = {name: standing[name] for name in self._book.facts}
        if found != self._book.facts:
            raise Broken(BROKEN_RULES, f"{when}: the meter has {found}, the tokens give {self._book.facts}")
        debt = standing["debt_added_microunits"] - standing["debt_reduced_microunits"]
        debt -= standing["debt_taken_microunits"] + standing["debt_recovered_microunits"]
        if standing["debt_microunits"] != debt:
            raise Broken(BROKEN_RULES, f"{when}: the debt is {standing['debt_microunits']}, its sums give {debt}")

    def _check_numbers(self, when):
        account, numbers = self._account, self._book.numbers
        newest = {issuer: account.tokens.top(issuer) for issuer in account.tokens.issuers()}
        if newest != {issuer: numbers.newest(issuer) for issuer in numbers.counts}:
            raise Broken(BROKEN_RULES, f"{when}: the newest tokens are {newest}")
        if account.voided.newest != self._book.voided:
            raise Broken(BROKEN_RULES, f"{when}: voided are {account.voided.newest}, not {self._book.voided}")
        revoked = {issuer for issuer in range(16) if account.tokens.is_revoked(issuer)}
        if revoked != numbers.revoked:
            raise Broken(BROKEN_RULES, f"{when}: revoked are {revoked}, not {numbers.revoked}")
        for issuer, top in newest.items():
            for count in range(max(1, top - _WINDOW), top + 2):
                number = numbered(issuer, count)
                if account.token_is_used(number) != numbers.is_used(number):
                    raise Broken(DOUBLED if numbers.is_used(number) else LOST, f"{when}: token {issuer}/{count}")

    def _check_keys(self, when):
        settings, book = self._bench.meter.settings, self._book
        meter_keys = {settings.get("meter_key"), settings.get("next_meter_key", b"")}
        site_keys = {settings.get("site_key"), settings.get("old_site_key", b"")}
        if not meter_keys <= book.meter_keys or not site_keys <= book.site_keys:
            raise Broken(BROKEN_RULES, f"{when}: the meter has keys that the office did not send")
        if any(now[0] < before[0] for now, before in zip(self._keys_of_meter()[::2], self._keys[::2])):
            raise Broken(BROKEN_RULES, f"{when}: an older key is in force")
        if settings.get("meter_number") != METER_NUMBER:
            raise Broken(BROKEN_RULES, f"{when}: the meter has another number")
        if self._keys_of_meter() != (book.meter_key, book.next_key, book.site_key) or not book.meter_key[1]:
            raise Broken(BROKEN_RULES, f"{when}: the meter does not have the keys in force at the office")

    def _left_of_term_s(self):
        meter = self._bench.meter
        return max(0, meter.ledger.account.standing["term_until_s"] - meter.timekeeper.now_s())


def _rules_of(account):
    """Return the rules that only a token, or a person with the PIN, may change."""
    terms = tuple([account.terms[name] for name in ("credit_limit_microunits", "tax_permyriad", "daily_limit_mwh")])
    newest = max(account.tariff.version, account.pending_tariff.version if account.pending_tariff else 0)
    return account.contract.code, terms, newest, account.impulses, account.impulses_per_kwh_divisor
