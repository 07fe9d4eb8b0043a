"""Bad writes over Bluetooth: noise, frames damaged, cut, joined and out of order, and tokens that nobody sealed.

A stranger's phone connects, writes and leaves, again and again. The tokens that are genuine are redeemed already, so no
write may bring credit. At the end a customer's phone is served.
"""

import asyncio
import random as randoms
import struct

from tests.proof.campaign import DOUBLED, ESCAPES, HANGS, LOST, Broken
from tests.proof.carriers import bluetooth_of
from tests.proof.mutation import bound_heap, mutated
from tests.proof.small_meter import SmallMeter, seal
from tests.services.bluetooth_port import Phone, ScriptedPort
from wattpurse.core import outcome
from wattpurse.core.messages import frames, token
from wattpurse.core.money import account_image
from wattpurse.services import bluetooth

NAME = "bad-gatt"
ABOUT = "writes over Bluetooth: noise, bad frames, forged tokens, visits cut anywhere"
SHORT_CASES = 20
LONG_CASES = 5_000

_BATCH = 200
_VISIT = 20
_HEAP_LIMIT = 64 * 1024
_LARGEST_WRITE = 517
_VISIT_LIMIT_MS = 300_000
_REDEEMED = 5
_FLOOD = 300  # parts, 68 KiB together


class _Link:
    """The meter's service, and the phones that come to it."""

    def __init__(self, meter):
        self.port = ScriptedPort(meter.clock)
        self._clock = meter.clock
        meter.settings.set(bluetooth.SETTING, 1)
        self.service = bluetooth_of(meter, self.port)

    def visit(self, phones):
        """Let phones come one after the other. Raise Broken if the service fails or does not get rid of one."""
        self.port.phones = list(phones)
        self._clock.run(self._serve())

    async def _serve(self):
        task = asyncio.create_task(self.service.run())
        for _ in range(_VISIT_LIMIT_MS // 100 * len(self.port.phones)):
            await self._clock.sleep_ms(100)
            if task.done():
                raise Broken(ESCAPES, f"the service ended: {task.exception()!r}")
            if self.port.is_free:
                break
        else:
            raise Broken(HANGS, "a phone holds the meter")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def run_case(seed: int, tally):
    """Let strangers write a batch of writes."""
    random = randoms.Random(f"{NAME} {seed}")
    meter = SmallMeter(random)
    link = _Link(meter)
    genuine = [seal(sequence, token.CREDIT_MONEY, 1_000_000) for sequence in range(1, _REDEEMED + 1)]
    genuine.append(seal(_REDEEMED + 1, token.TERM, 0, 10**8))
    for data in genuine:
        meter.teller.redeem(data, 1)
    before = account_image.pack(meter.ledger.account)
    for _ in range(_BATCH // _VISIT):
        phones = _strangers(random, genuine)
        _let_in(link, phones)
        tally.cases += _VISIT
        tally.faults += _VISIT
        tally.add("visits", len(phones))
        for phone in phones:
            tally.add("answers", len(phone.answers()))
        if account_image.pack(meter.ledger.account) != before:
            raise Broken(DOUBLED, "the account changed by writes of strangers")
    bound_heap(tally, _HEAP_LIMIT, _let_in, link, _strangers(random, genuine))
    if seed % 5 == 0:
        bound_heap(tally, _HEAP_LIMIT, _let_in, link, [_flood(random)])
    _serve_a_customer(link, meter)


def _let_in(link, phones):
    try:
        link.visit(phones)
    except struct.error as error:
        raise Broken(ESCAPES, repr(error))


def _strangers(random, genuine):
    """Return phones that write a share of the batch together."""
    phones, left = [], _VISIT
    while left:
        count = min(left, random.choice((1, 2, 5, 20)))
        words = []
        while len(words) < count:
            words += _words(random, genuine)
        phones.append(Phone(*words[:count], stays=random.random() < 0.1, deaf=random.random() < 0.1))
        left -= count
    return phones


def _words(random, genuine):
    """Return some writes in a row."""
    way = random.randrange(8)
    if way == 0:
        return [random.randbytes(random.choice((0, 1, 20, 244, 512, _LARGEST_WRITE)))]
    if way == 1:
        return [random.choice((1, 900, 20_000))] + _delivery(random, random.choice(genuine))
    if way == 2:
        content = mutated(random, random.choice(genuine), genuine)[: frames.CONTENT_LIMIT]
        return _delivery(random, content or b"\x00")
    if way == 3:
        return _delivery(random, random.randbytes(random.randrange(1, frames.CONTENT_LIMIT + 1)))
    if way == 4:
        payload = random.randbytes(random.choice((0, 1, 4, 7, 8, 100, 234)))
        return [frames.frame(random.randrange(16), random.randrange(256), random.randrange(65_536), payload)]
    if way == 5:
        check = random.choice((0, random.randrange(1 << 32)))
        return [_statement(), frames.frame(frames.FETCH, 1, random.randrange(65_536), frames.fetch(check))]
    words = _delivery(random, random.choice(genuine))
    if way == 6:
        random.shuffle(words)
        return [mutated(random, word, words)[:_LARGEST_WRITE] for word in words]
    joined = b"".join(words)
    at = random.randrange(len(joined) + 1)
    return [joined[:at][:_LARGEST_WRITE], joined[at:][:_LARGEST_WRITE]]


def _flood(random):
    """Return a phone that sends much more than it announced."""
    words = [frames.frame(frames.BEGIN, 0, 0, frames.begin(frames.TOKEN, bytes(random.randrange(1, 1_100))))]
    for number in range(_FLOOD):
        words.append(frames.frame(frames.PART, number & 0xFF, number * frames.PAYLOAD_LIMIT & 0xFFFF, bytes(234)))
    return Phone(*words)


def _statement():
    return frames.frame(frames.BEGIN, 1, 0, frames.begin(frames.STATEMENT))


def _delivery(random, content):
    """Return the frames of a delivery, in parts of any size."""
    size = random.choice((1, 7, 36, 234, 234, 234))
    words = [frames.frame(frames.BEGIN, 0, 0, frames.begin(frames.TOKEN, content))]
    for at in range(0, len(content), max(size, len(content) // 30)):
        words.append(frames.frame(frames.PART, at & 0xFF, at, content[at : at + max(size, len(content) // 30)][:234]))
    return words


def _serve_a_customer(link, meter):
    """Check that a customer is served after all this."""
    data = seal(_REDEEMED + 2, token.CREDIT_MONEY, 7_000_000)
    bought = meter.ledger.account.money.bought
    words = frames.frame(frames.BEGIN, 0, 0, frames.begin(frames.TOKEN, data)), frames.frame(frames.PART, 1, 0, data)
    phone = Phone(*words)
    link.visit([phone])
    outcomes = [frames.read_result(one[3])[1] for one in phone.answers() if one[0] == frames.RESULT]
    if outcomes != [outcome.ACCEPTED] or meter.ledger.account.money.bought != bought + 7_000_000:
        raise Broken(LOST, f"a customer after strangers got {outcomes}")
