"""Key cards: make, top up, repair and erase them, and refuse steps that would lose or create money.

A key card carries its money, and every meter of the site deducts from it. The station raises the loaded credit in its
record first, then on the card, so after a write that failed, the next one completes it. A card that shows less than the
station wrote or read there before is an older image of itself, and is not topped up.
"""

from boards.host.cards.desfire_chip import KIND as DESFIRE
from wattpurse.cards import key_card as pages
from wattpurse.cards import purse
from wattpurse.cards.iso14443 import CardError
from wattpurse.core.money import key_card
from wattpurse.core.money.key_card import CardContent
from wattpurse_tools.refusals import Refusal, Words, words_of
from wattpurse_tools.station.cards import KEY_CARD, CardRead, NotOnCard, StationCards, a_card_of, wipe
from wattpurse_tools.station.key_card_terms import KeyCardTerms
from wattpurse_tools.station.rows import Row
from wattpurse_tools.station.station import ERASED, Station
from wattpurse_tools.vault.key_cards import NO_MEMORY_CARDS

_NOT_TAKEN = ("spent", "voided")


class NotTakenBack(Refusal):
    """A card proves that the money of a sale was not taken off it now."""


class KeyCardRead:
    """A key card that was read: `read`, its `content` or None, the `place` of that copy, and its `row`.

    `unsold` has the micro-units on it that this station did not sell: another station did, or the card is forged.
    """

    def __init__(self, read: CardRead, content: CardContent | None, place: int, row: Row | None) -> None:
        self.read = read
        self.content = content
        self.place = place
        self.row = row
        self.unsold = 0 if row is None or content is None else max(0, content.loaded - row["loaded"])

    @property
    def missing(self) -> int:
        """The micro-units that were sold for this card and are not on it."""
        return 0 if self.row is None or self.content is None else self.row["loaded"] - self.content.loaded

    @property
    def flaw(self) -> str:
        """The fault of the card in words, or an empty text."""
        name, content, row = self.read.name, self.content, self.row
        if content is None:
            if row is not None and row["version"] == 0:
                return Words(
                    "card %(card)s is not written yet; write it with: wattpurse card repair %(card)s", card=name
                )
            return Words(
                "neither copy on card %(card)s can be read, so its balance is not known; wipe it with:"
                " wattpurse card erase %(card)s --forfeit, and make a new one",
                card=name,
            )
        if row is not None and (content.version < row["version"] or content.spent < row["spent"]):
            return Words(
                "card %(card)s shows version %(version)s and %(spent)s micro-units spent, but was seen with version"
                " %(seen_version)s and %(seen_spent)s: an older image of it was written back, or it is a copy; look for"
                " the other one",
                card=name,
                version=content.version,
                spent=content.spent,
                seen_version=row["version"],
                seen_spent=row["spent"],
            )
        if row is not None and content.version == row["version"] and content.spent != row["spent"]:
            return Words(
                "card %(card)s was copied: two of them have been used since version %(version)s",
                card=name,
                version=content.version - 1,
            )
        return ""


