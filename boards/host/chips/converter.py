"""The converter of an RP2040 behind its inputs: steps of erratum E11, a bowed curve, and noise.

The codes 512, 1536, 2560 and 3584 are about ten codes wide, and the middle is a little wide, by chance different in
each chip (`seed`). A level is in sixteenths of a code of the ideal converter.
"""

from array import array
from math import pi, sin

from boards.host.chips.random_bits import RandomBits

LEVELS = 65_536
CODES = 4_096
FINE = 16

_WIDE = ((512, 10.0), (1536, 9.0), (2048, 1.4), (2560, 9.0), (3584, 9.9))
_SPREAD = 0.8
_UNEVEN = 0.25
_BOW = 1.2
_NOISE_TABLE = 4_096
_NOISE_CODES = 1.2


class Converter:
    """One chip. `codes` maps each level to a code. The values of `noise` are added to levels, one after the other."""

    def __init__(self, seed: int = 1, noise_codes: float = _NOISE_CODES, is_ideal: bool = False) -> None:
        self._random_bits = RandomBits(seed)
        self.noise = array("h", [self._normal(noise_codes * FINE) for _ in range(_NOISE_TABLE)])
        self.codes = array("H", [level // FINE for level in range(LEVELS)]) if is_ideal else self._curve()

    def _curve(self) -> array:
        widths = [1.0] * CODES
        for code, wide in _WIDE:
            widths[code] += wide + (_SPREAD * self._even() if wide > 2 else 0)
        bows = [_BOW * self._even() for _ in range(2)]
        scale = LEVELS / sum(widths)
        codes = array("H", [CODES - 1] * LEVELS)
        begin, below = 0, 0.0
        for code in range(CODES - 1):
            below += widths[code] * scale
            part = pi * below / LEVELS
            bow = bows[0] * sin(part) + bows[1] * sin(2 * part) + _UNEVEN * self._even()
            end = round(below + FINE * bow)
            end = min(LEVELS, max(begin, end))
            codes[begin:end] = array("H", [code] * (end - begin))
            begin = end
        return codes

    def _even(self) -> float:
        """Return a number from -1 to 1."""
        return self._random_bits(16) / 32_768 - 1

    def _normal(self, deviation: float) -> int:
        return round(deviation * sum(self._even() for _ in range(12)) / 2)
