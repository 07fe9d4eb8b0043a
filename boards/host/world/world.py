"""The simulated world: one meter, its mains, the house behind it, and a person with cards and a console.

Tests and `make run` use it. Time passes only inside `run_for`, `run_until` and `type_line`:

    world = World(Meter)
    world.run_for(60)
    world.insert(card)
    world.run_until(lambda: world.meter.ledger.account.money.bought > 0, 10)
"""

import asyncio

from boards.host.board import Hardware
from boards.host.chips.power import BoardReset, PowerCut
from boards.host.world.clock import Pause, VirtualClock
from boards.host.world.household import Household
from wattpurse.core.tariffs.calendar import Zone

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from boards.host.board import Board
    from boards.host.cards.iso14443a import Card
    from boards.host.chips.mfrc522 import Mfrc522Model
    from wattpurse.app import Meter
    from wattpurse.core.money.account import Account


FIRST_S = 1_793_858_400  # Thursday 2026-11-05, 7:00 in Central Europe

_ANSWER_LIMIT_S = 120
# A sleep may be late by so much while nobody acts. The watchdog and the supervisor bear it.
QUIET_LATENESS_MS = 3_000
# And while a coil is under current, by so much: a pulse of more than a second is a fault of the meter.
_LATENESS_OF_A_PULSE_MS = 900


def central_europe() -> Zone:
    """Return UTC+1 with the daylight saving rule of the European Union: the local time of the house."""
    return Zone(60, (3, 5, 6, 60), (10, 5, 6, 60), True)


