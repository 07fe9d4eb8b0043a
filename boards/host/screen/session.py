"""A person at the simulated meter: actions of the keys, pace of time, saving, and the picture."""

from boards.host.chips.keypad import PRESS_EVERY_MS
from boards.host.screen.card_list import CardList
from boards.host.screen.echo import echo_of
from boards.host.screen.keyboard import Keyboard
from boards.host.screen.real_time import FRAME_MS, Lamp, Pacer, ms_between, real_ms
from boards.host.screen.screen import ROWS, Screen
from boards.host.screen.scrollback import Scrollback
from wattpurse.core.records import events
from wattpurse.core.text import time_text

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.cards.folder import CardFolder
    from boards.host.protocols import LiveWorld
    from boards.host.screen.readout_terminal import ReadoutTerminal
    from boards.host.screen.screen import Glyphs
    from boards.host.screen.terminal import Terminal
    from boards.host.world.guide import Guide
    from boards.host.world.state_folder import StateFolder


SPEEDS = (1, 10, 60, 600, 3_600)

_SLOW_WORK_MS = 1_000
_SIZE_EVERY_MS = 500
_COMPLAINT_MS = 6_000
_ATTENTION_S = 5
_PRESS_MS = 150
_LONG_PRESS_MS = 1_500
# A coil pulse that happens meanwhile must end within a second. With a card at the reader no task is late: a write takes
# so many short sleeps that late ones would outlast a key card's grace.
_FAST_LATENESS_MS = 900
_LATE_FROM_SPEED = 60
_EVENTS_SHOWN = 8  # on the smallest screen
_FOREVER_S = 10**9


