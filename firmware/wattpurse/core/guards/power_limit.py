"""The power limit: supply ends if too much power is drawn for some time.

Supply returns by itself, or after a press of the button. A tenth above the limit is allowed for ever, and any power is
allowed for `PATIENCE_MS`, because motors start and kettles boil. Power is measured over ten seconds or more
(`guards.power`). Supply therefore ends 30 to 50 s after the load became too large, and later if pulses are further
apart than ten seconds. Supply returns after `power_reconnect_s`. If trips within an hour reach `power_trips`, supply
waits until somebody presses the button. A power cut ends neither the wait nor the series: the ledger keeps the number
of trips and the times of the first and the newest, and `resume` takes them up again.
"""

PATIENCE_MS = 30_000
TRIPS_WITHIN_MS = 3_600_000

NOTHING = 0
TRIPPED = 1
TRIPPED_FOR_GOOD = 2  # until somebody presses the button
RECONNECTED = 3

_BORNE_PERCENT = 110


class PowerLimit:
    """A watch on power against a limit.

    `is_tripped` is True while supply must be off. `trips` counts all trips, `series` those that count together.
    """

    def __init__(self) -> None:
        self.is_tripped = False
        self.trips = 0
        self._over_ms = 0
        self._off_ms = 0
        self.series = 0
        self._series_ms = 0

    def resume(self, series: int, since_first_ms: int, since_newest_ms: int, reconnect_s: int) -> None:
        """Continue a series of trips after a restart. Its first and its newest trip were so long ago."""
        self.series = series
        self._series_ms = since_first_ms
        self._off_ms = since_newest_ms
        self.is_tripped = series > 0 and since_newest_ms < reconnect_s * 1000

    def look(self, elapsed_ms: int, power_w: int, limit_w: int, last_trip: int, reconnect_s: int) -> int:
        """Return the result of the `elapsed_ms` since the last call: NOTHING, TRIPPED, TRIPPED_FOR_GOOD or RECONNECTED.

        A `limit_w` of 0 is no limit; supply that had tripped returns. Trip number `last_trip` within an hour is for
        good; with 0 none is.
        """
        if self.series:
            self._series_ms += elapsed_ms
            if self._series_ms > TRIPS_WITHIN_MS:
                self.series = 0
        if self.is_tripped:
            return self._wait(elapsed_ms, limit_w, reconnect_s)
        if not limit_w or power_w * 100 <= limit_w * _BORNE_PERCENT:
            self._over_ms = 0
            return NOTHING
        self._over_ms += elapsed_ms
        return NOTHING if self._over_ms < PATIENCE_MS else self._trip(last_trip)

    def _wait(self, elapsed_ms: int, limit_w: int, reconnect_s: int) -> int:
        self._off_ms += elapsed_ms
        if limit_w and self._off_ms < reconnect_s * 1000:
            return NOTHING
        self.is_tripped = False
        return RECONNECTED

    def _trip(self, last_trip: int) -> int:
        """Count a trip. A trip for good ends its series: the button begins another."""
        self.trips += 1
        self._over_ms = 0
        if self.series == 0:
            self._series_ms = 0
        self.series += 1
        if last_trip and self.series >= last_trip:
            self.series = 0
            return TRIPPED_FOR_GOOD
        self.is_tripped = True
        self._off_ms = 0
        return TRIPPED
