"""A house with clamps for tests: inputs, converter, ring and the driver, and the energy that it measured."""

from boards.host.chips.clamps import AMP_UA, VOLT_UV, ClampInputs, ClampRing
from boards.host.chips.converter import Converter
from boards.host.world.clock import VirtualClock
from wattpurse.drivers import ct_calibration
from wattpurse.drivers.ct_front_end import CtFrontEnd
from wattpurse.drivers.ct_kernel import plain_table

TAKE_US = 50_000


class ClampHouse:
    """The inputs of a house at a converter, and the front end that measures them."""

    def __init__(self, legs=2, converter=None):
        self.clock = VirtualClock()
        self.inputs = ClampInputs(legs)
        self.converter = Converter(1, is_ideal=True) if converter is None else converter
        every = [ct_calibration.LegCalibration(AMP_UA, VOLT_UV) for _ in range(legs)]
        self.calibration = ct_calibration.Calibration(every)
        self.connect()

    def connect(self):
        """Power the meter up with the inputs as they are."""
        self.ring = ClampRing(self.clock, self.inputs, self.converter)
        self.front_end = self.build()
        self.taken_mwh = 0

    def build(self):
        is_ideal = self.converter.codes[16 * 2_000] == 2_000
        return CtFrontEnd(self.ring, self.calibration, plain_table() if is_ideal else None)

    def pass_s(self, seconds):
        """Let so many seconds pass, with a look every 50 ms. Return the mWh taken meanwhile."""
        before = self.taken_mwh
        for _ in range(round(seconds * 20)):
            self.clock.advance_us(TAKE_US)
            self.taken_mwh += self.front_end.take()
        return self.taken_mwh - before

    def leg_mwh(self, leg):
        """Return the import of a leg less its export, with the fraction that is carried."""
        one = self.front_end.legs[leg]
        return one.import_mwh - one.export_mwh + one.pending / one.products_per_mwh

    def measured_w(self, seconds, leg=0):
        """Return the mean power of a leg over some seconds."""
        before = self.leg_mwh(leg)
        self.pass_s(seconds)
        return (self.leg_mwh(leg) - before) * 3.6 / seconds
