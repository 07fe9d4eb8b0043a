"""Bytes made wrong: the kinds of damage to input, by chance or by a person who knows its form."""

import tracemalloc

from tests.proof.campaign import BROKEN_RULES, Broken

_TELLING_BYTES = (0x00, 0x01, 0x7F, 0x80, 0xFE, 0xFF)


def mutated(random, data: bytes, others: list) -> bytes:
    """Return `data` after one to four changes; `others` are whole inputs of the same kind to splice with."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 2, 4))):
        random.choice(_WAYS)(random, changed, others)
    return bytes(changed)


def _flip_bit(random, data, _others):
    if data:
        data[random.randrange(len(data))] ^= 1 << random.randrange(8)


def _telling_byte(random, data, _others):
    if data:
        data[random.randrange(len(data))] = random.choice(_TELLING_BYTES)


def _any_byte(random, data, _others):
    if data:
        data[random.randrange(len(data))] = random.randrange(256)


def _number(random, data, _others):
    """Write a number of two, four or eight bytes near one of its limits."""
    width = random.choice((2, 4, 8))
    if len(data) >= width:
        at = random.randrange(len(data) - width + 1)
        value = (random.choice((0, 1 << 8 * width - 1, 1 << 8 * width)) + random.randrange(-2, 3)) % (1 << 8 * width)
        data[at : at + width] = value.to_bytes(width, "little")


def _step(random, data, _others):
    if data:
        at = random.randrange(len(data))
        data[at] = (data[at] + random.choice((-1, 1))) % 256


def _cut_out(random, data, _others):
    at = random.randrange(len(data) + 1)
    del data[at : at + random.choice((1, 1, 4, 16, 1000))]


def _put_in(random, data, _others):
    at = random.randrange(len(data) + 1)
    data[at:at] = random.randbytes(random.choice((1, 1, 4, 16, 300)))


def _repeat(random, data, _others):
    at = random.randrange(len(data) + 1)
    end = at + random.choice((1, 4, 16))
    data[at:at] = data[at:end] * random.choice((1, 2, 20))


def _splice(random, data, others):
    other = random.choice(others)
    at = random.randrange(min(len(data), len(other)) + 1)
    data[at:] = other[at:]


_WAYS = (_flip_bit, _telling_byte, _any_byte, _number, _step, _cut_out, _put_in, _repeat, _splice)


def bound_heap(tally, limit: int, action, *arguments):
    """Call `action(*arguments)`, and check that it has at most `limit` bytes on this computer's heap at once."""
    tracemalloc.start()
    try:
        action(*arguments)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    tally.at_most("peak_heap_bytes", peak)
    if peak > limit:
        raise Broken(BROKEN_RULES, f"{peak} bytes of heap for {arguments[-1][:64]!r}, {len(arguments[-1])} in all")
