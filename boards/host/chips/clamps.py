"""Two clamps and two dividers at the converter of a board, and the ring that DMA fills with their codes.

`ClampInputs` are the signals of mains, house, clamps and dividers, in levels of the converter. Their errors are those
of real parts: gain, phase, pickup, a bias off the middle, and the slow dither of the current inputs.
`ClampRing` is the converter with its ring: it imitates the board's DMA, with the virtual clock.
"""

from array import array

from boards.host.chips.converter import FINE, LEVELS, Converter
from boards.host.chips.random_bits import RandomBits
from boards.host.chips.waves import ONE, POINTS, wave

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import EventClock

FRAMES_A_SECOND = 2_000
RING_SAMPLES = 8_192
CHANNELS = 4  # a frame, also with one leg: the converter then reads two inputs that nobody uses
MODULUS = 1 << 28
VOLT_BIAS = 2_048
AMP_BIAS = 2_240
AMP_UA = 173_000  # one code of a clamp for 200 A
VOLT_UV = 97_000
DITHER_CODES = 100
DITHER_US = 18_370_000  # in no whole ratio to the mains

PARTS = 64  # a level has so many, which gives small currents an exact size
_PHASE_BITS = 20  # of a point of a table
_PERIOD = POINTS << _PHASE_BITS


class LegInputs:
    """One leg: rms volts and amperes, and the parts at the board's inputs.

    `is_reversed` is a clamp that was put on backwards, `is_plugged` is False once its cable was pulled: the jack then
    ties the input to ground. `gain`, `phase_degrees` and `pickup` are the errors of clamp and divider together.
    """

    def __init__(self, amp_ua: int = AMP_UA, volt_uv: int = VOLT_UV) -> None:
        self.amp_ua = amp_ua
        self.volt_uv = volt_uv
        self.volts = 120.0
        self.amps = 0.0
        self.volt_wave = wave()
        self.amp_wave = wave()
        self.is_reversed = False
        self.is_plugged = True
        self.gain = 1.0
        self.phase_degrees = 0.0  # by how much the clamp leads
        self.pickup = 0.0  # amperes that one volt induces
        self.volt_bias = VOLT_BIAS
        self.amp_bias = AMP_BIAS

    def volt_size(self) -> int:
        """Return the rms of the voltage input, in parts of a level."""
        return round(self.volts * 1_000_000 * FINE * PARTS / self.volt_uv)

    def amp_size(self) -> int:
        """Return the rms of the current input, in parts of a level."""
        size = self.amps * self.gain * 1_000_000 * FINE * PARTS / self.amp_ua
        return round(-size if self.is_reversed else size)

    def pickup_size(self) -> int:
        """Return the rms of the pickup in the current input, in parts of a level. It has the shape of the voltage."""
        return round(self.volts * self.pickup * 1_000_000 * FINE * PARTS / self.amp_ua)


class ClampInputs:
    """The inputs of `legs` legs at mains of `millihertz`."""

    def __init__(self, legs: int = 2, millihertz: int = 60_000) -> None:
        self.legs = [LegInputs() for _ in range(legs)]
        self.millihertz = millihertz
        self.dither_codes = DITHER_CODES


