"""The clamps of a meter: the front end as its settings describe it, a look at it once a second, and its calibration.

The look notes lost samples, voltage beyond its limits, and clamps that look wrong, as events. `faults` has words for
the person at the meter. As a sensor (`sample`) it reports energy that flows out of the house. Every quarter of an hour
the energy of each leg goes into the settings (`leg_energy`), for the statement and for the next start.
"""

from wattpurse.core import carrier, leg_energy
from wattpurse.core.constant import const
from wattpurse.core.records import events
from wattpurse.drivers import ct_calibration
from wattpurse.drivers.ct_front_end import AMP_BIAS, BIAS_MOST, MWH_PER_KWH, VOLT_BIAS, CtFrontEnd

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from types import ModuleType

    from wattpurse.drivers.ct_calibration import Calibration, LegCalibration, Measurement
    from wattpurse.drivers.ct_front_end import Leg
    from wattpurse.hal import Board
    from wattpurse.services.timekeeping import TimeKeeper
    from wattpurse.stores import Stores

NO_CONVERTER = (
    "this board, or its image, has no converter for clamps: on a Pico, deploy the image for clamps"
    " ('make deploy BOARD=pico PORT=... CLAMPS=1'), see docs/ct.md"
)

# States of the voltage, and of a clamp.
FINE = const(0)
LOW = const(1)
HIGH = const(2)
UNPLUGGED = const(1)
NO_DIVIDER = const(2)
BACKWARDS = const(3)
BOTH_BACKWARDS = const(4)

_WORDS = (
    "",
    "nothing is plugged in for the clamp",
    "the voltage input is not connected",
    "the clamp reads backwards: turn it round, unless this house feeds energy in",
    "both clamps read backwards: each is on the other leg, or both are the wrong way round",
)
_VOLTAGE_EVENTS = (events.VOLTAGE_BACK, events.VOLTAGE_LOW, events.VOLTAGE_HIGH)
_STEPS = const(2)  # a state must last so many looks
_KEEP_LOOKS = const(900)  # a quarter of an hour


class LegState:
    """The states of one leg that are believed, and the newer ones that are not yet."""

    def __init__(self) -> None:
        self.voltage = FINE
        self.clamp = FINE
        self._voltages = 0
        self._clamps = 0

    def takes_voltage(self, state: int) -> bool:
        """Return True if `state` is believed from now on."""
        self._voltages = 0 if state == self.voltage else self._voltages + 1
        if self._voltages < _STEPS:
            return False
        self.voltage = state
        return True

    def takes_clamp(self, state: int) -> bool:
        """Return True if `state` is believed from now on."""
        self._clamps = 0 if state == self.clamp else self._clamps + 1
        if self._clamps < _STEPS:
            return False
        self.clamp = state
        return True


