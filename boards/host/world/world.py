"""The simulated world: one meter, its mains, the house behind it, and the hand that holds cards and types at it.

Tests and the running demonstration use it alike. Time passes only inside `run_for`, `run_until` and `type_line`:

    world = World(Meter)
    world.run_for(60)
    world.insert(card)
    world.run_until(lambda: world.meter.ledger.account.money.bought > 0, 10)
"""

from boards.host.board import Hardware
from boards.host.chips.power import BoardReset, PowerCut
from boards.host.world.clock import Pause, VirtualClock
from boards.host.world.household import Household
from wattpurse.core.tariffs.calendar import Zone

FIRST_S = 1_793_858_400  # Thursday 2026-11-05, 7:00 in Central Europe

_ANSWER_LIMIT_S = 120


def central_europe() -> Zone:
    """UTC+1 with the daylight rule of the European Union: what the clock on the house's wall shows."""
    return Zone(60, (3, 5, 6, 60), (10, 5, 6, 60), True)


class World:
    """`make_meter(board)` gives what runs on the board: an object with `async run()`, such as `wattpurse.app.Meter`.

    `utc_s` is the time when the world begins, `clock_is_set` whether the meter's clock chip knows it. `memory` is the
    flash's content. `meter` is the program that runs now, None while there is no power; `starts` counts its lives.
    `pace(until_us)`, if set, is asked how far time may go whenever nothing is ready: it gives back a time no later.
    `title` is what a screen says it is.
    """

    title = "Wattpurse, simulated meter"

    def __init__(self, make_meter, utc_s: int = FIRST_S, clock_is_set: bool = True, memory=None, seed: int = 1) -> None:
        self.clock = VirtualClock()
        self.clock.on_idle = self._on_idle
        self.hardware = Hardware(self.clock, utc_s if clock_is_set else None, memory, seed)
        self.zone = central_europe()
        self._began_s = utc_s
        self.household = Household(self.clock, self.hardware.source, self.now_s, self.zone, seed)
        self.household.start()
        self.mains_on = True
        self.meter = None
        self.starts = 0
        self.power_cuts = 0
        self.pace = None
        self._make_meter = make_meter
        self._has_supply = False
        self._condition = None
        self._end_us = 0

    def now_s(self) -> int:
        """The true time, in seconds since 1970 UTC."""
        return self._began_s + self.clock.now_us // 1_000_000

    @property
    def reader(self):
        """The reader's chip model, with its field and its faults."""
        return self.hardware.reader

    @property
    def account(self):
        """The meter's account, or None."""
        return self.meter.ledger.account if self.meter is not None else None

    def run_for(self, duration_s: int) -> None:
        """Let `duration_s` seconds pass."""
        self.run_until(lambda: False, duration_s)

    def run_until(self, condition, limit_s: int) -> bool:
        """Let time pass until `condition()`, at most `limit_s` seconds. True if the condition came.

        It is looked at whenever the meter has nothing to do.
        """
        self._condition = condition
        self._end_us = self.clock.now_us + int(limit_s * 1_000_000)
        try:
            self._live()
        except Pause:
            return bool(condition())
        finally:
            self._condition = None

    def allow_lateness(self, limit_ms: int) -> None:
        """Let tasks sleep up to `limit_ms` more than they asked for: see `VirtualClock.sleep_ms`."""
        self.clock.lateness_limit_ms = limit_ms

    def close(self) -> None:
        """The world ends: its tasks are dropped, and other clocks have the event loop to themselves."""
        self.clock.abandon()

    def insert(self, card) -> None:
        """Bring a card into the reader's field."""
        self.reader.field.insert(card)

    def remove(self, card=None) -> None:
        """Take a card away, or whatever is there."""
        for held in [card] if card is not None else list(self.reader.field.cards):
            self.reader.field.remove(held)

    def press(self, duration_ms: int = 150) -> None:
        """Press the button and let go."""
        self.hardware.button.press(duration_ms)

    def cut_mains(self, at_us: int | None = None) -> None:
        """Cut the mains at `at_us` of the clock, in the middle of whatever runs then; None: as soon as time goes on."""
        self.clock.call_at_us(self.clock.now_us if at_us is None else at_us, self._mains_fail)

    def restore_mains(self, at_us: int | None = None) -> None:
        """Restore the mains at `at_us` of the clock; None: as soon as time goes on."""
        self.clock.call_at_us(self.clock.now_us if at_us is None else at_us, self._mains_return)

    def reset_board(self) -> None:
        """Pull the processor's reset line as soon as time goes on."""
        self.clock.call_at_us(self.clock.now_us, self._pull_reset)

    def type_line(self, line: str, limit_s: int = _ANSWER_LIMIT_S) -> list:
        """Type a line at the service console and wait for its answer, given as lines.

        Raises ValueError when the meter is not at its console within `limit_s` seconds, before or after.
        """
        console = self.hardware.console
        self._await_console(limit_s)
        console.take_output()
        console.type_line(line)
        self.run_for(0)
        self._await_console(limit_s)
        return console.take_output().replace("\r", "").strip().split("\n")

    def _await_console(self, limit_s) -> None:
        console = self.hardware.console
        if not self.run_until(lambda: console.is_waiting and not console.has_typed, limit_s):
            raise ValueError("nobody reads the console")

    def _live(self) -> None:
        """One life of the meter after the other, until the idle hook pauses the world."""
        while True:
            try:
                if not self.mains_on:
                    self.clock.idle()
                else:
                    if self.meter is None:
                        self._start_meter()
                    self.clock.resume()
                    raise RuntimeError("the meter's program ended")
            except PowerCut:
                self._end_of_power()
            except BoardReset:
                self._end_of_program()
            except Exception:
                if self._has_supply:
                    raise
                self._end_of_power()  # clean-up code that found no chip answering hid the cut

    def _start_meter(self) -> None:
        if not self._has_supply:
            self.hardware.power_up()
            self._has_supply = True
        else:
            self.hardware.start_board()
        self.starts += 1
        meter = self._make_meter(self.hardware.board)
        self.clock.start(meter.run())
        self.meter = meter

    def _end_of_power(self) -> None:
        """However it came, by the mains or by a fault planned in a chip: everything on the board is without supply."""
        self.mains_on = False
        self.power_cuts += 1
        self._has_supply = False
        self.hardware.power_lost()
        self._end_of_program()

    def _end_of_program(self) -> None:
        self.meter = None
        self.clock.abandon()

    def _mains_fail(self) -> None:
        """The pins let go before anything else is told, so that no clean-up in the program can reach the chips."""
        if self._has_supply:
            self._has_supply = False
            self.hardware.power_lost()
            raise PowerCut("mains cut")

    def _mains_return(self) -> None:
        self.mains_on = True

    def _pull_reset(self) -> None:
        if self._has_supply:
            raise BoardReset("reset line")

    def _on_idle(self, until_us):
        if self.mains_on and not self._has_supply:
            raise PowerCut("a program that went on without power")
        if self._condition is None or self._condition() or self.clock.now_us >= self._end_us:
            raise Pause
        until_us = min(until_us, self._end_us)
        return until_us if self.pace is None else self.pace(until_us)
