"""The meter's clock: UTC seconds that never go back by themselves, led by the clock chip while it can be believed.

The ledger's newest time is a lower bound. A chip with an earlier time has lost its time, and a chip that is years ahead
cannot be right either. Then time goes on from the lower bound, `trusted` is False, and somebody must set the clock. If
the chip later reports a believable time, it is taken: the chip may only have answered late.
"""

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.hal import Clock, RealTimeClock

PERIOD_MS = 60_000
EARLIEST_S = 1_767_225_600  # 2026-01-01: no meter is older, so no clock may be earlier
LATEST_S = (1 << 32) - 1

_DRIFT_LIMIT_S = 120


class TimeKeeper:
    """Time from `rtc` (`read() -> int | None`, `set(utc_s)`, OSError if it does not answer) and the board's ticks."""

    def __init__(self, rtc: "RealTimeClock", clock: "Clock") -> None:
        self.trusted = False
        self._rtc = rtc
        self._clock = clock
        self._was_trusted = False
        self._not_after_s = 0
        self._latest_s = 0
        self._base_s = 0
        self._base_ms = clock.ticks_ms()

    def start(self, not_before_s: int, not_after_s: int) -> None:
        """Take the chip's time if it lies between these two. Otherwise go on from the earlier one, untrusted."""
        self._not_after_s = not_after_s
        self._latest_s = not_before_s
        self._rebase(not_before_s)
        self.follow_chip()

    def now_s(self) -> int:
        """Return UTC seconds. Call at least every six days, or the ticks wrap unseen."""
        elapsed_ms = self._clock.ticks_diff(self._clock.ticks_ms(), self._base_ms)
        if elapsed_ms >= 1000:
            self._base_s += elapsed_ms // 1000
            self._base_ms = self._clock.ticks_add(self._base_ms, elapsed_ms // 1000 * 1000)
        self._latest_s = max(self._latest_s, self._base_s)
        return self._latest_s

    def set(self, utc_s: int) -> bool:
        """Set the clock, back or ahead, for somebody with the right to. Return False if the chip did not take it.

        In that case the time still holds until power fails.
        """
        self._latest_s = utc_s
        self._rebase(utc_s)
        try:
            self._rtc.set(utc_s)
        except OSError:
            return False
        self.trusted = self._was_trusted = True
        return True

    def follow_chip(self) -> None:
        """Take over a small lead of the chip. For a small lag, time stands still. A leap is not believed.

        Before the chip was first believed there is only the lower bound to compare with, so its lead may be large.
        """
        chip_s = self._read_chip()
        now_s = self.now_s()
        not_after_s = now_s + _DRIFT_LIMIT_S if self._was_trusted else self._not_after_s
        self.trusted = chip_s is not None and now_s - _DRIFT_LIMIT_S <= chip_s <= not_after_s
        if self.trusted:
            self._was_trusted = True
            if chip_s != now_s:
                self._rebase(chip_s)

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

    def _rebase(self, utc_s: int) -> None:
        self._base_s = utc_s
        self._base_ms = self._clock.ticks_ms()
