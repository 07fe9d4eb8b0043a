"""Energy from current clamps: samples out of a ring that silicon fills, mWh for the account.

The board provides a sampler. Its converter reads all channels in turn, 2,000 frames a second, and DMA writes the codes
into a ring: current and voltage of leg 1, then of leg 2 (see `ct_kernel`). With one leg the frame keeps its four
places, so that the time between current and voltage stays the same. A flash erase, a collection or a soft reset
stops neither. `take` works off what is new and allocates nothing.

**Energy.** The sums go on without a gap, so a load that switches between two looks is measured. Each leg keeps its sum
of products and gives whole mWh; the rest is carried. Import and export of a leg are never netted, and neither are the
legs. A sum that swings around zero, as that of a reactive load does, is neither: a leg changes its direction after
`TURN_MWH`.

**Creep.** A leg with less than `LEAST_MWH` in ten seconds has no load, and its reading is dropped. The pickup is
subtracted before (`offset` of the calibration).

**Bias.** The inputs rest at the middle of the converter's range, and that of the currents moves slowly (dither). The
means of each second are subtracted in the next. That of the voltage, which is multiplied by a current, counts with its
fraction.
"""

from array import array

from wattpurse.drivers import ct_kernel as kernel
from wattpurse.drivers.ct_calibration import FRAMES_A_SECOND, OFFSET_BITS, PHASE_ONE, Measurement
from wattpurse.drivers.ct_readings import Readings

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.drivers.ct_calibration import Calibration, LegCalibration
    from wattpurse.hal import Sampler

MWH_PER_KWH = 1_000_000  # the meter constant of this front end, in impulses of `take` per kWh

WINDOW_FRAMES = 10 * FRAMES_A_SECOND
LEAST_MWH = 7
TURN_MWH = 20
LUMP_MWH = 100  # less energy than this waits for a second, so that the ledger has less work
LUMP_TAKES = 20

VOLT_BIAS = 2_048
AMP_BIAS = 2_240
BIAS_MOST = 700  # an input that rests further from its bias has no clamp, or no divider
_SETTLING_FRAMES = 200  # the first means: 100 ms, whole periods of 50 and 60 Hz
_MARGIN = 64  # halfwords of the ring that may be overwritten while they are read
_FRACTION_BITS = 8
_PHASE_BITS = 14
_FINE_BITS = 12  # of a product: the rest of the offset is carried


