"""Calibration of the CT-clamp front end: the value of one code on each leg, and the way to find it.

Clamp and divider of a leg have microamperes and microvolts a code (`clamp_calibration` has the bytes).

`phase` is the weight of the shifted products, in 1/16,384 of a frame: it is how much later the voltage has to be read.
`offset` is the pickup of the current channel, in 2**-24 of the voltage: its power goes with the square of the voltage.

All functions use integers only. A calibration that no sound installation can need raises ValueError with the reason.
"""

from wattpurse.core.constant import const
from wattpurse.drivers.clamp_calibration import (
    GAIN_ONE,
    LEGS_MOST,
    ClampCalibration,
    check_leg,
    refuse_other_factor,
    refuse_weak,
    unpacked,
)

VERSION = const(1)
FRAMES_A_SECOND = const(2_000)
PHASE_ONE = const(1 << 14)
OFFSET_BITS = 24
SKEW = -PHASE_ONE // 4  # the phase of a perfect clamp: the voltage is read a quarter of a frame after the current

REFERENCE_MV = 3_000
CLAMP_MA_PER_V = 236_200
DIVIDER_MV_PER_V = 132_440
_GAIN_AT_FIRST = const(994_500)

_CODES = const(4_096 + 39)  # the full range, after the table of `ct_kernel` has added the codes that are missing
# One mWh is 3.6 J, a sum is over FRAMES_A_SECOND products a second. Codes are in millionths of A and V, gain in ppm.
_PRODUCTS_SCALE = const(3_600 * FRAMES_A_SECOND * 10**15)
_WATT_SCALE = const(10**18)
_FEWEST_PRODUCTS = const(20_000)  # a mWh has so many: 24 kW on a leg stay below 2**30 in a sum
_MOST_PRODUCTS = const(20_000_000)
_PHASE_MOST = const(7_600)  # 5 degrees of 60 Hz
_OFFSET_MOST = const(1 << 12)  # 8 W at 138 V


class LegCalibration:
    """The calibration of one leg. `amp_ua` and `volt_uv` are microamperes and microvolts a code."""

    def __init__(self, amp_ua: int, volt_uv: int, gain_ppm: int = GAIN_ONE, phase: int = SKEW, offset: int = 0) -> None:
        self.amp_ua = amp_ua
        self.volt_uv = volt_uv
        self.gain_ppm = gain_ppm
        self.phase = phase
        self.offset = offset

    @property
    def products_per_mwh(self) -> int:
        """The sum of products that is one mWh."""
        return _PRODUCTS_SCALE // (self.amp_ua * self.volt_uv * self.gain_ppm)

    @property
    def centidegrees(self) -> int:
        """The phase in hundredths of a degree at 60 Hz, beside that of a perfect clamp."""
        return (self.phase - SKEW) * 1080 // PHASE_ONE

    def figures(self) -> tuple:
        """Return the figures for the settings."""
        return self.amp_ua, self.volt_uv, self.gain_ppm, self.phase, self.offset

    def set_clamp(self, ma_per_v: int) -> None:
        """Take another clamp, by its milliamperes for a volt at the input."""
        self.amp_ua = codes_value(ma_per_v, REFERENCE_MV)

    def set_divider(self, mv_per_v: int) -> None:
        """Take another divider, by its millivolts for a volt at the input."""
        self.volt_uv = codes_value(mv_per_v, REFERENCE_MV)

    def milliwatts(self, products: int, frames: int) -> int:
        """Return the mean power of a sum of products over so many frames, in mW."""
        return products * self.amp_ua * self.volt_uv * self.gain_ppm * 1000 // (_WATT_SCALE * max(1, frames))

    def check(self) -> None:
        """Raise ValueError if no sound clamp and divider have these figures."""
        check_leg(self.gain_ppm, self.phase - SKEW, _PHASE_MOST, self.offset, _OFFSET_MOST)
        if not _FEWEST_PRODUCTS <= self.products_per_mwh <= _MOST_PRODUCTS:
            raise ValueError("a clamp for 5 to 200 A and a divider for 100 to 250 V are expected: check the figures")


class Calibration(ClampCalibration):
    """The calibration of a meter: `legs` of LegCalibration, and the limits of the voltage."""

    def pack(self) -> bytes:
        """Return the bytes for the settings."""
        return self.packed(VERSION)


def default(legs: int = LEGS_MOST) -> Calibration:
    """Return the calibration of the reference wiring of docs/ct.md, before a technician has calibrated it.

    The weight of the phase adds half a percent at 60 Hz, so the gain begins below 1.
    """
    amp_ua = codes_value(CLAMP_MA_PER_V, REFERENCE_MV)
    volt_uv = codes_value(DIVIDER_MV_PER_V, REFERENCE_MV)
    return Calibration([LegCalibration(amp_ua, volt_uv, _GAIN_AT_FIRST) for _ in range(legs)])


