"""Power out of pulses, without guessing: energy between two pulses over the time between them.

A meter of 1,000 impulses per kWh gives a pulse every 15.6 s at 230 W: how many pulses fall into ten seconds says
nothing there. So the time that is measured begins and ends with a pulse, lasts `WINDOW_MS` at least, and longer where
pulses are rarer. If no pulse comes for as long as that, power can be no more than what would have brought it by now:
that is how a load that was switched off is noticed.

Exact but for when a pulse was read: with pulses read every 50 ms within 0.5 percent.
"""

WINDOW_MS = 10_000

_LONGEST_SPAN_MS = 86_400_000  # then the load is nothing that anyone asks for
_MS_PER_HOUR = 3_600_000
_WATT_MS_PER_KWH = 1_000 * _MS_PER_HOUR


class Power:
    """The power drawn now. `look` must be called at least once in `WINDOW_MS`."""

    def __init__(self) -> None:
        self._is_running = False  # from the first pulse on
        self._span_ms = 0
        self._silent_ms = 0
        self._pulses = 0
        self._measured_pulses = 0
        self._measured_ms = 1

    def look(self, pulses: int, since_newest_ms: int, elapsed_ms: int) -> None:
        """`pulses` came since the last look, which was `elapsed_ms` ago; the newest of them `since_newest_ms` ago."""
        self._span_ms = min(self._span_ms + elapsed_ms, _LONGEST_SPAN_MS)
        self._silent_ms = min(self._silent_ms + elapsed_ms, _LONGEST_SPAN_MS)
        if not pulses:
            return
        self._silent_ms = since_newest_ms
        self._pulses += pulses
        span_ms = self._span_ms - since_newest_ms
        if self._is_running and span_ms < WINDOW_MS:
            return
        if self._is_running:
            self._measured_pulses, self._measured_ms = self._pulses, span_ms
        self._is_running = True
        self._pulses = 0
        self._span_ms = since_newest_ms

    def watts(self, impulses: int, per_kwh: int) -> int:
        """Power in W, rounded down, where `impulses` pulses are `per_kwh` kWh; 0 until two pulses were seen."""
        measured = self._measured_pulses * _WATT_MS_PER_KWH * per_kwh // (self._measured_ms * impulses)
        if self._silent_ms < WINDOW_MS:
            return measured
        return min(measured, _WATT_MS_PER_KWH * per_kwh // (self._silent_ms * impulses))

    def forget(self) -> None:
        """The load was cut off: what is measured from now on is another load."""
        self.__init__()
