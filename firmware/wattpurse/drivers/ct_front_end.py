"""Energy from current clamps: samples out of a ring that silicon fills, mWh for the account.

The board provides a sampler. Its converter reads all channels in turn, 2,000 frames a second, and DMA writes the codes
into a ring: current and voltage of leg 1, then of leg 2 (see `ct_kernel`). With one leg the frame keeps its four
places, so that the time between current and voltage stays the same. A flash erase, a collection or a soft reset stops
neither. `take` adds up the new frames and allocates nothing.

**Energy.** The sums go on without a gap, so a load that switches between two looks is measured. Each leg keeps its sum
of products and gives whole mWh; the rest is carried. Import and export of a leg are never netted, and neither are the
legs. A sum that swings around zero, as that of a reactive load does, is neither: a leg changes its direction after
`TURN_MWH`. Energy below `LUMP_MWH` waits for the end of the second, so that the ledger has less work.

**Creep.** A leg with less than `LEAST_MWH` in ten seconds has no load, and its reading is dropped. The pickup is
subtracted before (`offset` of the calibration).

**Bias.** The inputs rest at the middle of the converter's range, and that of the currents moves slowly (dither). The
means that `ct_readings` finds are subtracted from the samples.
"""

from array import array

from wattpurse.core.constant import const
from wattpurse.core.leg_energy import LegEnergy, flows_backwards
from wattpurse.drivers import ct_kernel as kernel
from wattpurse.drivers.ct_calibration import FRAMES_A_SECOND, OFFSET_BITS, Measurement
from wattpurse.drivers.ct_readings import Readings

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.drivers.ct_calibration import Calibration, LegCalibration
    from wattpurse.hal import Sampler

MWH_PER_KWH = 1_000_000  # the meter constant of this front end, in impulses of `take` per kWh

WINDOW_SECONDS = 10
LEAST_MWH = 7
TURN_MWH = 20
LUMP_MWH = 100

VOLT_BIAS = 2_048
AMP_BIAS = 2_240
BIAS_MOST = 700  # an input that rests further from its bias has no clamp, or no divider
SETTLING_FRAMES = 200  # the first means: 100 ms, whole periods of 50 and 60 Hz
_MOST_PENDING = const(1 << 27)  # products: with those of a call they stay below SUM_BIAS of the kernel
_MARGIN = const(64)  # halfwords of the ring that may be overwritten while they are read


