"""Two clamps and two dividers at the converter of a board, and the ring that DMA fills with their codes.

`ClampInputs` are the signals of mains, house, clamps and dividers, in levels of the converter. Their errors are those
of real parts: gain, phase, pickup, a bias off the middle, and the slow dither of the current inputs.
`ClampRing` is the converter with its ring: it imitates the board's DMA, with the virtual clock.
"""

from array import array

from boards.host.chips.converter import FINE, Converter
from boards.host.chips.waves import POINTS, wave
from wattpurse.drivers import ct_kernel

try:
    import micropython  # pyright: ignore[reportMissingImports]
except ImportError:
    from wattpurse.drivers.viper_names import micropython, ptr16, ptr32

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.protocols import EventClock

FRAMES_A_SECOND = 2_000
RING_SAMPLES = 4_096
CHANNELS = 4  # a frame, also with one leg: the converter then reads two inputs that nobody uses
MODULUS = 1 << 28
VOLT_BIAS = 2_048
AMP_BIAS = 2_240
AMP_UA = 173_000  # one code of a clamp for 200 A
VOLT_UV = 97_000
DITHER_CODES = 100
DITHER_US = 18_370_000  # in no whole ratio to the mains

PARTS = 64  # a level has so many, which gives small currents an exact size
_DITHER_FRAMES = 50  # the dither stays where it is for so long
_PHASE_BITS = 16  # of a point of a table
_PERIOD = POINTS << _PHASE_BITS

# Words of `_fill`. Sizes and levels have SIZE_BIAS added: a load of viper has no sign on every processor.
_PLACE, _MASK, _FRAMES, _PHASE, _STEP, _AHEAD, _SIZE, _PICKUP, _REST, _NOISE = range(10)
_SIZE_BIAS = 1 << 28
_RANDOM_MASK = (1 << 28) - 1


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
        self.add_products = ct_kernel.add_products
        self.taken = 0
        self.restarts = 0
        self.drops = 0
        self._converter = converter
        self._clock = clock
        self._began_us = clock.now_us
        self._written = 0
        self._phase = 0
        self._random = seed
        self._words = array("i", [0] * 10)

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
            part = min(frames, _DITHER_FRAMES)
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
        words = self._words
        words[_MASK], words[_FRAMES], words[_STEP] = self.length - 1, frames, step * self.channels
        for place, leg in enumerate(self.inputs.legs):
            begin = self._phase + 2 * place * step
            self._fill_amps(leg, 2 * place, begin, dither)
            self._fill_volts(leg, 2 * place + 1, begin + step)
        self._phase = (self._phase + step * self.channels * frames) % _PERIOD
        self._written += frames * self.channels

    def _fill_amps(self, leg: LegInputs, channel: int, phase: int, dither: int) -> None:
        words = self._words
        words[_AHEAD] = round(leg.phase_degrees * POINTS / 360) % POINTS << _PHASE_BITS
        words[_SIZE] = _SIZE_BIAS + (leg.amp_size() if leg.is_plugged else 0)
        words[_PICKUP] = _SIZE_BIAS + (leg.pickup_size() if leg.is_plugged else 0)
        words[_REST] = _SIZE_BIAS + (leg.amp_bias * FINE * PARTS + dither if leg.is_plugged else 0)
        self._fill(leg.amp_wave, leg.volt_wave, channel, phase)

    def _fill_volts(self, leg: LegInputs, channel: int, phase: int) -> None:
        words = self._words
        words[_AHEAD], words[_SIZE], words[_PICKUP] = 0, _SIZE_BIAS + leg.volt_size(), _SIZE_BIAS
        words[_REST] = _SIZE_BIAS + leg.volt_bias * FINE * PARTS
        self._fill(leg.volt_wave, leg.volt_wave, channel, phase)

    def _fill(self, shape: array, volts: array, channel: int, phase: int) -> None:
        words = self._words
        words[_PLACE], words[_PHASE] = (self._written & self.length - 1) + channel, phase % _PERIOD
        self._random = self._random * 69_069 + 12_345 & _RANDOM_MASK  # quicker than a draw of `RandomBits`
        words[_NOISE] = self._random >> 16
        fill(self.ring, self._converter.codes, self._converter.noise, shape, volts, words)


@micropython.viper
def fill(ring: ptr16, codes: ptr16, noises: ptr16, shape: ptr16, volts: ptr16, words: ptr32):  # noqa: ANN201 # pyright: ignore
    """Write the codes of one channel into the ring, as `words` say. Every number stays below 2**30.

    level = (rest + size * shape / ONE + pickup * volts / ONE) / PARTS + noise
    """
    place, mask, frames = int(words[0]), int(words[1]), int(words[2])
    phase, step, ahead = int(words[3]), int(words[4]), int(words[5])
    size = int(words[6]) - 268435456
    high, low = size >> 8, size & 255
    pickup = int(words[7]) - 268435456
    rest = int(words[8]) - 268435456
    noise = int(words[9])
    while frames > 0:
        w = ((int(shape[((phase + ahead) >> 16) & 4095]) & 65535) ^ 32768) - 32768
        level = rest + ((high * w) >> 4) + ((low * w) >> 12)
        if pickup != 0:
            w = ((int(volts[(phase >> 16) & 4095]) & 65535) ^ 32768) - 32768
            level += (pickup * w) >> 12
        level = (level >> 6) + ((int(noises[noise]) & 65535) ^ 32768) - 32768
        if level < 0:
            level = 0
        if level > 65535:
            level = 65535
        ring[place & mask] = codes[level]
        noise = (noise + 2741) & 4095
        place += 4
        phase = (phase + step) & 268435455
        frames -= 1
