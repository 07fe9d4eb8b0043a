"""Calibration of the metering chip ATM90E32AS: the figures of clamps and dividers, and the registers that they give.

The bytes are those of `clamp_calibration`. The further ones are impulses u16 per kWh. Clamp and divider of a leg have
mA and mV for a volt at the input, phase has the cycles of 2.048 MHz by which the current is delayed, offset has the mW
that are subtracted.

L1 is phase A of the chip, L2 is phase B. The registers are those of the data sheet (Atmel-46003, M90E32AS, "Register
list"), their units those of its register descriptions and of the application note (Atmel-46103, "Calibration"):

- the meter constant is 450,000,000,000 / impulses per kWh (PLconst)
- currents are in mA and end at 65.535 A, powers in 0.00032 W, thresholds likewise
- 0x8000 is a gain of 1 (Ugain, Igain); PQGain is in 2**-15, a complement; Phi counts cycles of 2.048 MHz

Currents are therefore divided by `Calibration.divisor`, the power by the same, and the meter constant is multiplied by
it. All functions use integers only. A calibration that no sound installation can need raises ValueError.
"""

import struct

from wattpurse.drivers.clamp_calibration import (
    GAIN_ONE,
    LEGS_MOST,
    ClampCalibration,
    check_leg,
    refuse_other_factor,
    refuse_weak,
    unpacked,
)

VERSION = 1
CYCLES_A_SECOND = 2_048_000

# A gain of 1 reads so much for a volt (rms) at the input. The data sheet has no figure: these are typical.
CHIP_MA_PER_V = 195_300
CHIP_MV_PER_V = 1_953_000
INPUT_MV = 720  # the most that an input takes, rms, at an amplification of 1 (electrical specification)

CLAMP_MA_PER_V = 600_600  # 200 A and 333 mV
DIVIDER_MV_PER_V = 1_001_000  # 1 MOhm and 1 kOhm
IMPULSES = 1_000
IMPULSES_RANGE = (1_000, 3_200)
LEAST_MW = 2_500  # a leg with less has no load

METER_EN = 0x00
CHANNEL_MAP_I = 0x01
CHANNEL_MAP_U = 0x02
PL_CONST_H = 0x31
PL_CONST_L = 0x32
MMODE0 = 0x33
MMODE1 = 0x34
P_START = 0x35
Q_START = 0x36
S_START = 0x37
P_PHASE = 0x38
Q_PHASE = 0x39
S_PHASE = 0x3A
P_OFFSET = 0x41  # phase A; phase B is two further on
PQ_GAIN = 0x47  # likewise
PHI = 0x48  # likewise
U_GAIN = 0x61  # likewise, but four further on
I_GAIN = 0x62  # likewise

_OWN_CURRENTS = 0x0210  # each phase has its own inputs, as after a reset
_OWN_VOLTAGES = 0x0654
SIXTY_HERTZ = 1 << 12  # a bit in MMode0
_ALL_REACTIVE = 0x0080  # CF2 gives reactive energy, as after a reset
_IN_SUM = (0x0004, 0x0002)  # phase A and B are part of the sum
_REGISTER_MA = 65_535
_UW_A_BIT = 320
_PL_CONSTANT = 450_000_000_000
_DELAY_VOLTAGE = 1 << 15

_IMPULSES = "<H"
_IMPULSES_AT = 6
_IMPULSES_BYTES = 2
_PHASE_MOST = 474  # 5 degrees of 60 Hz
_OFFSET_MOST = 8_000
_TURN_URAD = 6_283_185


class LegCalibration:
    """The calibration of one leg."""

    def __init__(
        self,
        clamp_ma: int = CLAMP_MA_PER_V,
        divider_mv: int = DIVIDER_MV_PER_V,
        gain_ppm: int = GAIN_ONE,
        phase: int = 0,
        offset: int = 0,
    ) -> None:
        self.clamp_ma = clamp_ma
        self.divider_mv = divider_mv
        self.gain_ppm = gain_ppm
        self.phase = phase
        self.offset = offset

    @property
    def centidegrees(self) -> int:
        """The phase in hundredths of a degree at 60 Hz."""
        return self.phase * 36_000 * 60 // CYCLES_A_SECOND

    def figures(self) -> tuple:
        """Return the figures for the settings."""
        return self.clamp_ma, self.divider_mv, self.gain_ppm, self.phase, self.offset

    def set_clamp(self, ma_per_v: int) -> None:
        """Take another clamp, by its milliamperes for a volt at the input."""
        self.clamp_ma = ma_per_v

    def set_divider(self, mv_per_v: int) -> None:
        """Take another divider, by its millivolts for a volt at the input."""
        self.divider_mv = mv_per_v

    def check(self) -> None:
        """Raise ValueError if no sound clamp and divider have these figures."""
        check_leg(self.gain_ppm, self.phase, _PHASE_MOST, self.offset, _OFFSET_MOST)
        if not 10_000 <= self.clamp_ma <= 1_000_000 or not 350_000 <= self.divider_mv <= 1_953_000:
            raise ValueError("a clamp for 7 to 720 A and a divider for 250 V or more are expected: check the figures")


