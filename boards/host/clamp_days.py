"""Long measurements of the CT front end on models of clamps and converter: `clamp_days.py creep|burst|small`.

The driver is the firmware's own file, and the samples come from `boards.host.chips`. MicroPython's unix port compiles
kernel and models to machine code, so a day takes two minutes. Notes are printed line by line. The last line is a JSON
object of figures.

creep: energy counted in a day without a load at 115 % of the voltage. The clamp picks up a current from the cable, and
a technician has calibrated that away at 100 %.
burst: a load of 2 kW that is on for 4 s in each 20 s, for a day, also as 200 ms in each 10 s would have read it.
small: the error at 40 mA over an hour, and the scatter of measurements of 0.5 A, divided by that of noise and
quantisation alone. A side-by-side with two other algorithms on the same samples is printed.

`WindowedSums` measures one window after another with pauses between them, `ContinuousSums` measures without a gap. Both
take the codes as they come, subtract the means of each stretch, and shift the voltage by a weight between neighbouring
samples. One gain, found at the load of the calibration, is theirs as well.
"""

import gc
import json
import sys

from boards.host.chips.clamps import AMP_UA, DITHER_US, FRAMES_A_SECOND, VOLT_UV, ClampInputs, ClampRing
from boards.host.chips.converter import Converter
from boards.host.chips.waves import transfer, wave
from boards.host.world.clock import VirtualClock
from wattpurse.drivers import ct_calibration
from wattpurse.drivers.ct_front_end import CtFrontEnd

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from array import array

CONVERTER = 1
DAY_S = 86_400
HOUR_S = 3_600
VOLTS = 120.0
HIGH_VOLTS = 138.0
PICKUP = 2.2 / VOLTS / VOLTS  # amperes that one volt induces: 2.9 W at 138 V, which is a load
CALIBRATION_A = 40.0
CYCLE_S = 20
ON_S = 4
BURST_A = 2_000 / VOLTS
WINDOW_FRAMES = 400
WINDOWS_APART_S = 10
GARBAGE_BYTES = 200_000

_LOOK_MS = 50
_LOOKS_A_SECOND = 1000 // _LOOK_MS
_DITHER_LOOKS = DITHER_US // (1000 * _LOOK_MS)
_NOISE_CODES = (1.2**2 + 1 / 12) ** 0.5
_SMALL_A = 0.5
_START_A = 0.04
_STRETCHES = 10
_EARLIER = ct_calibration.SKEW / ct_calibration.PHASE_ONE  # of a frame: the voltage is read later than the current


class Sums:
    """Sums of one leg over frames of the ring, and the energy that follows from them, in products."""

    def __init__(self) -> None:
        self.products = 0.0
        self.seconds = 0.0
        self._clear()

    def add(self, ring: "ClampRing", begin: int, frames: int) -> None:
        """Add frames, of which the first has the number `begin`."""
        codes, mask = ring.ring, ring.length - 1
        place = begin * ring.channels & mask
        amp_sum = volt_sum = products = shifted = 0
        volts = codes[place + 1]
        for _ in range(frames):
            amps = codes[place]
            place = place + ring.channels & mask
            after = codes[place + 1]
            amp_sum += amps
            volt_sum += volts
            products += amps * volts
            shifted += amps * (after - volts)
            volts = after
        self._frames += frames
        self._amp_sum += amp_sum
        self._volt_sum += volt_sum
        self._products += products
        self._shifted += shifted

    def end(self, seconds: float) -> None:
        """End a stretch, which stands for so many seconds of energy."""
        frames = self._frames
        mean = self._products / frames - self._amp_sum / frames * self._volt_sum / frames
        self.products += (mean + self._shifted / frames * _EARLIER) * FRAMES_A_SECOND * seconds
        self.seconds += seconds
        self._clear()

    def joules(self, gain: float) -> float:
        """Return the energy of all stretches."""
        return self.products * gain * AMP_UA * VOLT_UV / 1e12 / FRAMES_A_SECOND

    def _clear(self) -> None:
        self._frames = self._amp_sum = self._volt_sum = self._products = self._shifted = 0


