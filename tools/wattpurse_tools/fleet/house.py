"""The load of a house in watts, by the hour of the day and by a seed. The same seed gives the same days."""

HOUR_S = 3_600
STEP_S = 900

_HOURS_A_DAY = 24
_WATTS = (
    90,
    80,
    80,
    80,
    80,
    90,
    160,
    320,
    260,
    140,
    120,
    130,
    220,
    180,
    140,
    140,
    170,
    260,
    380,
    420,
    400,
    340,
    240,
    140,
)
_MIX = 2_654_435_761  # the odd multiplier of Knuth's multiplicative hash
_BITS_32 = (1 << 32) - 1


class House:
    """A house of `size_percent` of the usual one. Each quarter of an hour has a load of its own."""

    def __init__(self, seed: int, size_percent: int = 100) -> None:
        self.size_percent = size_percent
        self._seed = seed

    def load_w(self, time_s: int) -> int:
        """Return the load at a time."""
        usual_w = _WATTS[time_s // HOUR_S % _HOURS_A_DAY]
        return usual_w * self.size_percent * (50 + self._random(time_s // STEP_S) % 101) // 10_000

    def _random(self, place: int) -> int:
        mixed = (place * _MIX + self._seed * 40_503) & _BITS_32
        mixed = (mixed ^ mixed >> 15) * _MIX & _BITS_32
        return mixed >> 8
