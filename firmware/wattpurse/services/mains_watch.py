"""The mains watch: while the supply of the board still holds, it brings the meter into order for the end of power.

When the mains fail, the energy counted so far goes into the ledger. If the term `open_on_power_fail` says so, the load
switch opens, so that nobody is fed unmetered between the return of mains and the start of the meter. Then an event
notes the time. Writes to flash are never divided between tasks, so the write under way is finished before the watch
runs. For some seconds the meter erases no sector ahead of need: an erase would take the energy that the last writes
need. A supply that holds longer than that is no reserve, but an input that nobody wired.

The watch has no task. It steps with metering, because each task that wakes twenty times a second takes a hundredth of
the processor's time.

Mains may return before the supply has run out. Then nothing is reset, and the switch closes again by the usual rules:
after the delay of the terms, and the rest of a switch that opened often.
"""

from wattpurse.core import carrier
from wattpurse.core.records import events
from wattpurse.drivers.mains_sensor import SAMPLE_MS

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.core.money.circumstances import Circumstances
    from wattpurse.drivers.mains_sensor import MainsSensor
    from wattpurse.services.metering import Metering
    from wattpurse.services.supply_watch import SupplyWatch
    from wattpurse.services.switching import Switching
    from wattpurse.stores import Stores


_LONGEST_HOLD_UP_SAMPLES = 10_000 // SAMPLE_MS


class MainsWatch:
    """Looks at `sensor`, counts by `metering`, opens by `switching`, and writes into `circumstances`.

    `supply_watch` begins the wait after mains have returned. The event goes into `stores`.
    """

    def __init__(
        self,
        sensor: "MainsSensor",
        metering: "Metering",
        switching: "Switching",
        supply_watch: "SupplyWatch",
        stores: "Stores",
        circumstances: "Circumstances",
    ) -> None:
        self._sensor = sensor
        self._metering = metering
        self._switching = switching
        self._supply_watch = supply_watch
        self._stores = stores
        self._circumstances = circumstances
        self._had_failed = False
        self._samples = 0

    def start(self) -> None:
        """Take the present state of the mains: a start on the rest of the supply must not close the switch.

        It goes on to erase ahead of need: such an input is more often one that nobody wired.
        """
        if self._sensor.begin():
            self._had_failed = True
            self._circumstances.mains_failed = self._opens()

    def step(self) -> None:
        """Look once. Metering calls this every SAMPLE_MS. Raises OSError when the ledger cannot be written."""
        has_failed = self._sensor.sample()
        if has_failed and not self._had_failed:
            self._had_failed = True
            self._fail()
        elif self._had_failed and not has_failed:
            self._had_failed = False
            self._return()
        if self._metering.saves_energy:
            self._samples += 1
            self._metering.saves_energy = self._samples < _LONGEST_HOLD_UP_SAMPLES

    def _fail(self) -> None:
        self._samples = 0
        self._metering.saves_energy = True
        now_s = self._metering.count()
        self._circumstances.mains_failed = self._opens()
        if self._circumstances.mains_failed:
            self._switching.open_now()
        self._note(events.MAINS_FAILED, now_s)

    def _return(self) -> None:
        self._metering.saves_energy = False
        if self._circumstances.mains_failed:
            self._supply_watch.mains_returned()
            self._circumstances.mains_failed = False
        self._note(events.MAINS_RETURNED, self._metering.count())

    def _opens(self) -> bool:
        account = self._stores.ledger.account
        return account is not None and account.terms["open_on_power_fail"] == 1

    def _note(self, code: int, now_s: int) -> None:
        self._stores.events.note(code, carrier.METER, now_s)
