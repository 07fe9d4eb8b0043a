"""Tokens over every carrier, in any order, at once and again, with forged ones among them and cuts between and within.

A case is one meter and the whole output of the office and of some vending points for it, delivered at random. Tenants
change, cards have chains of orders, and a vending point is revoked in mid-life. A plain list of the tokens sold
decides. Every credit counts once or not at all, an order that is refused for good has no effect, no forgery changes a
bit, and at the end nothing acknowledged is missing.
"""

import asyncio
import random as randoms

from boards.host.chips.aes import aes
from boards.host.chips.power import PowerCut
from tests import samples
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.carriers import CARRIERS, hand_over
from tests.proof.page import numbered
from tests.proof.small_meter import METER_KEY, METER_NUMBER, START_S, SmallMeter, seal
from tests.proof.token_digits import account_with_digits, digits_for
from tests.proof.token_rules import CREDITING, OF_A_VENDING_POINT, Sold
from tests.proof.token_sums import SHARE_PLACE, TokenSums
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import token
from wattpurse.core.seals import keys

NAME = "tokens"
ABOUT = "the same, other and forged tokens of several issuers over all carriers, with cuts"
SHORT_CASES = 180
LONG_CASES = 10_000

_DELIVERIES = 120
_DAY_S = 86_400
_KINDS = (
    *[token.CREDIT_MONEY] * 4,
    *[token.CREDIT_ENERGY] * 2,
    token.CLOCK,
    token.CLOCK_BACK,
    token.TARIFF,
    token.CONTRACT,
    token.CLEAR_TAMPER,
    *[token.TERM] * 2,
    token.DAYS,
    token.DISPENSE,
    *[token.REFUND] * 2,
    token.CLEAR,
    *[token.TENANT] * 2,
    *[token.DEBT] * 2,
    token.PERMIT,
    token.SWITCH,
    token.SHORTAGE,
)
_TENANT_LIMIT = 2**24 - 1
_REVOKED_FROM = 15  # tokens sold before a vending point is revoked
_OTHERS = {
    token.DAYS: ((0, 60, 30 * _DAY_S, 2**32 - 1),),
    token.DISPENSE: ((0, 1, 5_000_000), (0, 1_000_000, -1), (0, 60, 2**32 - 1)),
    token.REFUND: ((0, 0, 1, 2), (0, 0, 1, 10_000_000, 10**12, -1), (0, 7, 2**32 - 1)),
    token.CLEAR: ((0, 7, 2**32 - 1),),
    token.TENANT: ((0, 1, 2, _TENANT_LIMIT, _TENANT_LIMIT + 1), (0, 7, 2**32 - 1)),
    token.DEBT: ((1, 30_000_000, -5_000_000, 10**16),),
    token.PERMIT: ((0, 1, START_S, START_S + 30 * _DAY_S, 2**32 - 1),),
    token.SWITCH: ((0, 1, 2),),
    token.SHORTAGE: ((0, 1, 9, 10), (2**32 - 1,)),
}
_ORDERED = (token.PERMIT, token.SWITCH, token.SHORTAGE)
_MAY_BE_REFUSED = (outcome.OVER_LIMIT, outcome.OUTDATED, outcome.NOT_SUPPORTED)
_FOR_GOOD = (outcome.OUTDATED, outcome.NOT_SUPPORTED, outcome.OTHER_TENANT)


def run_case(seed: int, tally):
    """Deliver the tokens of one meter."""
    random = randoms.Random(f"{NAME} {seed}")
    desk = _Desk(SmallMeter(random, account_with_digits()), random, tally)
    sold = _Sales(random).all()
    for delivery in range(_DELIVERIES):
        desk.meter.clock.advance_us(random.choice((0, 0, 1_000_000, 3_600_000_000)))
        if random.random() < 0.35:
            desk.deliver_forged(_forge(random, sold))
        elif random.random() < 0.15:
            desk.deliver_at_once([_one_about_now(random, sold, delivery) for _ in range(random.randrange(2, 6))])
        else:
            desk.deliver(_one_about_now(random, sold, delivery))
    for one in sold:
        for _ in range(2):
            desk.deliver(one, may_cut=False)
    tally.cases += 1


def _one_about_now(random, sold, delivery):
    """Return a token, mostly one that was sold about now, sometimes any."""
    front = len(sold) * delivery // _DELIVERIES
    if random.random() < 0.15:
        return random.choice(sold)
    return sold[max(0, min(len(sold) - 1, front + random.choice((0, 0, 0, 1, 2, -1, -2, -5))))]


