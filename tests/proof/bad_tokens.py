"""Bad tokens and statements: damaged, foreign, or nonsense that is sealed with the meter's own key."""

import random as randoms
import struct

from boards.host.chips.aes import aes
from tests import samples
from tests.proof.bad_tariffs import sealed as tariff_sealed
from tests.proof.campaign import BROKEN_RULES, DOUBLED, ESCAPES, Broken
from tests.proof.mutation import bound_heap, mutated
from tests.proof.small_meter import METER_KEY, METER_NUMBER, START_S, SmallMeter, seal
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import statement, token
from wattpurse.core.money import account_image, supply
from wattpurse.core.money.circumstances import Circumstances
from wattpurse.core.seals import keys
from wattpurse.core.seals.sealing import SealBroken

NAME = "bad-tokens"
ABOUT = "tokens and statements damaged, foreign, or nonsense under the right key"
SHORT_CASES = 150
LONG_CASES = 5_000

_BATCH = 200
_HEAP_LIMIT = 64 * 1024
_HUGE = 1 << 20
_REFUSALS = (outcome.UNREADABLE, outcome.NOT_THIS_METER, outcome.USED)
_CARD = b"\x04\x11\x22\x33"


def run_case(seed: int, tally):
    """Give a batch of tokens to one meter. In every second batch it has no credit, and its supply must stay off."""
    random = randoms.Random(f"{NAME} {seed}")
    meter = SmallMeter(random)
    genuine = [seal(5, *made) for made in _MADE]
    meter.teller.redeem(genuine[_MADE.index(_WITHOUT_CREDIT) if seed % 2 else 0], carrier.CARD)
    for number in range(_BATCH):
        if number % 10 == 0:
            _nonsense_under_the_key(random, meter, 100 + number)
        elif number % 10 == 1:
            _bad_statement(random, meter)
        else:
            _forged(random, meter, genuine, mutated(random, random.choice(genuine), genuine))
        tally.cases += 1
        tally.faults += 1
    for data in (mutated(random, random.choice(genuine), genuine), *_longer_than_any(genuine)):
        bound_heap(tally, _HEAP_LIMIT, _forged, random, meter, genuine, data)
    meter.start()


def _longer_than_any(genuine):
    """Yield tokens that are too long, half of them with a header that states many payload blocks."""
    for data in genuine[0], genuine[3]:
        yield data + bytes(_HUGE)
        yield data[:2] + b"\xff" + data[3:] + bytes(_HUGE)


def _supply(meter):
    circumstances = Circumstances(meter.timekeeper.now_s())
    circumstances.tamper_opens = bool(meter.settings.get("tamper", 0))
    return supply.decide(meter.ledger.account, supply.ON, circumstances)


def _forged(random, meter, genuine, data):
    before, supply_before = account_image.pack(meter.ledger.account), _supply(meter)
    result = meter.teller.redeem(data, random.choice((1, 2, 3, 4)))
    if result not in _REFUSALS and data not in genuine:
        raise Broken(DOUBLED, f"'{outcome.text(result)}' for {data.hex()}")
    if account_image.pack(meter.ledger.account) != before:
        raise Broken(DOUBLED, f"the account changed by {data.hex()}")
    if _supply(meter) != supply_before:
        raise Broken(BROKEN_RULES, f"supply is '{supply.text(_supply(meter))}' by {data.hex()}")


def _nonsense_under_the_key(random, meter, sequence):
    """Deliver authentic tokens with random contents. The meter may redeem or refuse them; nothing else may happen."""
    kind, body = token.make(*random.choice(_MADE))
    tenant, after = random.choice((0, 0, 0, 1)), random.choice((0, 0, 5, 2**32 - 1))
    body = mutated(random, body, [token.make(*made)[1] for made in _MADE])
    if kind == token.TARIFF and random.random() < 0.9:
        body = tariff_sealed(body)
    if random.random() < 0.3:
        kind = random.randrange(256)
    pair = keys.token_keys(aes, METER_KEY)
    data = token.seal_token(aes, pair, 1, METER_NUMBER, sequence, kind, body[: token.BODY_LIMIT], tenant, after)
    account = meter.ledger.account
    bought = (account.money.bought, account.energy.bought)
    try:
        result = meter.teller.redeem(data, carrier.CARD)
    except struct.error as error:
        raise Broken(ESCAPES, f"{error!r} for kind {kind}, body {body.hex()}")
    account = meter.ledger.account
    is_credit = kind in _CHANGING_CREDIT and result == outcome.ACCEPTED
    if (account.money.bought, account.energy.bought) != bought and not is_credit:
        raise Broken(DOUBLED, f"kind {kind} with body {body.hex()} brought credit")
    meter.clock.advance_us(random.choice((0, 10**6, 10**10)))
    meter.ledger.advance(meter.timekeeper.now_s(), random.randrange(3))


def _bad_statement(random, meter):
    """Read a damaged statement as the station does."""
    pair = keys.statement_keys(aes, keys.statement_key(aes, METER_KEY), _CARD)
    payload = statement.compose(meter.ledger.account, 0, START_S, random.choice((32, 48, 96, 192)))
    if random.random() < 0.7:
        payload = mutated(random, payload, [payload])[:1000] or b"\x00"
        data = statement.seal_statement(aes, pair, 1, METER_NUMBER, payload)
    else:
        data = mutated(random, statement.seal_statement(aes, pair, 1, METER_NUMBER, payload), [payload])
    try:
        statement.open_statement(aes, pair, data)
    except (SealBroken, ValueError):
        pass
    except struct.error as error:
        raise Broken(ESCAPES, f"{error!r} for statement {data.hex()}, payload {payload.hex()}")


_CHANGING_CREDIT = (
    token.CREDIT_MONEY,
    token.CREDIT_ENERGY,
    token.DISPENSE,
    token.REFUND,
    token.CLEAR,
    token.TENANT,
)
_WITHOUT_CREDIT = (token.TERM, 0, 10**8)
_MADE = (
    (token.CREDIT_MONEY, 20_000_000),
    (token.CREDIT_ENERGY, 5_000_000),
    (token.CONTRACT, 2),
    (token.TARIFF, samples.day_and_night_tariff()),
    (token.CLOCK, START_S + 60),
    (token.CLOCK_BACK, START_S - 60),
    (token.CLEAR_TAMPER,),
    _WITHOUT_CREDIT,
    (token.DAYS, 86_400),
    (token.DISPENSE, 5_000_000, 1_000_000, 86_400),
    (token.REFUND, 0, 1_000, 9),
    (token.CLEAR, 9),
    (token.TENANT, 0, 9),
    (token.DEBT, 1_000_000),
    (token.PERMIT, START_S + 3_600),
    (token.SWITCH, 1),
    (token.SHORTAGE, 2, START_S + 3_600),
    (token.METER_KEY, 1, bytes(16)),
    (token.SITE_KEY, 1, bytes(16)),
    (token.REVOKE, 3),
)