class World:
    """One meter and its surroundings. `make_meter(board)` returns the program: an object with `async run()`.

    The world begins at `utc_s`, which the meter's clock chip knows if `clock_is_set`. `memory` is the flash's content.
    `meter` is the running program, None without power; `starts` counts its starts. `pace(until_us)`, if set, is called
    while no task is ready and returns how far time may go, at most `until_us`. `title` is the heading of a screen.
    `companions` are coroutine functions that run in each life of the meter, beside its program.
    """

    title = "Wattpurse, simulated meter"

    def __init__(
        self,
        make_meter: "Callable[[Board], Meter]",
        utc_s: int = FIRST_S,
        clock_is_set: bool = True,
        memory: bytearray | None = None,
        seed: int = 1,
    ) -> None:
        self.clock = VirtualClock()
        self.clock.on_idle = self._on_idle
        self.hardware = Hardware(self.clock, utc_s if clock_is_set else None, memory, seed)
        self.zone = central_europe()
        self._began_s = utc_s
        self.household = Household(self.clock, self.hardware.source, self.now_s, self.zone, seed)
        self.household.start()
        self._lateness_ms = 0
        for coil_wire in (self.hardware.open_coil_wire, self.hardware.close_coil_wire):
            coil_wire.listen(self._coil_changed)
        self.mains_on = True
        self.meter: Meter | None = None
        self.starts = 0
        self.power_cuts = 0
        self.pace: Callable[[int], int] | None = None
        self.companions: list[Callable[[], Coroutine]] = []
        self._failures = 0
        self._make_meter = make_meter
        self._has_supply = False
        self._condition: Callable[[], object] | None = None
        self._end_us = 0

    def now_s(self) -> int:
        """Return the true time, in seconds since 1970 UTC."""
        return self._began_s + self.clock.now_us // 1_000_000

    @property
    def reader(self) -> "Mfrc522Model":
        """Chip model of the reader, with its field and its faults."""
        return self.hardware.reader

    @property
    def account(self) -> "Account | None":
        """Account of the meter, or None."""
        return self.meter.ledger.account if self.meter is not None else None

    def run_for(self, duration_s: "int | float") -> None:
        """Let `duration_s` seconds pass."""
        self.run_until(lambda: False, duration_s)

    def run_until(self, condition: "Callable[[], object]", limit_s: "int | float") -> bool:
        """Let time pass until `condition()`, at most `limit_s` seconds. Return True if the condition holds.

        It is checked whenever the meter has nothing to do.
        """
        self._condition = condition
        self._end_us = self.clock.now_us + int(limit_s * 1_000_000)
        try:
            self._live()
        except Pause:
            pass
        finally:
            self._condition = None
        return bool(condition())

    def allow_lateness(self, limit_ms: int) -> None:
        """Let tasks sleep up to `limit_ms` longer than they asked for: see `VirtualClock.sleep_ms`."""
        self._lateness_ms = limit_ms
        self._coil_changed()

    def _coil_changed(self, _level: int = 0) -> None:
        hardware = self.hardware
        under_current = hardware.open_coil_wire.level or hardware.close_coil_wire.level
        limit_ms = min(self._lateness_ms, _LATENESS_OF_A_PULSE_MS) if under_current else self._lateness_ms
        self.clock.lateness_limit_ms = limit_ms

    def close(self) -> None:
        """End the world: its tasks are dropped, and other clocks can use the event loop."""
        self.clock.abandon()

    def insert(self, card: "Card") -> None:
        """Bring a card into the reader's field."""
        self.reader.field.insert(card)

    def remove(self, card: "Card | None" = None) -> None:
        """Take a card away, or all cards."""
        for held in [card] if card is not None else list(self.reader.field.cards):
            self.reader.field.remove(held)

    def press(self, duration_ms: int = 150) -> None:
        """Press the button for `duration_ms`."""
        self.hardware.button.press(duration_ms)

    def cut_mains(self, at_us: int | None = None) -> None:
        """Cut the mains at `at_us` of the clock, also in the middle of an operation. None: as soon as time goes on."""
        self.clock.call_at_us(self.clock.now_us if at_us is None else at_us, self._mains_fail)

    def fail_mains(self, hold_up_s: "int | float") -> None:
        """Let the mains fail now. The supply of the board holds for `hold_up_s` more, unless mains return before."""
        self._failures += 1
        failure = self._failures
        self.hardware.mains_failed()
        at_us = self.clock.now_us + int(hold_up_s * 1_000_000)
        self.clock.call_at_us(at_us, lambda: self._mains_fail() if failure == self._failures else None)

    def return_mains(self) -> None:
        """Let the mains return now, before the supply of the board has run out."""
        self._failures += 1
        self.hardware.mains_returned()

    def restore_mains(self, at_us: int | None = None) -> None:
        """Restore the mains at `at_us` of the clock. None: as soon as time goes on."""
        self.clock.call_at_us(self.clock.now_us if at_us is None else at_us, self._mains_return)

    def reset_board(self) -> None:
        """Pull the processor's reset line as soon as time goes on."""
        self.clock.call_at_us(self.clock.now_us, self._pull_reset)

    def type_line(self, line: str, limit_s: int = _ANSWER_LIMIT_S) -> list:
        """Type a line at the service console and return the lines of its answer.

        Raises ValueError if the meter does not read its console within `limit_s` seconds, before or after.
        """
        console = self.hardware.console
        self._await_console(limit_s)
        console.take_output()
        console.type_line(line)
        self.run_for(0)
        self._await_console(limit_s)
        return console.take_output().replace("\r", "").strip().split("\n")

    def _await_console(self, limit_s: int | float) -> None:
        console = self.hardware.console
        if not self.run_until(lambda: console.is_waiting and not console.has_typed, limit_s):
            raise ValueError("nobody reads the console")

    def _live(self) -> None:
        """Run one life of the meter after the other, until the idle hook pauses the world."""
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
                self._end_of_power()  # clean-up code failed at a chip without supply and replaced the PowerCut

    def _start_meter(self) -> None:
        if not self._has_supply:
            self.hardware.power_up()
            self._has_supply = True
        else:
            self.hardware.start_board()
        self.starts += 1
        meter = self._make_meter(self._board())
        self.clock.start(self._together(meter.run()) if self.companions else meter.run())
        self.meter = meter

    async def _together(self, program: "Coroutine") -> None:
        """Run the meter's program, and beside it those of other boards that get their power from the meter."""
        for companion in self.companions:
            asyncio.create_task(companion())
        await program

    def _board(self) -> "Board":
        if self.hardware.board is None:
            raise RuntimeError("the board has no power")
        return self.hardware.board

    def _end_of_power(self) -> None:
        """Take the supply from everything on the board, after a mains cut or a fault planned in a chip."""
        self.mains_on = False
        self.power_cuts += 1
        self._has_supply = False
        self.hardware.power_lost()
        self._end_of_program()

    def _end_of_program(self) -> None:
        self.meter = None
        self.clock.abandon()

    def _mains_fail(self) -> None:
        """Cut the mains. The pins are disconnected first, so that no clean-up of the program reaches the chips."""
        if self._has_supply:
            self._has_supply = False
            self.hardware.power_lost()
            raise PowerCut("mains cut")

    def _mains_return(self) -> None:
        self.mains_on = True

    def _pull_reset(self) -> None:
        if self._has_supply:
            raise BoardReset("reset line")

    def _on_idle(self, until_us: int) -> int:
        if self.mains_on and not self._has_supply:
            raise PowerCut("a program that went on without power")
        if self._condition is None or self._condition() or self.clock.now_us >= self._end_us:
            raise Pause
        until_us = min(until_us, self._end_us)
        return until_us if self.pace is None else self.pace(until_us)
