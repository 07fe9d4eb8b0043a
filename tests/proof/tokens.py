"""Tokens over every carrier, in any order, at once and again, with forged ones among them and cuts between and within.

A case is one meter and the whole output of a station for it, delivered at random. A plain list of the tokens sold
decides. Every credit counts once or not at all, no forgery changes a bit, and at the end nothing acknowledged is
missing.
"""

import asyncio
import random as randoms

from boards.host.chips.power import PowerCut
from tests import samples
from tests.proof.campaign import BROKEN_RULES, DOUBLED, LOST, Broken
from tests.proof.small_meter import METER_NUMBER, START_S, SmallMeter, seal
from tests.proof.token_sums import SHARE_PLACE, TokenSums
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import token

NAME = "tokens"
ABOUT = "the same, other and forged tokens over all carriers, with cuts"
SHORT_CASES = 600
LONG_CASES = 10_000

_CARRIERS = (carrier.CARD, carrier.CONSOLE, carrier.MQTT, carrier.BLE)
_DELIVERIES = 120
_WINDOW = 64
_DAY_S = 86_400
_KINDS = (
    *[token.CREDIT_MONEY] * 4,
    *[token.CREDIT_ENERGY] * 2,
    token.CLOCK,
    token.TARIFF,
    token.CONTRACT,
    token.CLEAR_TAMPER,
    *[token.TERM] * 2,
    token.DAYS,
    token.DISPENSE,
    *[token.REFUND] * 2,
    token.CLEAR,
    token.TENANT,
    *[token.DEBT] * 2,
    token.PERMIT,
    token.SWITCH,
    token.SHORTAGE,
)
_OTHERS = {
    token.DAYS: ((0, 60, 30 * _DAY_S, 2**32 - 1),),
    token.DISPENSE: ((0, 1, 5_000_000), (0, 1_000_000, -1), (0, 60, 2**32 - 1)),
    token.REFUND: ((0, 0, 1, 2), (0, 0, 1, 10_000_000, 10**12, -1)),
    token.CLEAR: (),
    token.TENANT: ((0, 1, 2**32 - 1),),
    token.DEBT: ((1, 30_000_000, -5_000_000, 10**16),),
    token.PERMIT: ((0, 1, START_S, START_S + 30 * _DAY_S, 2**32 - 1),),
    token.SWITCH: ((0, 1, 2),),
    token.SHORTAGE: ((0, 1, 9, 10),),
}
_ORDERED = (token.PERMIT, token.SWITCH, token.SHORTAGE)
_MAY_BE_REFUSED = (outcome.OVER_LIMIT, outcome.OUTDATED, outcome.NOT_SUPPORTED)


class _Sold:
    """One token that the station sealed, with its kind and fields."""

    def __init__(self, sequence, kind, *fields):
        self.sequence = sequence
        self.kind = kind
        self.fields = fields
        self.data = seal(sequence, kind, *fields)


