"""Metering: takes pulses out of the hardware counter and into the ledger, twenty times a second."""

from wattpurse.services.time_notes import TimeNotes

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.drivers.ct_front_end import CtFrontEnd
    from wattpurse.drivers.pulse_counter import PulseCounter
    from wattpurse.hal import Clock
    from wattpurse.services.timekeeping import TimeKeeper
    from wattpurse.stores import Stores

PERIOD_MS = 50
PULSES_MASK = (1 << 28) - 1  # `pulses` stays a small integer, which takes no heap


class Metering:
    """Moves the pulses of `counter` into the ledger of `stores` at the time of `timekeeper`.

    `pulses` counts since the start, modulo PULSES_MASK + 1, for services that measure power. `newest_pulse_ms` is the
    time in ticks when the newest of them were read. After each step the ledger may note the time, and the load profile
    may read the registers. Between steps `stores.prepare()` may erase one sector, so that no urgent write has to wait
    for an erase; not while `saves_energy`, because the mains have failed.
    """

    def __init__(
        self, counter: "PulseCounter | CtFrontEnd", stores: "Stores", timekeeper: "TimeKeeper", clock: "Clock"
    ) -> None:
        self.pulses = 0
        self.saves_energy = False
        self.newest_pulse_ms = clock.ticks_ms()
        self._counter = counter
        self._stores = stores
        self._ledger = stores.ledger
        self._load_profile = stores.load_profile
        self._timekeeper = timekeeper
        self._time_notes = TimeNotes(stores, timekeeper)
        self._clock = clock
        self._watch_mains = None

    def watch_mains(self, step: "Callable[[], None]") -> None:
        """Call `step` at the begin of each period from now on."""
        self._watch_mains = step

    def set_counter(self, counter: "PulseCounter | CtFrontEnd") -> None:
        """Take pulses, or mWh, out of another counter from now on."""
        self._counter = counter

    def count(self) -> int:
        """Account for the pulses since the last call. Return the time. Raise OSError if the ledger cannot be written.

        A start calls this before it opens the records: energy is in the ledger as early as possible.
        """
        pulses = self._counter.take()
        now_s = self._timekeeper.now_s()
        self._ledger.advance(now_s, pulses)
        if pulses:
            self.pulses = self.pulses + pulses & PULSES_MASK
            self.newest_pulse_ms = self._clock.ticks_ms()
        return now_s

    def step(self) -> None:
        """Count, note the time and read the registers. Raise OSError if the ledger cannot be written."""
        now_s = self.count()
        self._time_notes.step(now_s)
        self._load_profile.step(self._ledger.account, now_s)

    async def run(self, beat: "Callable[[], None]") -> None:
        """Step for ever, with a heartbeat after each step that the ledger has taken.

        Steps begin PERIOD_MS apart: time spent on writing and erasing does not add to the time that a power cut can
        lose.
        """
        clock = self._clock
        while True:
            began_ms = clock.ticks_ms()
            if self._watch_mains is not None:
                self._watch_mains()
            self.step()
            beat()
            if not self.saves_energy:
                self._stores.prepare()
            await clock.sleep_ms(max(0, PERIOD_MS - clock.ticks_diff(clock.ticks_ms(), began_ms)))
