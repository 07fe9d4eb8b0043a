"""What the vending station does with key cards, and what it refuses because money would be lost or made.

A key card carries its money with it, and every meter of the site deducts from it. The station counts up what is loaded:
in its record first, then on the card, so that a writing that failed is made good by the next. A card that shows less
than the station wrote or saw there before is an older image of itself, and nothing is put on it.
"""

import time

from boards.host.chips.aes import aes
from wattpurse.cards import key_card as cards
from wattpurse.cards import purse
from wattpurse.core.money import key_card
from wattpurse.core.money.key_card import CardContent
from wattpurse.core.seals import keys
from wattpurse_tools.station.cards import KEY_CARD, a_card_of, read_all


class KeyCardRead:
    """A key card that was read: `read` (card_desk.CardRead), its `content` or None, `place` of that, and its `row`."""

    def __init__(self, read, content, place, row) -> None:
        self.read = read
        self.content = content
        self.place = place
        self.row = row

    @property
    def missing(self) -> int:
        """Micro-units that were sold for this card and are not on it."""
        return 0 if self.row is None or self.content is None else self.row["loaded"] - self.content.loaded

    @property
    def flaw(self) -> str:
        """What is wrong with the card, in words; empty where nothing is."""
        name, content, row = self.read.name, self.content, self.row
        if content is None:
            if row is not None and row["version"] == 0:
                return f"nothing is on card {name} yet; put it there with: wattpurse card repair {name}"
            return (
                f"neither copy of what card {name} says can be read, so its balance is not known; wipe it with:"
                f" wattpurse card erase {name} --forfeit, and make it anew"
            )
        if row is not None and (content.version < row["version"] or content.spent < row["spent"]):
            return (
                f"card {name} shows version {content.version} and {content.spent} micro-units spent, but was seen with"
                f" version {row['version']} and {row['spent']}: an older image of it was written back, or it is a copy;"
                " look for the other one"
            )
        if row is not None and content.version == row["version"] and content.spent != row["spent"]:
            return f"card {name} was copied: two of them have lived on from version {content.version - 1}"
        return ""


class KeyCardDesk:
    """Works on key cards with the station's record and its `desk` (cards.StationCards)."""

    def __init__(self, site_keys, station, desk) -> None:
        self._keys = site_keys
        self._station = station
        self._desk = desk
        self._record = station.key_cards

    def new_card(self, name: str, kind: str, price: int, allowance_mwh: int, period: int, user: int) -> None:
        """Make a key card without money on it. Raises ValueError rather than overwrite a card in use."""
        if kind not in cards.KINDS:
            raise ValueError(f"a {kind} card has no room for what a key card says; use one of {', '.join(cards.KINDS)}")
        self._desk.new_card(name, kind, self._site_version(), purse.KEY_CARD, 0, lambda card: b"")
        read = self._desk.read(name)
        self._record.add(read.card.uid, CardContent(1, 0, 0, price, (allowance_mwh, period, 0, 0), user))
        self._put(KeyCardRead(read, None, 0, self._record.of(read.card.uid)))

    def look(self, read) -> KeyCardRead:
        """What is on a card that was read; what it proves is noted. Raises ValueError if it is no key card, OSError."""
        if read.role != KEY_CARD:
            raise ValueError(f"card {read.name} is {a_card_of(read.role)}, not a key card")
        pairs = self._pairs(read.card.uid)
        place, content = self._desk.look(read, lambda memory: cards.read(memory, aes, pairs))
        found = KeyCardRead(read, content, place, self._record.of(read.card.uid))
        if content is not None and not found.flaw:
            if found.row is None:
                self._record.add(read.card.uid, content)
            self._record.note(read.card.uid, content)
            found.row = self._record.of(read.card.uid)
        return found

    def top_up(self, found: KeyCardRead, amount: int) -> None:
        """Put `amount` micro-units on the card. Raises ValueError, with nothing changed, for a refusal.

        An OSError means that it is in the record and not on the card; `repair` puts it there.
        """
        self._refuse_flaw(found)
        self._station.refuse_without_operator()
        if found.row["loaded"] + amount > key_card.AMOUNT_LIMIT:
            raise ValueError(f"card {found.read.name} cannot hold that much")
        self._record.load(found.read.card.uid, amount, int(time.time()), self._station.operator)
        self._deliver(found, "sold")

    def change_terms(self, found: KeyCardRead, price: int, allowance_mwh: int, period: int) -> None:
        """Give the card another price and allowance. Raises as `top_up` does."""
        self._refuse_flaw(found)
        self._station.refuse_without_operator()
        self._record.set_terms(found.read.card.uid, price, allowance_mwh, period)
        self._deliver(found, "noted")

    def repair(self, found: KeyCardRead) -> int:
        """Write what belongs on the card; the micro-units that were missing. ValueError where that is not known."""
        is_new = found.content is None and found.row is not None and found.row["version"] == 0
        if not is_new:
            self._refuse_flaw(found)
        missing = found.row["loaded"] if is_new else found.missing
        self._put(found)
        return missing

    def erase(self, found: KeyCardRead, forfeit: bool) -> int:
        """Wipe the card; the micro-units that were on it, as far as that is known.

        Raises ValueError where something is on it, or may be, and is not to be forfeited.
        """
        name, balance = found.read.name, 0 if found.content is None else found.content.balance
        if (balance > 0 or found.flaw) and not forfeit:
            what = found.flaw or f"card {name} has {balance} micro-units on it"
            raise ValueError(f"{what}; give them up with: wattpurse card erase {name} --forfeit")
        self._desk.write(found.read, _wipe)
        self._record.remove(found.read.card.uid)
        self._station.remove_card(found.read.card.uid)
        return max(0, balance)

    def _deliver(self, found, done) -> None:
        found.row = self._record.of(found.read.card.uid)
        try:
            self._put(found)
        except OSError as error:
            name = found.read.name
            raise OSError(
                f"{done}, and not on the card: {error}; put it there with: wattpurse card repair {name}"
            ) from error

    def _put(self, found) -> None:
        """Write what the record says, over the older or broken copy; the card's own numbers stay."""
        row, old = found.row, found.content
        version, spent, number, used_mwh = 0, 0, 0, 0
        if old is not None:
            version, spent = old.version, old.spent
            if old.period == row["period"]:
                number, used_mwh = old.period_number, old.used_mwh
        allowance = (row["allowance_mwh"], row["period"], number, used_mwh)
        content = CardContent(version + 1, row["loaded"], spent, row["price"], allowance, row["user"])
        site_key = self._keys.version(self._site_version()).site_key
        pair = keys.key_card_keys(aes, site_key, found.read.card.uid)
        place = 1 - found.place
        self._desk.write(found.read, lambda memory: cards.write(memory, aes, pair, place, content))
        self._record.note(found.read.card.uid, content)

    def _refuse_flaw(self, found) -> None:
        if found.flaw:
            raise ValueError(found.flaw)

    def _site_version(self):
        """What all meters of the site have: any of them may be the next to see the card."""
        return self._station.key_history.common_site_version()

    def _pairs(self, uid):
        return [keys.key_card_keys(aes, key_set.site_key, uid) for key_set in self._keys.newest_first]


async def _wipe(memory) -> None:
    await memory.write(0, bytes(memory.capacity))
    if any(await read_all(memory)):
        raise OSError("the card does not keep what is written")
