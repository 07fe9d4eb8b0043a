"""The power limit: supply ends when more is drawn for some time, and comes back by itself, or by the button.

A limit bears a tenth more for ever, and anything for `PATIENCE_MS`: motors start, kettles boil. Power is measured over
ten seconds and more (`core.power`), so that supply ends 30 to 50 s after the load became too large, later where pulses
are further apart than ten seconds. It comes back after the time that the terms set; the trip that makes as many within
an hour as the terms say waits until somebody presses the button.
"""

PATIENCE_MS = 30_000
TRIPS_WITHIN_MS = 3_600_000

NOTHING = 0
TRIPPED = 1
TRIPPED_FOR_GOOD = 2  # until somebody presses the button
RECONNECTED = 3

_BORNE_PERCENT = 110


class PowerLimit:
    """Watches power against a limit. `is_tripped` while supply has to be off until its time is over; `trips` counts."""

    def __init__(self) -> None:
        self.is_tripped = False
        self.trips = 0
        self._over_ms = 0
        self._off_ms = 0
        self._series = 0
        self._series_ms = 0

    def look(self, elapsed_ms: int, power_w: int, limit_w: int, last_trip: int, reconnect_s: int) -> int:
        """What came of the `elapsed_ms` since the last look: NOTHING, TRIPPED, TRIPPED_FOR_GOOD or RECONNECTED.

        `limit_w` 0: none, and what tripped comes back. The `last_trip`-th within an hour is for good; 0: none is.
        """
        if self._series:
            self._series_ms += elapsed_ms
            if self._series_ms > TRIPS_WITHIN_MS:
                self._series = 0
        if self.is_tripped:
            return self._wait(elapsed_ms, limit_w, reconnect_s)
        if not limit_w or power_w * 100 <= limit_w * _BORNE_PERCENT:
            self._over_ms = 0
            return NOTHING
        self._over_ms += elapsed_ms
        return NOTHING if self._over_ms < PATIENCE_MS else self._trip(last_trip)

    def _wait(self, elapsed_ms, limit_w, reconnect_s):
        self._off_ms += elapsed_ms
        if limit_w and self._off_ms < reconnect_s * 1000:
            return NOTHING
        self.is_tripped = False
        return RECONNECTED

    def _trip(self, last_trip):
        """A trip that is for good is the end of its series: the button begins another."""
        self.trips += 1
        self._over_ms = 0
        if self._series == 0:
            self._series_ms = 0
        self._series += 1
        if last_trip and self._series >= last_trip:
            self._series = 0
            return TRIPPED_FOR_GOOD
        self.is_tripped = True
        self._off_ms = 0
        return TRIPPED
