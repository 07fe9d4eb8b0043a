"""The part of a calibration that is the same for each front end with clamps: its bytes, the voltage's limits, refusals.

    calibration: version u8, legs u8, nominal voltage u16 (V), low u8, high u8 (percent of it), further bytes of the
    front end, then for each leg: clamp u32, divider u32, gain i32 (ppm), phase i32, offset i32

A calibration or a load that no sound installation can have raises ValueError with the reason.
"""

import struct

from wattpurse.core.constant import const

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

LEGS_MOST = const(2)
GAIN_ONE = const(1_000_000)

_HEAD = "<BBHBB"
_HEAD_BYTES = const(6)
_LEG = "<IIiii"
_LEG_BYTES = const(20)
_GAIN_RANGE = (800_000, 1_200_000)
_LEAST_LOAD_MW = const(20_000)
_LEAST_LAG_PERCENT = const(20)
_MOST_LAG_PERCENT = const(85)


class ClampCalibration:
    """The legs of a meter and the limits of its voltage.

    `legs` are calibrations of one leg each, with `check()` and `figures()`, the five figures of a leg in flash.
    """

    def __init__(self, legs: list, nominal_v: int = 120, low_percent: int = 85, high_percent: int = 115) -> None:
        self.legs = legs
        self.nominal_v = nominal_v
        self.low_percent = low_percent
        self.high_percent = high_percent

    def check(self) -> None:
        """Raise ValueError if the calibration is not plausible."""
        if not 1 <= len(self.legs) <= LEGS_MOST:
            raise ValueError("a meter has one leg or two")
        if not 100 <= self.nominal_v <= 250:
            raise ValueError("the nominal voltage is 100 to 250 V")
        if not 50 <= self.low_percent < 100 < self.high_percent <= 150:
            raise ValueError("the limits of the voltage are 50 to 99 and 101 to 150 percent of the nominal voltage")
        for leg in self.legs:
            leg.check()

    def packed(self, version: int, further: bytes = b"") -> bytes:
        """Return the bytes for the settings."""
        data = struct.pack(_HEAD, version, len(self.legs), self.nominal_v, self.low_percent, self.high_percent)
        data += further
        for leg in self.legs:
            data += struct.pack(_LEG, *leg.figures())
        return data


def unpacked(data: bytes, version: int, build_leg: "Callable[..., object]", further: int = 0) -> tuple:
    """Return what `ClampCalibration` takes, from the bytes of `packed` with so many further bytes.

    `build_leg` gets the figures of a leg. Raises ValueError for anything else.
    """
    begin = _HEAD_BYTES + further
    if len(data) < begin or data[0] != version or len(data) != begin + data[1] * _LEG_BYTES:
        raise ValueError("the calibration of the clamps is not of this firmware")
    _, legs, nominal_v, low_percent, high_percent = struct.unpack_from(_HEAD, data)
    every = [build_leg(*struct.unpack_from(_LEG, data, begin + leg * _LEG_BYTES)) for leg in range(legs)]
    return every, nominal_v, low_percent, high_percent


def check_leg(gain_ppm: int, phase: int, phase_most: int, offset: int, offset_most: int) -> None:
    """Raise ValueError if no sound clamp and divider have this gain, or this phase or offset of either sign."""
    if not _GAIN_RANGE[0] <= gain_ppm <= _GAIN_RANGE[1]:
        percent = (gain_ppm - GAIN_ONE) // 10_000
        raise ValueError(f"the gain would be {percent:+} %, which is beyond 20 %: check 'ct set' and the load")
    if abs(phase) > phase_most:
        raise ValueError("the phase would be beyond 5 degrees: check the leg of the clamp, and the load")
    if abs(offset) > offset_most:
        raise ValueError("the offset is too large for pickup: is there really no load?")


def refuse_weak(power_mw: int, load_mw: int) -> None:
    """Raise ValueError if a load of `load_mw`, which reads `power_mw`, is too small, or flows backwards."""
    if power_mw < -_LEAST_LOAD_MW // 2:
        raise ValueError("energy flows backwards through this clamp: turn it round first")
    if load_mw < _LEAST_LOAD_MW or power_mw < _LEAST_LOAD_MW // 2:
        raise ValueError("the load is too small to calibrate with: 20 W at least, better a fifth of the clamp")


def refuse_other_factor(factor_percent: int) -> None:
    """Raise ValueError if a load has not about the power factor that calibrates the phase."""
    if not _LEAST_LAG_PERCENT <= factor_percent <= _MOST_LAG_PERCENT:
        raise ValueError(f"the load of 'ct phase' has a power factor near 0.5 lagging, this one has {factor_percent} %")
