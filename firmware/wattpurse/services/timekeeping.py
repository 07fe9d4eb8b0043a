"""The meter's clock: UTC seconds that never go back by themselves, led by the clock chip while it can be believed.

The ledger's newest time is a lower bound. A chip with an earlier time has lost its time, and a chip that is far ahead
cannot be right either. Then time goes on from the time that a lost clock may have (`core.money.clock_rules`), `trusted`
is False, and somebody must set the clock. If the chip later reports a believable time, it is taken: the chip may only
have answered late.

While the meter runs, its ticks check the chip. A chip that leaps, or that stands still, is not believed. If it happens
twice in a row, `doubted` is True, and the chip is not believed until the clock is set.
"""

from wattpurse.core.tariffs.calendar import LATEST_S

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Clock, RealTimeClock

PERIOD_MS = 60_000
EARLIEST_S = 1_767_225_600  # 2026-01-01: no meter is older, so no clock may be earlier

_DRIFT_LIMIT_S = 120
_LAG_AT_START_S = 5
_HELD_PER_S = 1024  # in so many seconds, time may be held back by one second more
_LAG_PER_S = 64  # in so many seconds, the chip may fall behind the ticks by one second more than _JITTER_S
_JITTER_S = 2
_FAULTS_TO_DOUBT = 2


