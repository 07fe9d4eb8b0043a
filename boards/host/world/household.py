"""A household's load over the day: base load, a refrigerator, meals, evenings, and appliances.

The same seed gives the same days. Power is in whole watts and changes at most once a minute.
"""

from boards.host.chips.random_bits import RandomBits
from wattpurse.core.tariffs.calendar import DAY_S, Zone, weekday

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from boards.host.protocols import EventClock, Source


STEP_S = 60

# Watts on average at each hour of the local day, without the refrigerator and the appliances below.
_WORKDAY_W = (90, 80, 80, 80, 80, 90, 160, 320, 260, 140, 120, 130) + (
    220,
    180,
    140,
    140,
    170,
    260,
    380,
    420,
    400,
    340,
    240,
    140,
)
_REST_DAY_W = (110, 90, 80, 80, 80, 80, 90, 130, 240, 340, 320, 300) + (
    380,
    360,
    280,
    240,
    230,
    260,
    360,
    420,
    420,
    380,
    280,
    170,
)
_FIRST_REST_DAY = 5
_FRIDGE_W = 95
_FRIDGE_PERIOD_MINUTES = 45
_FRIDGE_ON_MINUTES = 15
# name, watts, shortest and longest minutes, first and last hour, chances in 1,024 per minute of those hours
_APPLIANCES = (
    ("kettle", 2_000, 2, 4, 6, 22, 14),
    ("cooker", 1_600, 15, 40, 11, 13, 6),
    ("cooker", 1_800, 20, 50, 17, 20, 8),
    ("washing machine", 900, 50, 90, 8, 19, 2),
    ("shower", 3_500, 5, 9, 6, 8, 10),
)


class Household:
    """Sets the load of `source` once a minute: the load of the time of day, plus `extra_w`.

    `now_s()` returns UTC seconds; `zone` is the local time zone. `constant_w`, if not None, replaces the load of the
    time of day.
    """

    def __init__(
        self, clock: "EventClock", source: "Source", now_s: "Callable[[], int]", zone: Zone, seed: int = 1
    ) -> None:
        self.extra_w = 0
        self.constant_w: int | None = None
        self._clock = clock
        self._source = source
        self._now_s = now_s
        self._zone = zone
        self._random_bits = RandomBits(seed)
        self._running: dict[int, int] = {}

    def start(self) -> None:
        """Start the household; it runs for ever."""
        self.update()
        self._clock.call_at_us(self._clock.now_us + STEP_S * 1_000_000, self.start)

    def update(self) -> None:
        """Set the load for this minute."""
        load_w = self.constant_w if self.constant_w is not None else self._shape_w(self._zone.local_s(self._now_s()))
        self._source.set_load_w(max(0, load_w + self.extra_w))

    def change_extra(self, change_w: int) -> None:
        """Change `extra_w`, never below zero."""
        self.extra_w = max(0, self.extra_w + change_w)
        self.update()

    def _shape_w(self, local_s: int) -> int:
        day, minute = local_s // DAY_S, local_s % DAY_S // 60
        hours_w = _REST_DAY_W if weekday(day) >= _FIRST_REST_DAY else _WORKDAY_W
        load_w = hours_w[minute // 60] + self._random_bits(5)
        if minute % _FRIDGE_PERIOD_MINUTES < _FRIDGE_ON_MINUTES:
            load_w += _FRIDGE_W
        return load_w + self._appliances_w(minute)

    def _appliances_w(self, minute: int) -> int:
        """Return the power of the running appliances. Each starts at random and runs for some minutes."""
        total_w = 0
        for place, (_, watts, shortest, longest, first_hour, last_hour, chances) in enumerate(_APPLIANCES):
            minutes_left = self._running.get(place, 0)
            if minutes_left == 0 and first_hour <= minute // 60 <= last_hour and self._random_bits(10) < chances:
                minutes_left = shortest + self._random_bits.below(longest - shortest + 1)
            if minutes_left:
                total_w += watts
                self._running[place] = minutes_left - 1
        return total_w