class Leg:
    """One leg: its sums since the start, and its calibration.

    `import_mwh` and `export_mwh` count since the start. `amp_mean` and `volt_mean` are where the inputs rest, in codes.
    `is_loaded` is False while there is no load, `is_backwards` is True while energy flows out of the house.
    """

    def __init__(self, place: int, calibration: "LegCalibration") -> None:
        self.place = place
        self.import_mwh = 0
        self.export_mwh = 0
        self.is_loaded = False
        self.is_backwards = False
        self.amp_mean = AMP_BIAS
        self.volt_mean = VOLT_BIAS
        self.volt_fraction = 0
        self.power_sum = 0  # products of the last second, divided by 64
        self.power_frames = 1
        self.measured = [0, 0, 0]
        self._pending = 0
        self._window_frames = 0
        self._window_mwh = 0
        self._volts = 0
        self._amps = 0
        self._sum = 0
        self._frames = 0
        self._is_settled = False
        self._phase_rest = 0
        self._offset_rest = 0
        self.set_calibration(calibration)

    def set_calibration(self, calibration: "LegCalibration") -> None:
        """Read with another calibration from now on."""
        self._pending = 0
        self.products_per_mwh = calibration.products_per_mwh
        self.phase = calibration.phase
        self.offset = calibration.offset
        self.offset_frame = 0
        self.calibration = calibration

    def set_volt_square(self, square: int) -> None:
        """Follow the mean square of the voltage, in codes: pickup grows with it."""
        self.offset_frame = self.offset * (square >> (OFFSET_BITS - _FINE_BITS))

    def add(self, ring: "memoryview | array", table: bytearray, state: "array", frames: int) -> None:
        """Add the frames that `state` describes, at most `kernel.MOST_FRAMES`."""
        state[kernel.AMP_BASE] = self.amp_mean
        state[kernel.VOLT_BASE] = self.volt_mean
        kernel.add_products(ring, table, state)
        amps = state[kernel.AMPS]
        if not self._is_settled:
            self._settle(state, frames)
            kernel.add_products(ring, table, state)
            amps = state[kernel.AMPS]
        self._volts += state[kernel.VOLTS]
        self._amps += amps
        shifted = state[kernel.SHIFTED]
        fine = (shifted & PHASE_ONE - 1) * self.phase + self._phase_rest
        self._phase_rest = fine & PHASE_ONE - 1
        products = state[kernel.PRODUCTS] - (amps * self.volt_fraction >> _FRACTION_BITS)
        offset = self.offset_frame * frames + self._offset_rest
        self._offset_rest = offset & (1 << _FINE_BITS) - 1
        products -= offset >> _FINE_BITS
        if self.measured[0]:
            self._measure(frames, products, shifted)
        products += (shifted >> _PHASE_BITS) * self.phase + (fine >> _PHASE_BITS)
        self._pending += products
        self._sum += products >> 6
        self._frames += frames
        self._window_frames += frames
        if self._frames >= FRAMES_A_SECOND:
            self._end_second()

    def take(self) -> int:
        """Return the whole mWh imported since the last call."""
        unit = self.products_per_mwh
        pending = self._pending
        if not self.is_loaded:
            if -LEAST_MWH * unit < pending < LEAST_MWH * unit:
                if self._window_frames >= WINDOW_FRAMES:
                    self._pending = 0
                    self._window_frames = 0
                return 0
            self.is_loaded = True
            self.is_backwards = pending < 0
            self._begin_window()
        if self.is_backwards:
            pending = -pending
        if pending < -TURN_MWH * unit:
            pending = -pending
            self.is_backwards = not self.is_backwards
        mwh = pending // unit if pending >= unit else 0
        if mwh:
            pending -= mwh * unit
            self._window_mwh += mwh
        self._pending = -pending if self.is_backwards else pending
        if self._window_frames >= WINDOW_FRAMES:
            self.is_loaded = self._window_mwh >= LEAST_MWH
            self._begin_window()
        if self.is_backwards:
            self.export_mwh += mwh
            return 0
        self.import_mwh += mwh
        return mwh

    def begin_measurement(self) -> None:
        """Begin to collect the sums for a calibration."""
        self.measured = [1, 0, 0]

    def _measure(self, frames: int, products: int, shifted: int) -> None:
        measured = self.measured
        measured[0] += frames
        measured[1] += products
        measured[2] += shifted

    def _settle(self, state: "array", frames: int) -> None:
        """Take the first means from the first frames."""
        self._is_settled = True
        self.volt_mean = _in_range(self.volt_mean + state[kernel.VOLTS] // frames)
        self.amp_mean = _in_range(self.amp_mean + state[kernel.AMPS] // frames)
        state[kernel.AMP_BASE] = self.amp_mean
        state[kernel.VOLT_BASE] = self.volt_mean

    def _end_second(self) -> None:
        frames = self._frames
        self.power_sum, self.power_frames = self._sum, frames
        mean = (self._volts << _FRACTION_BITS) // frames
        mean = (self.volt_mean << _FRACTION_BITS) + self.volt_fraction + (mean - self.volt_fraction >> 2)
        self.volt_mean = _in_range(mean >> _FRACTION_BITS)
        self.volt_fraction = mean & (1 << _FRACTION_BITS) - 1
        self.amp_mean = _in_range(self.amp_mean + self._amps // frames)
        self._volts = self._amps = self._sum = self._frames = 0

    def _begin_window(self) -> None:
        self._window_frames = 0
        self._window_mwh = 0


class CtFrontEnd:
    """The counter of a meter with clamps: `take` returns mWh. `sampler` is the board's, see `hal`.

    `samples_lost` counts the frames that nobody read in time, or that the converter dropped.
    """

    def __init__(self, sampler: "Sampler", calibration: "Calibration", table: bytearray | None = None) -> None:
        self.calibration = calibration
        self.legs = [Leg(place, one) for place, one in enumerate(calibration.legs)]
        self.samples_lost = 0
        self._sampler = sampler
        self._ring = sampler.ring
        self._mask = sampler.length - 1
        self._step = sampler.channels
        self._table = kernel.step_table() if table is None else table
        self._state = array("i", [0] * kernel.WORDS)
        self._taken = sampler.taken
        self._settling = True
        self._ready = 0
        self._takes = 0
        self.readings = Readings(self.legs, self._table, sampler.channels)

    def take(self) -> int:
        """Return the mWh imported since the last call, all legs together. Allocates nothing."""
        sampler = self._sampler
        if sampler.has_overrun():
            self._restart()
        fresh = sampler.read_raw() - self._taken & sampler.modulus - 1
        if fresh > sampler.length - _MARGIN:
            fresh = self._lose(fresh)
        frames = fresh // self._step - 1  # the frame behind the last one must be there
        if self._settling:
            if frames < _SETTLING_FRAMES:
                return 0
            self._settling = False
        while frames > 0:
            part = frames if frames < kernel.MOST_FRAMES else kernel.MOST_FRAMES
            self._add(part)
            frames -= part
        self._takes += 1
        if self._ready < LUMP_MWH and self._takes < LUMP_TAKES:
            return 0
        self._takes = 0
        mwh = self._ready
        self._ready = 0
        return mwh

    def set_calibration(self, calibration: "Calibration") -> None:
        """Read with another calibration from now on."""
        self.calibration = calibration
        for leg, one in zip(self.legs, calibration.legs):
            leg.set_calibration(one)

    def begin_measurement(self) -> None:
        """Begin to collect the sums of a measurement on every leg."""
        for leg in self.legs:
            leg.begin_measurement()

    def end_measurement(self) -> list:
        """Return a Measurement of each leg, from all samples since `begin_measurement`."""
        found = []
        for leg in self.legs:
            frames, products, shifted = leg.measured
            leg.measured = [0, 0, 0]
            volt_square, amp_square = self.readings.squares(leg.place)
            found.append(Measurement(max(1, frames - 1), products, shifted, volt_square, amp_square))
        return found

    @property
    def flows_backwards(self) -> bool:
        """True while energy flows out of the house through a clamp."""
        for leg in self.legs:  # noqa: SIM110 a generator would take heap ten times a second
            if leg.is_loaded and leg.is_backwards:
                return True
        return False

    def _add(self, frames: int) -> None:
        state = self._state
        place = self._taken & self._mask
        state[kernel.MASK] = self._mask
        state[kernel.STEP] = self._step
        state[kernel.FRAMES] = frames
        for leg in self.legs:
            state[kernel.PLACE] = place + 2 * leg.place
            leg.add(self._ring, self._table, state, frames)
            self._ready += leg.take()
        self.readings.add(self._ring, place, self._mask, frames)
        self._taken = self._taken + frames * self._step & self._sampler.modulus - 1
        self._sampler.note_taken(self._taken)

    def _lose(self, fresh: int) -> int:
        """Skip the samples that were overwritten, and some that will be soon. Return the number of samples left."""
        left = self._mask + 1 >> 1
        skipped = (fresh - left) // self._step
        self.samples_lost += skipped
        self._taken = self._taken + skipped * self._step & self._sampler.modulus - 1
        return fresh - skipped * self._step

    def _restart(self) -> None:
        """Begin anew after the converter dropped a sample: the channels may have changed places in the ring."""
        self.samples_lost += 1
        self._sampler.restart()
        self._taken = self._sampler.taken


def _in_range(code: int) -> int:
    return 0 if code < 0 else kernel.CODES - 1 if code >= kernel.CODES else code
