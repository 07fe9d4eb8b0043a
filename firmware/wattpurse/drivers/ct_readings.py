"""Voltage, current, power factor and frequency of each leg, for people and for limits, and the means of the inputs.

One channel is measured at a time, over 200 ms. After a pause of 500 ms the next channel follows. A round over four
channels takes 2.8 s. The energy depends on the means alone.

Means and squares are those of the whole periods in this time, from the first crossing to the last. A part of a period
would move the mean of the voltage by some codes, and the dither of the current would make energy of them.
"""

from array import array

from wattpurse.core.constant import const
from wattpurse.drivers import ct_kernel as kernel
from wattpurse.drivers.clamp_calibration import GAIN_ONE
from wattpurse.drivers.ct_calibration import FRAMES_A_SECOND

FRAMES = const(400)
PAUSE_FRAMES = const(1_000)

_SUB = const(64)  # parts of a frame
_LEAST_CROSSINGS = const(4)
_LEAST_VOLT_SQUARE = const(100 * 100)  # a hundred codes: no mains below this


class Readings:
    """The readings of `legs`. `rounds` counts the rounds over all channels.

    While `pause` is above 0, no frames are added, and the caller counts it down.
    """

    def __init__(self, legs: list, table: bytearray) -> None:
        self.rounds = 0
        self._legs = legs
        self._table = table
        self._state = array("i", [0] * kernel.WORDS)
        self._squares = array("i", [0] * 2 * len(legs))  # mean squares of each channel, times 16
        self._periods = array("i", [0] * 2 * len(legs))  # of each leg: periods, and their length in 1/64 frame
        self._add_squares = kernel.add_squares
        self._channel = 0
        self._length = 1  # the whole periods, in 1/64 frame; then their sum of samples, in 1/64, and that of squares
        self._total = 0
        self._square_total = 0
        self.pause = 0
        self._begin()

    def settle(self, ring: "memoryview | array", place: int, frames: int) -> None:
        """Take the first means of all channels from the frames at `place` in the ring."""
        for channel in range(2 * len(self._legs)):
            self._channel = channel
            self._begin()
            self._look(ring, place, frames)
            self._take_whole_periods()
            self._follow_mean()
        self._channel = 0
        self._begin()

    def add(self, ring: "memoryview | array", place: int, frames: int) -> None:
        """Add the frames at `place` in the ring."""
        self._look(ring, place, frames)
        if self._state[5] >= FRAMES:  # kernel.BEGUN
            self._end()

    def squares(self, leg: int) -> tuple:
        """Return the mean squares of voltage and current of a leg."""
        return self._squares[2 * leg + 1] // 16, self._squares[2 * leg] // 16

    def millivolts(self, leg: int) -> int:
        """Return the rms voltage of a leg."""
        return _root(self._squares[2 * leg + 1] * 16) * self._legs[leg].calibration.volt_uv // 16_000

    def milliamperes(self, leg: int) -> int:
        """Return the rms current of a leg, by the gain of its power; 0 while it has no load."""
        if not self._legs[leg].is_loaded:
            return 0
        calibration = self._legs[leg].calibration
        return _root(self._squares[2 * leg] * 16) * calibration.amp_ua * calibration.gain_ppm // (16_000 * GAIN_ONE)

    def milliwatts(self, leg: int) -> int:
        """Return the mean power of a leg over the last second, negative if it flows out; 0 without load."""
        one = self._legs[leg]
        return one.calibration.milliwatts(one.power_sum * 64, one.power_frames) if one.is_loaded else 0

    def factor_percent(self, leg: int) -> int:
        """Return the power factor of a leg in percent; 0 without load."""
        apparent = self.millivolts(leg) * self.milliamperes(leg) // 1000
        return max(-100, min(100, 100 * self.milliwatts(leg) // apparent)) if apparent else 0

    def millihertz(self, leg: int) -> int:
        """Return the frequency of a leg, 0 without voltage."""
        periods, length = self._periods[2 * leg], self._periods[2 * leg + 1]
        return periods * FRAMES_A_SECOND * _SUB * 1000 // length if length else 0

    def _begin(self) -> None:
        state = self._state
        leg = self._legs[self._channel >> 1]
        state[kernel.SQUARES] = 0
        state[kernel.CROSSINGS] = 0
        state[kernel.BEGUN] = 0
        state[kernel.BASE] = leg.volt_mean if self._channel & 1 else leg.amp_mean
        state[kernel.SUM] = kernel.SUM_BIAS

    def _look(self, ring: "memoryview | array", place: int, frames: int) -> None:
        state = self._state
        state[0] = place + self._channel  # kernel.PLACE and FRAMES
        state[3] = frames
        self._add_squares(ring, self._table, state)
        state[5] += frames  # kernel.BEGUN

    def _end(self) -> None:
        """Keep the mean square of the channel, pause, and go on with the next channel."""
        leg = self._legs[self._channel >> 1]
        self._take_whole_periods()
        length, squares = self._length, self._square_total
        mean = self._total * 16 // length  # in 1/16
        square = (squares // length << 14) + (squares % length << 14) // length - (mean * mean >> 4)
        self._squares[self._channel] = max(0, square)
        self._follow_mean()
        if self._channel & 1:
            leg.set_volt_square(max(0, square) >> 4)
            self._count_periods(leg.place, square >= 16 * _LEAST_VOLT_SQUARE)
        self._channel += 1
        if self._channel == 2 * len(self._legs):
            self._channel = 0
            self.rounds += 1
        self.pause = PAUSE_FRAMES
        self._begin()

    def _take_whole_periods(self) -> None:
        """Take length and sums of the whole periods. A tuple of them would take heap.

        A channel that hardly crosses its base has no load, or none yet. All frames count then.
        """
        state = self._state
        frames = state[kernel.LAST_CROSSING] - state[kernel.FIRST] if state[kernel.CROSSINGS] > 1 else 0
        if 2 * frames < state[kernel.BEGUN]:
            self._length = state[kernel.BEGUN] * _SUB
            self._total = (state[kernel.SUM] - kernel.SUM_BIAS) * _SUB
            self._square_total = state[kernel.SQUARES]
        else:
            self._length = _instant(state, kernel.LAST_CROSSING) - _instant(state, kernel.FIRST)
            self._total = (state[kernel.LAST_SUM] - state[kernel.FIRST_SUM]) * _SUB
            self._square_total = state[kernel.LAST_SQUARES] - state[kernel.FIRST_SQUARES]

    def _follow_mean(self) -> None:
        leg = self._legs[self._channel >> 1]
        if self._channel & 1:
            leg.set_volt_mean(self._state[kernel.BASE], self._total, self._length)
        else:
            leg.set_amp_mean(self._state[kernel.BASE], self._total, self._length)

    def _count_periods(self, leg: int, has_voltage: bool) -> None:
        state = self._state
        crossings = state[kernel.CROSSINGS]
        if not has_voltage or crossings < _LEAST_CROSSINGS:
            self._periods[2 * leg + 1] = 0
            return
        first = _instant(state, kernel.FIRST)
        self._periods[2 * leg] = crossings - 1
        self._periods[2 * leg + 1] = _instant(state, kernel.LAST_CROSSING) - first


def _instant(state: array, place: int) -> int:
    """Return the time of a crossing in 1/64 frame, between its two samples."""
    below, above = state[place + 1], state[place + 2]
    return state[place] * _SUB - _SUB * above // (below + above)


def _root(square: int) -> int:
    """Return the whole square root."""
    if square <= 0:
        return 0
    root = 1 << (len(bin(square)) - 1) // 2
    while True:
        better = (root + square // root) // 2
        if better >= root:
            return root
        root = better
