"""A person at the simulated meter: what the keys do, how time goes by, what is saved and shown meanwhile."""

from boards.host.screen.keyboard import Keyboard
from boards.host.screen.real_time import FRAME_MS, Lamp, Pacer, ms_between, real_ms
from boards.host.screen.screen import Screen
from wattpurse.core.records import events
from wattpurse.core.text import time_text

SPEEDS = (1, 10, 60, 600, 3_600)

_SLOW_WORK_MS = 1_000
_ATTENTION_S = 5
_PRESS_MS = 150
_LONG_PRESS_MS = 1_500
# A coil that is pulsed meanwhile must be off within a second. With a card at the reader nothing is late: to write it
# takes so many short sleeps that a key card's grace would be over before.
_FAST_LATENESS_MS = 900
_LATE_FROM_SPEED = 60
_EVENTS_SHOWN = 8
_ANSWER_LINES_KEPT = 500
_FOREVER_S = 10**9


class Session:
    """Keys of `terminal` move `world`; cards come from `cards` (CardFolder), `state` (StateFolder) keeps the rest.

    What the screen reads: `notice`, `console_is_open`, `typed`, `answer`, `events`, `speed_text()` and the lamps.
    """

    def __init__(self, world, cards, state, terminal, glyphs, notice: str = "") -> None:
        self.notice = notice
        self.console_is_open = False
        self.typed = ""
        self.answer = []
        self.events = []
        self.is_over = False
        self._world = world
        self._cards = cards
        self._state = state
        self._terminal = terminal
        self._screen = Screen(world, cards, glyphs)
        self._keyboard = Keyboard(self)
        self._pacer = Pacer(world.clock)
        self._speed = SPEEDS[0]
        self._attention_until_us = 0
        self._next_frame_ms = real_ms()
        self._next_slow_work_ms = real_ms()
        hardware = world.hardware
        self._lamps = [Lamp(wire) for wire in (hardware.buzzer_wire, hardware.open_coil_wire, hardware.close_coil_wire)]

    def run(self) -> None:
        """Until somebody quits. Whatever ends it, cards and meter are saved as they are."""
        self._world.pace = self._pace
        self._pacer.start()
        try:
            while not self.is_over:
                self._world.run_until(lambda: self.is_over, _FOREVER_S)
        finally:
            self._world.pace = None
            self._world.remove()
            self._state.save(self._world)
            self._cards.put_back()

    @property
    def buzzer_heard(self) -> bool:
        """The buzzer sounds or did a moment ago."""
        return self._lamps[0].is_lit()

    @property
    def open_coil_lit(self) -> bool:
        """The opening coil is pulsed or was a moment ago."""
        return self._lamps[1].is_lit()

    @property
    def close_coil_lit(self) -> bool:
        """The closing coil is pulsed or was a moment ago."""
        return self._lamps[2].is_lit()

    def speed_text(self) -> str:
        """Virtual seconds per real second, as chosen and, while somebody does something, as it is."""
        if self._pacer.speed == self._speed:
            reached = self._pacer.reached()
            return f"x{self._speed}" if reached is None else f"x{self._speed}, reaches x{reached}"
        return f"x{self._pacer.speed} (then x{self._speed})"

    def quit(self) -> None:
        """End the session."""
        self.is_over = True

    def toggle_card(self, place: int) -> None:
        """Bring the card at `place` of the list to the reader, or take it away if it lies there."""
        names = self._cards.names()
        if place > len(names):
            return
        name = names[place - 1]
        is_there = name == self._cards.name
        self.take_card_away()
        if not is_there:
            self._bring(name)

    def _bring(self, name) -> None:
        try:
            self._world.insert(self._cards.take(name))
        except (OSError, ValueError) as error:
            self.notice = f"{name} cannot be used: {error}"

    def take_card_away(self) -> None:
        """Take the card off the reader; its file is up to date afterwards."""
        self._attend()
        if self._cards.card is not None:
            self._world.remove(self._cards.card)
            self._state.save(self._world)
            self._cards.put_back()

    def press_button(self) -> None:
        """A short press."""
        self._attend()
        self._world.press(_PRESS_MS)

    def hold_button(self) -> None:
        """A long press."""
        self._attend()
        self._world.press(_LONG_PRESS_MS)

    def change_load(self, change_w: int) -> None:
        """Somebody in the house switches something on or off."""
        self._world.household.change_extra(change_w)

    def toggle_mains(self) -> None:
        """Cut the mains, or restore them."""
        if self._world.mains_on:
            self._world.cut_mains()
        else:
            self._world.restore_mains()

    def toggle_sensor(self, name: str) -> None:
        """What a sensor ("cover", "magnet" or "reverse_flow") is there for begins or ends."""
        self._attend()
        sensor = getattr(self._world.hardware, name)
        sensor.sense(not sensor.senses)

    def toggle_welding(self) -> None:
        """The load switch's contact sticks where it is, or comes loose."""
        relay = self._world.hardware.relay
        relay.welded = not relay.welded

    def reset_board(self) -> None:
        """Pull the board's reset line."""
        self._world.reset_board()

    def change_speed(self, steps: int) -> None:
        """Faster or slower by steps of SPEEDS."""
        place = SPEEDS.index(self._speed) + steps
        self._speed = SPEEDS[max(0, min(len(SPEEDS) - 1, place))]
        self._attention_until_us = 0
        self._settle_speed()

    def open_console(self) -> None:
        """Show the service console."""
        self.console_is_open = True

    def close_console(self) -> None:
        """Show the events again; what was half typed is dropped."""
        self.console_is_open = False
        self.typed = ""

    def send_line(self) -> None:
        """Send the typed line to the meter."""
        self._attend()
        self.answer.append("> " + self.typed)
        self._world.hardware.console.type_line(self.typed)
        self.typed = ""

    def _attend(self) -> None:
        """What somebody does is followed at real speed for some seconds."""
        self._attention_until_us = self._world.clock.now_us + _ATTENTION_S * 1_000_000
        self._settle_speed()

    def _settle_speed(self) -> None:
        attends = self._world.clock.now_us < self._attention_until_us
        speed = min(self._speed, SPEEDS[0]) if attends else self._speed
        self._pacer.set_speed(speed)
        may_be_late = speed >= _LATE_FROM_SPEED and self._cards.card is None
        self._world.allow_lateness(_FAST_LATENESS_MS if may_be_late else 0)

    def _pace(self, until_us):
        """The world's question how far time may go: where it must wait, it waits for keys."""
        if ms_between(real_ms(), self._next_frame_ms) >= 0:
            self._frame()
        wait_ms = self._pacer.real_ms_until(until_us)
        if self._pacer.allowed_us() < until_us:
            key = self._terminal.wait_key(max(0, min(wait_ms, ms_between(self._next_frame_ms, real_ms()))))
            if key is not None:
                self._keyboard.take(key)
        return min(until_us, max(self._world.clock.now_us, self._pacer.allowed_us()))

    def _frame(self) -> None:
        """Ten times a second: keys that wait, files that are behind, the picture."""
        self._next_frame_ms = real_ms() + FRAME_MS
        key = self._terminal.wait_key(0)
        while key is not None and not self.is_over:
            self._keyboard.take(key)
            key = self._terminal.wait_key(0)
        self._settle_speed()
        self._save()
        self._take_console_output()
        self._terminal.draw(self._screen.lines(self))

    def _save(self) -> None:
        """The meter at least once a second and always before a card."""
        card = self._cards.card
        card_is_behind = self._cards.is_behind and not card.is_programming(self._world.clock.now_us)
        is_time = ms_between(real_ms(), self._next_slow_work_ms) >= 0
        if card_is_behind or is_time:
            self._state.save(self._world)
            if card_is_behind:
                self._cards.save()
        if is_time:
            self._pacer.measure()
            self._next_slow_work_ms = real_ms() + _SLOW_WORK_MS
            self._read_events()

    def _read_events(self) -> None:
        if self._world.account is None:
            return
        zone = self._world.zone
        self.events = [
            f"{time_text(event.time_s, zone)[:19].replace('T', ' ')}  {events.text(event)}"
            for event in self._world.meter.events.recent(_EVENTS_SHOWN)
        ]

    def _take_console_output(self) -> None:
        output = self._world.hardware.console.take_output()
        if output:
            self.answer += output.replace("\r", "").rstrip("\n").split("\n")
            del self.answer[:-_ANSWER_LINES_KEPT]
