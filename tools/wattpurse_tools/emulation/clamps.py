"""Clamps and dividers at the ADC of the emulated chip, by the models of `boards.host.chips`."""

from array import array

from boards.host.chips.clamps import DITHER_US, PARTS, ClampInputs, LegInputs
from boards.host.chips.converter import FINE, Converter
from boards.host.chips.waves import ONE, POINTS
from wattpurse_tools.emulation.emulator import EmulatedPico


class EmulatedClamps:
    """The inputs of a house at the ADC of `pico`. Change `inputs`, then call `apply`."""

    def __init__(self, pico: EmulatedPico, converter: Converter, legs: int = 2) -> None:
        self.inputs = ClampInputs(legs)
        self._pico = pico
        pico.set_converter(converter.codes, converter.noise)
        self.apply()

    def apply(self) -> None:
        """Let the chip see the inputs as they are now."""
        period_ns = 1e12 / self.inputs.millihertz
        dither = (self.inputs.dither_codes * FINE, DITHER_US * 1000)
        for place, leg in enumerate(self.inputs.legs):
            rest = leg.amp_bias * FINE if leg.is_plugged else 0
            self._pico.set_signal(2 * place, rest, _amps(leg), period_ns, dither if leg.is_plugged else (0, dither[1]))
            volts = leg.volt_size() / (ONE * PARTS)
            levels = array("f", [volts * value for value in leg.volt_wave])
            self._pico.set_signal(2 * place + 1, leg.volt_bias * FINE, levels, period_ns, (0, dither[1]))


def _amps(leg: LegInputs) -> array:
    """Return one period of the current input: the clamp leads, and the voltage is picked up."""
    if not leg.is_plugged:
        return array("f", [0] * POINTS)
    ahead = leg.phase_degrees * POINTS / 360
    size, pickup = leg.amp_size() / (ONE * PARTS), leg.pickup_size() / (ONE * PARTS)
    levels = array("f")
    for point in range(POINTS):
        place = point + ahead
        first = int(place // 1)
        one, other = leg.amp_wave[first % POINTS], leg.amp_wave[(first + 1) % POINTS]
        value = one + (place - first) * (other - one)
        levels.append(size * value + pickup * leg.volt_wave[point])
    return levels
