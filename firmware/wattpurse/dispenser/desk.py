"""The desk of a dispensing unit: cards on the reader, keys of the keypad, and the texts of the display.

The operator's system card opens the unit. A customer lays a card, the amount is typed in units of the last decimal, as
at a cash register, `#` goes on and then confirms, and `*` goes back. The number of the receipt is shown when the token
was read back from the card. A sale that is owed to the card that is laid is finished at once, before anything is
sold. `*` while no card is served locks the unit, and so do ten minutes without a key or a card.
"""

from wattpurse.cards import purse
from wattpurse.cards.iso14443 import CardError
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import ReaderError
from wattpurse.core.currency import decimal_text
from wattpurse.dispenser.book import BookRefused
from wattpurse.dispenser.card_sale import micro_units
from wattpurse.dispenser.system_card import PRODUCT_MONEY

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.cards.classic import ClassicKeys
    from wattpurse.cards.iso14443 import CardIdentity
    from wattpurse.cards.memory import Memory
    from wattpurse.dispenser.app import DispenserBoard
    from wattpurse.dispenser.book import Sale
    from wattpurse.dispenser.card_sale import CustomerCard
    from wattpurse.dispenser.unit import Unit

BACK = "*"
ON = "#"
LOOK_MS = 250
SILENCE_MS = 600_000
OUTCOME_MS = 4_000
FAILURES_BEFORE_ALARM = 3

_STEP_MS = 20
_DIGITS = 7
_LOOKS_TO_BE_GONE = 2
_ATTEMPTS = 3

_IDLE = 0
_AMOUNT = 1
_CONFIRM = 2