class WindowedSums(Sums):
    """Measures WINDOW_FRAMES frames in each WINDOWS_APART_S seconds, beginning after `offset_s`."""

    def __init__(self, offset_s: float = 0.0) -> None:
        super().__init__()
        self._next = None
        self._offset = round(offset_s * FRAMES_A_SECOND)

    def look(self, ring: "ClampRing", begin: int, end: int) -> None:
        """Look for a window in the frames from `begin` to `end`, and add its frames."""
        if self._next is None:
            self._next = begin + self._offset
        if end > self._next + WINDOW_FRAMES:
            self.add(ring, self._next, WINDOW_FRAMES)
            self.end(WINDOWS_APART_S)
            self._next += WINDOWS_APART_S * FRAMES_A_SECOND


class ContinuousSums(Sums):
    """Measures all frames, and ends a stretch each second."""

    def look(self, ring: "ClampRing", begin: int, end: int) -> None:
        """Take the frames from `begin` to `end`."""
        self.add(ring, begin, end - begin)
        if self._frames >= FRAMES_A_SECOND:
            self.end(self._frames / FRAMES_A_SECOND)


class Leg:
    """One leg at a converter with its curve and its noise, and the driver that measures it, calibrated at 40 A."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.inputs = ClampInputs(1)
        self.leg = self.inputs.legs[0]
        self.ring = ClampRing(self.clock, self.inputs, Converter(CONVERTER))
        calibration = ct_calibration.Calibration([ct_calibration.LegCalibration(AMP_UA, VOLT_UV)])
        self.front_end = CtFrontEnd(self.ring, calibration)
        self.others = []
        self.leg.amps = CALIBRATION_A
        self.gain = 1.0
        self._calibrate()

    def change(self, amps: float, volts: float = VOLTS, shape: "array | None" = None) -> None:
        """Draw another current from now on."""
        self.ring.catch_up()
        self.leg.amps, self.leg.volts = amps, volts
        if shape is not None:
            self.leg.amp_wave = shape

    def pass_looks(self, looks: int) -> None:
        """Let time pass, with a look of the driver and of the others every 50 ms."""
        clock, front_end, ring = self.clock, self.front_end, self.ring
        for _ in range(looks):
            begin = front_end._taken >> 2
            clock.advance_us(_LOOK_MS * 1000)
            front_end.take()
            end = begin + ((front_end._taken >> 2) - begin & ring.modulus // 4 - 1)
            for other in self.others:
                other.look(ring, begin, end)

    def energy_mwh(self) -> float:
        """Return the import of the driver less its export, with the part that is carried."""
        leg = self.front_end.legs[0]
        return leg.import_mwh - leg.export_mwh + leg.pending / leg.products_per_mwh

    def power_w(self, looks: int) -> float:
        """Return the mean power that the driver measures."""
        before = self.energy_mwh()
        self.pass_looks(looks)
        return (self.energy_mwh() - before) * 3.6 * _LOOKS_A_SECOND / looks

    def true_w(self) -> float:
        """Return the power that is drawn."""
        return self.leg.volts * self.leg.amps * transfer(self.leg.volt_wave, self.leg.amp_wave)

    def measure(self) -> "ct_calibration.Measurement":
        """Measure for three periods of the dither, as `ct measure 55` does."""
        self.pass_looks(3 * _LOOKS_A_SECOND)
        self.front_end.begin_measurement()
        self.pass_looks(3 * _DITHER_LOOKS)
        return self.front_end.end_measurement()[0]

    def set_calibration(self, made: "ct_calibration.LegCalibration") -> None:
        """Measure with another calibration."""
        self.front_end.set_calibration(ct_calibration.Calibration([made]))

    def compare(self, name: str, looks: int) -> str:
        """Return a line with the errors of the driver, of continuous sums and of windows over the same samples."""
        self.pass_looks(3 * _LOOKS_A_SECOND)
        self.others = [ContinuousSums(), WindowedSums()]
        power_w = self.power_w(looks)
        powers_w = [power_w] + [other.joules(self.gain) / other.seconds for other in self.others]
        self.others = []
        errors = [100 * (one / self.true_w() - 1) for one in powers_w]
        return "{:<40}{:9.2f}{:12.2f}{:10.2f}".format(name, *errors)

    def _calibrate(self) -> None:
        other = ContinuousSums()
        self.pass_looks(3 * _LOOKS_A_SECOND)
        self.others = [other]
        self.pass_looks(_DITHER_LOOKS)
        self.others = []
        self.gain = self.true_w() * other.seconds / other.joules(1.0)
        leg = self.front_end.calibration.legs[0]
        self.set_calibration(ct_calibration.with_gain(leg, self.measure(), round(self.true_w() * 1000)))


def creep(seconds: int = DAY_S) -> dict:
    """Return creep_mwh_24h: the energy that is counted without a load."""
    house = Leg()
    house.leg.pickup = PICKUP
    house.change(0.0)
    house.set_calibration(ct_calibration.with_offset(house.front_end.calibration.legs[0], house.measure()))
    house.change(0.0, HIGH_VOLTS)
    house.pass_looks(20 * _LOOKS_A_SECOND)
    leg = house.front_end.legs[0]
    before = leg.import_mwh + leg.export_mwh
    house.pass_looks(seconds * _LOOKS_A_SECOND)
    print(
        f"Without a load, {seconds // HOUR_S} h at {HIGH_VOLTS:g} V: {leg.import_mwh + leg.export_mwh - before} mWh"
        f" counted; the pickup would be {HIGH_VOLTS * HIGH_VOLTS * PICKUP:.2f} W"
    )
    return {"creep_mwh_24h": leg.import_mwh + leg.export_mwh - before}


def burst(seconds: int = DAY_S) -> dict:
    """Return burst_day_error_percent."""
    house = Leg()
    house.change(0.0)
    house.pass_looks(20 * _LOOKS_A_SECOND)
    early, late = WindowedSums(1), WindowedSums(6)
    house.others = [early, late]
    before = house.energy_mwh()
    for _ in range(seconds // CYCLE_S):
        house.change(BURST_A)
        house.pass_looks(ON_S * _LOOKS_A_SECOND)
        house.change(0.0)
        house.pass_looks((CYCLE_S - ON_S) * _LOOKS_A_SECOND)
    true_mwh = VOLTS * BURST_A * ON_S * (seconds // CYCLE_S) / 3.6
    error = 100 * ((house.energy_mwh() - before) / true_mwh - 1)
    windows = [100 * (sums.joules(house.gain) / 3.6 / true_mwh - 1) for sums in house.others]
    print(
        f"2 kW for {ON_S} s in each {CYCLE_S} s, {seconds // HOUR_S} h: error {error:.3f} %; 200 ms in each"
        f" {WINDOWS_APART_S} s would have read {windows[0]:+.0f} % or {windows[1]:+.0f} %, by the moment of the windows"
    )
    return {"burst_day_error_percent": abs(error)}


def small(seconds: int = HOUR_S) -> dict:
    """Return start_40ma_error_percent and floor_ratio, and print the comparison."""
    house = Leg()
    print("Error in percent over the same samples:    driver  continuous   windows")
    for name, amps, shape in (
        ("0.5 A", 0.5, wave()),
        ("2 A", 2.0, wave()),
        ("2 A, factor 0.5", 2.0, wave(60)),
        ("10 A", 10.0, wave()),
        ("20 A with a fifth harmonic", 20.0, wave(0, ((5, 0.4, 0.0),))),
        ("200 A", 200.0, wave()),
    ):
        house.change(amps, VOLTS, shape)
        print(house.compare(name, 4 * _DITHER_LOOKS))
    house.change(_SMALL_A, VOLTS, wave())
    house.pass_looks(3 * _LOOKS_A_SECOND)
    powers_w = [house.power_w(_DITHER_LOOKS) for _ in range(_STRETCHES)]
    mean_w = sum(powers_w) / _STRETCHES
    scatter_w = (sum([(one - mean_w) ** 2 for one in powers_w]) / (_STRETCHES - 1)) ** 0.5
    floor_w = VOLTS * _NOISE_CODES * AMP_UA / 1e6 / (_DITHER_LOOKS / _LOOKS_A_SECOND * FRAMES_A_SECOND) ** 0.5
    house.change(_START_A)
    house.pass_looks(20 * _LOOKS_A_SECOND)
    start = house.power_w(seconds * _LOOKS_A_SECOND) / house.true_w()
    return {"start_40ma_error_percent": abs(100 * (start - 1)), "floor_ratio": scatter_w / floor_w}


MEASUREMENTS = {"creep": creep, "burst": burst, "small": small}


def main(arguments: list) -> None:
    """Measure one thing. A number behind its name is the duration in seconds."""
    if hasattr(gc, "threshold"):
        gc.threshold(GARBAGE_BYTES)  # pyright: ignore[reportAttributeAccessIssue]  # a small heap is quicker
    seconds = [int(word) for word in arguments[1:]]
    print(json.dumps(MEASUREMENTS[arguments[0]](*seconds)))


if __name__ == "__main__":
    main(sys.argv[1:])