class _Desk:
    """A desk that delivers tokens to one meter and keeps the list of those redeemed."""

    def __init__(self, meter, random, tally):
        self.meter = meter
        self._random = random
        self._tally = tally
        self._sums = TokenSums()
        self._under_way = None

    def deliver(self, one, may_cut=True):
        """Deliver an authentic token."""
        if may_cut and self._random.random() < 0.4:
            self._plan_cut(self._random.choice((1, 2, 3, 4, 6, 9, 14)))
        try:
            self._redeem(one)
        except PowerCut:
            self._recover()
        self.meter.flash.faults.operations_to_cut = None

    def deliver_at_once(self, ones):
        """Deliver authentic tokens, perhaps equal, in as many tasks within some milliseconds, sometimes with a cut."""
        if self._random.random() < 0.4:
            self._plan_cut(self._random.choice((1, 3, 6, 9, 14, 20, 30)))
        try:
            self.meter.clock.run(self._all_arrive(ones))
        except PowerCut:
            self._recover()
        self.meter.flash.faults.operations_to_cut = None
        self._tally.add("at_once")

    def deliver_forged(self, data):
        """Deliver a token that no issuer sealed for this meter, or one that its issuer may not make."""
        programs = self.meter.flash.programs
        result = hand_over(self.meter, data, self._random.choice(CARRIERS))
        self._tally.add("forgeries")
        if result == outcome.NOT_ENTITLED:
            self._tally.add("orders_by_vending_points")
        elif result not in (outcome.UNREADABLE, outcome.NOT_THIS_METER):
            raise Broken(DOUBLED, f"a forged token was met with '{outcome.text(result)}': {data.hex()}")
        elif self.meter.flash.programs != programs:
            raise Broken(BROKEN_RULES, f"a forged token made the meter write: {data.hex()}")
        self._check_account()

    async def _all_arrive(self, ones):
        await asyncio.gather(*[self._arrive(one) for one in ones])

    async def _arrive(self, one):
        await self.meter.clock.sleep_ms(self._random.choice((0, 0, 0, 1, 20)))
        self._redeem(one)

    def _redeem(self, one):
        """Let the meter redeem a token. If power fails meanwhile, `_under_way` names the token."""
        self._under_way = one, self.meter.timekeeper.now_s()
        result = self._hand_over(one, self._random.choice(CARRIERS))
        self._tally.add("deliveries")
        self._judge(*self._under_way, result)

    def _hand_over(self, one, by):
        """Hand a token to the teller, in the form that the carrier has for it."""
        digits = digits_for(self._account, one) if by == carrier.KEYPAD else None
        if digits is None:
            return hand_over(self.meter, one.data, by)
        self._tally.add("typed_digits")
        return self.meter.teller.redeem_digits(digits, by)

    def _plan_cut(self, operations):
        self.meter.flash.faults.plan_cut(operations, self._random.randrange(1001), "page")

    def _recover(self):
        """Recover from a power cut, perhaps during a redemption: it is done or not done."""
        self._tally.faults += 1
        self.meter.start_until_it_lasts(self._random, self._tally)
        (one, now_s), account = self._under_way, self._account
        if account.token_is_used(one.sequence) and not self._sums.numbers.is_used(one.sequence):
            self._judge(one, now_s, dict(account.voided.newest).get(one.sequence, outcome.ACCEPTED))
        else:
            self._check_account()

    @property
    def _account(self):
        return self.meter.ledger.account

    def _judge(self, one, now_s, result):
        expected = self._sums.refusal(one)
        if result == expected or expected is None and result in _MAY_BE_REFUSED:
            self._check_refusal(one, f"{one} refused ('{outcome.text(result)}')", result)
        elif expected is None and result == outcome.ACCEPTED:
            self._sums.take(one, now_s)
        elif expected is None:
            raise Broken(LOST, f"{one} was met with '{outcome.text(result)}'")
        else:
            raise Broken(DOUBLED, f"{one} needs '{outcome.text(expected)}', but was met with '{outcome.text(result)}'")
        self._check_account()

    def _check_refusal(self, one, what, result):
        """Check that the refusal has a reason. A token that credits something stays valid."""
        self._tally.add(f"outcome_{result}")
        if result == outcome.USED:
            return
        if result in _FOR_GOOD and one.kind not in CREDITING:
            self._check_order(one, what, result)
            self._sums.void(one, result)
        if self._account.token_is_used(one.sequence) != self._sums.numbers.is_used(one.sequence):
            raise Broken(LOST, f"{what}: whether its number is used is wrong")
        if result in _MAY_BE_REFUSED and one.kind in (token.CREDIT_MONEY, token.CREDIT_ENERGY) and one.fields[0] > 0:
            unit = one.kind - token.CREDIT_MONEY
            limit = self._account.credit_limit(unit)
            if limit == 0 or self._sums.balance_with(unit, one.fields[0]) <= limit:
                raise Broken(LOST, f"{what} below the limit of {limit}")

    def _check_order(self, one, what, result):
        if result == outcome.OTHER_TENANT or one.kind not in _ORDERED:
            return
        if (result == outcome.OUTDATED) != self._sums.is_outdated(one):
            raise Broken(BROKEN_RULES, what)

    def _check_account(self):
        self._sums.check(self._account, "after a delivery")


