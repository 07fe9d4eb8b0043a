"""How long supply stays off after mains have returned: not every house of a street closes its switch in one moment."""

RANDOM_BYTES = 4


def wait_s(delay_s: int, spread_s: int, random_bytes: bytes) -> int:
    """`delay_s`, which is the same for all, and 0 to `spread_s` more, by what RANDOM_BYTES random bytes say."""
    return delay_s + int.from_bytes(random_bytes[:RANDOM_BYTES], "little") % (spread_s + 1)
