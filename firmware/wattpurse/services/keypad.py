"""The keypad: twenty digits typed by a customer, shown as they come, and the outcome of the token.

The display shows one group of four digits with its number: "2-05__" has the first two digits of the second group. `*`
deletes the last digit, `#` enters. An entry with a typing error, or one that came too soon, stays, to be corrected or
entered again. A minute without a key drops it.

A keypad that fails three times in a row is noted once, and tried again every second. It stops nothing.
"""

from wattpurse.core import carrier, outcome
from wattpurse.core.messages.short_token import DIGITS
from wattpurse.core.records import events
from wattpurse.drivers import buzzer as sounds
from wattpurse.services.display import OUTCOME_MS

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from wattpurse.app import Meter
    from wattpurse.drivers.keypad import Keypad

DELETE = "*"
ENTER = "#"
SILENCE_MS = 60_000
FAILURES_BEFORE_EVENT = 3

_GROUP = 4
_OPEN = "_"
_FAILED_PAUSE_MS = 1_000
_CREDIT = ""  # the text that shows credit
_STAYING = (outcome.MISTYPED, outcome.TOO_SOON)


class KeypadEntry:
    """Reads `keypad`, shows the entry on the display of `meter`, and hands it to its `digit_entry`."""

    def __init__(self, meter: "Meter", keypad: "Keypad") -> None:
        self._meter = meter
        self._keypad = keypad
        self._clock = meter.board.clock
        self._digits = ""
        self._touched_ms = 0
        self._silence_ms = SILENCE_MS
        self._failures = 0
        self._is_lost = False

    async def run(self) -> None:
        """Take keys, for ever."""
        while True:
            await self._clock.sleep_ms(_FAILED_PAUSE_MS if self._is_lost else self._keypad.pause_ms)
            key = self._sample()
            if key is not None:
                await self.take_key(key)
            elif self._digits and self._is_silent():
                self._digits = ""

    async def take_key(self, key: str) -> None:
        """Act on a key that was pressed."""
        if self._is_silent():
            self._digits = ""
        self._touch(SILENCE_MS)
        if key == ENTER:
            if self._digits:
                await self._enter()
            return
        is_full = key != DELETE and len(self._digits) == DIGITS
        self._meter.board.buzzer.play(sounds.REFUSED if is_full else sounds.KEY)
        if key == DELETE:
            self._digits = self._digits[:-1]
        elif not is_full:
            self._digits += key
        self._meter.display.show_text(self._text(), SILENCE_MS if self._digits else OUTCOME_MS)

    async def _enter(self) -> None:
        """Enter the digits, and show the outcome. An entry that stays is shown again behind it."""
        meter = self._meter
        result = await meter.digit_entry.enter(self._digits, carrier.KEYPAD)
        if result not in _STAYING:
            self._digits = ""
            meter.display.show_outcome(result)
            return
        wait_s = meter.digit_entry.wait_s() if result == outcome.TOO_SOON else 0
        self._touch(SILENCE_MS + 1_000 * wait_s)
        then = (self._text(), self._silence_ms - OUTCOME_MS)
        meter.display.show_outcome(result, wait_s, then)

    def _text(self) -> str:
        """Return the group that is being typed, with its number in front, or the text of credit."""
        if not self._digits:
            return _CREDIT
        group = (len(self._digits) - 1) // _GROUP
        shown = self._digits[group * _GROUP :]
        return f"{group + 1}-{shown}{_OPEN * (_GROUP - len(shown))}"

    def _touch(self, silence_ms: int) -> None:
        """Let the entry stay for so long without a key."""
        self._touched_ms = self._clock.ticks_ms()
        self._silence_ms = silence_ms

    def _is_silent(self) -> bool:
        return self._clock.ticks_diff(self._clock.ticks_ms(), self._touched_ms) >= self._silence_ms

    def _sample(self) -> str | None:
        """Return a key that was pressed, or None. Note a keypad that is lost, and one that is back."""
        try:
            key = self._keypad.sample()
        except OSError:
            self._failures += 1
            if self._failures >= FAILURES_BEFORE_EVENT and not self._is_lost:
                self._is_lost = True
                self._note(events.KEYPAD_LOST)
            return None
        self._failures = 0
        if self._is_lost:
            self._is_lost = False
            self._note(events.KEYPAD_BACK)
        return key

    def _note(self, code: int) -> None:
        self._meter.events.note(code, carrier.METER, self._meter.timekeeper.now_s())
