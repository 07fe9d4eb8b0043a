"""Random bits that are the same on CPython and on MicroPython, so that a seed gives the same run on both."""


class RandomBits:
    """A 64-bit xorshift* generator (Marsaglia 2003; Vigna 2016). A call takes the number of bits wanted (1 to 32)."""

    def __init__(self, seed: int) -> None:
        self._state = (seed * 0x9E3779B97F4A7C15 + 1) & 0xFFFFFFFFFFFFFFFF or 1
        for _ in range(4):
            self(32)

    def __call__(self, count: int) -> int:
        state = self._state
        state ^= state >> 12
        state = (state ^ (state << 25)) & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 27
        self._state = state
        return ((state * 0x2545F4914F6CDD1D) & 0xFFFFFFFFFFFFFFFF) >> (64 - count)

    def below(self, limit: int) -> int:
        """Return a number from 0 to `limit` - 1, for limits well below 2^32."""
        return self(32) * limit >> 32
