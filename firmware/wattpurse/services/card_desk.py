"""The card desk: looks for cards, redeems their tokens, writes the statement, and shows the outcome.

The teller writes the credit into the ledger before the card or anyone else learns of it. A card may be removed at any
moment: redeemed tokens stay redeemed, and the next tap writes the statement. A card on the reader is served once.
After a failure it is tried again as long as it stays. A key card is shown to the slot at every look. A key card may be
a DESFire card, whose code is imported when the first one comes.

A wallet brings several cards to the reader, and a bank card or a phone among them is no reason to refuse. A look has
one outcome: the first, by precedence, of the cards that have news. A card that came to a better outcome lately, and is
still there, keeps the others silent.
"""

from wattpurse.cards import data_card, purse
from wattpurse.cards.iso14443 import RANDOM_UID, SAK_ISO14443_4, CardError
from wattpurse.cards.memory import open_card
from wattpurse.cards.mfrc522 import ReaderError
from wattpurse.core import carrier, outcome
from wattpurse.core.messages import token
from wattpurse.core.messages.service_pass import MeterNotNamed, open_service_pass
from wattpurse.core.records import events
from wattpurse.core.seals.sealing import SealBroken
from wattpurse.services.key_roll import accepted_meter_keys, newest_site_keys

TYPE_CHECKING = False  # type checkers take it for true
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from typing import TypeVar

    from wattpurse.cards.iso14443 import CardIdentity
    from wattpurse.cards.memory import Memory
    from wattpurse.cards.mfrc522 import Mfrc522
    from wattpurse.hal import Board
    from wattpurse.services.key_slot import KeySlot
    from wattpurse.services.statements import Statements
    from wattpurse.services.teller import Teller
    from wattpurse.services.timekeeping import TimeKeeper
    from wattpurse.stores import Stores

    Result = TypeVar("Result")

PERIOD_MS = 250
LONGEST_PAUSE_MS = 60_000
FAILURES_BEFORE_ALARM = 3

_ATTEMPTS = 3
_CARDS_AT_ONCE = 4
_LOOKS_TO_BE_GONE = 2
_LOOKS_SHOWN = 16  # as long as the display shows an outcome
_RANDOM_VISITOR = bytes((RANDOM_UID,))

# A card of ISO/IEC 14443-4 is of another kind or site if a CardError has one of these reasons.
_FOREIGN = ("refused", "unknown")

# The first of these is shown if a card, or the cards of a look, have several outcomes. SERVICE comes before all others
# because it opens the console.
PRECEDENCE = (
    outcome.SERVICE,
    outcome.LEDGER_FAILED,
    outcome.ACCEPTED,
    outcome.STATEMENT_NOT_WRITTEN,
    outcome.OVER_LIMIT,
    outcome.OUT_OF_ORDER,
    outcome.OTHER_TENANT,
    outcome.NOT_ENTITLED,
    outcome.NOT_SUPPORTED,
    outcome.OUTDATED,
    outcome.PASS_EXPIRED,
    outcome.NOT_THIS_METER,
    outcome.USED,
    outcome.NO_NEWS,
    outcome.UNREADABLE,
)
_STATEMENT_EXPECTED = (outcome.ACCEPTED, outcome.USED, outcome.NO_NEWS)
_NO_STATEMENT = (outcome.NOT_THIS_METER, outcome.LEDGER_FAILED)


