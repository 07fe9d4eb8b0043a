"""Display, button and buzzer: pages turned by the button, outcomes of taps, warnings, and codes for faults.

`frame` decides the content, from the account and the reason of supply; `run` sends it and waits for the button. Credit
is the home page: it blinks when it is low or spent, and alternates with the code of any other reason why supply is off.
A display chip that does not answer is counted, reported and tried again, and stops nothing.
"""

from wattpurse.core import outcome as outcomes
from wattpurse.core.money import consent, supply, warning
from wattpurse.drivers import buzzer as sounds
from wattpurse.drivers.button import LONG, SAMPLE_MS
from wattpurse.drivers.segments import POSITIONS, render
from wattpurse.services import pages

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.drivers.button import Button
    from wattpurse.drivers.buzzer import Buzzer
    from wattpurse.drivers.led_display import LedDisplay
    from wattpurse.hal import Board, Clock

OUTCOME_MS = 4_000
PAGE_MS = 20_000
LAMP_TEST_MS = 2_000
VERSION_MS = 2_000
WARNING_EVERY_MS = 60_000
MUTED_MS = 3_600_000

FAILURES_BEFORE_ALARM = 3
SETTLED_MS = 60_000

_POLL_MS = 250
_BLINK_HALF_MS = 500
_CODE_TURN_MS = 2_000
_TURNS_TO_ALARM = 8
_REFRESH_MS = 60_000
_MOST_SECONDS_SHOWN = 999

_DARK = bytes(POSITIONS)
_ALL_LIT = "8." * POSITIONS
_CREDIT_SHOWN = ""  # a message without text: credit, steadily

_PATTERNS = {
    outcomes.ACCEPTED: sounds.ACCEPTED,
    outcomes.STATEMENT_NOT_WRITTEN: sounds.ACCEPTED,
    outcomes.SERVICE: sounds.ACCEPTED,
    outcomes.NO_NEWS: sounds.KEY,
}


class _Span:
    """A stretch of time that ends by itself. Call `lasts` at least once within the half wrap of the ticks."""

    def __init__(self, clock: "Clock") -> None:
        self._clock = clock
        self._is_running = False
        self._begin_ms = 0
        self._duration_ms = 0

    def begin(self, now_ms: int, duration_ms: int) -> None:
        """Begin to last for `duration_ms`."""
        self._is_running = True
        self._begin_ms = now_ms
        self._duration_ms = duration_ms

    def end(self) -> None:
        """End at once."""
        self._is_running = False

    def lasts(self, now_ms: int) -> bool:
        """Return True until the time is over."""
        if self._is_running and self._clock.ticks_diff(now_ms, self._begin_ms) >= self._duration_ms:
            self._is_running = False
        return self._is_running


