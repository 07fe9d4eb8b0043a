"""The publisher composes sealed statements, on a schedule and on events, and the alarms.

While the broker cannot be reached, statements wait, at most WAITING of them. Then the oldest are left out: each has all
sums, and the newest has the newest.
"""

from wattpurse.core import carrier
from wattpurse.core.messages import mqtt
from wattpurse.services.statement_numbers import StatementNumbers

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.hal import Clock
    from wattpurse.services.statements import Statements
    from wattpurse.stores import Stores

WAITING = 8
CAPACITY = 512  # bytes of a statement's payload
LOOK_MS = 1_000
EVENT_GAP_MS = 60_000  # between two statements on events

_MINUTE_MS = 60_000


class Publication:
    """A message for the broker: the topic, the payload, and whether the broker keeps it for later readers.

    `name` is the last part of a topic of the meter, or a whole topic.
    """

    def __init__(self, name: str, payload: bytes, retain: bool) -> None:
        self.name = name
        self.payload = payload
        self.retain = retain


class Publisher:
    """Composes publications from `statements` and `stores`. `supply_reason()` is the reason of supply in force.

    `version` is that of the firmware.
    """

    def __init__(
        self,
        statements: "Statements",
        stores: "Stores",
        clock: "Clock",
        supply_reason: "Callable[[], int | None]",
        version: str,
    ) -> None:
        self._version = version
        self._statements = statements
        self._settings = stores.settings
        self._ledger = stores.ledger
        self._clock = clock
        self._supply_reason = supply_reason
        self._numbers = StatementNumbers(stores.settings, "mqtt_numbers")
        self._epoch_keys: tuple = (None, None, None)
        self._waiting = []
        self._every_ms = 0
        self._sealed_ms = 0
        self._looked_ms = clock.ticks_ms()
        self._told: tuple | None = None
        self._alarms: int | None = None
        self.left_out = 0

    @property
    def waiting(self) -> int:
        """The number of publications that wait for the broker."""
        return len(self._waiting)

    def set_schedule(self, every_minutes: int) -> None:
        """Seal a statement every so many minutes. The first one is due at once."""
        self._every_ms = every_minutes * _MINUTE_MS
        self._sealed_ms = self._clock.ticks_add(self._clock.ticks_ms(), -self._every_ms)

    def connected(self) -> None:
        """Tell the alarms anew: the broker may be another one."""
        self._alarms = None

    def step(self) -> None:
        """Compose everything that is due. Raise OSError if no number can be reserved."""
        if self._ledger.account is None or not self._is_time_to_look():
            return
        since_ms = self._clock.ticks_diff(self._clock.ticks_ms(), self._sealed_ms)
        facts = self._facts()
        if since_ms >= self._every_ms or (facts != self._told and since_ms >= EVENT_GAP_MS):
            self._told = facts
            self._sealed_ms = self._clock.ticks_ms()
            self._add(Publication(mqtt.STATEMENT, self._seal(), True))
        bits = self._statements.alarms()
        if bits != self._alarms:
            self._alarms = bits
            self._add(Publication(mqtt.ALARMS, mqtt.alarms(bits, self._version), True))

    def _is_time_to_look(self) -> bool:
        """Return True once a second, and at once after a token and a connection: a look costs the processor 2 ms."""
        now_ms = self._clock.ticks_ms()
        is_news = self._told is None or self._alarms is None
        if not is_news and self._clock.ticks_diff(now_ms, self._looked_ms) < LOOK_MS:
            return False
        self._looked_ms = now_ms
        return True

    def token_taken(self) -> None:
        """Seal a statement soon: a token has changed the meter."""
        self._told = None

    def first(self) -> Publication | None:
        """Return the publication that is next, or None. It stays first until it is `delivered`."""
        return self._waiting[0] if self._waiting else None

    def delivered(self, publication: Publication) -> None:
        """Forget a publication that the broker has."""
        if publication in self._waiting:
            self._waiting.remove(publication)

    def _facts(self) -> tuple:
        """Return the facts of which a change is worth a statement."""
        account = self._ledger.account
        return self._supply_reason(), self._statements.alarms(), account.tokens.top(), account.tariff.version

    def _add(self, publication: Publication) -> None:
        self._waiting.append(publication)
        if len(self._waiting) > WAITING:
            del self._waiting[0]
            self.left_out += 1

    def _seal(self) -> bytes:
        number = self._numbers.take()
        identity, meter_key = carrier.statement_identity(carrier.MQTT, number), self._settings.get("meter_key")
        if self._epoch_keys[:2] != (identity, meter_key):
            self._epoch_keys = identity, meter_key, self._statements.keys(identity)
        return mqtt.wrap_statement(number, self._statements.seal(self._epoch_keys[2], number, CAPACITY))