class CardDesk:
    """Serves the cards on the reader of `board`, for the meter that keeps `stores`.

    Tokens go to `teller`, statements come from `statements`, and key cards go to `key_slot`. `show_outcome(outcome)` is
    called at most once a look. Between looks the board may rest.
    """

    def __init__(
        self,
        board: "Board",
        stores: "Stores",
        timekeeper: "TimeKeeper",
        teller: "Teller",
        statements: "Statements",
        key_slot: "KeySlot",
        show_outcome: "Callable[[int], None]",
    ) -> None:
        self._board = board
        self._reader = board.reader
        self._clock = board.clock
        self._aes = board.aes
        self._rest = board.rest
        self._settings = stores.settings
        self._ledger = stores.ledger
        self._events = stores.events
        self._timekeeper = timekeeper
        self._teller = teller
        self._statements = statements
        self._key_slot = key_slot
        self._show_outcome = show_outcome
        self._started = False
        self._longest_pause_ms = LONGEST_PAUSE_MS
        self._failures = 0
        self._has_littered = True  # the start has left garbage
        self._visits = {}
        self._news = []
        self._site_keys = ()
        self._keys_of_uid = None
        self._secure_cards = None

    @property
    def has_visitor(self) -> bool:
        """True while a card is at the reader that is not served yet."""
        return any([not visit.is_over and not visit.is_in_slot for visit in self._visits.values()])

    @property
    def pause_ms(self) -> int:
        """Time to the next look: short while the reader works, longer with every failure."""
        return min(PERIOD_MS << min(self._failures, 16), self._longest_pause_ms)

    def use(self, reader: "Mfrc522", longest_pause_ms: int) -> None:
        """Look with this reader from now on, in place of the board's own, also while it fails after a pause so long."""
        self._reader = reader
        self._longest_pause_ms = longest_pause_ms
        self._started = False
        self._failures = 0

    async def run(self) -> None:
        """Look for cards for ever."""
        while True:
            await self.serve_one_look()
            await self._clock.sleep_ms(0)
            await self._tidy_up()
            await self._clock.sleep_ms(self.pause_ms)

    async def _tidy_up(self) -> None:
        """Let the board rest. It may collect garbage: other tasks wait for one collection at most."""
        has_littered, self._has_littered = self._has_littered, False
        while self._rest(has_littered):
            has_littered = False
            await self._clock.sleep_ms(0)

    async def serve_one_look(self) -> None:
        """Wake the reader, serve every new card, and put the reader to sleep.

        A card or a reader that fails raises nothing here.
        """
        try:
            await self._wake_reader()
            await self._serve_all()
            self._reader.power_down()
        except ReaderError:
            self._note_failure()
            self._key_slot.note_look(True)
        else:
            self._note_success()
            has_bad_card = bool(self._visits) and any(visit.is_bad for visit in self._visits.values())
            self._key_slot.note_look(has_bad_card)

    async def _wake_reader(self) -> None:
        if self._started:
            await self._reader.power_up()
        else:
            await self._reader.recover()
            self._started = True

    def _note_failure(self) -> None:
        self._started = False
        self._failures += 1
        if self._failures == FAILURES_BEFORE_ALARM:
            self._statements.reader_failed = True
            self._events.note(events.READER_LOST, carrier.METER, self._timekeeper.now_s())

    def _note_success(self) -> None:
        self._failures = 0
        if self._statements.reader_failed:
            self._statements.reader_failed = False
            self._events.note(events.READER_BACK, carrier.METER, self._timekeeper.now_s())

    async def _serve_all(self) -> None:
        """Serve one card after the other. Each is put to sleep, so that the next one can be found."""
        for visit in self._visits.values():
            visit.looks_missed += 1
            visit.looks_since_told += 1
        try:
            for _ in range(_CARDS_AT_ONCE):
                identity = await self._reader.find_card(False, self._prepare)
                if identity is None:
                    break
                await self._serve(identity)
                await self._clock.sleep_ms(0)
                await self._reader.halt()
        except CardError:
            pass  # a card left while it was selected or put to sleep; the next look finds the cards that are there
        finally:
            self._show_news()
        if self._visits:  # most looks find no card, and should leave no garbage
            self._visits = {uid: one for uid, one in self._visits.items() if one.looks_missed < _LOOKS_TO_BE_GONE}

    async def _serve(self, identity: "CardIdentity") -> None:
        if identity.uid not in self._visits:
            self._prepare(identity.uid)  # only the end of the selection showed that this is the whole UID
        visit = self._visit_of(identity)
        visit.looks_missed = 0
        if visit.is_in_slot:
            visit.is_bad = False
            if self._key_slot.sees(identity.uid):
                return
            if identity.sak & SAK_ISO14443_4:
                return await self._show_secure_card(visit, identity)
            return await self._show_to_slot(visit, lambda: self._take_again(identity), self._reselect(identity))
        if visit.is_over:
            return
        if identity.sak & SAK_ISO14443_4 and self._key_slot.is_in_use:
            return await self._show_secure_card(visit, identity)
        try:
            memory, box = await self._retried(lambda: self._open(identity), self._reselect(identity))
        except CardError as error:
            visit.is_over = error.reason == "refused"
            return self._tell_unreadable(visit)
        if box is None:
            visit.is_over = True
            return self._tell_unreadable(visit)
        if box.kind == purse.KEY_CARD:
            return await self._show_to_slot(
                visit, lambda: self._key_slot.take(identity.uid, memory), memory.select_again
            )
        visit.result = _first_of((visit.result, await self._redeem(identity, box)))
        await self._give_statement(identity, memory, box, visit)

    def _visit_of(self, identity: "CardIdentity") -> "_Visit":
        """Return the visit of a card. A phone shows a random UID, another one at each look, and is one visitor."""
        uid = identity.uid
        if identity.is_random:
            if _RANDOM_VISITOR not in self._visits:
                self._visits[_RANDOM_VISITOR] = _Visit()
            uid = _RANDOM_VISITOR
        return self._visits[uid]

    async def _open(self, identity: "CardIdentity") -> tuple:
        """Return the card's memory and its order box, or None in place of the box if there is none."""
        memory = await open_card(self._reader, identity, self._keys_of_uid)
        return memory, None if memory is None else await purse.read_orders(memory)

    async def _show_to_slot(
        self,
        visit: "_Visit",
        step: "Callable[[], Awaitable[int]]",
        select_again: "Callable[[], Awaitable[None]]",
        final_reasons: tuple = (),
    ) -> None:
        """Show a key card to the slot. A card that the slot cannot use is tried again as long as it is there.

        A card that fails for one of `final_reasons` is not tried again.
        """

        async def attempt() -> int:
            if self._has_littered:  # an attempt must not wait for a collection in its midst
                await self._tidy_up()
                await self._clock.sleep_ms(0)
            self._has_littered = True
            return await step()

        try:
            result = await self._retried(attempt, select_again)
        except CardError as error:
            visit.is_bad = True
            if error.reason in final_reasons:  # cards count failed authentications, and lock themselves after too many
                visit.is_in_slot = False
                visit.is_over = True
            if not visit.is_in_slot:
                self._tell(visit, outcome.UNREADABLE)
            return
        visit.is_in_slot = result == outcome.ACCEPTED
        visit.is_bad = result == outcome.UNREADABLE
        self._tell(visit, result)

    async def _show_secure_card(self, visit: "_Visit", identity: "CardIdentity") -> None:
        """Show a card of ISO/IEC 14443-4 to the slot. One that is no key card of the site is left alone after that."""
        await self._clock.sleep_ms(0)  # the frames of a selection are so short that no other task has worked
        if self._secure_cards is None:
            self._has_littered = True
            await self._tidy_up()  # the modules take much memory, and no import must wait for a collection
            await self._clock.sleep_ms(0)
            from wattpurse.services.secure_imports import import_secure_cards

            self._secure_cards = await import_secure_cards(self._board, self._key_slot, self._settings)
        cards = self._secure_cards
        await self._show_to_slot(visit, lambda: cards.take(identity), self._reselect(identity), _FOREIGN)

    async def _take_again(self, identity: "CardIdentity") -> int:
        memory = await open_card(self._reader, identity, self._keys_of_uid)
        return outcome.UNREADABLE if memory is None else await self._key_slot.take(identity.uid, memory)

    def _reselect(self, identity: "CardIdentity") -> "Callable[[], Awaitable[None]]":
        return lambda: self._reader.select_again(identity)

    async def _give_statement(
        self, identity: "CardIdentity", memory: "Memory", box: "purse.OrderBox", visit: "_Visit"
    ) -> None:
        """Write a statement on a customer's card of this meter or a data card.

        The tap is over when the statement is on the card.
        """
        if box.kind in (purse.CUSTOMER, purse.DATA) and visit.result not in _NO_STATEMENT:
            self._has_littered = True  # half of a Pico's free heap: the next tap must not wait for a collection
            try:
                await self._retried(lambda: self._write_statement(identity, memory, box), memory.select_again)
            except CardError:
                expected = visit.result in _STATEMENT_EXPECTED
                return self._tell(visit, outcome.STATEMENT_NOT_WRITTEN if expected else visit.result)
        visit.is_over = True
        self._tell(visit, visit.result)

    async def _retried(
        self, step: "Callable[[], Awaitable[Result]]", select_again: "Callable[[], Awaitable[None]]"
    ) -> "Result":
        """Return the result of `step()`. Repeat it after a CardError as long as the card can be selected."""
        for _ in range(_ATTEMPTS - 1):
            try:
                return await step()
            except CardError:
                await select_again()
        return await step()

    def _prepare(self, uid: bytes) -> None:
        """Derive the keys of a card while it is still answering."""
        site_keys = newest_site_keys(self._settings)
        if site_keys != self._site_keys:
            self._site_keys = site_keys
            self._keys_of_uid = None
            for site_key in reversed(site_keys):
                self._keys_of_uid = purse.classic_keys_of(self._aes, site_key, False, self._keys_of_uid)
        if uid not in self._visits:
            self._visits[uid] = _Visit()
            self._keys_of_uid(uid)

    async def _redeem(self, identity: "CardIdentity", box: "purse.OrderBox") -> int:
        """Return the outcome of all tokens in the box. Other tasks get a turn after each token."""
        if box.kind == purse.SERVICE:
            return self._check_pass(identity, box)
        meter_number = self._settings.get("meter_number")
        if box.kind == purse.DATA:
            tokens = data_card.tokens_for(box.content, meter_number)
        elif box.kind == purse.CUSTOMER and box.meter_number == meter_number:
            tokens = purse.split_tokens(box.content)
        else:
            return outcome.NOT_THIS_METER
        if self._ledger.account is None:
            return outcome.LEDGER_FAILED
        results = []
        for sealed in tokens:
            results.append(self._teller.redeem(sealed, carrier.CARD))
            await self._clock.sleep_ms(0)
            if results[-1] == outcome.LEDGER_FAILED:
                break
        return outcome.NO_NEWS if self._all_are_known(tokens, results) else _first_of(results)

    def _all_are_known(self, tokens: list, results: list) -> bool:
        """Return True if the meter remembers each token as redeemed, and if there is no token.

        A card keeps its tokens. After a top-up it comes again for its statement, and nothing is refused then.
        """
        if any(result != outcome.USED for result in results):
            return False
        return all(self._ledger.account.remembers_token(token.read_header(sealed)[1]) for sealed in tokens)

    def _check_pass(self, identity: "CardIdentity", box: "purse.OrderBox") -> int:
        """Return SERVICE if the technician's pass in the box names this meter, is authentic and has not expired."""
        number, accepted = self._settings.get("meter_number"), accepted_meter_keys(self._settings)
        try:
            technician, expires_s = open_service_pass(self._aes, identity.uid, number, accepted, box.content)
        except MeterNotNamed:
            return outcome.NOT_THIS_METER
        except SealBroken:
            return outcome.UNREADABLE
        if expires_s <= self._earliest_s():
            return outcome.PASS_EXPIRED
        self._events.note(events.SERVICE_CARD, carrier.CARD, self._timekeeper.now_s(), technician)
        return outcome.SERVICE

    def _earliest_s(self) -> int:
        """Return the time, or its lower bound if the clock is not to be trusted: the newest time in flash.

        The true time is later than the bound, so the bound locks nobody out. The newest event may be newer than the
        ledger, and it is there without a ledger too.
        """
        account = self._ledger.account
        noted_s = [event.time_s for event in self._events.recent(1)]
        if account is not None:
            noted_s.append(account.time_s)
        return max([self._timekeeper.now_s()] + noted_s)

    async def _write_statement(self, identity: "CardIdentity", memory: "Memory", box: "purse.OrderBox") -> None:
        pair = self._statements.keys(identity.uid)
        await self._clock.sleep_ms(0)

        def seal(number: int, capacity: int) -> bytes:
            return self._statements.seal(pair, number, capacity)

        if box.kind == purse.DATA:
            slot_size = box.meter_number
            await data_card.write_statement(memory, self._settings.get("meter_number"), slot_size, seal)
        else:
            await purse.write_statement(memory, self._aes, pair, seal)

    def _tell_unreadable(self, visit: "_Visit") -> None:
        visit.is_bad = True
        self._tell(visit, outcome.UNREADABLE)

    def _tell(self, visit: "_Visit", result: int) -> None:
        """Report each outcome once per visit, at the end of the look."""
        if result != visit.outcome_told:
            visit.outcome_told = result
            visit.looks_since_told = 0
            self._news.append(result)

    def _show_news(self) -> None:
        """Show the first, by precedence, of the outcomes of this look, unless another card's outcome stands."""
        if self._news:
            first = _first_of(self._news)
            self._news.clear()
            if not any(visit.outranks(first) for visit in self._visits.values()):
                self._show_outcome(first)


class _Visit:
    """The stay of one card on the reader."""

    def __init__(self) -> None:
        self.looks_missed = 0
        self.is_over = False
        self.is_in_slot = False
        self.is_bad = False
        self.result = None
        self.outcome_told = None
        self.looks_since_told = 0

    def outranks(self, result: int) -> bool:
        """Return True if the outcome of this card keeps another card's `result` silent.

        It does while it is shown. A card that cannot be read stays silent for as long as another card lies on the
        reader, unless that is a key card, which stays for ever.
        """
        if self.outcome_told is None or PRECEDENCE.index(self.outcome_told) >= PRECEDENCE.index(result):
            return False
        return self.looks_since_told < _LOOKS_SHOWN or (result == outcome.UNREADABLE and not self.is_in_slot)


def _first_of(results: "Iterable[int | None]") -> int:
    """Return the outcome that takes precedence."""
    return [result for result in PRECEDENCE if result in results][0]
