"""Supply returns after mains have: not in every house of a street at the same moment, but spread by chance."""

RANDOM_BYTES = 4


def drawn_s(spread_s: int, random_bytes: bytes) -> int:
    """How much of a spread one start has to wait: 0 to `spread_s`, by what RANDOM_BYTES random bytes say."""
    return int.from_bytes(random_bytes[:RANDOM_BYTES], "little") % (spread_s + 1)