def run_case(seed: int, tally):
    """Deliver the tokens of one meter."""
    random = randoms.Random(f"{NAME} {seed}")
    desk = _Desk(SmallMeter(random), random, tally)
    sold = _sell(random)
    for delivery in range(_DELIVERIES):
        desk.meter.clock.advance_us(random.choice((0, 0, 1_000_000, 3_600_000_000)))
        if random.random() < 0.35:
            desk.deliver_forged(_forge(random, sold))
        elif random.random() < 0.15:
            desk.deliver_at_once([_one_about_now(random, sold, delivery) for _ in range(random.randrange(2, 6))])
        else:
            desk.deliver(_one_about_now(random, sold, delivery))
    for one in sorted(sold, key=lambda one: one.sequence):
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
        self._redeemed = set()
        self._sums = TokenSums()
        self._under_way = None
        self._clock_s = 0

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
        """Deliver a token that the station never sealed for this meter."""
        programs = self.meter.flash.programs
        result = self.meter.teller.redeem(data, self._random.choice(_CARRIERS))
        self._tally.add("forgeries")
        if result not in (outcome.UNREADABLE, outcome.NOT_THIS_METER):
            raise Broken(DOUBLED, f"a forged token was met with '{outcome.text(result)}': {data.hex()}")
        if self.meter.flash.programs != programs:
            raise Broken(BROKEN_RULES, f"a forged token made the meter write: {data.hex()}")
        self._check_account()

    async def _all_arrive(self, ones):
        await asyncio.gather(*[self._arrive(one) for one in ones])

    async def _arrive(self, one):
        await self.meter.clock.sleep_ms(self._random.choice((0, 0, 0, 1, 20)))
        self._redeem(one)

    def _redeem(self, one):
        """Let the meter redeem a token. If power fails meanwhile, `_under_way` names the token."""
        self._under_way = one, self._is_used(one.sequence)
        self._clock_s = self.meter.timekeeper.now_s()
        result = self.meter.teller.redeem(one.data, self._random.choice(_CARRIERS))
        self._tally.add("deliveries")
        self._judge(*self._under_way, result)

    def _plan_cut(self, operations):
        self.meter.flash.faults.plan_cut(operations, self._random.randrange(1001), "page")

    def _recover(self):
        """Recover from a power cut, perhaps during a redemption: it is done or not done."""
        self._tally.faults += 1
        self.meter.start_until_it_lasts(self._random, self._tally)
        one, was_used = self._under_way
        is_redeemed = self._account.token_is_used(one.sequence) and not was_used
        self._judge(one, was_used, outcome.ACCEPTED if is_redeemed else None)

    @property
    def _account(self):
        return self.meter.ledger.account

    def _is_used(self, sequence):
        return sequence in self._redeemed or sequence <= max(self._redeemed, default=0) - _WINDOW

    def _judge(self, one, is_used, result):
        what = f"token {one.sequence} of kind {one.kind} {one.fields}, newest {max(self._redeemed, default=0)}"
        if is_used and result not in (outcome.USED, None):
            raise Broken(DOUBLED, f"{what} is used, but was met with '{outcome.text(result)}'")
        if not is_used and result == outcome.USED:
            raise Broken(LOST, f"{what} is new, but counts as used")
        if result == outcome.ACCEPTED:
            self._redeemed.add(one.sequence)
            self._sums.take(one, self._clock_s)
        elif result in _MAY_BE_REFUSED:
            self._check_refusal(one, what, result)
        elif result not in (outcome.USED, None):
            raise Broken(LOST, f"{what} was met with '{outcome.text(result)}'")
        self._check_account()

    def _check_refusal(self, one, what, result):
        """Check that the refusal has a reason and leaves the token valid."""
        if self._account.token_is_used(one.sequence):
            raise Broken(LOST, f"{what} was refused ('{outcome.text(result)}') but used up")
        if one.kind in (token.CREDIT_MONEY, token.CREDIT_ENERGY) and one.fields[0] > 0:
            unit = one.kind - token.CREDIT_MONEY
            limit = self._account.credit_limit(unit)
            if limit == 0 or self._sums.balance_with(unit, one.fields[0]) <= limit:
                raise Broken(LOST, f"{what} was refused ('{outcome.text(result)}') below the limit of {limit}")
        if one.kind in _ORDERED and (result == outcome.OUTDATED) != self._sums.is_outdated(one):
            raise Broken(BROKEN_RULES, f"{what} was met with '{outcome.text(result)}'")

    def _check_account(self):
        account = self._account
        bought = [account.money.bought, account.energy.bought]
        if bought != self._sums.bought:
            what = DOUBLED if sum(bought) > sum(self._sums.bought) else LOST
            raise Broken(what, f"bought is {bought}, the redeemed tokens add up to {self._sums.bought}")
        if (account.money.balance, account.energy.balance) != (self._sums.balance(0), self._sums.balance(1)):
            raise Broken(BROKEN_RULES, f"money {vars(account.money)}, but {self._sums.balance(0)} should be left")
        standing = {name: account.standing[name] for name in self._sums.standing}
        if standing != self._sums.standing:
            raise Broken(BROKEN_RULES, f"the meter has {standing}, its tokens give {self._sums.standing}")
        if account.token_top != max(self._redeemed, default=0):
            raise Broken(BROKEN_RULES, f"newest token {account.token_top}, not {max(self._redeemed)}")
        for sequence in range(max(1, account.token_top - _WINDOW - 2), account.token_top + 2):
            if account.token_is_used(sequence) != self._is_used(sequence):
                what = DOUBLED if self._is_used(sequence) else LOST
                raise Broken(what, f"token {sequence} is used: {self._is_used(sequence)}, the meter says otherwise")


def _sell(random):
    """Return the tokens that a station sealed for this meter in its life, each under its own number."""
    sold = []
    sequence = 0
    version = 1
    for _ in range(40):
        sequence += random.choice((1, 1, 1, 1, 1, 2, 5, 30, 62, 63, 64, 65))
        kind = random.choice(_KINDS)
        if kind in (token.CREDIT_MONEY, token.CREDIT_ENERGY):
            fields = (random.choice((1, 20_000_000, 10**15, 0, -5, random.randrange(10**9))),)
        elif kind == token.CLOCK:
            fields = (START_S + random.choice((-_DAY_S, 60, 30 * _DAY_S, 20 * 366 * _DAY_S)),)
        elif kind == token.TARIFF:
            version = max(1, version + random.choice((1, 1, 0, -1)))
            activation_s = START_S + random.choice((-_DAY_S, 60, 30 * _DAY_S, 20 * 366 * _DAY_S))
            fields = (samples.flat_tariff(version=version, activation_s=activation_s),)
        elif kind == token.CONTRACT:
            fields = (random.choice((1, 2, 3, 4, 6, 7, 99)),)
        elif kind == token.CLEAR_TAMPER:
            fields = ()
        elif kind in _OTHERS:
            fields = tuple(random.choice(choices) for choices in _OTHERS[kind])
        elif random.random() < 0.5:
            fields = (SHARE_PLACE, random.choice((0, 30, 100, 101)))
        else:
            fields = (random.choice((0, 1, 2, 3, 200)), random.choice((0, 100_000_000, -1)))
        sold.append(_Sold(sequence, kind, *fields))
    return sold


def _forge(random, sold):
    """Return bytes that are no token of the station for this meter."""
    one, other = random.choice(sold), random.choice(sold)
    data = bytearray(one.data)
    way = random.randrange(8)
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
    else:
        data = bytearray(random.randbytes(random.choice((0, 1, 11, 12, 36, 300))))
    if any(bytes(data) == genuine.data for genuine in sold):
        data = data[:-1]
    return bytes(data)
