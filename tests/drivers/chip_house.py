"""A house with a metering chip for tests: clamps, the chip's model, the counter of its pulses, and the front end."""

from boards.host.chips.atm90e32 import Atm90e32Model, ChipInputs
from boards.host.chips.clamps import ClampInputs
from boards.host.world.clock import VirtualClock
from wattpurse.drivers import atm90e32_calibration
from wattpurse.drivers.atm90e32 import Atm90e32
from wattpurse.drivers.chip_front_end import ChipFrontEnd
from wattpurse.drivers.pulse_counter import PulseCounter

STEP_US = 50_000


class ChipHouse:
    """Two legs at a metering chip. `taken` are the impulses that the front end gave."""

    def __init__(self, legs=2, **figures):
        self.clock = VirtualClock()
        self.inputs = ClampInputs(legs)
        self.chip = Atm90e32Model(self.clock, self.inputs, ChipInputs())
        self.calibration = atm90e32_calibration.default(legs)
        for name, value in figures.items():
            setattr(self.calibration, name, value)
        self.taken = 0
        self.start()

    def start(self):
        """Start the board's program: counter and front end begin anew, the chip goes on."""
        self.chip.board_powered()
        counter = PulseCounter(self.chip.read_raw, self.chip.modulus)
        self.driver = Atm90e32(spi=self.chip, select=self.chip.select)
        self.front_end = ChipFrontEnd(self.driver, counter, self.clock, self.calibration)

    def draw(self, *amps):
        """Change the current of each leg."""
        self.chip.catch_up()
        for leg, one in zip(self.inputs.legs, amps):
            leg.amps = one

    def change(self, leg, **changes):
        """Change the inputs of a leg."""
        self.chip.catch_up()
        for name, value in changes.items():
            setattr(self.inputs.legs[leg], name, value)

    def pass_s(self, seconds):
        """Let time pass as in a meter: pulses twenty times a second, a look ten times, readings once."""
        before = self.taken
        for step in range(round(seconds * 20)):
            self.clock.advance_us(STEP_US)
            self.taken += self.front_end.take()
            if step % 2:
                self.front_end.look()
            if step % 20 == 19:
                self.front_end.read_all()
        return self.taken - before

    def measure(self, leg=0, seconds=5):
        """Return a measurement of a leg."""
        self.front_end.begin_measurement()
        self.pass_s(seconds)
        return self.front_end.end_measurement()[leg]
