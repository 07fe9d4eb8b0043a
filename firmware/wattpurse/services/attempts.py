"""Attempts at a secret, and the delay after wrong ones: of a PIN, a password, or a token of twenty digits.

Every attempt is counted in flash before the secret is compared, so that cutting the power buys no further attempt. The
following delay doubles from one second to an hour and survives a restart. Attempts made too soon are not counted, and
wear nothing: an attacker who never rests causes 24 counts a day.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.core.records.settings import Settings
    from wattpurse.hal import Clock
    from wattpurse.services.timekeeping import TimeKeeper

LONGEST_DELAY_S = 3600

_COUNTED_AT_MOST = 13  # the delay has reached its longest


class Attempts:
    """Attempts that `settings` count: `count_name` has the number of wrong ones, `time_name` the time of the last."""

    def __init__(
        self, settings: "Settings", timekeeper: "TimeKeeper", clock: "Clock", count_name: str, time_name: str
    ) -> None:
        self.is_under_way = False
        self._settings = settings
        self._timekeeper = timekeeper
        self._clock = clock
        self._count_name = count_name
        self._time_name = time_name

    @property
    def delay_s(self) -> int:
        """The delay after the wrong attempts so far, in seconds."""
        return delay_after_s(self._settings.get(self._count_name, 0))

    def wait_s(self) -> int:
        """Return the seconds until the next attempt is allowed. A clock that went back since begins the delay anew."""
        if self.delay_s == 0:
            return 0
        now_s = self._timekeeper.now_s()
        if now_s < self._settings.get(self._time_name, 0):
            self._settings.set(self._time_name, now_s)
        return self._settings.get(self._time_name, 0) + self.delay_s - now_s

    async def make(self, succeeds: "Callable[[], bool]") -> bool:
        """Count an attempt, then return the answer of `succeeds()`. Forget all attempts if it is True.

        Other tasks run between the writes. Do not make another attempt while `is_under_way`: otherwise several could be
        made before the first counts. Raises OSError if it cannot be counted; then `succeeds` was not called.
        """
        settings = self._settings
        self.is_under_way = True
        try:
            settings.set(self._time_name, self._timekeeper.now_s())
            await self._clock.sleep_ms(0)
            settings.set(self._count_name, min(settings.get(self._count_name, 0) + 1, _COUNTED_AT_MOST))
            await self._clock.sleep_ms(0)
            if not succeeds():
                return False
            settings.set(self._count_name, 0)
            return True
        finally:
            self.is_under_way = False


def delay_after_s(wrong: int) -> int:
    """Return the delay after so many wrong attempts, in seconds."""
    return min(LONGEST_DELAY_S, 1 << (wrong - 1)) if wrong else 0
