"""The slot for key cards: the card that is in it, the amount that the card owes, and the time when it counts as gone.

While the contract is key-card, the card desk shows every new key card to the slot, and the one in the slot at every
look. Energy used is deducted in the ledger before a card takes the deduction: before a memory card is written, and
before the commit of a DESFire card. The write is repeated until the card shows it, and nothing more is deducted
meanwhile. A card expires `card_grace_s` after its last good read, however busy desk and reader are. The slot is
UNUSABLE if a card was there that could not be used, or if the reader failed.
"""

from wattpurse.cards import key_card as cards
from wattpurse.core import carrier, outcome
from wattpurse.core.money.circumstances import UNUSABLE, USABLE
from wattpurse.core.money.contract import KeyCard
from wattpurse.core.money.key_card import card_number
from wattpurse.core.money.ledger_records import STANDING
from wattpurse.core.records import events
from wattpurse.core.seals import keys
from wattpurse.services.key_roll import newest_site_keys

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Callable

    from wattpurse.cards.desfire_key_card import DesfireKeyCard
    from wattpurse.cards.memory import Memory
    from wattpurse.core.money.key_card import CardContent
    from wattpurse.hal import Aes, Clock
    from wattpurse.services.timekeeping import TimeKeeper
    from wattpurse.stores import Stores

# A card in the slot is seen four times a second; a shorter grace could not be told from one failed look.
SHORTEST_GRACE_MS = 1_000
# A card that was not seen for so long has left its place to the next one.
LEFT_MS = 600

_REFUSALS_REMEMBERED = 8  # more cards than a look serves


