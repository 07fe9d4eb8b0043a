"""Keys of the session with the simulated meter, and their actions."""

from boards.host.chips.keypad import KEYS
from boards.host.screen import keys

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from boards.host.screen.session import Session


LOAD_STEP_W = 500

_ENTER = "\r\n"
_BACKSPACE = "\x7f\x08"
_KILL_LINE = "\x15"
_LINE_LIMIT = 2_500
_TO_THE_TOP = 10**9


class Keyboard:
    """Turns keys into calls to `session`. While console or keypad is open, keys go there."""

    def __init__(self, session: "Session") -> None:
        self._session = session
        self._actions = {
            "0": session.take_card_away,
            " ": session.press_button,
            "L": session.hold_button,
            "l": session.hold_button,
            "+": lambda: session.change_load(LOAD_STEP_W),
            "=": lambda: session.change_load(LOAD_STEP_W),
            "-": lambda: session.change_load(-LOAD_STEP_W),
            "m": session.toggle_mains,
            "o": lambda: session.toggle_sensor("cover"),
            "g": lambda: session.toggle_sensor("magnet"),
            "v": lambda: session.toggle_sensor("reverse_flow"),
            "w": session.toggle_welding,
            "r": session.reset_board,
            ">": lambda: session.change_speed(1),
            ".": lambda: session.change_speed(1),
            "<": lambda: session.change_speed(-1),
            ",": lambda: session.change_speed(-1),
            "c": session.open_console,
            "k": session.open_keypad,
            "q": session.quit,
            keys.LEFT: lambda: session.cards.turn(-1),
            keys.RIGHT: lambda: session.cards.turn(1),
        }
        answer = session.answer
        self._console_actions = {
            keys.ESCAPE: session.close_console,
            keys.PAGE_UP: lambda: answer.turn(1),
            keys.PAGE_DOWN: lambda: answer.turn(-1),
            keys.UP: lambda: answer.scroll(1),
            keys.DOWN: lambda: answer.scroll(-1),
            keys.HOME: lambda: answer.scroll(_TO_THE_TOP),
            keys.END: answer.return_to_end,
        }

    def take(self, key: str) -> None:
        """Take one pressed key."""
        if key in (keys.INTERRUPT, keys.END_OF_INPUT):
            self._session.quit()
        elif key == keys.REDRAW:
            self._session.redraw()
        elif self._session.console_is_open:
            self._type(key)
        elif self._session.keypad_is_open:
            self._press(key)
        elif len(key) == 1 and key in "123456789":
            self._session.toggle_card(int(key))
        elif key in self._actions:
            self._actions[key]()

    def _press(self, key: str) -> None:
        """Press a key of the keypad. Backspace and Enter are its keys * and #."""
        if key in (keys.ESCAPE, "k"):
            self._session.close_keypad()
        elif key in _ENTER or key in _BACKSPACE:
            self._session.press_key("#" if key in _ENTER else "*")
        elif len(key) == 1 and key in KEYS:
            self._session.press_key(key)

    def _type(self, key: str) -> None:
        if key in self._console_actions:
            self._console_actions[key]()
        elif len(key) == 1:
            self._session.answer.return_to_end()
            self._type_character(key)

    def _type_character(self, key: str) -> None:
        session = self._session
        if key in _ENTER:
            session.send_line()
        elif key in _BACKSPACE:
            session.typed = session.typed[:-1]
        elif key == _KILL_LINE:
            session.typed = ""
        elif key > "~":
            session.refuse_character(key)
        elif key >= " " and len(session.typed) < _LINE_LIMIT:
            session.typed += key