class Clamps:
    """The clamps of `board`. Raises ValueError if there are none, or if the settings hold no sound calibration.

    `calibration` replaces that of the settings. `measurements` are those of the newest `measure`, one for each leg, or
    None. A front end of another kind is a subclass, with its own `rules` of calibration and its own `setting`.
    """

    rules: "ModuleType" = ct_calibration
    setting = "clamps"

    def __init__(
        self, board: "Board", stores: "Stores", timekeeper: "TimeKeeper", calibration: "Calibration | None" = None
    ) -> None:
        if calibration is None:
            calibration = self.rules.unpack(stores.settings.get(self.setting, b""))
        self.front_end = self.build(board, calibration)
        self.measurements: list[Measurement] | None = None
        self.states = [LegState() for _ in calibration.legs]
        self._resistive: dict[int, tuple[Measurement, int]] = {}
        self._stores = stores
        self._timekeeper = timekeeper
        self._clock = board.clock
        self._lost_told = 0
        self._looks = 0
        self.begin_energies()
        self._rounds = self.front_end.readings.rounds

    @property
    def impulses(self) -> int:
        """The meter constant of `front_end.take`, in impulses per kWh."""
        return MWH_PER_KWH

    def build(self, board: "Board", calibration: "Calibration") -> "CtFrontEnd":
        """Return the front end of `board`. Raises ValueError if the board has none."""
        sampler = board.build_sampler()
        if sampler is None:
            raise ValueError(NO_CONVERTER)
        return CtFrontEnd(sampler, calibration)

    def sample(self) -> bool:
        """Return True while energy flows out of the house through a clamp: the sensor of reverse flow."""
        return self.front_end.flows_backwards

    def step(self) -> None:
        """Look once. Each change is an event."""
        self._looks += 1
        if self._looks >= _KEEP_LOOKS:
            self.keep_energies()
        lost = self.front_end.samples_lost
        if lost != self._lost_told:
            self.note(events.SAMPLES_LOST, lost - self._lost_told)
            self._lost_told = lost
        rounds = self.front_end.readings.rounds
        if rounds == self._rounds:
            return
        self._rounds = rounds
        for place, leg in enumerate(self.front_end.legs):
            state = self.states[place]
            if state.takes_voltage(self._voltage_of(place)):
                volts = self.front_end.readings.millivolts(place) // 1000
                self.note(_VOLTAGE_EVENTS[state.voltage], place + 1, volts)
            if state.takes_clamp(self._clamp_of(leg)):
                code = events.CLAMP_WRONG if state.clamp else events.CLAMP_RIGHT
                self.note(code, place + 1, state.clamp * 8 + place + 1)

    def begin_energies(self) -> None:
        """Read the energies in the settings. The front end counts on from there."""
        settings = self._stores.settings
        self._imports_before_wh = leg_energy.split(settings.get(leg_energy.IMPORTS, 0))
        self._exports_before_wh = leg_energy.split(settings.get(leg_energy.EXPORTS, 0))

    def import_wh(self, leg: int) -> int:
        """Return the energy that a leg took in since the meter was made."""
        return self._imports_before_wh[leg] + self.front_end.legs[leg].import_mwh // 1000

    def export_wh(self, leg: int) -> int:
        """Return the energy that a leg gave out since the meter was made."""
        return self._exports_before_wh[leg] + self.front_end.legs[leg].export_mwh // 1000

    def keep_energies(self) -> None:
        """Write the energy of each leg into the settings. A leg that is not in use keeps its own."""
        self._looks = 0
        imports, exports = list(self._imports_before_wh), list(self._exports_before_wh)
        for leg in range(len(self.front_end.legs)):
            imports[leg], exports[leg] = self.import_wh(leg), self.export_wh(leg)
        try:
            self._stores.settings.set(leg_energy.IMPORTS, leg_energy.joined(*imports))
            self._stores.settings.set(leg_energy.EXPORTS, leg_energy.joined(*exports))
        except OSError:
            pass  # the flash is worn out, which the alarm tells

    def profile_reading(self) -> tuple:
        """Return the Wh that L2 took in, that L1 gave out and that L2 gave out, for the load profile.

        The settings keep them first: after a power cut the sums go on from this reading or from a later one.
        """
        self.keep_energies()
        imports = self._stores.settings.get(leg_energy.IMPORTS, 0)
        return (leg_energy.split(imports)[1],) + leg_energy.split(self._stores.settings.get(leg_energy.EXPORTS, 0))

    def faults(self) -> list:
        """Return a sentence for each clamp that looks wrong."""
        found = []
        for place, state in enumerate(self.states):
            if state.clamp == BOTH_BACKWARDS:
                return [_WORDS[BOTH_BACKWARDS]]
            if state.clamp:
                found.append(f"L{place + 1}: {_WORDS[state.clamp]}")
        return found

    async def measure(self, seconds: int) -> "list[Measurement]":
        """Measure for so many seconds, for a calibration. Other tasks run meanwhile."""
        self.front_end.begin_measurement()
        await self._clock.sleep_ms(seconds * 1000)
        self.measurements = self.front_end.end_measurement()
        return self.measurements

    def set_gain(self, leg: int, load_mw: int) -> "LegCalibration":
        """Make the newest measurement of a leg read `load_mw`. Raises ValueError if that is not plausible."""
        seen = self._seen(leg)
        made = self.rules.with_gain(self._of(leg), seen, load_mw)
        self._keep(leg, made)
        self._resistive[leg] = (seen, load_mw)
        return made

    def set_phase(self, leg: int, load_mw: int) -> "LegCalibration":
        """Make the newest measurement of a leg, of a load that lags, read `load_mw`.

        With a gain that was set before, the measurement of that load stays right as well. Raises ValueError if that is
        not plausible.
        """
        resistive, resistive_mw = self._resistive.get(leg, (None, 0))
        made = self.rules.with_phase(self._of(leg), self._seen(leg), load_mw, resistive, resistive_mw)
        self._keep(leg, made)
        return made

    def set_offset(self, leg: int) -> "LegCalibration":
        """Make the newest measurement of a leg, without a load, read nothing. Raises ValueError otherwise."""
        made = self.rules.with_offset(self._of(leg), self._seen(leg))
        self._keep(leg, made)
        self._resistive.pop(leg, None)
        return made

    def keep(self, calibration: "Calibration") -> None:
        """Store a calibration and read with it. Raises ValueError if it is not plausible. Old measurements are void."""
        calibration.check()
        self._stores.settings.set(self.setting, calibration.pack())
        self.front_end.set_calibration(calibration)
        self.measurements = None
        self._resistive = {}

    def _keep(self, leg: int, made: "LegCalibration") -> None:
        calibration = self.rules.unpack(self.front_end.calibration.pack())
        calibration.legs[leg] = made
        self._stores.settings.set(self.setting, calibration.pack())
        self.front_end.set_calibration(calibration)

    def _of(self, leg: int) -> "LegCalibration":
        return self.front_end.calibration.legs[leg]

    def _seen(self, leg: int) -> "Measurement":
        if self.measurements is None:
            raise ValueError("measure first: 'ct measure 20'")
        return self.measurements[leg]

    def _voltage_of(self, leg: int) -> int:
        calibration = self.front_end.calibration
        millivolts = self.front_end.readings.millivolts(leg)
        if millivolts < calibration.nominal_v * calibration.low_percent * 10:
            return LOW
        return HIGH if millivolts > calibration.nominal_v * calibration.high_percent * 10 else FINE

    def wiring_of(self, leg: "Leg") -> int:
        """Return UNPLUGGED or NO_DIVIDER if an input of the leg rests where none may rest."""
        if abs(leg.amp_mean - AMP_BIAS) > BIAS_MOST:
            return UNPLUGGED
        return NO_DIVIDER if abs(leg.volt_mean - VOLT_BIAS) > BIAS_MOST else FINE

    def _clamp_of(self, leg: "Leg") -> int:
        wiring = self.wiring_of(leg)
        if wiring:
            return wiring
        if not (leg.is_loaded and leg.is_backwards):
            return FINE
        both = len(self.states) > 1 and all([one.is_loaded and one.is_backwards for one in self.front_end.legs])
        return BOTH_BACKWARDS if both else BACKWARDS

    def note(self, code: int, number: int, extra: int = 0) -> None:
        """Write an event."""
        self._stores.events.note(code, carrier.METER, self._timekeeper.now_s(), number, extra)
