"""The part of a calibration that is the same for each front end with clamps: limits of the voltage, and refusals.

A calibration or a load that no sound installation can have raises ValueError with the reason.
"""

LEGS_MOST = 2
GAIN_ONE = 1_000_000

_GAIN_RANGE = (800_000, 1_200_000)
_LEAST_LOAD_MW = 20_000
_LEAST_LAG_PERCENT = 20
_MOST_LAG_PERCENT = 85


class ClampCalibration:
    """The legs of a meter and the limits of its voltage. `legs` are calibrations of one leg each, with `check()`."""

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
