"""Switching: keeps the load switch where `supply.decide` wants it, and notes every change."""

from wattpurse.core import carrier
from wattpurse.core.money import supply
from wattpurse.core.records import events

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.core.records.events import EventLog
    from wattpurse.drivers.load_switch import LoadSwitch
    from wattpurse.hal import Clock
    from wattpurse.services.timekeeping import TimeKeeper

PERIOD_MS = 100
TEST_MS = 3_000

_POSITIONS = {True: "closed", False: "open"}


class Switching:
    """Moves `load_switch` to the position that `decide()` requires. It returns a reason of `supply`.

    `reason` is the reason in force, None before the first decision. After a restart the contact's position is unknown,
    and it is moved once.
    """

    def __init__(
        self,
        load_switch: "LoadSwitch",
        decide: "Callable[[], int]",
        events_log: "EventLog",
        timekeeper: "TimeKeeper",
        clock: "Clock",
    ) -> None:
        self.reason = None
        self._load_switch = load_switch
        self._decide = decide
        self._events = events_log
        self._timekeeper = timekeeper
        self._clock = clock
        self._testing = False
        self._again = None

    @property
    def must_be_open(self) -> bool:
        """True while the reason in force requires an open switch, even if the contact has not moved."""
        return self.reason is not None and not supply.is_closed(self.reason)

    @property
    def must_be_closed(self) -> bool:
        """True while the reason in force requires a closed switch."""
        return self.reason is not None and supply.is_closed(self.reason)

    @property
    def position(self) -> str:
        """ "open", "closed" or "unknown"."""
        return self._load_switch.position

    async def step(self) -> None:
        """Decide, and operate the load switch if its position differs; not during a relay test."""
        if not self._testing:
            await self._follow()

    def open_again(self) -> None:
        """Pulse the opening coil once more, if the switch is to be open: energy flows through it."""
        self._again = False

    def close_again(self) -> None:
        """Pulse the closing coil once more, if the switch is to be closed: no energy flows through it."""
        self._again = True

    def open_now(self) -> None:
        """Open at once, holding the processor for the time of a pulse: the power ends soon.

        A contact that is open already gets no pulse, for the energy of the coil may be needed once only.
        """
        if self._load_switch.position != "open":
            self._load_switch.open_now()

    async def test_relay(self) -> bool:
        """Open for some seconds and return to the position decided then. Return True if both pulses were complete.

        Raises ValueError if supply is off: a test never closes a switch that has to be open.
        """
        if self._testing:
            raise ValueError("a relay test is under way already")
        if not supply.is_closed(self._decide()):
            raise ValueError("supply is off (" + supply.text(self._decide()) + "): the switch stays open")
        self._testing = True
        try:
            await self._load_switch.open()
            opened = self._load_switch.position == "open"
            await self._clock.sleep_ms(TEST_MS)
            await self._follow()
        finally:
            self._testing = False
        return opened and self._load_switch.position == _POSITIONS[supply.is_closed(self.reason)]

    async def run(self, beat: "Callable[[], None]") -> None:
        """Step for ever, with a heartbeat after each step."""
        while True:
            await self.step()
            beat()
            await self._clock.sleep_ms(PERIOD_MS)

    async def _follow(self) -> None:
        """Move the contact, then note the reason: the event log may have to erase before it can take the note."""
        reason = self._decide()
        is_new = reason != self.reason
        self.reason = reason
        await self._move(supply.is_closed(reason))
        if is_new:
            self._note(events.SUPPLY, reason)

    async def _move(self, closed: bool) -> None:
        again, self._again = self._again, None
        if self._load_switch.position == _POSITIONS[closed] and again != closed:
            return
        if closed:
            await self._load_switch.close()
        else:
            await self._load_switch.open()

    def _note(self, code: int, number: int) -> None:
        self._events.note(code, carrier.METER, self._timekeeper.now_s(), number)
