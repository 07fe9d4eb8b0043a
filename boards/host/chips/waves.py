"""Shapes of mains voltages and load currents: one period as a table, and the power factor of two of them.

A table has `POINTS` values, `ONE` for an rms of 1. `phase_degrees` above 0 lags.
"""

from array import array
from math import cos, pi, sin, sqrt

POINTS = 4_096
ONE = 1 << 12


def wave(phase_degrees: float = 0, harmonics: tuple = ()) -> array:
    """Return a sine. `harmonics` are (order, share of the fundamental, phase in degrees), all at one rms of 1."""
    parts = ((1, 1.0, phase_degrees),) + tuple(harmonics)
    size = sqrt(2 / sum(share * share for _, share, _ in parts))
    values = [0.0] * POINTS
    for order, share, degrees in parts:
        lag = degrees * pi / 180
        for point in range(POINTS):
            values[point] += size * share * sin(2 * pi * order * point / POINTS - lag)
    return _table(values)


def pulses(crest: float = 3.0) -> array:
    """Return the current of a rectifier: a narrow hump in the middle of each half period, with this crest factor."""
    width = 16 / 3 / crest / crest / 2  # a share of the half period; the mean square of a squared cosine is 3/8 of it
    half = POINTS // 2
    values = []
    for point in range(POINTS):
        place = (point % half) / half - 0.5
        hump = cos(pi * place / width) ** 2 if abs(place) < width / 2 else 0.0
        values.append(crest * hump * (1 if point < half else -1))
    size = sqrt(sum(value * value for value in values) / POINTS)
    return _table([value / size for value in values])


def transfer(volts: array, amps: array) -> float:
    """Return the power factor of a current at a voltage: the mean of their products."""
    return sum(one * other for one, other in zip(volts, amps)) / (POINTS * ONE * ONE)


def _table(values: list) -> array:
    return array("h", [round(value * ONE) for value in values])
