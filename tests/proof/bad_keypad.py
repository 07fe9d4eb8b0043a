"""Bad entries at the keypad: keys at random, and digits that a customer, a thief or an insider could have.

The digits are genuine ones with a few of them changed, ones for another meter, tenant, key or issuer, used ones, ones
from outside the window and above the term, all with the check digit that fits. A thief waits the delay out, cuts the
power in an entry, and types without end. The meter has no credit, and its supply stays off.

Every fourth batch is typed key by key, with the display. The others hand their digits over at once.
"""

import random as randoms

from boards.host.chips.aes import aes
from boards.host.chips.power import PowerCut
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.mutation import bound_heap
from tests.proof.small_meter import seal
from tests.services.console.console_bench import METER_KEY, METER_NUMBER, Bench
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import short_token, token
from wattpurse.core.money import supply, terms
from wattpurse.core.seals import keys
from wattpurse.services.keypad import KeypadEntry

NAME = "bad-keypad"
ABOUT = "entries at the keypad: mistyped, guessed, foreign, used"
SHORT_CASES = 5
LONG_CASES = 2_500

_BATCH = 400
_HEAP_LIMIT = 96 * 1024  # with the events that the simulation keeps
_HUGE = 4_000
_BETWEEN_KEYS_MS = 8
_DIGITS = "0123456789"
_KEYS = "123456789*0#"
_LIMIT = 10**12
_USED = 70
_NEWEST = 100
_TERMS = (
    (_USED, "short_token_limit_microunits", _LIMIT),
    (_USED + 1, "short_token_limit_mwh", 10**15),
    (_NEWEST, "short_token_limit_days", 9_999),
)
_LONGEST_WAIT_S = 3_600
_AMOUNTS = (10_000, 5_000_000, 999_900_000)


def run_case(seed: int, tally):
    """Type a batch of entries at one meter."""
    random = randoms.Random(f"{NAME} {seed}")
    thief = _Thief(random, tally, seed % 4 == 0)
    for _ in range(_BATCH):
        thief.type_entry(thief.entry())
        tally.cases += 1
        tally.faults += 1
    thief.judge()
    thief.types_keys = True
    bound_heap(tally, _HEAP_LIMIT, thief.type_entry, "".join(random.choice(_KEYS) for _ in range(40)))
    bound_heap(tally, _HEAP_LIMIT, thief.type_entry, "7" * _HUGE)
    bound_heap(tally, _HEAP_LIMIT, thief.type_entry, "#" * 200)