class Display:
    """Display, button and buzzer of `board` as one service.

    `read_state()` returns `(account, reason, grade, days left)`: the Account or None, the reason of supply
    (core.money.supply), the grade of warning, and for how many days credit lasts (core.money.warning), or None.
    `agree()` is called for a short press while credit is shown, and returns True if that agreed to something.
    `raises_alarm()` returns True while a tamper has to be shown though supply is on. `rest_s()` returns the seconds
    until the load switch may close again.

    `report_lost(True)` is called when the chip fails to answer three times in a row, `report_lost(False)` when it has
    answered for a minute after that: a loose contact must not flood the event log.

    `version` is shown after the lamp test; if it is empty, credit is shown. `failed` is True while the chip does not
    answer, `failures` counts the failures. The supervisor may assign `beat`; it is called several times a second while
    `run` lives.
    """

    def __init__(
        self,
        board: "Board",
        read_state: "Callable[[], tuple]",
        agree: "Callable[[], bool]",
        raises_alarm: "Callable[[], bool]",
        report_lost: "Callable[[bool], None]",
        rest_s: "Callable[[], int]",
        version: str = "",
    ) -> None:
        self.failed = False
        self.failures = 0
        self._led = board.display
        self._button = board.button
        self._buzzer = board.buzzer
        self._clock = clock = board.clock
        self._read_state = read_state
        self._agree = agree
        self._raises_alarm = raises_alarm
        self._report_lost = report_lost
        self._failures_in_a_row = 0
        self._is_lost = False
        self._rest_s = rest_s
        self._version = version
        self._account = None
        self._reason = supply.ON
        self._grade = warning.NONE
        self._days_left = None
        self._page = pages.CREDIT
        self._page_turned = _Span(clock)
        self._messages = []
        self._message_shown = _Span(clock)
        self._warning_silent = _Span(clock)
        self._chip_trusted = _Span(clock)
        self._settles = _Span(clock)
        self._chip_trusted.begin(clock.ticks_ms(), _REFRESH_MS)
        self._text = None
        self._text_segments = _DARK
        self._drawn_account = None
        self._drawn_page = None
        self._drawn_value = None
        self._drawn_segments = _DARK

    def use(self, led: "LedDisplay", button: "Button", buzzer: "Buzzer") -> None:
        """Use these devices from now on, in place of the board's own."""
        self._led, self._button, self._buzzer = led, button, buzzer

    def beat(self) -> None:
        """Give a heartbeat of `run`. Does nothing until the supervisor assigns its own."""

    async def run(self) -> None:
        """Show the frames and take key presses, for ever."""
        while True:
            self._update()
            await self._finish()
            self._warn()
            self.beat()
            # The last look at the button may have been just now, and its samples must be apart.
            await self._clock.sleep_ms(SAMPLE_MS)
            press = await self._button.wait_press(_POLL_MS - self._clock.ticks_ms() % _POLL_MS)
            if press is not None:
                self.take_press(press)

    def show_outcome(self, outcome: int, wait_s: int = 0, then: tuple | None = None) -> None:
        """Show the outcome of a token or a tap for four seconds, as its code or as credit, and play its sound.

        The code has the seconds to wait behind it, if any. `then` is a text and its milliseconds that follow.
        """
        self._page_turned.end()
        self._buzzer.play(_PATTERNS.get(outcome, sounds.REFUSED))
        code = outcomes.display_code(outcome)
        messages = [(_with_seconds(code, wait_s) if wait_s else code, OUTCOME_MS)]
        self._say(messages if then is None else messages + [then])

    def show_text(self, text: str, duration_ms: int) -> None:
        """Show text (see drivers.segments for the characters) for `duration_ms`. Empty text shows credit, steadily."""
        self._say([(text, duration_ms)])

    def identify(self, text: str, duration_ms: int) -> None:
        """Show text and sound, so that a person finds this meter among others."""
        self._buzzer.play(sounds.ACCEPTED)
        self._say([(text, duration_ms)])

    def set_brightness(self, level: int) -> None:
        """Set the brightness 0 to 7, kept until power is lost. Raises ValueError for any other level."""
        try:
            self._led.brightness(level)
        except OSError:
            self._note_failure()

    def set_digit_order(self, digit_order: tuple) -> None:
        """Set the order of the digits, see drivers.led_display. Raises ValueError for a tuple that is no order."""
        try:
            self._led.wire(digit_order)
        except OSError:
            self._note_failure()

    def set_half_period(self, half_period_us: int) -> None:
        """Set the speed of the display's lines, see drivers.led_display. Raises ValueError outside its limits."""
        try:
            self._led.set_half_period(half_period_us)
        except OSError:
            self._note_failure()

    def take_press(self, press: str) -> None:
        """Act on a press. Both kinds mute the warning.

        SHORT ends a message, agrees or turns the page; LONG starts the lamp test. Only a visible offer can be accepted:
        while another page is shown, a press turns it.
        """
        now_ms = self._clock.ticks_ms()
        self._buzzer.play(sounds.KEY)
        if self._warning_is_due():
            self._warning_silent.begin(now_ms, MUTED_MS)
        if press == LONG:
            self._say([(_ALL_LIT, LAMP_TEST_MS), (self._version, VERSION_MS)])
        elif self._messages:
            self._messages = []
        elif self._page != pages.CREDIT or not self._agree():
            self._turn_page(now_ms)

    def _turn_page(self, now_ms: int) -> None:
        self._page = pages.following(self._page, self._account, self._days_left)
        self._page_turned.begin(now_ms, PAGE_MS)

    def frame(self, now_ms: int) -> bytes:
        """Return the six digits to be lit at `now_ms` (of the clock's ticks), from left to right.

        Returns the same object as long as the content is the same. The caller must not change it.
        """
        self._account, self._reason, self._grade, self._days_left = self._read_state()
        message = self._message(now_ms)
        has_something_to_say = pages.has_something_to_say(self._page, self._account, self._days_left)
        if not self._page_turned.lasts(now_ms) or not has_something_to_say:
            self._page = pages.CREDIT
        if message:
            return self._draw_text(message)
        if self._account is None:
            return self._draw_text(supply.display_code(self._reason) or pages.DASHES)
        if message == _CREDIT_SHOWN:
            return self._draw_page(pages.CREDIT)
        return self._home(now_ms) if self._page == pages.CREDIT else self._draw_page(self._page)

    def _home(self, now_ms: int) -> bytes:
        """Return credit as the supply requires it: steady, blinking, or alternating with a code."""
        code = self._code() or self._offer() or self._alarm(now_ms)
        if code and now_ms // _CODE_TURN_MS % 2 == 0:
            return self._draw_text(code)
        blinks = not code and (self._reason == supply.NO_CREDIT or self._grade != warning.NONE)
        if blinks and now_ms // _BLINK_HALF_MS % 2:
            return _DARK
        return self._draw_page(pages.CREDIT)

    def _code(self) -> str:
        """Return the code of the reason, or empty text. That of a resting switch has the seconds left: "E32. 40"."""
        code = supply.display_code(self._reason)
        if self._reason != supply.RESTING:
            return code
        return _with_seconds(code, self._rest_s())

    def _alarm(self, now_ms: int) -> str:
        """Return the code of a tamper that leaves supply on, at long intervals, because it must not hide credit."""
        if now_ms // _CODE_TURN_MS % _TURNS_TO_ALARM == 0 and self._raises_alarm():
            return supply.display_code(supply.TAMPER)
        return ""

    def _offer(self) -> str:
        """Return the text of emergency credit that a press would accept, or empty text."""
        if self._reason != supply.NO_CREDIT or not consent.emergency_is_offered(self._account):
            return ""
        return pages.emergency_text(self._account)

    def _draw_page(self, page: int) -> bytes:
        """Return the page's segments, drawn again only when they change."""
        account = self._account
        value = pages.value(page, account, self._days_left)
        if account is not self._drawn_account or page != self._drawn_page or value != self._drawn_value:
            self._drawn_segments = render(pages.text(page, account, self._days_left))
            self._drawn_account = account
            self._drawn_page = page
            self._drawn_value = value
        return self._drawn_segments

    def _draw_text(self, text: str) -> bytes:
        """Return the text's segments, drawn again only when the text changes."""
        if text != self._text:
            self._text_segments = render(text)
            self._text = text
        return self._text_segments

    def _say(self, messages: list) -> None:
        """Show messages, each `(text, milliseconds)`, one after the other, the first at once."""
        self._messages = messages
        self._message_shown.begin(self._clock.ticks_ms(), messages[0][1])
        self._update()

    def _message(self, now_ms: int) -> str | None:
        """Return the text of the message to be shown now, or None."""
        while self._messages and not self._message_shown.lasts(now_ms):
            del self._messages[0]
            if self._messages:
                self._message_shown.begin(now_ms, self._messages[0][1])
        return self._messages[0][0] if self._messages else None

    def _update(self) -> None:
        """Send the frame of now.

        Once a minute an unchanged frame is sent too, because disturbances may change the chip's memory. While the chip
        counts as lost, every frame is sent, to hear whether it answers.
        """
        now_ms = self._clock.ticks_ms()
        segments = self.frame(now_ms)
        try:
            self._led.show(segments)
            if self._is_lost or not self._chip_trusted.lasts(now_ms):
                self._led.refresh()
                self._chip_trusted.begin(now_ms, _REFRESH_MS)
        except OSError:
            self._note_failure()
        else:
            if not self._led.is_behind:
                self._note_success(now_ms)

    async def _finish(self) -> None:
        """Send the change that waits for slow lines."""
        if not self._led.is_behind:
            return
        try:
            await self._led.finish()
        except OSError:
            self._note_failure()
        else:
            self._note_success(self._clock.ticks_ms())

    def _note_failure(self) -> None:
        self.failed = True
        self.failures += 1
        self._failures_in_a_row += 1
        self._settles.begin(self._clock.ticks_ms(), SETTLED_MS)
        if self._failures_in_a_row >= FAILURES_BEFORE_ALARM and not self._is_lost:
            self._is_lost = True
            self._report_lost(True)

    def _note_success(self, now_ms: int) -> None:
        self.failed = False
        self._failures_in_a_row = 0
        if self._is_lost and not self._settles.lasts(now_ms):
            self._is_lost = False
            self._report_lost(False)

    def _warning_is_due(self) -> bool:
        """Return True for low credit with supply on. Once supply is off, no sound is needed."""
        return self._account is not None and self._reason == supply.ON and self._grade != warning.NONE

    def _warn(self) -> None:
        """Sound the low-credit warning, unless it sounded lately, a press has muted it, or a message is shown.

        In quiet hours nothing sounds. Look again a minute later.
        """
        now_ms = self._clock.ticks_ms()
        if self._warning_silent.lasts(now_ms) or self._messages or not self._warning_is_due():
            return
        self._warning_silent.begin(now_ms, WARNING_EVERY_MS)
        if not warning.is_quiet(self._account):
            self._buzzer.play(sounds.VERY_LOW_CREDIT if self._grade == warning.VERY_LOW else sounds.LOW_CREDIT)


def _with_seconds(code: str, seconds: int) -> str:
    """Return a code with seconds behind it: "E32. 40"."""
    return code.replace(" ", "") + f".{min(seconds, _MOST_SECONDS_SHOWN):3d}"
