"""The guard: looks at the tamper sensors ten times a second, and latches tampering.

Latched kinds are a setting and outlast a power cut. The technician or a token clears them. A tamper that still lasts
then is latched again at once. `core.guards.tamper` decides the consequences, by the terms of supply.
"""

from wattpurse.core import carrier
from wattpurse.core.guards import tamper
from wattpurse.core.records import events
from wattpurse.drivers.contact import SAMPLE_MS

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from typing import Protocol

    from wattpurse.hal import Clock
    from wattpurse.services.timekeeping import TimeKeeper
    from wattpurse.stores import Stores

    class Sensor(Protocol):
        """Something that senses tampering."""

        def sample(self) -> bool: ...


class Guard:
    """Looks at `sensors`, and latches in the settings of `stores`.

    `sensors` are pairs of a kind of `tamper` and its sensor, for instance a drivers.contact.Contact. `seen` are the
    kinds that the sensors reported at the last look, independent of the terms.
    """

    def __init__(
        self,
        sensors: "tuple[tuple[int, Sensor], ...]",
        stores: "Stores",
        timekeeper: "TimeKeeper",
        clock: "Clock",
    ) -> None:
        self.seen = 0
        self._sensors = sensors
        self._settings = stores.settings
        self._ledger = stores.ledger
        self._events = stores.events
        self._timekeeper = timekeeper
        self._clock = clock

    def set_sensor(self, kind: int, sensor: "Sensor") -> None:
        """Look at another sensor for `kind` from now on."""
        self._sensors = tuple([(one, sensor if one == kind else former) for one, former in self._sensors])

    @property
    def latched(self) -> int:
        """The kinds that are latched."""
        return self._settings.get("tamper", 0)

    def raises_alarm(self) -> bool:
        """Return True while a kind is latched that the terms do not ignore."""
        account = self._ledger.account
        return account is not None and tamper.raises_alarm(self.latched, account.terms)

    def step(self) -> None:
        """Look once at every sensor. Raises OSError when a kind that was seen cannot be latched."""
        seen = 0
        for kind, contact in self._sensors:
            if contact.sample():
                seen |= kind
        self.seen = seen
        if seen:
            self.latch(seen)

    def latch(self, kinds: int) -> None:
        """Latch the new ones of `kinds` that the terms do not ignore, with an event each. Raises OSError."""
        account = self._ledger.account
        if account is None:
            return
        latched = self.latched
        fresh = tamper.to_latch(kinds, latched, account.terms)
        if not fresh:
            return
        self._settings.set("tamper", latched | fresh)
        for kind in tamper.kinds_of(fresh):
            self._events.note(events.TAMPER, carrier.METER, self._timekeeper.now_s(), kind)

    async def run(self) -> None:
        """Step for ever."""
        while True:
            self.step()
            await self._clock.sleep_ms(SAMPLE_MS)