class TimeKeeper:
    """Time from `rtc` (`read() -> int | None`, `set(utc_s)`, OSError if it does not answer) and the board's ticks.

    `trusted`: the chip is believed. `was_lost`: the chip had no believable time at the start. `doubted`: the chip was
    wrong while the meter ran, and nobody has set it since.
    """

    def __init__(self, rtc: "RealTimeClock", clock: "Clock") -> None:
        self.trusted = False
        self.was_lost = False
        self.doubted = False
        self._rtc = rtc
        self._clock = clock
        self._was_trusted = False
        self._not_before_s = self._not_after_s = 0
        self._latest_s = 0
        self._base_s = 0
        self._base_ms = clock.ticks_ms()
        self._ran_s = self._started_at_s = 0
        self._held_s = 0
        self._faults = 0
        self._believed_s = self._believed_at_s = self._lag_s = 0

    def start(self, not_before_s: int, not_after_s: int, lost_s: int = 0) -> None:
        """Take the chip's time if it lies between the first two.

        Otherwise go on from `lost_s`, or from `not_before_s` if that is later, untrusted. A chip that is
        behind `not_before_s` may stand still: then each start begins a second later.
        """
        self._not_before_s = not_before_s
        self._not_after_s = not_after_s
        self._started_at_s = self._ran_s
        self._latest_s = not_before_s
        self._rebase(not_before_s)
        self.follow_chip()
        self.was_lost = not self.trusted
        if self.was_lost:
            self._begin_at(max(not_before_s, lost_s))
        elif self._base_s < not_before_s:
            self._begin_at(not_before_s + 1)

    def now_s(self) -> int:
        """Return UTC seconds. Call at least every six days, or the ticks wrap unseen."""
        elapsed_ms = self._clock.ticks_diff(self._clock.ticks_ms(), self._base_ms)
        if elapsed_ms >= 1000:
            seconds = elapsed_ms // 1000
            self._ran_s += seconds
            self._move_base(self._base_s + seconds, self._clock.ticks_add(self._base_ms, seconds * 1000))
        return self._latest_s

    def set(self, utc_s: int) -> bool:
        """Set the clock, back or ahead, for somebody with the right to. Return False if the chip did not take it.

        In that case the time still holds until power fails.
        """
        self._latest_s = utc_s
        self._rebase(utc_s)
        self._was_trusted = True
        self.doubted = False
        self._faults = self._held_s = 0
        self.trusted = self._chip_takes(utc_s)
        self._note_believed(utc_s, 0)
        return self.trusted

    def follow_chip(self) -> None:
        """Take over a small lead of the chip. For a small lag, time stands still. A leap is not believed.

        Before the chip was first believed there is only the lower bound to compare with, so its lead may be large.
        """
        chip_s = self._read_chip()
        now_s = self.now_s()
        if chip_s is None or self.doubted:
            self.trusted = False
            return
        self.trusted = self._runs_with_ticks(chip_s, now_s) if self._was_trusted else self._may_begin(chip_s)
        if self.trusted:
            self._believe(chip_s, now_s)
        elif self._was_trusted and now_s < LATEST_S:
            self._faults += 1
            self.doubted = self._faults >= _FAULTS_TO_DOUBT

    async def run(self) -> None:
        """Follow the chip once a minute."""
        while True:
            await self._clock.sleep_ms(PERIOD_MS)
            self.follow_chip()

    def _read_chip(self) -> int | None:
        """Return the chip's time, or None unless two reads agree: one misread bit could cost years of daily charges."""
        try:
            first_s, second_s = self._rtc.read(), self._rtc.read()
        except OSError:
            return None
        if first_s is None or second_s is None or not 0 <= second_s - first_s <= 1:
            return None
        return second_s

    def _chip_takes(self, utc_s: int) -> bool:
        """Set the chip and read it back: a dead bus takes every write, and reads as zeros or ones."""
        try:
            self._rtc.set(utc_s)
        except (OSError, ValueError):
            return False
        chip_s = self._read_chip()
        return chip_s is not None and 0 <= chip_s - utc_s <= 1

    def _may_begin(self, chip_s: int) -> bool:
        """Return True if a chip that was not believed since the start has a time that can be right.

        The lower bound runs with the ticks. A chip that is an hour late must not be believed an hour after the start:
        time would stand still until the chip has caught up.
        """
        ran_s = self._ran_s - self._started_at_s
        return self._not_before_s - _LAG_AT_START_S + ran_s - ran_s // _HELD_PER_S <= chip_s <= self._not_after_s

    def _runs_with_ticks(self, chip_s: int, now_s: int) -> bool:
        """Return True if the chip is near the meter's time, and was not slower than the ticks since it was believed.

        The sum of all seconds that time is held back is limited as well.
        """
        ran_s = self._ran_s - self._believed_at_s
        return (
            chip_s <= min(now_s + _DRIFT_LIMIT_S, LATEST_S)
            and self._held_s + self._new_lag_s(chip_s, now_s) <= _DRIFT_LIMIT_S + self._ran_s // _HELD_PER_S
            and chip_s - self._believed_s >= ran_s - ran_s // _LAG_PER_S - _JITTER_S
        )

    def _new_lag_s(self, chip_s: int, now_s: int) -> int:
        """Return the lag of the chip that is new, and not the rest of a lag for which time stands still already."""
        known_s = max(0, self._lag_s - (self._ran_s - self._believed_at_s))
        return max(0, now_s - chip_s - known_s)

    def _believe(self, chip_s: int, now_s: int) -> None:
        """Follow the chip. Time stands still for its lag."""
        if self._was_trusted:
            self._held_s += self._new_lag_s(chip_s, now_s)
        self._was_trusted = True
        self._faults = 0
        self._note_believed(chip_s, max(0, now_s - chip_s))
        if chip_s != now_s:
            self._rebase(chip_s)

    def _note_believed(self, chip_s: int, lag_s: int) -> None:
        self._believed_s = chip_s
        self._believed_at_s = self._ran_s
        self._lag_s = lag_s

    def _begin_at(self, utc_s: int) -> None:
        self._latest_s = min(utc_s, LATEST_S)
        self._rebase(self._latest_s)

    def _rebase(self, utc_s: int) -> None:
        self._move_base(utc_s, self._clock.ticks_ms())

    def _move_base(self, utc_s: int, ticks_ms: int) -> None:
        """Count on from `utc_s` at `ticks_ms`. The time never goes back for it."""
        self._base_s = utc_s
        self._base_ms = ticks_ms
        self._latest_s = min(max(self._latest_s, utc_s), LATEST_S)