class _Sales:
    """The tokens that the office and some vending points sealed for one meter in its life, each under its own number.

    `_tenant` lives there as far as the office knows. Each card has an order before its next token, at times.
    """

    def __init__(self, random):
        self._random = random
        self._counts = [0] * random.choice((2, 3, 3, 8))
        self._version = 1
        self._tenant = 0
        self._tenants = [0]
        self._order_before = [0, 0]
        self._revoked = random.randrange(1, len(self._counts))

    def all(self):
        """Return the tokens in the order of their sale."""
        sold = [self._sell() for _ in range(_REVOKED_FROM)]
        if self._random.random() < 0.6:
            sold.append(Sold(self._next_number(0), token.REVOKE, (self._revoked,), 0, 0))
        return sold + [self._sell() for _ in range(40 - len(sold))]

    def _sell(self):
        random = self._random
        issuer = random.choice((0, random.randrange(len(self._counts))))
        kind = random.choice(OF_A_VENDING_POINT if issuer else _KINDS)
        tenant, card = random.choice((self._tenant,) * 5 + (random.choice(self._tenants),)), random.randrange(2)
        one = Sold(self._next_number(issuer), kind, self._fields(kind), tenant, self._order_before[card])
        if kind not in CREDITING:
            self._order_before[card] = one.sequence if random.random() < 0.5 else 0
        if kind == token.TENANT and tenant == self._tenant and one.fields[0] <= _TENANT_LIMIT:
            self._tenant = one.fields[0]
            self._tenants.append(self._tenant)
        return one

    def _next_number(self, issuer):
        self._counts[issuer] += self._random.choice((1, 1, 1, 1, 1, 2, 5, 30, 62, 63, 64, 65))
        return numbered(issuer, self._counts[issuer])

    def _fields(self, kind):
        random = self._random
        if kind in (token.CREDIT_MONEY, token.CREDIT_ENERGY):
            return (random.choice((1, 20_000_000, 10**15, 0, -5, random.randrange(10**9))),)
        if kind in (token.CLOCK, token.CLOCK_BACK):
            return (START_S + random.choice((-_DAY_S, 60, 30 * _DAY_S, 20 * 366 * _DAY_S)),)
        if kind == token.TARIFF:
            self._version = max(1, self._version + random.choice((1, 1, 0, -1)))
            activation_s = START_S + random.choice((-_DAY_S, 60, 30 * _DAY_S, 20 * 366 * _DAY_S))
            return (samples.flat_tariff(version=self._version, activation_s=activation_s),)
        if kind == token.CONTRACT:
            return (random.choice((1, 2, 3, 4, 6, 7, 99)),)
        if kind == token.CLEAR_TAMPER:
            return ()
        if kind in _OTHERS:
            return tuple(random.choice(choices) for choices in _OTHERS[kind])
        if random.random() < 0.5:
            return SHARE_PLACE, random.choice((0, 30, 100, 101))
        return random.choice((0, 1, 2, 3, 200)), random.choice((0, 100_000_000, -1))


def _forge(random, sold):
    """Return bytes that no issuer may have sealed for this meter."""
    one, other = random.choice(sold), random.choice(sold)
    data = bytearray(one.data)
    way = random.randrange(11)
    if way == 0:
        for _ in range(random.choice((1, 1, 2, 8))):
            data[random.randrange(len(data))] ^= 1 << random.randrange(8)
    elif way == 1:
        data = data[: random.randrange(len(data))]
    elif way == 2:
        data += random.randbytes(random.choice((1, 8, 16, 600)))
    elif way == 3:
        data = bytearray(seal(one.sequence, one.kind, *one.fields, number=METER_NUMBER + random.choice((1, -1, 2**24))))
    elif way == 4:
        data = bytearray(seal(one.sequence + 1, token.CREDIT_MONEY, 10**9, key=random.randbytes(16)))
    elif way == 5:
        data[8:12] = random.choice((other.sequence + 1, 2**32 - 1, 0)).to_bytes(4, "little")
    elif way == 6:
        data = data[: len(data) - 8] + other.data[-8:] if other is not one else data[:-1]
    elif way == 7:
        data = _sealed_by_another(random, one, other.sequence + random.randrange(1, 70))
    elif way == 8:
        data = _sealed_by_another(random, one, numbered(random.randrange(16), random.randrange(1, 200)))
    elif way == 9:
        kind = random.choice([kind for kind in _KINDS if kind not in OF_A_VENDING_POINT])
        fields = next((other.fields for other in sold if other.kind == kind), ())
        issuer, count = random.randrange(1, 16), 2**20 + random.randrange(200)
        data = bytearray(seal(numbered(issuer, count), kind, *fields) if fields else one.data[:-1])
    else:
        data = bytearray(random.randbytes(random.choice((0, 1, 11, 12, 36, 300))))
    if any(bytes(data) == genuine.data for genuine in sold):
        data = data[:-1]
    return bytes(data)


def _sealed_by_another(random, one, number):
    """Return a token with this number, under the key of a vending point that the number does not name."""
    other = random.choice([issuer for issuer in range(1, 16) if issuer != number >> 28])
    issuer_key = keys.issuer_key(aes, METER_KEY, other)
    return bytearray(seal(number, one.kind, *one.fields, tenant=one.tenant, issuer_key=issuer_key))