class Calibration(ClampCalibration):
    """The calibration of a meter: `legs` of LegCalibration, the limits of the voltage, the impulses per kWh."""

    def __init__(
        self, legs: list, nominal_v: int = 120, low_percent: int = 85, high_percent: int = 115, impulses: int = IMPULSES
    ) -> None:
        super().__init__(legs, nominal_v, low_percent, high_percent)
        self.impulses = impulses

    @property
    def divisor(self) -> int:
        """The number by which the chip's currents and powers are too small: a power of 2, so that none saturates."""
        most_ma = max([leg.clamp_ma for leg in self.legs]) * INPUT_MV // 1000
        divisor = 1
        while most_ma > _REGISTER_MA * divisor:
            divisor *= 2
        return divisor

    def milliwatts(self, register: int) -> int:
        """Return the power that a power register of 32 bits stands for."""
        return register * self.divisor * _UW_A_BIT // 1000

    def registers(self, counted: int, is_60_hertz: bool) -> list:
        """Return pairs of register and value, in the order in which they must be written.

        `counted` has a bit for each leg that is part of the sum. Metering begins with the last register.
        """
        divisor = self.divisor
        constant = (2 * _PL_CONSTANT // (self.impulses * divisor) + 1) // 2
        least = LEAST_MW * 1000 // (_UW_A_BIT * divisor)
        pairs = [
            (CHANNEL_MAP_I, _OWN_CURRENTS),
            (CHANNEL_MAP_U, _OWN_VOLTAGES),
            (PL_CONST_H, constant >> 16),
            (PL_CONST_L, constant & 0xFFFF),
            (MMODE0, mode(counted, is_60_hertz)),
            (MMODE1, 0),
            (P_START, least),
            (Q_START, least),
            (S_START, least),
            (P_PHASE, least),
            (Q_PHASE, least),
            (S_PHASE, least),
        ]
        for place, leg in enumerate(self.legs):
            power_gain = (2 * (leg.gain_ppm - GAIN_ONE) * 32_768 // GAIN_ONE + 1) // 2
            delay = leg.phase if leg.phase >= 0 else _DELAY_VOLTAGE | -leg.phase
            pairs += [
                (U_GAIN + 4 * place, _ratio(leg.divider_mv, CHIP_MV_PER_V)),
                (I_GAIN + 4 * place, _ratio(leg.clamp_ma, CHIP_MA_PER_V * divisor)),
                (PQ_GAIN + 2 * place, power_gain & 0xFFFF),
                (PHI + 2 * place, delay),
                (P_OFFSET + 2 * place, -leg.offset * 1000 // (_UW_A_BIT * divisor) & 0xFFFF),
            ]
        return pairs + [(METER_EN, 1)]

    def pack(self) -> bytes:
        """Return the bytes for the settings."""
        return self.packed(VERSION, struct.pack(_IMPULSES, self.impulses))

    def check(self) -> None:
        """Raise ValueError if the calibration is not plausible."""
        super().check()
        if not IMPULSES_RANGE[0] <= self.impulses <= IMPULSES_RANGE[1]:
            raise ValueError("the metering chip gives 1000 to 3200 impulses per kWh")


def default(legs: int = LEGS_MOST) -> Calibration:
    """Return the calibration of the reference wiring of docs/ct.md, before a technician has calibrated it."""
    return Calibration([LegCalibration() for _ in range(legs)])


def unpack(data: bytes) -> Calibration:
    """Return the calibration that `pack` packed. Raises ValueError for anything else."""
    calibration = Calibration(*unpacked(data, VERSION, LegCalibration, _IMPULSES_BYTES))
    (calibration.impulses,) = struct.unpack_from(_IMPULSES, data, _IMPULSES_AT)
    calibration.check()
    return calibration


def mode(counted: int, is_60_hertz: bool) -> int:
    """Return the register MMode0 in which the legs of `counted` make the sum, with their signs."""
    value = _ALL_REACTIVE | (SIXTY_HERTZ if is_60_hertz else 0)
    for place, bit in enumerate(_IN_SUM):
        if counted >> place & 1:
            value |= bit
    return value


class Measurement:
    """Mean power, mean apparent power, and frequency of one leg, by the calibration that was in force."""

    def __init__(self, power_mw: int, apparent_mva: int, millihertz: int) -> None:
        self.power_mw = power_mw
        self.apparent_mva = apparent_mva
        self.millihertz = millihertz

    def milliwatts(self, _leg: LegCalibration) -> int:
        """Return the mean power in mW."""
        return self.power_mw

    def factor_percent(self, _leg: LegCalibration) -> int:
        """Return the power factor in percent, negative if energy flowed backwards."""
        size = min(100, 100 * abs(self.power_mw) // self.apparent_mva) if self.apparent_mva else 0
        return -size if self.power_mw < 0 else size


def with_gain(leg: LegCalibration, seen: Measurement, load_mw: int) -> LegCalibration:
    """Return the calibration that reads `load_mw` from the measurement."""
    refuse_weak(seen.power_mw, load_mw)
    return _checked(leg, _scaled(leg.gain_ppm, load_mw, seen.power_mw), leg.phase, leg.offset)


def with_phase(
    leg: LegCalibration, seen: Measurement, load_mw: int, resistive: Measurement | None = None, resistive_mw: int = 0
) -> LegCalibration:
    """Return the calibration that reads `load_mw` from the measurement of a load that lags.

    The measurement of a load of power factor 1 gives the scale of the apparent power. It reads `resistive_mw` still.
    """
    refuse_weak(seen.power_mw, load_mw)
    refuse_other_factor(seen.factor_percent(leg))
    if not seen.millihertz:
        raise ValueError("there is no voltage on this leg")
    apparent = seen.apparent_mva
    if resistive is not None and resistive.apparent_mva:
        apparent = _scaled(apparent, resistive_mw, resistive.apparent_mva)
    gain_ppm, power_mw, lead_urad = leg.gain_ppm, seen.power_mw, 0
    for _ in range(3):
        lead_urad = _lead_urad(power_mw, load_mw, apparent)
        if resistive is not None:  # without the error of the phase that load would read more by 1 / cos(lead)
            share = GAIN_ONE - lead_urad * lead_urad // (2 * GAIN_ONE)
            gain_ppm, power_mw = leg.gain_ppm * share // GAIN_ONE, seen.power_mw * share // GAIN_ONE
    cycles = _scaled(lead_urad * 1000, CYCLES_A_SECOND, _TURN_URAD * seen.millihertz)
    return _checked(leg, gain_ppm, leg.phase + cycles, leg.offset)


def with_offset(leg: LegCalibration, seen: Measurement) -> LegCalibration:
    """Return the calibration that reads nothing from the measurement, which was made without a load."""
    if not seen.millihertz:
        raise ValueError("there is no voltage on this leg")
    return _checked(leg, leg.gain_ppm, leg.phase, leg.offset + seen.power_mw)


def _lead_urad(power_mw: int, load_mw: int, apparent_mva: int) -> int:
    """Return by how much the clamp leads, in microradians, if a load that lags reads `power_mw` for `load_mw`."""
    mean_ppm = min(GAIN_ONE - 1, (power_mw + load_mw) * GAIN_ONE // (2 * apparent_mva))
    sine_ppm = _root(GAIN_ONE * GAIN_ONE - mean_ppm * mean_ppm)
    return (power_mw - load_mw) * GAIN_ONE // apparent_mva * GAIN_ONE // sine_ppm


def _checked(leg: LegCalibration, gain_ppm: int, phase: int, offset: int) -> LegCalibration:
    made = LegCalibration(leg.clamp_ma, leg.divider_mv, gain_ppm, phase, offset)
    made.check()
    return made


def _ratio(part: int, whole: int) -> int:
    """Return a gain of the chip, at most its largest."""
    return min(0xFFFF, _scaled(0x8000, part, whole))


def _scaled(value: int, numerator: int, denominator: int) -> int:
    """Return `value` * `numerator` / `denominator`, rounded."""
    return (2 * value * numerator + denominator) // (2 * denominator)


def _root(square: int) -> int:
    root = 1 << len(bin(square)) // 2
    while True:
        better = (root + square // root) // 2
        if better >= root:
            return root
        root = better
