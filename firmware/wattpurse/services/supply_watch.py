"""The supply watch: once a second it measures the power, and finds conditions that keep supply off or on for a time.

They are the power limit, energy that flows though the switch is open, a closing pulse that may not have moved the
contact, the wait after mains have returned, and the technician's test. The watch writes them into the circumstances;
`core.money.supply` decides the consequences.
"""

from wattpurse.core.guards import power_limit, restoration, tamper
from wattpurse.core.guards.closed_load import ClosedLoad
from wattpurse.core.guards.countdown import Countdown
from wattpurse.core.guards.open_load import OpenLoad
from wattpurse.core.guards.power import Power
from wattpurse.core.guards.power_limit import PowerLimit
from wattpurse.core.money.account import MWH_PER_KWH
from wattpurse.services.metering import PULSES_MASK

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.core.money.circumstances import Circumstances
    from wattpurse.core.money.ledger import Ledger
    from wattpurse.core.money.terms import Terms
    from wattpurse.hal import Clock
    from wattpurse.services.guard import Guard
    from wattpurse.services.metering import Metering
    from wattpurse.services.switching import Switching

PERIOD_MS = 1_000
TEST_MINUTES = 60


class SupplyWatch:
    """Reads pulses of `metering`, latches at `guard`, moves `switching`, and writes into `circumstances`.

    `note_trip(series)` is called at each trip of the power limit with its number in the series. The number is 0 for the
    trip that ends the series: from then on only the button reconnects.
    """

    def __init__(
        self,
        metering: "Metering",
        switching: "Switching",
        guard: "Guard",
        ledger: "Ledger",
        circumstances: "Circumstances",
        note_trip: "Callable[[int], None]",
        clock: "Clock",
    ) -> None:
        self.limit = PowerLimit()
        self.open_load = OpenLoad()
        self.closed_load = ClosedLoad()
        self._metering = metering
        self._switching = switching
        self._guard = guard
        self._ledger = ledger
        self._circumstances = circumstances
        self._note_trip = note_trip
        self._clock = clock
        self._power = Power()
        self._restoration = Countdown()
        self._test = Countdown()
        self._looked_ms = clock.ticks_ms()
        self._pulses = metering.pulses
        self._was_open = False
        self._random_bytes = bytes

    @property
    def power_w(self) -> int:
        """The power drawn now, in W, as `core.guards.power` measures it."""
        account = self._ledger.account
        return self._power.watts(account.impulses, account.impulses_per_kwh_divisor)

    @property
    def restoring_s(self) -> int:
        """Seconds until supply may return after mains have."""
        return self._restoration.left_s

    @property
    def test_s(self) -> int:
        """Seconds of the technician's test that are left."""
        return self._test.left_s

    def start(self, random_bytes: "Callable[[int], bytes]", now_s: int) -> None:
        """Begin the wait that the terms require after mains have returned, and continue that of the power limit.

        `random_bytes(count)` is the board's.
        """
        self._random_bytes = random_bytes
        self._resume_limit(now_s)
        self._looked_ms = self._clock.ticks_ms()
        self.mains_returned()

    def mains_returned(self) -> None:
        """Begin the wait that the terms require after mains have returned."""
        terms = self._ledger.account.terms
        spread_s = terms["restore_spread_s"]
        drawn_s = restoration.drawn_s(spread_s, self._random_bytes(restoration.RANDOM_BYTES)) if spread_s else 0
        self._restoration.begin(terms["restore_delay_s"] + drawn_s)
        self._tell()

    def test(self, minutes: int) -> None:
        """Keep supply on for `minutes`, 0 to TEST_MINUTES, with any credit. 0 ends the test, a power cut too."""
        self._test.begin(minutes * 60)
        self._tell()

    def step(self) -> None:
        """Look once. Raises OSError when a finding cannot be written."""
        account = self._ledger.account
        if account is None:
            return
        now_ms = self._clock.ticks_ms()
        elapsed_ms = self._clock.ticks_diff(now_ms, self._looked_ms)
        self._looked_ms = now_ms
        pulses = self._new_pulses()
        is_open = self._switching.must_be_open
        if is_open and not self._was_open:
            self._power.forget()
        self._was_open = is_open
        self._power.look(pulses, self._clock.ticks_diff(now_ms, self._metering.newest_pulse_ms), elapsed_ms)
        self._restoration.pass_time(elapsed_ms)
        self._test.pass_time(elapsed_ms)
        self._follow_limit(account.terms, elapsed_ms, is_open)
        self._tell()
        pulse_mwh = MWH_PER_KWH * account.impulses_per_kwh_divisor // account.impulses
        if self.open_load.look(elapsed_ms, pulses, pulse_mwh, is_open):
            self._switching.open_again()
            self._guard.latch(tamper.OPEN_LOAD)
        if self.closed_load.look(elapsed_ms, pulses, self._switching.must_be_closed):
            self._switching.close_again()

    async def run(self) -> None:
        """Step for ever."""
        while True:
            self.step()
            await self._clock.sleep_ms(PERIOD_MS)

    def _resume_limit(self, now_s: int) -> None:
        """Take up the trips that the ledger keeps. A clock that went back makes the wait begin anew."""
        account = self._ledger.account
        standing = account.standing
        self.limit.resume(
            standing["power_trips"],
            max(0, now_s - standing["power_series_s"]) * 1000,
            max(0, now_s - standing["power_trip_s"]) * 1000,
            account.terms["power_reconnect_s"],
        )

    def _new_pulses(self) -> int:
        pulses = self._metering.pulses
        new = pulses - self._pulses & PULSES_MASK
        self._pulses = pulses
        return new

    def _follow_limit(self, terms: "Terms", elapsed_ms: int, is_open: bool) -> None:
        """Follow the power limit. It does not hold during a test, nor while the switch is open."""
        limit_w = 0 if self._test.is_running else terms["power_limit_w"]
        power_w = self.power_w if limit_w and not is_open else 0
        result = self.limit.look(elapsed_ms, power_w, limit_w, terms["power_trips"], terms["power_reconnect_s"])
        if result in (power_limit.TRIPPED, power_limit.TRIPPED_FOR_GOOD):
            self._note_trip(self.limit.series)

    def _tell(self) -> None:
        self._circumstances.over_power = self.limit.is_tripped
        self._circumstances.restoring = self._restoration.is_running
        self._circumstances.testing = self._test.is_running