class Leg(LegEnergy):
    """One leg: its energy since the start, and its calibration.

    `state` is the memory of the kernel for this leg. The energy of a window joins the sums at its end.
    """

    def __init__(self, place: int, calibration: "LegCalibration", state: "memoryview | array") -> None:
        super().__init__(place)
        self.state = state
        self.power_sum = 0  # products of the last second, divided by 64
        self.power_frames = 1
        self._window_seconds = 0
        self._has_volt_mean = False
        self.state[kernel.SECOND] = kernel.SUM_BIAS
        self.state[kernel.AMP_MEAN] = AMP_BIAS
        self.state[kernel.VOLT_MEAN] = VOLT_BIAS << kernel.MEAN_BITS
        self.set_calibration(calibration)

    @property
    def amp_mean(self) -> int:
        """The number at which the current input rests."""
        return self.state[kernel.AMP_MEAN]

    @property
    def volt_mean(self) -> int:
        """The number at which the voltage input rests."""
        return self.state[kernel.VOLT_MEAN] >> kernel.MEAN_BITS

    @property
    def pending(self) -> int:
        """The products that gave no mWh yet."""
        return self.state[kernel.PENDING] - kernel.SUM_BIAS

    @pending.setter
    def pending(self, products: int) -> None:
        self.state[kernel.PENDING] = products + kernel.SUM_BIAS

    def set_calibration(self, calibration: "LegCalibration") -> None:
        """Read with another calibration from now on."""
        self.calibration = calibration
        self.products_per_mwh = calibration.products_per_mwh
        self.pending = 0
        self.state[kernel.LUMP] = min(LUMP_MWH * self.products_per_mwh, _MOST_PENDING)
        self._turn = min(TURN_MWH * self.products_per_mwh, _MOST_PENDING)
        self.state[kernel.PHASE] = kernel.PHASE_BIAS + calibration.phase
        self.state[kernel.OFFSET] = kernel.OFFSET_BIAS

    def set_amp_mean(self, base: int, total: int, frames: int) -> None:
        """Follow the mean of the current: `base` and the mean of `frames` parts with the sum `total`."""
        self.state[kernel.AMP_MEAN] = _in_range(base + (2 * total + frames) // (2 * frames))

    def set_volt_mean(self, base: int, total: int, frames: int) -> None:
        """Follow the mean of the voltage likewise. It follows slowly, which averages the noise."""
        mean = _in_range(base + total // frames) << kernel.MEAN_BITS
        mean += (total % frames << kernel.MEAN_BITS) // frames
        if self._has_volt_mean:
            former = self.state[kernel.VOLT_MEAN]
            mean = former + (mean - former + 2 >> 2)
        self._has_volt_mean = True
        self.state[kernel.VOLT_MEAN] = mean

    def set_volt_square(self, square: int) -> None:
        """Follow the mean square of the voltage: pickup grows with it."""
        frame = self.calibration.offset * (square >> OFFSET_BITS - kernel.OFFSET_BITS)
        self.state[kernel.OFFSET] = kernel.OFFSET_BIAS + frame

    def end_second(self, frames: int) -> None:
        """End a second, which had so many frames. A window without load begins and ends here."""
        self.power_sum = self.state[kernel.SECOND] - kernel.SUM_BIAS
        self.power_frames = frames
        self.state[kernel.SECOND] = kernel.SUM_BIAS
        self._window_seconds += 1

    def take(self) -> int:
        """Return the whole mWh imported since the last call."""
        state = self.state
        pending = state[13] - 536870912  # kernel.PENDING and SUM_BIAS
        unit = self.products_per_mwh
        if pending < unit or self.is_backwards or not self.is_loaded or self._window_seconds >= 10:  # WINDOW_SECONDS
            return self._take_seldom(pending)
        mwh = pending // unit
        state[13] = pending - mwh * unit + 536870912
        self.waiting_mwh += mwh
        return mwh

    def _take_seldom(self, pending: int) -> int:
        """Do the same in every case: `pending` may be small or negative, and the window may be over."""
        unit = self.products_per_mwh
        if not self.is_loaded:
            if -LEAST_MWH * unit < pending < LEAST_MWH * unit:
                if self._window_seconds >= WINDOW_SECONDS:
                    self.pending = 0
                    self._window_seconds = 0
                return 0
            self._end_window()
            self.is_loaded = True
            self.is_backwards = pending < 0
        if self.is_backwards:
            pending = -pending
        if pending < -self._turn:
            pending = -pending
            self._end_window()
            self.is_backwards = not self.is_backwards
        mwh = pending // unit if pending >= unit else 0
        pending -= mwh * unit
        self.waiting_mwh += mwh
        self.pending = -pending if self.is_backwards else pending
        if self._window_seconds >= WINDOW_SECONDS:
            self.is_loaded = self.waiting_mwh >= LEAST_MWH
            self._end_window()
        return 0 if self.is_backwards else mwh

    def _end_window(self) -> None:
        self.join()
        self._window_seconds = 0


class CtFrontEnd:
    """The counter of a meter with clamps: `take` returns mWh. `sampler` is the board's, see `hal`.

    `samples_lost` counts the frames that nobody read in time, or that the converter dropped.
    """

    def __init__(self, sampler: "Sampler", calibration: "Calibration", table: "bytearray | None" = None) -> None:
        self.calibration = calibration
        self._state = array("i", [0] * kernel.WORDS * len(calibration.legs))
        self._state[kernel.LEGS] = len(calibration.legs)
        self.legs = [self._build_leg(place, one, sampler) for place, one in enumerate(calibration.legs)]
        self.samples_lost = 0
        self._sampler = sampler
        self._read_raw = sampler.read_raw
        self._note_taken = sampler.note_taken
        self._ring = sampler.ring
        self._mask = sampler.length - 1
        self._wrap = sampler.modulus - 1
        self._table = kernel.step_table() if table is None else table
        self._taken = sampler.taken
        self._is_settled = False
        self._left = FRAMES_A_SECOND  # frames to the end of the second
        self._ready = 0
        self._measured: list[list[int]] | None = None
        self._add_products = sampler.add_products
        self.readings = Readings(self.legs, self._table)

    def take(self) -> int:
        """Return the mWh imported since the last call, all legs together. Allocates nothing."""
        raw = self._read_raw()
        if raw < 0:
            raw = self._restart()
        fresh = raw - self._taken & self._wrap
        if fresh > self._mask - _MARGIN:
            fresh = self._lose(fresh)
        frames = (fresh >> 2) - 1  # the frame behind the last one must be there
        if not self._is_settled:
            if frames < SETTLING_FRAMES:
                return 0
            self._settle()
        while frames > 0:
            frames -= self._add(frames)
        mwh = self._ready
        if mwh:
            self._ready = 0
        return mwh

    def set_calibration(self, calibration: "Calibration") -> None:
        """Read with another calibration from now on."""
        self.calibration = calibration
        for leg, one in zip(self.legs, calibration.legs):
            leg.set_calibration(one)

    def begin_measurement(self) -> None:
        """Begin to collect the sums of a measurement on every leg."""
        self._measured = [[0, 0, 0] for _ in self.legs]

    def end_measurement(self) -> list:
        """Return a Measurement of each leg, from all samples since `begin_measurement`."""
        found = []
        for leg, sums in zip(self.legs, self._measured or []):
            frames, products, shifted = sums
            volt_square, amp_square = self.readings.squares(leg.place)
            products -= leg.calibration.offset * volt_square * frames >> OFFSET_BITS
            found.append(Measurement(max(1, frames), products, shifted, volt_square, amp_square))
        self._measured = None
        return found

    @property
    def flows_backwards(self) -> bool:
        """True while energy flows out of the house through a clamp."""
        return flows_backwards(self.legs)

    def _add(self, most: int) -> int:
        """Add up to `most` frames, as many as lie in the ring without a wrap. Return their number."""
        ring = self._ring
        taken = self._taken
        place = taken & self._mask
        frames = self._mask + 1 - place >> 2
        if frames > most:
            frames = most
        if frames > 200:  # kernel.MOST_FRAMES
            frames = 200
        if self._add_products(ring, self._table, self._state, place | frames << 16):
            for leg in self.legs:
                self._ready += leg.take()
        if self._measured is not None:
            self._measure(frames)
        readings = self.readings
        if readings.pause > 0:
            readings.pause -= frames
        else:
            readings.add(ring, place, frames)
        taken = taken + (frames << 2) & self._wrap
        self._taken = taken
        self._note_taken(taken)
        self._left -= frames
        if self._left <= 0:
            self._end_second()
        return frames

    def _build_leg(self, place: int, calibration: "LegCalibration", sampler: "Sampler") -> Leg:
        begin = kernel.WORDS * place
        state = memoryview(self._state)[begin : begin + kernel.WORDS]
        state[kernel.MASK] = sampler.length - 1
        return Leg(place, calibration, state)

    def _end_second(self) -> None:
        for leg in self.legs:
            leg.end_second(FRAMES_A_SECOND - self._left)
            self._ready += leg.take()
        self._left = FRAMES_A_SECOND

    def _measure(self, frames: int) -> None:
        for leg, sums in zip(self.legs, self._measured or []):
            sums[0] += frames
            sums[1] += leg.state[kernel.PRODUCTS]
            sums[2] += leg.state[kernel.SHIFTED]

    def _settle(self) -> None:
        """Take the first means from the first frames. A wrap of the ring may cut these short."""
        place = self._taken & self._mask
        frames = min(SETTLING_FRAMES, self._mask + 1 - place >> 2)
        self.readings.settle(self._ring, place, frames)
        self._is_settled = True

    def _lose(self, fresh: int) -> int:
        """Skip the samples that were overwritten, and some that will be soon. Return the number of samples left."""
        left = self._mask + 1 >> 1
        skipped = fresh - left >> 2
        self.samples_lost += skipped
        self._taken = self._taken + 4 * skipped & self._wrap
        return fresh - 4 * skipped

    def _restart(self) -> int:
        """Begin anew after the converter dropped a sample: the channels may have changed places in the ring."""
        self.samples_lost += 1
        self._sampler.restart()
        self._taken = self._sampler.taken
        return self._taken


def _in_range(number: int) -> int:
    return 0 if number < 0 else 4_200 if number > 4_200 else number