class KeySlot:
    """The slot of the meter that keeps `stores`: the settings have the site key, the ledger has the cards."""

    def __init__(self, stores: "Stores", timekeeper: "TimeKeeper", clock: "Clock", aes: "Aes") -> None:
        self._settings = stores.settings
        self._ledger = stores.ledger
        self._events = stores.events
        self._register = stores.cards
        self._timekeeper = timekeeper
        self._clock = clock
        self._aes = aes
        self._uid = None
        self._site_keys = None
        self._pairs = []
        self._place = 0
        self._desfire = None
        self._written = None
        self._is_proved = False
        self._counts = False
        self._seen_ms = 0
        self._in_trouble = False
        self._refused = []

    def card(self) -> int | None:
        """Return the state of the slot as `Circumstances.card` has it. Call within half a wrap of the ticks."""
        if self._counts and self._age_ms() > self._grace_ms():
            self._counts = False
        if self._counts:
            return USABLE
        return UNUSABLE if self._in_trouble else None

    def note_look(self, failed: bool) -> None:
        """Take the end of a look at the reader.

        `failed` is True if the reader, or a card that was there, could not be used.
        """
        self._in_trouble = failed

    async def take(self, uid: bytes, memory: "Memory | None", desfire: "DesfireKeyCard | None" = None) -> int:
        """Read a key card, let it pay from now on, and deduct the amount due. Return an `outcome`.

        `memory` is that of a memory card; a DESFire card has None there, and is `desfire`. Raises CardError or
        ReaderError.
        """
        if not self.is_in_use:
            return outcome.NOT_THIS_METER
        if self._counts and uid != self._uid and self._age_ms() < LEFT_MS:
            return outcome.NO_NEWS
        self._enter(uid)
        self._desfire = desfire
        if memory is not None:  # the frames of a DESFire card are long, and the other tasks work meanwhile
            await self._clock.sleep_ms(0)
        content = await self._read(memory)
        await self._clock.sleep_ms(0)
        if content is None:
            return outcome.UNREADABLE
        await self._open_register(card_number(uid))
        if not self.is_in_use:
            return outcome.NOT_THIS_METER
        return await self._take_content(card_number(uid), content, memory)

    async def _open_register(self, number: int) -> None:
        """Open the register of key cards for a card that is not in the account's list. Other tasks work meanwhile."""
        account = self._ledger.account
        if account is not None and account.cards.find(number) is None:
            while self._register.open_step():
                await self._clock.sleep_ms(0)

    def sees(self, uid: bytes) -> bool:
        """Return True if the card that was taken is still in and nothing is due.

        Otherwise the card has to be taken again. A card that was away for less than a look may have changed: it is
        always read before it is written.
        """
        if uid != self._uid or not self._is_proved or not self.is_in_use or self._is_due():
            return False
        return self._let_it_pay() == outcome.ACCEPTED

    async def _read(self, memory: "Memory | None") -> "CardContent | None":
        if memory is None:
            return await self._desfire.read_content(self._site_keys)
        if not self._pairs:
            self._pairs = [keys.key_card_keys(self._aes, site_key, self._uid) for site_key in self._site_keys]
        self._place, content = await cards.read(memory, self._aes, self._pairs)
        return content

    async def _take_content(self, number: int, content: "CardContent", memory: "Memory | None") -> int:
        known = self._ledger.account.cards
        if not self._ledger.card_is_genuine(number, content):
            self._note_refused(number, content.version)
            return outcome.UNREADABLE
        if memory is None and not self._settle(number, content):
            return outcome.LEDGER_FAILED
        if known.is_newest(number) and known.content().says_the_same(content):
            self._note_written(content)
        elif known.is_newest(number) and known.content_before().says_the_same(content):
            await self._write(memory, known.content(), None)
        elif self._journals(lambda now_s: self._ledger.take_card(number, content, now_s)):
            self._note_written(content)
            self._note_forgotten()
        else:
            return outcome.LEDGER_FAILED
        if memory is not None:
            await self._clock.sleep_ms(0)
        if self.is_in_use and self._is_due():
            self._is_proved = False
            after = self._ledger.account.cards.content_after_step()

            def notes_step() -> bool:
                """Return True if the deduction is in the ledger now. Other tasks may have changed the account since."""
                if not self.is_in_use or not self._ledger.account.cards.is_newest(number):
                    return False
                return self._journals(lambda now_s: self._ledger.step_card(after, now_s))

            if not await self._write(memory, after, notes_step):
                return outcome.LEDGER_FAILED
        return self._let_it_pay()

    def _settle(self, number: int, content: "CardContent") -> bool:
        """Charge a deduction again that a later one of another meter hides, and that the card proves not to have.

        Return False if the ledger cannot be written.
        """
        known = self._ledger.account.cards.newest
        if known is None or known.number != number:
            known = self._ledger.known_card(number)
        if known is None or not known.unproved or known.is_behind(content.version, content.spent):
            return True
        if not self._desfire.lacks(self._settings.get("meter_number"), known.version):
            return True
        before = content.at(known.version - 1, known.spent - known.pending)
        return self._journals(lambda now_s: self._ledger.take_card(number, before, now_s))

    def _enter(self, uid: bytes) -> None:
        site_keys = newest_site_keys(self._settings)
        if uid != self._uid:
            self._counts = False
        if uid != self._uid or site_keys != self._site_keys:
            self._uid = uid
            self._site_keys = site_keys
            self._pairs = []
        self._is_proved = False

    @property
    def is_in_use(self) -> bool:
        """True while the contract is key-card."""
        account = self._ledger.account
        return account is not None and account.contract is KeyCard

    def _is_due(self) -> bool:
        """Return True if a step is owed, if so much of the allowance is used, or if the rest of the balance is owed."""
        account = self._ledger.account
        owed = account.cards.newest.owed
        if owed >= account.terms["card_step_microunits"] or (owed and account.cards.balance <= 0):
            return True
        unwritten_mwh = account.cards.used_mwh
        if account.cards.period_number == self._written.period_number:
            unwritten_mwh -= self._written.used_mwh
        return unwritten_mwh >= account.terms["card_step_mwh"]

    async def _write(self, memory: "Memory | None", content: "CardContent", note: "Callable[[], bool] | None") -> bool:
        """Write the content that the card should have. On a memory card, write over the older or damaged copy.

        `note()` notes the deduction before the card takes it. Return False if it cannot: the card is as it was.
        """
        if memory is None:
            if not await self._desfire.deduct(content, self._settings.get("meter_number"), note):
                return False
        else:
            if note is not None and not note():
                return False
            await cards.write(memory, self._aes, self._pairs[0], 1 - self._place, content)
            self._place = 1 - self._place
        self._note_written(content)
        return True

    def _note_written(self, content: "CardContent") -> None:
        self._written = content
        self._is_proved = True

    def _let_it_pay(self) -> int:
        """Let the card pay: it was just read, and it is good."""
        if not self.is_in_use:
            return outcome.NOT_THIS_METER
        if not self._ledger.account.standing["card_in"] and not self._journals(self._note_in):
            return outcome.LEDGER_FAILED
        self._counts = True
        self._seen_ms = self._clock.ticks_ms()
        return outcome.ACCEPTED

    def _note_in(self, now_s: int) -> None:
        self._ledger.set_number(STANDING, "card_in", 1, now_s)

    def _journals(self, step: "Callable[[int], None]") -> bool:
        """Return True if `step(now_s)` could write the ledger."""
        try:
            step(self._timekeeper.now_s())
        except OSError:
            return False
        return True

    def _note_refused(self, number: int, version: int) -> None:
        """Note a refused card, once per content, although the card is read again and again as long as it stays."""
        if (number, version) not in self._refused:
            self._refused.append((number, version))
            del self._refused[:-_REFUSALS_REMEMBERED]
            self._events.note(events.CARD_REFUSED, carrier.CARD, self._timekeeper.now_s(), number, version)

    def _note_forgotten(self) -> None:
        """Note the cards that the register has forgotten: copies of them can be used again."""
        while self._register.forgotten:
            number, microunits = self._register.forgotten.pop()
            self._events.note(events.CARD_FORGOTTEN, carrier.CARD, self._timekeeper.now_s(), microunits, number)

    def _age_ms(self) -> int:
        return self._clock.ticks_diff(self._clock.ticks_ms(), self._seen_ms)

    def _grace_ms(self) -> int:
        account = self._ledger.account
        return SHORTEST_GRACE_MS if account is None else max(SHORTEST_GRACE_MS, account.terms["card_grace_s"] * 1000)
