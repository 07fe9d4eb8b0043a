"""The delay of supply after mains return. It is random, so that a street does not reconnect in one moment."""

RANDOM_BYTES = 4


def drawn_s(spread_s: int, random_bytes: bytes) -> int:
    """Return the random part of the delay, 0 to `spread_s`, from RANDOM_BYTES random bytes."""
    return int.from_bytes(random_bytes[:RANDOM_BYTES], "little") % (spread_s + 1)
