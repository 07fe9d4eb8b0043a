"""The program of a dispensing unit: its tasks over the devices of a board, kept alive by the supervisor.

The desk is critical: if it dies or falls silent, the board starts anew, and the book tells the owed sales. Keypad,
display and console may fail and are started again. A unit without a readable book sells nothing, says so, and never
overwrites it.

The console, on the board's USB line, sets a unit up once and tells its state:

    setup ISSUER KEY    begin the book of a new unit, with the issuer number and the 32 hexadecimal digits of the office
    status              issuer, issue of the system card, sales, credit left, sales that are owed to cards
"""

from binascii import unhexlify

from wattpurse.core.journal.ring import JournalBlank
from wattpurse.core.journal.slots import JournalUnreadable
from wattpurse.dispenser.book import KEY_SIZE, Book
from wattpurse.dispenser.desk import Desk
from wattpurse.dispenser.unit import Unit
from wattpurse.supervisor import Supervisor

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from wattpurse.cards.mfrc522 import Mfrc522
    from wattpurse.drivers.keypad import Keypad
    from wattpurse.drivers.lcd_hd44780 import TextLcd
    from wattpurse.hal import Aes, Clock, ConsolePort, Flash, Watchdog

    class DispenserBoard(Protocol):
        """The devices of a dispensing unit, as `hal` describes them."""

        @property
        def clock(self) -> Clock: ...

        @property
        def flash(self) -> Flash: ...

        @property
        def reader(self) -> Mfrc522: ...

        @property
        def keypad(self) -> Keypad: ...

        @property
        def lcd(self) -> TextLcd: ...

        @property
        def console(self) -> ConsolePort: ...

        @property
        def watchdog(self) -> Watchdog: ...

        @property
        def aes(self) -> Aes: ...

        def rest(self, __has_littered: bool) -> bool: ...

        def reset(self) -> None: ...


BOOK_SECTORS = 16
RENEW_MS = 60_000

_LINE_LIMIT = 80
_ISSUERS = 16
_LCD_MS = 100
_FAILED_MS = 1_000


class Dispenser:
    """The unit on `board`."""

    def __init__(self, board: "DispenserBoard") -> None:
        self._board = board
        self.book = Book(board.flash, 0, BOOK_SECTORS)
        self.unit = Unit(board.aes, self.book)
        self.desk = Desk(board, self.unit, board.lcd.show)
        self._trouble = ""

    async def run(self) -> None:
        """Run until the board resets."""
        board = self._board
        self._open_book()
        supervisor = Supervisor(board.clock, board.watchdog, self.unit.close, board.reset, self._note, self._report)
        supervisor.add_critical("desk", self._run_desk)
        supervisor.add("keypad", self._run_keypad)
        supervisor.add("display", self._run_display)
        supervisor.add("console", self._run_console)
        await supervisor.run()

    def _open_book(self) -> None:
        try:
            self.book.open()
        except JournalBlank:
            self._trouble = "Not set up"
        except (JournalUnreadable, ValueError, OSError) as error:
            self._trouble = "Book unreadable"
            self._report(repr(error))

    async def _run_desk(self, beat: "Callable[[], None]") -> None:
        board = self._board
        while True:
            beat()
            if self._trouble:
                board.lcd.show(self._trouble, "see the console")
                await board.clock.sleep_ms(_FAILED_MS)
            else:
                await self.desk.step()
            board.rest(False)

    async def _run_keypad(self) -> None:
        keypad = self._board.keypad
        while True:
            key = keypad.sample()
            if key is not None:
                self.desk.press(key)
            await self._board.clock.sleep_ms(keypad.pause_ms)

    async def _run_display(self) -> None:
        """Keep the display up to date. Set it up anew each minute: a disturbance may have changed it."""
        lcd, clock = self._board.lcd, self._board.clock
        renewed_ms = clock.ticks_ms()
        while True:
            try:
                await lcd.refresh()
            except OSError:
                await clock.sleep_ms(_FAILED_MS)
            if clock.ticks_diff(clock.ticks_ms(), renewed_ms) >= RENEW_MS:
                renewed_ms = clock.ticks_ms()
                lcd.renew()
            await clock.sleep_ms(_LCD_MS)

    async def _run_console(self) -> None:
        console = self._board.console
        while True:
            line = await console.read_line(_LINE_LIMIT)
            console.write(self._answer((line or "").split()) + "\n")

    def _answer(self, words: list) -> str:
        if words[:1] == ["setup"] and len(words) == 3:
            return self._set_up(words[1], words[2])
        if words == ["status"]:
            return self._status()
        return "commands: setup ISSUER KEY, status"

    def _set_up(self, issuer: str, key: str) -> str:
        try:
            number, secret = int(issuer), unhexlify(key)
        except ValueError:
            return "error: write the issuer as a number, and 32 hexadecimal digits"
        if not 0 < number < _ISSUERS or len(secret) != KEY_SIZE:
            return "error: an issuer is 1 to 15, and a key has 32 hexadecimal digits"
        try:
            self.book.create(number, secret)
        except (ValueError, OSError) as error:
            return f"error: {error}"
        self._trouble = ""
        return f"this is the unit of issuer {number}"

    def _status(self) -> str:
        if self._trouble:
            return self._trouble
        book = self.book
        owed = ", ".join([str(sale.number) for sale in book.owed])
        return (
            f"issuer {book.issuer}, issue {book.issue}, sales {book.last_sale}, left {book.left},"
            f" owed to cards: {owed or 'none'}"
        )

    def _note(self, _code: int, _number: int) -> None:
        """Keep no event: a unit has no event log, and its book has all sales."""

    def _report(self, text: str) -> None:
        self._board.console.write(text + "\n")