def unpack(data: bytes) -> Calibration:
    """Return the calibration that `pack` packed. Raises ValueError for anything else."""
    calibration = Calibration(*unpacked(data, VERSION, LegCalibration))
    calibration.check()
    return calibration


class Measurement:
    """Sums of one leg over `frames` frames: products, shifted products, and the mean square of the voltage in codes.

    `amp_square` is the mean square of the current. The offset of the calibration in force is subtracted already.
    """

    def __init__(self, frames: int, products: int, shifted: int, volt_square: int, amp_square: int) -> None:
        self.frames = frames
        self.products = products
        self.shifted = shifted
        self.volt_square = volt_square
        self.amp_square = amp_square

    def sum_at(self, phase: int) -> int:
        """Return the sum of products with this phase, times PHASE_ONE."""
        return self.products * PHASE_ONE + self.shifted * phase

    def milliwatts(self, leg: LegCalibration) -> int:
        """Return the mean power under a calibration, in mW."""
        return leg.milliwatts(self.sum_at(leg.phase), self.frames * PHASE_ONE)

    def factor_percent(self, leg: LegCalibration) -> int:
        """Return the power factor in percent, negative if energy flowed backwards."""
        apparent_square = self.volt_square * self.amp_square
        if not apparent_square:
            return 0
        mean = self.sum_at(leg.phase) * 1000 // (self.frames * PHASE_ONE)
        squared = mean * mean // apparent_square  # the factor squared, in millionths
        percent = 0
        while (percent + 1) * (percent + 1) * 100 <= squared and percent < 100:
            percent += 1
        return -percent if mean < 0 else percent


def with_gain(leg: LegCalibration, seen: Measurement, load_mw: int) -> LegCalibration:
    """Return the calibration that reads `load_mw` from the measurement, at its present phase."""
    refuse_weak(seen.milliwatts(leg), load_mw)
    return _checked(leg, _gain(leg, seen, load_mw, leg.phase), leg.phase, leg.offset)


def with_phase(
    leg: LegCalibration, seen: Measurement, load_mw: int, resistive: Measurement | None = None, resistive_mw: int = 0
) -> LegCalibration:
    """Return the calibration that reads `load_mw` from the measurement of a load that lags.

    With the measurement of a load of power factor 1, phase and gain follow from both in closed form. Without it the
    gain is taken as right.
    """
    refuse_weak(seen.milliwatts(leg), load_mw)
    refuse_other_factor(seen.factor_percent(leg))
    if resistive is None:
        wanted = load_mw * _WATT_SCALE * seen.frames // (leg.amp_ua * leg.volt_uv * leg.gain_ppm * 1000)
        phase = _rounded((wanted - seen.products) * PHASE_ONE, seen.shifted)
        return _checked(leg, leg.gain_ppm, phase, leg.offset)
    one, two = resistive_mw * resistive.frames, load_mw * seen.frames
    numerator = one * seen.products - two * resistive.products
    phase = _rounded(numerator * PHASE_ONE, two * resistive.shifted - one * seen.shifted)
    return _checked(leg, _gain(leg, resistive, resistive_mw, phase), phase, leg.offset)


def with_offset(leg: LegCalibration, seen: Measurement) -> LegCalibration:
    """Return the calibration that reads nothing from the measurement, which was made without a load."""
    if not seen.volt_square:
        raise ValueError("there is no voltage on this leg")
    more = _rounded(seen.sum_at(leg.phase) << OFFSET_BITS, seen.frames * PHASE_ONE * seen.volt_square)
    return _checked(leg, leg.gain_ppm, leg.phase, leg.offset + more)


def _gain(leg: LegCalibration, seen: Measurement, load_mw: int, phase: int) -> int:
    denominator = leg.amp_ua * leg.volt_uv * seen.sum_at(phase)
    if denominator <= 0:
        raise ValueError("energy flows backwards through this clamp: turn it round first")
    return _rounded(load_mw * seen.frames * PHASE_ONE * (_WATT_SCALE // 1000), denominator)


def _checked(leg: LegCalibration, gain_ppm: int, phase: int, offset: int) -> LegCalibration:
    made = LegCalibration(leg.amp_ua, leg.volt_uv, gain_ppm, phase, offset)
    made.check()
    return made


def _rounded(numerator: int, denominator: int) -> int:
    if denominator == 0:
        raise ValueError("the measurement does not tell: is the load connected?")
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    return (2 * numerator + denominator) // (2 * denominator)


def codes_value(per_volt_milli: int, reference_mv: int) -> int:
    """Return the micro-units of one code, from milli-units a volt at the converter's input."""
    return per_volt_milli * reference_mv // _CODES