class KeyCardVending:
    """The work on key cards with the station's record and its `cards`."""

    def __init__(self, station: Station, cards: StationCards) -> None:
        self._keys = station.keys
        self._station = station
        self._cards = cards
        self._record = station.key_cards

    def new_card(self, name: str, kind: str, terms: KeyCardTerms, user: int) -> None:
        """Make a key card without money. Raise ValueError if the card is in use."""
        self._station.require("cards")
        if (terms.price, terms.allowance_mwh) != (key_card.BY_TARIFF, 0):
            self._station.require("order")
        if kind == DESFIRE:
            return self._new_desfire_card(name, terms, user)
        if kind not in pages.KINDS:
            kinds = ", ".join((*pages.KINDS, DESFIRE))
            raise ValueError(f"a {kind} card has no room for a key card's content; use one of {kinds}")
        if self._keys.memory_card_microunits == 0:
            raise ValueError(f"{NO_MEMORY_CARDS}; make one with: wattpurse card new {name} --kind {DESFIRE} --key-card")
        self._cards.new_card(name, kind, self._site_version(), purse.KEY_CARD, 0, lambda card: b"")
        read = self._cards.read(name)
        self._begin_anew(read.card.uid, terms, user)
        self._put(KeyCardRead(read, None, 0, self._record.of(read.card.uid)))

    def _new_desfire_card(self, name: str, terms: KeyCardTerms, user: int) -> None:
        def make(uid: bytes) -> tuple[str, bytes]:
            row = self._record.of(uid)
            if row is None or row["version"] > 0:  # at 0 it was begun and is not on the card yet
                row = self._begin_anew(uid, terms, user)
            allowance = (row["allowance_mwh"], row["period"], 0, 0)
            content = CardContent(row["version"] + 1, row["loaded"], row["spent"], row["price"], allowance, row["user"])
            return self._keys.make_desfire(self._station.ticket, uid, self._site_version(), content)

        self._cards.new_desfire_card(name, make)
        self.look(self._cards.read(name))

    def _begin_anew(self, uid: bytes, terms: KeyCardTerms, user: int) -> Row:
        """Add a card without money to the record, or begin it anew above its old numbers. Return its row."""
        content = CardContent(1, 0, 0, terms.price, (terms.allowance_mwh, terms.period, 0, 0), user)
        if self._record.of(uid) is None:
            self._record.add(uid, content)
        else:
            self._record.renew(uid, content)
        row = self._record.of(uid)
        if row is None:
            raise ValueError(f"card {uid.hex()} is not in this station's record")
        return row

    def look(self, read: CardRead) -> KeyCardRead:
        """Return the content of a card and record it. Raise ValueError if it is no key card."""
        if read.role != KEY_CARD:
            raise Refusal("card %(card)s is %(role)s, not a key card", card=read.name, role=a_card_of(read.role))
        place, content = self._open(read)
        found = KeyCardRead(read, content, place, self._record.of(read.card.uid))
        if content is not None and not found.flaw:
            if found.row is None:
                self._record.add(read.card.uid, content)
            self._record.note(read.card.uid, content)
            found.row = self._record.of(read.card.uid)
        return found

    def change_terms(self, found: KeyCardRead, terms: KeyCardTerms) -> None:
        """Change the price and the allowance. Raise ValueError, with no change, if the card has a fault.

        Raise OSError if the change is in the record and not on the card; `repair` writes it.
        """
        self._station.require("order")
        self._sound_row(found)
        self._record.set_terms(found.read.card.uid, terms)
        self.deliver(found, "noted")

    def repair(self, found: KeyCardRead) -> int:
        """Write the content in the record to the card. Return the micro-units that were missing on it.

        Raise ValueError if the card's own content is not known.
        """
        if found.content is None and found.row is not None and found.row["version"] == 0:
            missing = found.row["loaded"]
        else:
            self._sound_row(found)
            missing = found.missing
        self._put(found)
        return missing

    def erase(self, found: KeyCardRead, forfeit: bool) -> int:
        """Wipe the card. Return the micro-units that were on it, or 0 if its balance is not known.

        Without `forfeit`, raise ValueError if the card has money, or if its balance is not known.
        """
        name, balance = found.read.name, 0 if found.content is None else found.content.balance
        if (balance > 0 or found.flaw) and not forfeit:
            fault = found.flaw or f"card {name} has {balance} micro-units on it"
            raise ValueError(f"{fault}; forfeit it with: wattpurse card erase {name} --forfeit")
        if _is_desfire(found.read):
            uid = found.read.card.uid
            begin = lambda: self._keys.erase_desfire(self._station.ticket, uid)  # noqa: E731
            self._cards.converse(found.read, begin, is_change=True)
        else:
            self._cards.write(found.read, wipe)
        if found.content is None:
            self._record.note_unknown(found.read.card.uid)
        self._station.note_card(found.read.card.uid, state=ERASED)
        return max(0, balance)

    def take_back(self, found: KeyCardRead, mark: bytes, amount: int, is_first: bool) -> None:
        """Take the amount of a sale off a DESFire card, once for each `mark`.

        Raise NotTakenBack if the card proves that it was not taken. After an OSError nobody knows.
        """
        self._sound_row(found)
        uid = found.read.card.uid
        begin = lambda: self._keys.void_desfire(self._station.ticket, uid, mark, amount, is_first)  # noqa: E731
        try:
            content = self._cards.converse(found.read, begin, is_change=True)
        except OSError as error:
            cause = error.__cause__
            if isinstance(cause, CardError) and cause.reason in _NOT_TAKEN:
                raise NotTakenBack(words_of(error)) from error
            raise
        if content is not None:
            self._record.note(uid, content)

    def deliver(self, found: KeyCardRead, done: str) -> None:
        """Write the content in the record to the card. The error says that the step `done` is in the record."""
        found.row = self._record.of(found.read.card.uid)
        try:
            self._put(found)
        except OSError as error:
            name = found.read.name
            raise NotOnCard(
                f"{done}, and not on the card: {error}; write it there with: wattpurse card repair {name}"
            ) from error

    def _put(self, found: KeyCardRead) -> None:
        """Write the record's content over the older or damaged copy. The numbers that meters count are kept."""
        row, old = found.row, found.content
        if row is None:
            raise ValueError(f"card {found.read.name} is not in this station's record")
        version, spent, number, used_mwh = row["version"], row["spent"], 0, 0
        if old is not None:
            version, spent = old.version, old.spent
            if old.period == row["period"]:
                number, used_mwh = old.period_number, old.used_mwh
        allowance = (row["allowance_mwh"], row["period"], number, used_mwh)
        content = CardContent(version + 1, row["loaded"], spent, row["price"], allowance, row["user"])
        if _is_desfire(found.read):
            return self._load_desfire(found, content)
        sealed = self._keys.seal_key_card(self._station.ticket, found.read.card.uid, self._site_version(), content)
        place = 1 - found.place
        self._cards.write(found.read, lambda memory: pages.write_sealed(memory, place, sealed))
        self._record.note(found.read.card.uid, content)

    def _load_desfire(self, found: KeyCardRead, content: CardContent) -> None:
        """Load a card up to the record's content. Its version and the money spent are the card's own."""
        uid = found.read.card.uid
        written = self._cards.converse(
            found.read, lambda: self._keys.load_desfire(self._station.ticket, uid, content), is_change=True
        )
        if written is not None:
            self._record.note(uid, written)

    def _sound_row(self, found: KeyCardRead) -> Row:
        """Return the row of a card. Raise ValueError if the card has a fault."""
        if found.flaw:
            raise Refusal(found.flaw)
        if found.row is None:
            raise Refusal("card %(card)s is not in this station's record", card=found.read.name)
        return found.row

    def _site_version(self) -> int:
        """Return the key version that all meters have: any of them may be the next to read the card."""
        return self._station.key_history.common_site_version()

    def _open(self, read: CardRead) -> tuple[int, CardContent | None]:
        """Return `(place, content)` of the newest authentic record on the card, or `(0, None)`."""
        if _is_desfire(read):
            uid = read.card.uid
            return 0, self._cards.converse(read, lambda: self._keys.read_desfire(uid), is_change=False)
        for _, place, data in self._cards.look(read, pages.read_copies):
            content = self._keys.open_key_card(read.card.uid, bytes(data))
            if content is not None:
                return place, content
        return 0, None


def _is_desfire(read: CardRead) -> bool:
    return read.card.kind == DESFIRE