class Session:
    """Applies keys of `terminal` to `world`. Cards come from `folder`; `state` keeps everything else.

    The screen reads `notice`, `cards`, `console_is_open`, `keypad_is_open`, `typed`, `answer`, `events`, `speed_text()`
    and the lamps. `guide` knows the customer's card and the next step. `readout` is the terminal of the readout
    head, or None.
    """

    def __init__(
        self,
        world: "LiveWorld",
        folder: "CardFolder",
        state: "StateFolder",
        terminal: "Terminal",
        glyphs: "Glyphs",
        guide: "Guide",
        readout: "ReadoutTerminal | None" = None,
    ) -> None:
        self.notice = ""
        self.cards = CardList(folder, guide.card)
        self.console_is_open = False
        self.keypad_is_open = False
        self.typed = ""
        self.answer = Scrollback()
        self.events: list[str] = []
        self.is_over = False
        self._world = world
        self._folder = folder
        self._guide = guide
        self._readout = readout
        self._state = state
        self._terminal = terminal
        self._screen = Screen(world, folder, glyphs)
        self._keyboard = Keyboard(self)
        self._pacer = Pacer(world.clock)
        self._speed = SPEEDS[0]
        self._attention_until_us = 0
        self._key_free_us = 0
        self._next_frame_ms = real_ms()
        self._next_slow_work_ms = real_ms()
        self._next_size_ms = real_ms()
        self._complaint_until_ms: int | None = None
        self._size = terminal.size()
        hardware = world.hardware
        if readout is not None:
            self._complain(f"the readout head is at {readout.path}, or {readout.link}")
            self.answer.add([f"wattpurse readout {readout.link}"])
        self._lamps = [Lamp(wire) for wire in (hardware.buzzer_wire, hardware.open_coil_wire, hardware.close_coil_wire)]

    def run(self) -> None:
        """Run until somebody quits. Cards and meter are saved at the end, after an error too."""
        self._world.pace = self._pace
        self._pacer.start()
        try:
            while not self.is_over:
                self._world.run_until(lambda: self.is_over, _FOREVER_S)
        finally:
            self._world.pace = None
            self._world.remove()
            self._state.save(self._world)
            self._folder.put_back()

    @property
    def buzzer_heard(self) -> bool:
        """True if the buzzer sounded within the last moment."""
        return self._lamps[0].is_lit()

    @property
    def open_coil_lit(self) -> bool:
        """True if the opening coil had current within the last moment."""
        return self._lamps[1].is_lit()

    @property
    def close_coil_lit(self) -> bool:
        """True if the closing coil had current within the last moment."""
        return self._lamps[2].is_lit()

    def speed_text(self) -> str:
        """Return the virtual seconds per real second: the chosen speed, and the present one if it differs."""
        if self._pacer.speed == self._speed:
            reached = self._pacer.reached()
            return f"x{self._speed}" if reached is None else f"x{self._speed}, reaches x{reached}"
        return f"x{self._pacer.speed} (then x{self._speed})"

    def quit(self) -> None:
        """End the session."""
        self.is_over = True

    def toggle_card(self, place: int) -> None:
        """Bring the card at `place` of the page of cards to the reader, or take it away if it is there."""
        names = self.cards.names()
        if place > len(names):
            return
        name = names[place - 1]
        is_there = name == self._folder.name
        self.take_card_away()
        if not is_there:
            self._bring(name)

    def _bring(self, name: str) -> None:
        try:
            self._world.insert(self._folder.take(name))
        except (OSError, ValueError) as error:
            self._complain(f"{name} cannot be used: {error}")

    def _complain(self, notice: str) -> None:
        """Show a notice for some seconds in place of the next step."""
        self.notice = notice
        self._complaint_until_ms = real_ms() + _COMPLAINT_MS

    def take_card_away(self) -> None:
        """Take the card off the reader and bring its file up to date."""
        self._attend()
        if self._folder.card is not None:
            self._world.remove(self._folder.card)
            self._state.save(self._world)
            self._folder.put_back()

    def press_button(self) -> None:
        """Press the button briefly."""
        self._attend()
        self._world.press(_PRESS_MS)

    def hold_button(self) -> None:
        """Press the button for long."""
        self._attend()
        self._world.press(_LONG_PRESS_MS)

    def change_load(self, change_w: int) -> None:
        """Change the load of the house by `change_w`."""
        self._world.household.change_extra(change_w)

    def toggle_mains(self) -> None:
        """Cut the mains, or restore them."""
        if self._world.mains_on:
            self._world.cut_mains()
        else:
            self._world.restore_mains()

    def toggle_sensor(self, name: str) -> None:
        """Begin or end the tampering at a sensor: "cover", "magnet" or "reverse_flow"."""
        self._attend()
        sensor = getattr(self._world.hardware, name)
        sensor.sense(not sensor.senses)

    def toggle_welding(self) -> None:
        """Weld the load switch's contact in its position, or free it."""
        relay = self._world.hardware.relay
        relay.welded = not relay.welded

    def reset_board(self) -> None:
        """Pull the board's reset line."""
        self._world.reset_board()

    def change_speed(self, steps: int) -> None:
        """Change the speed by steps of SPEEDS."""
        place = SPEEDS.index(self._speed) + steps
        self._speed = SPEEDS[max(0, min(len(SPEEDS) - 1, place))]
        self._attention_until_us = 0
        self._settle_speed()

    def open_console(self) -> None:
        """Show the service console."""
        self.console_is_open = True

    def close_console(self) -> None:
        """Show the events again and drop the line that was being typed."""
        self.console_is_open = False
        self.typed = ""

    def open_keypad(self) -> None:
        """Let the keys of the terminal be those of the keypad, if the meter has one."""
        self.keypad_is_open = self._world.hardware.keys is not None
        if not self.keypad_is_open:
            self._complain("this meter has no keypad")

    def close_keypad(self) -> None:
        """Give the keys of the terminal their own meaning again."""
        self.keypad_is_open = False

    def press_key(self, key: str) -> None:
        """Press a key of the keypad, as soon as the key before it is released."""
        self._attend()
        clock, keypad = self._world.clock, self._world.hardware.keys
        if keypad is None:
            return
        begin_us = max(clock.now_us, self._key_free_us)
        self._key_free_us = begin_us + PRESS_EVERY_MS * 1_000
        clock.call_at_us(begin_us, lambda: keypad.press(key))

    def refuse_character(self, character: str) -> None:
        """Tell that the console has no use for a character that was typed."""
        self.answer.add([f"'{character}' was left out: the console takes plain ASCII characters only"])

    def redraw(self) -> None:
        """Draw the whole picture anew."""
        self._terminal.redraw()

    def send_line(self) -> None:
        """Send the typed line to the meter. The screen keeps its echo, which hides PINs and keys."""
        self._attend()
        self.answer.add(["> " + echo_of(self.typed)])
        self._world.hardware.console.type_line(self.typed)
        self.typed = ""

    def _attend(self) -> None:
        """Run at real speed for some seconds after an action of the person."""
        self._attention_until_us = self._world.clock.now_us + _ATTENTION_S * 1_000_000
        self._settle_speed()

    def _settle_speed(self) -> None:
        attends = self._world.clock.now_us < self._attention_until_us
        speed = min(self._speed, SPEEDS[0]) if attends else self._speed
        self._pacer.set_speed(speed)
        may_be_late = speed >= _LATE_FROM_SPEED and self._folder.card is None
        self._world.allow_lateness(_FAST_LATENESS_MS if may_be_late else 0)

    def _pace(self, until_us: int) -> int:
        """Return how far virtual time may go, at most `until_us`. Wait for keys if it has to wait."""
        if self._readout is not None:
            self._readout.carry()
        if ms_between(real_ms(), self._next_frame_ms) >= 0:
            self._frame()
        wait_ms = self._pacer.real_ms_until(until_us)
        if self._pacer.allowed_us() < until_us:
            key = self._terminal.wait_key(max(0, min(wait_ms, ms_between(self._next_frame_ms, real_ms()))))
            if key is not None:
                self._keyboard.take(key)
        return min(until_us, max(self._world.clock.now_us, self._pacer.allowed_us()))

    def _frame(self) -> None:
        """Handle waiting keys, save files and draw the picture, ten times a second."""
        self._next_frame_ms = real_ms() + FRAME_MS
        key = self._terminal.wait_key(0)
        while key is not None and not self.is_over:
            self._keyboard.take(key)
            key = self._terminal.wait_key(0)
        self._settle_speed()
        self._save()
        self._take_console_output()
        self.cards.update()
        self._follow_size()
        self._terminal.draw(self._screen.lines(self, *self._size))

    def _follow_size(self) -> None:
        """Draw everything anew if the terminal has another size. MicroPython has no signal that would tell it."""
        if ms_between(real_ms(), self._next_size_ms) < 0:
            return
        self._next_size_ms = real_ms() + _SIZE_EVERY_MS
        size = self._terminal.size()
        if size != self._size:
            self._size = size
            self._terminal.redraw()

    def _save(self) -> None:
        """Save the meter at least once a second and always before a card."""
        card = self._folder.card
        card_is_behind = (
            card is not None and self._folder.is_behind and not card.is_programming(self._world.clock.now_us)
        )
        is_time = ms_between(real_ms(), self._next_slow_work_ms) >= 0
        if card_is_behind or is_time:
            self._state.save(self._world)
            if card_is_behind:
                self._folder.save()
        if is_time:
            self._pacer.measure()
            self._next_slow_work_ms = real_ms() + _SLOW_WORK_MS
            self._read_events()
            self._give_hint()

    def _give_hint(self) -> None:
        if self._complaint_until_ms is None or ms_between(real_ms(), self._complaint_until_ms) >= 0:
            self._complaint_until_ms = None
            self.notice = self._guide.hint(self._world, self._folder.name)

    def _read_events(self) -> None:
        meter = self._world.meter
        if meter is None or self._world.account is None:
            return
        zone = self._world.zone
        self.events = [
            f"{time_text(event.time_s, zone)[:19].replace('T', ' ')}  {events.text(event)}"
            for event in meter.events.recent(_EVENTS_SHOWN + max(0, self._size[1] - ROWS))
        ]

    def _take_console_output(self) -> None:
        output = self._world.hardware.console.take_output()
        if output:
            self.answer.add(output.replace("\r", "").rstrip("\n").split("\n"))