class ClampRing:
    """The converter and the ring, as `hal.Sampler`. Samples are made when somebody looks, or before a signal changes.

    Call `catch_up` before each change of the inputs.
    """

    def __init__(
        self,
        clock: "EventClock",
        inputs: ClampInputs,
        converter: Converter,
        length: int = RING_SAMPLES,
        seed: int = 1,
    ) -> None:
        self.inputs = inputs
        self.channels = CHANNELS
        self.length = length
        self.modulus = MODULUS
        self.ring = array("H", [0] * length)
        self.taken = 0
        self.restarts = 0
        self.drops = 0
        self._converter = converter
        self._clock = clock
        self._began_us = clock.now_us
        self._written = 0
        self._phase = 0
        self._random_bits = RandomBits(seed)

    def read_raw(self) -> int:
        """Return the number of samples written, modulo `modulus`, or -1 after the converter had to drop one."""
        self.catch_up()
        if self.drops:
            return -1
        return self._written % self.modulus

    def note_taken(self, raw: int) -> None:
        """Keep the place that the program has reached: it outlives the program."""
        self.taken = raw

    def restart(self) -> None:
        """Begin anew with the first channel."""
        self.drops = 0
        self.restarts += 1
        self.catch_up()
        self._written = (self._written // self.length + 1) * self.length
        self._began_us = self._clock.now_us - self._written // self.channels * 1_000_000 // FRAMES_A_SECOND
        self.taken = self._written % self.modulus

    def catch_up(self) -> None:
        """Make the samples up to now."""
        elapsed_us = self._clock.now_us - self._began_us
        frames = elapsed_us * FRAMES_A_SECOND // 1_000_000 - self._written // self.channels
        self.make_frames(frames)

    def make_frames(self, frames: int) -> None:
        """Make so many frames."""
        while frames > 0:
            part = min(frames, FRAMES_A_SECOND // 100)
            self._make(part, self._dither())
            frames -= part

    def _dither(self) -> int:
        """Return the place of the dither in parts of a level: a triangle."""
        frame_us = self._written // self.channels * (1_000_000 // FRAMES_A_SECOND)
        quarter = DITHER_US // 4
        part = frame_us % DITHER_US
        rise = part - quarter if part < 2 * quarter else 3 * quarter - part
        return self.inputs.dither_codes * FINE * PARTS * rise // quarter

    def _make(self, frames: int, dither: int) -> None:
        """Make frames while nothing changes: current and voltage of each leg in turn, a slot apart."""
        step = self.inputs.millihertz * POINTS // (FRAMES_A_SECOND * self.channels) * (1 << _PHASE_BITS) // 1000
        for place, leg in enumerate(self.inputs.legs):
            ahead = round(leg.phase_degrees * POINTS / 360) << _PHASE_BITS
            begin = self._phase + 2 * place * step
            self._fill_amps(leg, 2 * place, begin, ahead, step * self.channels, frames, dither)
            self._fill_volts(leg, 2 * place + 1, begin + step, step * self.channels, frames)
        self._phase = (self._phase + step * self.channels * frames) % _PERIOD
        self._written += frames * self.channels

    def _fill_amps(
        self, leg: LegInputs, channel: int, phase: int, ahead: int, step: int, frames: int, dither: int
    ) -> None:
        ring, codes, noises = self.ring, self._converter.codes, self._converter.noise
        amps, volts = leg.amp_wave, leg.volt_wave
        size, pickup = leg.amp_size(), leg.pickup_size()
        rest = leg.amp_bias * FINE * PARTS + dither if leg.is_plugged else 0
        size, pickup = (size, pickup) if leg.is_plugged else (0, 0)
        place, mask, noise = self._written + channel, self.length - 1, self._random_bits(12)
        for _ in range(frames):
            level = (rest + size * amps[(phase + ahead >> _PHASE_BITS) % POINTS] // ONE) // PARTS + noises[noise]
            if pickup:
                level += pickup * volts[(phase >> _PHASE_BITS) % POINTS] // (ONE * PARTS)
            ring[place & mask] = codes[0 if level < 0 else level if level < LEVELS else LEVELS - 1]
            noise = noise + 2_741 & 4_095
            place += self.channels
            phase += step

    def _fill_volts(self, leg: LegInputs, channel: int, phase: int, step: int, frames: int) -> None:
        ring, codes, noises = self.ring, self._converter.codes, self._converter.noise
        volts, size, rest = leg.volt_wave, leg.volt_size(), leg.volt_bias * FINE * PARTS
        place, mask, noise = self._written + channel, self.length - 1, self._random_bits(12)
        for _ in range(frames):
            level = (rest + size * volts[(phase >> _PHASE_BITS) % POINTS] // ONE) // PARTS + noises[noise]
            ring[place & mask] = codes[0 if level < 0 else level if level < LEVELS else LEVELS - 1]
            noise = noise + 2_741 & 4_095
            place += self.channels
            phase += step