class Desk:
    """Serves the `reader` of `board` for `unit`. `show(first, second)` is called for each new text.

    Keys come by `press`. `step` is called in a loop.
    """

    def __init__(self, board: "DispenserBoard", unit: "Unit", show: "Callable[[str, str], None]") -> None:
        self._reader = board.reader
        self._clock = board.clock
        self._aes = board.aes
        self._unit = unit
        self._show = show
        self._keys = ""
        self._stage = _IDLE
        self._digits = ""
        self._sale: Sale | None = None
        self._uid = b""
        self._meter = 0
        self._served = b""
        self._looks_missed = 0
        self._failures = 0
        self._started = False
        self._looked_ms = self._touched_ms = self._told_ms = board.clock.ticks_ms()
        self._is_telling = False
        self._key_maker: tuple = (None, None)

    def press(self, key: str) -> None:
        """Take a key of the keypad. It is acted on in the next `step`."""
        self._keys += key

    async def step(self) -> None:
        """Act on the keys that were pressed, look for a card if that is due, and show the state."""
        while self._keys:
            key, self._keys = self._keys[0], self._keys[1:]
            self._touch()
            self._is_telling = False
            await self._take_key(key)
        if self._age_ms(self._looked_ms) >= LOOK_MS << min(self._failures, 6):
            await self._look()
            self._looked_ms = self._clock.ticks_ms()
        if self._unit.record is not None and self._age_ms(self._touched_ms) >= SILENCE_MS:
            self._lock()
        if not self._is_telling or self._age_ms(self._told_ms) >= OUTCOME_MS:
            self._is_telling = False
            self._show(*self._texts())
        await self._clock.sleep_ms(_STEP_MS)

    async def _take_key(self, key: str) -> None:
        if key == BACK:
            self._go_back()
        elif self._stage == _AMOUNT and key != ON:
            if len(self._digits) < _DIGITS and (self._digits or key != "0"):
                self._digits += key
        elif self._stage == _AMOUNT and self._digits:
            await self._visit(self._plan)
        elif self._stage == _CONFIRM and key == ON:
            await self._visit(self._sell)

    def _go_back(self) -> None:
        if self._stage == _CONFIRM:
            self._stage = _AMOUNT
        elif self._stage == _AMOUNT and self._digits:
            self._digits = self._digits[:-1]
        elif self._stage == _AMOUNT:
            self._stage = _IDLE
        else:
            self._lock()

    def _lock(self) -> None:
        self._unit.close()
        self._stage = _IDLE
        self._key_maker = (None, None)

    async def _look(self) -> None:
        """Look for a card while none is served, and serve it once a visit."""
        try:
            await self._wake()
            identity = await self._reader.find_card()
            if identity is None:
                self._note_gone()
            elif identity.uid != self._served or self._looks_missed >= _LOOKS_TO_BE_GONE:
                self._touch()
                await self._serve(identity)
            self._looks_missed = self._looks_missed + 1 if identity is None else 0
            self._reader.power_down()
            self._failures = 0
        except CardError:
            self._reader.power_down()
        except ReaderError:
            self._started = False
            self._failures += 1
            if self._failures >= FAILURES_BEFORE_ALARM:
                self._tell("Reader fault", "check its wires")

    def _note_gone(self) -> None:
        if self._looks_missed + 1 >= _LOOKS_TO_BE_GONE:
            self._served = b""

    async def _serve(self, identity: "CardIdentity") -> None:
        """Serve a card that was laid: a system card, or a customer's."""
        if self._stage != _IDLE and identity.uid == self._uid:
            self._served = identity.uid
            return
        try:
            await self._retried(identity, self._take_card)
        except BookRefused as refused:
            self._tell("Refused", refused.reason)
        except CardError:
            return self._tell("Card not read", "lay it again")  # the next look tries it again
        self._served = identity.uid

    async def _take_card(self, memory: "Memory", uid: bytes) -> None:
        box = await purse.read_orders(memory)
        if box is not None and box.kind == purse.SYSTEM:
            return await self._take_system_card(memory, uid)
        if self._unit.record is None:
            raise BookRefused("closed")
        self._tell("Wait", "keep the card")
        card = await self._unit.read_customer(memory, uid)
        owed = self._unit.book.owed_to(card.number)
        if owed is not None:
            return await self._finish(memory, card, owed)
        self._stage, self._digits = _AMOUNT, ""
        self._uid, self._meter, self._is_telling = uid, card.meter.number, False

    async def _take_system_card(self, memory: "Memory", uid: bytes) -> None:
        self._tell("Wait", "keep the card")
        self._stage = _IDLE
        await self._unit.take_system_card(memory, uid)
        record = self._unit.record
        reported = 0 if record is None else len(self._unit.book.sales_behind(record.settled_sale))
        self._tell("Open", f"Sales on it: {reported}")

    async def _visit(self, act: "Callable") -> None:
        """Call `act(memory, card)` with the customer's card that is served, if it is still there."""
        try:
            await self._wake()
            identity = await self._reader.find_card()
            if identity is None or identity.uid != self._uid:
                self._tell("The card is gone", "lay it again")
                return

            async def step(memory: "Memory", uid: bytes) -> None:
                await act(memory, await self._unit.read_customer(memory, uid))

            await self._retried(identity, step)
        except BookRefused as refused:
            self._stage = _IDLE
            self._tell("Refused", refused.reason)
        except CardError:
            self._after_torn()
        except ReaderError:
            self._started = False
            self._after_torn()
        else:
            self._reader.power_down()

    def _after_torn(self) -> None:
        """Tell the outcome of a sale whose card was torn, or whose reader failed."""
        number = 0 if self._sale is None else self._sale.number
        owed = any([one.number == number for one in self._unit.book.owed])
        if owed:
            self._stage, self._served = _IDLE, b""
        self._tell("Lay card again", "the sale is owed" if owed else "nothing is sold")

    async def _plan(self, memory: "Memory", card: "CustomerCard") -> None:
        self._sale = self._unit.plan(card, int(self._digits))
        self._stage = _CONFIRM

    async def _sell(self, memory: "Memory", card: "CustomerCard") -> None:
        """Make the planned sale. A second try after a torn card finishes the sale that is owed."""
        self._tell("Wait", "keep the card")
        owed = self._unit.book.owed_to(card.number)
        if owed is None:
            self._sale = owed = self._unit.plan(card, int(self._digits))
            self._unit.book.sell(owed)
        await self._finish(memory, card, owed)

    async def _finish(self, memory: "Memory", card: "CustomerCard", sale: "Sale") -> None:
        await self._unit.finish(memory, card, sale)
        self._stage, self._served = _IDLE, card.uid
        self._tell(f"Receipt {self._unit.book.issuer}/{sale.number}", f"Paid {self._money(sale.paid)}")

    async def _retried(self, identity: "CardIdentity", act: "Callable") -> None:
        """Call `act(memory, uid)`, and again after a CardError, as long as the card can be selected."""
        for attempt in range(_ATTEMPTS):
            try:
                memory = await open_card(self._reader, identity, self._classic_keys)
                if memory is None:
                    raise BookRefused("unknown card")
                return await act(memory, identity.uid)
            except CardError:
                if attempt == _ATTEMPTS - 1:
                    raise
                await self._reader.select_again(identity)

    async def _wake(self) -> None:
        if self._started:
            await self._reader.power_up()
        else:
            await self._reader.recover()
            self._started = True

    def _classic_keys(self, uid: bytes) -> "ClassicKeys | None":
        """Return the keys of a MIFARE Classic card while the unit is open."""
        record = self._unit.record
        if record is None:
            return None
        if self._key_maker[0] != record.site_key:
            self._key_maker = record.site_key, purse.classic_keys_of(self._aes, record.site_key, True)
        return self._key_maker[1](uid)

    def _texts(self) -> tuple:
        """Return the two lines of the present state."""
        record, sale = self._unit.record, self._sale
        if record is None:
            return "Closed", "Lay system card"
        if self._stage == _AMOUNT:
            return f"Meter {self._meter}", f"Amount {self._money(int(self._digits or '0'))}"
        if self._stage == _CONFIRM and sale is not None:
            gets = "" if sale.product == PRODUCT_MONEY else f" {decimal_text(sale.credit, 2)} kWh"
            return f"Pay {self._money(sale.paid)}", f"#yes *no{gets}"
        return "Lay card", f"Left {self._money(self._unit.book.left)}"

    def _money(self, units: int) -> str:
        record = self._unit.record
        if record is None:
            return str(units)
        return f"{decimal_text(micro_units(units, record.decimals), record.decimals)} {record.currency}"

    def _tell(self, first: str, second: str) -> None:
        self._show(first, second)
        self._is_telling, self._told_ms = True, self._clock.ticks_ms()

    def _touch(self) -> None:
        self._touched_ms = self._clock.ticks_ms()

    def _age_ms(self, since_ms: int) -> int:
        return self._clock.ticks_diff(self._clock.ticks_ms(), since_ms)