class _Thief:
    """Somebody at the keypad of a meter that lets much money be typed, and has redeemed three orders by card."""

    def __init__(self, random, tally, types_keys):
        self.types_keys = types_keys
        self._random = random
        self._tally = tally
        self._bench = Bench()
        self._bench.commission()
        for count, name, limit in _TERMS:
            place = terms.names().index(name)
            order = seal(count, token.TERM, place, limit, number=METER_NUMBER, key=METER_KEY)
            if self._bench.meter.teller.redeem(order, carrier.CARD) != outcome.ACCEPTED:
                raise Broken(LOST, "the meter did not take its terms")
        self._genuine = [_sealed(count, amount) for count in (40, 101, 292) for amount in _AMOUNTS]
        self._build()

    def entry(self) -> str:
        """Return the keys of one entry."""
        draw = self._random.random()
        if draw < 0.2:
            return "".join(self._random.choice(_KEYS) for _ in range(self._random.choice((1, 5, 20, 21, 22, 45))))
        if draw < 0.3:
            return self._with_corrections(self._mistyped()) + "#"
        return self._with_check(self._forged()) + "#" * self._random.choice((1, 1, 1, 2, 9))

    def type_entry(self, pressed: str):
        """Type keys, often after the delay, now and then with a power cut among them, and look at the credit."""
        random, bench = self._random, self._bench
        wait_s = bench.meter.digit_entry.wait_s()
        if wait_s > _LONGEST_WAIT_S:
            raise Broken(BROKEN_RULES, f"the delay is {wait_s} s")
        bench.clock.advance_us(random.choice((0, wait_s, wait_s, wait_s)) * 1_000_000)
        if random.random() < 0.03:
            bench.hardware.flash.faults.plan_cut(random.randrange(1, 9), random.randrange(1001), "page")
        programs = bench.hardware.flash.programs
        try:
            bench.clock.run(self._press_all(pressed))
        except PowerCut:
            self._restart()
        bench.hardware.flash.faults.operations_to_cut = None
        self._tally.at_most("writes_of_an_entry", bench.hardware.flash.programs - programs)
        self._look(pressed)

    def judge(self):
        """Check supply after the entries, and that a new start finds the same."""
        bench = self._bench
        bench.clock.run(bench.meter.switching.step())
        if supply.is_closed(bench.meter.decide()) or bench.hardware.relay.contact_closed:
            raise Broken(BROKEN_RULES, "supply is closed by wrong digits")
        self._restart()
        self._look("a restart")

    def _build(self):
        board = self._bench.hardware.board
        self._entry = KeypadEntry(self._bench.meter, board.build_keypad())

    def _restart(self):
        self._bench.hardware.flash.faults.operations_to_cut = None
        self._bench.restart()
        self._build()
        self._tally.add("restarts")

    async def _press_all(self, pressed):
        if not self.types_keys:
            await self._bench.meter.digit_entry.enter(pressed.replace("#", ""), carrier.KEYPAD)
            return
        for key in pressed:
            await self._entry.take_key(key)
            await self._bench.clock.sleep_ms(_BETWEEN_KEYS_MS)
        self._bench.meter.board.buzzer.stop()

    def _look(self, pressed):
        account = self._bench.meter.ledger.account
        if account is None:
            raise Broken(LOST, f"the ledger is gone after {pressed[:60]!r}")
        if account.money.bought or account.energy.bought or account.standing["term_bought_s"]:
            raise Broken(DOUBLED, f"credit by {pressed[:60]!r}")

    def _mistyped(self):
        """Return genuine digits with a typing error."""
        digits = self._random.choice(self._genuine)
        place = self._random.randrange(20)
        wrong = self._random.choice([digit for digit in _DIGITS if digit != digits[place]])
        return digits[:place] + wrong + digits[place + 1 :]

    def _with_corrections(self, digits):
        place = self._random.randrange(21)
        return digits[:place] + "5*" + digits[place:]

    def _forged(self):
        """Return digits that no issuer has sealed for the tenant of this meter, or that may credit nothing more."""
        random = self._random
        amount = random.choice(_AMOUNTS)
        way = random.randrange(9)
        if way == 0:
            return "".join(random.choice(_DIGITS) for _ in range(20))
        if way == 1:
            return self._altered(random.choice(self._genuine))
        if way == 2:
            return _sealed(101, amount, number=METER_NUMBER + random.choice((1, -1, 2**20)))
        if way == 3:
            return _sealed(101, amount, tenant=random.randrange(1, 2**24))
        if way == 4:
            return _sealed(101, amount, key=random.randbytes(16))
        if way == 5:
            return _sealed(random.choice((_USED, _NEWEST, 1, 36)), amount)
        if way == 6:
            return _sealed(_NEWEST + random.choice((193, 256, 2**20)), amount)
        if way == 7:
            return _sealed(101 + random.randrange(50), random.choice((_LIMIT + 10**9, 9_999_000_000_000)))
        return _sealed(101, amount, issuer=random.randrange(1, 16), sealer=0)

    def _altered(self, digits):
        """Change one to four digits."""
        altered = list(digits[:19])
        for _ in range(self._random.choice((1, 1, 2, 4))):
            altered[self._random.randrange(19)] = self._random.choice(_DIGITS)
        altered = "".join(altered)
        if any(altered == genuine[:19] for genuine in self._genuine):
            return self._altered(digits)
        return altered + "0"

    def _with_check(self, digits):
        return digits[:19] + short_token.check_digit(digits[:19])


def _sealed(count, amount, number=METER_NUMBER, tenant=0, key=METER_KEY, issuer=0, sealer=None):
    """Return the digits of money under the key of `issuer`, or of another `sealer` that forged the issuer in them."""
    pair = keys.short_token_keys(aes, keys.issuer_key(aes, key, issuer if sealer is None else sealer))
    return short_token.seal_digits(aes, pair, number, issuer << 28 | count, token.CREDIT_MONEY, amount, tenant)
